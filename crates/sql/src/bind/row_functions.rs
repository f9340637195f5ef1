//! Set-returning functions of a select list: they see the rows that grouping has made, so in a grouped query they
//! stand in a query around it.

use super::bound::{Bound, quote};
use super::ordering::OrderKey;
use super::query::{Core, Naming, Query, Target};
use super::scope::{Binder, Scope};
use mainstay_base::{Problem, Result};

/// What the set-returning functions of a select list add to its query.
#[derive(Default)]
pub(super) struct RowFunctions {
    /// Items of FROM, with marks in place of the arguments.
    pub items: Vec<String>,
    /// The marks and the arguments that they stand for.
    arguments: Vec<(String, Bound)>,
    /// The name of the query around which they may stand.
    emit: String,
}

impl RowFunctions {
    pub fn arguments(&self) -> impl Iterator<Item = &Bound> {
        self.arguments.iter().map(|(_, bound)| bound)
    }

    /// The items over the query's own tables.
    pub fn in_place(self) -> Vec<String> {
        let filled = |item: String| {
            self.arguments.iter().fold(item, |item, (mark, bound)| item.replace(mark, &bound.operand()))
        };
        self.items.into_iter().map(filled).collect()
    }
}

impl Scope {
    /// Whether a number is that of a set-returning function's rows.
    pub fn is_row_function(&self, source: usize) -> bool {
        self.sources.get(source).is_some_and(|source| source.hidden && source.alias.is_empty())
    }
}

impl Binder<'_> {
    /// Arguments of a set-returning function of a select list, whose place is known when the query is.
    pub fn marked(&mut self, arguments: Vec<Bound>) -> Vec<Bound> {
        if self.scope().row_functions.emit.is_empty() {
            let emit = format!("grouped_{}", self.take_id());
            self.scope().row_functions.emit = emit;
        }
        let scope = self.scope();
        let id = scope.id;
        let mut out = Vec::with_capacity(arguments.len());
        for bound in arguments {
            if bound.is_constant() {
                out.push(bound);
                continue;
            }
            scope.from_uses.extend(bound.uses.iter().filter(|used| used.scope != id).cloned());
            let functions = &mut scope.row_functions;
            let mark = format!("{}.\"a{}\"", quote(&functions.emit), functions.arguments.len());
            let mut marked = Bound::plain(mark.clone(), bound.ty.clone());
            marked.nullable = bound.nullable;
            functions.arguments.push((mark, bound));
            out.push(marked);
        }
        out
    }

    /// Puts the functions around a grouped query.
    pub fn around_groups(
        &mut self,
        functions: RowFunctions,
        query: &mut Query,
        keys: &mut [OrderKey],
    ) -> Result<()> {
        let Core::Select { targets, tail, .. } = &mut query.core else { return Ok(()) };
        let scope = self.scope();
        let id = scope.id;
        let emit = quote(&functions.emit);
        let mut inner: Vec<Target> = functions
            .arguments
            .iter()
            .enumerate()
            .map(|(index, (_, bound))| Target { name: format!("a{index}"), bound: bound.clone() })
            .collect();
        let mut lift = |bound: &Bound, name: String| -> Result<Bound> {
            let own = || bound.uses.iter().filter(|used| used.scope == id);
            if own().any(|used| scope.is_row_function(used.source)) {
                if bound.aggregate || own().any(|used| !scope.is_row_function(used.source)) {
                    return Err(Problem::needs_postgres(
                        "a set-returning function in one expression with what is grouped",
                    ));
                }
                return Ok(bound.clone());
            }
            if bound.is_constant() {
                return Ok(bound.clone());
            }
            let mut outer =
                Bound::plain(format!("{emit}.{}", quote(&name)), bound.ty.clone()).at(bound.place);
            outer.nullable = bound.nullable;
            inner.push(Target { name, bound: bound.clone() });
            Ok(outer)
        };
        for (index, target) in targets.iter_mut().enumerate() {
            target.bound = lift(&target.bound, format!("t{index}"))?;
        }
        for (index, key) in keys.iter_mut().enumerate() {
            key.bound = match key.target.and_then(|target| targets.get(target)) {
                Some(target) => target.bound.clone(),
                None => lift(&key.bound, format!("k{index}"))?,
            };
        }
        let names: Vec<String> = inner.iter().map(|target| target.name.clone()).collect();
        let grouped = Query::new(Core::Select {
            distinct: false,
            targets: inner,
            tail: std::mem::take(tail),
            has_where: true,
        });
        *tail = format!(
            " FROM ({}) AS {emit}, {}",
            grouped.render(Naming::Columns(&names)),
            functions.items.join(", ")
        );
        Ok(())
    }
}
