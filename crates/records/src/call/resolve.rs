//! Finds the overload that a call means, by the names of its arguments.

use crate::fuzzy;
use crate::problems::{self, CallSought};
use crate::schema::Schema;
use mainstay_base::Result;
use mainstay_sql::Name;
use mainstay_sql::catalog::{Argument, ArgumentMode, Function};
use mainstay_types::Type;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The kind of a call's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// `GET`: there is none.
    None = 0,
    Json = 1,
    Form = 2,
    Csv = 3,
    Raw = 4,
    Xml = 5,
}

impl Body {
    /// Whether it can only be one argument as a whole.
    pub(crate) fn is_whole(self) -> bool {
        matches!(self, Body::Raw | Body::Xml)
    }
}

pub(crate) struct Sought<'a> {
    pub(crate) function: &'a Name,
    pub(crate) names: &'a [&'a str],
    pub(crate) body: Body,
    /// Whether a body of bytes is UTF-8.
    pub(crate) is_text: bool,
}

pub(crate) struct Found<'s> {
    pub(crate) function: &'s Arc<Function>,
    /// The whole body is the only argument.
    pub(crate) takes_body: bool,
}

/// The arguments that a caller gives.
pub(crate) fn inputs(function: &Function) -> impl Iterator<Item = &Argument> {
    function.arguments.iter().filter(|argument| {
        matches!(argument.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic)
    })
}

pub(crate) fn resolve<'s>(schema: &'s Schema, sought: &Sought<'_>) -> Result<Found<'s>> {
    let overloads: Vec<&Arc<Function>> = schema
        .catalog
        .functions
        .get(sought.function)
        .into_iter()
        .flatten()
        .filter(|function| is_callable(function))
        .collect();
    let names: BTreeSet<&str> = sought.names.iter().copied().collect();
    let by_name: Vec<&Arc<Function>> =
        overloads.iter().copied().filter(|function| matches_names(function, &names, sought.body)).collect();
    match by_name.as_slice() {
        [function] => return Ok(Found { function, takes_body: false }),
        [] => {}
        several => return Err(ambiguous(schema, several)),
    }
    let by_body: Vec<&Arc<Function>> =
        overloads.iter().copied().filter(|function| takes_body(function, sought.body)).collect();
    match by_body.as_slice() {
        [function] => Ok(Found { function, takes_body: true }),
        // A body of bytes fits both `text` and `bytea`: what is text goes to the former.
        [_, _] if sought.body == Body::Raw => {
            let wanted = if sought.is_text { Type::Text } else { Type::Bytea };
            let is_wanted = |function: &&&Arc<Function>| inputs(function).any(|only| only.ty.ty == wanted);
            match by_body.iter().find(is_wanted) {
                Some(function) => Ok(Found { function, takes_body: true }),
                None => Err(ambiguous(schema, &by_body)),
            }
        }
        [] => Err(not_found(schema, sought, &names, &overloads)),
        several => Err(ambiguous(schema, several)),
    }
}

/// Functions with unnamed arguments can only be called where there is one and a body can be it.
fn is_callable(function: &Function) -> bool {
    let unnamed: Vec<&Argument> = inputs(function).filter(|argument| argument.name.is_empty()).collect();
    let is_trigger = matches!(function.returns.ty.ty, Type::Trigger);
    let can_be = match unnamed.as_slice() {
        [] => true,
        [_] => inputs(function).next().is_some_and(|first| {
            matches!(first.ty.ty, Type::Bytea | Type::Json | Type::Jsonb | Type::Text | Type::Xml)
        }),
        _ => false,
    };
    can_be && !is_trigger
}

fn matches_names(function: &Function, names: &BTreeSet<&str>, body: Body) -> bool {
    let (mut required, mut optional) = (BTreeSet::new(), BTreeSet::new());
    for argument in inputs(function) {
        let set = if argument.default.is_none() { &mut required } else { &mut optional };
        set.insert(argument.name.as_str());
    }
    if required.is_empty() && optional.is_empty() {
        return names.is_empty() && !body.is_whole();
    }
    required.is_subset(names) && names.iter().all(|name| required.contains(name) || optional.contains(name))
}

fn takes_body(function: &Function, body: Body) -> bool {
    let mut arguments = inputs(function);
    let (Some(only), None) = (arguments.next(), arguments.next()) else { return false };
    only.name.is_empty()
        && match body {
            Body::Json => matches!(only.ty.ty, Type::Json | Type::Jsonb),
            Body::Raw => matches!(only.ty.ty, Type::Text | Type::Bytea),
            Body::Xml => only.ty.ty == Type::Xml,
            Body::None | Body::Form | Body::Csv => false,
        }
}

fn ambiguous(schema: &Schema, several: &[&Arc<Function>]) -> mainstay_base::Problem {
    let candidates: Vec<String> = several
        .iter()
        .map(|function| {
            let arguments: Vec<String> = inputs(function)
                .map(|argument| {
                    format!("{} => {}", argument.name, schema.catalog.types.type_name(&argument.ty.ty))
                })
                .collect();
            format!("{}.{}({})", function.name.schema, function.name.name, arguments.join(", "))
        })
        .collect();
    problems::ambiguous_function(&candidates)
}

fn not_found(
    schema: &Schema,
    sought: &Sought<'_>,
    names: &BTreeSet<&str>,
    overloads: &[&Arc<Function>],
) -> mainstay_base::Problem {
    let arguments: Vec<&str> = names.iter().copied().collect();
    let near =
        if sought.body.is_whole() { None } else { near(schema, sought.function, &arguments, overloads) };
    let described = CallSought {
        function: sought.function,
        arguments: &arguments,
        single: match sought.body {
            Body::Raw => Some("text"),
            Body::Xml => Some("xml"),
            _ => None,
        },
        json: sought.body == Body::Json,
    };
    problems::function_not_found(&described, near)
}

fn near(
    schema: &Schema,
    function: &Name,
    arguments: &[&str],
    overloads: &[&Arc<Function>],
) -> Option<String> {
    if overloads.is_empty() {
        let names: Vec<&str> = schema
            .catalog
            .functions
            .iter()
            .filter(|(known, overloads)| {
                known.schema == function.schema && overloads.iter().any(|overload| is_callable(overload))
            })
            .map(|(known, _)| known.name.as_str())
            .collect();
        return fuzzy::best(&function.name, names.iter().copied(), fuzzy::LIKENESS_MIN_NAME)
            .map(|near| format!("{}.{near}", function.schema));
    }
    let lists: Vec<String> = overloads
        .iter()
        .map(|overload| {
            let mut names: Vec<&str> = inputs(overload).map(|argument| argument.name.as_str()).collect();
            names.sort_unstable();
            format!("({})", names.join(", "))
        })
        .collect();
    let wanted = format!("({})", arguments.join(", "));
    fuzzy::best(&wanted, lists.iter().map(String::as_str), fuzzy::LIKENESS_MIN)
        .map(|near| format!("{}.{}{near}", function.schema, function.name))
}
