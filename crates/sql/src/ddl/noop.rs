//! Statements that a migration may contain and that have nothing to do here.

use super::Draft;
use super::function::setting;
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{TransactionStmt, TransactionStmtKind as Kind, VariableSetKind, VariableSetStmt};

/// Statements that are accepted without (full) effect, and why; the documentation is made from it.
pub const NO_OPS: &[(&str, &str)] = &[
    (
        "SET, RESET",
        "`search_path` and `check_function_bodies` take effect within the migration; other settings have none",
    ),
    ("SELECT set_config(…)", "as SET, for `search_path`; else it is run like any other SELECT"),
    ("BEGIN, COMMIT", "a migration is one transaction already"),
    ("ALTER … OWNER TO", "kept in the catalog for tables; all objects belong to the embedded engine"),
    (
        "ALTER TABLE … CLUSTER, REPLICA IDENTITY, SET STORAGE, SET STATISTICS, SET TABLESPACE, SET (…)",
        "the embedded engine has its own storage",
    ),
    ("ALTER TABLE … ENABLE, DISABLE TRIGGER", "triggers do not run on the embedded engine"),
    ("CREATE UNLOGGED TABLE", "the table is as durable as any other"),
    ("CREATE INDEX … USING gin, gist, brin, spgist", "kept in the catalog; queries are answered without it"),
    ("CONCURRENTLY", "a migration blocks writers anyway"),
    ("NOT VALID", "existing rows are checked at once"),
    ("DEFERRABLE UNIQUE", "checked at once, not at commit"),
    ("CREATE STATISTICS", "the embedded engine keeps its own"),
    ("ANALYZE, VACUUM, REINDEX, CLUSTER, CHECKPOINT", "the embedded engine looks after itself"),
    ("LOCK TABLE", "a migration is alone with the data already"),
    ("NOTIFY, LISTEN, UNLISTEN", "changes are heard through realtime"),
    ("SECURITY LABEL", "there is no label provider"),
    ("ALTER ROLE … SET, ALTER DATABASE, ALTER SYSTEM", "settings come from the project's own"),
    ("CREATE EXTENSION of tools", "taken note of"),
    ("DISCARD, DEALLOCATE", "a migration has no session"),
    ("CREATE FUNCTION in plpgsql and others", "kept; runs on the PostgreSQL engine or in a later version"),
    ("psql's commands (\\connect, \\restrict)", "passed over"),
];

impl Draft<'_> {
    /// Whether the statement has nothing to do here; it is noted if so.
    pub(super) fn is_no_op(&mut self, node: &NodeEnum) -> bool {
        let words = match node {
            NodeEnum::ReassignOwnedStmt(_) => "owners have no meaning on the embedded engine",
            NodeEnum::CreateStatsStmt(_) | NodeEnum::AlterStatsStmt(_) => {
                "extended statistics have no meaning on the embedded engine"
            }
            NodeEnum::VacuumStmt(_)
            | NodeEnum::ReindexStmt(_)
            | NodeEnum::ClusterStmt(_)
            | NodeEnum::CheckPointStmt(_) => "the embedded engine looks after its own storage",
            NodeEnum::LockStmt(_) => "a migration is alone with the data already",
            NodeEnum::NotifyStmt(_) | NodeEnum::ListenStmt(_) | NodeEnum::UnlistenStmt(_) => {
                "changes are heard through realtime, not LISTEN and NOTIFY"
            }
            NodeEnum::SecLabelStmt(_) => "security labels have no meaning on the embedded engine",
            NodeEnum::AlterRoleSetStmt(_)
            | NodeEnum::AlterDatabaseSetStmt(_)
            | NodeEnum::AlterDatabaseStmt(_)
            | NodeEnum::AlterSystemStmt(_) => "settings come from the project's own configuration",
            NodeEnum::DiscardStmt(_) | NodeEnum::DeallocateStmt(_) => "a migration has no session to clear",
            NodeEnum::AlterExtensionStmt(_) => {
                "extensions are part of the engine: there is nothing to update"
            }
            NodeEnum::ConstraintsSetStmt(_) => "SET CONSTRAINTS has no effect in a migration",
            NodeEnum::VariableShowStmt(_) => "SHOW has no effect in a migration",
            NodeEnum::AlterTableMoveAllStmt(_) | NodeEnum::AlterObjectDependsStmt(_) => {
                "this ALTER has no meaning on the embedded engine"
            }
            _ => return false,
        };
        self.notice(words);
        true
    }

    pub(super) fn set_variable(&mut self, statement: &VariableSetStmt) -> Result<()> {
        let reset = matches!(
            VariableSetKind::try_from(statement.kind),
            Ok(VariableSetKind::VarReset | VariableSetKind::VarResetAll | VariableSetKind::VarSetDefault)
        );
        let defaults = super::Settings::default();
        if statement.kind == VariableSetKind::VarResetAll as i32 {
            self.settings = defaults;
            return Ok(());
        }
        match statement.name.as_str() {
            "search_path" if reset => self.settings.search_path = defaults.search_path,
            "search_path" => {
                let parts = super::tree::strings(&statement.args);
                self.set_search_path(&parts);
            }
            "check_function_bodies" => {
                let off = matches!(setting(statement).to_lowercase().as_str(), "off" | "false" | "no" | "0");
                self.settings.check_function_bodies = reset || !off;
            }
            name => {
                let words = format!("the setting \"{name}\" has no effect in a migration");
                self.notice(words);
            }
        }
        Ok(())
    }

    /// Takes the schemas of a `search_path`; a text may hold several.
    pub(super) fn set_search_path(&mut self, parts: &[String]) {
        self.settings.search_path = parts
            .iter()
            .flat_map(|part| part.split(','))
            .map(|part| part.trim().trim_matches('"').to_owned())
            .filter(|part| !part.is_empty() && part != "$user" && part != "pg_catalog")
            .collect();
    }

    pub(super) fn transaction(&mut self, statement: &TransactionStmt) -> Result<()> {
        match Kind::try_from(statement.kind) {
            Ok(Kind::TransStmtBegin | Kind::TransStmtStart | Kind::TransStmtCommit) => {
                self.notice("a migration is one transaction already");
                Ok(())
            }
            Ok(Kind::TransStmtSavepoint | Kind::TransStmtRelease) => {
                self.notice("savepoints have no effect: a migration is applied whole or not at all");
                Ok(())
            }
            Ok(Kind::TransStmtRollback | Kind::TransStmtRollbackTo) => {
                Err(Problem::new("0A000", "a migration cannot take itself back")
                    .with_hint("remove the ROLLBACK, or the statements before it"))
            }
            _ => Err(Problem::needs_postgres("a prepared transaction")),
        }
    }
}
