//! SELECT: what each clause means and the order in which they are bound.

use super::bound::{Bound, Form, quote};
use super::coerce::Coercion;
use super::errors::{Located, place, syntax};
use super::grouping::has_equality;
use super::ordering::{OrderKey, order_text, ordinal_order_text};
use super::output_names::output_name;
use super::query::{Core, Naming, Query, Target};
use super::scope::{Binder, Clause};
use mainstay_base::{Problem, Result};
use mainstay_types::{Type, Value};
use pg_query::protobuf::{ResTarget, SelectStmt, SetOperation};
use pg_query::{Node, NodeEnum};

impl Binder<'_> {
    /// A query within an expression or another query.
    pub fn subquery(&mut self, select: &SelectStmt) -> Result<Query> {
        let outermost = std::mem::replace(&mut self.outermost, false);
        let query = self.query(select);
        self.outermost = outermost;
        query
    }

    pub fn query(&mut self, select: &SelectStmt) -> Result<Query> {
        let id = self.push_scope();
        let query = self.query_in_scope(select);
        self.pop_scope();
        let mut query = query?;
        query.uses.retain(|used| used.scope != id);
        Ok(query)
    }

    fn query_in_scope(&mut self, select: &SelectStmt) -> Result<Query> {
        if select.into_clause.is_some() {
            return Err(syntax("SELECT ... INTO is not allowed here"));
        }
        let with = match &select.with_clause {
            Some(with) => self.with_clause(with)?,
            None => String::new(),
        };
        let mut query = if !select.values_lists.is_empty() {
            self.values(select)?
        } else if select.op() != SetOperation::SetopNone && select.op() != SetOperation::Undefined {
            self.set_operation(select)?
        } else if super::grouping_sets::has_sets(&select.group_clause) {
            self.grouping_sets(select)?
        } else {
            self.simple_select(select)?
        };
        query.with = with + &query.with;
        Ok(query)
    }

    pub fn simple_select(&mut self, select: &SelectStmt) -> Result<Query> {
        let (mut query, keys) = self.select_parts(select)?;
        self.finish_select(&mut query, select, keys)
    }

    /// Everything up to ORDER BY; its keys come back bound.
    pub fn select_parts(&mut self, select: &SelectStmt) -> Result<(Query, Vec<OrderKey>)> {
        self.scope().has_from = !select.from_clause.is_empty();
        let mut from = self.within(Clause::From, |binder| binder.bind_from(&select.from_clause))?;
        self.scope().windows = named_windows(&select.window_clause)?;
        let filter = match select.where_clause.as_deref() {
            Some(node) => Some(self.within(Clause::Where, |binder| binder.filter(node, "WHERE"))?),
            None => None,
        };
        self.part_queries(&mut from);
        let groups = self.within(Clause::GroupBy, |binder| binder.group_by(select))?;
        let targets = self.targets(&select.target_list)?;
        let having = match select.having_clause.as_deref() {
            Some(node) => Some(self.within(Clause::Having, |binder| {
                let bound = binder.condition(node, true)?;
                binder.coerce_to_boolean(bound, "HAVING")
            })?),
            None => None,
        };
        let mut keys =
            self.within(Clause::OrderBy, |binder| binder.order_by(&select.sort_clause, &targets))?;
        let functions = std::mem::take(&mut self.scope().row_functions);
        let given: Vec<Bound> = functions.arguments().cloned().collect();
        let grouped = self.check_grouping(&groups, &targets, having.as_ref(), &keys, &given)?;
        let makes_rows = !functions.items.is_empty();
        let (items, around) = match grouped && makes_rows {
            true => (Vec::new(), Some(functions)),
            false => (functions.in_place(), None),
        };
        for item in items {
            if !from.is_empty() {
                from.push_str(", ");
            }
            from.push_str(&item);
        }
        let aggregated = targets.iter().any(|target| target.bound.aggregate)
            || keys.iter().any(|key| key.bound.aggregate)
            || given.iter().any(|bound| bound.aggregate)
            || having.is_some();
        let total = self.scope().grand_total && !aggregated;
        let tail = tail_text(&from, filter.as_ref(), &groups, having.as_ref(), total);
        let has_where = filter.is_some() || !groups.is_empty() || having.is_some() || from.is_empty();
        let mut query = Query::new(Core::Select { distinct: false, targets, tail, has_where });
        query.one_row = !makes_rows
            && ((aggregated && groups.is_empty() && having.is_none())
                || (from.is_empty() && filter.is_none()));
        let ungrouped = groups.is_empty() && !self.scope().grand_total;
        query.single = ungrouped
            && !makes_rows
            && (aggregated || from.is_empty() || self.finds_one_row(select.where_clause.as_deref()));
        let mut all: Vec<&Bound> = Vec::new();
        all.extend(&filter);
        all.extend(&groups);
        all.extend(&having);
        all.extend(keys.iter().map(|key| &key.bound));
        all.extend(&given);
        let mut carrier = Bound::plain("", Type::Void).over(all);
        if let Core::Select { targets, .. } = &query.core {
            for target in targets {
                carrier.absorb(&target.bound);
            }
        }
        carrier.uses.extend(std::mem::take(&mut self.scope().from_uses));
        query.uses = carrier.uses;
        query.volatility = carrier.volatility;
        if let Some(functions) = around {
            self.around_groups(functions, &mut query, &mut keys)?;
        }
        Ok((query, keys))
    }

    /// DISTINCT, ORDER BY and LIMIT.
    fn finish_select(
        &mut self,
        query: &mut Query,
        select: &SelectStmt,
        keys: Vec<OrderKey>,
    ) -> Result<Query> {
        if super::distinct::is_distinct_on(&select.distinct_clause) {
            self.distinct_on(query, select, keys)?;
        } else {
            if !select.distinct_clause.is_empty() {
                self.make_distinct(query, &keys)?;
            }
            query.order = order_text(&keys);
        }
        self.limit(query, select)?;
        Ok(std::mem::replace(query, Query::new(Core::Values { rows: Vec::new() })))
    }

    fn make_distinct(&mut self, query: &mut Query, keys: &[OrderKey]) -> Result<()> {
        if let Some(key) = keys.iter().find(|key| key.target.is_none() && !key.bound.is_constant()) {
            return Err(Problem::new(
                "42P10",
                "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
            )
            .placed(key.bound.place));
        }
        if let Core::Select { distinct, targets, .. } = &mut query.core {
            *distinct = true;
            for target in targets.iter() {
                has_equality(self, &target.bound)?;
            }
        }
        Ok(())
    }

    pub fn limit(&mut self, query: &mut Query, select: &SelectStmt) -> Result<()> {
        if select.limit_option() == pg_query::protobuf::LimitOption::WithTies {
            return Err(Problem::needs_postgres("FETCH FIRST … WITH TIES"));
        }
        let count = self.limit_value(select.limit_count.as_deref(), "LIMIT", "2201W", "-1")?;
        let offset = self.limit_value(select.limit_offset.as_deref(), "OFFSET", "2201X", "0")?;
        query.limit = match (count, offset) {
            (None, None) => String::new(),
            (Some(count), None) => format!(" LIMIT {count}"),
            (count, Some(offset)) => {
                format!(" LIMIT {} OFFSET {offset}", count.unwrap_or_else(|| "-1".to_owned()))
            }
        };
        if !query.limit.is_empty() {
            query.single |= query.one_row || matches!(&*query.limit, " LIMIT 1" | " LIMIT 0");
            query.one_row = false;
        }
        Ok(())
    }

    fn limit_value(
        &mut self,
        node: Option<&Node>,
        what: &str,
        code: &'static str,
        missing: &str,
    ) -> Result<Option<String>> {
        let Some(node) = node else { return Ok(None) };
        let bound = self.within(Clause::Limit, |binder| {
            let bound = binder.expr(node)?;
            if !bound.is_unknown() && !binder.can_coerce(&bound, &Type::Int8, Coercion::Assignment) {
                let ty = binder.type_name(&bound.ty.ty);
                return Err(super::errors::mismatch(format!(
                    "argument of {what} must be type bigint, not type {ty}"
                ))
                .placed(bound.place));
            }
            binder.coerce(bound, &Type::Int8.into(), Coercion::Assignment)
        })?;
        if !bound.uses.is_empty() {
            return Err(Problem::new("42P10", format!("argument of {what} must not contain variables"))
                .placed(bound.place));
        }
        match &bound.form {
            Form::Constant(Value::Null) => Ok(None),
            Form::Constant(Value::Integer(number)) if *number < 0 => {
                Err(Problem::new(code, format!("{what} must not be negative")))
            }
            Form::Constant(_) => Ok(Some(bound.sql)),
            _ => {
                let function = if what == "LIMIT" { "pg_limit" } else { "pg_offset" };
                let sql = &bound.sql;
                let checked = format!("coalesce(\"pg:{function}(int8)\"({sql}), {missing})");
                // A parameter is looked at before a function is called for it: nearly always it is just a number.
                let parameter =
                    sql.strip_prefix('?').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
                Ok(Some(match parameter {
                    true => format!("CASE WHEN {sql} >= 0 THEN {sql} ELSE {checked} END"),
                    false => checked,
                }))
            }
        }
    }

    pub fn targets(&mut self, list: &[Node]) -> Result<Vec<Target>> {
        let mut out = Vec::with_capacity(list.len());
        for node in list {
            let Some(NodeEnum::ResTarget(target)) = &node.node else { continue };
            self.target(target, &mut out)?;
        }
        Ok(out)
    }

    fn target(&mut self, target: &ResTarget, out: &mut Vec<Target>) -> Result<()> {
        let Some(value) = target.val.as_deref() else { return Ok(()) };
        if let Some(columns) = self.star(value)? {
            out.extend(columns.into_iter().map(|(name, bound)| Target { name, bound }));
            return Ok(());
        }
        let bound = self.expr(value)?;
        let name = if target.name.is_empty() { output_name(value) } else { target.name.clone() };
        out.push(Target { name, bound });
        Ok(())
    }

    /// The columns of `*`, `t.*` and `(row).*`.
    pub fn star(&mut self, node: &Node) -> Result<Option<Vec<(String, Bound)>>> {
        match &node.node {
            Some(NodeEnum::ColumnRef(reference))
                if matches!(
                    reference.fields.last().and_then(|f| f.node.as_ref()),
                    Some(NodeEnum::AStar(_))
                ) =>
            {
                let fields =
                    reference.fields.get(..reference.fields.len().saturating_sub(1)).unwrap_or_default();
                let at = place(reference.location);
                let mut columns = self.expand_star(fields, at)?;
                if let Some(scope) = self.scopes.last() {
                    let (id, keys) = (scope.id, scope.group_keys.clone());
                    for (_, bound) in &mut columns {
                        if keys.contains(&bound.sql) {
                            bound.uses.retain(|used| used.scope != id);
                        }
                    }
                }
                Ok(Some(columns))
            }
            Some(NodeEnum::AIndirection(indirection))
                if matches!(
                    indirection.indirection.last().and_then(|f| f.node.as_ref()),
                    Some(NodeEnum::AStar(_))
                ) =>
            {
                let row = self.expr(node)?;
                let at = row.place;
                self.expand_row(&row, at).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// `VALUES (…), (…)`
    fn values(&mut self, select: &SelectStmt) -> Result<Query> {
        let mut rows: Vec<Vec<Bound>> = Vec::with_capacity(select.values_lists.len());
        for node in &select.values_lists {
            let Some(NodeEnum::List(list)) = &node.node else { continue };
            let row = self.within(Clause::Values, |binder| binder.all(&list.items))?;
            if rows.first().is_some_and(|first| first.len() != row.len()) {
                let at = row.first().and_then(|bound| bound.place);
                return Err(syntax("VALUES lists must all be the same length").placed(at));
            }
            rows.push(row);
        }
        let width = rows.first().map_or(0, Vec::len);
        let mut types = Vec::with_capacity(width);
        for index in 0..width {
            let cells: Vec<&Bound> = rows.iter().filter_map(|row| row.get(index)).collect();
            let all_unknown = cells.iter().all(|bound| bound.is_unknown());
            types.push(if all_unknown {
                Type::Unknown.into()
            } else {
                super::types::common_column_type(self, "VALUES", &cells)?
            });
        }
        let carrier = Bound::plain("", Type::Void).over(rows.iter().flatten());
        let mut query = Query::new(Core::Values { rows });
        query.coerce_columns(self, &types, Coercion::Implicit)?;
        query.uses = carrier.uses;
        query.volatility = carrier.volatility;
        query.one_row = matches!(&query.core, Core::Values { rows } if rows.len() == 1);
        let targets: Vec<Target> = query
            .columns()
            .into_iter()
            .map(|column| Target { bound: Bound::plain(quote(&column.name), column.ty), name: column.name })
            .collect();
        let keys = self.within(Clause::OrderBy, |binder| binder.order_by(&select.sort_clause, &targets))?;
        query.order = ordinal_order_text(&keys)?;
        self.limit(&mut query, select)?;
        if !query.order.is_empty() || !query.limit.is_empty() {
            // SQLite orders and limits a VALUES list only from outside.
            let names: Vec<String> = (1..=width).map(|index| format!("column{index}")).collect();
            let sql = format!(
                "SELECT {} FROM ({}){}{}",
                names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", "),
                query.render_values(),
                query.order,
                query.limit
            );
            let columns = query.columns();
            let uses = std::mem::take(&mut query.uses);
            query = Query::new(Core::Wrapped { sql, columns, names });
            query.uses = uses;
        }
        Ok(query)
    }
}

impl Query {
    fn render_values(&self) -> String {
        let plain = Query { order: String::new(), limit: String::new(), ..self.clone() };
        plain.render(Naming::None)
    }
}

/// From FROM to HAVING. `total` asks for one group of everything where nothing else in the query makes it.
fn tail_text(
    from: &str,
    filter: Option<&Bound>,
    groups: &[Bound],
    having: Option<&Bound>,
    total: bool,
) -> String {
    let mut tail = String::new();
    if !from.is_empty() {
        tail.push_str(" FROM ");
        tail.push_str(from);
    }
    if let Some(filter) = filter {
        tail.push_str(&format!(" WHERE {}", filter.sql));
    }
    if !groups.is_empty() {
        let texts: Vec<String> =
            groups.iter().filter(|key| !key.is_constant()).map(Bound::collated).collect();
        // Constants alone still make groups of what there is.
        let list = if texts.is_empty() { "''".to_owned() } else { texts.join(", ") };
        tail.push_str(&format!(" GROUP BY {list}"));
    }
    if let Some(having) = having {
        // SQLite takes HAVING without GROUP BY only beside an aggregate: a group of everything is one too.
        let alone = groups.is_empty() && !having.aggregate;
        let guard = if alone { " AND count(*) >= 0" } else { "" };
        tail.push_str(&format!(
            " HAVING {}{guard}",
            if alone { having.operand() } else { having.sql.clone() }
        ));
    } else if total {
        tail.push_str(" HAVING count(*) >= 0");
    }
    tail
}

fn named_windows(nodes: &[Node]) -> Result<Vec<(String, pg_query::protobuf::WindowDef)>> {
    let mut out: Vec<(String, pg_query::protobuf::WindowDef)> = Vec::new();
    for node in nodes {
        if let Some(NodeEnum::WindowDef(window)) = &node.node {
            if out.iter().any(|(name, _)| *name == window.name) {
                return Err(Problem::new("42P20", format!("window \"{}\" is already defined", window.name))
                    .placed(place(window.location)));
            }
            out.push((window.name.clone(), (**window).clone()));
        }
    }
    Ok(out)
}
