//! From one version of a table to the next: SQLite's own `ALTER TABLE` where it is exact, else a rebuild.

use super::Draft;
use super::physical::quoted;
use crate::catalog::{Name, Relation, quote_identifier};
use crate::plan::Action;
use mainstay_base::Result;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A table before it changes, and what becomes of its rows.
pub(super) struct Reshape {
    before: Arc<Relation>,
    table: String,
    attached: Vec<Attached>,
    /// For columns of the new version: SQLite text over the columns of the old one. A column without stays itself.
    fills: BTreeMap<String, String>,
    /// The present rows must be written anew although the table's text stays.
    pub rewrite: bool,
}

/// An index or trigger of a table, by what makes it and what takes it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attached {
    pub drop: String,
    pub create: String,
}

impl Reshape {
    pub fn before(&self) -> &Relation {
        &self.before
    }

    /// What the column holds in rows that exist already.
    pub fn fill(&mut self, column: &str, sql: String) {
        if sql != quote_identifier(column) || self.before.column(column).is_none() {
            self.fills.insert(column.to_owned(), sql);
        }
    }

    /// The column is gone again.
    pub fn forget(&mut self, column: &str) {
        self.fills.remove(column);
    }
}

impl Draft<'_> {
    pub(super) fn begin_reshape(&self, table: &Name) -> Result<Reshape> {
        let before = self.existing(table)?;
        let text =
            if before.is_table() { self.table_sql(&before, &before.physical_name())? } else { String::new() };
        let attached = self.attached(&before)?;
        Ok(Reshape { before, table: text, attached, fills: BTreeMap::new(), rewrite: false })
    }

    fn attached(&self, relation: &Relation) -> Result<Vec<Attached>> {
        let mut all = Vec::new();
        for index in &relation.indexes {
            if let Some(create) = self.index_sql(relation, index)? {
                let name = Name::new(relation.name.schema.clone(), index.name.clone());
                all.push(Attached { drop: format!("DROP INDEX {}", quoted(&name)), create });
            }
        }
        all.extend(self.partition_triggers(relation)?);
        Ok(all)
    }

    /// Gives the actions that lead to what the catalog says now.
    pub(super) fn finish_reshape(&mut self, reshape: &Reshape) -> Result<()> {
        let after = self.existing(&reshape.before.name)?;
        if !after.is_table() {
            return Ok(());
        }
        let text = self.table_sql(&after, &after.physical_name())?;
        let attached = self.attached(&after)?;
        let untouched = !reshape.rewrite && reshape.fills.is_empty();
        if untouched && text == reshape.table {
            if attached != reshape.attached {
                self.exchange(&reshape.attached, &attached);
                self.act(Action::TableChanged(after.name.clone()));
            }
            return Ok(());
        }
        if !self.add_columns(reshape, &after, &attached)?
            && !self.drop_columns(reshape, &after, &text, &attached)?
        {
            let statements =
                rebuild(reshape, &after, &self.table_sql(&after, &temporary(&after))?, &attached);
            self.act(Action::Rebuild { table: after.name.clone(), statements });
        }
        self.act(Action::TableChanged(after.name.clone()));
        Ok(())
    }

    fn exchange(&mut self, before: &[Attached], after: &[Attached]) {
        let has = |all: &[Attached], one: &Attached| all.iter().any(|other| other.create == one.create);
        for one in before.iter().filter(|one| !has(after, one)) {
            self.run(one.drop.clone());
        }
        for one in after.iter().filter(|one| !has(before, one)) {
            self.run(one.create.clone());
        }
    }

    /// `ALTER TABLE … ADD COLUMN`, where all that changed are new columns at the end that may be NULL.
    fn add_columns(&mut self, reshape: &Reshape, after: &Relation, attached: &[Attached]) -> Result<bool> {
        let count = reshape.before.columns.len();
        let Some((_, added)) = after.columns.split_at_checked(count) else { return Ok(false) };
        let mut without = after.clone();
        without.columns.truncate(count);
        let plain = |column: &crate::catalog::Column| {
            !column.not_null
                && column.generated.is_none()
                && column
                    .domain
                    .as_ref()
                    .and_then(|name| self.catalog.domains.get(name))
                    .is_none_or(|domain| !domain.not_null && domain.checks.is_empty())
        };
        let only_added = reshape.fills.keys().all(|name| added.iter().any(|column| column.name == *name));
        if added.is_empty() || reshape.rewrite || !only_added || !added.iter().all(plain) {
            return Ok(false);
        }
        // A constraint that mentions a new column cannot be written without it: then this is no plain addition.
        let same = self.table_sql(&without, &without.physical_name()).is_ok_and(|text| text == reshape.table);
        if !same {
            return Ok(false);
        }
        let table = quoted(&after.name);
        for column in added {
            let definition = self.column_sql(after, column)?;
            self.run(format!("ALTER TABLE {table} ADD COLUMN {definition}"));
        }
        let fills: Vec<String> = reshape
            .fills
            .iter()
            .filter(|(_, sql)| !sql.eq_ignore_ascii_case("null"))
            .map(|(column, sql)| format!("{} = {sql}", quote_identifier(column)))
            .collect();
        if !fills.is_empty() {
            self.run(format!("UPDATE {table} SET {}", fills.join(", ")));
        }
        self.exchange(&reshape.attached, attached);
        Ok(true)
    }

    /// `ALTER TABLE … DROP COLUMN`, where all that changed are columns that nothing else mentions.
    fn drop_columns(
        &mut self,
        reshape: &Reshape,
        after: &Relation,
        text: &str,
        attached: &[Attached],
    ) -> Result<bool> {
        let dropped: Vec<String> = reshape
            .before
            .columns
            .iter()
            .filter(|column| after.column(&column.name).is_none())
            .map(|column| column.name.clone())
            .collect();
        let mut without = (*reshape.before).clone();
        without.columns.retain(|column| !dropped.contains(&column.name));
        if dropped.is_empty() || reshape.rewrite || !reshape.fills.is_empty() {
            return Ok(false);
        }
        let same = self.table_sql(&without, &without.physical_name()).is_ok_and(|other| other == text);
        if !same {
            return Ok(false);
        }
        self.exchange(&reshape.attached, attached);
        for column in dropped {
            self.run(format!(
                "ALTER TABLE {} DROP COLUMN {}",
                quoted(&after.name),
                quote_identifier(&column)
            ));
        }
        Ok(true)
    }

    /// Rebuilds a table as it is: its rows are written anew with the given texts for some columns.
    pub(super) fn rewrite_rows(&mut self, table: &Name, fills: &[(String, String)]) -> Result<()> {
        let mut reshape = self.begin_reshape(table)?;
        reshape.rewrite = true;
        for (column, sql) in fills {
            reshape.fill(column, sql.clone());
        }
        self.finish_reshape(&reshape)
    }
}

