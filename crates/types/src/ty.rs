//! The types and their modifiers.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Identifies a type that a user made (enum or composite) in the [`crate::Registry`]. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TypeId(pub u32);

/// A PostgreSQL type, without its modifier. Domains are resolved to their base type before they get here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Type {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Varchar,
    Bpchar,
    Citext,
    Name,
    Uuid,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Json,
    Jsonb,
    Bytea,
    Inet,
    Cidr,
    MacAddr,
    Bit,
    VarBit,
    Money,
    Xml,
    TsVector,
    TsQuery,
    RegConfig,
    Range(RangeKind),
    Enum(TypeId),
    Array(Box<Type>),
    /// A row type with a name: of a table, a view or `CREATE TYPE … AS (…)`.
    Composite(TypeId),
    /// An anonymous row.
    Record,
    Void,
    /// The type of a literal or a parameter before its place gives it one.
    Unknown,
    // Pseudo-types: only in signatures of functions and operators.
    Any,
    AnyElement,
    AnyArray,
    AnyRange,
    AnyEnum,
    AnyNonArray,
    Trigger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RangeKind {
    Int4,
    Int8,
    Num,
    Ts,
    TsTz,
    Date,
}

impl RangeKind {
    pub const ALL: [RangeKind; 6] =
        [RangeKind::Int4, RangeKind::Int8, RangeKind::Num, RangeKind::Ts, RangeKind::TsTz, RangeKind::Date];

    pub fn name(self) -> &'static str {
        match self {
            RangeKind::Int4 => "int4range",
            RangeKind::Int8 => "int8range",
            RangeKind::Num => "numrange",
            RangeKind::Ts => "tsrange",
            RangeKind::TsTz => "tstzrange",
            RangeKind::Date => "daterange",
        }
    }

    pub fn subtype(self) -> Type {
        match self {
            RangeKind::Int4 => Type::Int4,
            RangeKind::Int8 => Type::Int8,
            RangeKind::Num => Type::Numeric,
            RangeKind::Ts => Type::Timestamp,
            RangeKind::TsTz => Type::TimestampTz,
            RangeKind::Date => Type::Date,
        }
    }
}

/// What stands in brackets behind a type's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Modifier {
    #[default]
    None,
    /// `varchar(n)`, `char(n)`: characters; `bit(n)`, `varbit(n)`: bits.
    Length(u32),
    /// `numeric(p, s)`.
    Numeric { precision: u16, scale: i16 },
    /// `timestamp(n)`, `time(n)`, `interval(n)`: digits of a second's fraction.
    Precision(u8),
}

/// A type with its modifier: what a column or a cast has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ColumnType {
    pub ty: Type,
    pub modifier: Modifier,
}

impl From<Type> for ColumnType {
    fn from(ty: Type) -> Self {
        ColumnType { ty, modifier: Modifier::None }
    }
}

/// How a type's values lie in SQLite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    pub class: StorageClass,
    /// The collation that gives PostgreSQL's order and equality; none where SQLite's own is right.
    pub collation: Option<Cow<'static, str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageClass {
    Integer,
    /// REAL, or TEXT for NaN: declared `ANY` so that SQLite converts nothing.
    Float,
    Text,
    Blob,
}

/// The order of arrays whose elements are texts that are not ordered as such.
fn array_collation(element: &Type) -> &'static str {
    match element {
        Type::Array(element) => array_collation(element),
        Type::Numeric => "pg_array_numeric",
        Type::Bpchar => "pg_array_bpchar",
        Type::Citext => "pg_array_citext",
        Type::TimeTz => "pg_array_timetz",
        Type::Interval => "pg_array_interval",
        Type::Jsonb => "pg_array_jsonb",
        Type::Inet | Type::Cidr => "pg_array_inet",
        _ => "pg_array",
    }
}

impl Type {
    pub fn array(element: Type) -> Type {
        Type::Array(Box::new(element))
    }

    pub fn element(&self) -> Option<&Type> {
        match self {
            Type::Array(element) => Some(element),
            _ => None,
        }
    }

