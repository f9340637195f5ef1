//! Names of types, their categories, and the rules by which one stands for another.

use super::bound::Bound;
use super::errors::{Located, place};
use super::scope::Binder;
use crate::catalog::{Domain, Name};
use mainstay_base::{Problem, Result};
use mainstay_types::registry::{CastKind, cast_kind};
use mainstay_types::{ColumnType, Modifier, Type};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, TypeName, a_const};

/// A type name that was understood: the domain is kept so that a cast can check it.
pub(super) struct Named<'c> {
    pub ty: ColumnType,
    pub domain: Option<&'c Domain>,
}

/// The strings of a list of names.
pub(super) fn strings(nodes: &[Node]) -> Vec<&str> {
    nodes
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::String(text)) => Some(text.sval.as_str()),
            _ => None,
        })
        .collect()
}

fn integers(nodes: &[Node]) -> Vec<i32> {
    nodes
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::AConst(constant)) => match &constant.val {
                Some(a_const::Val::Ival(number)) => Some(number.ival),
                _ => None,
            },
            Some(NodeEnum::Integer(number)) => Some(number.ival),
            _ => None,
        })
        .collect()
}

impl<'c> Binder<'c> {
    pub fn named_type(&self, name: &TypeName) -> Result<Named<'c>> {
        let parts = strings(&name.names);
        let at = place(name.location);
        if name.pct_type {
            return self.type_of_column(&parts).placed(at).map(|ty| Named { ty, domain: None });
        }
        let mut named = self.plain_type(&parts, &integers(&name.typmods)).placed(at)?;
        // PostgreSQL keeps no number of dimensions in a type.
        if !name.array_bounds.is_empty() {
            named = Named { ty: ColumnType::from(Type::array(named.ty.ty)), domain: None };
        }
        Ok(named)
    }

    fn type_of_column(&self, parts: &[&str]) -> Result<ColumnType> {
        let (schema, table, column) = match parts {
            [table, column] => (None, *table, *column),
            [schema, table, column] => (Some(*schema), *table, *column),
            _ => return Err(Problem::new("42601", "improper %TYPE reference (too few dotted names)")),
        };
        let relation = self
            .find_relation(schema, table)
            .ok_or_else(|| super::errors::undefined_table(&qualified(schema, table)))?;
        let found = relation.column(column).ok_or_else(|| {
            Problem::new("42703", format!("column \"{column}\" of relation \"{table}\" does not exist"))
        })?;
        Ok(found.ty.clone())
    }

    fn plain_type(&self, parts: &[&str], modifiers: &[i32]) -> Result<Named<'c>> {
        let (schema, name) = match parts {
            [name] => (None, *name),
            [schema, name] => (Some(*schema), *name),
            [_, schema, name] => (Some(*schema), *name),
            _ => return Err(Problem::new("42601", "improper type name")),
        };
        if let Some(named) = self.user_type(schema, name) {
            return Ok(named);
        }
        if matches!(schema, None | Some("pg_catalog" | "extensions" | "public")) {
            let builtin = match name {
                // Names of catalog objects are kept as their text.
                "regclass" | "regtype" | "regproc" | "regprocedure" | "regnamespace" | "regrole" => {
                    Some(Type::Text)
                }
                _ => match name.strip_prefix('_').and_then(Type::from_name) {
                    Some(element) if schema != Some("public") => Some(Type::array(element)),
                    _ => Type::from_name(name),
                },
            };
            if let Some(ty) = builtin {
                let modifier = modifier(&ty, modifiers)?;
                return Ok(Named { ty: ColumnType { ty, modifier }, domain: None });
            }
        }
        if is_known_elsewhere(name) {
            return Err(Problem::needs_postgres(format!("type {name}")));
        }
        Err(Problem::new("42704", format!("type \"{}\" does not exist", qualified(schema, name))))
    }

    fn user_type(&self, schema: Option<&str>, name: &str) -> Option<Named<'c>> {
        let schemas: Vec<&str> = match schema {
            Some(schema) => vec![schema],
            None => self.search_path.iter().map(String::as_str).collect(),
        };
        for schema in schemas {
            let full = Name::new(schema, name);
            if let Some(domain) = self.catalog.domains.get(&full) {
                return Some(Named { ty: domain.base.clone(), domain: Some(domain) });
            }
            if let Some(id) = self.catalog.type_names.get(&full) {
                let ty = if self.catalog.types.enums.contains_key(id) {
                    Type::Enum(*id)
                } else {
                    Type::Composite(*id)
                };
                return Some(Named { ty: ty.into(), domain: None });
            }
            if let Some(relation) = self.catalog.relations.get(&full) {
                return Some(Named { ty: Type::Composite(relation.row_type).into(), domain: None });
            }
        }
        None
    }
}