fn temporary(relation: &Relation) -> String {
    format!("_mainstay_new_{}", relation.physical_name())
}

/// SQLite's own recipe: a new table, the rows, the old table's end, the old name. `legacy_alter_table` keeps the last
/// step from touching other tables' references, which mean the name and stay right.
fn rebuild(reshape: &Reshape, after: &Relation, create: &str, attached: &[Attached]) -> Vec<String> {
    let table = quoted(&after.name);
    let new = quote_identifier(&temporary(after));
    let mut columns = Vec::new();
    let mut values = Vec::new();
    for column in after.columns.iter().filter(|column| column.generated.is_none()) {
        let value = match reshape.fills.get(&column.name) {
            Some(sql) => sql.clone(),
            None if reshape.before.column(&column.name).is_some() => quote_identifier(&column.name),
            None => continue,
        };
        columns.push(quote_identifier(&column.name));
        values.push(value);
    }
    let mut statements = vec!["PRAGMA legacy_alter_table = ON".to_owned(), create.to_owned()];
    if !columns.is_empty() {
        let (columns, values) = (columns.join(", "), values.join(", "));
        statements.push(format!("INSERT INTO {new} ({columns}) SELECT {values} FROM {table}"));
    }
    statements.push(format!("DROP TABLE {table}"));
    statements.push(format!("ALTER TABLE {new} RENAME TO {table}"));
    statements.push("PRAGMA legacy_alter_table = OFF".to_owned());
    statements.extend(attached.iter().map(|one| one.create.clone()));
    statements
}
