//! Functions: `/rpc/<name>`.

use super::parameters::{Parameters, describe_filters};
use super::schemas::{Use, of_fields, of_row, of_type, or_null};
use super::{Parts, key, operation, responses, segment};
use mainstay_sql::Name;
use mainstay_sql::catalog::{Argument, ArgumentMode, Function, Relation};
use mainstay_types::{ColumnType, Type, Volatility};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) fn describe(parts: &mut Parts<'_>, name: &Name, overloads: &[Arc<Function>]) {
    let callable: Vec<&Function> = overloads
        .iter()
        .map(|function| &**function)
        .filter(|function| function.returns.ty.ty != Type::Trigger)
        .collect();
    let Some(first) = callable.first() else { return };
    let (name, id) = (name.name.as_str(), key(&name.name));
    let tag = format!("(rpc) {name}");
    let comment = first.comment.as_deref();
    parts.tag(&tag, comment);
    let mut path = Map::new();
    let reading: Vec<&Function> =
        callable.iter().copied().filter(|function| function.volatility != Volatility::Volatile).collect();
    if !reading.is_empty() {
        let mut parameters = Parameters::reading(parts);
        for (argument, required) in query_arguments(&reading) {
            let parameter = query_argument(parts, argument, required);
            parameters = parameters.own(&argument.name, parameter);
        }
        let more = json!({
            "parameters": of_result(parts, parameters, &reading).shared(&["preferRead"]).list(),
            "responses": results(parts, &reading),
        });
        let summary = format!("Call {name} to read");
        path.insert("get".to_owned(), operation(format!("rpc_get_{id}"), &tag, summary, comment, more));
    }
    let parameters = Parameters::writing(parts);
    let parameters = of_result(parts, parameters, &callable).shared(&["preferWrite", "idempotencyKey"]);
    let more = json!({
        "parameters": parameters.list(),
        "requestBody": body(parts, &callable),
        "responses": results(parts, &callable),
    });
    path.insert(
        "post".to_owned(),
        operation(format!("rpc_post_{id}"), &tag, format!("Call {name}"), comment, more),
    );
    parts.paths.insert(format!("/rpc/{}", segment(name)), Value::Object(path));
}

fn inputs(function: &Function) -> impl Iterator<Item = &Argument> {
    function.arguments.iter().filter(|argument| {
        matches!(argument.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic)
    })
}

fn is_required(argument: &Argument) -> bool {
    argument.default.is_none() && argument.mode != ArgumentMode::Variadic
}

/// The arguments of all overloads; what one of them can do without is not required.
fn query_arguments<'f>(functions: &[&'f Function]) -> Vec<(&'f Argument, bool)> {
    let mut arguments: Vec<(&Argument, bool)> = Vec::new();
    for argument in functions.iter().flat_map(|function| inputs(function)) {
        let known = arguments.iter().any(|(known, _)| known.name == argument.name);
        if argument.name.is_empty() || known {
            continue;
        }
        let everywhere = functions
            .iter()
            .all(|function| inputs(function).any(|other| other.name == argument.name && is_required(other)));
        arguments.push((argument, everywhere));
    }
    arguments
}

/// What is no scalar stands in a query string as PostgreSQL writes it.
fn query_argument(parts: &mut Parts<'_>, argument: &Argument, required: bool) -> Value {
    let written = match &argument.ty.ty {
        Type::Array(_) if argument.mode == ArgumentMode::Variadic => of_type(parts, &argument.ty),
        Type::Array(_) | Type::Composite(_) | Type::Json | Type::Jsonb => json!({ "type": "string" }),
        _ => of_type(parts, &argument.ty),
    };
    json!({
        "name": argument.name, "in": "query", "required": required,
        "description": parts.catalog.types.type_name(&argument.ty.ty),
        "schema": written,
    })
}

/// What shapes the rows of a set.
fn of_result(parts: &mut Parts<'_>, parameters: Parameters, functions: &[&Function]) -> Parameters {
    if !functions.iter().any(|function| function.returns.set) {
        return parameters;
    }
    let parameters = parameters.shared(&["select", "order", "limit", "offset", "or", "and"]);
    match functions {
        [one] => match row_of(parts, one) {
            Some(relation) => {
                describe_filters(parts, relation);
                parameters.filters(relation)
            }
            None => parameters,
        },
        _ => parameters,
    }
}

