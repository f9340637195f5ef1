//! What a database consists of, as data: the result of all migrations so far.
//!
//! Texts of expressions (`default`, `check`, `using`, view bodies, function bodies) are kept as the user's
//! PostgreSQL text and bound again where they are used. A catalog is immutable once published; a migration works
//! on a copy. It is stored as JSON beside the data, in the same transaction as the change.

use crate::privilege::DefaultPrivileges;
use mainstay_types::{ColumnType, Registry, Type, TypeId, Volatility};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A name within a schema. Both parts are as stored (folded to lower case unless the user quoted them).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Name {
    pub schema: String,
    pub name: String,
}

impl Name {
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Name { schema: schema.into(), name: name.into() }
    }
    pub fn public(name: impl Into<String>) -> Self {
        Name::new("public", name)
    }
}

/// `name` in `public`, else `schema.name`: as PostgreSQL's messages print it.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schema == "public" {
            f.write_str(&self.name)
        } else {
            write!(f, "{}.{}", self.schema, self.name)
        }
    }
}

impl From<Name> for String {
    /// `schema` and `name` with a unit separator between, so that any character may stand in either.
    fn from(name: Name) -> String {
        format!("{}\u{1f}{}", name.schema, name.name)
    }
}

impl TryFrom<String> for Name {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('\u{1f}') {
            Some((schema, name)) => Ok(Name::new(schema, name)),
            None => Err(format!("`{text}` is no name of a catalog")),
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// Grows with every change.
    pub version: u64,
    /// The next [`TypeId`] and relation id.
    pub next_id: u32,
    pub schemas: BTreeMap<String, Schema>,
    /// Tables, views and materialized views share one name space, as in PostgreSQL.
    pub relations: BTreeMap<Name, Arc<Relation>>,
    /// Index names live beside relations' names; value: the table.
    pub indexes: BTreeMap<Name, Name>,
    pub sequences: BTreeMap<Name, Sequence>,
    /// Overloads under one name, in order of creation.
    pub functions: BTreeMap<Name, Vec<Arc<Function>>>,
    pub domains: BTreeMap<Name, Domain>,
    /// Casts from and to domains. As in PostgreSQL no expression uses them; REST does, for the forms in which values of
    /// a domain come in and go out.
    #[serde(default)]
    pub casts: Vec<Cast>,
    /// Enums and composites by name; their contents are in `types`.
    pub type_names: BTreeMap<Name, TypeId>,
    pub types: Arc<Registry>,
    pub roles: BTreeMap<String, Role>,
    pub extensions: BTreeMap<String, Extension>,
    pub publications: BTreeMap<String, Publication>,
    /// `GRANT` and `REVOKE` on anything, in order: [`Catalog::rights_of`] tells what follows from them.
    pub grants: Vec<Grant>,
    /// What callers may do before anything is granted: a setting, not a part of the database.
    #[serde(skip)]
    pub default_privileges: Arc<DefaultPrivileges>,
    /// `COMMENT ON` anything that is not a relation, column, function or type.
    pub comments: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Schema {
    pub comment: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RelationKind {
    Table,
    /// The query as the user wrote it; `updatable` names the base table where PostgreSQL's rules for
    /// automatically updatable views hold.
    View {
        query: String,
        updatable: Option<Name>,
        security_invoker: bool,
        check_option: bool,
        /// `WITH LOCAL CHECK OPTION`: views below it are not checked on its behalf.
        #[serde(default)]
        check_local: bool,
    },
    /// Kept as a table; `REFRESH` fills it again.
    MaterializedView {
        query: String,
        populated: bool,
    },
}

/// A table or a view.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Relation {
    pub id: u32,
    pub name: Name,
    pub kind: RelationKind,
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    pub indexes: Vec<Index>,
    pub triggers: Vec<Trigger>,
    pub policies: Vec<Policy>,
    pub row_security: bool,
    pub force_row_security: bool,
    pub comment: Option<String>,
    pub owner: Option<String>,
    /// The row type of the relation.
    pub row_type: TypeId,
    /// For a view's columns: the base relation and column each comes from, where it is a plain reference. This is
    /// what lets REST embed through views.
    pub origins: Vec<Option<(Name, String)>>,
    #[serde(default)]
    pub partitioning: Option<crate::partition::Partitioning>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// The base type where the column has a domain.
    pub ty: ColumnType,
    pub domain: Option<Name>,
    pub not_null: bool,
    /// `DEFAULT`, as text: also `nextval('…')` for serial columns.
    pub default: Option<String>,
    /// `GENERATED ALWAYS AS (…) STORED`, as text.
    pub generated: Option<String>,
    pub identity: Option<Identity>,
    /// The sequence that a serial or identity column owns.
    pub sequence: Option<Name>,
    pub comment: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    Always,
    ByDefault,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Constraint {
    pub name: String,
    pub kind: ConstraintKind,
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub comment: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ConstraintKind {
    PrimaryKey {
        columns: Vec<String>,
    },
    Unique {
        columns: Vec<String>,
        nulls_not_distinct: bool,
    },
    Check {
        expression: String,
    },
    ForeignKey {
        columns: Vec<String>,
        target: Name,
        target_columns: Vec<String>,
        on_delete: Action,
        on_update: Action,
        match_full: bool,
        /// `ON DELETE SET NULL (columns)`; empty means all.
        set_columns: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Index {
    pub name: String,
    pub method: String,
    pub unique: bool,
    pub nulls_not_distinct: bool,
    pub keys: Vec<IndexKey>,
    pub include: Vec<String>,
    pub predicate: Option<String>,
    /// The constraint that made the index (`PRIMARY KEY`, `UNIQUE`), where one did.
    pub constraint: Option<String>,
    pub comment: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IndexKey {
    pub key: KeyKind,
    pub descending: bool,
    pub nulls_first: bool,
    pub operator_class: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum KeyKind {
    Column(String),
    Expression(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sequence {
    pub name: Name,
    pub ty: Type,
    pub start: i64,
    pub increment: i64,
    pub minimum: i64,
    pub maximum: i64,
    pub cycle: bool,
    pub owned_by: Option<(Name, String)>,
    pub comment: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Domain {
    pub name: Name,
    pub base: ColumnType,
    pub not_null: bool,
    pub default: Option<String>,
    /// Name and expression over `VALUE`.
    pub checks: Vec<(String, String)>,
    pub comment: Option<String>,
}

/// `CREATE CAST (source AS target) WITH FUNCTION function`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cast {
    pub source: CastEnd,
    pub target: CastEnd,
    pub function: Name,
    /// `AS IMPLICIT`
    pub implicit: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CastEnd {
    Domain(Name),
    Type(Type),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Function {
    pub name: Name,
    pub arguments: Vec<Argument>,
    pub returns: Returns,
    /// `sql`, `plpgsql`, …: only `sql` runs on the embedded engine for now.
    pub language: String,
    pub body: String,
    pub volatility: Volatility,
    pub strict: bool,
    pub security_definer: bool,
    /// None: the superuser that applies migrations.
    #[serde(default)]
    pub owner: Option<String>,
    /// `SET name = value` clauses.
    pub settings: Vec<(String, String)>,
    pub comment: Option<String>,
    /// The whole `CREATE FUNCTION` statement.
    pub definition: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Argument {
    /// Empty when unnamed.
    pub name: String,
    /// The base type where the argument has a domain.
    pub ty: ColumnType,
    #[serde(default)]
    pub domain: Option<Name>,
    pub mode: ArgumentMode,
    pub default: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArgumentMode {
    In,
    Out,
    InOut,
    Variadic,
    /// A column of `RETURNS TABLE (…)`.
    Table,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Returns {
    /// The base type where the function returns a domain.
    pub ty: ColumnType,
    #[serde(default)]
    pub domain: Option<Name>,
    pub set: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trigger {
    pub name: String,
    pub function: Name,
    pub definition: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Policy {
    pub name: String,
    pub permissive: bool,
    /// `ALL`, `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    pub command: String,
    /// Empty means `PUBLIC`.
    pub roles: Vec<String>,
    pub using: Option<String>,
    pub check: Option<String>,
    pub comment: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Role {
    pub login: bool,
    pub inherit: bool,
    pub bypass_row_security: bool,
    pub superuser: bool,
    pub member_of: BTreeSet<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Extension {
    pub schema: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Publication {
    pub all_tables: bool,
    pub tables: BTreeSet<Name>,
    pub schemas: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub grant: bool,
    /// `TABLE`, `COLUMN`, `SEQUENCE`, `FUNCTION`, `SCHEMA`, `ROLE`, `DEFAULT TABLE` (default privileges) …
    pub object: String,
    pub names: Vec<Name>,
    /// Of a table; of a function the types of its arguments, which tell overloads apart.
    pub columns: Vec<String>,
    /// `SELECT`, `INSERT`, …; empty means `ALL`.
    pub privileges: Vec<String>,
    pub roles: Vec<String>,
    pub with_grant_option: bool,
}

impl Catalog {
    /// A catalog with the schema `public` and the roles that Supabase projects expect
    /// (`anon`, `authenticated`, `service_role`, `postgres`, `authenticator`), and nothing else.
    pub fn fresh() -> Self {
        let mut catalog = Catalog { next_id: 16_384, ..Catalog::default() };
        for schema in ["public", "extensions", "auth", "storage", "graphql_public", "realtime"] {
            catalog.schemas.insert(schema.to_owned(), Schema::default());
        }
        for role in ["anon", "authenticated", "service_role", "postgres", "authenticator", "supabase_admin"] {
            let superuser = matches!(role, "postgres" | "supabase_admin");
            catalog.roles.insert(
                role.to_owned(),
                Role {
                    login: role == "authenticator",
                    inherit: role != "authenticator",
                    bypass_row_security: superuser || role == "service_role",
                    superuser,
                    member_of: BTreeSet::new(),
                },
            );
        }
        catalog
    }

    pub fn relation(&self, name: &Name) -> Option<&Arc<Relation>> {
        self.relations.get(name)
    }

    /// Takes the next id for a relation or a type.
    pub fn take_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Whether changes of the table are kept durably.
    pub fn is_published(&self, table: &Name) -> bool {
        self.publications.values().any(|publication| {
            publication.all_tables
                || publication.tables.contains(table)
                || publication.schemas.contains(&table.schema)
        })
    }
}

impl Function {
    /// What tells it apart from others of its name.
    pub fn signature(&self) -> Vec<String> {
        let inputs = self.arguments.iter().filter(|argument| {
            matches!(argument.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic)
        });
        inputs.map(|argument| format!("{:?}", argument.ty.ty)).collect()
    }
}

impl Relation {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub fn primary_key(&self) -> Option<&[String]> {
        self.constraints.iter().find_map(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey { columns } => Some(columns.as_slice()),
            _ => None,
        })
    }

    pub fn is_table(&self) -> bool {
        matches!(self.kind, RelationKind::Table)
    }

    /// The column that is SQLite's rowid: the primary key where it is one integer column.
    pub fn rowid_column(&self) -> Option<&Column> {
        match self.primary_key() {
            Some([name]) if self.is_table() => self
                .column(name)
                .filter(|column| matches!(column.ty.ty, Type::Int2 | Type::Int4 | Type::Int8)),
            _ => None,
        }
    }

    /// The table's name in SQLite: `name` in `public`, `schema.name` elsewhere.
    pub fn physical_name(&self) -> String {
        physical_name(&self.name)
    }
}

/// See [`Relation::physical_name`].
pub fn physical_name(name: &Name) -> String {
    name.to_string()
}

/// An identifier in double quotes, for PostgreSQL and SQLite alike.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
