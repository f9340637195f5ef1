//! Row policies: which apply, as filters of the rows that are there and as checks of those that a statement writes.
//!
//! Which policies a statement needs follows PostgreSQL's `get_row_security_policies`: those of its own command, those of
//! SELECT too where it reads columns, and for `ON CONFLICT DO UPDATE` those of UPDATE beside INSERT's.

use super::bound::{Bound, quote};
use super::from::aliased;
use super::scope::{Binder, Clause, Source, SourceColumn};
use crate::catalog::{Policy, Relation};
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::{Node, NodeEnum};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Select,
    Insert,
    Update,
    Delete,
}

/// Which of a policy's two conditions counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Of rows that are there.
    Using,
    /// Of a row that is written: `WITH CHECK`, or `USING` where the policy has no other.
    Check,
}

/// What is checked of a row that a statement writes: the commands whose policies it must meet, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowCheck {
    New(Command),
    /// The row must stay visible, for whoever reads it.
    Seen,
    /// The row that is in the way of `ON CONFLICT DO UPDATE`.
    InTheWay(Command),
}

impl Command {
    fn takes(self, policy: &Policy) -> bool {
        let word = match self {
            Command::Select => "SELECT",
            Command::Insert => "INSERT",
            Command::Update => "UPDATE",
            Command::Delete => "DELETE",
        };
        policy.command == "ALL" || policy.command == word
    }
}

