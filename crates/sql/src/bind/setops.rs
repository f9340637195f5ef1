//! UNION, INTERSECT and EXCEPT, and queries named by WITH.

use super::bound::{Bound, Carried, quote};
use super::coerce::Coercion;
use super::errors::{Located, place, syntax};
use super::from::unique_names;
use super::ordering::ordinal_order_text;
use super::query::{Core, Naming, Query, Target};
use super::scope::{Binder, Clause, Cte, SourceColumn};
use super::types::{common_column_type, strings};
use mainstay_base::{Problem, Result};
use mainstay_types::ColumnType;
use pg_query::NodeEnum;
use pg_query::protobuf::{CommonTableExpr, CteMaterialize, SelectStmt, SetOperation, WithClause};

impl Binder<'_> {
    pub fn set_operation(&mut self, select: &SelectStmt) -> Result<Query> {
        let mut query = self.compound(select)?;
        let targets: Vec<Target> = query
            .columns()
            .into_iter()
            .map(|column| {
                let mut bound = Bound::plain(quote(&column.name), column.ty);
                bound.nullable = column.nullable;
                bound.collation = column.collation;
                Target { name: column.name, bound }
            })
            .collect();
        let keys = self.compound_order(select, &targets)?;
        if !keys.is_empty() || select.limit_count.is_some() || select.limit_offset.is_some() {
            query.settle(self)?;
        }
        query.order = ordinal_order_text(&keys)?;
        self.limit(&mut query, select)?;
        Ok(query)
    }

    fn compound_order(
        &mut self,
        select: &SelectStmt,
        targets: &[Target],
    ) -> Result<Vec<super::ordering::OrderKey>> {
        self.within(Clause::OrderBy, |binder| binder.order_by(&select.sort_clause, targets))
    }

    /// The operation itself, without ORDER BY and LIMIT.
    fn compound(&mut self, select: &SelectStmt) -> Result<Query> {
        let word = match select.op() {
            SetOperation::SetopIntersect => "INTERSECT",
            SetOperation::SetopExcept => "EXCEPT",
            _ => "UNION",
        };
        let (Some(left), Some(right)) = (select.larg.as_deref(), select.rarg.as_deref()) else {
            return Err(Problem::internal("a set operation without its sides"));
        };
        let left = self.member(left)?;
        let right = self.member(right)?;
        self.combine(left, right, word, select.all)
    }

    /// A side of a set operation: nested ones without clauses of their own share the scope.
    fn member(&mut self, select: &SelectStmt) -> Result<Query> {
        let plain = select.with_clause.is_none()
            && select.sort_clause.is_empty()
            && select.limit_count.is_none()
            && select.limit_offset.is_none();
        let is_set = select.op() != SetOperation::SetopNone && select.op() != SetOperation::Undefined;
        if plain && is_set { self.compound(select) } else { self.subquery(select) }
    }

    pub fn combine(&mut self, mut left: Query, mut right: Query, word: &str, all: bool) -> Result<Query> {
        let (lefts, rights) = (left.columns(), right.columns());
        if lefts.len() != rights.len() {
            return Err(syntax(format!("each {word} query must have the same number of columns")));
        }
        let mut types = Vec::with_capacity(lefts.len());
        for (l, r) in lefts.iter().zip(&rights) {
            let (l, r) = (Bound::plain("", l.ty.clone()), Bound::plain("", r.ty.clone()));
            // Columns that are untyped on both sides stay so until their place gives them a type.
            types.push(common_column_type(self, word, &[&l, &r])?);
        }
        left.coerce_columns(self, &types, Coercion::Implicit)?;
        right.coerce_columns(self, &types, Coercion::Implicit)?;
        if !(word == "UNION" && all) {
            for column in left.columns() {
                super::grouping::has_equality(self, &Bound::plain("", column.ty))?;
            }
        }
        let operator = match (word, all) {
            ("UNION", true) => "UNION ALL",
            ("UNION", false) => "UNION",
            ("INTERSECT", false) => "INTERSECT",
            ("EXCEPT", false) => "EXCEPT",
            (word, true) => {
                return self.counted(left, right, if word == "EXCEPT" { "EXCEPT" } else { "INTERSECT" });
            }
            _ => return Err(Problem::internal("an unknown set operation")),
        };
        Ok(compound_of(left, operator, right))
    }

    /// `INTERSECT ALL` and `EXCEPT ALL`: equal rows are numbered, so that the plain operation counts them.
    fn counted(&mut self, left: Query, right: Query, operator: &'static str) -> Result<Query> {
        let number = |query: &Query| -> String {
            let columns = query.columns();
            let wanted: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
            let names = query.names(&wanted);
            let list: Vec<String> = columns
                .iter()
                .zip(&names)
                .map(|(column, name)| {
                    let mut bound = Bound::plain(quote(name), column.ty.clone());
                    bound.collation = column.collation.clone();
                    bound.collated()
                })
                .collect();
            let named: Vec<String> =
                list.iter().zip(&wanted).map(|(text, name)| format!("{text} AS {}", quote(name))).collect();
            format!(
                "SELECT {}, row_number() OVER (PARTITION BY {}) AS \"n\" FROM ({})",
                named.join(", "),
                list.join(", "),
                query.render(Naming::Columns(&wanted))
            )
        };
        let mut columns = left.columns();
        for column in &mut columns {
            column.origin = None;
            column.collation =
                Carried::Column(column.ty.ty.storage().collation.map(|name| name.into_owned()));
        }
        let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        let list: Vec<String> = names.iter().map(|name| quote(name)).collect();
        let sql =
            format!("SELECT {} FROM ({} {operator} {})", list.join(", "), number(&left), number(&right));
        let mut query = Query::new(Core::Wrapped { sql, columns, names });
        query.uses = left.uses.into_iter().chain(right.uses).collect();
        Ok(query)
    }

    /// `WITH …`: each query becomes known to those after it.
    pub fn with_clause(&mut self, with: &WithClause) -> Result<String> {
        self.with_texts(Some(with), Vec::new(), false)
    }

    /// The WITH of a statement that changes data: as a CTE it also knows the plain ones before it.
    pub fn changing_with(&mut self, with: Option<&WithClause>) -> Result<String> {
        let (texts, recursive) = std::mem::take(&mut self.outer_ctes);
        self.with_texts(with, texts, recursive)
    }

    fn with_texts(
        &mut self,
        with: Option<&WithClause>,
        mut texts: Vec<String>,
        mut recursive: bool,
    ) -> Result<String> {
        if let (Some(with), 1) = (with, self.scopes.len()) {
            self.announce_changes(with);
        }
        let ctes = with.map(|with| with.ctes.as_slice()).unwrap_or_default();
        let is_recursive = with.is_some_and(|with| with.recursive);
        let mut seen: Vec<&str> = Vec::new();
        for node in ctes {
            let Some(NodeEnum::CommonTableExpr(cte)) = &node.node else { continue };
            if seen.contains(&cte.ctename.as_str()) {
                return Err(Problem::new(
                    "42712",
                    format!("WITH query name \"{}\" specified more than once", cte.ctename),
                )
                .placed(place(cte.location)));
            }
            seen.push(&cte.ctename);
            if cte.search_clause.is_some() || cte.cycle_clause.is_some() {
                return Err(
                    Problem::needs_postgres("SEARCH and CYCLE of WITH RECURSIVE").placed(place(cte.location))
                );
            }
            let Some(query) = cte.ctequery.as_deref().and_then(|node| node.node.as_ref()) else { continue };
            match query {
                NodeEnum::SelectStmt(select) if is_recursive && refers_to(select, &cte.ctename) => {
                    recursive = true;
                    texts.push(self.recursive_cte(cte, select)?);
                }
                NodeEnum::SelectStmt(select) => texts.push(self.plain_cte(cte, select)?),
                statement => {
                    self.outer_ctes = (texts.clone(), recursive);
                    self.modifying_cte(cte, statement)?;
                }
            }
        }
        if texts.is_empty() {
            return Ok(String::new());
        }
        Ok(format!("WITH {}{} ", if recursive { "RECURSIVE " } else { "" }, texts.join(", ")))
    }

    /// A name for a CTE in the SQLite text: no table has it, so that inlined views still find their tables.
    pub fn cte_emit_name(&mut self, name: &str) -> String {
        let taken = |binder: &Self, name: &str| {
            binder.cte_names.iter().any(|other| other.eq_ignore_ascii_case(name))
                || binder.catalog.relations.keys().any(|other| other.to_string().eq_ignore_ascii_case(name))
        };
        let mut emit = name.to_owned();
        let mut number = 1;
        while taken(self, &emit) {
            emit = format!("{name}_{number}");
            number += 1;
        }
        self.cte_names.insert(emit.clone());
        emit
    }

    fn plain_cte(&mut self, cte: &CommonTableExpr, select: &SelectStmt) -> Result<String> {
        let guards = self.access.barrier.guards;
        let mut query = self.subquery(select)?;
        query.settle(self)?;
        // Conditions around it are not asked of rows that policies hide.
        let guarded = self.access.barrier.guards > guards;
        rename_by(&mut query, cte)?;
        let emit = self.cte_emit_name(&cte.ctename);
        let (names, columns) = cte_columns(&query);
        let volatile = query.volatility == mainstay_types::Volatility::Volatile;
        let materialized = match cte.ctematerialized() {
            CteMaterialize::Always => "MATERIALIZED ",
            _ if guarded => "MATERIALIZED ",
            CteMaterialize::Never => "NOT MATERIALIZED ",
            _ if volatile => "MATERIALIZED ",
            _ => "",
        };
        let list: Vec<String> = names.iter().map(|name| quote(name)).collect();
        let text = format!(
            "{}({}) AS {materialized}({})",
            quote(&emit),
            list.join(", "),
            query.render(Naming::None)
        );
        self.declare_cte(
            Cte { name: cte.ctename.clone(), emit, columns, scratch: false, returns_nothing: false },
            &query,
        );
        Ok(text)
    }

    fn declare_cte(&mut self, cte: Cte, query: &Query) {
        let id = self.scope().id;
        let outer: Vec<_> = query.uses.iter().filter(|used| used.scope != id).cloned().collect();
        let scope = self.scope();
        scope.from_uses.extend(outer);
        scope.ctes.push(cte);
    }

    fn recursive_cte(&mut self, cte: &CommonTableExpr, select: &SelectStmt) -> Result<String> {
        let at = place(cte.location);
        let name = &cte.ctename;
        let plain =
            select.sort_clause.is_empty() && select.limit_count.is_none() && select.limit_offset.is_none();
        let (Some(left), Some(right), SetOperation::SetopUnion, true) =
            (select.larg.as_deref(), select.rarg.as_deref(), select.op(), plain)
        else {
            return Err(Problem::new(
                "42P19",
                format!("recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] recursive-term"),
            )
            .placed(at));
        };
        let mut first = self.subquery(left)?;
        first.settle(self)?;
        rename_by(&mut first, cte)?;
        let emit = self.cte_emit_name(name);
        let (names, mut columns) = cte_columns(&first);
        for column in &mut columns {
            column.nullable = true;
            column.origin = None;
        }
        self.declare_cte(
            Cte {
                name: name.clone(),
                emit: emit.clone(),
                columns: columns.clone(),
                scratch: false,
                returns_nothing: false,
            },
            &first,
        );
        let mut second = self.subquery(right)?;
        let types: Vec<ColumnType> = first.columns().into_iter().map(|column| column.ty).collect();
        if second.columns().len() != types.len() {
            return Err(syntax("each UNION query must have the same number of columns").placed(at));
        }
        for (index, (column, ty)) in second.columns().iter().zip(&types).enumerate() {
            let overall = common_column_type(
                self,
                "UNION",
                &[&Bound::plain("", ty.clone()), &Bound::plain("", column.ty.clone())],
            )?;
            if overall.ty != ty.ty {
                return Err(super::errors::mismatch(format!(
                    "recursive query \"{name}\" column {} has type {} in non-recursive term but type {} overall",
                    index + 1,
                    self.type_name(&ty.ty),
                    self.type_name(&overall.ty)
                ))
                .with_hint("Cast the output of the non-recursive term to the correct type.")
                .placed(at));
            }
        }
        second.coerce_columns(self, &types, Coercion::Implicit)?;
        let operator = if select.all { "UNION ALL" } else { "UNION" };
        let query = compound_of(first, operator, second);
        let list: Vec<String> = names.iter().map(|name| quote(name)).collect();
        Ok(format!("{}({}) AS ({})", quote(&emit), list.join(", "), query.render(Naming::None)))
    }
}

