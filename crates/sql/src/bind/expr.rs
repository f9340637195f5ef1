//! Expressions: one arm for each kind of node, each arm one call.

use super::bound::{Bound, Form};
use super::coerce::Coercion;
use super::errors::{Located, place, syntax};
use super::functions::Arguments;
use super::resolve::natives_named;
use super::scope::Binder;
use super::types::{common_column_type, common_type, strings};
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Modifier, Type, Value};
use pg_query::protobuf::{
    AConst, AIndirection, BoolExpr, BooleanTest, CaseExpr, MinMaxExpr, NullTest, SqlValueFunction, TypeCast,
    TypeName, a_const,
};
use pg_query::{Node, NodeEnum};

impl Binder<'_> {
    pub fn optional(&mut self, node: Option<&Node>) -> Result<Bound> {
        match node {
            Some(node) => self.expr(node),
            None => Err(Problem::internal("a part of the parse tree is missing")),
        }
    }

    pub fn all(&mut self, nodes: &[Node]) -> Result<Vec<Bound>> {
        nodes.iter().map(|node| self.expr(node)).collect()
    }

    /// Binds an expression. What equals a GROUP BY expression uses no column any more.
    pub fn expr(&mut self, node: &Node) -> Result<Bound> {
        let mut bound = self.expr_inner(node)?;
        if let Some(scope) = self.scopes.last()
            && !scope.group_keys.is_empty()
            && scope.group_keys.contains(&bound.sql)
        {
            let id = scope.id;
            bound.uses.retain(|used| used.scope != id);
            if scope.null_keys.contains(&bound.sql) {
                let ty = bound.ty.clone();
                bound = Bound { ty, ..Bound::null().at(bound.place) };
            }
        }
        Ok(bound)
    }

    fn expr_inner(&mut self, node: &Node) -> Result<Bound> {
        let Some(kind) = &node.node else { return Err(Problem::internal("an empty node in the parse tree")) };
        match kind {
            NodeEnum::ColumnRef(reference) => self.column_ref(reference),
            NodeEnum::AConst(constant) => self.constant(constant),
            NodeEnum::ParamRef(param) => self.parameter(param.number, place(param.location)),
            NodeEnum::AExpr(expression) => self.operator_expr(expression),
            NodeEnum::BoolExpr(expression) => self.bool_expr(expression, false),
            NodeEnum::NullTest(test) => self.null_test(test),
            NodeEnum::BooleanTest(test) => self.boolean_test(test),
            NodeEnum::TypeCast(cast) => self.type_cast(cast),
            NodeEnum::FuncCall(call) => self.function_call(call),
            NodeEnum::CaseExpr(case) => self.case(case),
            NodeEnum::CoalesceExpr(coalesce) => self.coalesce(&coalesce.args, place(coalesce.location)),
            NodeEnum::MinMaxExpr(minmax) => self.min_max(minmax),
            NodeEnum::SubLink(link) => self.sublink(link, false),
            NodeEnum::AArrayExpr(array) => {
                let elements = self.all(&array.elements)?;
                if elements.is_empty() {
                    return Err(Problem::new("42P18", "cannot determine type of empty array")
                        .with_hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
                        .placed(place(array.location)));
                }
                self.array_from(elements, place(array.location))
            }
            NodeEnum::RowExpr(row) => {
                let fields = self.all(&row.args)?;
                let named =
                    fields.into_iter().enumerate().map(|(i, bound)| (format!("f{}", i + 1), bound)).collect();
                Ok(self.row_of(named, None, Type::Record).at(place(row.location)))
            }
            NodeEnum::AIndirection(indirection) => self.indirection(indirection),
            NodeEnum::SqlvalueFunction(function) => self.value_function(function),
            NodeEnum::CollateClause(clause) => {
                let bound = self.optional(clause.arg.as_deref())?;
                self.collate(bound, &strings(&clause.collname), place(clause.location))
            }
            NodeEnum::NamedArgExpr(named) => self.optional(named.arg.as_deref()),
            NodeEnum::GroupingFunc(function) => self.grouping_function(function),
            NodeEnum::SetToDefault(set) => {
                Err(syntax("DEFAULT is not allowed in this context").placed(place(set.location)))
            }
            NodeEnum::List(list) => {
                let fields = self.all(&list.items)?;
                let named =
                    fields.into_iter().enumerate().map(|(i, bound)| (format!("f{}", i + 1), bound)).collect();
                Ok(self.row_of(named, None, Type::Record))
            }
            NodeEnum::CurrentOfExpr(_) => Err(Problem::needs_postgres("WHERE CURRENT OF")),
            NodeEnum::XmlExpr(_) | NodeEnum::XmlSerialize(_) => Err(Problem::needs_postgres("XML")),
            other => self.json_expr(other),
        }
    }

    pub fn constant(&mut self, constant: &AConst) -> Result<Bound> {
        let at = place(constant.location);
        if constant.isnull {
            return Ok(Bound::null().at(at));
        }
        let bound = match &constant.val {
            Some(a_const::Val::Ival(number)) => {
                Bound::constant(Value::Integer(i64::from(number.ival)), Type::Int4)
            }
            Some(a_const::Val::Fval(number)) => match number.fval.parse::<i64>() {
                Ok(value) => integer(value),
                Err(_) => {
                    return self.literal_as(&number.fval, &Type::Numeric.into(), Coercion::Explicit, at);
                }
            },
            Some(a_const::Val::Boolval(value)) => {
                Bound::constant(Value::Integer(i64::from(value.boolval)), Type::Bool)
            }
            Some(a_const::Val::Sval(text)) => Bound::unknown_text(&text.sval),
            Some(a_const::Val::Bsval(bits)) => {
                return self.literal_as(&bits.bsval, &Type::Bit.into(), Coercion::Explicit, at);
            }
            // The parser leaves zero out.
            None => Bound::constant(Value::Integer(0), Type::Int4),
        };
        Ok(bound.at(at))
    }

    fn parameter(&mut self, number: i32, at: Option<usize>) -> Result<Bound> {
        let missing = || Problem::new("42P02", format!("there is no parameter ${number}")).placed(at);
        let number = usize::try_from(number).map_err(|_| missing())?;
        if let Some(frame) = self.frames.last() {
            let argument = number.checked_sub(1).and_then(|index| frame.arguments.get(index));
            return argument.map(|(_, bound)| bound.clone().at(at)).ok_or_else(missing);
        }
        if number == 0 || number > 32_766 {
            return Err(missing());
        }
        while self.parameters.len() < number {
            self.parameters.push(Type::Unknown.into());
            self.parameter_places.push(None);
        }
        let ty = self.parameters.get(number - 1).cloned().unwrap_or(Type::Unknown.into());
        if let Some(seen) = self.parameter_places.get_mut(number - 1) {
            *seen = seen.or(at);
        }
        let mut bound = Bound::plain(format!("?{number}"), ty).at(at);
        bound.form = Form::Parameter(number);
        Ok(bound)
    }

    pub fn bool_expr(&mut self, expression: &BoolExpr, positive: bool) -> Result<Bound> {
        use pg_query::protobuf::BoolExprType;
        let at = place(expression.location);
        let what = match expression.boolop() {
            BoolExprType::AndExpr => "AND",
            BoolExprType::OrExpr => "OR",
            _ => "NOT",
        };
        let mut parts = Vec::with_capacity(expression.args.len());
        for node in &expression.args {
            let bound = if what == "NOT" { self.expr(node)? } else { self.condition(node, positive)? };
            parts.push(self.coerce_to_boolean(bound, what)?);
        }
        if what == "NOT" {
            let operand = parts.first().map(Bound::operand).unwrap_or_default();
            return Ok(Bound::boolean(format!("NOT {operand}")).over(&parts).at(at));
        }
        // AND binds more tightly than OR: parts that are themselves ANDs or ORs stand in parentheses.
        let texts: Vec<String> = parts.iter().map(logic_operand).collect();
        Ok(Bound::boolean(texts.join(&format!(" {what} "))).over(&parts).at(at))
    }

    /// An expression of which only the truth counts: where `positive`, NULL is as good as false.
    pub fn condition(&mut self, node: &Node, positive: bool) -> Result<Bound> {
        match &node.node {
            Some(NodeEnum::BoolExpr(expression)) => self.bool_expr(expression, positive),
            Some(NodeEnum::AExpr(expression)) if positive => self.operator_condition(expression),
            Some(NodeEnum::SubLink(link)) => self.sublink(link, positive),
            _ => self.expr(node),
        }
    }

    fn null_test(&mut self, test: &NullTest) -> Result<Bound> {
        use pg_query::protobuf::NullTestType;
        let bound = self.optional(test.arg.as_deref())?;
        let at = place(test.location);
        let operator = if test.nulltesttype() == NullTestType::IsNotNull { "IS NOT NULL" } else { "IS NULL" };
        if let Form::Row { fields, .. } = &bound.form {
            let tests: Vec<String> =
                fields.iter().map(|(_, field)| format!("{} {operator}", field.operand())).collect();
            let text = if tests.is_empty() { "1".to_owned() } else { tests.join(" AND ") };
            return Ok(Bound::boolean(text).over([&bound]).at(at).not_null());
        }
        if bound.is_unknown() && matches!(bound.form, Form::Parameter(_)) {
            let bound = self.coerce(bound, &Type::Text.into(), Coercion::Implicit)?;
            return Ok(Bound::boolean(format!("{} {operator}", bound.operand())).at(at).not_null());
        }
        Ok(Bound::boolean(format!("{} {operator}", bound.operand())).over([&bound]).at(at).not_null())
    }

    fn boolean_test(&mut self, test: &BooleanTest) -> Result<Bound> {
        use pg_query::protobuf::BoolTestType;
        let bound = self.optional(test.arg.as_deref())?;
        let (operator, what) = match test.booltesttype() {
            BoolTestType::IsNotTrue => ("IS NOT 1", "IS NOT TRUE"),
            BoolTestType::IsFalse => ("IS 0", "IS FALSE"),
            BoolTestType::IsNotFalse => ("IS NOT 0", "IS NOT FALSE"),
            BoolTestType::IsUnknown => ("IS NULL", "IS UNKNOWN"),
            BoolTestType::IsNotUnknown => ("IS NOT NULL", "IS NOT UNKNOWN"),
            _ => ("IS 1", "IS TRUE"),
        };
        let bound = self.coerce_to_boolean(bound, what)?;
        Ok(Bound::boolean(format!("{} {operator}", bound.operand()))
            .over([&bound])
            .at(place(test.location))
            .not_null())
    }

    fn type_cast(&mut self, cast: &TypeCast) -> Result<Bound> {
        let at = place(cast.location);
        let Some(name) = &cast.type_name else { return Err(Problem::internal("a cast without a type")) };
        let named = self.named_type(name)?;
        let target = named.ty.clone();
        let checks = named.domain.cloned();
        let bound = match cast.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
            // Only here may an array have no elements: the cast says of which type they are.
            Some(NodeEnum::AArrayExpr(array)) if matches!(target.ty, Type::Array(_)) => {
                let element = target.ty.element().cloned().unwrap_or(Type::Text);
                let elements = self.all(&array.elements)?;
                if elements.iter().any(|bound| matches!(bound.ty.ty, Type::Array(_))) {
                    let array = self.array_from(elements, place(array.location))?;
                    self.coerce(array, &target, Coercion::Explicit)?
                } else {
                    let wanted = ColumnType { ty: element.clone(), modifier: target.modifier };
                    let mut done = Vec::with_capacity(elements.len());
                    for bound in elements {
                        done.push(self.coerce(bound, &wanted, Coercion::Explicit)?);
                    }
                    self.array_of(done, &element)
                }
            }
            _ => {
                let bound = self.optional(cast.arg.as_deref())?;
                let bound = match (&bound.form, interval_unit(name)) {
                    (Form::UnknownText(text), Some(unit)) if text.trim().parse::<f64>().is_ok() => {
                        Bound::unknown_text(&format!("{} {unit}", text.trim())).at(bound.place)
                    }
                    _ => bound,
                };
                let place = bound.place;
                let bound = if place.is_none() { bound.at(at) } else { bound };
                self.coerce(bound, &target, Coercion::Explicit).map_err(|problem| {
                    if problem.code() == "42846" { super::errors::relocated(problem, at) } else { problem }
                })?
            }
        };
        let name = checks.as_ref().map(|domain| domain.name.clone());
        let bound = match checks {
            Some(domain) if domain.not_null || !domain.checks.is_empty() => {
                self.check_domain(bound, &domain)?
            }
            _ => bound,
        };
        Ok(Bound { domain: name, ..bound })
    }

    /// A value of a domain: fails at run time where it breaks a constraint.
    fn check_domain(&mut self, value: Bound, domain: &crate::catalog::Domain) -> Result<Bound> {
        let at = value.place;
        let (values, fence) =
            if self.in_schema_text() { (vec![value], None) } else { self.fence(vec![value], at)? };
        let value = values.into_iter().next().unwrap_or_else(Bound::null);
        let mut arms = Vec::new();
        if domain.not_null {
            let message = format!("domain {} does not allow null values", domain.name);
            arms.push(format!(
                "WHEN {} IS NULL THEN {}",
                value.operand(),
                Self::raise_text("23502", &message)
            ));
        }
        for (name, text) in &domain.checks {
            let node = crate::parse::expression(text)?;
            let before = self.domain_value.replace(value.clone());
            let check = self.in_isolation(|binder| binder.expr(&node));
            self.domain_value = before;
            let check = check?;
            let message = format!("value for domain {} violates check constraint \"{name}\"", domain.name);
            arms.push(format!("WHEN NOT {} THEN {}", check.operand(), Self::raise_text("23514", &message)));
        }
        let mut bound =
            Bound::plain(format!("CASE {} ELSE {} END", arms.join(" "), value.sql), value.ty.clone())
                .over([&value])
                .at(value.place);
        bound.atom = false;
        Ok(match fence {
            Some(fence) => fence.around(bound),
            None => bound,
        })
    }

    fn case(&mut self, case: &CaseExpr) -> Result<Bound> {
        let at = place(case.location);
        let mut fence = None;
        let subject = match case.arg.as_deref() {
            Some(node) => {
                let bound = self.expr(node)?;
                let bound = self.settle(bound)?;
                if self.in_schema_text() {
                    Some(bound)
                } else {
                    let (mut values, held) = self.fence(vec![bound], at)?;
                    fence = held;
                    values.pop()
                }
            }
            None => None,
        };
        let mut tests = Vec::new();
        let mut results = Vec::new();
        for node in &case.args {
            let Some(NodeEnum::CaseWhen(when)) = &node.node else { continue };
            let Some(test) = when.expr.as_deref() else { continue };
            let test = match &subject {
                Some(subject) => {
                    let value = self.expr(test)?;
                    let at = value.place;
                    self.operate("=", subject.clone(), value, at)?
                }
                None => {
                    let bound = self.condition(test, true)?;
                    self.coerce_to_boolean(bound, "CASE/WHEN")?
                }
            };
            tests.push(test);
            results.push(self.optional(when.result.as_deref())?);
        }
        let default = match case.defresult.as_deref() {
            Some(node) => self.expr(node)?,
            None => Bound::null(),
        };
        results.push(default);
        // PostgreSQL looks at the ELSE first when it looks for the common type.
        let mut order: Vec<&Bound> = results.iter().rev().take(1).collect();
        order.extend(results.iter().take(results.len().saturating_sub(1)));
        let ty = common_column_type(self, "CASE", &order)?;
        let mut cast = Vec::with_capacity(results.len());
        for bound in results {
            cast.push(self.coerce(bound, &ty, Coercion::Implicit)?);
        }
        let mut sql = String::from("CASE");
        for (test, result) in tests.iter().zip(&cast) {
            sql.push_str(&format!(" WHEN {} THEN {}", test.sql, result.sql));
        }
        if let Some(default) = cast.last().filter(|bound| !bound.is_null_constant()) {
            sql.push_str(&format!(" ELSE {}", default.sql));
        }
        sql.push_str(" END");
        let mut bound = Bound::plain(sql, ty).over(cast.iter()).at(at);
        for test in &tests {
            bound.absorb(test);
        }
        Ok(match fence {
            Some(_) if bound.aggregate || bound.window => {
                return Err(Problem::needs_postgres("CASE of a volatile value with an aggregate").placed(at));
            }
            Some(fence) => fence.around(bound),
            None => bound,
        })
    }

    pub fn coalesce(&mut self, nodes: &[Node], at: Option<usize>) -> Result<Bound> {
        let parts = self.all(nodes)?;
        let borrowed: Vec<&Bound> = parts.iter().collect();
        let ty = common_column_type(self, "COALESCE", &borrowed)?;
        let mut cast = Vec::with_capacity(parts.len());
        for bound in parts {
            cast.push(self.coerce(bound, &ty, Coercion::Implicit)?);
        }
        if let [one] = cast.as_slice() {
            return Ok(one.clone());
        }
        let texts: Vec<&str> = cast.iter().map(|bound| bound.sql.as_str()).collect();
        let mut bound = Bound::plain(format!("coalesce({})", texts.join(", ")), ty).over(&cast).at(at);
        bound.nullable = cast.iter().all(|bound| bound.nullable);
        Ok(bound)
    }

    fn min_max(&mut self, minmax: &MinMaxExpr) -> Result<Bound> {
        use pg_query::protobuf::MinMaxOp;
        let least = minmax.op() == MinMaxOp::IsLeast;
        let parts = self.all(&minmax.args)?;
        let borrowed: Vec<&Bound> = parts.iter().collect();
        let ty = common_type(self, if least { "LEAST" } else { "GREATEST" }, &borrowed)?;
        let mut cast = Vec::with_capacity(parts.len());
        for bound in parts {
            cast.push(self.coerce(bound, &ty.clone().into(), Coercion::Implicit)?);
        }
        let name = if least { "min" } else { "max" };
        let mut iter = cast.iter();
        let Some(first) = iter.next() else { return Err(Problem::internal("GREATEST without arguments")) };
        let mut result = first.clone();
        for next in iter {
            // SQLite's `max(a, b)` is NULL where either is; PostgreSQL's skips NULLs.
            let (left, right) = (result.sql.clone(), next.sql.clone());
            let left = if result.nullable { format!("coalesce({left}, {right})") } else { left };
            let right = if next.nullable { format!("coalesce({right}, {})", result.sql) } else { right };
            let mut left = Bound::plain(left, ty.clone());
            left.collation =
                if result.nullable { super::bound::Carried::Nothing } else { result.collation.clone() };
            // Of equal values PostgreSQL keeps the first; SQLite's `min` keeps the last.
            let text = if least {
                let mut right = Bound::plain(right, ty.clone());
                right.collation =
                    if next.nullable { super::bound::Carried::Nothing } else { next.collation.clone() };
                format!("{name}({}, {})", right.collated(), left.sql)
            } else {
                format!("{name}({}, {right})", left.collated())
            };
            let mut pair = Bound::plain(text, ty.clone()).over([&result, next]);
            pair.nullable = result.nullable && next.nullable;
            result = pair;
        }
        Ok(result.at(place(minmax.location)))
    }

    fn indirection(&mut self, indirection: &AIndirection) -> Result<Bound> {
        let mut bound = self.optional(indirection.arg.as_deref())?;
        let mut rest = indirection.indirection.iter().peekable();
        while let Some(node) = rest.next() {
            let at = bound.place;
            match &node.node {
                Some(NodeEnum::String(name)) => {
                    bound = match self.field(&bound, &name.sval, at)? {
                        Some(field) => field,
                        None => return Err(self.no_field(bound, &name.sval, at)),
                    };
                }
                Some(NodeEnum::AIndices(_)) if matches!(bound.ty.ty, Type::Json | Type::Jsonb) => {
                    let Some(NodeEnum::AIndices(index)) = &node.node else { continue };
                    let key = self.optional(index.uidx.as_deref())?;
                    bound = self.operate("->", bound, key, at)?;
                }
                Some(NodeEnum::AIndices(first)) if first.is_slice => {
                    let low = first.lidx.as_deref().map(|node| self.expr(node)).transpose()?;
                    let high = first.uidx.as_deref().map(|node| self.expr(node)).transpose()?;
                    bound = self.slice(&bound, low, high, at)?;
                }
                Some(NodeEnum::AIndices(first)) => {
                    let mut indices = vec![self.optional(first.uidx.as_deref())?];
                    while let Some(NodeEnum::AIndices(next)) = rest.peek().and_then(|node| node.node.as_ref())
                    {
                        if next.is_slice {
                            break;
                        }
                        indices.push(self.optional(next.uidx.as_deref())?);
                        rest.next();
                    }
                    bound = self.element(&bound, indices, at)?;
                }
                Some(NodeEnum::AStar(_)) => return Ok(bound),
                _ => return Err(Problem::internal("an unknown kind of indirection").placed(at)),
            }
        }
        Ok(bound)
    }

    fn no_field(&self, bound: Bound, name: &str, at: Option<usize>) -> Problem {
        let ty = self.type_name(&bound.ty.ty);
        match &bound.ty.ty {
            Type::Composite(_) => {
                Problem::new("42703", format!("column \"{name}\" not found in data type {ty}")).placed(at)
            }
            Type::Record => {
                Problem::new("42703", format!("could not identify column \"{name}\" in record data type"))
                    .placed(at)
            }
            _ => Problem::new(
                "42809",
                format!("column notation .{name} applied to type {ty}, which is not a composite type"),
            )
            .placed(at),
        }
    }

    fn value_function(&mut self, function: &SqlValueFunction) -> Result<Bound> {
        use pg_query::protobuf::SqlValueFunctionOp as Op;
        let at = place(function.location);
        let digits = u8::try_from(function.typmod).ok().filter(|digits| *digits <= 6);
        let (name, ty) = match function.op() {
            Op::SvfopCurrentDate => ("current_date", Type::Date),
            Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => ("current_time", Type::TimeTz),
            Op::SvfopLocaltime | Op::SvfopLocaltimeN => ("localtime", Type::Time),
            Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => ("localtimestamp", Type::Timestamp),
            Op::SvfopCurrentRole | Op::SvfopCurrentUser | Op::SvfopUser => ("current_user", Type::Name),
            Op::SvfopSessionUser => ("session_user", Type::Name),
            Op::SvfopCurrentCatalog => ("current_database", Type::Name),
            Op::SvfopCurrentSchema => ("current_schema", Type::Name),
            _ => ("current_timestamp", Type::TimestampTz),
        };
        let none = || Arguments { values: Vec::new(), names: Vec::new(), spread: false };
        let known = natives_named(name).iter().any(|native| native.args.is_empty());
        let bound = if known || matches!(ty, Type::Name) {
            self.call_by_name(Some("pg_catalog"), name, none(), at)?
        } else {
            let now = self.call_by_name(Some("pg_catalog"), "now", none(), at)?;
            self.coerce(now, &ty.clone().into(), Coercion::Explicit)?
        };
        let modifier = digits.map_or(Modifier::None, Modifier::Precision);
        let ty = bound.ty.ty.clone();
        self.coerce(bound, &ColumnType { ty, modifier }, Coercion::Explicit).map(|bound| bound.at(at))
    }

    /// `COLLATE`: the order here is that of the C collation.
    pub fn collate(&mut self, bound: Bound, name: &[&str], at: Option<usize>) -> Result<Bound> {
        let last = name.last().copied().unwrap_or_default();
        if !bound.is_unknown() && !bound.ty.ty.is_string() {
            let ty = self.type_name(&bound.ty.ty);
            return Err(
                Problem::new("42804", format!("collations are not supported by type {ty}")).placed(at)
            );
        }
        if matches!(last, "C" | "POSIX" | "default" | "C.UTF-8" | "C.utf8" | "ucs_basic") {
            return self.settle(bound);
        }
        Err(Problem::needs_postgres(format!("collation \"{last}\"")).placed(at))
    }
}

