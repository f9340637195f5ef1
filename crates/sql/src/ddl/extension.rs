//! `CREATE EXTENSION`.

use super::Draft;
use super::tree::{def_elems, string};
use crate::catalog::Extension;
use mainstay_base::{Problem, Result};
use pg_query::protobuf::CreateExtensionStmt;

/// What the embedded engine has built in.
const BUILT_IN: &[&str] = &["plpgsql", "pgcrypto", "uuid-ossp", "citext", "pg_trgm", "unaccent"];

/// What dumps ask for and programs do not miss: taken note of, without effect.
const HARMLESS: &[&str] = &[
    "pg_stat_statements",
    "pgjwt",
    "supabase_vault",
    "pg_graphql",
    "pgsodium",
    "moddatetime",
    "pg_stat_monitor",
    "btree_gin",
    "btree_gist",
    "hypopg",
    "index_advisor",
    "pg_prewarm",
    "pgaudit",
    "plpgsql_check",
    "pgstattuple",
    "pg_repack",
    "pgtap",
    "pg_jsonschema",
    "pg_hashids",
    "intarray",
    "fuzzystrmatch",
    "tablefunc",
    "pg_walinspect",
    "pgrowlocks",
    "pg_buffercache",
    "sslinfo",
    "insert_username",
    "autoinc",
    "tcn",
    "lo",
    "pg_net",
];

impl Draft<'_> {
    pub(super) fn create_extension(&mut self, statement: &CreateExtensionStmt) -> Result<()> {
        let name = &statement.extname;
        if self.catalog.extensions.contains_key(name) {
            let words = format!("extension \"{name}\" already exists");
            if !statement.if_not_exists {
                return Err(Problem::new("42710", words));
            }
            self.notice(format!("{words}, skipping"));
            return Ok(());
        }
        let given = def_elems(&statement.options)
            .find(|option| option.defname == "schema")
            .and_then(|option| option.arg.as_deref())
            .and_then(string);
        let schema = match given {
            Some(schema) => {
                // Some extensions bring a schema of their own, which dumps name before it exists.
                if !self.catalog.schemas.contains_key(&schema) && schema != "pg_catalog" {
                    return Err(Problem::new("3F000", format!("schema \"{schema}\" does not exist")));
                }
                schema
            }
            None => "public".to_owned(),
        };
        if HARMLESS.contains(&name.as_str()) {
            self.notice(format!(
                "the extension \"{name}\" is taken note of; its functions do not exist on the embedded engine"
            ));
        } else if !BUILT_IN.contains(&name.as_str()) {
            return Err(Problem::needs_postgres(format!("the extension \"{name}\"")));
        }
        self.catalog.extensions.insert(name.clone(), Extension { schema });
        Ok(())
    }
}
