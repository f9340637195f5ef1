//! Which object a name means, and the names that PostgreSQL gives to what has none.

use super::Draft;
use super::tree::{at, range_parts};
use crate::catalog::{Catalog, Name, Relation, RelationKind};
use mainstay_base::{Problem, Result};
use pg_query::protobuf::RangeVar;
use std::sync::Arc;

/// The length that PostgreSQL keeps of an identifier, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 63;

impl Draft<'_> {
    /// The schema that a new object goes to.
    pub(super) fn creation_name(&self, parts: &[String]) -> Result<Name> {
        match parts {
            [name] => match self
                .settings
                .search_path
                .iter()
                .find(|schema| self.catalog.schemas.contains_key(*schema))
            {
                Some(schema) => Ok(Name::new(schema.clone(), name.clone())),
                None => Err(Problem::new("3F000", "no schema has been selected to create in")),
            },
            [schema, name] => {
                self.require_schema(schema)?;
                Ok(Name::new(schema.clone(), name.clone()))
            }
            _ => Err(Problem::new(
                "0A000",
                format!("cross-database references are not implemented: {}", parts.join(".")),
            )),
        }
    }

    pub(super) fn require_schema(&self, schema: &str) -> Result<()> {
        match schema {
            "pg_catalog" | "information_schema" => {
                Err(Problem::new("42501", format!("permission denied for schema {schema}")))
            }
            _ if self.catalog.schemas.contains_key(schema) => Ok(()),
            _ => Err(Problem::new("3F000", format!("schema \"{schema}\" does not exist"))),
        }
    }

    /// The name under which `exists` finds something, along the search path.
    pub(super) fn lookup(&self, parts: &[String], exists: impl Fn(&Catalog, &Name) -> bool) -> Option<Name> {
        lookup(&self.catalog, &self.settings.search_path, parts, exists)
    }

    /// The relation that a statement names; a view, table or materialized view.
    pub(super) fn relation(&self, range: &RangeVar) -> Result<Arc<Relation>> {
        let parts = range_parts(range);
        self.find_relation(&parts).ok_or_else(|| {
            at(
                Problem::new("42P01", format!("relation \"{}\" does not exist", parts.join("."))),
                range.location,
            )
        })
    }

    pub(super) fn find_relation(&self, parts: &[String]) -> Option<Arc<Relation>> {
        let name = self.lookup(parts, |catalog, name| catalog.relations.contains_key(name))?;
        self.catalog.relations.get(&name).cloned()
    }

    /// The table that a statement gives `part` to, or takes it from.
    pub(super) fn table(&self, range: &RangeVar, part: &str) -> Result<Arc<Relation>> {
        let relation = self.relation(range)?;
        self.refuse_partition(&relation, part, range)?;
        match relation.kind {
            RelationKind::Table => Ok(relation),
            _ => {
                let problem = Problem::new("42809", format!("\"{}\" is not a table", relation.name.name));
                Err(at(problem, range.location))
            }
        }
    }

    /// Fails where the name is taken by a relation, an index or a sequence; they share one name space.
    pub(super) fn require_free(&self, name: &Name) -> Result<()> {
        if is_relation_name_taken(&self.catalog, name) {
            return Err(Problem::new("42P07", format!("relation \"{}\" already exists", name.name)));
        }
        Ok(())
    }

    /// Fails where SQLite could not hold a table or index of the name beside those that exist.
    pub(super) fn require_storable(&self, name: &Name) -> Result<()> {
        let lower = name.name.to_ascii_lowercase();
        if lower.starts_with("sqlite_") || lower.starts_with("_mainstay_") {
            return Err(Problem::new("42939", format!("the name \"{}\" is reserved", name.name))
                .with_hint("names that begin with `sqlite_` or `_mainstay_` belong to the embedded engine"));
        }
        if name.name.contains('.') || name.schema.contains('.') {
            return Err(Problem::needs_postgres(format!("a name with a dot in it (\"{name}\")")));
        }
        let physical = name.to_string();
        let alike = |other: &Name| other != name && other.to_string().eq_ignore_ascii_case(&physical);
        let other =
            self.catalog.relations.keys().chain(self.catalog.indexes.keys()).find(|other| alike(other));
        match other {
            Some(other) => Err(Problem::needs_postgres(format!(
                "a second name that differs only in case (\"{name}\" beside \"{other}\")"
            ))),
            None => Ok(()),
        }
    }

    /// PostgreSQL's `ChooseRelationName`: a free name such as `orders_pkey`, `orders_pkey1`, ….
    pub(super) fn choose_relation_name(
        &self,
        schema: &str,
        table: &str,
        column: Option<&str>,
        label: &str,
        constraint: bool,
    ) -> String {
        self.choose(table, column, label, |candidate| {
            let name = Name::new(schema, candidate);
            is_relation_name_taken(&self.catalog, &name)
                || constraint && is_constraint_name_taken(&self.catalog, &name)
        })
    }

    /// PostgreSQL's `ChooseConstraintName`; `others` are names already given within the statement.
    pub(super) fn choose_constraint_name(
        &self,
        schema: &str,
        table: &str,
        column: Option<&str>,
        label: &str,
        others: &[String],
    ) -> String {
        self.choose(table, column, label, |candidate| {
            others.iter().any(|other| other == candidate)
                || is_constraint_name_taken(&self.catalog, &Name::new(schema, candidate))
        })
    }

    fn choose(&self, table: &str, column: Option<&str>, label: &str, taken: impl Fn(&str) -> bool) -> String {
        let mut candidate = object_name(table, column, label);
        let mut pass = 0u32;
        while taken(&candidate) {
            pass += 1;
            candidate = object_name(table, column, &format!("{label}{pass}"));
        }
        candidate
    }
}

