//! Tables and views: operations on their rows.
//!
//! An operation names JSON alone, though rows come as one object, CSV and lines as well: a client is generated for all
//! media types of an answer at once, and its result would be a list or an object or a text.

use super::parameters::{Parameters, describe_filters};
use super::schemas::{Use, of_row};
use super::{Parts, key, operation, responses, segment};
use mainstay_sql::catalog::{Relation, RelationKind};
use mainstay_sql::privilege::{Privilege, Rights};
use serde_json::{Map, Value, json};

const OTHER_FORMS: &str = "`Accept: application/vnd.pgrst.object+json` asks for exactly one row as an object, \
                           `text/csv` and `application/x-ndjson` for lines.";

/// What the role may do, or everything where its rights do not count.
pub(super) fn describe(parts: &mut Parts<'_>, relation: &Relation, rights: Option<&Rights<'_>>) {
    let may = |privilege| rights.is_none_or(|rights| rights.on_relation(relation, privilege).is_some());
    let (reads, inserts, updates, deletes) =
        (may(Privilege::Select), may(Privilege::Insert), may(Privilege::Update), may(Privilege::Delete));
    if !(reads || inserts || updates || deletes) {
        return;
    }
    let name = relation.name.name.as_str();
    let id = key(name);
    parts.tag(name, relation.comment.as_deref());
    let row = of_row(parts, relation, Use::Read);
    parts.schemas.insert(id.clone(), row);
    describe_filters(parts, relation);
    let one = Described { relation, name, id: &id };
    let mut path = Map::new();
    if reads {
        path.insert("get".to_owned(), one.read(parts));
    }
    if is_writable(relation) {
        for (used, word) in [(Use::Insert, "insert"), (Use::Update, "update")] {
            let schema = of_row(parts, relation, used);
            parts.schemas.insert(format!("{id}-{word}"), schema);
        }
        if inserts {
            path.insert("post".to_owned(), one.insert(parts));
        }
        if updates {
            path.insert("patch".to_owned(), one.update(parts));
        }
        if deletes {
            path.insert("delete".to_owned(), one.delete(parts));
        }
        if inserts
            && updates
            && let Some(key) = relation.primary_key()
        {
            path.insert("put".to_owned(), one.replace(parts, key));
        }
    }
    parts.paths.insert(format!("/{}", segment(name)), Value::Object(path));
}

fn is_writable(relation: &Relation) -> bool {
    matches!(&relation.kind, RelationKind::Table | RelationKind::View { updatable: Some(_), .. })
}

/// A relation with its name as a tag and as a part of keys.
struct Described<'a> {
    relation: &'a Relation,
    name: &'a str,
    id: &'a str,
}

impl Described<'_> {
    fn rows(&self, description: &str) -> Value {
        let row = json!({ "$ref": format!("#/components/schemas/{}", self.id) });
        json!({
            "description": description,
            "headers": {
                "Content-Range": {
                    "description": "First and last row, and how many there are where that was asked for",
                    "schema": { "type": "string" },
                },
            },
            "content": { "application/json": { "schema": { "type": "array", "items": row } } },
        })
    }

    fn body(&self, word: &str, many: bool) -> Value {
        let one = json!({ "$ref": format!("#/components/schemas/{}-{word}", self.id) });
        let schema = match many {
            true => json!({ "oneOf": [one, { "type": "array", "items": one }] }),
            false => one,
        };
        json!({ "required": true, "content": { "application/json": { "schema": schema } } })
    }

    fn operation(&self, word: &str, summary: String, more: Value) -> Value {
        operation(format!("{word}_{}", self.id), self.name, summary, None, more)
    }

    fn read(&self, parts: &Parts<'_>) -> Value {
        let parameters = Parameters::reading(parts)
            .shared(&[
                "select",
                "order",
                "limit",
                "offset",
                "or",
                "and",
                "range",
                "preferRead",
                "ifNoneMatch",
            ])
            .filters(self.relation)
            .shared(&["after"]);
        let comment = self.relation.comment.as_ref().map(|comment| format!("{comment}\n\n"));
        let more = json!({
            "description": format!("{}{OTHER_FORMS}", comment.unwrap_or_default()),
            "parameters": parameters.list(),
            "responses": responses(json!({
                "200": self.rows("The rows"),
                "206": self.rows("A part of the rows, where `count` was asked for"),
                "304": { "$ref": "#/components/responses/unchanged" },
            })),
        });
        self.operation("read", format!("Read rows of {}", self.name), more)
    }

    fn insert(&self, parts: &Parts<'_>) -> Value {
        let parameters = Parameters::writing(parts).shared(&[
            "select",
            "columns",
            "onConflict",
            "preferWrite",
            "idempotencyKey",
            "onlyNew",
        ]);
        let mut inserted = self.rows("Inserted; the rows with `Prefer: return=representation`, else no body");
        if let Some(Value::Object(headers)) = inserted.get_mut("headers") {
            let location = json!({ "description": "Where the row is, with `Prefer: return=headers-only`", "schema": { "type": "string" } });
            headers.insert("Location".to_owned(), location);
        }
        let more = json!({
            "description": "One object, or a list of objects with the same keys (others: name the columns in `columns`). CSV and NDJSON are taken as well.",
            "parameters": parameters.list(),
            "requestBody": self.body("insert", true),
            "responses": responses(json!({
                "200": self.rows("All rows were there already and are changed"),
                "201": inserted,
            })),
        });
        self.operation("insert", format!("Insert or upsert rows of {}", self.name), more)
    }

    fn update(&self, parts: &Parts<'_>) -> Value {
        let parameters = Parameters::writing(parts)
            .shared(&["select", "columns", "or", "and", "preferWrite", "idempotencyKey", "ifMatch"])
            .filters(self.relation);
        let more = json!({
            "parameters": parameters.list(),
            "requestBody": self.body("update", false),
            "responses": self.changed(),
        });
        self.operation("update", format!("Change the rows of {} that the filters choose", self.name), more)
    }

    fn replace(&self, parts: &Parts<'_>, primary_key: &[String]) -> Value {
        let mut parameters = Parameters::writing(parts).shared(&["select", "preferWrite"]);
        for column in primary_key {
            let parameter = json!({
                "name": column, "in": "query", "required": true,
                "description": "`eq.value`, the value that the body has too", "schema": { "type": "string" },
            });
            parameters = parameters.own(column, parameter);
        }
        let parameters = parameters.shared(&["columns", "idempotencyKey", "ifMatch", "onlyNew"]);
        let more = json!({
            "parameters": parameters.list(),
            "requestBody": self.body("insert", false),
            "responses": responses(json!({
                "200": self.rows("Replaced; the row, as `Prefer: return=representation` asked for it"),
                "201": self.rows("Made; the row, as `Prefer: return=representation` asked for it"),
                "204": { "$ref": "#/components/responses/nothing" },
            })),
        });
        self.operation(
            "replace",
            format!("Make or replace the row of {} with this primary key", self.name),
            more,
        )
    }

    fn delete(&self, parts: &Parts<'_>) -> Value {
        let parameters = Parameters::writing(parts)
            .shared(&["select", "or", "and", "preferWrite", "idempotencyKey", "ifMatch"])
            .filters(self.relation);
        let more = json!({ "parameters": parameters.list(), "responses": self.changed() });
        self.operation("delete", format!("Delete the rows of {} that the filters choose", self.name), more)
    }

    fn changed(&self) -> Value {
        responses(json!({
            "200": self.rows("Done; the rows, as `Prefer: return=representation` asked for them"),
            "204": { "$ref": "#/components/responses/nothing" },
        }))
    }
}
