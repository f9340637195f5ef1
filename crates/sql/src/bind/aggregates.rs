//! Aggregate and window function calls.

use super::bound::{Bound, Form, quote};
use super::calls::{JSON_ROWS, makes_json, row_spec, type_list};
use super::coerce::Coercion;
use super::errors::{Located, grouping, place, syntax};
use super::functions::Arguments;
use super::ordering::{direction, has_order};
use super::resolve::{Candidate, Choice, aggregates_named, choose, expand, resolve_polymorphic};
use super::scope::Binder;
use mainstay_base::{Problem, Result};
use mainstay_types::registry::Aggregate;
use mainstay_types::{Type, Volatility};
use pg_query::NodeEnum;
use pg_query::protobuf::FuncCall;

/// An aggregate call, ready but for its clauses.
struct Ready {
    /// The name as SQLite knows it, quoted where it has to be.
    function: String,
    args: Vec<String>,
    /// What stands behind the arguments for good: the types of a polymorphic call.
    extra: Option<String>,
    returns: Type,
    nullable: bool,
    /// Around the whole call: what stands before and behind it.
    around: Option<(&'static str, &'static str)>,
}

impl Binder<'_> {
    /// Checks that an aggregate may stand here, before its arguments are bound.
    pub fn enter_aggregate(&mut self, call: &FuncCall, at: Option<usize>) -> Result<()> {
        let scope = self.scope();
        let clause = scope.clause;
        let windowed = call.over.is_some();
        if windowed && !clause.allows_windows() {
            return Err(Problem::new(
                "42P20",
                format!("window functions are not allowed in {}", clause.words()),
            )
            .placed(at));
        }
        if !windowed {
            if scope.aggregate_depth > 0 {
                return Err(grouping("aggregate function calls cannot be nested").placed(at));
            }
            if !clause.allows_aggregates() {
                let words = clause.words();
                return Err(grouping(format!("aggregate functions are not allowed in {words}")).placed(at));
            }
            scope.aggregate_depth += 1;
        }
        Ok(())
    }

    pub fn leave_aggregate(&mut self) {
        let scope = self.scope();
        scope.aggregate_depth = scope.aggregate_depth.saturating_sub(1);
    }

    pub fn aggregate_call(
        &mut self,
        name: &str,
        call: &FuncCall,
        args: Vec<Bound>,
        at: Option<usize>,
    ) -> Result<Bound> {
        if call.agg_star {
            self.enter_aggregate(call, at)?;
            self.leave_aggregate();
            if name != "count" {
                return Err(Problem::new("42883", format!("function {name}() does not exist")).placed(at));
            }
        }
        let windowed = call.over.is_some();
        let ordered_set = call.agg_within_group;
        let mut inner: Vec<Bound> = args;
        if !windowed {
            self.scope().aggregate_depth += 1;
        }
        let parts = self.aggregate_parts(call, ordered_set);
        if !windowed {
            self.leave_aggregate();
        }
        let (order, filter) = parts?;
        let mut order_text: Vec<String> =
            order.iter().map(|(bound, direction)| format!("{}{direction}", bound.collated())).collect();
        if ordered_set {
            // The ordered value arrives as the last argument.
            inner.extend(order.iter().map(|(bound, _)| bound.clone()));
        }
        let carried: Vec<Bound> =
            inner.iter().chain(order.iter().map(|(b, _)| b)).chain(&filter).cloned().collect();
        let mut ready = self.ready(name, call, inner, at)?;
        let mut distinct = "";
        if call.agg_distinct {
            if ready.args.len() == 1 && ready.extra.is_none() {
                distinct = "DISTINCT ";
            } else {
                return self.distinct_aggregate(ready, order_text, filter.as_ref(), &carried, windowed, at);
            }
        }
        if let Some(extra) = ready.extra.take() {
            ready.args.push(extra);
        }
        let list = if call.agg_star { "*".to_owned() } else { ready.args.join(", ") };
        if matches!(ready.function.as_str(), "count" | "min" | "max") {
            order_text.clear();
        }
        let order = if order_text.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {}", order_text.join(", "))
        };
        let filter = match &filter {
            Some(filter) => format!(" FILTER (WHERE {})", filter.sql),
            None => String::new(),
        };
        let mut sql = format!("{}({distinct}{list}{order}){filter}", ready.function);
        let mut bound = Bound::plain(String::new(), ready.returns).over(&carried).at(at);
        bound.nullable = ready.nullable;
        if let Some(window) = call.over.as_deref() {
            let (text, uses) = self.window_text(window)?;
            sql.push_str(&format!(" OVER {text}"));
            bound.absorb(&uses);
            bound.window = true;
        } else {
            self.close_over(&mut bound);
        }
        bound.sql = match ready.around {
            Some((before, behind)) => format!("{before}{sql}{behind}"),
            None => sql,
        };
        Ok(bound)
    }

    /// The aggregate answers for the columns of its own query.
    fn close_over(&mut self, bound: &mut Bound) {
        let id = self.scope().id;
        bound.uses.retain(|used| used.scope != id);
        bound.aggregate = true;
        bound.volatility = super::bound::weaker(bound.volatility, Volatility::Immutable);
    }

    #[expect(clippy::type_complexity, reason = "two lists that are used at once")]
    fn aggregate_parts(
        &mut self,
        call: &FuncCall,
        ordered_set: bool,
    ) -> Result<(Vec<(Bound, String)>, Option<Bound>)> {
        let mut order = Vec::new();
        for node in &call.agg_order {
            let Some(NodeEnum::SortBy(sort)) = &node.node else { continue };
            let bound = self.optional(sort.node.as_deref())?;
            let bound = self.settle(bound)?;
            has_order(self, &bound)?;
            let mut text = direction(sort, &bound)?;
            if ordered_set && text.is_empty() {
                // NULLs do not take part in ordered-set aggregates.
                text = String::new();
            }
            order.push((bound, text));
        }
        let filter = match call.agg_filter.as_deref() {
            Some(node) => {
                let bound = self.condition(node, true)?;
                Some(self.coerce_to_boolean(bound, "FILTER")?)
            }
            None => None,
        };
        Ok((order, filter))
    }

    fn ready(&mut self, name: &str, call: &FuncCall, args: Vec<Bound>, at: Option<usize>) -> Result<Ready> {
        let native = |function: &str, args: Vec<String>, returns: Type, nullable: bool| Ready {
            function: function.to_owned(),
            args,
            extra: None,
            returns,
            nullable,
            around: None,
        };
        match (name, args.as_slice()) {
            ("count", []) if call.agg_star => return Ok(native("count", Vec::new(), Type::Int8, false)),
            ("count", [_]) => {
                let Some(value) = args.into_iter().next() else {
                    return Err(Problem::internal("no argument"));
                };
                let value = self.settle(value)?;
                let text = match &value.form {
                    Form::Row { present: Some(present), .. } => format!("CASE WHEN {present} THEN 1 END"),
                    Form::Row { present: None, .. } if !call.agg_distinct => "1".to_owned(),
                    _ if call.agg_distinct => value.collated(),
                    _ => value.sql.clone(),
                };
                return Ok(native("count", vec![text], Type::Int8, false));
            }
            ("min" | "max", [value]) if is_ordered_by_sqlite(&value.ty.ty) => {
                let value = self.settle(value.clone())?;
                let ty = if value.ty.ty == Type::Varchar { Type::Text } else { value.ty.ty.clone() };
                return Ok(native(name, vec![value.collated()], ty, true));
            }
            ("json_agg" | "jsonb_agg", [value]) => {
                if let Some(ready) = self.json_rows(name, value.clone(), call)? {
                    return Ok(ready);
                }
            }
            _ => {}
        }
        self.native_aggregate(name, call, args, at)
    }

    /// `json_agg(row)` and `json_agg(row_to_json(row))`: the rows' fields go to the aggregate as they are.
    fn json_rows(&mut self, name: &str, value: Bound, call: &FuncCall) -> Result<Option<Ready>> {
        if call.agg_distinct {
            return Ok(None);
        }
        let json = self.row_as_json(value)?;
        let Form::RowJson { fields, present: None } = &json.form else { return Ok(None) };
        let mut args = vec![row_spec(fields)];
        args.extend(fields.iter().map(|(_, bound)| bound.sql.clone()));
        let (returns, around) = match name {
            "jsonb_agg" => (Type::Jsonb, Some(("pg_cast(", ", 'json>jsonb!')"))),
            _ => (Type::Json, None),
        };
        Ok(Some(Ready { function: JSON_ROWS.to_owned(), args, extra: None, returns, nullable: true, around }))
    }

    fn native_aggregate(
        &mut self,
        name: &str,
        call: &FuncCall,
        mut args: Vec<Bound>,
        at: Option<usize>,
    ) -> Result<Ready> {
        if makes_json(name) {
            for value in &mut args {
                let taken = std::mem::replace(value, Bound::null());
                *value = self.row_as_json(taken)?;
            }
        }
        let types: Vec<Type> = args.iter().map(|bound| bound.ty.ty.clone()).collect();
        let mut candidates: Vec<Candidate<(Vec<Type>, &'static Aggregate)>> = Vec::new();
        for aggregate in aggregates_named(name) {
            if aggregate.ordered_set != call.agg_within_group {
                continue;
            }
            let declared: Vec<Type> = aggregate.args.iter().map(|ty| ty.to_type()).collect();
            if let Some(expanded) = expand(&declared, aggregate.variadic, types.len(), call.func_variadic) {
                candidates.push(Candidate { args: expanded.clone(), item: (expanded, aggregate) });
            }
        }
        let names = vec![String::new(); args.len()];
        let arguments = Arguments { values: args, names, spread: false };
        let (declared, aggregate) = match choose(&types, candidates) {
            Choice::One(found) => found,
            Choice::None => return Err(self.no_function(None, name, &arguments).placed(at)),
            Choice::Ambiguous => {
                return Err(Problem::new("42725", format!("function {name} is not unique"))
                    .with_hint("Could not choose a best candidate function. You might need to add explicit type casts.")
                    .placed(at));
            }
        };
        let Some((concrete, returns)) = resolve_polymorphic(&types, &declared, &aggregate.returns.to_type())
        else {
            return Err(self.no_function(None, name, &arguments).placed(at));
        };
        let args = self.coerce_all(arguments.values, &concrete)?;
        let open = |ty: &Type| ty.is_pseudo();
        let polymorphic = declared.iter().any(open) || open(&aggregate.returns.to_type());
        let extra = polymorphic.then(|| type_list(&args, &concrete, &returns));
        Ok(Ready {
            function: quote(&aggregate.symbol()),
            args: args.iter().map(|bound| bound.sql.clone()).collect(),
            extra,
            returns,
            nullable: name != "count",
            around: None,
        })
    }

    /// SQLite's DISTINCT takes one argument: the distinct values are gathered first and aggregated then.
    fn distinct_aggregate(
        &mut self,
        ready: Ready,
        order: Vec<String>,
        filter: Option<&Bound>,
        carried: &[Bound],
        windowed: bool,
        at: Option<usize>,
    ) -> Result<Bound> {
        let Some((value, first)) = carried.first().zip(ready.args.first().cloned()) else {
            return Err(syntax("DISTINCT without an argument").placed(at));
        };
        if windowed {
            return Err(Problem::new("0A000", "DISTINCT is not implemented for window functions").placed(at));
        }
        // PostgreSQL sorts to find duplicates: without another order the values come out sorted.
        let descending = order.first().is_some_and(|text| text.contains(" DESC"));
        let direction = if descending { " DESC NULLS FIRST" } else { " NULLS LAST" };
        let blob = matches!(value.ty.ty, Type::Uuid | Type::Bytea);
        let mut item = Bound::plain(if blob { format!("hex({first})") } else { first }, value.ty.clone());
        item.collation = if blob { super::bound::Carried::Nothing } else { value.collation.clone() };
        if blob {
            item.ty = Type::Text.into();
            item.sql = format!("CASE WHEN {} IS NOT NULL THEN {} END", value.operand(), item.sql);
            item.atom = false;
        }
        let filter = filter.map(|filter| format!(" FILTER (WHERE {})", filter.sql)).unwrap_or_default();
        let gathered = format!("json_group_array(DISTINCT {}){filter}", item.collated());
        let element = self.emit_name("item");
        let raw = format!("{}.value", quote(&element));
        let decoded = if blob { format!("unhex({raw})") } else { raw };
        let mut sorted = Bound::plain(decoded.clone(), value.ty.clone());
        sorted.collation = super::bound::Carried::Nothing;
        let mut args = vec![decoded];
        args.extend(ready.args.iter().skip(1).cloned());
        args.extend(ready.extra);
        let sql = format!(
            "(SELECT {}({} ORDER BY {}{direction}) FROM json_each({gathered}) AS {})",
            ready.function,
            args.join(", "),
            sorted.collated(),
            quote(&element)
        );
        let mut bound = Bound::plain(sql, ready.returns).over(carried).at(at);
        bound.nullable = true;
        self.close_over(&mut bound);
        Ok(bound)
    }

    /// Functions that are nothing but window functions: SQLite has them under the same names.
    pub fn window_only_call(
        &mut self,
        name: &str,
        call: &FuncCall,
        at: Option<usize>,
    ) -> Result<Option<Bound>> {
        let returns = match name {
            "row_number" | "rank" | "dense_rank" => Some(Type::Int8),
            "percent_rank" | "cume_dist" => Some(Type::Float8),
            "ntile" => Some(Type::Int4),
            "lag" | "lead" | "first_value" | "last_value" | "nth_value" => None,
            _ => return Ok(None),
        };
        if call.agg_within_group {
            return Ok(None);
        }
        let Some(window) = call.over.as_deref() else {
            return Err(
                Problem::new("42809", format!("window function {name} requires an OVER clause")).placed(at)
            );
        };
        let clause = self.scope().clause;
        if !clause.allows_windows() {
            return Err(Problem::new(
                "42P20",
                format!("window functions are not allowed in {}", clause.words()),
            )
            .placed(at));
        }
        let mut args = self.all(&call.args)?;
        let value_type = match args.first() {
            Some(value) if returns.is_none() => {
                let value = self.settle(value.clone())?;
                let ty = value.ty.clone();
                if let Some(first) = args.first_mut() {
                    *first = value;
                }
                Some(ty)
            }
            _ => None,
        };
        for (index, value) in args.iter_mut().enumerate() {
            let taken = std::mem::replace(value, Bound::null());
            *value = match (name, index, &value_type) {
                ("ntile", 0, _) | ("lag" | "lead" | "nth_value", 1, _) => {
                    self.coerce(taken, &Type::Int4.into(), Coercion::Implicit)?
                }
                ("lag" | "lead", 2, Some(ty)) => {
                    let plain = mainstay_types::ColumnType::from(ty.ty.clone());
                    self.coerce(taken, &plain, Coercion::Implicit)?
                }
                _ => taken,
            };
        }
        let texts: Vec<&str> = args.iter().map(|bound| bound.sql.as_str()).collect();
        let (over, uses) = self.window_text(window)?;
        let ty = match (returns, value_type) {
            (Some(ty), _) => ty.into(),
            (None, Some(ty)) => ty,
            (None, None) => {
                let arguments = Arguments { values: args, names: Vec::new(), spread: false };
                return Err(self.no_function(None, name, &arguments).placed(at));
            }
        };
        let fixed =
            matches!(name, "row_number" | "rank" | "dense_rank" | "percent_rank" | "cume_dist" | "ntile");
        let mut bound =
            Bound::plain(format!("{name}({}) OVER {over}", texts.join(", ")), ty).over(&args).at(at);
        bound.absorb(&uses);
        bound.nullable = !fixed;
        bound.window = true;
        Ok(Some(bound))
    }

    pub fn grouping_function(&mut self, function: &pg_query::protobuf::GroupingFunc) -> Result<Bound> {
        let at = place(function.location);
        let mut bits = 0_i64;
        for node in &function.args {
            let before = std::mem::take(&mut self.scope().null_keys);
            let bound = self.expr(node);
            let scope = self.scope();
            scope.null_keys = before;
            let bound = bound?;
            let known = scope.group_keys.contains(&bound.sql);
            if !known {
                return Err(grouping(
                    "arguments to GROUPING must be grouping expressions of the associated query level",
                )
                .placed(bound.place));
            }
            bits = bits * 2 + i64::from(scope.null_keys.contains(&bound.sql));
        }
        let mut bound = Bound::constant(mainstay_types::Value::Integer(bits), Type::Int4).at(at);
        bound.aggregate = true;
        Ok(bound)
    }
}

/// Types whose order SQLite knows with the type's collation.
fn is_ordered_by_sqlite(ty: &Type) -> bool {
    !matches!(
        ty,
        Type::Json
            | Type::Jsonb
            | Type::Bool
            | Type::Uuid
            | Type::Record
            | Type::Composite(_)
            | Type::Bytea
            | Type::Void
    )
}
