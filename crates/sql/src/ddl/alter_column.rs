//! `ALTER TABLE`: the subcommands that concern one column.

use super::Draft;
use super::constraint::no_column_of;
use super::physical::quoted;
use super::reshape::Reshape;
use super::sequence::next_value;
use super::tree::{at, cascade, def_elems, items, required};
use crate::catalog::{Column, Identity, Name, Relation, quote_identifier};
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableType as At, ColumnDef};

impl Draft<'_> {
    /// Carries out a subcommand on a column; `false` where it is none.
    pub(super) fn alter_column_command(
        &mut self,
        table: &Name,
        reshape: &mut Reshape,
        kind: At,
        command: &AlterTableCmd,
    ) -> Result<bool> {
        match kind {
            At::AtAddColumn => self.add_column(table, reshape, command)?,
            At::AtDropColumn => self.alter_drop_column(table, reshape, command)?,
            At::AtAlterColumnType => self.alter_type(table, reshape, command)?,
            At::AtColumnDefault => self.alter_default(table, command)?,
            At::AtSetNotNull => {
                let relation = self.existing(table)?;
                let column = require_column(&relation, &command.name)?;
                if !column.not_null && reshape.before().column(&command.name).is_some() {
                    self.verify_not_null(&relation, &command.name);
                }
                self.change_column(table, &command.name, |column| column.not_null = true)?;
            }
            At::AtDropNotNull => self.drop_not_null(table, &command.name)?,
            At::AtDropExpression => self.drop_expression(table, reshape, command)?,
            At::AtSetExpression => return Err(Problem::needs_postgres("ALTER COLUMN … SET EXPRESSION")),
            At::AtAddIdentity => self.add_identity(table, command)?,
            At::AtSetIdentity => self.set_identity(table, command)?,
            At::AtDropIdentity => self.drop_identity(table, command)?,
            At::AtSetStatistics
            | At::AtSetOptions
            | At::AtResetOptions
            | At::AtSetStorage
            | At::AtSetCompression => {
                self.notice("how a column is stored and sampled has no meaning on the embedded engine");
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn change_column(
        &mut self,
        table: &Name,
        name: &str,
        change: impl FnOnce(&mut Column),
    ) -> Result<()> {
        let relation = self.existing(table)?;
        require_column(&relation, name)?;
        self.change_relation(table, |relation| {
            if let Some(column) = relation.columns.iter_mut().find(|column| column.name == name) {
                change(column);
            }
        })
    }

    fn add_column(&mut self, table: &Name, reshape: &mut Reshape, command: &AlterTableCmd) -> Result<()> {
        let definition = column_def(command)?;
        let relation = self.existing(table)?;
        if relation.column(&definition.colname).is_some() {
            let words =
                format!("column \"{}\" of relation \"{}\" already exists", definition.colname, table.name);
            if command.missing_ok {
                self.notice(format!("{words}, skipping"));
                return Ok(());
            }
            return Err(at(Problem::new("42701", words), definition.location));
        }
        let new = self.new_column(table, definition)?;
        let column = new.column.clone();
        self.append_column(table, new.column).map_err(|problem| at(problem, definition.location))?;
        if column.generated.is_none() {
            let value = match (&column.default, &column.sequence) {
                (Some(text), _) => Some(text.clone()),
                (None, Some(sequence)) => Some(next_value(sequence)),
                (None, None) => None,
            };
            match value {
                Some(text) => {
                    let sql = self.lower_default(&text, &column.ty)?;
                    reshape.fill(&column.name, sql);
                }
                None if column.not_null || self.is_not_null_domain(&column) => {
                    let words = format!(
                        "column \"{}\" of relation \"{}\" contains null values",
                        column.name, table.name
                    );
                    self.verify(format!("SELECT 1 FROM {} LIMIT 1", quoted(table)), "23502", words);
                    reshape.rewrite = true;
                }
                None => {}
            }
        }
        self.add_written(table, &new.constraints)
    }

    fn is_not_null_domain(&self, column: &Column) -> bool {
        column
            .domain
            .as_ref()
            .and_then(|name| self.catalog.domains.get(name))
            .is_some_and(|domain| domain.not_null)
    }

    fn alter_drop_column(
        &mut self,
        table: &Name,
        reshape: &mut Reshape,
        command: &AlterTableCmd,
    ) -> Result<()> {
        let relation = self.existing(table)?;
        if relation.column(&command.name).is_none() {
            let problem = no_column_of(&relation, &command.name);
            if command.missing_ok {
                self.notice(format!("{}, skipping", problem.message()));
                return Ok(());
            }
            return Err(problem);
        }
        if relation.columns.len() == 1 {
            return Err(Problem::needs_postgres("a table without columns"));
        }
        self.drop_column(table, &command.name, cascade(command.behavior))?;
        reshape.forget(&command.name);
        Ok(())
    }

    fn alter_default(&mut self, table: &Name, command: &AlterTableCmd) -> Result<()> {
        let relation = self.existing(table)?;
        let column = require_column(&relation, &command.name)?;
        let described = |what: &str| {
            Problem::new(
                "42601",
                format!("column \"{}\" of relation \"{}\" is {what}", command.name, table.name),
            )
        };
        if column.identity.is_some() {
            let hint = "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.";
            return Err(match command.def {
                Some(_) => described("an identity column"),
                None => described("an identity column").with_hint(hint),
            });
        }
        if column.generated.is_some() {
            return Err(described("a generated column"));
        }
        let text = match command.def.as_deref() {
            Some(node) => self.default_text(node, &column.ty)?,
            None => None,
        };
        self.change_column(table, &command.name, |column| column.default = text)
    }

    fn drop_not_null(&mut self, table: &Name, name: &str) -> Result<()> {
        let relation = self.existing(table)?;
        let column = require_column(&relation, name)?;
        if relation.primary_key().is_some_and(|columns| columns.iter().any(|other| other == name)) {
            return Err(Problem::new("42P16", format!("column \"{name}\" is in a primary key")));
        }
        if column.identity.is_some() {
            return Err(Problem::new(
                "42601",
                format!("column \"{name}\" of relation \"{}\" is an identity column", table.name),
            ));
        }
        self.change_column(table, name, |column| column.not_null = false)
    }

    fn drop_expression(
        &mut self,
        table: &Name,
        reshape: &mut Reshape,
        command: &AlterTableCmd,
    ) -> Result<()> {
        let relation = self.existing(table)?;
        let column = require_column(&relation, &command.name)?;
        if column.generated.is_none() {
            let words = format!(
                "column \"{}\" of relation \"{}\" is not a stored generated column",
                command.name, table.name
            );
            if command.missing_ok {
                self.notice(format!("{words}, skipping"));
                return Ok(());
            }
            return Err(Problem::new("55000", words));
        }
        // The values stay: the new table takes them as they are.
        reshape.rewrite = true;
        self.change_column(table, &command.name, |column| column.generated = None)
    }

    fn alter_type(&mut self, table: &Name, reshape: &mut Reshape, command: &AlterTableCmd) -> Result<()> {
        let definition = column_def(command)?;
        let relation = self.existing(table)?;
        let column = require_column(&relation, &command.name)?.clone();
        let resolved = self.resolve_column_type(&command.name, required(definition.type_name.as_ref())?)?;
        if let Some(collate) = &definition.coll_clause {
            super::column::check_collation(&super::tree::strings(&collate.collname), collate.location)?;
        }
        self.require_type_changeable(&relation, &column)?;
        let shown = self.catalog.types.type_name(&resolved.ty.ty);
        let lowered = match definition.raw_default.as_deref() {
            Some(using) => {
                let text = self.expression_text(Some(table), using)?;
                self.lower(&relation, &text, &resolved.ty).map_err(|problem| match problem.code() {
                    "42804" => Problem::new(
                        "42804",
                        format!(
                            "result of USING clause for column \"{}\" cannot be cast automatically to type {shown}",
                            command.name
                        ),
                    )
                    .with_hint("You might need to add an explicit cast."),
                    _ => problem,
                })?
            }
            None => {
                self.lower(&relation, &quote_identifier(&command.name), &resolved.ty).map_err(|problem| {
                    match problem.code() {
                        "42804" | "42846" => Problem::new(
                            "42804",
                            format!(
                                "column \"{}\" cannot be cast automatically to type {shown}",
                                command.name
                            ),
                        )
                        .with_hint(format!(
                            "You might need to specify \"USING {}::{shown}\".",
                            super::sequence::reference(&Name::public(command.name.clone()))
                        )),
                        _ => problem,
                    }
                })?
            }
        };
        if let Some(default) = &column.default {
            self.lower_default(default, &resolved.ty).map_err(|_| {
                Problem::new(
                    "42804",
                    format!(
                        "default for column \"{}\" cannot be cast automatically to type {shown}",
                        command.name
                    ),
                )
            })?;
        }
        if column.identity.is_some() && !matches!(resolved.ty.ty, Type::Int2 | Type::Int4 | Type::Int8) {
            return Err(Problem::new("22023", "identity column type must be smallint, integer, or bigint"));
        }
        if column.generated.is_none() {
            reshape.fill(&command.name, lowered);
        }
        if column.ty.ty.storage() != resolved.ty.ty.storage() {
            reshape.rewrite = true;
        }
        self.change_column(table, &command.name, |column| {
            column.ty = resolved.ty;
            column.domain = resolved.domain;
        })
    }

    fn require_type_changeable(&self, relation: &Relation, column: &Column) -> Result<()> {
        for other in &relation.columns {
            let Some(text) = &other.generated else { continue };
            if other.name != column.name && self.columns_in_text(&relation.name, text).contains(&column.name)
            {
                return Err(Problem::new(
                    "0A000",
                    "cannot alter type of a column used by a generated column",
                )
                .with_details(format!(
                    "Column \"{}\" is used by generated column \"{}\".",
                    column.name, other.name
                )));
            }
        }
        let view = self.views_using_column(&relation.name, &column.name).into_iter().next();
        match view {
            Some(view) => Err(Problem::new("0A000", "cannot alter type of a column used by a view or rule")
                .with_details(format!("rule _RETURN on view {view} depends on column \"{}\"", column.name))),
            None => Ok(()),
        }
    }

    fn add_identity(&mut self, table: &Name, command: &AlterTableCmd) -> Result<()> {
        let relation = self.existing(table)?;
        let mut column = require_column(&relation, &command.name)?.clone();
        let Some(NodeEnum::Constraint(constraint)) = command.def.as_ref().and_then(|node| node.node.as_ref())
        else {
            return Err(Problem::internal("ADD GENERATED without its definition"));
        };
        let described =
            |what: &str| format!("column \"{}\" of relation \"{}\" {what}", command.name, table.name);
        if !column.not_null {
            let words = described("must be declared NOT NULL before identity can be added");
            return Err(Problem::new("55000", words));
        }
        if column.identity.is_some() {
            return Err(Problem::new("55000", described("is already an identity column")));
        }
        if column.default.is_some() {
            return Err(Problem::new("55000", described("already has a default value")));
        }
        self.make_identity(table, &mut column, &constraint.generated_when, &constraint.options)?;
        self.change_column(table, &command.name, |old| *old = column)
    }

    fn set_identity(&mut self, table: &Name, command: &AlterTableCmd) -> Result<()> {
        let relation = self.existing(table)?;
        let column = require_column(&relation, &command.name)?;
        let (Some(identity), Some(sequence)) = (column.identity, column.sequence.clone()) else {
            return Err(not_identity(table, &command.name));
        };
        let options = command.def.as_deref().map(items).unwrap_or_default();
        let mut kind = identity;
        for option in def_elems(options).filter(|option| option.defname == "generated") {
            let always = option.arg.as_deref().and_then(super::tree::integer) == Some(i64::from(b'a'));
            kind = if always { Identity::Always } else { Identity::ByDefault };
        }
        self.change_sequence(&sequence, options)?;
        self.change_column(table, &command.name, |column| column.identity = Some(kind))
    }

    fn drop_identity(&mut self, table: &Name, command: &AlterTableCmd) -> Result<()> {
        let relation = self.existing(table)?;
        let column = require_column(&relation, &command.name)?;
        let (Some(_), sequence) = (column.identity, column.sequence.clone()) else {
            let problem = not_identity(table, &command.name);
            if command.missing_ok {
                self.notice(format!("{}, skipping", problem.message()));
                return Ok(());
            }
            return Err(problem);
        };
        if let Some(sequence) = sequence {
            self.remove_sequence(&sequence);
        }
        self.change_column(table, &command.name, |column| {
            column.identity = None;
            column.sequence = None;
        })
    }
}

fn not_identity(table: &Name, column: &str) -> Problem {
    Problem::new(
        "55000",
        format!("column \"{column}\" of relation \"{}\" is not an identity column", table.name),
    )
}

fn column_def(command: &AlterTableCmd) -> Result<&ColumnDef> {
    match command.def.as_ref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::ColumnDef(definition)) => Ok(definition),
        _ => Err(Problem::internal("a column's definition is missing")),
    }
}

pub(super) fn require_column<'a>(relation: &'a Relation, name: &str) -> Result<&'a Column> {
    relation.column(name).ok_or_else(|| no_column_of(relation, name))
}
