//! PostgreSQL's types as TypeScript's: what a value is once it has come as JSON.

use super::layout::{Node, quoted};
use mainstay_sql::{Catalog, Name};
use mainstay_types::{Type, TypeId};
use std::collections::BTreeMap;

/// The types of a catalog, as far as the chosen schemas show them.
pub(super) struct Types<'a> {
    pub catalog: &'a Catalog,
    pub schemas: &'a [String],
    rows: BTreeMap<TypeId, &'a Name>,
}

impl<'a> Types<'a> {
    pub fn of(catalog: &'a Catalog, schemas: &'a [String]) -> Self {
        let rows = catalog.relations.values().map(|relation| (relation.row_type, &relation.name)).collect();
        Types { catalog, schemas, rows }
    }

    pub fn shows(&self, schema: &str) -> bool {
        self.schemas.iter().any(|shown| shown == schema)
    }

    /// The relation whose rows have this type.
    pub fn relation_of(&self, ty: &Type) -> Option<&'a Name> {
        match ty {
            Type::Composite(id) => self.rows.get(id).copied(),
            _ => None,
        }
    }

    /// The relation or the composite type that a function's rows are of.
    pub fn row_name(&self, ty: &Type) -> Option<&'a str> {
        let Type::Composite(id) = ty else { return None };
        match self.rows.get(id) {
            Some(name) => Some(&name.name),
            None => self.catalog.types.composites.get(id).map(|composite| composite.name.as_str()),
        }
    }

    pub fn node(&self, ty: &Type) -> Node {
        match ty {
            Type::Bool => Node::word("boolean"),
            Type::Int2 | Type::Int4 | Type::Int8 | Type::Float4 | Type::Float8 | Type::Numeric => {
                Node::word("number")
            }
            Type::Text | Type::Varchar | Type::Bpchar | Type::Citext | Type::Uuid | Type::Bytea => {
                Node::word("string")
            }
            Type::Date | Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz | Type::Interval => {
                Node::word("string")
            }
            Type::Json | Type::Jsonb => Node::word("Json"),
            Type::Void => Node::word("undefined"),
            Type::Record => Node::word("Record<string, unknown>"),
            Type::Array(element) => self.node(element).array_of(),
            Type::Enum(id) => self.enum_node(*id),
            Type::Composite(id) => self.composite_node(*id),
            // What a generator of Supabase does not know either: a client must look at the value itself.
            _ => Node::word("unknown"),
        }
    }

    fn enum_node(&self, id: TypeId) -> Node {
        let Some(found) = self.catalog.types.enums.get(&id) else { return Node::word("unknown") };
        if self.shows(&found.schema) {
            return path(&found.schema, "Enums", &found.name);
        }
        labels(&found.labels)
    }

    fn composite_node(&self, id: TypeId) -> Node {
        if let Some(name) = self.rows.get(&id).filter(|name| self.shows(&name.schema)) {
            let is_table = self.catalog.relation(name).is_some_and(|relation| relation.is_table());
            let Node::Word(path) = path(&name.schema, if is_table { "Tables" } else { "Views" }, &name.name)
            else {
                return Node::word("unknown");
            };
            return Node::word(format!("{path}[\"Row\"]"));
        }
        match self.catalog.types.composites.get(&id) {
            Some(found) if self.shows(&found.schema) && !self.rows.contains_key(&id) => {
                path(&found.schema, "CompositeTypes", &found.name)
            }
            _ => Node::word("unknown"),
        }
    }

    /// PostgreSQL's own short name of a type, for messages about overloads.
    pub fn internal_name(&self, ty: &Type) -> String {
        match ty {
            Type::Array(element) => format!("_{}", self.internal_name(element)),
            Type::Enum(_) | Type::Composite(_) => self.catalog.types.type_name(ty),
            other => other.symbol(),
        }
    }
}

/// The labels of an enum as a union.
pub(super) fn labels(labels: &[String]) -> Node {
    match labels {
        [] => Node::word("never"),
        [one] => Node::literal(one),
        several => Node::Union(several.iter().map(|label| Node::literal(label)).collect()),
    }
}

fn path(schema: &str, kind: &str, name: &str) -> Node {
    Node::word(format!("Database[{}][\"{kind}\"][{}]", quoted(schema), quoted(name)))
}