/// An integer literal has the smallest of the types integer and bigint.
pub(super) fn integer(value: i64) -> Bound {
    let ty = if i32::try_from(value).is_ok() { Type::Int4 } else { Type::Int8 };
    Bound::constant(Value::Integer(value), ty)
}

/// The unit of `interval '1' day`: which fields the type's modifier names.
fn interval_unit(name: &TypeName) -> Option<&'static str> {
    if strings(&name.names).last() != Some(&"interval") {
        return None;
    }
    let mask = match name.typmods.first()?.node.as_ref()? {
        NodeEnum::AConst(AConst { val: Some(a_const::Val::Ival(mask)), .. }) => mask.ival,
        NodeEnum::Integer(mask) => mask.ival,
        _ => return None,
    };
    match mask {
        0x2 => Some("month"),
        0x4 => Some("year"),
        0x8 => Some("day"),
        0x400 => Some("hour"),
        0x800 => Some("minute"),
        0x1000 => Some("second"),
        _ => None,
    }
}

fn logic_operand(bound: &Bound) -> String {
    // Comparisons and tests bind more tightly than AND, OR and NOT: only logic needs parentheses.
    if bound.atom
        || !(bound.sql.contains(" AND ") || bound.sql.contains(" OR ") || bound.sql.starts_with("NOT "))
    {
        bound.sql.clone()
    } else {
        format!("({})", bound.sql)
    }
}
