//! Parameters of operations: those that all share, and filters by a relation's columns.

use super::{Parts, key};
use mainstay_sql::catalog::Relation;
use serde_json::{Value, json};

/// Key, name, place, example, description.
const SHARED: &[(&str, &str, &str, &str, &str)] = &[
    ("select", "select", "query", "*", "Columns and embedded relations to return"),
    ("order", "order", "query", "id.desc", "Columns to sort by"),
    ("or", "or", "query", "(a.eq.1,b.is.null)", "Conditions of which one must hold"),
    ("and", "and", "query", "(a.gt.1,a.lt.9)", "Conditions that must all hold; two on one column stand here"),
    ("after", "after", "query", "", "A page by key: empty for the first one, then what `Link` names"),
    ("columns", "columns", "query", "a,b", "Columns to take from the body"),
    ("onConflict", "on_conflict", "query", "id", "Columns whose conflict makes an upsert"),
    ("range", "Range", "header", "0-24", "First and last row to return"),
    (
        "preferRead",
        "Prefer",
        "header",
        "count=exact",
        "`count=exact`, `handling=strict`, `timezone=Europe/Berlin` …",
    ),
    (
        "preferWrite",
        "Prefer",
        "header",
        "return=representation",
        "`return=representation`, `resolution=merge-duplicates`, `missing=default`, `tx=rollback` …",
    ),
    ("ifMatch", "If-Match", "header", "*", "Write only while the row has this ETag"),
    ("ifNoneMatch", "If-None-Match", "header", "*", "Of a single row: answer 304 while it has this ETag"),
    ("onlyNew", "If-None-Match", "header", "*", "`*`: write only if the row is not there"),
    ("idempotencyKey", "Idempotency-Key", "header", "", "A random UUID: sent again, the write is done once"),
];

/// Numbers: key (which is the name), description.
const COUNTS: &[(&str, &str)] =
    &[("limit", "The most rows to return"), ("offset", "Rows to leave out at the start")];

pub(super) fn shared(parts: &mut Parts<'_>) {
    for (key, name, place, example, description) in SHARED {
        let mut parameter = json!({
            "name": name, "in": place, "required": false, "description": description,
            "schema": { "type": "string" },
        });
        if let (false, Some(object)) = (example.is_empty(), parameter.as_object_mut()) {
            object.insert("example".to_owned(), json!(example));
        }
        parts.parameters.insert((*key).to_owned(), parameter);
    }
    for (name, description) in COUNTS {
        parts.parameters.insert(
            (*name).to_owned(),
            json!({
                "name": name, "in": "query", "required": false, "description": description,
                "schema": { "type": "integer", "minimum": 0 },
            }),
        );
    }
    for (key, name) in [("acceptProfile", "Accept-Profile"), ("contentProfile", "Content-Profile")] {
        let Some(schema) = parts.profile else { continue };
        parts.parameters.insert(
            key.to_owned(),
            json!({
                "name": name, "in": "header", "required": true, "description": "The schema that is meant",
                "schema": { "type": "string", "enum": [schema] },
            }),
        );
    }
}

/// Parameters of one operation, in order; of two with one name the first stays.
#[derive(Default)]
pub(super) struct Parameters {
    names: Vec<(String, &'static str)>,
    list: Vec<Value>,
}

impl Parameters {
    pub fn reading(parts: &Parts<'_>) -> Self {
        let mut parameters = Parameters::default();
        if parts.profile.is_some() {
            parameters.refer("acceptProfile", "Accept-Profile", "header");
        }
        parameters
    }

    pub fn writing(parts: &Parts<'_>) -> Self {
        let mut parameters = Parameters::default();
        if parts.profile.is_some() {
            parameters.refer("contentProfile", "Content-Profile", "header");
        }
        parameters
    }

    fn is_new(&mut self, name: &str, place: &'static str) -> bool {
        let entry = (name.to_owned(), place);
        let new = !self.names.contains(&entry);
        if new {
            self.names.push(entry);
        }
        new
    }

    fn refer(&mut self, key: &str, name: &str, place: &'static str) {
        if self.is_new(name, place) {
            self.list.push(json!({ "$ref": format!("#/components/parameters/{key}") }));
        }
    }

    /// A query parameter of this operation alone.
    pub fn own(mut self, name: &str, parameter: Value) -> Self {
        if self.is_new(name, "query") {
            self.list.push(parameter);
        }
        self
    }

    pub fn shared(mut self, keys: &[&str]) -> Self {
        for key in keys {
            if let Some((_, name, place, ..)) = SHARED.iter().find(|(known, ..)| known == key) {
                self.refer(key, name, place);
            } else {
                self.refer(key, key, "query");
            }
        }
        self
    }

    /// A column named like a parameter of the grammar cannot be filtered by its name.
    pub fn filters(mut self, relation: &Relation) -> Self {
        for column in &relation.columns {
            self.refer(&filter_key(relation, &column.name), &column.name, "query");
        }
        self
    }

    pub fn list(self) -> Vec<Value> {
        self.list
    }
}

fn filter_key(relation: &Relation, column: &str) -> String {
    format!("filter.{}.{}", key(&relation.name.name), key(column))
}

/// One filter for each column.
pub(super) fn describe_filters(parts: &mut Parts<'_>, relation: &Relation) {
    for column in &relation.columns {
        let ty = parts.catalog.types.type_name(&column.ty.ty);
        parts.parameters.insert(
            filter_key(relation, &column.name),
            json!({
                "name": column.name, "in": "query", "required": false,
                "description": format!("Filter by a {ty}: `eq.value`, `gt.value`, `in.(a,b)`, `is.null`, `not.eq.value` …"),
                "schema": { "type": "string" },
            }),
        );
    }
}
