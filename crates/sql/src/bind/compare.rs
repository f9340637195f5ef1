//! Operator expressions: plain operators, rows, IN, BETWEEN, LIKE, DISTINCT, and operators over arrays.

use super::bound::{Bound, Form, compare_text};
use super::coerce::Coercion;
use super::errors::{Located, place, syntax};
use super::operators::{is_comparison, resolve};
use super::resolve::natives_named;
use super::scope::Binder;
use super::types::{common_type, strings};
use mainstay_base::{Problem, Result};
use mainstay_types::{Type, Value};
use pg_query::protobuf::{AExpr, AExprKind, SubLink, SubLinkType};
use pg_query::{Node, NodeEnum};

impl Binder<'_> {
    pub fn operator_expr(&mut self, expression: &AExpr) -> Result<Bound> {
        self.operator_in(expression, false)
    }

    pub fn operator_condition(&mut self, expression: &AExpr) -> Result<Bound> {
        self.operator_in(expression, true)
    }

    fn operator_in(&mut self, expression: &AExpr, positive: bool) -> Result<Bound> {
        let at = place(expression.location);
        let names = strings(&expression.name);
        let name = names.last().copied().unwrap_or_default();
        match expression.kind() {
            AExprKind::AexprOp => self.plain_operator(name, expression, at),
            AExprKind::AexprOpAny => self.over_array(name, expression, false, positive, at),
            AExprKind::AexprOpAll => self.over_array(name, expression, true, positive, at),
            AExprKind::AexprDistinct => self.distinct(expression, true, at),
            AExprKind::AexprNotDistinct => self.distinct(expression, false, at),
            AExprKind::AexprNullif => self.nullif(expression, at),
            AExprKind::AexprIn => self.in_list(expression, name == "<>", at),
            AExprKind::AexprLike | AExprKind::AexprIlike => self.plain_operator(name, expression, at),
            AExprKind::AexprSimilar => self.plain_operator(name, expression, at),
            AExprKind::AexprBetween
            | AExprKind::AexprNotBetween
            | AExprKind::AexprBetweenSym
            | AExprKind::AexprNotBetweenSym => self.between(expression, at),
            AExprKind::Undefined => Err(Problem::internal("an operator of no kind").placed(at)),
        }
    }

    fn plain_operator(&mut self, name: &str, expression: &AExpr, at: Option<usize>) -> Result<Bound> {
        if let Some(comparison) = row_comparison(expression) {
            return self.sublink(&comparison, false);
        }
        let Some(left) = expression.lexpr.as_deref() else {
            if name == "-"
                && let Some(constant) = self.negated_constant(expression.rexpr.as_deref(), at)?
            {
                return Ok(constant);
            }
            let operand = self.optional(expression.rexpr.as_deref())?;
            if name == "+"
                && operand.ty.ty.is_numeric()
                && natives_named("+").iter().all(|n| n.args.len() != 1)
            {
                return Ok(operand);
            }
            return self.operate_prefix(name, operand, at);
        };
        // `= NULL` stays what it is; `(a, b) = (SELECT …)` and `= ROW(…)` compare field by field.
        let left = self.expr(left)?;
        let right = self.optional(expression.rexpr.as_deref())?;
        if let (Form::Row { fields: lefts, .. }, Form::Row { fields: rights, .. }) = (&left.form, &right.form)
            && is_comparison(name)
        {
            let (lefts, rights) = (lefts.clone(), rights.clone());
            return self.compare_rows(
                name,
                lefts.into_iter().map(|(_, bound)| bound).collect(),
                rights.into_iter().map(|(_, bound)| bound).collect(),
                at,
            );
        }
        self.operate(name, left, right, at)
    }

    /// `- 5` is a literal, as in PostgreSQL's grammar.
    fn negated_constant(&mut self, node: Option<&Node>, at: Option<usize>) -> Result<Option<Bound>> {
        let Some(Node { node: Some(NodeEnum::AConst(constant)) }) = node else { return Ok(None) };
        if let Some(pg_query::protobuf::a_const::Val::Fval(number)) = &constant.val {
            let text = format!("-{}", number.fval);
            return match text.parse::<i64>() {
                Ok(value) => Ok(Some(super::expr::integer(value).at(at))),
                Err(_) => self.literal_as(&text, &Type::Numeric.into(), Coercion::Explicit, at).map(Some),
            };
        }
        let bound = self.constant(constant)?;
        match (&bound.form, &bound.ty.ty) {
            (Form::Constant(Value::Integer(number)), Type::Int4) => {
                Ok(Some(Bound::constant(Value::Integer(-number), Type::Int4).at(at)))
            }
            _ => Ok(None),
        }
    }

    /// Comparison of rows: field by field for equality, in order for the rest.
    pub fn compare_rows(
        &mut self,
        name: &str,
        lefts: Vec<Bound>,
        rights: Vec<Bound>,
        at: Option<usize>,
    ) -> Result<Bound> {
        if lefts.len() != rights.len() {
            return Err(syntax("unequal number of entries in row expressions").placed(at));
        }
        if lefts.is_empty() {
            return Err(Problem::new("0A000", "cannot compare rows of zero length").placed(at));
        }
        let mut pairs = Vec::with_capacity(lefts.len());
        for (left, right) in lefts.into_iter().zip(rights) {
            pairs.push(self.equalize(
                if name == "<>" || name == "!=" { "=" } else { name },
                left,
                right,
                at,
            )?);
        }
        let parts: Vec<Bound> =
            pairs.iter().flat_map(|(left, right)| [left.clone(), right.clone()]).collect();
        let texts = |operator: &str| -> Vec<String> {
            pairs.iter().map(|(left, right)| compare_text(left, operator, right)).collect()
        };
        let sql = match name {
            "=" => texts("=").join(" AND "),
            "<>" | "!=" => texts("<>").join(" OR "),
            _ => {
                let trivial = pairs.iter().all(|(left, right)| {
                    compare_text(left, "=", right) == format!("{} = {}", left.operand(), right.operand())
                });
                if trivial {
                    let side = |pick: fn(&(Bound, Bound)) -> &Bound| {
                        pairs.iter().map(|pair| pick(pair).sql.clone()).collect::<Vec<_>>().join(", ")
                    };
                    format!("({}) {name} ({})", side(|pair| &pair.0), side(|pair| &pair.1))
                } else {
                    lexicographic(name, &pairs)
                }
            }
        };
        Ok(Bound::boolean(sql).over(&parts).at(at))
    }

    fn distinct(&mut self, expression: &AExpr, distinct: bool, at: Option<usize>) -> Result<Bound> {
        let left = self.optional(expression.lexpr.as_deref())?;
        let right = self.optional(expression.rexpr.as_deref())?;
        let operator = if distinct { "IS NOT" } else { "IS" };
        if let (Form::Row { fields: lefts, .. }, Form::Row { fields: rights, .. }) = (&left.form, &right.form)
        {
            let mut texts = Vec::new();
            for ((_, left), (_, right)) in lefts.clone().into_iter().zip(rights.clone()) {
                let (left, right) = self.equalize("=", left, right, at)?;
                texts.push(compare_text(&left, operator, &right));
            }
            let text = texts.join(if distinct { " OR " } else { " AND " });
            return Ok(Bound::boolean(text).over([&left, &right]).at(at).not_null());
        }
        if right.is_null_constant() || left.is_null_constant() {
            let operand = if right.is_null_constant() { left } else { right };
            let operand = self.settle(operand)?;
            let text = format!("{} {operator} NULL", operand.operand());
            return Ok(Bound::boolean(text).over([&operand]).at(at).not_null());
        }
        let (left, right) = self.equalize("=", left, right, at)?;
        Ok(Bound::boolean(compare_text(&left, operator, &right)).over([&left, &right]).at(at).not_null())
    }

    fn nullif(&mut self, expression: &AExpr, at: Option<usize>) -> Result<Bound> {
        let left = self.optional(expression.lexpr.as_deref())?;
        let right = self.optional(expression.rexpr.as_deref())?;
        let original = left.clone();
        let (left, right) = self.equalize("=", left, right, at)?;
        let same = left.sql == original.sql || original.is_unknown();
        let (sql, ty) = if same {
            (format!("nullif({}, {})", left.collated(), right.sql), left.ty.clone())
        } else {
            // The result keeps the first argument's own type.
            let test = compare_text(&left, "=", &right);
            (format!("CASE WHEN NOT coalesce({test}, 0) THEN {} END", original.sql), original.ty.clone())
        };
        let mut bound = Bound::plain(sql, ty).over([&left, &right]).at(at);
        bound.nullable = true;
        Ok(bound)
    }

    fn in_list(&mut self, expression: &AExpr, negated: bool, at: Option<usize>) -> Result<Bound> {
        let left = self.optional(expression.lexpr.as_deref())?;
        let items = match expression.rexpr.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::List(list)) => self.all(&list.items)?,
            _ => return Err(Problem::internal("IN without a list").placed(at)),
        };
        self.in_values(left, items, negated, at)
    }

    /// `left IN (items)`, in one common type where there is one.
    fn in_values(
        &mut self,
        left: Bound,
        items: Vec<Bound>,
        negated: bool,
        at: Option<usize>,
    ) -> Result<Bound> {
        let is_row = matches!(left.form, Form::Row { .. })
            || items.iter().any(|item| matches!(item.form, Form::Row { .. }));
        let mut parts = vec![&left];
        parts.extend(&items);
        let common = if is_row { None } else { common_type(self, "IN", &parts).ok() };
        let Some(common) = common else {
            let mut tests = Vec::with_capacity(items.len());
            for item in items {
                let test = match (&left.form, &item.form) {
                    (Form::Row { fields: lefts, .. }, Form::Row { fields: rights, .. }) => {
                        let lefts = lefts.iter().map(|(_, bound)| bound.clone()).collect();
                        let rights = rights.iter().map(|(_, bound)| bound.clone()).collect();
                        self.compare_rows(if negated { "<>" } else { "=" }, lefts, rights, at)?
                    }
                    _ => self.operate(if negated { "<>" } else { "=" }, left.clone(), item, at)?,
                };
                tests.push(test);
            }
            let texts: Vec<String> = tests.iter().map(Bound::operand).collect();
            let text = texts.join(if negated { " AND " } else { " OR " });
            return Ok(Bound::boolean(text).over(&tests).at(at));
        };
        // The comparison itself may ask for yet another type (text for varchar).
        let resolved = resolve(self, "=", &[left.ty.ty.clone(), common]).placed(at)?;
        let [left_type, right_type] = &*resolved.args else {
            return Err(Problem::internal("an operator without two operands").placed(at));
        };
        let left = self.coerce(left, &left_type.clone().into(), Coercion::Implicit)?;
        let mut cast = Vec::with_capacity(items.len());
        for item in items {
            cast.push(self.coerce(item, &right_type.clone().into(), Coercion::Implicit)?);
        }
        let texts: Vec<&str> = cast.iter().map(|bound| bound.sql.as_str()).collect();
        let operator = if negated { "NOT IN" } else { "IN" };
        let subject = loose_collated(&left);
        let mut bound =
            Bound::boolean(format!("{subject} {operator} ({})", texts.join(", "))).over(&cast).at(at);
        bound.nullable |= left.nullable;
        bound.absorb(&left);
        Ok(bound)
    }

    fn between(&mut self, expression: &AExpr, at: Option<usize>) -> Result<Bound> {
        let kind = expression.kind();
        let negated = matches!(kind, AExprKind::AexprNotBetween | AExprKind::AexprNotBetweenSym);
        let symmetric = matches!(kind, AExprKind::AexprBetweenSym | AExprKind::AexprNotBetweenSym);
        let value = self.optional(expression.lexpr.as_deref())?;
        let limits = match expression.rexpr.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::List(list)) => self.all(&list.items)?,
            _ => Vec::new(),
        };
        let [low, high] = &*limits else {
            return Err(Problem::internal("BETWEEN without two limits").placed(at));
        };
        let straight = self.between_limits(&value, low, high, negated, at)?;
        if !symmetric {
            return Ok(straight);
        }
        let turned = self.between_limits(&value, high, low, negated, at)?;
        let joiner = if negated { "AND" } else { "OR" };
        let text = format!("{} {joiner} {}", straight.operand(), turned.operand());
        Ok(Bound::boolean(text).over([&straight, &turned]).at(at))
    }

    fn between_limits(
        &mut self,
        value: &Bound,
        low: &Bound,
        high: &Bound,
        negated: bool,
        at: Option<usize>,
    ) -> Result<Bound> {
        let (first, low) = self.equalize(">=", value.clone(), low.clone(), at)?;
        let (second, high) = self.equalize("<=", value.clone(), high.clone(), at)?;
        let parts = [first.clone(), low.clone(), second.clone(), high.clone()];
        let text = if first.sql == second.sql && first.ty.ty == second.ty.ty {
            let operator = if negated { "NOT BETWEEN" } else { "BETWEEN" };
            format!("{} {operator} {} AND {}", loose_collated(&first), low.operand(), high.operand())
        } else if negated {
            format!("{} OR {}", compare_text(&first, "<", &low), compare_text(&second, ">", &high))
        } else {
            format!("{} AND {}", compare_text(&first, ">=", &low), compare_text(&second, "<=", &high))
        };
        Ok(Bound::boolean(text).over(&parts).at(at))
    }

    /// `left op ANY (array)` and `left op ALL (array)`.
    fn over_array(
        &mut self,
        name: &str,
        expression: &AExpr,
        all: bool,
        positive: bool,
        at: Option<usize>,
    ) -> Result<Bound> {
        let name = if name == "!=" { "<>" } else { name };
        let left = self.optional(expression.lexpr.as_deref())?;
        let right = self.optional(expression.rexpr.as_deref())?;
        let element = match &right.ty.ty {
            Type::Array(element) => (**element).clone(),
            Type::Unknown => Type::Unknown,
            _ => {
                return Err(
                    Problem::new("42809", "op ANY/ALL (array) requires array on right side").placed(at)
                );
            }
        };
        let resolved = resolve(self, name, &[left.ty.ty.clone(), element]).placed(at)?;
        let [left_type, right_type] = &*resolved.args else {
            return Err(Problem::internal("an operator without two operands").placed(at));
        };
        if resolved.returns != Type::Bool {
            return Err(
                Problem::new("42809", "op ANY/ALL (array) requires operator to yield boolean").placed(at)
            );
        }
        let right_type = right_type.clone();
        let left = self.coerce(left, &left_type.clone().into(), Coercion::Implicit)?;
        let right = self.coerce(right, &Type::array(right_type.clone()).into(), Coercion::Implicit)?;
        let membership = (name == "=" && !all) || (name == "<>" && all);
        if membership {
            return self.membership(left, right, &right_type, all, positive, at);
        }
        // Each element in turn: `value` of json_each.
        let item = self.item_to_value("value".to_owned(), &right_type);
        let item = Bound::plain(item, right_type);
        let test = self.apply_binary(name, resolved, left.clone(), item, at)?;
        let mut bound = quantified(&test.sql, &format!("json_each({})", right.sql), all, positive && !all);
        if !positive && right.nullable {
            bound.sql = format!("CASE WHEN {} IS NOT NULL THEN {} END", right.operand(), bound.sql);
        }
        Ok(bound.over([&left, &right]).at(at))
    }

    /// The elements of a constant array, few enough to be written out.
    fn items_of_constant(&mut self, array: &Bound, element: &Type) -> Result<Option<Vec<Bound>>> {
        const WRITTEN_OUT_MAX: usize = 200;
        let Form::Constant(Value::Text(text)) = &array.form else { return Ok(None) };
        let Ok(serde_json::Value::Array(items)) = serde_json::from_str(text) else { return Ok(None) };
        if items.is_empty() || items.len() > WRITTEN_OUT_MAX {
            return Ok(None);
        }
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            let text = match item {
                serde_json::Value::String(text) => text,
                serde_json::Value::Null => {
                    out.push(Bound { ty: element.clone().into(), ..Bound::null() });
                    continue;
                }
                serde_json::Value::Number(number) => number.to_string(),
                serde_json::Value::Bool(value) => value.to_string(),
                _ => return Ok(None),
            };
            out.push(self.literal_as(&text, &element.clone().into(), Coercion::Explicit, array.place)?);
        }
        Ok(Some(out))
    }

    fn membership(
        &mut self,
        left: Bound,
        right: Bound,
        element: &Type,
        negated: bool,
        positive: bool,
        at: Option<usize>,
    ) -> Result<Bound> {
        if let Form::Elements(elements) = &right.form
            && !elements.is_empty()
        {
            return self.in_values(left, elements.clone(), negated, at);
        }
        if let Some(items) = self.items_of_constant(&right, element)? {
            return self.in_values(left, items, negated, at);
        }
        let operator = if negated { "NOT IN" } else { "IN" };
        let item = self.item_to_value("value".to_owned(), element);
        let array = &right.sql;
        let text = format!("{} {operator} (SELECT {item} FROM json_each({array}))", loose_collated(&left));
        // Of a NULL array json_each makes no rows; PostgreSQL's answer is NULL then.
        let guarded = right.nullable && !positive;
        let text =
            if guarded { format!("CASE WHEN {} IS NOT NULL THEN {text} END", right.operand()) } else { text };
        Ok(Bound::boolean(text).over([&left, &right]).at(at))
    }
}

