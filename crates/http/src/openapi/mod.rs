//! The description of the API: an OpenAPI 3.1 document made from the catalog, kept until the catalog changes. It shows a
//! role what that role may use, unless the settings say otherwise.

mod defaults;
mod functions;
mod parameters;
mod relations;
mod schemas;

use crate::rest::{OpenApiMode, RestSettings};
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
    let mut parts = Parts::new(catalog);
    if settings.schemas.first().is_some_and(|first| first != schema) {
        parts.profile = Some(schema);
    }
    let rights = (settings.openapi != OpenApiMode::IgnorePrivileges)
        .then(|| catalog.rights_of(role).unwrap_or_else(|_| catalog.rights_of_nobody()));
    let rights = rights.as_ref();
    let named = |name: &Name| name.schema == schema && rights.is_none_or(|rights| rights.on_schema(schema));
    let shown = |relation: &Relation| named(&relation.name) && !relation.is_partition();
    for relation in catalog.relations.values().filter(|relation| shown(relation)) {
        relations::describe(&mut parts, relation, rights);
    }
    for (name, overloads) in catalog.functions.iter().filter(|(name, _)| named(name)) {
        let callable: Vec<_> = overloads
            .iter()
            .filter(|function| rights.is_none_or(|rights| rights.on_function(function)))
            .cloned()
            .collect();
        functions::describe(&mut parts, name, &callable);
    }
    parts.shared();
    let comment = catalog.schemas.get(schema).and_then(|schema| schema.comment.as_deref());
    // A comment of several lines brings its own title, as with PostgREST.
    let (title, description) = match comment.map(first_line) {
        Some((title, Some(rest))) => (title, rest),
        _ => (settings.title.as_str(), comment.unwrap_or_default()),
    };
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "version": settings.version, "description": description },
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

/// What has been described so far.
struct Parts<'a> {
    catalog: &'a Catalog,
    /// The schema, where a request has to name it.
    profile: Option<&'a str>,
    tags: Vec<Value>,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    parameters: Map<String, Value>,
    responses: Map<String, Value>,
}

impl<'a> Parts<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        Parts {
            catalog,
            profile: None,
            tags: Vec::new(),
            paths: Map::new(),
            schemas: Map::new(),
            parameters: Map::new(),
            responses: Map::new(),
        }
    }

    fn tag(&mut self, name: &str, comment: Option<&str>) {
        self.tags.push(json!({ "name": name, "description": comment.unwrap_or_default() }));
    }

    /// What every operation refers to.
    fn shared(&mut self) {
        parameters::shared(self);
        self.schemas.insert(
            "rest-problem".to_owned(),
            json!({
                "type": "object",
                "description": "What went wrong, as PostgREST says it.",
                "required": ["code", "details", "hint", "message"],
                "properties": {
                    "code": { "type": "string", "description": "A SQLSTATE, a PGRST code or an MS code." },
                    "details": { "description": "More about it: a text, or a list for ambiguous embeds." },
                    "hint": { "type": ["string", "null"], "description": "What to do." },
                    "message": { "type": "string" },
                },
            }),
        );
        let problem =
            json!({ "application/json": { "schema": { "$ref": "#/components/schemas/rest-problem" } } });
        self.responses
            .insert("problem".to_owned(), json!({ "description": "A problem", "content": problem }));
        self.responses.insert("nothing".to_owned(), json!({ "description": "Done; no body" }));
        self.responses.insert("unchanged".to_owned(), json!({ "description": "The row looks as it did" }));
    }
}

/// The first line of a comment, and what follows it.
fn first_line(comment: &str) -> (&str, Option<&str>) {
    match comment.split_once('\n') {
        None => (comment, None),
        Some((first, rest)) => {
            (first.trim_end(), Some(rest.trim_start_matches('\n')).filter(|rest| !rest.is_empty()))
        }
    }
}

/// An operation's fields, with what a comment says before what is always true.
fn operation(id: String, tag: &str, summary: String, comment: Option<&str>, more: Value) -> Value {
    let (first, rest) = comment.map(first_line).map_or((None, None), |(first, rest)| (Some(first), rest));
    let mut operation = json!({ "operationId": id, "tags": [tag], "summary": first.unwrap_or(&summary) });
    if let Some(object) = operation.as_object_mut() {
        if let Some(rest) = rest {
            object.insert("description".to_owned(), json!(rest));
        }
        if let Value::Object(more) = more {
            object.extend(more);
        }
    }
    operation
}

/// A name as a key of a component, which may have letters, digits, `.`, `_` and `-` only. Dashes come in pairs here and
/// dots not at all, so that `orders-insert` is no table's; generators take a dot for a module.
fn key(name: &str) -> String {
    use std::fmt::Write;
    let mut key = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_alphanumeric() || character == '_' {
            key.push(character);
        } else {
            // writing to a string cannot fail
            let _ = write!(key, "-{:x}-", u32::from(character));
        }
    }
    key
}

/// A name as a segment of a path template, where braces would mean a parameter.
fn segment(name: &str) -> String {
    name.replace('{', "%7B").replace('}', "%7D").replace('/', "%2F")
}

/// The good answers, and what every operation may answer beside them.
fn responses(good: Value) -> Value {
    let mut responses = good;
    if let Some(object) = responses.as_object_mut() {
        // Written out: generators take `default` for an answer that may be good as well.
        for status in ["4XX", "5XX"] {
            object.insert(status.to_owned(), json!({ "$ref": "#/components/responses/problem" }));
        }
    }
    responses
}

#[cfg(test)]
pub(crate) mod tests;
