//! `ALTER TABLE`: its subcommands, and those that concern constraints and the table as a whole.

use super::Draft;
use super::physical::{quoted, quoted_list};
use super::reshape::Reshape;
use super::table::Written;
use super::tree::{at, cascade, range_parts, required};
use crate::catalog::{ConstraintKind, Name, Relation, RelationKind, quote_identifier};
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, AlterTableType as At, ObjectType};

impl Draft<'_> {
    pub(super) fn alter_table(&mut self, statement: &AlterTableStmt) -> Result<()> {
        let range = required(statement.relation.as_ref())?;
        let parts = range_parts(range);
        let commands = statement.cmds.iter().filter_map(|node| match node.node.as_ref() {
            Some(NodeEnum::AlterTableCmd(command)) => Some(command),
            _ => None,
        });
        match ObjectType::try_from(statement.objtype) {
            Ok(ObjectType::ObjectIndex) => {
                self.notice("ALTER INDEX of this kind has no meaning on the embedded engine");
                return Ok(());
            }
            Ok(ObjectType::ObjectSequence) if self.find_sequence(&parts).is_some() => {
                self.notice("ALTER SEQUENCE of this kind has no meaning on the embedded engine");
                return Ok(());
            }
            Ok(ObjectType::ObjectType) => return self.alter_composite(statement),
            _ => {}
        }
        let Some(relation) = self.find_relation(&parts) else {
            // `ALTER TABLE seq OWNER TO …` is how old dumps name sequences.
            if self.find_sequence(&parts).is_some() {
                self.notice("this ALTER has no meaning on the embedded engine");
                return Ok(());
            }
            let words = format!("relation \"{}\" does not exist", parts.join("."));
            if statement.missing_ok {
                self.notice(format!("{words}, skipping"));
                return Ok(());
            }
            return Err(at(Problem::new("42P01", words), range.location));
        };
        let table = relation.name.clone();
        let mut reshape = self.begin_reshape(&table)?;
        for command in commands {
            self.check_partition_alteration(&*self.existing(&table)?, !range.inh, command)?;
            self.alter_command(&table, &mut reshape, command)?;
        }
        self.check_generated(&table, Some(&relation))?;
        self.finish_reshape(&reshape)
    }

    fn alter_command(&mut self, table: &Name, reshape: &mut Reshape, command: &AlterTableCmd) -> Result<()> {
        let kind = At::try_from(command.subtype).unwrap_or(At::Undefined);
        let relation = self.existing(table)?;
        if !relation.is_table() && !fits_views(kind) {
            let words = match relation.kind {
                RelationKind::View { .. } => "views",
                _ => "materialized views",
            };
            return Err(Problem::new(
                "42809",
                format!("ALTER action cannot be performed on relation \"{}\"", relation.name.name),
            )
            .with_details(format!("This operation is not supported for {words}.")));
        }
        if self.alter_column_command(table, reshape, kind, command)? {
            return Ok(());
        }
        match kind {
            At::AtAddConstraint | At::AtAddIndexConstraint => self.alter_add_constraint(table, command),
            At::AtDropConstraint => self.alter_drop_constraint(table, command),
            At::AtValidateConstraint => self.require_constraint(&relation, &command.name).map(|_| ()),
            At::AtAlterConstraint => self.alter_constraint(table, command),
            At::AtEnableRowSecurity => self.change_relation(table, |relation| relation.row_security = true),
            At::AtDisableRowSecurity => self.change_relation(table, |relation| relation.row_security = false),
            At::AtForceRowSecurity => {
                self.change_relation(table, |relation| relation.force_row_security = true)
            }
            At::AtNoForceRowSecurity => {
                self.change_relation(table, |relation| relation.force_row_security = false)
            }
            At::AtChangeOwner => {
                let owner = command.newowner.as_ref().map(super::role::role_name);
                self.change_relation(table, |relation| relation.owner = owner)
            }
            At::AtSetRelOptions | At::AtResetRelOptions | At::AtReplaceRelOptions => {
                self.alter_options(table, command, kind)
            }
            At::AtReplicaIdentity
            | At::AtClusterOn
            | At::AtDropCluster
            | At::AtSetLogged
            | At::AtSetUnLogged
            | At::AtDropOids
            | At::AtSetAccessMethod
            | At::AtSetTableSpace => {
                self.notice(format!("ALTER TABLE … {} has no meaning on the embedded engine", words(kind)));
                Ok(())
            }
            At::AtEnableTrig
            | At::AtEnableAlwaysTrig
            | At::AtEnableReplicaTrig
            | At::AtDisableTrig
            | At::AtEnableTrigAll
            | At::AtDisableTrigAll
            | At::AtEnableTrigUser
            | At::AtDisableTrigUser => {
                self.notice("triggers do not run on the embedded engine: there is none to enable or disable");
                Ok(())
            }
            _ => Err(Problem::needs_postgres(format!("ALTER TABLE … {}", words(kind)))),
        }
    }

    /// `ALTER VIEW … SET (security_invoker = …)`; a table's storage options mean nothing here.
    fn alter_options(&mut self, table: &Name, command: &AlterTableCmd, kind: At) -> Result<()> {
        let options = command.def.as_deref().map(super::tree::items).unwrap_or_default();
        let relation = self.existing(table)?;
        if let RelationKind::View { .. } = relation.kind {
            let (invoker, check) = super::view::options(options);
            let set = kind != At::AtResetRelOptions;
            return self.change_relation(table, |relation| {
                if let RelationKind::View { security_invoker, check_option, check_local, .. } =
                    &mut relation.kind
                {
                    if let Some(value) = invoker {
                        *security_invoker = set && value;
                    }
                    if let Some(kind) = check {
                        *check_option = set;
                        *check_local = set && kind == super::view::Check::Local;
                    }
                }
            });
        }
        self.notice("storage options have no meaning on the embedded engine");
        Ok(())
    }

    fn alter_add_constraint(&mut self, table: &Name, command: &AlterTableCmd) -> Result<()> {
        let Some(NodeEnum::Constraint(constraint)) = command.def.as_ref().and_then(|node| node.node.as_ref())
        else {
            return Err(Problem::internal("ADD CONSTRAINT without a constraint"));
        };
        if constraint.skip_validation {
            self.notice("NOT VALID has no effect: existing rows are checked at once");
        }
        let before = self.existing(table)?;
        self.add_constraint(table, &Written { constraint: (**constraint).clone(), column: None })?;
        let after = self.existing(table)?;
        self.verify_new_constraints(&before, &after)
    }

    /// Rows that exist already must satisfy what is new: asked before the table changes, so that the problem is
    /// PostgreSQL's.
    pub(super) fn verify_new_constraints(&mut self, before: &Relation, after: &Relation) -> Result<()> {
        let is_old = |name: &str| before.constraints.iter().any(|constraint| constraint.name == name);
        let columns_exist = |columns: &[String]| columns.iter().all(|column| before.column(column).is_some());
        let table = quoted(&after.name);
        for constraint in after.constraints.iter().filter(|constraint| !is_old(&constraint.name)) {
            match &constraint.kind {
                ConstraintKind::Check { expression } => {
                    if !columns_exist(&self.columns_in_text(&after.name, expression)) {
                        continue;
                    }
                    let lowered = self.lower(after, expression, &Type::Bool.into())?;
                    let words = format!(
                        "check constraint \"{}\" of relation \"{}\" is violated by some row",
                        constraint.name, after.name.name
                    );
                    self.verify(
                        format!("SELECT 1 FROM {table} WHERE NOT ({lowered}) LIMIT 1"),
                        "23514",
                        words,
                    );
                }
                ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns, .. }
                    if columns_exist(columns) =>
                {
                    self.verify_key(before, constraint, columns);
                }
                ConstraintKind::ForeignKey { columns, target, target_columns, .. }
                    if columns_exist(columns) =>
                {
                    let matched: Vec<String> = columns
                        .iter()
                        .zip(target_columns)
                        .map(|(one, other)| {
                            format!("p.{} = c.{}", quote_identifier(other), quote_identifier(one))
                        })
                        .collect();
                    let given: Vec<String> = columns
                        .iter()
                        .map(|column| format!("c.{} IS NOT NULL", quote_identifier(column)))
                        .collect();
                    let query = format!(
                        "SELECT 1 FROM {table} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {}) LIMIT 1",
                        given.join(" AND "),
                        quoted(target),
                        matched.join(" AND ")
                    );
                    let words = format!(
                        "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
                        after.name.name, constraint.name
                    );
                    self.verify(query, "23503", words);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn verify_key(&mut self, before: &Relation, constraint: &crate::catalog::Constraint, columns: &[String]) {
        let table = quoted(&before.name);
        if matches!(constraint.kind, ConstraintKind::PrimaryKey { .. }) {
            for column in columns {
                self.verify_not_null(before, column);
            }
        }
        let nulls_equal = matches!(constraint.kind, ConstraintKind::Unique { nulls_not_distinct: true, .. });
        let given: Vec<String> =
            columns.iter().map(|column| format!("{} IS NOT NULL", quote_identifier(column))).collect();
        let filter = if nulls_equal { String::new() } else { format!(" WHERE {}", given.join(" AND ")) };
        let query = format!(
            "SELECT 1 FROM {table}{filter} GROUP BY {} HAVING count(*) > 1 LIMIT 1",
            quoted_list(columns)
        );
        self.verify(query, "23505", format!("could not create unique index \"{}\"", constraint.name));
    }

    /// Fails the migration where the column holds a NULL.
    pub(super) fn verify_not_null(&mut self, relation: &Relation, column: &str) {
        let words =
            format!("column \"{column}\" of relation \"{}\" contains null values", relation.name.name);
        let column = quote_identifier(column);
        self.verify(
            format!("SELECT 1 FROM {} WHERE {column} IS NULL LIMIT 1", quoted(&relation.name)),
            "23502",
            words,
        );
    }

    pub(super) fn verify(&mut self, query: String, code: &'static str, words: String) {
        let problem = Problem::new(code, words).at(self.start);
        self.act(Action::Verify { query, problem });
    }

    fn require_constraint(&self, relation: &Relation, name: &str) -> Result<usize> {
        relation.constraints.iter().position(|constraint| constraint.name == name).ok_or_else(|| {
            Problem::new(
                "42704",
                format!("constraint \"{name}\" of relation \"{}\" does not exist", relation.name.name),
            )
        })
    }

    fn alter_drop_constraint(&mut self, table: &Name, command: &AlterTableCmd) -> Result<()> {
        let relation = self.existing(table)?;
        match self.require_constraint(&relation, &command.name) {
            Ok(_) => self.drop_constraint(table, &command.name, cascade(command.behavior)),
            Err(problem) if command.missing_ok => {
                self.notice(format!("{}, skipping", problem.message()));
                Ok(())
            }
            Err(problem) => Err(problem),
        }
    }

    fn alter_constraint(&mut self, table: &Name, command: &AlterTableCmd) -> Result<()> {
        let relation = self.existing(table)?;
        let Some(NodeEnum::Constraint(written)) = command.def.as_ref().and_then(|node| node.node.as_ref())
        else {
            return Err(Problem::needs_postgres("ALTER CONSTRAINT of this kind"));
        };
        let index = self.require_constraint(&relation, &written.conname)?;
        let is_foreign_key = relation
            .constraints
            .get(index)
            .is_some_and(|c| matches!(c.kind, ConstraintKind::ForeignKey { .. }));
        if !is_foreign_key {
            return Err(Problem::new(
                "42809",
                format!(
                    "constraint \"{}\" of relation \"{}\" is not a foreign key constraint",
                    written.conname, table.name
                ),
            ));
        }
        self.change_relation(table, |relation| {
            if let Some(constraint) = relation.constraints.get_mut(index) {
                constraint.deferrable = written.deferrable;
                constraint.initially_deferred = written.initdeferred;
            }
        })
    }
}

fn fits_views(kind: At) -> bool {
    matches!(
        kind,
        At::AtChangeOwner
            | At::AtSetRelOptions
            | At::AtResetRelOptions
            | At::AtReplaceRelOptions
            | At::AtColumnDefault
            | At::AtSetStatistics
            | At::AtSetStorage
            | At::AtClusterOn
            | At::AtSetTableSpace
    )
}

/// How the subcommand is written: `AT_EnableRowSecurity` is `ENABLE ROW SECURITY`.
pub(super) fn words(kind: At) -> String {
    let name = kind.as_str_name();
    let mut words = String::new();
    for letter in name.strip_prefix("AT_").unwrap_or(name).chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}