    pub fn storage(&self) -> Storage {
        let (class, collation): (StorageClass, Option<Cow<'static, str>>) = match self {
            Type::Bool | Type::Int2 | Type::Int4 | Type::Int8 | Type::Oid | Type::Money => {
                (StorageClass::Integer, None)
            }
            Type::Date | Type::Time | Type::Timestamp | Type::TimestampTz => (StorageClass::Integer, None),
            Type::Float4 | Type::Float8 => (StorageClass::Float, None),
            Type::Uuid | Type::Bytea => (StorageClass::Blob, None),
            Type::Numeric => (StorageClass::Text, Some("pg_numeric".into())),
            Type::Bpchar => (StorageClass::Text, Some("pg_bpchar".into())),
            Type::Citext => (StorageClass::Text, Some("pg_citext".into())),
            Type::TimeTz => (StorageClass::Text, Some("pg_timetz".into())),
            Type::Interval => (StorageClass::Text, Some("pg_interval".into())),
            Type::Jsonb => (StorageClass::Text, Some("pg_jsonb".into())),
            Type::Inet | Type::Cidr => (StorageClass::Text, Some("pg_inet".into())),
            Type::Array(element) => (StorageClass::Text, Some(array_collation(element).into())),
            Type::Record | Type::Composite(_) => (StorageClass::Text, Some("pg_array".into())),
            Type::Enum(id) => (StorageClass::Text, Some(format!("pg_enum_{}", id.0).into())),
            Type::Range(kind) => (StorageClass::Text, Some(format!("pg_range_{}", kind.name()).into())),
            _ => (StorageClass::Text, None),
        };
        Storage { class, collation }
    }