/// The columns of a CTE as its readers see them; the text is the name alone, the reader puts its alias before it.
pub(super) fn cte_columns(query: &Query) -> (Vec<String>, Vec<SourceColumn>) {
    let columns = query.columns();
    let names = unique_names(columns.iter().map(|column| column.name.as_str()));
    let out = columns
        .into_iter()
        .zip(&names)
        .map(|(column, name)| {
            let mut out = SourceColumn::new(column.name, column.ty, quote(name));
            out.nullable = column.nullable;
            out.collation = column.collation;
            out.origin = column.origin;
            out.domain = column.domain;
            out
        })
        .collect();
    (names, out)
}

fn rename_by(query: &mut Query, cte: &CommonTableExpr) -> Result<()> {
    let names: Vec<String> = strings(&cte.aliascolnames).into_iter().map(str::to_owned).collect();
    let count = query.columns().len();
    if names.len() > count {
        return Err(Problem::new(
            "42P10",
            format!(
                "WITH query \"{}\" has {count} columns available but {} columns specified",
                cte.ctename,
                names.len()
            ),
        )
        .placed(place(cte.location)));
    }
    if matches!(query.core, Core::Values { .. }) && !names.is_empty() {
        let mut columns = query.columns();
        for (column, name) in columns.iter_mut().zip(&names) {
            column.name.clone_from(name);
        }
        let inner: Vec<String> = (1..=count).map(|index| format!("column{index}")).collect();
        let sql = query.render(Naming::None);
        let uses = std::mem::take(&mut query.uses);
        *query = Query::new(Core::Wrapped { sql, columns, names: inner });
        query.uses = uses;
        return Ok(());
    }
    query.rename(&names)
}

fn compound_of(left: Query, operator: &'static str, right: Query) -> Query {
    let uses = left.uses.iter().chain(&right.uses).cloned().collect();
    let volatility = super::bound::weaker(left.volatility, right.volatility);
    let mut query = Query::new(Core::Compound { left: Box::new(left), operator, right: Box::new(right) });
    query.uses = uses;
    query.volatility = volatility;
    query
}

/// Whether a query reads a table of this name anywhere.
fn refers_to(select: &SelectStmt, name: &str) -> bool {
    let mut node = NodeEnum::SelectStmt(Box::new(select.clone()));
    let mut found = false;
    crate::parse::for_each_node(&mut node, &mut |visit| {
        if let crate::parse::Visit::Range(range) = visit {
            found |= range.schemaname.is_empty() && range.relname == name;
        }
    });
    found
}
