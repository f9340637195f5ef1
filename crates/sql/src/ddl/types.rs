//! Which type a type's name means.

use super::Draft;
use super::tree::{at, integer, strings};
use crate::catalog::{Catalog, Name};
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Modifier, Type};
use pg_query::protobuf::TypeName;

/// Types of PostgreSQL that the embedded engine does not have.
const ONLY_POSTGRES: &[&str] = &[
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "macaddr8",
    "pg_lsn",
    "pg_snapshot",
    "txid_snapshot",
    "jsonpath",
    "regclass",
    "regtype",
    "regproc",
    "regprocedure",
    "regnamespace",
    "regrole",
    "regoper",
    "regoperator",
    "regdictionary",
    "regcollation",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
    "refcursor",
    "tid",
    "xid",
    "xid8",
    "cid",
    "geometry",
    "geography",
    "vector",
    "halfvec",
    "sparsevec",
    "hstore",
    "ltree",
];

/// What a type's name stands for.
pub(super) struct Resolved {
    pub ty: ColumnType,
    pub domain: Option<Name>,
}

impl Draft<'_> {
    pub(super) fn resolve_type(&self, name: &TypeName) -> Result<Resolved> {
        resolve_type(&self.catalog, &self.settings.search_path, name)
            .map_err(|problem| at(problem, name.location))
    }

    /// As [`Draft::resolve_type`], for a column: pseudo-types are refused.
    pub(super) fn resolve_column_type(&self, column: &str, name: &TypeName) -> Result<Resolved> {
        let resolved = self.resolve_type(name)?;
        if resolved.ty.ty.is_pseudo() || matches!(resolved.ty.ty, Type::Record | Type::Void | Type::Unknown) {
            let shown = self.catalog.types.type_name(&resolved.ty.ty);
            return Err(at(
                Problem::new("42P16", format!("column \"{column}\" has pseudo-type {shown}")),
                name.location,
            ));
        }
        if name.setof {
            return Err(at(
                Problem::new("42P16", format!("column \"{column}\" cannot be declared SETOF")),
                name.location,
            ));
        }
        Ok(resolved)
    }

    /// The enum, composite or domain of a dotted name.
    pub(super) fn user_type_name(&self, parts: &[String]) -> Option<Name> {
        self.lookup(parts, |catalog, name| {
            catalog.type_names.contains_key(name) || catalog.domains.contains_key(name)
        })
    }

    pub(super) fn require_free_type(&self, name: &Name) -> Result<()> {
        if self.catalog.type_names.contains_key(name)
            || self.catalog.domains.contains_key(name)
            || self.catalog.relations.contains_key(name)
        {
            return Err(Problem::new("42710", format!("type \"{}\" already exists", name.name)));
        }
        Ok(())
    }
}

