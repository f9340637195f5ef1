//! What the front end hands to the embedded engine: SQLite text with what is known about it.

use crate::catalog::{Catalog, Name, Sequence};
use mainstay_base::Problem;
use mainstay_types::{ColumnType, Type};
use std::collections::BTreeSet;
use std::ops::Range;

/// One PostgreSQL statement, bound and lowered. More than one step where SQLite needs several (data-modifying CTEs,
/// bodies of SQL functions that write): they run in order in one transaction, and the last one's rows are the result.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    pub steps: Vec<CompiledStep>,
    /// The columns of the result; empty where the statement returns none.
    pub columns: Vec<OutputColumn>,
    /// What `$1`, `$2`, … were bound to. In SQLite text they are `?1`, `?2`, ….
    pub parameters: Vec<ColumnType>,
    /// Whether any step writes (or calls a volatile function that does).
    pub writes: bool,
    /// The tables that any step reads or writes.
    pub tables: BTreeSet<Name>,
    /// What later steps read of tables that earlier ones change: empty for nearly every statement.
    pub old_rows: Vec<OldRows>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OutputColumn {
    pub name: String,
    pub ty: Type,
}

#[derive(Clone, Debug, Default)]
pub struct CompiledStep {
    /// One SQLite statement.
    pub text: String,
    /// Where the rows it returns go when a later step reads them: a temporary table.
    pub into: Option<Scratch>,
    /// Whether the rows that it affects are counted as the statement's (the main `INSERT`, not a helper).
    pub counts: bool,
    /// For `INSERT`, `UPDATE` and `DELETE`: the table, so that constraint failures can be named.
    pub target: Option<Name>,
    /// For an `INSERT … VALUES` of parameters: the column that each parameter goes to, so that messages can show keys.
    pub parameter_columns: Vec<(String, usize)>,
    /// What an `INSERT` or `UPDATE` is about to write, for messages about a row that it may not.
    pub new_rows: Option<NewRows>,
}

/// The rows that a step writes: a query with the step's parameters that gives their rowids (NULL for new rows) and,
/// in the order of the catalog, all columns of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRows {
    pub query: String,
    /// The partition that the statement names in place of its table, if it does.
    pub partition: Option<Name>,
}

/// Rows as they were before the statement that steps belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldRows {
    /// The table's name in SQLite.
    pub table: String,
    /// Takes, of each row that a step changes for the first time: its rowid, whether there was such a row (0 for new
    /// ones), and its old columns in the order of `columns`.
    pub scratch: Scratch,
    pub columns: Vec<String>,
    /// The steps that keep them.
    pub steps: Range<usize>,
}

/// A temporary table that carries rows from one step to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scratch {
    /// Name within SQLite's `temp` schema.
    pub table: String,
    /// `CREATE TEMP TABLE IF NOT EXISTS …`
    pub create: String,
    /// `INSERT INTO temp.… VALUES (?1, …)` with one parameter for each column that the step returns.
    pub insert: String,
    /// `DELETE FROM temp.…`
    pub clear: String,
}

/// What one statement of a migration asks the engine to do, in order.
#[derive(Clone, Debug)]
pub enum Action {
    /// SQLite DDL or DML to run as it is.
    Execute(String),
    /// Statements that replace a table by a new version of itself. They need `PRAGMA foreign_keys` to be off, which
    /// SQLite allows only before a transaction: the engine looks for this action first, and checks all foreign keys
    /// before it commits.
    Rebuild {
        table: Name,
        statements: Vec<String>,
    },
    /// A data statement of the migration.
    Data(Box<Compiled>),
    /// Fails the migration with the problem if the SQLite query returns a row.
    Verify {
        query: String,
        problem: Problem,
    },
    CreateSequence(Sequence),
    /// `next` is the value that the next `nextval` returns.
    SetSequence {
        name: Name,
        next: i64,
    },
    RenameSequence {
        from: Name,
        to: Name,
    },
    DropSequence(Name),
    /// Names of indexes or tables changed: prepared statements and change capture must be made again.
    TableChanged(Name),
}

/// One statement of a migration, understood against the catalog as the statements before it left it.
#[derive(Clone, Debug)]
pub struct PlannedStatement {
    /// Byte offsets in the migration's text.
    pub start: usize,
    pub end: usize,
    pub outcome: std::result::Result<Vec<Action>, Problem>,
    /// Words for the user where the statement was accepted without (full) effect.
    pub notices: Vec<String>,
}

/// A whole migration file, understood. `catalog` is what it leads to (statements with a problem left out).
#[derive(Clone, Debug)]
pub struct PlannedMigration {
    pub statements: Vec<PlannedStatement>,
    pub catalog: Catalog,
}

impl PlannedMigration {
    pub fn first_problem(&self) -> Option<&Problem> {
        self.statements.iter().find_map(|statement| statement.outcome.as_ref().err())
    }

    pub fn needs_foreign_keys_off(&self) -> bool {
        self.statements
            .iter()
            .flat_map(|statement| statement.outcome.iter().flatten())
            .any(|action| matches!(action, Action::Rebuild { .. }))
    }
}