impl Binder<'_> {
    /// Whether policies restrict the role at hand on a table.
    pub fn is_guarded(&self, table: &Relation) -> bool {
        self.access.check_as.as_ref().is_some_and(|rights| rights.is_restricted_on(table))
    }

    /// The text of a table in FROM, without the rows that policies hide.
    pub fn visible_table(&mut self, table: &Arc<Relation>, emit: &str) -> Result<String> {
        if !self.is_guarded(table) {
            return Ok(self.table_text(table, emit));
        }
        let inner = self.emit_name(&table.name.name);
        let columns = Self::relation_columns(table, &inner, false);
        let filter = self.row_filter(table, &inner, columns, &[Command::Select])?;
        let from = self.table_text(table, &inner);
        Ok(aliased(&format!("(SELECT * FROM {from} WHERE {filter})"), "", emit))
    }

    /// The condition of the rows that the policies of all these commands show.
    pub fn row_filter(
        &mut self,
        table: &Arc<Relation>,
        emit: &str,
        columns: Vec<SourceColumn>,
        commands: &[Command],
    ) -> Result<String> {
        let mut conditions = Vec::new();
        for command in commands {
            let (permissive, restrictive) = self.policies(table, *command);
            for policy in &restrictive {
                if let Some(bound) = self.policy_condition(table, policy, Part::Using, emit, &columns)? {
                    conditions.push(bound.operand());
                }
            }
            conditions.push(self.any_of(table, &permissive, Part::Using, emit, &columns)?);
        }
        Ok(conditions.join(" AND "))
    }

    /// Texts `WHEN … THEN …` that fail for a row which the policies do not let be written.
    pub fn row_checks(
        &mut self,
        table: &Arc<Relation>,
        emit: &str,
        columns: &[SourceColumn],
        checks: &[RowCheck],
    ) -> Result<String> {
        let mut arms = String::new();
        for check in checks {
            let (command, part, using) = match check {
                RowCheck::New(command) => (*command, Part::Check, ""),
                RowCheck::Seen => (Command::Select, Part::Using, ""),
                RowCheck::InTheWay(command) => (*command, Part::Using, " (USING expression)"),
            };
            let (permissive, restrictive) = self.policies(table, command);
            let some = self.any_of(table, &permissive, part, emit, columns)?;
            let words = |name: &str| {
                let table = &table.name.name;
                format!("new row violates row-level security policy{name}{using} for table \"{table}\"")
            };
            arms.push_str(&format!(" WHEN ({some}) IS NOT TRUE THEN {}", refusal(&words(""))));
            for policy in &restrictive {
                if let Some(bound) = self.policy_condition(table, policy, part, emit, columns)? {
                    let refused = refusal(&words(&format!(" \"{}\"", policy.name)));
                    arms.push_str(&format!(" WHEN {} IS NOT TRUE THEN {refused}", bound.operand()));
                }
            }
        }
        Ok(arms)
    }

    /// The permissive and the restrictive policies of a command for the role at hand.
    fn policies(&self, table: &Relation, command: Command) -> (Vec<Policy>, Vec<Policy>) {
        let Some(rights) = &self.access.check_as else { return (Vec::new(), Vec::new()) };
        let all =
            table.policies.iter().filter(|policy| command.takes(policy) && rights.policy_is_for(policy));
        let (permissive, mut restrictive): (Vec<Policy>, Vec<Policy>) =
            all.cloned().partition(|policy| policy.permissive);
        restrictive.sort_by(|one, other| one.name.cmp(&other.name));
        // Nothing passes: PostgreSQL does not look at the others then, nor at the tables that they read.
        if permissive.is_empty() {
            restrictive.clear();
        }
        (permissive, restrictive)
    }

    /// One of these must be met; without any nothing is.
    fn any_of(
        &mut self,
        table: &Arc<Relation>,
        policies: &[Policy],
        part: Part,
        emit: &str,
        columns: &[SourceColumn],
    ) -> Result<String> {
        let mut texts = Vec::new();
        for policy in policies {
            if let Some(bound) = self.policy_condition(table, policy, part, emit, columns)? {
                texts.push(bound.operand());
            }
        }
        Ok(match texts.as_slice() {
            [] => "0".to_owned(),
            [only] => only.clone(),
            all => format!("({})", all.join(" OR ")),
        })
    }

    fn policy_condition(
        &mut self,
        table: &Arc<Relation>,
        policy: &Policy,
        part: Part,
        emit: &str,
        columns: &[SourceColumn],
    ) -> Result<Option<Bound>> {
        let text = match part {
            Part::Using => policy.using.as_ref(),
            Part::Check => policy.check.as_ref().or(policy.using.as_ref()),
        };
        let Some(text) = text else { return Ok(None) };
        let mut node = crate::parse::expression(text)?;
        let recursive = has_subquery(&mut node);
        if recursive && self.access.guarding.contains(&table.name) {
            return Err(Problem::new(
                "42P17",
                format!("infinite recursion detected in policy for relation \"{}\"", table.name.name),
            ));
        }
        if part == Part::Using {
            node = crate::policy::rewrite(self.catalog, table, &node);
        }
        if recursive {
            self.access.guarding.push(table.name.clone());
        }
        let rights = self.access.check_as.clone();
        let bound = self.checked_as(rights, |binder| binder.over_row(table, emit, columns, &node));
        if recursive {
            self.access.guarding.pop();
        }
        bound.map(Some).map_err(|problem| super::errors::relocated(problem, None))
    }

    fn over_row(
        &mut self,
        table: &Arc<Relation>,
        emit: &str,
        columns: &[SourceColumn],
        node: &Node,
    ) -> Result<Bound> {
        let source = Source {
            alias: table.name.name.clone(),
            schema: Some(table.name.schema.clone()),
            columns: columns.to_vec(),
            row_type: Type::Composite(table.row_type),
            relation: Some(Arc::clone(table)),
            emit: emit.to_owned(),
            nullable: false,
            hidden: false,
            scalar: false,
        };
        self.in_isolation(|binder| {
            binder.scope().bare = false;
            binder.scope().has_from = true;
            binder.add_source(source, None)?;
            binder.within(Clause::Where, |binder| {
                let bound = binder.condition(node, true)?;
                binder.coerce_to_boolean(bound, "POLICY")
            })
        })
    }

    /// The rows of an INSERT, each checked before it is written: before any constraint can say what is there.
    pub fn checked_rows(
        &mut self,
        table: &Arc<Relation>,
        names: &[String],
        source: &str,
        checks: &[RowCheck],
    ) -> Result<(Vec<String>, String)> {
        let first = table.columns.iter().find(|column| column.generated.is_none());
        let (names, source) = match (names, first) {
            ([], Some(column)) => (vec![quote(&column.name)], "VALUES (NULL)".to_owned()),
            _ => (names.to_vec(), source.to_owned()),
        };
        let given = |name: &str| names.contains(&quote(name)).then(|| quote(name));
        let emit = self.emit_name("new_row");
        let row = self.new_row(table, &emit, given, NEW)?;
        let columns = Self::relation_columns(table, &emit, false);
        let arms = self.row_checks(table, &emit, &columns, checks)?;
        let list = names.join(", ");
        let each: Vec<String> = names.iter().map(|name| format!("{}.{name}", quote(&emit))).collect();
        // Computed once, whatever looks at the row.
        let text = format!(
            "WITH {NEW}({list}) AS MATERIALIZED ({source}) SELECT {} FROM {row} WHERE CASE{arms} ELSE 1 END",
            each.join(", ")
        );
        Ok((names, text))
    }

    /// A value that is NULL where the row that an UPDATE is about to write passes, and fails otherwise. `value` gives the
    /// new value of a column.
    pub fn checked_update(
        &mut self,
        table: &Arc<Relation>,
        value: impl Fn(&str) -> Option<String>,
        checks: &[RowCheck],
    ) -> Result<NewRow> {
        let emit = self.emit_name("new_row");
        let row = self.new_row(table, &emit, value, "")?;
        let columns = Self::relation_columns(table, &emit, false);
        let arms = self.row_checks(table, &emit, &columns, checks)?;
        Ok(NewRow { text: format!("(SELECT CASE{arms} END FROM {row})"), emit })
    }

    /// An item of FROM with all columns of a row that is yet to be written.
    fn new_row(
        &mut self,
        table: &Relation,
        emit: &str,
        value: impl Fn(&str) -> Option<String>,
        from: &str,
    ) -> Result<String> {
        let mut items = Vec::with_capacity(table.columns.len());
        let mut computed = Vec::new();
        for column in &table.columns {
            let name = quote(&column.name);
            if let Some(text) = &column.generated {
                let (text, _) = super::lower_row_expression(self.catalog, table, text, Some(&column.ty))?;
                computed.push(format!("{text} AS {name}"));
                continue;
            }
            let text = value(&column.name).unwrap_or_else(|| "NULL".to_owned());
            items.push(super::collated(column, &text));
        }
        let from = if from.is_empty() { String::new() } else { format!(" FROM {from}") };
        let plain = format!("(SELECT {}{from})", items.join(", "));
        Ok(match computed.as_slice() {
            [] => format!("{plain} AS {}", quote(emit)),
            computed => format!("(SELECT *, {} FROM {plain}) AS {}", computed.join(", "), quote(emit)),
        })
    }
}

/// The rows of an INSERT, under a name that no table has.
const NEW: &str = "\"\u{1f}new\"";

fn refusal(words: &str) -> String {
    Binder::raise_text("42501", words)
}

/// The check of a row that an UPDATE is about to write.
pub(super) struct NewRow {
    pub text: String,
    emit: String,
}

impl NewRow {
    /// Whether the check looks at a column, itself or by way of what is computed from it.
    pub fn uses(&self, table: &Relation, column: &str) -> bool {
        let emit = quote(&self.emit);
        let mentions = |column: &str| self.text.contains(&format!("{emit}.{}", quote(column)));
        let computed = table
            .columns
            .iter()
            .filter(|other| other.generated.as_ref().is_some_and(|text| text.contains(column)));
        mentions(column) || computed.into_iter().any(|other| mentions(&other.name))
    }
}

fn has_subquery(node: &mut Node) -> bool {
    let mut found = false;
    if let Some(node) = &mut node.node {
        crate::parse::for_each_node(node, &mut |visit| {
            found |= matches!(visit, crate::parse::Visit::Node(NodeEnum::SubLink(_)));
        });
    }
    found
}
