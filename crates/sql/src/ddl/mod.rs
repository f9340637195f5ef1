//! Changes of the catalog: what each statement of a migration does to it and to the store.
//!
//! A migration is planned statement by statement against a copy of the catalog that changes as they do. A statement
//! either changes the catalog and gives actions for the store, or leaves a problem and changes nothing.
//! Start reading at [`plan_migration`], then `dispatch`, which says where each statement is understood.

mod alter_column;
mod alter_table;
mod bridge;
mod cast;
mod column;
mod comment;
mod constraint;
mod data;
mod depend;
mod dispatch;
mod drop;
mod drop_part;
mod enums;
mod extension;
mod function;
mod grant;
mod index;
mod move_relation;
mod names;
mod noop;
mod partition;
mod partition_bound;
mod physical;
mod policy;
mod publication;
mod rename;
mod rename_column;
mod reshape;
mod role;
mod scope;
pub(crate) mod sequence;
mod set_schema;
mod table;
mod texts;
mod tree;
mod types;
mod user_type;
mod view;

use crate::catalog::{Catalog, Name, Relation};
use crate::parse::{self, Script, Statement};
use crate::plan::{Action, PlannedMigration, PlannedStatement};
use mainstay_base::{Problem, Result};
use mainstay_types::TypeId;
use mainstay_types::context::CompositeType;
use std::sync::Arc;

pub(crate) use function::setting;
pub use noop::NO_OPS;

/// How a migration is planned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The caller skips statements with a problem. Objects that are harmless to know although they do not run
    /// (triggers) are then kept in the catalog beside their problem.
    pub keep_going: bool,
}

/// Understands a whole migration against a catalog. A syntax error anywhere is the `Err`; everything else that is
/// wrong with a statement stands in its `outcome`, with the place in `text`.
pub fn plan_migration(catalog: &Catalog, text: &str) -> Result<PlannedMigration> {
    plan_migration_with(catalog, text, Options::default())
}

/// As [`plan_migration`].
pub fn plan_migration_with(catalog: &Catalog, text: &str, options: Options) -> Result<PlannedMigration> {
    // Texts of the catalog are parsed on the way too: all of it has the large stack.
    parse::on_deep_stack(text, || {
        let script = parse::script(text)?;
        Ok(plan_script(catalog, text, &script, options))
    })
}

fn plan_script(catalog: &Catalog, text: &str, script: &Script, options: Options) -> PlannedMigration {
    let mut draft = Draft {
        catalog: catalog.clone(),
        text,
        start: 0,
        end: 0,
        actions: Vec::new(),
        notices: Vec::new(),
        settings: Settings::default(),
        options,
        kept: None,
        copies: &script.copies,
    };
    draft.catalog.version += 1;
    let mut statements: Vec<PlannedStatement> =
        script.statements.iter().map(|statement| draft.plan(statement)).collect();
    for (place, line) in &script.ignored {
        statements.push(PlannedStatement {
            start: *place,
            end: *place + line.len(),
            outcome: Ok(Vec::new()),
            notices: vec![format!("`{line}` is a command of psql and was passed over")],
        });
    }
    statements.sort_by_key(|statement| statement.start);
    PlannedMigration { statements, catalog: draft.catalog }
}

/// What `SET` changes for the statements after it.
#[derive(Clone, Debug)]
struct Settings {
    search_path: Vec<String>,
    check_function_bodies: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { search_path: texts::default_search_path(), check_function_bodies: true }
    }
}

/// A migration being planned: the catalog as it is by now, and what the present statement asks for.
struct Draft<'a> {
    catalog: Catalog,
    text: &'a str,
    /// The present statement.
    start: usize,
    end: usize,
    actions: Vec<Action>,
    notices: Vec<String>,
    settings: Settings,
    options: Options,
    /// The catalog to go on with although the statement fails.
    kept: Option<Catalog>,
    copies: &'a [parse::CopyData],
}

impl Draft<'_> {
    fn plan(&mut self, statement: &Statement) -> PlannedStatement {
        let before = (self.catalog.clone(), self.settings.clone());
        (self.start, self.end) = (statement.start, statement.end);
        let outcome = match self.execute(&statement.node) {
            Ok(()) => Ok(std::mem::take(&mut self.actions)),
            Err(problem) => {
                (self.catalog, self.settings) = before;
                if let Some(kept) = self.kept.take() {
                    self.catalog = kept;
                }
                self.actions.clear();
                Err(problem.at(statement.start))
            }
        };
        self.kept = None;
        PlannedStatement {
            start: statement.start,
            end: statement.end,
            outcome,
            notices: std::mem::take(&mut self.notices),
        }
    }

    /// The text of the present statement.
    fn source(&self) -> &str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn run(&mut self, sql: impl Into<String>) {
        self.actions.push(Action::Execute(sql.into()));
    }

    fn notice(&mut self, words: impl Into<String>) {
        self.notices.push(words.into());
    }

    /// Puts a new version of a relation into the catalog; its row type follows.
    fn put_relation(&mut self, relation: Relation) {
        let row = CompositeType {
            schema: relation.name.schema.clone(),
            name: relation.name.name.clone(),
            fields: relation.columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect(),
        };
        let types = Arc::make_mut(&mut self.catalog.types);
        types.composites.insert(relation.row_type, row);
        let relation = Arc::new(relation);
        self.catalog.relations.insert(relation.name.clone(), Arc::clone(&relation));
        if relation.partition_key().is_some() {
            self.refresh_partitions(&relation);
        }
    }

    /// Changes a relation in the catalog.
    fn change_relation(&mut self, name: &Name, change: impl FnOnce(&mut Relation)) -> Result<()> {
        let mut relation = (*self.existing(name)?).clone();
        change(&mut relation);
        self.put_relation(relation);
        Ok(())
    }

    /// A relation that was found before.
    fn existing(&self, name: &Name) -> Result<Arc<Relation>> {
        self.catalog
            .relations
            .get(name)
            .cloned()
            .ok_or_else(|| Problem::new("42P01", format!("relation \"{name}\" does not exist")))
    }

    fn new_type_id(&mut self) -> TypeId {
        TypeId(self.catalog.take_id())
    }
}

#[cfg(test)]
mod tests;
