//! Names of types, as they stand in a statement and as a caller writes them behind `::`.

use super::{qualified, quoted};
use crate::problems;
use mainstay_base::Result;
use mainstay_sql::Name;
use mainstay_sql::catalog::Catalog;
use mainstay_types::{ColumnType, Modifier, Type};

/// A type as it is written in a statement.
pub(crate) fn type_sql(catalog: &Catalog, ty: &Type) -> String {
    let user_made = |schema: &str, name: &str| format!("{}.{}", quoted(schema), quoted(name));
    match ty {
        Type::Array(element) => format!("{}[]", type_sql(catalog, element)),
        Type::Enum(id) => match catalog.types.enums.get(id) {
            Some(made) => user_made(&made.schema, &made.name),
            None => "text".to_owned(),
        },
        Type::Composite(id) => match catalog.types.composites.get(id) {
            Some(made) => user_made(&made.schema, &made.name),
            None => "record".to_owned(),
        },
        // `character` without a length would be one character long.
        Type::Bpchar => "bpchar".to_owned(),
        Type::Bit => "\"bit\"".to_owned(),
        other => other.builtin_name().unwrap_or_default().into_owned(),
    }
}

/// As [`type_sql`], with the modifier.
pub(crate) fn column_type_sql(catalog: &Catalog, ty: &ColumnType) -> String {
    match (&ty.ty, ty.modifier) {
        (Type::Varchar, Modifier::Length(length)) => format!("varchar({length})"),
        (Type::Bpchar, Modifier::Length(length)) => format!("char({length})"),
        (Type::Bit, Modifier::Length(length)) => format!("bit({length})"),
        (Type::VarBit, Modifier::Length(length)) => format!("varbit({length})"),
        (Type::Numeric, Modifier::Numeric { precision, scale }) => format!("numeric({precision},{scale})"),
        (Type::Timestamp, Modifier::Precision(digits)) => format!("timestamp({digits})"),
        (Type::TimestampTz, Modifier::Precision(digits)) => format!("timestamptz({digits})"),
        (Type::Time, Modifier::Precision(digits)) => format!("time({digits})"),
        (Type::TimeTz, Modifier::Precision(digits)) => format!("timetz({digits})"),
        (Type::Interval, Modifier::Precision(digits)) => format!("interval({digits})"),
        (Type::Array(element), modifier @ (Modifier::Length(_) | Modifier::Numeric { .. })) => {
            let element = ColumnType { ty: (**element).clone(), modifier };
            format!("{}[]", column_type_sql(catalog, &element))
        }
        (other, _) => type_sql(catalog, other),
    }
}

/// The type that a caller names in a cast: built in, or made by a user in one of the schemas.
pub(crate) fn cast_target(catalog: &Catalog, schemas: &[&str], written: &str) -> Result<(String, Type)> {
    let written = written.trim();
    if let Some(element) = written.strip_suffix("[]") {
        let (sql, ty) = cast_target(catalog, schemas, element)?;
        return Ok((format!("{sql}[]"), Type::array(ty)));
    }
    let folded = written.to_lowercase();
    // PostgreSQL's own names of array types: `_int4`.
    if let Some(element) = folded.strip_prefix('_').and_then(Type::from_name) {
        return Ok((format!("{}[]", type_sql(catalog, &element)), Type::array(element)));
    }
    if let Some(ty) = Type::from_name(&folded).filter(|ty| !ty.is_pseudo() && *ty != Type::Void) {
        // `char` alone is `character(1)`, as in PostgreSQL.
        let sql = if matches!(folded.as_str(), "char" | "character") {
            "char(1)".to_owned()
        } else {
            type_sql(catalog, &ty)
        };
        return Ok((sql, ty));
    }
    for schema in schemas {
        let name = Name::new(*schema, folded.as_str());
        if let Some(domain) = catalog.domains.get(&name) {
            return Ok((qualified(&name), domain.base.ty.clone()));
        }
        if let Some(id) = catalog.type_names.get(&name) {
            let ty =
                if catalog.types.enums.contains_key(id) { Type::Enum(*id) } else { Type::Composite(*id) };
            return Ok((qualified(&name), ty));
        }
    }
    Err(problems::undefined_type(&folded))
}
