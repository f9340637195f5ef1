//! Evaluates a path over a document.

use super::parse::{Expression, Method, Path, Step};
use crate::context::Context;
use crate::forms::json::parse::Json;
use crate::forms::jsonb::normal_number;
use crate::forms::numeric::Decimal;
use crate::ty::Type;
use mainstay_base::{Problem, Result};
use std::borrow::Cow;

pub(super) struct Evaluation<'a> {
    pub path: &'a Path,
    document: &'a Json<'a>,
    variables: &'a Json<'a>,
    pub context: &'a Context,
}

pub(super) type Item<'a> = Cow<'a, Json<'a>>;
pub(super) type Items<'a> = Vec<Item<'a>>;

/// What `@` and `last` mean at a place.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s, 'a> {
    current: &'s Item<'a>,
    last: Option<i64>,
}

/// Whether `silent` hides the problem: what depends on the document, not on the path.
pub(super) fn is_suppressible(problem: &Problem) -> bool {
    problem.code().starts_with("22") && problem.code() != "22P02"
}

fn problem(code: &'static str, message: impl Into<String>) -> Problem {
    Problem::new(code, message)
}

impl<'a> Evaluation<'a> {
    pub fn new(
        path: &'a Path,
        document: &'a Json<'a>,
        variables: &'a Json<'a>,
        context: &'a Context,
    ) -> Self {
        Evaluation { path, document, variables, context }
    }

