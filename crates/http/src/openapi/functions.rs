//! Functions: `/rpc/<name>`.

use super::schemas::{of_type, or_null};
use super::{Parts, key, parameter, problem, segment};
use mainstay_sql::catalog::{Argument, ArgumentMode, Function};
use mainstay_sql::{Catalog, Name};
use mainstay_types::{Type, Volatility};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) fn describe(parts: &mut Parts, catalog: &Catalog, name: &Name, overloads: &[Arc<Function>]) {
    let callable: Vec<&Function> = overloads
        .iter()
        .map(|function| &**function)
        .filter(|function| function.returns.ty.ty != Type::Trigger)
        .collect();
    let Some(first) = callable.first() else { return };
    let (name, id) = (name.name.as_str(), key(&name.name));
    let tag = format!("(rpc) {name}");
    parts.tag(&tag, first.comment.as_deref());
    let mut path = Map::new();
    if callable.iter().any(|function| function.volatility != Volatility::Volatile) {
        let parameters: Vec<Value> = inputs(first)
            .filter(|argument| !argument.name.is_empty())
            .map(|argument| {
                json!({
                    "name": argument.name, "in": "query",
                    "required": argument.default.is_none() && argument.mode != ArgumentMode::Variadic,
                    "description": catalog.types.type_name(&argument.ty.ty),
                    "schema": { "type": "string" },
                })
            })
            .collect();
        path.insert(
            "get".to_owned(),
            json!({
                "operationId": format!("rpc_get_{id}"),
                "tags": [tag],
                "summary": format!("Call {name} to read"),
                "parameters": parameters,
                "responses": responses(parts, catalog, first),
            }),
        );
    }
    let bodies: Vec<Value> = callable.iter().map(|function| arguments(catalog, function)).collect();
    let body = match bodies.as_slice() {
        [one] => one.clone(),
        several => json!({ "anyOf": several }),
    };
    path.insert(
        "post".to_owned(),
        json!({
            "operationId": format!("rpc_post_{id}"),
            "tags": [tag],
            "summary": first.comment.clone().unwrap_or_else(|| format!("Call {name}")),
            "parameters": [parameter("preferWrite")],
            "requestBody": { "required": false, "content": { "application/json": { "schema": body } } },
            "responses": responses(parts, catalog, first),
        }),
    );
    parts.paths.insert(format!("/rpc/{}", segment(name)), Value::Object(path));
}

fn inputs(function: &Function) -> impl Iterator<Item = &Argument> {
    function.arguments.iter().filter(|argument| {
        matches!(argument.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic)
    })
}

fn arguments(catalog: &Catalog, function: &Function) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for argument in inputs(function) {
        if argument.name.is_empty() {
            // one unnamed argument takes the body as it is
            return of_type(catalog, &argument.ty);
        }
        properties.insert(argument.name.clone(), or_null(of_type(catalog, &argument.ty)));
        if argument.default.is_none() && argument.mode != ArgumentMode::Variadic {
            required.push(argument.name.clone());
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if let (false, Some(object)) = (required.is_empty(), schema.as_object_mut()) {
        object.insert("required".to_owned(), json!(required));
    }
    schema
}

fn responses(parts: &Parts, catalog: &Catalog, function: &Function) -> Value {
    if function.returns.ty.ty == Type::Void {
        return json!({ "204": { "$ref": "#/components/responses/nothing" }, "default": problem() });
    }
    let one = result(parts, catalog, function);
    let schema = if function.returns.set { json!({ "type": "array", "items": one }) } else { one };
    json!({
        "200": { "description": "The result", "content": { "application/json": { "schema": schema } } },
        "default": problem(),
    })
}

/// One row or value of what the function returns.
fn result(parts: &Parts, catalog: &Catalog, function: &Function) -> Value {
    let columns: Vec<&Argument> = function
        .arguments
        .iter()
        .filter(|argument| {
            matches!(argument.mode, ArgumentMode::Table | ArgumentMode::Out | ArgumentMode::InOut)
        })
        .collect();
    if columns.len() > 1 || columns.iter().any(|argument| argument.mode == ArgumentMode::Table) {
        let properties: Map<String, Value> = columns
            .iter()
            .map(|argument| (argument.name.clone(), or_null(of_type(catalog, &argument.ty))))
            .collect();
        return json!({ "type": "object", "properties": properties });
    }
    if let Type::Composite(id) = &function.returns.ty.ty {
        let relation = catalog.relations.values().find(|relation| relation.row_type == *id);
        if let Some(relation) = relation {
            let name = format!("row.{}", key(&relation.name.name));
            if relation.name.schema == function.name.schema && parts.schemas.contains_key(&name) {
                return json!({ "$ref": format!("#/components/schemas/{name}") });
            }
        }
    }
    or_null(of_type(catalog, &function.returns.ty))
}
