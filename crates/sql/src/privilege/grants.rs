//! The log of GRANT and REVOKE, folded; what holds before it says anything.

use super::{CALLERS, DefaultMode, HOUSE, PUBLIC, Privilege, Reach};
use crate::catalog::{Catalog, Grant, Name, Relation, RelationKind, Sequence};
use std::collections::BTreeSet;

impl Grant {
    fn is_about(&self, objects: &[&str], name: &Name, grantee: &str) -> bool {
        objects.contains(&self.object.as_str())
            && self.names.contains(name)
            && self.roles.iter().any(|role| role == grantee)
            // `REVOKE GRANT OPTION FOR` leaves the privilege.
            && (self.grant || !self.with_grant_option)
    }

    fn has(&self, privilege: Privilege) -> bool {
        self.privileges.is_empty()
            || self.privileges.iter().any(|word| word == privilege.word() || word == "ALL")
    }
}

impl Catalog {
    /// Whether a privilege on a whole object is granted, the last word counting. `part` tells overloads apart.
    pub(super) fn granted(
        &self,
        objects: &[&str],
        name: &Name,
        part: &[String],
        privilege: Privilege,
        grantee: &str,
        default: bool,
    ) -> bool {
        let about = |grant: &&Grant| {
            grant.is_about(objects, name, grantee) && grant.has(privilege) && grant.columns == part
        };
        self.grants.iter().rev().find(about).map_or(default, |grant| grant.grant)
    }

    pub(super) fn granted_on_relation(
        &self,
        name: &Name,
        privilege: Privilege,
        grantee: &str,
        default: bool,
    ) -> Reach {
        let mut whole = default;
        let mut columns = BTreeSet::new();
        for grant in &self.grants {
            if !grant.is_about(&["TABLE", "COLUMN"], name, grantee) || !grant.has(privilege) {
                continue;
            }
            match (grant.columns.is_empty(), grant.grant) {
                (true, true) => whole = true,
                // Taking the table away takes its columns away.
                (true, false) => {
                    whole = false;
                    columns.clear();
                }
                (false, true) => columns.extend(grant.columns.iter().cloned()),
                (false, false) => columns.retain(|column| !grant.columns.contains(column)),
            }
        }
        if whole { Reach::Whole } else { Reach::Columns(columns) }
    }

    /// Whether callers of this role have everything in the schema, whatever it holds.
    fn opens_all(&self, schema: &str, grantee: &str) -> bool {
        let defaults = &self.default_privileges;
        defaults.schemas.iter().any(|exposed| exposed == schema)
            && CALLERS.contains(&grantee)
            && (grantee == "service_role" || defaults.mode == DefaultMode::All)
    }

    /// Row security decides for the caller, so that the privilege itself gives nothing away.
    pub(super) fn default_on_relation(&self, relation: &Relation, grantee: &str) -> bool {
        if !self.default_privileges.schemas.contains(&relation.name.schema) || !CALLERS.contains(&grantee) {
            return false;
        }
        self.opens_all(&relation.name.schema, grantee)
            || match relation.kind {
                RelationKind::Table => relation.row_security,
                RelationKind::View { security_invoker, .. } => security_invoker,
                RelationKind::MaterializedView { .. } => false,
            }
    }

    /// A sequence follows its table.
    pub(super) fn default_on_sequence(
        &self,
        sequence: &Sequence,
        table: Option<&std::sync::Arc<Relation>>,
        grantee: &str,
    ) -> bool {
        self.opens_all(&sequence.name.schema, grantee)
            || table.is_some_and(|table| self.default_on_relation(table, grantee))
    }

    pub(super) fn default_on_schema(&self, schema: &str, grantee: &str) -> bool {
        let exposed = || self.default_privileges.schemas.iter().any(|exposed| exposed == schema);
        match grantee {
            PUBLIC => schema == "public",
            caller => CALLERS.contains(&caller) && (exposed() || HOUSE.contains(&schema)),
        }
    }
}
