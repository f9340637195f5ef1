//! Expressions: one arm for each kind of node, each arm one call.

use super::bound::{Bound, Form};
use super::coerce::Coercion;
use super::errors::{Located, place, syntax};
use super::functions::Arguments;
use super::resolve::natives_named;
use super::scope::Binder;
use super::types::strings;
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Modifier, Type, Value};
use pg_query::protobuf::{AConst, AIndirection, BoolExpr, BooleanTest, NullTest, SqlValueFunction, a_const};
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