    /// The canonical name as `format_type` prints it (`integer`, `timestamp with time zone`, `text[]`).
    /// Types that a user made are named through the registry: see [`crate::Registry::type_name`].
    pub fn builtin_name(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Type::Bool => "boolean".into(),
            Type::Int2 => "smallint".into(),
            Type::Int4 => "integer".into(),
            Type::Int8 => "bigint".into(),
            Type::Oid => "oid".into(),
            Type::Float4 => "real".into(),
            Type::Float8 => "double precision".into(),
            Type::Numeric => "numeric".into(),
            Type::Text => "text".into(),
            Type::Varchar => "character varying".into(),
            Type::Bpchar => "character".into(),
            Type::Citext => "citext".into(),
            Type::Name => "name".into(),
            Type::Uuid => "uuid".into(),
            Type::Date => "date".into(),
            Type::Time => "time without time zone".into(),
            Type::TimeTz => "time with time zone".into(),
            Type::Timestamp => "timestamp without time zone".into(),
            Type::TimestampTz => "timestamp with time zone".into(),
            Type::Interval => "interval".into(),
            Type::Json => "json".into(),
            Type::Jsonb => "jsonb".into(),
            Type::Bytea => "bytea".into(),
            Type::Inet => "inet".into(),
            Type::Cidr => "cidr".into(),
            Type::MacAddr => "macaddr".into(),
            Type::Bit => "bit".into(),
            Type::VarBit => "bit varying".into(),
            Type::Money => "money".into(),
            Type::Xml => "xml".into(),
            Type::TsVector => "tsvector".into(),
            Type::TsQuery => "tsquery".into(),
            Type::RegConfig => "regconfig".into(),
            Type::Range(kind) => kind.name().into(),
            Type::Array(element) => format!("{}[]", element.builtin_name()?).into(),
            Type::Record => "record".into(),
            Type::Void => "void".into(),
            Type::Unknown => "unknown".into(),
            Type::Any => "\"any\"".into(),
            Type::AnyElement => "anyelement".into(),
            Type::AnyArray => "anyarray".into(),
            Type::AnyRange => "anyrange".into(),
            Type::AnyEnum => "anyenum".into(),
            Type::AnyNonArray => "anynonarray".into(),
            Type::Trigger => "trigger".into(),
            Type::Enum(_) | Type::Composite(_) => return None,
        })
    }

    /// The type of a built-in name as the grammar or a user writes it (`int4`, `integer`, `timestamptz`, `varchar`).
    pub fn from_name(name: &str) -> Option<Type> {
        Some(match name {
            "bool" | "boolean" => Type::Bool,
            "int2" | "smallint" | "smallserial" | "serial2" => Type::Int2,
            "int4" | "int" | "integer" | "serial" | "serial4" => Type::Int4,
            "int8" | "bigint" | "bigserial" | "serial8" => Type::Int8,
            "oid" => Type::Oid,
            "float4" | "real" => Type::Float4,
            "float8" | "float" | "double precision" => Type::Float8,
            "numeric" | "decimal" => Type::Numeric,
            "text" => Type::Text,
            "varchar" | "character varying" => Type::Varchar,
            "bpchar" | "char" | "character" => Type::Bpchar,
            "citext" => Type::Citext,
            "name" => Type::Name,
            "uuid" => Type::Uuid,
            "date" => Type::Date,
            "time" | "time without time zone" => Type::Time,
            "timetz" | "time with time zone" => Type::TimeTz,
            "timestamp" | "timestamp without time zone" => Type::Timestamp,
            "timestamptz" | "timestamp with time zone" => Type::TimestampTz,
            "interval" => Type::Interval,
            "json" => Type::Json,
            "jsonb" => Type::Jsonb,
            "bytea" => Type::Bytea,
            "inet" => Type::Inet,
            "cidr" => Type::Cidr,
            "macaddr" => Type::MacAddr,
            "bit" => Type::Bit,
            "varbit" | "bit varying" => Type::VarBit,
            "money" => Type::Money,
            "xml" => Type::Xml,
            "tsvector" => Type::TsVector,
            "tsquery" => Type::TsQuery,
            "regconfig" => Type::RegConfig,
            "int4range" => Type::Range(RangeKind::Int4),
            "int8range" => Type::Range(RangeKind::Int8),
            "numrange" => Type::Range(RangeKind::Num),
            "tsrange" => Type::Range(RangeKind::Ts),
            "tstzrange" => Type::Range(RangeKind::TsTz),
            "daterange" => Type::Range(RangeKind::Date),
            "record" => Type::Record,
            "void" => Type::Void,
            "unknown" => Type::Unknown,
            "any" => Type::Any,
            "anyelement" => Type::AnyElement,
            "anyarray" => Type::AnyArray,
            "anyrange" => Type::AnyRange,
            "anyenum" => Type::AnyEnum,
            "anynonarray" => Type::AnyNonArray,
            "trigger" => Type::Trigger,
            _ => return None,
        })
    }

    /// A short, stable word for symbols and descriptors (`int4`, `text[]`, `enum:7`). Inverse: [`Type::from_symbol`].
    pub fn symbol(&self) -> String {
        match self {
            Type::Bool => "bool".into(),
            Type::Int2 => "int2".into(),
            Type::Int4 => "int4".into(),
            Type::Int8 => "int8".into(),
            Type::Float4 => "float4".into(),
            Type::Float8 => "float8".into(),
            Type::Varchar => "varchar".into(),
            Type::Bpchar => "bpchar".into(),
            Type::VarBit => "varbit".into(),
            Type::Time => "time".into(),
            Type::TimeTz => "timetz".into(),
            Type::Timestamp => "timestamp".into(),
            Type::TimestampTz => "timestamptz".into(),
            Type::Any => "any".into(),
            Type::Enum(id) => format!("enum:{}", id.0),
            Type::Composite(id) => format!("row:{}", id.0),
            Type::Array(element) => format!("{}[]", element.symbol()),
            other => other.builtin_name().map(Cow::into_owned).unwrap_or_default(),
        }
    }

    pub fn from_symbol(symbol: &str) -> Option<Type> {
        if let Some(element) = symbol.strip_suffix("[]") {
            return Type::from_symbol(element).map(Type::array);
        }
        if let Some(id) = symbol.strip_prefix("enum:") {
            return id.parse().ok().map(|id| Type::Enum(TypeId(id)));
        }
        if let Some(id) = symbol.strip_prefix("row:") {
            return id.parse().ok().map(|id| Type::Composite(TypeId(id)));
        }
        Type::from_name(symbol)
    }

    pub fn is_numeric(&self) -> bool {
        matches!(
            self,
            Type::Int2 | Type::Int4 | Type::Int8 | Type::Float4 | Type::Float8 | Type::Numeric | Type::Oid
        )
    }

    pub fn is_string(&self) -> bool {
        matches!(self, Type::Text | Type::Varchar | Type::Bpchar | Type::Citext | Type::Name | Type::Unknown)
    }

    pub fn is_pseudo(&self) -> bool {
        matches!(
            self,
            Type::Any
                | Type::AnyElement
                | Type::AnyArray
                | Type::AnyRange
                | Type::AnyEnum
                | Type::AnyNonArray
                | Type::Trigger
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_comes_back_as_its_type() {
        for ty in [
            Type::Int4,
            Type::TimestampTz,
            Type::array(Type::array(Type::Text)),
            Type::Enum(TypeId(7)),
            Type::Range(RangeKind::TsTz),
            Type::Numeric,
            Type::Any,
        ] {
            assert_eq!(Type::from_symbol(&ty.symbol()), Some(ty));
        }
    }
}
