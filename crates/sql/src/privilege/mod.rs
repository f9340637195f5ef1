//! What a role may do: the effect of all grants, memberships and defaults, as PostgreSQL reckons it.
//!
//! Start reading at [`Catalog::rights_of`].

mod grants;

use crate::catalog::{Catalog, Function, Name, Policy, Relation, RelationKind, Sequence};
use mainstay_base::{Problem, Result};
use std::collections::BTreeSet;

/// What the roles of callers may do in exposed schemas before anything is granted or revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultPrivileges {
    pub mode: DefaultMode,
    /// The schemas that are served to callers.
    pub schemas: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DefaultMode {
    /// `service_role` may everything; `anon` and `authenticated` what row security guards.
    #[default]
    Guarded,
    /// All three may everything, as in older Supabase projects.
    All,
}

impl Default for DefaultPrivileges {
    fn default() -> Self {
        DefaultPrivileges { mode: DefaultMode::default(), schemas: vec!["public".to_owned()] }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Usage,
    Execute,
}

impl Privilege {
    pub fn word(self) -> &'static str {
        match self {
            Privilege::Select => "SELECT",
            Privilege::Insert => "INSERT",
            Privilege::Update => "UPDATE",
            Privilege::Delete => "DELETE",
            Privilege::Usage => "USAGE",
            Privilege::Execute => "EXECUTE",
        }
    }
}

/// How far a privilege on a relation goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Whole,
    /// These columns alone; perhaps none.
    Columns(BTreeSet<String>),
}

impl Reach {
    pub fn covers(&self, column: &str) -> bool {
        match self {
            Reach::Whole => true,
            Reach::Columns(columns) => columns.contains(column),
        }
    }

    /// Whether it is anything at all.
    pub fn is_some(&self) -> bool {
        !matches!(self, Reach::Columns(columns) if columns.is_empty())
    }
}

/// Roles that callers have without further ado; the last one works for the application itself.
const CALLERS: [&str; 3] = ["anon", "authenticated", "service_role"];
/// Schemas of the house that every project has, with functions that policies call.
const HOUSE: [&str; 5] = ["auth", "extensions", "storage", "graphql_public", "realtime"];
pub(crate) const PUBLIC: &str = "public";

/// What one role may do.
#[derive(Clone, Debug)]
pub struct Rights<'c> {
    catalog: &'c Catalog,
    pub role: String,
    superuser: bool,
    bypasses: bool,
    /// The role, those whose privileges it has, and `public`.
    roles: BTreeSet<&'c str>,
}

impl Catalog {
    /// What every role may do.
    pub fn rights_of_nobody(&self) -> Rights<'_> {
        let roles = BTreeSet::from([PUBLIC]);
        Rights { catalog: self, role: PUBLIC.to_owned(), superuser: false, bypasses: false, roles }
    }

    /// The rights of a role; 22023 where there is none of this name.
    pub fn rights_of(&self, role: &str) -> Result<Rights<'_>> {
        let Some((name, found)) = self.roles.get_key_value(role) else {
            return Err(Problem::new("22023", format!("role \"{role}\" does not exist")));
        };
        let mut roles = BTreeSet::from([PUBLIC]);
        let mut queue = vec![name.as_str()];
        while let Some(next) = queue.pop() {
            if !roles.insert(next) {
                continue;
            }
            if let Some(role) = self.roles.get(next).filter(|role| role.inherit) {
                queue.extend(role.member_of.iter().map(String::as_str));
            }
        }
        let superuser = found.superuser;
        let bypasses = superuser || found.bypass_row_security;
        Ok(Rights { catalog: self, role: role.to_owned(), superuser, bypasses, roles })
    }
}

impl<'c> Rights<'c> {
    /// Whether the role has the privileges of another.
    pub fn has_role(&self, role: &str) -> bool {
        self.superuser || self.roles.contains(role)
    }

    pub fn is_superuser(&self) -> bool {
        self.superuser
    }

    fn owns(&self, owner: Option<&str>) -> bool {
        self.superuser || owner.is_some_and(|owner| self.roles.contains(owner))
    }

