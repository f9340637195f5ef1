//! What a statement that changes rows must be allowed: privileges on its target, and policies of the rows before and
//! after.

use super::bound::{Bound, quote};
use super::dml::Writable;
use super::policies::{Command, RowCheck};
use super::scope::Binder;
use super::update::Assignment;
use crate::privilege::{Privilege, Rights};
use mainstay_base::{Problem, Result};
use mainstay_types::Volatility;
use std::rc::Rc;

impl<'c> Binder<'c> {
    /// As whom the table behind views is checked.
    fn rights_below(&self, writable: &Writable) -> Option<Rc<Rights<'c>>> {
        let mut rights = Some(self.access.check_as.clone()?);
        for view in writable.views.iter().filter(|view| !view.is_invoker()) {
            rights = self.rights_of_owner(view.relation.owner.as_deref());
        }
        rights
    }

    fn over_table<T>(&mut self, writable: &Writable, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let rights = self.rights_below(writable);
        self.checked_as(rights, work)
    }

    /// Whether the statement may change these columns of its target, given as columns of the table.
    pub fn check_write(
        &mut self,
        writable: &Writable,
        privilege: Privilege,
        columns: &[String],
    ) -> Result<()> {
        if self.access.check_as.is_none() {
            return Ok(());
        }
        let shown = |column: &String| {
            let found = writable.columns.iter().find(|(_, base)| base.as_ref() == Some(column));
            found.map_or_else(|| column.clone(), |(name, _)| name.clone())
        };
        let named: Vec<String> = columns.iter().map(shown).collect();
        self.check_change(&writable.named, privilege, &named);
        if writable.views.is_empty() {
            return Ok(());
        }
        self.over_table(writable, |binder| {
            binder.check_change(&writable.table, privilege, columns);
            Ok(())
        })
    }

    /// Whether the statement reads columns of its target.
    pub fn reads_target(&mut self, writable: &Writable) -> Result<bool> {
        if self.access.check_as.is_none() {
            return Ok(false);
        }
        let scope = self.scope().id;
        let reads = self.access.was_read(scope, 0);
        if reads && !writable.views.is_empty() {
            self.over_table(writable, |binder| {
                if let Some(rights) = &binder.access.check_as
                    && !rights.on_relation(&writable.table, Privilege::Select).is_some()
                {
                    binder.access.deny(rights.refusal(&writable.table, Privilege::Select));
                }
                Ok(())
            })?;
        }
        Ok(reads)
    }

    pub fn is_guarded_below(&self, writable: &Writable) -> bool {
        self.rights_below(writable).is_some_and(|rights| rights.is_restricted_on(&writable.table))
    }

    /// The rows of the target that policies let the statement change.
    pub fn changeable(
        &mut self,
        writable: &Writable,
        emit: &str,
        command: Command,
        reads: bool,
    ) -> Result<Option<Bound>> {
        if !self.is_guarded_below(writable) {
            return Ok(None);
        }
        let commands = [command, Command::Select];
        let commands = if reads { &commands[..] } else { &commands[..1] };
        let columns = Self::relation_columns(&writable.table, emit, false);
        self.over_table(writable, |binder| binder.row_filter(&writable.table, emit, columns, commands))
            .map(|filter| Some(Bound::boolean(filter)))
    }

    /// The names and the source of an INSERT, each of its rows checked.
    pub fn insertable(
        &mut self,
        writable: &Writable,
        names: Vec<String>,
        source: String,
        reads: bool,
    ) -> Result<(Vec<String>, String)> {
        if !self.is_guarded_below(writable) {
            return Ok((names, source));
        }
        let mut checks = vec![RowCheck::New(Command::Insert)];
        checks.extend(reads.then_some(RowCheck::Seen));
        self.over_table(writable, |binder| binder.checked_rows(&writable.table, &names, &source, &checks))
    }

    /// Puts the checks of the new row into the first assignment: it is computed for each row that changes, before any
    /// constraint looks at it. `in_the_way` is for `ON CONFLICT DO UPDATE`, where a row that may not be changed is an
    /// error.
    pub fn updatable(
        &mut self,
        writable: &Writable,
        set: &mut [Assignment],
        reads: bool,
        in_the_way: bool,
    ) -> Result<()> {
        if !self.is_guarded_below(writable) {
            return Ok(());
        }
        let table = &writable.table;
        let physical = table.physical_name();
        let mut checks = vec![RowCheck::New(Command::Update)];
        checks.extend(reads.then_some(RowCheck::Seen));
        let unclear =
            |assignment: &Assignment| assignment.columns.len() > 1 || is_volatile(&assignment.value);
        let value = |name: &str| {
            let assigned =
                set.iter().find(|assignment| assignment.columns.iter().any(|column| column == name));
            match assigned {
                Some(assignment) if unclear(assignment) => None,
                Some(assignment) => Some(format!("({})", assignment.value)),
                None => Some(format!("{}.{}", quote(&physical), quote(name))),
            }
        };
        let (way, new) = self.over_table(writable, |binder| {
            let mut way = vec![RowCheck::InTheWay(Command::Update)];
            way.extend(reads.then_some(RowCheck::InTheWay(Command::Select)));
            let columns = Self::relation_columns(table, &physical, false);
            let way = match in_the_way {
                true => binder.row_checks(table, &physical, &columns, &way)?,
                false => String::new(),
            };
            Ok((way, binder.checked_update(table, value, &checks)?))
        })?;
        for column in set.iter().filter(|assignment| unclear(assignment)).flat_map(|found| &found.columns) {
            if new.uses(table, column) {
                return Err(Problem::needs_postgres(format!(
                    "a policy of table {} over column {column} where a query or a volatile value gives it its new value",
                    table.name
                )));
            }
        }
        if let Some(first) = set.iter_mut().find(|assignment| assignment.columns.len() == 1) {
            first.value = format!("CASE{way} WHEN {} IS NULL THEN {} END", new.text, first.value);
            return Ok(());
        }
        Err(Problem::needs_postgres(format!(
            "UPDATE of several columns from one query on table {}, which has row security",
            table.name
        )))
    }
}

/// Whether a text may give another value each time.
fn is_volatile(text: &str) -> bool {
    mainstay_types::registry::natives()
        .filter(|native| native.volatility == Volatility::Volatile)
        .any(|native| text.contains(&native.symbol()) || text.contains(&format!("{}(", native.name)))
}
