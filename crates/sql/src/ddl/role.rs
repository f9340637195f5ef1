//! Roles and privileges, kept in the catalog for whoever decides access.

use super::Draft;
use super::tree::{boolean, def_elems, items, required, string};
use crate::catalog::{Grant, Name, Role};
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterRoleStmt, CreateRoleStmt, DropRoleStmt, GrantRoleStmt, Node, RoleSpec, RoleSpecType,
};

/// The role's name; `PUBLIC` is `public`, the current role is the one that owns everything.
pub(super) fn role_name(role: &RoleSpec) -> String {
    match RoleSpecType::try_from(role.roletype) {
        Ok(RoleSpecType::RolespecPublic) => "public".to_owned(),
        Ok(RoleSpecType::RolespecCstring) => role.rolename.clone(),
        _ => "postgres".to_owned(),
    }
}

pub(super) fn role_names(nodes: &[Node]) -> Vec<String> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref() {
            Some(NodeEnum::RoleSpec(role)) => Some(role_name(role)),
            Some(NodeEnum::AccessPriv(role)) => Some(role.priv_name.clone()),
            _ => string(node),
        })
        .collect()
}

impl Draft<'_> {
    pub(super) fn require_role(&self, name: &str) -> Result<()> {
        if name == "public" || self.catalog.roles.contains_key(name) {
            return Ok(());
        }
        Err(Problem::new("42704", format!("role \"{name}\" does not exist")))
    }

    pub(super) fn create_role(&mut self, statement: &CreateRoleStmt) -> Result<()> {
        let name = statement.role.clone();
        if self.catalog.roles.contains_key(&name) {
            return Err(Problem::new("42710", format!("role \"{name}\" already exists")));
        }
        // `CREATE USER` may log in; `CREATE ROLE` and `CREATE GROUP` may not unless they say so.
        let login = statement.stmt_type == pg_query::protobuf::RoleStmtType::RolestmtUser as i32;
        self.catalog.roles.insert(name.clone(), Role { login, inherit: true, ..Role::default() });
        self.role_options(&name, &statement.options)
    }

    pub(super) fn alter_role(&mut self, statement: &AlterRoleStmt) -> Result<()> {
        let name = role_name(required(statement.role.as_ref())?);
        self.require_role(&name)?;
        self.role_options(&name, &statement.options)
    }

    fn role_options(&mut self, name: &str, options: &[Node]) -> Result<()> {
        for option in def_elems(options) {
            let named = || role_names(option.arg.as_deref().map(items).unwrap_or_default());
            match option.defname.as_str() {
                "rolemembers" | "adminmembers" => {
                    for member in named() {
                        self.require_role(&member)?;
                        if let Some(role) = self.catalog.roles.get_mut(&member) {
                            role.member_of.insert(name.to_owned());
                        }
                    }
                    continue;
                }
                "addroleto" => {
                    for group in named() {
                        self.require_role(&group)?;
                        if let Some(role) = self.catalog.roles.get_mut(name) {
                            role.member_of.insert(group);
                        }
                    }
                    continue;
                }
                "password" => {
                    self.notice("passwords of roles have no meaning on the embedded engine: tokens decide");
                }
                _ => {}
            }
            let Some(role) = self.catalog.roles.get_mut(name) else { continue };
            match option.defname.as_str() {
                "canlogin" => role.login = boolean(option),
                "inherit" => role.inherit = boolean(option),
                "bypassrls" => role.bypass_row_security = boolean(option),
                "superuser" => role.superuser = boolean(option),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn drop_roles(&mut self, statement: &DropRoleStmt) -> Result<()> {
        for name in role_names(&statement.roles) {
            if self.catalog.roles.remove(&name).is_none() {
                let words = format!("role \"{name}\" does not exist");
                if !statement.missing_ok {
                    return Err(Problem::new("42704", words));
                }
                self.notice(format!("{words}, skipping"));
                continue;
            }
            for role in self.catalog.roles.values_mut() {
                role.member_of.remove(&name);
            }
        }
        Ok(())
    }

    pub(super) fn rename_role(&mut self, from: &str, to: &str) -> Result<()> {
        self.require_role(from)?;
        if self.catalog.roles.contains_key(to) {
            return Err(Problem::new("42710", format!("role \"{to}\" already exists")));
        }
        if let Some(role) = self.catalog.roles.remove(from) {
            self.catalog.roles.insert(to.to_owned(), role);
        }
        for role in self.catalog.roles.values_mut() {
            if role.member_of.remove(from) {
                role.member_of.insert(to.to_owned());
            }
        }
        for role in self.catalog.grants.iter_mut().flat_map(|grant| grant.roles.iter_mut()) {
            if role == from {
                to.clone_into(role);
            }
        }
        Ok(())
    }

    pub(super) fn grant_role(&mut self, statement: &GrantRoleStmt) -> Result<()> {
        let groups = role_names(&statement.granted_roles);
        let members = role_names(&statement.grantee_roles);
        for role in groups.iter().chain(&members) {
            self.require_role(role)?;
        }
        for member in &members {
            if let Some(role) = self.catalog.roles.get_mut(member) {
                for group in &groups {
                    if statement.is_grant {
                        role.member_of.insert(group.clone());
                    } else {
                        role.member_of.remove(group);
                    }
                }
            }
        }
        let names = groups.into_iter().map(|group| Name::new("", group)).collect();
        self.catalog.grants.push(Grant {
            grant: statement.is_grant,
            object: "ROLE".to_owned(),
            names,
            columns: Vec::new(),
            privileges: Vec::new(),
            roles: members,
            with_grant_option: false,
        });
        Ok(())
    }
}