/// The type of a serial pseudo-type's name.
pub(super) fn serial(name: &TypeName) -> Option<Type> {
    match strings(&name.names).as_slice() {
        [word] if name.array_bounds.is_empty() => match word.as_str() {
            "serial" | "serial4" => Some(Type::Int4),
            "bigserial" | "serial8" => Some(Type::Int8),
            "smallserial" | "serial2" => Some(Type::Int2),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn resolve_type(catalog: &Catalog, search_path: &[String], name: &TypeName) -> Result<Resolved> {
    let parts = strings(&name.names);
    if name.pct_type {
        return type_of_column(catalog, search_path, &parts);
    }
    let mut resolved = named(catalog, search_path, &parts, name)?;
    if !name.array_bounds.is_empty() {
        if resolved.domain.is_some() {
            return Err(Problem::needs_postgres(format!("an array of the domain {}", parts.join("."))));
        }
        resolved.ty.ty = match resolved.ty.ty {
            array @ Type::Array(_) => array,
            element => Type::array(element),
        };
    }
    Ok(resolved)
}

fn type_of_column(catalog: &Catalog, search_path: &[String], parts: &[String]) -> Result<Resolved> {
    let missing = || Problem::new("42704", format!("type \"{}\" does not exist", parts.join(".")));
    let (column, table) = parts.split_last().ok_or_else(missing)?;
    let table = super::names::lookup(catalog, search_path, table, |catalog, name| {
        catalog.relations.contains_key(name)
    })
    .ok_or_else(missing)?;
    let column =
        catalog.relations.get(&table).and_then(|relation| relation.column(column)).ok_or_else(missing)?;
    Ok(Resolved { ty: column.ty.clone(), domain: column.domain.clone() })
}

fn named(catalog: &Catalog, search_path: &[String], parts: &[String], name: &TypeName) -> Result<Resolved> {
    let plain = |ty: Type| Resolved { ty: ty.into(), domain: None };
    let built_in = match parts {
        [word] => Some(word.as_str()),
        [schema, word] if schema == "pg_catalog" => Some(word.as_str()),
        // A type of an extension, by the schema that the extension lives in.
        [schema, word] => catalog
            .extensions
            .get(word)
            .filter(|extension| word == "citext" && extension.schema == *schema)
            .map(|_| word.as_str()),
        _ => None,
    };
    if let Some(word) = built_in {
        if let Some(element) = word.strip_prefix('_').and_then(Type::from_name) {
            return Ok(plain(Type::array(element)));
        }
        let usable =
            !word.contains("serial") && (word != "citext" || catalog.extensions.contains_key("citext"));
        if let Some(ty) = Type::from_name(word).filter(|_| usable) {
            let modifier = modifier(&ty, name)?;
            return Ok(Resolved { ty: ColumnType { ty, modifier }, domain: None });
        }
    }
    let user = super::names::lookup(catalog, search_path, parts, |catalog, name| {
        catalog.type_names.contains_key(name)
            || catalog.domains.contains_key(name)
            || catalog.relations.contains_key(name)
    });
    let Some(user) = user else { return Err(missing(parts)) };
    if let Some(domain) = catalog.domains.get(&user) {
        return Ok(Resolved { ty: domain.base.clone(), domain: Some(user) });
    }
    if let Some(relation) = catalog.relations.get(&user) {
        return Ok(plain(Type::Composite(relation.row_type)));
    }
    match catalog.type_names.get(&user) {
        Some(id) if catalog.types.enums.contains_key(id) => Ok(plain(Type::Enum(*id))),
        Some(id) => Ok(plain(Type::Composite(*id))),
        None => Err(missing(parts)),
    }
}

fn missing(parts: &[String]) -> Problem {
    let word = parts.last().map(String::as_str).unwrap_or_default();
    if ONLY_POSTGRES.contains(&word.trim_start_matches('_')) {
        return Problem::needs_postgres(format!("the type {word}"));
    }
    let problem = Problem::new("42704", format!("type \"{}\" does not exist", parts.join(".")));
    if word == "citext" { problem.with_hint("run `CREATE EXTENSION citext` first") } else { problem }
}

fn modifier(ty: &Type, name: &TypeName) -> Result<Modifier> {
    let numbers: Vec<i64> = name.typmods.iter().filter_map(integer).collect();
    let refused = |message: String| Err(Problem::new("22023", message));
    match (ty, numbers.as_slice()) {
        (_, []) => Ok(Modifier::None),
        (Type::Varchar | Type::Bpchar | Type::Bit | Type::VarBit, [length]) => {
            let word = match ty {
                Type::Varchar => "varchar",
                Type::Bpchar => "char",
                other => &other.symbol(),
            };
            match u32::try_from(*length) {
                Ok(0) | Err(_) => refused(format!("length for type {word} must be at least 1")),
                Ok(length) if length > 10_485_760 => {
                    refused(format!("length for type {word} cannot exceed 10485760"))
                }
                Ok(length) => Ok(Modifier::Length(length)),
            }
        }
        (Type::Numeric, [precision, rest @ ..]) if rest.len() <= 1 => {
            let scale = rest.first().copied().unwrap_or(0);
            match (u16::try_from(*precision), i16::try_from(scale)) {
                (Ok(precision @ 1..=1000), Ok(scale @ -1000..=1000)) => {
                    Ok(Modifier::Numeric { precision, scale })
                }
                (Ok(1..=1000), _) => refused(format!("NUMERIC scale {scale} must be between -1000 and 1000")),
                _ => refused(format!("NUMERIC precision {precision} must be between 1 and 1000")),
            }
        }
        (Type::Timestamp | Type::TimestampTz | Type::Time | Type::TimeTz, [digits]) => precision(*digits),
        // The first number says which fields the interval has; precision is the second.
        (Type::Interval, [_, digits]) => precision(*digits),
        (Type::Interval, [_]) => Ok(Modifier::None),
        _ => {
            let shown = ty.builtin_name().unwrap_or_default();
            Err(Problem::new("42601", format!("type modifier is not allowed for type \"{shown}\"")))
        }
    }
}

fn precision(digits: i64) -> Result<Modifier> {
    match u8::try_from(digits) {
        Ok(digits) => Ok(Modifier::Precision(digits.min(6))),
        Err(_) => Err(Problem::new("22023", format!("precision {digits} must not be negative"))),
    }
}
