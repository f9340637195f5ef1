//! `mainstay types typescript`: the `Database` type that supabase-js takes, of the schema that a folder's migrations
//! lead to.
//!
//! The form is that of `supabase gen types typescript`. The catalog comes from the migrations alone: nothing is
//! written, and a server may be running.

mod functions;
mod layout;
mod relations;
mod types;

use crate::assess::starting_catalog;
use crate::migrate::Failed;
use crate::project::Project;
use functions::{callables, signatures};
use layout::{Member, Node, block_or_never, member, render as text_of};
use mainstay_base::{Problem, Result};
use mainstay_sql::Catalog;
use mainstay_sql::ddl::plan_migration;
use relations::Parts;
use std::cmp::Ordering;
use types::Types;

/// What the client may expect of the server's REST (the version of PostgREST whose grammar it speaks).
const POSTGREST_VERSION: &str = "14.1";

const JSON: &str = "export type Json =
  | string
  | number
  | boolean
  | null
  | { [key: string]: Json | undefined }
  | Json[]
";

/// `Tables<…>`, `TablesInsert<…>` and the like.
const HELPERS: &str = include_str!("helpers.ts");

/// The catalog that the folder's migrations lead to. `keep_going` leaves out what the embedded engine refuses.
pub fn catalog(project: &Project, keep_going: bool) -> std::result::Result<Catalog, Box<Failed>> {
    let plain = |problem| Box::new(Failed { problem, path: None, text: String::new() });
    let mut catalog = starting_catalog().map_err(plain)?;
    for file in project.migrations().map_err(plain)? {
        let failed = |problem: Problem| {
            let path = Some(file.path.display().to_string());
            Box::new(Failed { problem, path, text: file.text.clone() })
        };
        let planned = plan_migration(&catalog, &file.text).map_err(failed)?;
        if let Some(problem) = planned.first_problem().filter(|_| !keep_going) {
            return Err(failed(problem.clone()));
        }
        catalog = planned.catalog;
    }
    Ok(catalog)
}

/// The whole file for these schemas.
pub fn render(catalog: &Catalog, schemas: &[String]) -> Result<String> {
    let mut schemas = schemas.to_vec();
    schemas.sort_by(|left, right| collate(left, right));
    schemas.dedup();
    if let Some(missing) = schemas.iter().find(|schema| !catalog.schemas.contains_key(*schema)) {
        return Err(Problem::new("3F000", format!("schema \"{missing}\" does not exist")).with_hint(
            "`--schema` names a schema that the migrations make; several are given by repeating it",
        ));
    }
    let types = Types::of(catalog, &schemas);
    let references = mainstay_records::references(catalog);
    let version = Node::Block(vec![member("PostgrestVersion", Node::literal(POSTGREST_VERSION))]);
    let mut database = vec![member("__InternalSupabase", version)];
    let mut constants = Vec::with_capacity(schemas.len());
    for schema in &schemas {
        let functions = callables(&types, schema);
        let parts = Parts { types: &types, functions: &functions, references: &references };
        let signatures =
            functions.iter().map(|(name, overloads)| member(&name.name, signatures(&types, name, overloads)));
        let members = vec![
            member("Tables", parts.tables(schema)),
            member("Views", parts.views(schema)),
            member("Functions", block_or_never(signatures.collect())),
            member("Enums", block_or_never(enums(catalog, schema, types::labels))),
            member("CompositeTypes", block_or_never(composites(&types, schema))),
        ];
        database.push(member(schema, Node::Block(members)));
        let list = |labels: &[String]| Node::Tuple(labels.iter().map(|label| Node::literal(label)).collect());
        let values = Node::Value(enums(catalog, schema, list));
        constants.push(member(schema, Node::Value(vec![member("Enums", values)])));
    }
    let database = text_of(&Node::Block(database), 0, 0);
    let constants = text_of(&Node::Value(constants), 0, 0);
    let default = default_schema(&schemas);
    let helpers = HELPERS.replace("\"public\"", &layout::quoted(default));
    Ok(format!(
        "{JSON}\nexport type Database = {database}\n\n{helpers}\nexport const Constants = {constants} as const\n"
    ))
}

/// The schema that helper types mean where none is named.
fn default_schema(schemas: &[String]) -> &str {
    match schemas.iter().find(|schema| *schema == "public").or(schemas.first()) {
        Some(schema) => schema,
        None => "public",
    }
}

fn enums(catalog: &Catalog, schema: &str, node: impl Fn(&[String]) -> Node) -> Vec<Member> {
    let mut found: Vec<_> = catalog.types.enums.values().filter(|found| found.schema == schema).collect();
    found.sort_by(|left, right| collate(&left.name, &right.name));
    found.iter().map(|found| member(&found.name, node(&found.labels))).collect()
}

/// `CREATE TYPE … AS (…)`; the row types of relations stand with the relations.
fn composites(types: &Types<'_>, schema: &str) -> Vec<Member> {
    let of_relation = |id| types.relation_of(&mainstay_types::Type::Composite(id)).is_some();
    let mut found: Vec<_> = types
        .catalog
        .types
        .composites
        .iter()
        .filter(|(id, composite)| composite.schema == schema && !of_relation(**id))
        .map(|(_, composite)| composite)
        .collect();
    found.sort_by(|left, right| collate(&left.name, &right.name));
    found
        .iter()
        .map(|composite| {
            let fields = composite.fields.iter();
            let fields = fields.map(|(name, ty)| member(name, types.node(&ty.ty).or_null(true)));
            member(&composite.name, Node::Block(fields.collect()))
        })
        .collect()
}

/// The order that JavaScript's `localeCompare` gives to names: marks, digits, letters; case only where nothing else
/// differs, small letters first.
pub(crate) fn collate(left: &str, right: &str) -> Ordering {
    fn weight(character: char) -> (u8, char) {
        match character {
            '_' => (0, '\0'),
            '-' => (0, '\u{1}'),
            c if c.is_alphabetic() => (2, c.to_lowercase().next().unwrap_or(c)),
            c if c.is_numeric() => (1, c),
            c => (0, c),
        }
    }
    let case = |text: &str| text.chars().map(char::is_uppercase).collect::<Vec<bool>>();
    left.chars()
        .map(weight)
        .cmp(right.chars().map(weight))
        .then_with(|| case(left).cmp(&case(right)))
        .then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_javascript_orders_them() {
        let mut names = ["orders", "order_items", "Order", "order2", "order", "b-c", "b_c"];
        names.sort_by(|left, right| collate(left, right));
        assert_eq!(names, ["b_c", "b-c", "order", "Order", "order_items", "order2", "orders"]);
    }
}