    /// Whether the policies of the table restrict the role.
    pub fn is_restricted_on(&self, table: &Relation) -> bool {
        let owner = table.owner.as_deref();
        table.is_table()
            && table.row_security
            && !self.bypasses
            && (!self.owns(owner) || table.force_row_security)
    }

    pub fn policy_is_for(&self, policy: &Policy) -> bool {
        policy.roles.is_empty() || policy.roles.iter().any(|role| self.roles.contains(role.as_str()))
    }

    pub fn on_relation(&self, relation: &Relation, privilege: Privilege) -> Reach {
        if self.superuser {
            return Reach::Whole;
        }
        let mut columns = BTreeSet::new();
        for grantee in &self.roles {
            // The owner too may be taken what it had.
            let owner = relation.owner.as_deref() == Some(*grantee);
            let default = owner || self.catalog.default_on_relation(relation, grantee);
            match self.catalog.granted_on_relation(&relation.name, privilege, grantee, default) {
                Reach::Whole => return Reach::Whole,
                Reach::Columns(some) => columns.extend(some),
            }
        }
        Reach::Columns(columns)
    }

    pub fn on_sequence(&self, sequence: &Sequence, privileges: &[Privilege]) -> bool {
        let table = sequence.owned_by.as_ref().and_then(|(table, _)| self.catalog.relation(table));
        self.owns(table.and_then(|table| table.owner.as_deref()))
            || self.roles.iter().any(|grantee| {
                let default = self.catalog.default_on_sequence(sequence, table, grantee);
                privileges.iter().any(|privilege| {
                    self.catalog.granted(
                        &["SEQUENCE", "TABLE"],
                        &sequence.name,
                        &[],
                        *privilege,
                        grantee,
                        default,
                    )
                })
            })
    }

    pub fn on_function(&self, function: &Function) -> bool {
        let signature = function.signature();
        self.owns(function.owner.as_deref())
            || self.roles.iter().any(|grantee| {
                let execute = Privilege::Execute;
                let default = *grantee == PUBLIC;
                self.catalog.granted(&["FUNCTION"], &function.name, &signature, execute, grantee, default)
            })
    }

    pub fn on_schema(&self, schema: &str) -> bool {
        let name = Name::new(schema, "");
        self.superuser
            || matches!(schema, "pg_catalog" | "information_schema")
            || self.roles.iter().any(|grantee| {
                let default = self.catalog.default_on_schema(schema, grantee);
                self.catalog.granted(&["SCHEMA"], &name, &[], Privilege::Usage, grantee, default)
            })
    }

    /// PostgreSQL's refusal, with words about what to write where nothing was ever granted.
    pub fn refusal(&self, relation: &Relation, privilege: Privilege) -> Problem {
        let kind = match relation.kind {
            RelationKind::Table => "table",
            RelationKind::View { .. } if relation.is_partition() => "table",
            RelationKind::View { .. } => "view",
            RelationKind::MaterializedView { .. } => "materialized view",
        };
        let name = &relation.name;
        let problem = refused(kind, &name.name);
        let defaults = &self.catalog.default_privileges;
        let mentioned =
            self.catalog.grants.iter().any(|grant| {
                matches!(grant.object.as_str(), "TABLE" | "COLUMN") && grant.names.contains(name)
            });
        if mentioned || !defaults.schemas.contains(&name.schema) || !CALLERS.contains(&self.role.as_str()) {
            return problem;
        }
        let grant = format!("GRANT {} ON {name} TO {}", privilege.word(), self.role);
        problem.with_hint(match relation.kind {
            RelationKind::Table => format!(
                "In a migration: ALTER TABLE {name} ENABLE ROW LEVEL SECURITY and a CREATE POLICY decide which rows; {grant} opens the whole table."
            ),
            _ => format!("In a migration: {grant}."),
        })
    }
}

/// `permission denied for …`
pub fn refused(kind: &str, name: &str) -> Problem {
    Problem::new("42501", format!("permission denied for {kind} {name}"))
}