pub(super) fn qualified(schema: Option<&str>, name: &str) -> String {
    schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"))
}

fn modifier(ty: &Type, numbers: &[i32]) -> Result<Modifier> {
    let Some(first) = numbers.first().copied() else { return Ok(Modifier::None) };
    Ok(match ty {
        Type::Varchar | Type::Bpchar | Type::Bit | Type::VarBit => {
            let word = match ty {
                Type::Varchar => "varchar",
                Type::Bpchar => "char",
                other => &other.symbol(),
            };
            if first < 1 {
                return Err(Problem::new("22023", format!("length for type {word} must be at least 1")));
            }
            Modifier::Length(first.unsigned_abs())
        }
        Type::Numeric => {
            if !(1..=1000).contains(&first) {
                return Err(Problem::new(
                    "22023",
                    format!("NUMERIC precision {first} must be between 1 and 1000"),
                ));
            }
            let scale = numbers.get(1).copied().unwrap_or(0);
            if !(-1000..=1000).contains(&scale) {
                return Err(Problem::new(
                    "22023",
                    format!("NUMERIC scale {scale} must be between -1000 and 1000"),
                ));
            }
            Modifier::Numeric { precision: first as u16, scale: scale as i16 }
        }
        Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz => {
            Modifier::Precision(first.clamp(0, 6) as u8)
        }
        // The first number says which fields; only the digits of seconds are kept.
        Type::Interval => {
            numbers.get(1).map_or(Modifier::None, |p| Modifier::Precision((*p).clamp(0, 6) as u8))
        }
        Type::Float8 | Type::Float4 => Modifier::None,
        _ => {
            return Err(Problem::new(
                "42601",
                format!("type modifier is not allowed for type \"{}\"", ty.symbol()),
            ));
        }
    })
}

/// Types that PostgreSQL has and this engine has not.
fn is_known_elsewhere(name: &str) -> bool {
    matches!(
        name,
        "point"
            | "line"
            | "lseg"
            | "box"
            | "path"
            | "polygon"
            | "circle"
            | "macaddr8"
            | "pg_lsn"
            | "txid_snapshot"
            | "hstore"
            | "ltree"
            | "geometry"
            | "geography"
            | "vector"
            | "int4multirange"
            | "int8multirange"
            | "nummultirange"
            | "tsmultirange"
            | "tstzmultirange"
            | "datemultirange"
            | "xid"
            | "cid"
            | "tid"
            | "jsonpath"
    )
}

/// PostgreSQL's type categories: overloads are chosen by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    Boolean,
    Number,
    String,
    DateTime,
    TimeSpan,
    BitString,
    Network,
    Array,
    Composite,
    Enum,
    Range,
    User,
    Pseudo,
    Unknown,
}

pub(super) fn category(ty: &Type) -> Category {
    match ty {
        Type::Bool => Category::Boolean,
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid | Type::Float4 | Type::Float8 | Type::Numeric => {
            Category::Number
        }
        Type::RegConfig | Type::Money => Category::Number,
        Type::Text | Type::Varchar | Type::Bpchar | Type::Citext | Type::Name => Category::String,
        Type::Date | Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz => Category::DateTime,
        Type::Interval => Category::TimeSpan,
        Type::Bit | Type::VarBit => Category::BitString,
        Type::Inet | Type::Cidr => Category::Network,
        Type::Array(_) => Category::Array,
        Type::Composite(_) => Category::Composite,
        Type::Enum(_) => Category::Enum,
        Type::Range(_) => Category::Range,
        Type::Unknown => Category::Unknown,
        Type::Record | Type::Void => Category::Pseudo,
        ty if ty.is_pseudo() => Category::Pseudo,
        _ => Category::User,
    }
}