pub(super) fn lookup(
    catalog: &Catalog,
    search_path: &[String],
    parts: &[String],
    exists: impl Fn(&Catalog, &Name) -> bool,
) -> Option<Name> {
    match parts {
        [name] => search_path
            .iter()
            .map(|schema| Name::new(schema.clone(), name.clone()))
            .find(|candidate| exists(catalog, candidate)),
        [schema, name] => {
            Some(Name::new(schema.clone(), name.clone())).filter(|candidate| exists(catalog, candidate))
        }
        _ => None,
    }
}

pub(super) fn is_relation_name_taken(catalog: &Catalog, name: &Name) -> bool {
    catalog.relations.contains_key(name)
        || catalog.indexes.contains_key(name)
        || catalog.sequences.contains_key(name)
        || catalog.type_names.get(name).is_some_and(|id| catalog.types.composites.contains_key(id))
}

fn is_constraint_name_taken(catalog: &Catalog, name: &Name) -> bool {
    let of_relations = catalog
        .relations
        .range(Name::new(name.schema.clone(), "")..)
        .take_while(|(other, _)| other.schema == name.schema)
        .any(|(_, relation)| relation.constraints.iter().any(|constraint| constraint.name == name.name));
    of_relations
        || catalog.domains.iter().any(|(other, domain)| {
            other.schema == name.schema && domain.checks.iter().any(|(check, _)| *check == name.name)
        })
}

/// PostgreSQL's `makeObjectName`: `first_second_label`, cut to 63 bytes by shortening the longer of the first two.
pub(super) fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let overhead = label.len() + 1 + usize::from(second.is_some());
    let available = NAME_BYTES_MAX.saturating_sub(overhead);
    let (mut first_length, mut second_length) = (first.len(), second.map_or(0, str::len));
    while first_length + second_length > available {
        if first_length > second_length {
            first_length -= 1;
        } else {
            second_length -= 1;
        }
    }
    let mut name = clip(first, first_length).to_owned();
    if let Some(second) = second {
        name.push('_');
        name.push_str(clip(second, second_length));
    }
    name.push('_');
    name.push_str(label);
    name
}

/// At most so many bytes, cut between characters.
pub(super) fn clip(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// PostgreSQL's `ChooseIndexNameAddition`: the columns' names joined, as far as an identifier reaches.
pub(super) fn joined<'a>(columns: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = String::new();
    for column in columns {
        if !all.is_empty() {
            all.push('_');
        }
        all.push_str(column);
        if all.len() > NAME_BYTES_MAX {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_as_postgresql_cuts_them() {
        assert_eq!(object_name("orders", Some("customer_id"), "fkey"), "orders_customer_id_fkey");
        let long = "a".repeat(60);
        assert_eq!(object_name(&long, None, "pkey"), format!("{}_pkey", "a".repeat(58)));
        let cut = object_name(&long, Some(&"b".repeat(60)), "check");
        assert_eq!(cut, format!("{}_{}_check", "a".repeat(28), "b".repeat(28)));
        assert_eq!(clip("äö", 3), "ä");
    }
}