    pub fn run(&self) -> Result<Vec<Json<'a>>> {
        let current = Cow::Borrowed(self.document);
        let items = self.items(&self.path.root, Scope { current: &current, last: None })?;
        Ok(items.into_iter().map(Cow::into_owned).collect())
    }

    fn lax(&self) -> bool {
        !self.path.strict
    }

    pub fn items(&self, expression: &'a Expression, scope: Scope<'_, 'a>) -> Result<Items<'a>> {
        let one = |item: Json<'a>| Ok(vec![Cow::Owned(item)]);
        match expression {
            Expression::Root => Ok(vec![Cow::Borrowed(self.document)]),
            Expression::Current => Ok(vec![scope.current.clone()]),
            Expression::Last => match scope.last {
                Some(last) => one(Json::Number(Cow::Owned(last.to_string()))),
                None => Err(problem("42601", "LAST is allowed only in array subscripts")),
            },
            Expression::Variable(name) => match self.variables.get(name) {
                Some(value) => Ok(vec![Cow::Borrowed(value)]),
                None => Err(problem("42704", format!("could not find jsonpath variable \"{name}\""))),
            },
            Expression::Literal(literal) => Ok(vec![Cow::Borrowed(literal)]),
            Expression::Step(base, step) => {
                let mut found = Vec::new();
                for item in self.items(base, scope)? {
                    self.step(step, item, scope, &mut found)?;
                }
                Ok(found)
            }
            Expression::Negate(inner) => self.signed(inner, scope, true),
            Expression::Plus(inner) => self.signed(inner, scope, false),
            Expression::Arithmetic(operator, left, right) => {
                let left = self.operand(left, scope, "left", *operator)?;
                let right = self.operand(right, scope, "right", *operator)?;
                let result = match operator {
                    '+' => left.add(&right),
                    '-' => left.sub(&right),
                    '*' => left.mul(&right),
                    '/' => left.div(&right),
                    _ => left.rem(&right),
                }?;
                one(number(&result)?)
            }
            Expression::Predicate(predicate) => one(match self.truth(predicate, scope)? {
                Some(truth) => Json::Bool(truth),
                None => Json::Null,
            }),
        }
    }

    fn signed(&self, inner: &'a Expression, scope: Scope<'_, 'a>, negate: bool) -> Result<Items<'a>> {
        let mut out = Vec::new();
        for item in self.unwrapped(inner, scope)? {
            let Json::Number(text) = item.as_ref() else {
                let sign = if negate { '-' } else { '+' };
                let message = format!("operand of unary jsonpath operator {sign} is not a numeric value");
                return Err(problem("22036", message));
            };
            let value = Decimal::parse(text)?;
            out.push(Cow::Owned(number(&if negate { value.neg() } else { value })?));
        }
        Ok(out)
    }

    /// The items of an operand; in lax mode arrays stand for their elements.
    pub fn unwrapped(&self, expression: &'a Expression, scope: Scope<'_, 'a>) -> Result<Items<'a>> {
        let items = self.items(expression, scope)?;
        Ok(if self.lax() { items.into_iter().flat_map(elements).collect() } else { items })
    }

    fn operand(
        &self,
        expression: &'a Expression,
        scope: Scope<'_, 'a>,
        side: &str,
        operator: char,
    ) -> Result<Decimal> {
        match self.unwrapped(expression, scope)?.as_slice() {
            [item] if let Json::Number(text) = item.as_ref() => Decimal::parse(text),
            _ => Err(problem(
                "22038",
                format!("{side} operand of jsonpath operator {operator} is not a single numeric value"),
            )),
        }
    }

    fn step(&self, step: &'a Step, item: Item<'a>, scope: Scope<'_, 'a>, out: &mut Items<'a>) -> Result<()> {
        // In lax mode an accessor of objects, a filter and most methods apply to the elements of an array.
        let spreads = match step {
            Step::Member(_) | Step::AnyMember | Step::Filter(_) => true,
            Step::Method(method) => !matches!(method, Method::Type | Method::Size),
            _ => false,
        };
        if spreads && self.lax() && matches!(item.as_ref(), Json::Array(_)) {
            for element in elements(item) {
                self.step_once(step, element, scope, out)?;
            }
            return Ok(());
        }
        self.step_once(step, item, scope, out)
    }

    fn step_once(
        &self,
        step: &'a Step,
        item: Item<'a>,
        scope: Scope<'_, 'a>,
        out: &mut Items<'a>,
    ) -> Result<()> {
        match step {
            Step::Member(name) => match (member(&item, name), item.as_ref()) {
                (Some(value), _) => out.push(value),
                _ if self.lax() => {}
                (None, Json::Object(_)) => {
                    return Err(problem("2203A", format!("JSON object does not contain key \"{name}\"")));
                }
                _ => {
                    return Err(problem(
                        "2203A",
                        "jsonpath member accessor can only be applied to an object",
                    ));
                }
            },
            Step::AnyMember => match item {
                Cow::Borrowed(Json::Object(pairs)) => {
                    out.extend(pairs.iter().map(|pair| Cow::Borrowed(&pair.1)))
                }
                Cow::Owned(Json::Object(pairs)) => {
                    out.extend(pairs.into_iter().map(|pair| Cow::Owned(pair.1)))
                }
                _ if self.lax() => {}
                _ => {
                    let message = "jsonpath wildcard member accessor can only be applied to an object";
                    return Err(problem("2203C", message));
                }
            },
            Step::AnyLevel(from, to) => descend(item, 0, *from, *to, out),
            Step::AnyElement => match item.as_ref() {
                Json::Array(_) => out.extend(elements(item)),
                _ if self.lax() => out.push(item),
                _ => {
                    let message = "jsonpath wildcard array accessor can only be applied to an array";
                    return Err(problem("22039", message));
                }
            },
            Step::Subscripts(subscripts) => self.subscripts(subscripts, item, scope, out)?,
            Step::Filter(predicate) => {
                if self.truth(predicate, Scope { current: &item, last: scope.last })? == Some(true) {
                    out.push(item);
                }
            }
            Step::Method(method) => self.method(*method, item, out)?,
        }
        Ok(())
    }

    fn subscripts(
        &self,
        subscripts: &'a [(Expression, Option<Expression>)],
        item: Item<'a>,
        scope: Scope<'_, 'a>,
        out: &mut Items<'a>,
    ) -> Result<()> {
        let values: Items<'a> = match item.as_ref() {
            Json::Array(_) => elements(item),
            _ if self.lax() => vec![item],
            _ => return Err(problem("22039", "jsonpath array accessor can only be applied to an array")),
        };
        let length = values.len() as i64;
        let inner = Scope { current: scope.current, last: Some(length - 1) };
        for (from, to) in subscripts {
            let from = self.subscript(from, inner)?;
            let to = to.as_ref().map_or(Ok(from), |to| self.subscript(to, inner))?;
            if self.path.strict && (from < 0 || from > to || to >= length) {
                return Err(problem("22033", "jsonpath array subscript is out of bounds"));
            }
            for at in from.max(0)..=to.min(length - 1) {
                out.extend(usize::try_from(at).ok().and_then(|at| values.get(at).cloned()));
            }
        }
        Ok(())
    }

    fn subscript(&self, expression: &'a Expression, scope: Scope<'_, 'a>) -> Result<i64> {
        match self.items(expression, scope)?.as_slice() {
            [item] if let Json::Number(text) = item.as_ref() => {
                let whole = Decimal::parse(text)?.trunc(0)?;
                whole
                    .to_integer(&Type::Int4)
                    .map_err(|_| problem("22033", "jsonpath array subscript is out of integer range"))
            }
            _ => Err(problem("22033", "jsonpath array subscript is not a single numeric value")),
        }
    }

    fn method(&self, method: Method, item: Item<'a>, out: &mut Items<'a>) -> Result<()> {
        let name = method.name();
        let refuse = |to: &str| {
            problem("22036", format!("jsonpath item method .{name}() can only be applied to {to}"))
        };
        let result = match (method, item.as_ref()) {
            (Method::Type, value) => Json::string(type_name(value)),
            (Method::Size, Json::Array(values)) => Json::Number(Cow::Owned(values.len().to_string())),
            (Method::Size, _) if self.lax() => Json::Number(Cow::Borrowed("1")),
            (Method::Size, _) => {
                return Err(problem("22039", "jsonpath item method .size() can only be applied to an array"));
            }
            (Method::Double, Json::Number(text)) => double(text).ok_or_else(|| {
                problem("22036", format!("numeric argument of jsonpath item method .{name}() is out of range for type double precision"))
            })?,
            (Method::Double, Json::String(text)) => double(text).ok_or_else(|| {
                problem("22036", format!("string argument of jsonpath item method .{name}() is not a valid representation of a double precision number"))
            })?,
            (Method::Double, _) => return Err(refuse("a string or numeric value")),
            (Method::Ceiling, Json::Number(text)) => number(&Decimal::parse(text)?.ceil()?)?,
            (Method::Floor, Json::Number(text)) => number(&Decimal::parse(text)?.floor()?)?,
            (Method::Abs, Json::Number(text)) => number(&Decimal::parse(text)?.abs())?,
            (Method::Ceiling | Method::Floor | Method::Abs, _) => return Err(refuse("a numeric value")),
            (Method::KeyValue, Json::Object(pairs)) => {
                out.extend(pairs.iter().map(|(key, value)| {
                    Cow::Owned(Json::object(vec![
                        (Cow::Borrowed("id"), Json::Number(Cow::Borrowed("0"))),
                        (Cow::Borrowed("key"), Json::String(key.clone())),
                        (Cow::Borrowed("value"), value.clone()),
                    ]))
                }));
                return Ok(());
            }
            (Method::KeyValue, _) => {
                return Err(problem("2203C", "jsonpath item method .keyvalue() can only be applied to an object"));
            }
        };
        out.push(Cow::Owned(result));
        Ok(())
    }
}

/// The elements of an array; any other item alone.
fn elements(item: Item<'_>) -> Items<'_> {
    match item {
        Cow::Borrowed(Json::Array(values)) => values.iter().map(Cow::Borrowed).collect(),
        Cow::Owned(Json::Array(values)) => values.into_iter().map(Cow::Owned).collect(),
        other => vec![other],
    }
}

fn member<'a>(item: &Item<'a>, name: &str) -> Option<Item<'a>> {
    match item {
        Cow::Borrowed(json) => json.get(name).map(Cow::Borrowed),
        Cow::Owned(json) => json.get(name).cloned().map(Cow::Owned),
    }
}

