//! Types as JSON schemas: formats where JSON Schema or OpenAPI name one, PostgreSQL's own name beside it.

use super::{Parts, defaults, key};
use mainstay_sql::catalog::{CastEnd, Column, ConstraintKind, Identity, Relation, RelationKind};
use mainstay_sql::{Catalog, Name};
use mainstay_types::{ColumnType, Modifier, RangeKind, Type, TypeId};
use serde_json::{Map, Value, json};

/// Composites within composites deeper than this are any value.
const DEPTH_MAX: usize = 4;

/// The name of the type in PostgreSQL.
const POSTGRES_TYPE: &str = "x-postgres-type";

/// The schema of a value that is not NULL.
pub(super) fn of_type(parts: &mut Parts<'_>, ty: &ColumnType) -> Value {
    at_depth(parts, ty, 0)
}

fn at_depth(parts: &mut Parts<'_>, ty: &ColumnType, depth: usize) -> Value {
    let mut schema = match &ty.ty {
        Type::Enum(id) => return of_enum(parts, *id),
        Type::Array(element) => {
            let items = at_depth(parts, &ColumnType::from((**element).clone()), depth);
            json!({ "type": "array", "items": items })
        }
        Type::Composite(id) => match parts.catalog.types.composites.get(id) {
            Some(found) if depth < DEPTH_MAX => {
                let fields = found.fields.iter().map(|(name, ty)| (name.as_str(), ty));
                of_fields(parts, fields, depth + 1)
            }
            _ => json!({}),
        },
        scalar => of_scalar(scalar, ty.modifier),
    };
    if let Some(object) = schema.as_object_mut() {
        object.insert(POSTGRES_TYPE.to_owned(), json!(parts.catalog.types.type_name(&ty.ty)));
    }
    schema
}

fn of_scalar(ty: &Type, modifier: Modifier) -> Value {
    match ty {
        Type::Bool => json!({ "type": "boolean" }),
        Type::Int2 => json!({ "type": "integer", "format": "int16" }),
        Type::Int4 => json!({ "type": "integer", "format": "int32" }),
        Type::Int8 | Type::Oid => json!({ "type": "integer", "format": "int64" }),
        Type::Float4 => json!({ "type": "number", "format": "float" }),
        Type::Float8 => json!({ "type": "number", "format": "double" }),
        Type::Numeric => json!({ "type": "number" }),
        // Any JSON value, or whatever the function gives.
        Type::Json | Type::Jsonb | Type::Record | Type::AnyElement | Type::Any => json!({}),
        Type::Uuid => json!({ "type": "string", "format": "uuid" }),
        Type::Date => json!({ "type": "string", "format": "date" }),
        // Without a zone it is no date-time of RFC 3339.
        Type::TimestampTz => json!({ "type": "string", "format": "date-time" }),
        Type::Range(RangeKind::Int4 | RangeKind::Int8) => json!({ "type": "string", "examples": ["[1,10)"] }),
        _ => match modifier {
            Modifier::Length(length) => json!({ "type": "string", "maxLength": length }),
            _ => json!({ "type": "string" }),
        },
    }
}

/// A reference, so that a generated client has one type for it wherever it stands.
fn of_enum(parts: &mut Parts<'_>, id: TypeId) -> Value {
    let types = &parts.catalog.types;
    let Some(found) = types.enums.get(&id) else { return json!({ "type": "string" }) };
    let name = types.type_name(&Type::Enum(id));
    let component = format!("{}-enum", key(&name));
    let reference = json!({ "$ref": format!("#/components/schemas/{component}") });
    let schema = json!({ "type": "string", "enum": found.labels, POSTGRES_TYPE: name });
    parts.schemas.insert(component, schema);
    reference
}

/// An object that always has all of its fields, each of which may be NULL.
pub(super) fn of_fields<'f>(
    parts: &mut Parts<'_>,
    fields: impl Iterator<Item = (&'f str, &'f ColumnType)>,
    depth: usize,
) -> Value {
    let mut properties = Map::new();
    for (name, ty) in fields {
        properties.insert(name.to_owned(), or_null(at_depth(parts, ty, depth)));
    }
    let required: Vec<&String> = properties.keys().collect();
    let mut schema = json!({ "type": "object", "required": required });
    if let Some(object) = schema.as_object_mut() {
        object.insert("properties".to_owned(), Value::Object(properties));
    }
    schema
}

/// Allows NULL as well.
pub(super) fn or_null(mut schema: Value) -> Value {
    if schema.get("$ref").is_some() {
        return json!({ "anyOf": [schema, { "type": "null" }] });
    }
    if let Some(object) = schema.as_object_mut()
        && let Some(Value::String(ty)) = object.get("type")
    {
        let both = json!([ty, "null"]);
        object.insert("type".to_owned(), both);
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

/// A row. What is read has every column, and what may be NULL says so in its type: `select` decides what comes.
pub(super) fn of_row(parts: &mut Parts<'_>, relation: &Relation, used: Use) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (place, column) in relation.columns.iter().enumerate() {
        let facts = facts(parts.catalog, relation, place, column);
        if used != Use::Read && facts.read_only {
            continue;
        }
        properties.insert(column.name.clone(), of_column(parts, relation, column, &facts, used));
        let needed = match used {
            Use::Read => true,
            Use::Insert => facts.not_null && !facts.has_default,
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

/// What a client has to know of a column; that of a view which can be written is as the column below it.
struct Facts {
    not_null: bool,
    has_default: bool,
    read_only: bool,
}

fn facts(catalog: &Catalog, relation: &Relation, place: usize, column: &Column) -> Facts {
    if matches!(relation.kind, RelationKind::View { updatable: Some(_), .. }) {
        let below = relation.origins.get(place).and_then(Option::as_ref).and_then(|(name, column)| {
            catalog.relations.get(name)?.columns.iter().find(|below| below.name == *column)
        });
        let Some(below) = below else {
            return Facts { not_null: false, has_default: false, read_only: true };
        };
        let below = of_table(below);
        return Facts { has_default: below.has_default || column.default.is_some(), ..below };
    }
    of_table(column)
}

fn of_table(column: &Column) -> Facts {
    Facts {
        not_null: column.not_null,
        has_default: column.default.is_some() || column.identity.is_some(),
        read_only: column.generated.is_some() || column.identity == Some(Identity::Always),
    }
}

fn of_column(parts: &mut Parts<'_>, relation: &Relation, column: &Column, facts: &Facts, used: Use) -> Value {
    let own_form = column.domain.as_ref().is_some_and(|domain| has_own_form(parts.catalog, domain));
    let mut schema = if own_form { json!({}) } else { of_type(parts, &column.ty) };
    if !facts.not_null {
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
    let default = default_of(parts.catalog, column).filter(|_| !own_form);
    if let Some(object) = schema.as_object_mut() {
        if !notes.is_empty() {
            object.insert("description".to_owned(), json!(notes.join("\n\n")));
        }
        if used == Use::Read && facts.read_only {
            object.insert("readOnly".to_owned(), json!(true));
        }
        // In a body a default would make generators ask for the column, or send what the database would have filled in.
        if let (Use::Read, Some(default)) = (used, default) {
            object.insert("default".to_owned(), default);
        }
    }
    schema
}

/// Whether the values of a domain look in JSON as a cast of the user's says.
fn has_own_form(catalog: &Catalog, domain: &Name) -> bool {
    catalog.casts.iter().any(|cast| {
        cast.implicit
            && cast.source == CastEnd::Domain(domain.clone())
            && matches!(cast.target, CastEnd::Type(Type::Json | Type::Jsonb))
    })
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
