//! A column's definition, with what belongs to the column itself: default, generation, identity and sequence.

use super::Draft;
use super::sequence::{fresh, next_value};
use super::table::Written;
use super::tree::{at, def_elems, dotted, place, required, strings};
use crate::bind::Immutable;
use crate::catalog::{Column, Identity, Name, Relation, Sequence};
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Type};
use pg_query::NodeEnum;
use pg_query::protobuf::{self, ColumnDef, ConstrType, Node};

/// A column as it stands in a statement.
pub(super) struct NewColumn {
    pub column: Column,
    pub constraints: Vec<Written>,
}

impl Draft<'_> {
    /// Understands a column's definition. Its sequence is created at once; its constraints are handed back, except
    /// those that are part of the column itself.
    pub(super) fn new_column(&mut self, table: &Name, definition: &ColumnDef) -> Result<NewColumn> {
        let written_type = required(definition.type_name.as_ref())?;
        let serial = super::types::serial(written_type);
        let (ty, domain) = match &serial {
            Some(ty) => (ty.clone().into(), None),
            None => {
                let resolved = self.resolve_column_type(&definition.colname, written_type)?;
                (resolved.ty, resolved.domain)
            }
        };
        if let Some(collate) = &definition.coll_clause {
            check_collation(&strings(&collate.collname), collate.location)?;
        }
        let mut new = NewColumn {
            column: Column {
                name: definition.colname.clone(),
                ty,
                domain,
                not_null: definition.is_not_null,
                default: None,
                generated: None,
                identity: None,
                sequence: None,
                comment: None,
            },
            constraints: Vec::new(),
        };
        if serial.is_some() {
            let sequence = self.serial_sequence(table, &new.column, None)?;
            new.column.not_null = true;
            new.column.default = Some(next_value(&sequence));
            new.column.sequence = Some(sequence);
        }
        for node in &definition.constraints {
            if let Some(NodeEnum::Constraint(constraint)) = node.node.as_ref() {
                self.column_constraint(table, &mut new, constraint, serial.is_some())?;
            }
        }
        if new.column.default.is_none() && new.column.generated.is_none() && new.column.identity.is_none() {
            let domain = new.column.domain.as_ref().and_then(|name| self.catalog.domains.get(name));
            new.column.default = domain.and_then(|domain| domain.default.clone());
        }
        Ok(new)
    }

    fn column_constraint(
        &mut self,
        table: &Name,
        new: &mut NewColumn,
        constraint: &protobuf::Constraint,
        serial: bool,
    ) -> Result<()> {
        let column = &mut new.column;
        let twice = |what: &str, column: &Column| {
            let words = format!(
                "multiple {what} specified for column \"{}\" of table \"{}\"",
                column.name, table.name
            );
            Err(at(Problem::new("42601", words), constraint.location))
        };
        match ConstrType::try_from(constraint.contype).unwrap_or(ConstrType::Undefined) {
            ConstrType::ConstrNull if column.not_null => {
                let words = format!(
                    "conflicting NULL/NOT NULL declarations for column \"{}\" of table \"{}\"",
                    column.name, table.name
                );
                return Err(at(Problem::new("42601", words), constraint.location));
            }
            ConstrType::ConstrNull => {}
            ConstrType::ConstrNotnull => column.not_null = true,
            ConstrType::ConstrDefault => {
                if column.default.is_some() || serial {
                    return twice("default values", column);
                }
                let node = required(constraint.raw_expr.as_deref())?;
                column.default = self
                    .default_text(node, &column.ty)
                    .map_err(|problem| at(problem, constraint.location))?;
            }
            ConstrType::ConstrGenerated => {
                if constraint.generated_kind == "v" {
                    let problem = Problem::needs_postgres("a virtual generated column")
                        .with_hint("write `GENERATED ALWAYS AS (…) STORED`");
                    return Err(at(problem, constraint.location));
                }
                if column.default.is_some() {
                    let words = format!(
                        "both default and generation expression specified for column \"{}\" of table \"{}\"",
                        column.name, table.name
                    );
                    return Err(at(Problem::new("42601", words), constraint.location));
                }
                column.generated =
                    Some(self.expression_text(None, required(constraint.raw_expr.as_deref())?)?);
            }
            ConstrType::ConstrIdentity => {
                if column.identity.is_some() {
                    return twice("identity specifications", column);
                }
                self.make_identity(table, column, &constraint.generated_when, &constraint.options)
                    .map_err(|problem| at(problem, constraint.location))?;
            }
            ConstrType::ConstrAttrDeferrable
            | ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrDeferred
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced
            | ConstrType::ConstrAttrNotEnforced => apply_attribute(&mut new.constraints, constraint)?,
            _ => {
                let column = Some(column.name.clone());
                new.constraints.push(Written { constraint: constraint.clone(), column });
            }
        }
        Ok(())
    }

    /// The text of a default; `DEFAULT NULL` is none. The expression must fit the type.
    pub(super) fn default_text(&self, node: &Node, ty: &ColumnType) -> Result<Option<String>> {
        if let Some(NodeEnum::AConst(constant)) = node.node.as_ref()
            && constant.isnull
        {
            return Ok(None);
        }
        let text = self.expression_text(None, node)?;
        self.lower_default(&text, ty)?;
        Ok(Some(text))
    }

    /// Makes a column `GENERATED … AS IDENTITY`, with its sequence.
    pub(super) fn make_identity(
        &mut self,
        table: &Name,
        column: &mut Column,
        when: &str,
        options: &[Node],
    ) -> Result<()> {
        if !matches!(column.ty.ty, Type::Int2 | Type::Int4 | Type::Int8) {
            return Err(Problem::new("22023", "identity column type must be smallint, integer, or bigint"));
        }
        if column.default.is_some() {
            let words = format!(
                "both default and identity specified for column \"{}\" of table \"{}\"",
                column.name, table.name
            );
            return Err(Problem::new("42601", words));
        }
        column.identity = Some(if when == "a" { Identity::Always } else { Identity::ByDefault });
        column.not_null = true;
        column.sequence = Some(self.serial_sequence(table, column, Some(options))?);
        Ok(())
    }

    /// The sequence that a serial or identity column owns.
    fn serial_sequence(&mut self, table: &Name, column: &Column, options: Option<&[Node]>) -> Result<Name> {
        let options = options.unwrap_or_default();
        let given = def_elems(options).find(|option| option.defname == "sequence_name");
        let name = match given.and_then(|option| option.arg.as_deref()).map(dotted) {
            Some(parts) => self.creation_name(&parts)?,
            None => Name::new(
                table.schema.clone(),
                self.choose_relation_name(&table.schema, &table.name, Some(&column.name), "seq", false),
            ),
        };
        self.require_free(&name)?;
        let mut sequence: Sequence = fresh(name.clone(), column.ty.ty.clone());
        self.sequence_options(&mut sequence, options, true)?;
        sequence.owned_by = Some((table.clone(), column.name.clone()));
        self.add_sequence(sequence);
        Ok(name)
    }

    /// Generated columns may use plain columns only, and new ones immutable functions only.
    pub(super) fn check_generated(&self, table: &Name, before: Option<&Relation>) -> Result<()> {
        let relation = self.existing(table)?;
        for column in &relation.columns {
            let Some(text) = &column.generated else { continue };
            for used in self.columns_in_text(table, text) {
                if relation.column(&used).is_some_and(|other| other.generated.is_some()) {
                    return Err(Problem::new(
                        "42P17",
                        format!("cannot use generated column \"{used}\" in column generation expression"),
                    )
                    .with_details("A generated column cannot reference another generated column."));
                }
            }
            let known = before.and_then(|before| before.column(&column.name));
            if known.is_none_or(|known| known.generated.as_ref() != Some(text)) {
                self.require_immutable(&relation, text, Some(&column.ty), Immutable::Generated)?;
            }
        }
        Ok(())
    }
}