/// `.**`: the item and everything within it, from one depth to another. No depth `from` means leaves only.
fn descend<'a>(item: Item<'a>, depth: u32, from: u32, to: Option<u32>, out: &mut Items<'a>) {
    let is_leaf = item.is_scalar();
    if depth >= from && to.is_none_or(|to| depth <= to) || (from == u32::MAX && is_leaf) {
        out.push(item.clone());
    }
    if to.is_some_and(|to| depth >= to) && from != u32::MAX {
        return;
    }
    let children: Items<'a> = match item {
        Cow::Borrowed(Json::Array(_)) | Cow::Owned(Json::Array(_)) => elements(item),
        Cow::Borrowed(Json::Object(pairs)) => pairs.iter().map(|pair| Cow::Borrowed(&pair.1)).collect(),
        Cow::Owned(Json::Object(pairs)) => pairs.into_iter().map(|pair| Cow::Owned(pair.1)).collect(),
        _ => return,
    };
    for child in children {
        descend(child, depth + 1, from, to, out);
    }
}

fn number(decimal: &Decimal) -> Result<Json<'static>> {
    Ok(Json::Number(Cow::Owned(decimal.to_string())))
}

fn double(text: &str) -> Option<Json<'static>> {
    let number: f64 = text.trim().parse().ok()?;
    if !number.is_finite() {
        return None;
    }
    let mut shown = String::new();
    crate::forms::float::write(&Type::Float8, number, &mut shown);
    normal_number(&shown).ok().map(|number| Json::Number(Cow::Owned(number.into_owned())))
}

fn type_name(json: &Json<'_>) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}
