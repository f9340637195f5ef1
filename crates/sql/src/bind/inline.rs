//! Calls of the user's SQL functions: the body, put into the statement that calls it.

use super::bound::{Bound, Form, quote, weaker};
use super::coerce::Coercion;
use super::errors::Located;
use super::function_body::{
    body_statements, is_anonymous_row, needs_steps, output_fields, single_out, spread_row,
};
use super::once::{Fence, Named};
use super::query::{Core, Naming, Query, QueryColumn, Target};
use super::scope::{Binder, Clause};
use crate::catalog::Function;
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Type, Volatility};
use pg_query::protobuf::Alias;

impl Binder<'_> {
    /// A call in an expression.
    pub fn inline_scalar(
        &mut self,
        function: &Function,
        arguments: Vec<(String, Bound)>,
        at: Option<usize>,
    ) -> Result<Bound> {
        if function.returns.set || (is_anonymous_row(self, function) && self.may_add_an_item()) {
            return self.set_in_select_list(function, arguments, at);
        }
        let (arguments, fence) = self.once_where_inlined(function, arguments, at)?;
        let values: Vec<Bound> = arguments.iter().map(|(_, value)| value.clone()).collect();
        let fields = output_fields(self, function);
        let query = self.body_query(function, arguments, at)?;
        if query.only_expression().is_none() && self.in_schema_text() {
            let what = format!(
                "function {} (a query) in a constraint, an index or a generated column",
                function.name
            );
            return Err(Problem::needs_postgres(what).placed(at));
        }
        let returns = function.returns.ty.clone();
        let mut bound = match (&fields, query.only_expression()) {
            (None, Some(expression)) => expression.clone(),
            (None, None) if returns.ty == Type::Void => void_of(&query),
            (None, None) => {
                let mut bound =
                    Bound::plain(format!("({})", first_row(&query, Naming::None)), returns.clone());
                query.lend(&mut bound);
                bound
            }
            (Some(fields), _) => self.composite_of(&query, fields, &returns.ty),
        };
        bound.place = at;
        bound.domain.clone_from(&function.returns.domain);
        if returns.ty == Type::Void {
            bound.ty = returns;
        }
        if function.strict {
            bound = strict(bound, &values);
        }
        if self.must_be_immutable() {
            bound.volatility = judged(function, bound.volatility, &values);
        }
        if let Some(fence) = fence {
            values.iter().for_each(|value| bound.absorb(value));
            return Ok(fence.around(bound));
        }
        // The same text may stand where precedence differs.
        bound.atom = bound.atom && !bound.sql.starts_with("CASE");
        Ok(bound)
    }

    /// The arguments of a call, volatile ones computed ahead of it where its body is put in place. Bodies that
    /// become steps see to that by themselves.
    fn once_where_inlined(
        &mut self,
        function: &Function,
        arguments: Vec<(String, Bound)>,
        at: Option<usize>,
    ) -> Result<(Named, Option<Fence>)> {
        self.must_be_sql(function, at)?;
        if needs_steps(&body_statements(function)?) {
            return Ok((arguments, None));
        }
        self.computed_once(function, arguments, at)
    }

    /// A query's only row as one value of a row type.
    fn composite_of(&mut self, query: &Query, fields: &[(String, ColumnType)], ty: &Type) -> Bound {
        if let Core::Select { distinct: false, targets, tail, .. } = &query.core
            && tail.is_empty()
            && query.with.is_empty()
            && query.limit.is_empty()
        {
            let parts = fields
                .iter()
                .zip(targets)
                .map(|((name, _), target)| (name.clone(), target.bound.clone()))
                .collect();
            return self.row_of(parts, None, ty.clone());
        }
        let emit = self.emit_name("result");
        let wanted: Vec<String> = (0..fields.len()).map(|index| format!("c{index}")).collect();
        let names = query.names(&wanted);
        let items: Vec<String> = fields
            .iter()
            .zip(&names)
            .map(|((_, ty), name)| {
                self.json_item(&Bound::plain(format!("{}.{}", quote(&emit), quote(name)), ty.clone()))
            })
            .collect();
        let sql = format!(
            "(SELECT json_array({}) FROM ({}) AS {} LIMIT 1)",
            items.join(", "),
            query.render(Naming::Columns(&wanted)),
            quote(&emit)
        );
        let mut bound = Bound::plain(sql, ty.clone());
        query.lend(&mut bound);
        bound
    }

    /// Whether rows of a function may become an item of FROM of the select around here.
    fn may_add_an_item(&mut self) -> bool {
        let scope = self.scope();
        scope.clause == Clause::Targets && scope.aggregate_depth == 0 && scope.row_functions.items.is_empty()
    }

    /// `SELECT f(x)` of a function that returns a set, or a row of which only its body knows the columns: its rows
    /// become an item of FROM.
    fn set_in_select_list(
        &mut self,
        function: &Function,
        arguments: Vec<(String, Bound)>,
        at: Option<usize>,
    ) -> Result<Bound> {
        let scope = self.scope();
        if scope.clause != Clause::Targets || scope.aggregate_depth > 0 {
            let words = scope.clause.words();
            return Err(Problem::new("0A000", format!("set-returning functions are not allowed in {words}"))
                .placed(at));
        }
        if !scope.row_functions.items.is_empty() {
            return Err(
                Problem::needs_postgres("more than one set-returning function in a select list").placed(at)
            );
        }
        let columns = scope.columns.clone();
        let (arguments, fence) = self.once_where_inlined(function, arguments, at)?;
        if !self.scope().group_keys.is_empty() || arguments.iter().any(|(_, value)| value.aggregate) {
            let what = format!("function {} (a set) in the select list of a grouped query", function.name);
            return Err(Problem::needs_postgres(what).placed(at));
        }
        let uses = arguments.iter().flat_map(|(_, value)| value.uses.clone()).collect::<Vec<_>>();
        let mut query = self.body_query(function, arguments, at)?;
        if let Some(fence) = fence {
            query.fenced(fence, uses);
        }
        let is_anonymous = is_anonymous_row(self, function);
        if is_anonymous {
            spread_row(&mut query);
        }
        if !function.returns.set && !query.one_row {
            let names: Vec<String> = query.columns().into_iter().map(|column| column.name).collect();
            query = self.exactly_one_row(query);
            query.rename(&names)?;
        }
        let is_row = is_anonymous || output_fields(self, function).is_some();
        let text = self.add_query(query, "", None, None, at)?;
        let level = self.scopes.len().saturating_sub(1);
        let scope = self.scope();
        scope.columns = columns;
        let index = scope.sources.len().saturating_sub(1);
        if let Some(source) = scope.sources.last_mut() {
            source.hidden = true;
            source.row_type = function.returns.ty.ty.clone();
        }
        scope.row_functions.items.push(text);
        if is_row {
            return self.whole_row(level, index, at);
        }
        self.column_of(level, index, 0, at).ok_or_else(|| Problem::internal("a function without a column"))
    }

    /// A call in FROM.
    pub fn inline_source(
        &mut self,
        function: &Function,
        arguments: Vec<(String, Bound)>,
        name: &str,
        alias: Option<&Alias>,
        ordinality: bool,
        definitions: &[(String, ColumnType)],
        at: Option<usize>,
    ) -> Result<String> {
        let (arguments, fence) = self.once_where_inlined(function, arguments, at)?;
        let values: Vec<Bound> = arguments.iter().map(|(_, value)| value.clone()).collect();
        let fields = output_fields(self, function);
        let mut query = self.body_query(function, arguments, at)?;
        if function.returns.ty.ty == Type::Void {
            let void = Target { name: name.to_owned(), bound: void_of(&query) };
            query = Query {
                one_row: true,
                ..Query::new(Core::Select {
                    distinct: false,
                    targets: vec![void],
                    tail: String::new(),
                    has_where: true,
                })
            };
        }
        if !function.returns.set && !query.one_row {
            query = self.exactly_one_row(query);
        }
        if function.returns.ty.ty == Type::Record && fields.is_none() {
            self.define_record(&mut query, definitions, at)?;
        }
        if function.strict {
            query = strict_query(query, &values);
        }
        if ordinality {
            query = numbered(query);
        }
        let is_scalar = fields.is_none() && function.returns.ty.ty != Type::Record;
        if is_scalar && alias.is_some() && single_out(function).is_none() {
            query.rename(&[name.to_owned()])?;
        }
        if let Some(fence) = fence {
            query.fenced(fence, values.into_iter().flat_map(|value| value.uses).collect());
        }
        let text = self.add_query(query, name, alias, None, at)?;
        let scalar = is_scalar && !ordinality;
        if let Some(source) = self.scope().sources.last_mut() {
            source.scalar = scalar;
            source.schema = None;
            if matches!(function.returns.ty.ty, Type::Composite(_)) {
                source.row_type = function.returns.ty.ty.clone();
            }
        }
        Ok(text)
    }

    /// Gives the query of a function that returns `record` the columns of the call's definition list.
    fn define_record(
        &mut self,
        query: &mut Query,
        definitions: &[(String, ColumnType)],
        at: Option<usize>,
    ) -> Result<()> {
        let types: Vec<ColumnType> = definitions.iter().map(|(_, ty)| ty.clone()).collect();
        if types.is_empty() {
            return Err(Problem::new(
                "42601",
                "a column definition list is required for functions returning \"record\"",
            )
            .placed(at));
        }
        let count = query.columns().len();
        if types.len() != count {
            let amount = if count > types.len() { "many" } else { "few" };
            return Err(Problem::new("42P13", "return type mismatch in function declared to return record")
                .with_details(format!("Final statement returns too {amount} columns."))
                .placed(at));
        }
        query.coerce_columns(self, &types, Coercion::Assignment)?;
        query.rename(&definitions.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>())
    }

    /// A function that returns no set has one row in FROM, also where its query has none.
    fn exactly_one_row(&mut self, query: Query) -> Query {
        let columns = query.columns();
        let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        let inner = query.names(&names);
        let list: Vec<String> = inner
            .iter()
            .zip(&names)
            .map(|(inner, name)| format!("\"only\".{} AS {}", quote(inner), quote(name)))
            .collect();
        let sql = format!(
            "SELECT {} FROM (SELECT 1) LEFT JOIN ({}) AS \"only\" ON 1",
            list.join(", "),
            first_row(&query, Naming::Columns(&names))
        );
        let columns = columns.into_iter().map(|column| QueryColumn { nullable: true, ..column }).collect();
        let mut out = Query::new(Core::Wrapped { sql, columns, names });
        out.uses = query.uses;
        out.volatility = query.volatility;
        out.one_row = true;
        out
    }
}