pub(super) fn is_preferred(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Bool
            | Type::Oid
            | Type::Float8
            | Type::Text
            | Type::TimestampTz
            | Type::Interval
            | Type::Inet
            | Type::VarBit
    )
}

/// Whether values of the type stand for the other one as they are, which PostgreSQL counts as the same type.
pub(super) fn is_binary_coercible(from: &Type, to: &Type) -> bool {
    from == to
        || matches!(
            (from, to),
            (Type::Varchar, Type::Text)
                | (Type::Cidr, Type::Inet)
                | (Type::Bit, Type::VarBit)
                | (Type::VarBit, Type::Bit)
                | (Type::Citext, Type::Text)
                | (Type::Array(_), Type::AnyArray)
                | (Type::Enum(_), Type::AnyEnum)
                | (Type::Range(_), Type::AnyRange)
                | (Type::Composite(_), Type::Record)
        )
}

/// Whether an argument may be used where a parameter of another type stands, without being asked.
pub(super) fn accepts(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (from, to) if from == to => true,
        (_, Type::Any | Type::AnyElement) => true,
        (Type::Unknown, _) => true,
        (Type::Array(_), Type::AnyArray) => true,
        (Type::Array(_), Type::AnyNonArray) => false,
        (_, Type::AnyNonArray) => true,
        (Type::Enum(_), Type::AnyEnum) => true,
        (Type::Range(_), Type::AnyRange) => true,
        (Type::Composite(_), Type::Record) => true,
        (_, Type::AnyArray | Type::AnyEnum | Type::AnyRange) => false,
        (Type::Array(from), Type::Array(to)) => accepts(from, to) && !to.is_pseudo(),
        (from, to) => cast_kind(from, to) == Some(CastKind::Implicit),
    }
}

/// Whether an explicit cast exists.
pub(super) fn cast_exists(from: &Type, to: &Type) -> Option<CastKind> {
    match (from, to) {
        (from, to) if from == to => Some(CastKind::Implicit),
        (Type::Unknown, _) => Some(CastKind::Implicit),
        (Type::Array(from), Type::Array(to)) => cast_exists(from, to),
        (Type::Record | Type::Composite(_), Type::Record | Type::Composite(_)) => Some(CastKind::Implicit),
        (from, to) => cast_kind(from, to),
    }
}

/// The common type of several expressions, by the rules for UNION, CASE and the like. `what` names the construct.
pub(super) fn common_type(binder: &Binder<'_>, what: &str, parts: &[&Bound]) -> Result<Type> {
    let first = parts.iter().find(|part| !part.is_unknown());
    let Some(first) = first else { return Ok(Type::Text) };
    let mut chosen = first.ty.ty.clone();
    for part in parts {
        let ty = &part.ty.ty;
        if *ty == Type::Unknown || *ty == chosen {
            continue;
        }
        if category(ty) != category(&chosen) {
            return Err(super::errors::mismatch(format!(
                "{what} types {} and {} cannot be matched",
                binder.type_name(&chosen),
                binder.type_name(ty)
            ))
            .placed(part.place));
        }
        if !is_preferred(&chosen) && accepts(&chosen, ty) && !accepts(ty, &chosen) {
            chosen = ty.clone();
        }
    }
    for part in parts {
        let ty = &part.ty.ty;
        if *ty != Type::Unknown && !accepts(ty, &chosen) {
            return Err(super::errors::mismatch(format!(
                "{what} could not convert type {} to {}",
                binder.type_name(ty),
                binder.type_name(&chosen)
            ))
            .placed(part.place));
        }
    }
    Ok(chosen)
}

/// The type with its modifier where all parts agree on both.
pub(super) fn common_column_type(binder: &Binder<'_>, what: &str, parts: &[&Bound]) -> Result<ColumnType> {
    let ty = common_type(binder, what, parts)?;
    let mut modifiers = parts.iter().map(|part| (&part.ty.ty, part.ty.modifier));
    let first = modifiers.next();
    let same = first.is_some_and(|first| first.0 == &ty && modifiers.all(|other| other == first));
    let modifier = if same { first.map_or(Modifier::None, |(_, modifier)| modifier) } else { Modifier::None };
    Ok(ColumnType { ty, modifier })
}
