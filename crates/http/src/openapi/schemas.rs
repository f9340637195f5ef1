//! Types as JSON schemas, with PostgreSQL's names as formats.

use super::defaults;
use mainstay_sql::Catalog;
use mainstay_sql::catalog::{Column, ConstraintKind, Identity, Relation};
use mainstay_types::{ColumnType, Modifier, RangeKind, Type};
use serde_json::{Map, Value, json};

/// Composites within composites deeper than this are any value.
const DEPTH_MAX: usize = 4;

/// The schema of a value that is not NULL.
pub(super) fn of_type(catalog: &Catalog, ty: &ColumnType) -> Value {
    at_depth(catalog, ty, 0)
}

fn at_depth(catalog: &Catalog, ty: &ColumnType, depth: usize) -> Value {
    let format = catalog.types.type_name(&ty.ty);
    match &ty.ty {
        Type::Bool => json!({ "type": "boolean", "format": format }),
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid => json!({ "type": "integer", "format": format }),
        Type::Float4 | Type::Float8 | Type::Numeric => json!({ "type": "number", "format": format }),
        Type::Json | Type::Jsonb | Type::Record => json!({ "format": format }),
        Type::Array(element) => {
            let items = at_depth(catalog, &ColumnType::from((**element).clone()), depth);
            json!({ "type": "array", "format": format, "items": items })
        }
        Type::Enum(id) => {
            let labels = catalog.types.enums.get(id).map(|found| found.labels.clone()).unwrap_or_default();
            json!({ "type": "string", "format": format, "enum": labels })
        }
        Type::Composite(id) => match catalog.types.composites.get(id) {
            Some(found) if depth < DEPTH_MAX => {
                let properties: Map<String, Value> = found
                    .fields
                    .iter()
                    .map(|(name, ty)| (name.clone(), or_null(at_depth(catalog, ty, depth + 1))))
                    .collect();
                json!({ "type": "object", "format": format, "properties": properties })
            }
            _ => json!({ "format": format }),
        },
        Type::Range(RangeKind::Int4 | RangeKind::Int8) => {
            json!({ "type": "string", "format": format, "examples": ["[1,10)"] })
        }
        _ => match ty.modifier {
            Modifier::Length(length) => json!({ "type": "string", "format": format, "maxLength": length }),
            _ => json!({ "type": "string", "format": format }),
        },
    }
}

/// Allows NULL as well.
pub(super) fn or_null(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        if let Some(Value::String(ty)) = object.get("type") {
            let both = json!([ty, "null"]);
            object.insert("type".to_owned(), both);
        }
        if let Some(Value::Array(labels)) = object.get_mut("enum") {
            labels.push(Value::Null);
        }
    }
    schema
}

/// What a row schema is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Insert,
    Update,
}

pub(super) fn of_row(catalog: &Catalog, relation: &Relation, used: Use) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for column in &relation.columns {
        let ours = column.generated.is_some() || column.identity == Some(Identity::Always);
        if used != Use::Read && ours {
            continue;
        }
        properties.insert(column.name.clone(), of_column(catalog, relation, column, used));
        let has_default = column.default.is_some() || column.identity.is_some();
        let needed = match used {
            Use::Read => column.not_null,
            Use::Insert => column.not_null && !has_default,
            Use::Update => false,
        };
        if needed {
            required.push(column.name.clone());
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if let Some(object) = schema.as_object_mut() {
        if !required.is_empty() {
            object.insert("required".to_owned(), json!(required));
        }
        if let Some(comment) = &relation.comment {
            object.insert("description".to_owned(), json!(comment));
        }
    }
    schema
}

fn of_column(catalog: &Catalog, relation: &Relation, column: &Column, used: Use) -> Value {
    let mut schema = of_type(catalog, &column.ty);
    if !column.not_null {
        schema = or_null(schema);
    }
    let mut notes: Vec<String> = column.comment.iter().cloned().collect();
    if relation.primary_key().is_some_and(|key| key.contains(&column.name)) {
        notes.push("Note:\nThis is a Primary Key.<pk/>".to_owned());
    }
    if let Some((table, target)) = target(relation, &column.name) {
        notes.push(format!(
            "Note:\nThis is a Foreign Key to `{table}.{target}`.<fk table='{table}' column='{target}'/>"
        ));
    }
    if let Some(object) = schema.as_object_mut() {
        if !notes.is_empty() {
            object.insert("description".to_owned(), json!(notes.join("\n\n")));
        }
        if used == Use::Read && (column.generated.is_some() || column.identity == Some(Identity::Always)) {
            object.insert("readOnly".to_owned(), json!(true));
        }
        if let Some(default) = default_of(catalog, column) {
            object.insert("default".to_owned(), default);
        }
    }
    schema
}

/// The default that a client may count on; what is generated has none of its own.
fn default_of(catalog: &Catalog, column: &Column) -> Option<Value> {
    let text = column.default.as_deref().filter(|_| column.generated.is_none())?;
    defaults::of_column(&catalog.types, &column.ty, text)
}

/// The table and column that a foreign key of this one column points to.
fn target(relation: &Relation, column: &str) -> Option<(String, String)> {
    relation.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::ForeignKey { columns, target, target_columns, .. }
            if columns.len() == 1 && columns.first().is_some_and(|name| name == column) =>
        {
            target_columns.first().map(|name| (target.name.clone(), name.clone()))
        }
        _ => None,
    })
}
