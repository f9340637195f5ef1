//! Calls to copy, about tables that are there: they work as they stand, as far as policies let them.

use super::PageSettings;
use super::html::snippet;
use crate::grammar::encoded;
use crate::rest::Rest;
use mainstay_sql::Catalog;
use mainstay_sql::catalog::{Column, ConstraintKind, Identity, Policy, Relation};
use mainstay_sql::privilege::{Privilege, Reach};
use mainstay_types::Type;
use serde_json::{Map, Value, json};

pub(super) fn calls(settings: &PageSettings, rest: &Rest, catalog: &Catalog, url: &str) -> String {
    let schema = rest.settings().schemas.first().map_or("public", String::as_str);
    let tables: Vec<&Relation> = catalog
        .relations
        .iter()
        .filter(|(name, relation)| name.schema == schema && relation.is_table())
        .map(|(_, relation)| &**relation)
        .collect();
    let opens = |table: &Relation, privilege| is_open(catalog, table, privilege);
    // the table that most others point to is the one that people know; first those of which everybody sees something
    let read = tables
        .iter()
        .rev()
        .max_by_key(|table| (opens(table, Privilege::Select), references_to(catalog, table)));
    let write = tables.iter().min_by_key(|table| (!opens(table, Privilege::Insert), hurdles(table)));
    let key = |table: Option<&&Relation>, privilege| {
        let (shown, name) = match table.is_none_or(|table| opens(table, privilege)) {
            true => (&settings.anon_key, "<anon key>"),
            false => (&settings.service_key, "<service_role key>"),
        };
        shown.as_deref().filter(|_| settings.dev).unwrap_or(name)
    };
    let (key, write_key) = (key(read, Privilege::Select), key(write, Privilege::Insert));
    let read = read.map_or("todos", |table| table.name.name.as_str());
    let body = write.map_or_else(|| json!({}), |table| sample(catalog, table)).to_string();
    let write = write.map_or("todos", |table| table.name.name.as_str());
    let address = |name: &str| format!("{url}{}/{}", rest.settings().mount, encoded(name));
    let curl = format!(
        "curl {} \\\n  -H {}",
        shell(&format!("{}?select=*&limit=10", address(read))),
        shell(&format!("apikey: {key}"))
    );
    let insert = format!(
        "curl {} \\\n  -H {} \\\n  -H 'Content-Type: application/json' \\\n  \
         -H 'Prefer: return=representation' \\\n  -d {}",
        shell(&address(write)),
        shell(&format!("apikey: {write_key}")),
        shell(&body)
    );
    let options = match schema {
        "public" => String::new(),
        other => format!(", {{ db: {{ schema: {} }} }}", script(other)),
    };
    let client = format!(
        "import {{ createClient }} from '@supabase/supabase-js'\n\n\
         const db = createClient({}, {}{options})\n\
         const {{ data, error }} = await db.from({}).select('*').limit(10)\n\
         console.log(error ?? data)",
        script(url),
        script(key),
        script(read)
    );
    format!(
        "<section class=\"card\"><h2>Call it</h2>{}{}{}</section>\n",
        snippet("call-curl", "Read with curl", &curl),
        snippet("call-insert", "Write with curl", &insert),
        snippet("call-client", "From JavaScript", &client)
    )
}

/// Whether callers without a token may do it, to some row.
fn is_open(catalog: &Catalog, table: &Relation, privilege: Privilege) -> bool {
    let Ok(rights) = catalog.rights_of("anon") else { return false };
    let lets = |policy: &Policy| {
        let command = policy.command == "ALL" || policy.command == privilege.word();
        policy.permissive && command && rights.policy_is_for(policy)
    };
    rights.on_relation(table, privilege) == Reach::Whole
        && (!rights.is_restricted_on(table) || table.policies.iter().any(lets))
}

fn references_to(catalog: &Catalog, table: &Relation) -> usize {
    let constraints = catalog.relations.values().flat_map(|relation| &relation.constraints);
    constraints
        .filter(|constraint| {
            matches!(&constraint.kind, ConstraintKind::ForeignKey { target, .. } if *target == table.name)
        })
        .count()
}

/// Columns that an insert must bring.
fn required(table: &Relation) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| {
        let made = column.default.is_some() || column.identity.is_some() || column.generated.is_some();
        column.not_null && !made && column.identity != Some(Identity::Always)
    })
}

/// What stands in the way of an insert that knows nothing: rows elsewhere first, then conditions, then columns.
fn hurdles(table: &Relation) -> (usize, bool, usize) {
    let points_elsewhere = |column: &&Column| {
        table.constraints.iter().any(|constraint| {
            matches!(&constraint.kind, ConstraintKind::ForeignKey { columns, .. } if columns.contains(&column.name))
        })
    };
    let checked =
        table.constraints.iter().any(|constraint| matches!(constraint.kind, ConstraintKind::Check { .. }));
    (required(table).filter(points_elsewhere).count(), checked, required(table).count())
}

/// A row with the columns that must be given.
fn sample(catalog: &Catalog, table: &Relation) -> Value {
    let row: Map<String, Value> = required(table)
        .map(|column| {
            let value = match &column.ty.ty {
                Type::Bool => json!(true),
                ty if ty.is_numeric() => json!(1),
                Type::Uuid => json!("00000000-0000-0000-0000-000000000001"),
                Type::Date => json!("2026-01-31"),
                Type::Timestamp | Type::TimestampTz => json!("2026-01-31T12:00:00Z"),
                Type::Time | Type::TimeTz => json!("12:00:00"),
                Type::Interval => json!("1 day"),
                Type::Json | Type::Jsonb => json!({}),
                Type::Array(_) => json!([]),
                Type::Enum(id) => json!(catalog.types.enums.get(id).and_then(|found| found.labels.first())),
                _ => json!("hello"),
            };
            (column.name.clone(), value)
        })
        .collect();
    Value::Object(row)
}

/// Text as one word of a shell.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Text as a literal of JavaScript.
fn script(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::{encoded, script, shell};

    #[test]
    fn names_survive_quoting() {
        assert_eq!(shell("it's"), "'it'\\''s'");
        assert_eq!(script("it's \\"), "'it\\'s \\\\'");
        assert_eq!(encoded("a b/é"), "a%20b%2F%C3%A9");
    }
}