/// The volatility of a call where it must be immutable: PostgreSQL puts the body in place first, where it is no worse
/// than the function promises; else the promise counts.
fn judged(function: &Function, body: Volatility, arguments: &[Bound]) -> Volatility {
    let inlined = !function.security_definer
        && function.settings.is_empty()
        && weaker(body, function.volatility) == function.volatility;
    if inlined {
        return body;
    }
    arguments.iter().fold(function.volatility, |all, value| weaker(all, value.volatility))
}

/// The query's text, cut to its first row.
fn first_row(query: &Query, naming: Naming<'_>) -> String {
    if query.one_row {
        return query.render(naming);
    }
    let text = query.render(naming);
    if query.limit.is_empty() {
        if matches!(query.core, Core::Select { .. }) {
            return format!("{text} LIMIT 1");
        }
        return format!("SELECT * FROM ({text}) LIMIT 1");
    }
    format!("SELECT * FROM ({text}) LIMIT 1")
}

/// A function that returns nothing still runs its query. SQLite leaves out what nobody looks at, so each column is looked
/// at: `||` computes both of its sides, whatever they are.
fn void_of(query: &Query) -> Bound {
    let names: Vec<String> = (0..query.columns().len()).map(|index| format!("c{index}")).collect();
    let looks: Vec<String> = names.iter().map(|name| format!("typeof({name})")).collect();
    let nothing = match looks.is_empty() {
        true => "NULL".to_owned(),
        false => format!("CASE WHEN {} IS NULL THEN NULL END", looks.join(" || ")),
    };
    let rows = query.render(Naming::Columns(&names));
    let mut bound = Bound::plain(format!("(SELECT {nothing} FROM ({rows}) LIMIT 1)"), Type::Void);
    query.lend(&mut bound);
    bound
}

