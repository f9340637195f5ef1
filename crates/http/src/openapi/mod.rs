//! The description of the API: an OpenAPI 3.1 document made from the catalog, kept until the catalog changes. It shows a
//! role what that role may use.

mod defaults;
mod functions;
mod relations;
mod schemas;

use crate::rest::RestSettings;
use bytes::Bytes;
use mainstay_sql::catalog::Relation;
use mainstay_sql::{Catalog, Name};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// By schema and role.
type Documents = HashMap<(String, String), Bytes>;

/// Documents by schema and role, of one version of the catalog.
#[derive(Default)]
pub(crate) struct OpenApi {
    made: Mutex<(u64, Documents)>,
}

impl OpenApi {
    pub fn document(
        &self,
        settings: &RestSettings,
        catalog: &Arc<Catalog>,
        schema: &str,
        role: &str,
    ) -> Bytes {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.0 != catalog.version {
            *made = (catalog.version, HashMap::new());
        }
        let key = (schema.to_owned(), role.to_owned());
        if let Some(known) = made.1.get(&key) {
            return known.clone();
        }
        let document = Bytes::from(document(settings, catalog, schema, role).to_string());
        // Tokens name roles; those that no migration made are not worth remembering.
        if catalog.roles.contains_key(role) {
            made.1.insert(key, document.clone());
        }
        document
    }
}

/// The whole document, as far as the role may use it.
pub fn document(settings: &RestSettings, catalog: &Catalog, schema: &str, role: &str) -> Value {
    let mut parts = Parts::default();
    let rights = catalog.rights_of(role).unwrap_or_else(|_| catalog.rights_of_nobody());
    let named = |name: &Name| name.schema == schema && rights.on_schema(schema);
    let shown = |relation: &Relation| named(&relation.name) && !relation.is_partition();
    for relation in catalog.relations.values().filter(|relation| shown(relation)) {
        relations::describe(&mut parts, catalog, relation, &rights);
    }
    for (name, overloads) in catalog.functions.iter().filter(|(name, _)| named(name)) {
        let callable: Vec<_> =
            overloads.iter().filter(|function| rights.on_function(function)).cloned().collect();
        functions::describe(&mut parts, catalog, name, &callable);
    }
    parts.rows_of_functions(catalog, schema);
    parts.shared();
    let description =
        catalog.schemas.get(schema).and_then(|schema| schema.comment.clone()).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": { "title": settings.title, "version": settings.version, "description": description },
        "servers": [{ "url": format!("{}{}", settings.public_url, settings.mount) }],
        "security": [{ "apikey": [] }, { "bearer": [] }, {}],
        "tags": parts.tags,
        "paths": parts.paths,
        "components": {
            "schemas": parts.schemas,
            "parameters": parts.parameters,
            "responses": parts.responses,
            "securitySchemes": {
                "apikey": { "type": "apiKey", "in": "header", "name": "apikey" },
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

#[derive(Default)]
struct Parts {
    tags: Vec<Value>,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    parameters: Map<String, Value>,
    responses: Map<String, Value>,
}

impl Parts {
    fn tag(&mut self, name: &str, comment: Option<&str>) {
        self.tags.push(json!({ "name": name, "description": comment.unwrap_or_default() }));
    }

    /// Rows that functions return of tables that the role does not see otherwise.
    fn rows_of_functions(&mut self, catalog: &Catalog, schema: &str) {
        let mut wanted = Vec::new();
        for path in self.paths.values() {
            references(path, &mut wanted);
        }
        for relation in catalog.relations.values().filter(|relation| relation.name.schema == schema) {
            let id = format!("row.{}", key(&relation.name.name));
            if wanted.contains(&id) && !self.schemas.contains_key(&id) {
                let row = schemas::of_row(catalog, relation, schemas::Use::Read);
                self.schemas.insert(id, row);
            }
        }
    }

    /// What every operation refers to.
    fn shared(&mut self) {
        for (key, name, place, example, description) in PARAMETERS {
            self.parameters.insert(
                (*key).to_owned(),
                json!({
                    "name": name, "in": place, "required": false, "description": description,
                    "schema": { "type": "string" }, "example": example,
                }),
            );
        }
        self.schemas.insert(
            "problem".to_owned(),
            json!({
                "type": "object",
                "description": "What went wrong, as PostgREST says it.",
                "required": ["code", "message"],
                "properties": {
                    "code": { "type": "string", "description": "A SQLSTATE or a PGRST code." },
                    "details": { "description": "More about it; a list for ambiguous embeds." },
                    "hint": { "type": ["string", "null"], "description": "What to do." },
                    "message": { "type": "string" },
                },
            }),
        );
        let problem = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/problem" } } });
        self.responses
            .insert("problem".to_owned(), json!({ "description": "A problem", "content": problem }));
        self.responses.insert("nothing".to_owned(), json!({ "description": "Done; no body" }));
    }
}

/// The names of the schemas that a part of the document refers to.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(to) if name == "$ref" => {
                        found.extend(to.strip_prefix("#/components/schemas/").map(str::to_owned));
                    }
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Key, name, place, example, description.
const PARAMETERS: &[(&str, &str, &str, &str, &str)] = &[
    ("select", "select", "query", "*", "Columns and embedded relations to return"),
    ("order", "order", "query", "id.desc", "Columns to sort by"),
    ("limit", "limit", "query", "10", "The most rows to return"),
    ("offset", "offset", "query", "0", "Rows to leave out at the start"),
    ("or", "or", "query", "(a.eq.1,b.is.null)", "Conditions of which one must hold"),
    ("and", "and", "query", "(a.gt.1,a.lt.9)", "Conditions that must all hold"),
    ("columns", "columns", "query", "a,b", "Columns to take from the body"),
    ("on_conflict", "on_conflict", "query", "id", "Columns whose conflict makes an upsert"),
    ("range", "Range", "header", "0-24", "First and last row to return"),
    ("preferCount", "Prefer", "header", "count=exact", "`count=exact`, `count=planned` or `count=estimated`"),
    (
        "preferWrite",
        "Prefer",
        "header",
        "return=representation",
        "`return=representation`, `resolution=merge-duplicates`, `missing=default`, `tx=rollback` …",
    ),
];

fn parameter(key: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{key}") })
}

/// A name as a key of a component, which may have letters, digits, `.`, `_` and `-` only.
fn key(name: &str) -> String {
    use std::fmt::Write;
    let mut key = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_alphanumeric() || matches!(character, '_' | '-') {
            key.push(character);
        } else {
            // writing to a string cannot fail
            let _ = write!(key, ".{:x}", u32::from(character));
        }
    }
    key
}

/// A name as a segment of a path template, where braces would mean a parameter.
fn segment(name: &str) -> String {
    name.replace('{', "%7B").replace('}', "%7D").replace('/', "%2F")
}

fn problem() -> Value {
    json!({ "$ref": "#/components/responses/problem" })
}

#[cfg(test)]
pub(crate) mod tests;