/// One object with the arguments; a single argument without a name takes the body as it is.
fn body(parts: &mut Parts<'_>, functions: &[&Function]) -> Value {
    if let [function] = functions
        && let Some(argument) = inputs(function).next().filter(|argument| argument.name.is_empty())
    {
        let media = match &argument.ty.ty {
            Type::Bytea => "application/octet-stream",
            Type::Text | Type::Varchar => "text/plain",
            Type::Xml => "text/xml",
            _ => "application/json",
        };
        let schema = match &argument.ty.ty {
            Type::Bytea => json!({}),
            _ => of_type(parts, &argument.ty),
        };
        return json!({ "required": true, "content": { media: { "schema": schema } } });
    }
    let bodies: Vec<Value> = functions.iter().map(|function| arguments(parts, function)).collect();
    let required = functions.iter().all(|function| inputs(function).any(is_required));
    let schema = match <[Value; 1]>::try_from(bodies) {
        Ok([one]) => one,
        Err(several) => json!({ "anyOf": several }),
    };
    json!({ "required": required, "content": { "application/json": { "schema": schema } } })
}

fn arguments(parts: &mut Parts<'_>, function: &Function) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for argument in inputs(function) {
        if argument.name.is_empty() {
            return of_type(parts, &argument.ty);
        }
        properties.insert(argument.name.clone(), or_null(of_type(parts, &argument.ty)));
        if is_required(argument) {
            required.push(argument.name.clone());
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if let (false, Some(object)) = (required.is_empty(), schema.as_object_mut()) {
        object.insert("required".to_owned(), json!(required));
    }
    schema
}

/// The answers of all overloads.
fn results(parts: &mut Parts<'_>, functions: &[&Function]) -> Value {
    let mut forms: Vec<(String, Value)> = Vec::new();
    let mut nothing = false;
    for function in functions {
        if function.returns.ty.ty == Type::Void {
            nothing = true;
            continue;
        }
        let form = result(parts, function);
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    let mut good = Map::new();
    if !forms.is_empty() {
        let mut content: Map<String, Value> = Map::new();
        for (media, schema) in forms {
            let both = match content.remove(&media).map(|mut known| known["schema"].take()) {
                None => schema,
                Some(known) => json!({ "anyOf": [known, schema] }),
            };
            content.insert(media, json!({ "schema": both }));
        }
        good.insert("200".to_owned(), json!({ "description": "The result", "content": content }));
    }
    if nothing {
        good.insert("204".to_owned(), json!({ "$ref": "#/components/responses/nothing" }));
    }
    responses(Value::Object(good))
}

/// The media type and the schema of what a function returns.
fn result(parts: &mut Parts<'_>, function: &Function) -> (String, Value) {
    // A domain named like a media type stands for an answer of that type.
    if let Some(domain) = function.returns.domain.as_ref().filter(|domain| domain.name.contains('/')) {
        let media = if domain.name == "*/*" { "application/octet-stream" } else { &domain.name };
        return (media.to_owned(), json!({}));
    }
    let one = one_result(parts, function);
    let schema = if function.returns.set { json!({ "type": "array", "items": one }) } else { one };
    ("application/json".to_owned(), schema)
}

/// One row or value of what the function returns.
fn one_result(parts: &mut Parts<'_>, function: &Function) -> Value {
    let columns: Vec<(&str, &ColumnType)> = function
        .arguments
        .iter()
        .filter(|argument| {
            matches!(argument.mode, ArgumentMode::Table | ArgumentMode::Out | ArgumentMode::InOut)
        })
        .map(|argument| (argument.name.as_str(), &argument.ty))
        .collect();
    let table = function.arguments.iter().any(|argument| argument.mode == ArgumentMode::Table);
    if columns.len() > 1 || table {
        return of_fields(parts, columns.into_iter(), 1);
    }
    if let Some(relation) = row_of(parts, function) {
        let row = key(&relation.name.name);
        // The role may call the function though it may not use the table.
        if !parts.schemas.contains_key(&row) {
            let schema = of_row(parts, relation, Use::Read);
            parts.schemas.insert(row, schema);
        }
        return json!({ "$ref": format!("#/components/schemas/{}", key(&relation.name.name)) });
    }
    or_null(of_type(parts, &function.returns.ty))
}

/// The relation of the same schema whose rows a function returns.
fn row_of<'a>(parts: &Parts<'a>, function: &Function) -> Option<&'a Relation> {
    let Type::Composite(id) = &function.returns.ty.ty else { return None };
    let relation = parts.catalog.relations.values().find(|relation| relation.row_type == *id)?;
    (relation.name.schema == function.name.schema).then_some(&**relation)
}
