//! Values that are computed once although the text names them several times: volatile arguments of functions that
//! are put in place, and of expressions that SQLite has to be told in pieces.

use super::bound::{Bound, Carried, Form, quote};
use super::errors::Located;
use super::query::{Core, Naming, Query, QueryColumn, Target};
use super::scope::{Binder, Clause};
use super::steps::Lowered;
use crate::catalog::Function;
use mainstay_base::{Problem, Result};
use mainstay_types::{Type, Volatility};

/// What holds the values: an item of FROM with one row.
#[derive(Debug)]
pub(super) struct Fence(String);

/// The arguments of a call.
pub(super) type Named = Vec<(String, Bound)>;

impl Fence {
    /// The value of an expression over the fence's columns.
    pub fn around(&self, bound: Bound) -> Bound {
        let form = match &bound.form {
            // What has no name for its fields elsewhere keeps them: each is a value of its own.
            Form::Row { fields, present: None } if bound.ty.ty == Type::Record => {
                let fields = fields.iter().map(|(name, field)| (name.clone(), self.around(field.clone())));
                Form::Row { fields: fields.collect(), present: None }
            }
            _ => Form::Plain,
        };
        let sql = format!("({})", self.around_text(&bound.sql));
        Bound { sql, atom: true, form, collation: Carried::Nothing, ..bound }
    }

    /// The same of a text.
    pub fn around_text(&self, text: &str) -> String {
        format!("SELECT ({text}) FROM {}", self.0)
    }
}

fn is_volatile(bound: &Bound) -> bool {
    bound.volatility == Volatility::Volatile
}

impl Binder<'_> {
    /// The arguments of a call that is put in place, volatile ones as columns of a fence that the call is put into.
    pub fn computed_once(
        &mut self,
        function: &Function,
        arguments: Vec<(String, Bound)>,
        at: Option<usize>,
    ) -> Result<(Named, Option<Fence>)> {
        if !arguments.iter().any(|(_, value)| is_volatile(value)) {
            return Ok((arguments, None));
        }
        if self.in_schema_text() {
            let what = format!("a volatile argument of function {} in this place", function.name);
            return Err(Problem::needs_postgres(what).placed(at));
        }
        let (names, values): (Vec<String>, Vec<Bound>) = arguments.into_iter().unzip();
        let (values, fence) = self.fence(values, at)?;
        Ok((names.into_iter().zip(values).collect(), fence))
    }

    /// Puts volatile values into a fence. The others stay as they are.
    pub fn fence(&mut self, values: Vec<Bound>, at: Option<usize>) -> Result<(Vec<Bound>, Option<Fence>)> {
        if !values.iter().any(is_volatile) {
            return Ok((values, None));
        }
        // An aggregate within the subquery would be the subquery's.
        if values.iter().any(|value| value.aggregate || value.window) {
            return Err(
                Problem::needs_postgres("a volatile value beside an aggregate in one call").placed(at)
            );
        }
        let emit = quote(&format!("once_{}", self.take_id()));
        let mut items: Vec<String> = Vec::new();
        let mut out = Vec::with_capacity(values.len());
        for value in values {
            out.push(if is_volatile(&value) { self.held(value, &emit, &mut items) } else { value });
        }
        items.extend(self.of_this_row());
        // OFFSET, so that SQLite does not put the expressions back in place of the columns.
        let text = format!("(SELECT {} LIMIT 1 OFFSET 0) AS {emit}", items.join(", "));
        Ok((out, Some(Fence(text))))
    }

    /// The value as a column of the fence; a row as one column for each field.
    fn held(&mut self, value: Bound, emit: &str, items: &mut Vec<String>) -> Bound {
        if let Form::Row { fields, present: None } = &value.form {
            let fields: Vec<(String, Bound)> = fields
                .iter()
                .map(|(name, field)| (name.clone(), self.held(field.clone(), emit, items)))
                .collect();
            return self.row_of(fields, None, value.ty.ty.clone()).at(value.place);
        }
        let name = quote(&format!("v{}", items.len()));
        items.push(format!("{} AS {name}", value.sql));
        Bound {
            sql: format!("{emit}.{name}"),
            atom: true,
            form: Form::Plain,
            collation: Carried::Nothing,
            ..value
        }
    }

    /// A column of the row at hand, so that SQLite computes the subquery again for the next row.
    fn of_this_row(&mut self) -> Option<String> {
        let scope = self.scope();
        if scope.clause == Clause::From {
            return None;
        }
        let column = scope.sources.iter().find_map(|source| source.columns.first())?;
        Some(format!("{} AS \"row\"", column.sql))
    }

    /// For a function whose statements are steps: a step computes volatile arguments, the others read what it left.
    pub fn computed_by_step(&mut self, arguments: Vec<(String, Bound)>) -> Vec<(String, Bound)> {
        let volatile: Vec<Target> = arguments
            .iter()
            .filter(|(_, value)| is_volatile(value))
            .map(|(name, value)| Target { name: name.clone(), bound: value.clone() })
            .collect();
        if volatile.is_empty() {
            return arguments;
        }
        self.writes = true;
        let core = Core::Select { distinct: false, targets: volatile, tail: String::new(), has_where: true };
        let query = Query::new(core);
        let columns: Vec<QueryColumn> = query.columns();
        let (scratch, sources) = self.scratch("arguments", &columns);
        let table = format!("temp.{}", quote(&scratch.table));
        let lowered = Lowered::reading(query.render(Naming::None), columns);
        self.steps.push(lowered.step(Some(scratch), false));
        let mut sources = sources.into_iter();
        arguments
            .into_iter()
            .map(|(name, value)| {
                if !is_volatile(&value) {
                    return (name, value);
                }
                let column = sources.next().map(|source| source.sql).unwrap_or_default();
                let sql = format!("(SELECT {column} FROM {table})");
                (name, Bound { place: value.place, ..Bound::plain(sql, value.ty) })
            })
            .collect()
    }
}
