//! The truth of a path's predicates: of what `?` filters by, and of a path that is a predicate itself.

use super::evaluate::{Evaluation, Items, Scope, is_suppressible};
use super::parse::{Expression, Predicate};
use crate::forms::json::parse::Json;
use crate::forms::jsonb::compare_numbers;
use crate::registry::{Body, Call, natives};
use crate::ty::Type;
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::borrow::Cow;
use std::cmp::Ordering;

impl<'a> Evaluation<'a> {
    /// A predicate's truth; none is unknown.
    pub fn truth(&self, predicate: &'a Predicate, scope: Scope<'_, 'a>) -> Result<Option<bool>> {
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
