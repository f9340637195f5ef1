//! Tables and views: operations on their rows.

use super::schemas::{Use, of_row};
use super::{Parts, key, parameter, problem, segment};
use mainstay_sql::Catalog;
use mainstay_sql::catalog::{Relation, RelationKind};
use mainstay_sql::privilege::{Privilege, Rights};
use serde_json::{Map, Value, json};

pub(super) fn describe(parts: &mut Parts, catalog: &Catalog, relation: &Relation, rights: &Rights<'_>) {
    let may = |privilege| rights.on_relation(relation, privilege).is_some();
    let (reads, inserts, updates, deletes) =
        (may(Privilege::Select), may(Privilege::Insert), may(Privilege::Update), may(Privilege::Delete));
    if !(reads || inserts || updates || deletes) {
        return;
    }
    let name = relation.name.name.as_str();
    let id = key(name);
    parts.tag(name, relation.comment.as_deref());
    parts.schemas.insert(format!("row.{id}"), of_row(catalog, relation, Use::Read));
    let mut filters = Vec::new();
    for column in &relation.columns {
        let filter = format!("filter.{id}.{}", key(&column.name));
        let ty = catalog.types.type_name(&column.ty.ty);
        parts.parameters.insert(
            filter.clone(),
            json!({
                "name": column.name, "in": "query", "required": false,
                "description": format!("Filter by a {ty}: `eq.value`, `gt.value`, `in.(a,b)`, `is.null`, `not.eq.value` …"),
                "schema": { "type": "string" },
            }),
        );
        filters.push(parameter(&filter));
    }
    let mut path = Map::new();
    if reads {
        path.insert("get".to_owned(), read(name, &id, &filters));
    }
    if is_writable(relation) {
        for (used, word) in [(Use::Insert, "insert"), (Use::Update, "update")] {
            parts.schemas.insert(format!("{word}.{id}"), of_row(catalog, relation, used));
        }
        if inserts {
            path.insert("post".to_owned(), insert(name, &id));
        }
        if updates {
            path.insert("patch".to_owned(), update(name, &id, &filters));
        }
        if deletes {
            path.insert("delete".to_owned(), delete(name, &id, &filters));
        }
        if inserts && updates && relation.primary_key().is_some() {
            path.insert("put".to_owned(), replace(name, &id, &filters));
        }
    }
    parts.paths.insert(format!("/{}", segment(name)), Value::Object(path));
}

pub(super) fn is_writable(relation: &Relation) -> bool {
    matches!(&relation.kind, RelationKind::Table | RelationKind::View { updatable: Some(_), .. })
}

fn row(id: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/row.{id}") })
}

fn rows_content(row: &Value) -> Value {
    json!({
        "application/json": { "schema": { "type": "array", "items": row } },
        "application/vnd.pgrst.object+json": { "schema": row },
        "text/csv": { "schema": { "type": "string" } },
    })
}

fn with(filters: &[Value], more: &[&str]) -> Vec<Value> {
    filters.iter().cloned().chain(more.iter().map(|key| parameter(key))).collect()
}

fn read(name: &str, id: &str, filters: &[Value]) -> Value {
    let headers = json!({
        "Content-Range": {
            "description": "First and last row, and how many there are where that was asked for",
            "schema": { "type": "string" },
        },
    });
    json!({
        "operationId": format!("reads{id}"),
        "tags": [name],
        "summary": format!("Read rows of {name}"),
        "parameters": with(filters, &["select", "order", "limit", "offset", "or", "and", "range", "preferCount"]),
        "responses": {
            "200": { "description": "The rows", "headers": headers, "content": rows_content(&row(id)) },
            "206": { "description": "A part of the rows", "headers": headers, "content": rows_content(&row(id)) },
            "default": problem(),
        },
    })
}

fn body(id: &str, word: &str, many: bool) -> Value {
    let one = json!({ "$ref": format!("#/components/schemas/{word}.{id}") });
    let schema =
        if many { json!({ "oneOf": [one, { "type": "array", "items": one }] }) } else { one.clone() };
    let mut content = json!({ "application/json": { "schema": schema } });
    if many && let Some(content) = content.as_object_mut() {
        content.insert("text/csv".to_owned(), json!({ "schema": { "type": "string" } }));
    }
    json!({ "required": true, "content": content })
}

fn insert(name: &str, id: &str) -> Value {
    json!({
        "operationId": format!("inserts{id}"),
        "tags": [name],
        "summary": format!("Insert or upsert rows of {name}"),
        "parameters": with(&[], &["select", "columns", "on_conflict", "preferWrite"]),
        "requestBody": body(id, "insert", true),
        "responses": {
            "201": { "description": "Inserted; the rows where they were asked for", "content": rows_content(&row(id)) },
            "200": { "description": "All rows were there already and are changed", "content": rows_content(&row(id)) },
            "default": problem(),
        },
    })
}

fn update(name: &str, id: &str, filters: &[Value]) -> Value {
    json!({
        "operationId": format!("updates{id}"),
        "tags": [name],
        "summary": format!("Change the rows of {name} that the filters choose"),
        "parameters": with(filters, &["select", "columns", "or", "and", "preferWrite"]),
        "requestBody": body(id, "update", false),
        "responses": changed(id),
    })
}

fn replace(name: &str, id: &str, filters: &[Value]) -> Value {
    json!({
        "operationId": format!("replace_{id}"),
        "tags": [name],
        "summary": format!("Make or replace the row of {name} with this primary key"),
        "parameters": with(filters, &["select", "preferWrite"]),
        "requestBody": body(id, "insert", false),
        "responses": changed(id),
    })
}

fn delete(name: &str, id: &str, filters: &[Value]) -> Value {
    json!({
        "operationId": format!("deletes{id}"),
        "tags": [name],
        "summary": format!("Delete the rows of {name} that the filters choose"),
        "parameters": with(filters, &["select", "or", "and", "preferWrite"]),
        "responses": changed(id),
    })
}

fn changed(id: &str) -> Value {
    json!({
        "200": { "description": "Done; the rows, as asked for", "content": rows_content(&row(id)) },
        "204": { "$ref": "#/components/responses/nothing" },
        "default": problem(),
    })
}
