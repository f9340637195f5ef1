//! Evaluates a path over a document.

use super::parse::{Expression, Method, Path, Predicate, Step};
use crate::context::Context;
use crate::forms::json::parse::Json;
use crate::forms::jsonb::{compare_numbers, normal_number};
use crate::forms::numeric::Decimal;
use crate::registry::{Body, Call, natives};
use crate::ty::Type;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::borrow::Cow;
use std::cmp::Ordering;

pub(super) struct Evaluation<'a> {
    path: &'a Path,
    document: &'a Json<'a>,
    variables: &'a Json<'a>,
    context: &'a Context,
}

type Item<'a> = Cow<'a, Json<'a>>;
type Items<'a> = Vec<Item<'a>>;

/// What `@` and `last` mean at a place.
#[derive(Clone, Copy)]
struct Scope<'s, 'a> {
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

    fn items(&self, expression: &'a Expression, scope: Scope<'_, 'a>) -> Result<Items<'a>> {
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
    fn unwrapped(&self, expression: &'a Expression, scope: Scope<'_, 'a>) -> Result<Items<'a>> {
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

    /// A predicate's truth; none is unknown.
    fn truth(&self, predicate: &'a Predicate, scope: Scope<'_, 'a>) -> Result<Option<bool>> {
        Ok(match predicate {
            Predicate::And(left, right) => match self.truth(left, scope)? {
                Some(false) => Some(false),
                left => match (left, self.truth(right, scope)?) {
                    (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                },
            },
            Predicate::Or(left, right) => match self.truth(left, scope)? {
                Some(true) => Some(true),
                left => match (left, self.truth(right, scope)?) {
                    (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                },
            },
            Predicate::Not(inner) => self.truth(inner, scope)?.map(|truth| !truth),
            Predicate::IsUnknown(inner) => Some(self.truth(inner, scope)?.is_none()),
            Predicate::Exists(expression) => match self.items(expression, scope) {
                Ok(items) => Some(!items.is_empty()),
                Err(problem) if is_suppressible(&problem) => None,
                Err(problem) => return Err(problem),
            },
            Predicate::Compare(operator, left, right) => {
                let Some(rights) = self.quiet(right, scope)? else { return Ok(None) };
                self.any(left, scope, |left| {
                    let mut results = rights.iter().map(|right| compare(operator, left, right));
                    combine(&mut results, self.path.strict)
                })?
            }
            Predicate::StartsWith(whole, prefix) => {
                let Some(prefixes) = self.quiet(prefix, scope)? else { return Ok(None) };
                self.any(whole, scope, |whole| match (whole, prefixes.as_slice()) {
                    (Json::String(text), [prefix]) => match prefix.as_ref() {
                        Json::String(prefix) => Some(text.starts_with(prefix.as_ref())),
                        _ => None,
                    },
                    _ => None,
                })?
            }
            Predicate::LikeRegex(text, pattern, flags) => {
                let mut failure = None;
                let found = self.any(text, scope, |text| match text {
                    Json::String(text) => match self.is_like(text, pattern, flags) {
                        Ok(truth) => Some(truth),
                        Err(problem) => {
                            failure = Some(problem);
                            None
                        }
                    },
                    _ => None,
                })?;
                match failure {
                    Some(problem) => return Err(problem),
                    None => found,
                }
            }
        })
    }

    /// The items of an operand of a predicate; none where finding them failed.
    fn quiet(&self, expression: &'a Expression, scope: Scope<'_, 'a>) -> Result<Option<Items<'a>>> {
        match self.unwrapped(expression, scope) {
            Ok(items) => Ok(Some(items)),
            Err(problem) if is_suppressible(&problem) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Whether a test holds for any item of an operand.
    fn any(
        &self,
        expression: &'a Expression,
        scope: Scope<'_, 'a>,
        mut test: impl FnMut(&Json<'a>) -> Option<bool>,
    ) -> Result<Option<bool>> {
        let Some(items) = self.quiet(expression, scope)? else { return Ok(None) };
        Ok(combine(&mut items.iter().map(|item| test(item)), self.path.strict))
    }

    fn is_like(&self, text: &str, pattern: &str, flags: &str) -> Result<bool> {
        // PostgreSQL's letters for XQuery's: without `s` a dot stops at a line feed, with `m` anchors match at lines.
        let lines = match (flags.contains('s'), flags.contains('m')) {
            (false, false) => "p",
            (true, false) => "s",
            (false, true) => "n",
            (true, true) => "w",
        };
        let case = if flags.contains('i') { "i" } else { "" };
        let (pattern, letters) = if flags.contains('q') {
            (Cow::Owned(format!("***={pattern}")), case.to_owned())
        } else {
            (Cow::Borrowed(pattern), format!("{lines}{case}"))
        };
        let regexp_like = natives().find(|native| native.name == "regexp_like" && native.args.len() == 3);
        let Some(Body::Rust(body)) = regexp_like.map(|native| native.body) else {
            return Err(Problem::needs_postgres("jsonpath predicate like_regex"));
        };
        let args = [ValueRef::Text(text), ValueRef::Text(&pattern), ValueRef::Text(&letters)];
        let types = [Type::Text, Type::Text, Type::Text];
        let value = body(&Call { args: &args, types: &types, returns: &Type::Bool, context: self.context })?;
        Ok(value == Value::Integer(1))
    }
}

/// True where any is; in strict mode one that is unknown spoils all.
fn combine(results: &mut dyn Iterator<Item = Option<bool>>, strict: bool) -> Option<bool> {
    let (mut found, mut unknown) = (false, false);
    for result in results {
        match result {
            Some(true) if !strict => return Some(true),
            Some(true) => found = true,
            Some(false) => {}
            None if strict => return None,
            None => unknown = true,
        }
    }
    if found {
        Some(true)
    } else if unknown {
        None
    } else {
        Some(false)
    }
}

fn compare(operator: &str, left: &Json<'_>, right: &Json<'_>) -> Option<bool> {
    let order = match (left, right) {
        (Json::Null, Json::Null) => Ordering::Equal,
        (Json::Bool(left), Json::Bool(right)) => left.cmp(right),
        (Json::Number(left), Json::Number(right)) => compare_numbers(left, right),
        (Json::String(left), Json::String(right)) => left.cmp(right),
        (Json::Array(_) | Json::Object(_), _) | (_, Json::Array(_) | Json::Object(_))
            if *left != Json::Null && *right != Json::Null =>
        {
            return None;
        }
        // Of two types, null is unequal to anything; the rest cannot be compared.
        (Json::Null, _) | (_, Json::Null) => return Some(operator == "!="),
        _ => return None,
    };
    Some(match operator {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    })
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