/// The left operand of IN and BETWEEN, whose collation counts.
pub(super) fn loose_collated(bound: &Bound) -> String {
    let text = bound.collated();
    if text == bound.sql { bound.operand() } else { text }
}

/// The truth of `test` over all rows of `from`: for ANY true wins, for ALL false, and NULL comes before the other.
pub(super) fn quantified(test: &str, from: &str, all: bool, positive: bool) -> Bound {
    if positive {
        return Bound { atom: true, ..Bound::boolean(format!("EXISTS (SELECT 1 FROM {from} WHERE {test})")) };
    }
    let (aggregate, decided, otherwise) = if all { ("min", "0", "1") } else { ("max", "1", "0") };
    Bound {
        atom: true,
        ..Bound::boolean(format!(
            "(SELECT CASE WHEN {aggregate}(r) = {decided} THEN {decided} WHEN count(*) > count(r) THEN NULL ELSE \
             {otherwise} END FROM (SELECT {test} AS r FROM {from}))"
        ))
    }
}

/// `(a, b) < (c, d)` written out, each comparison with its own collation.
fn lexicographic(name: &str, pairs: &[(Bound, Bound)]) -> String {
    let strict = name.trim_end_matches('=');
    let Some(((left, right), rest)) = pairs.split_first() else { return "1".to_owned() };
    if rest.is_empty() {
        return compare_text(left, name, right);
    }
    format!(
        "({} OR ({} AND {}))",
        compare_text(left, strict, right),
        compare_text(left, "=", right),
        lexicographic(name, rest)
    )
}

/// `(a, b) = (SELECT …)`, which the parser leaves as an operator between a row and a subquery.
fn row_comparison(expression: &AExpr) -> Option<SubLink> {
    let row = expression.lexpr.as_deref()?;
    match (&row.node, expression.rexpr.as_deref().and_then(|node| node.node.as_ref())) {
        (Some(NodeEnum::RowExpr(_)), Some(NodeEnum::SubLink(link)))
            if link.sub_link_type() == SubLinkType::ExprSublink =>
        {
            let mut link = (**link).clone();
            link.sub_link_type = SubLinkType::RowcompareSublink.into();
            link.testexpr = Some(Box::new(row.clone()));
            link.oper_name.clone_from(&expression.name);
            Some(link)
        }
        _ => None,
    }
}