pub(super) fn is_system_column(name: &str) -> bool {
    matches!(name, "tableoid" | "xmin" | "cmin" | "xmax" | "cmax" | "ctid")
}

/// Only collations whose order is that of the bytes.
pub(super) fn check_collation(name: &[String], location: i32) -> Result<()> {
    match name.last().map(String::as_str) {
        Some("default" | "C" | "POSIX" | "ucs_basic" | "C.UTF-8" | "C.utf8" | "pg_c_utf8") | None => Ok(()),
        Some(other) => {
            let problem = Problem::needs_postgres(format!("the collation \"{other}\""));
            Err(place(location).map_or(problem.clone(), |offset| problem.at(offset)))
        }
    }
}

/// `DEFERRABLE` and the like stand behind the constraint that they belong to.
fn apply_attribute(constraints: &mut [Written], attribute: &protobuf::Constraint) -> Result<()> {
    let Some(Written { constraint, .. }) = constraints.last_mut() else {
        return Err(at(Problem::new("42601", "misplaced DEFERRABLE clause"), attribute.location));
    };
    match ConstrType::try_from(attribute.contype).unwrap_or(ConstrType::Undefined) {
        ConstrType::ConstrAttrDeferrable => constraint.deferrable = true,
        ConstrType::ConstrAttrNotDeferrable => constraint.deferrable = false,
        ConstrType::ConstrAttrDeferred => {
            constraint.deferrable = true;
            constraint.initdeferred = true;
        }
        ConstrType::ConstrAttrNotEnforced => {
            return Err(at(Problem::needs_postgres("NOT ENFORCED"), attribute.location));
        }
        _ => {}
    }
    Ok(())
}