/// `RETURNS NULL ON NULL INPUT`
fn strict(bound: Bound, arguments: &[Bound]) -> Bound {
    if arguments.iter().any(Bound::is_null_constant) {
        let ty = bound.ty.clone();
        return Bound { ty, ..Bound::null().at(bound.place) };
    }
    let tests: Vec<String> = arguments
        .iter()
        .filter(|value| value.nullable)
        .map(|value| format!("{} IS NOT NULL", value.operand()))
        .collect();
    if tests.is_empty() {
        return bound;
    }
    let mut out = bound.clone();
    out.sql = format!("CASE WHEN {} THEN {} END", tests.join(" AND "), bound.sql);
    out.atom = false;
    out.nullable = true;
    out.form = Form::Plain;
    out.collation = super::bound::Carried::Nothing;
    for value in arguments {
        out.absorb(value);
    }
    out
}

fn strict_query(query: Query, arguments: &[Bound]) -> Query {
    let tests: Vec<String> = arguments
        .iter()
        .filter(|value| value.nullable)
        .map(|value| format!("{} IS NOT NULL", value.operand()))
        .collect();
    if tests.is_empty() {
        return query;
    }
    let columns = query.columns();
    let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
    let inner = query.names(&names);
    let list: Vec<String> = inner
        .iter()
        .zip(&names)
        .map(|(inner, name)| format!("{} AS {}", quote(inner), quote(name)))
        .collect();
    let sql = format!(
        "SELECT {} FROM ({}) WHERE {}",
        list.join(", "),
        query.render(Naming::Columns(&names)),
        tests.join(" AND ")
    );
    let mut out = Query::new(Core::Wrapped { sql, columns, names });
    out.uses = query.uses;
    for value in arguments {
        out.uses.extend(value.uses.iter().cloned());
    }
    out.volatility = query.volatility;
    out
}

/// `WITH ORDINALITY`
fn numbered(query: Query) -> Query {
    let mut columns = query.columns();
    let mut names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
    let inner = query.names(&names);
    let mut list: Vec<String> = inner
        .iter()
        .zip(&names)
        .map(|(inner, name)| format!("{} AS {}", quote(inner), quote(name)))
        .collect();
    list.push("row_number() OVER () AS \"ord\"".to_owned());
    let sql = format!("SELECT {} FROM ({})", list.join(", "), query.render(Naming::Columns(&names)));
    names.push("ord".to_owned());
    columns.push(QueryColumn {
        name: "ordinality".to_owned(),
        ty: Type::Int8.into(),
        domain: None,
        nullable: false,
        collation: super::bound::Carried::Nothing,
        origin: None,
    });
    let mut out = Query::new(Core::Wrapped { sql, columns, names });
    out.uses = query.uses;
    out.volatility = query.volatility;
    out
}
