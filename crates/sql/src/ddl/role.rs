//! Roles and privileges, kept in the catalog for whoever decides access.

use super::Draft;
use super::tree::{boolean, def_elems, dotted, items, required, string, strings};
use crate::catalog::{Grant, Name, Role};
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterDefaultPrivilegesStmt, AlterRoleStmt, CreateRoleStmt, DropRoleStmt, GrantRoleStmt, GrantStmt,
    GrantTargetType, Node, ObjectType, RoleSpec, RoleSpecType,
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

    pub(super) fn grant(&mut self, statement: &GrantStmt) -> Result<()> {
        let kind = ObjectType::try_from(statement.objtype).unwrap_or(ObjectType::Undefined);
        let object = object_word(kind);
        let names = match GrantTargetType::try_from(statement.targtype) {
            Ok(GrantTargetType::AclTargetAllInSchema) => {
                let mut names = Vec::new();
                for schema in strings(&statement.objects) {
                    self.require_schema(&schema)?;
                    names.extend(self.all_in_schema(kind, &schema));
                }
                names
            }
            _ => self.granted_objects(kind, &statement.objects)?,
        };
        self.push_grants(statement, object, names)
    }

    pub(super) fn alter_default_privileges(&mut self, statement: &AlterDefaultPrivilegesStmt) -> Result<()> {
        let action = required(statement.action.as_ref())?;
        let mut schemas = Vec::new();
        for option in def_elems(&statement.options).filter(|option| option.defname == "schemas") {
            schemas.extend(strings(option.arg.as_deref().map(items).unwrap_or_default()));
        }
        for schema in &schemas {
            self.require_schema(schema)?;
        }
        let kind = ObjectType::try_from(action.objtype).unwrap_or(ObjectType::Undefined);
        let names = schemas.into_iter().map(|schema| Name::new(schema, "")).collect();
        self.push_grants(action, &format!("DEFAULT {}", object_word(kind)), names)
    }

    /// One entry for privileges on whole objects, one for each set of columns.
    fn push_grants(&mut self, statement: &GrantStmt, object: &str, names: Vec<Name>) -> Result<()> {
        let roles = role_names(&statement.grantees);
        for role in &roles {
            self.require_role(role)?;
        }
        let mut plain = Vec::new();
        let mut entries: Vec<(String, Vec<String>, Vec<String>)> = Vec::new();
        for node in &statement.privileges {
            if let Some(NodeEnum::AccessPriv(privilege)) = node.node.as_ref() {
                let word = privilege.priv_name.to_uppercase();
                let columns = strings(&privilege.cols);
                if columns.is_empty() {
                    plain.push(word);
                } else {
                    let words = if word.is_empty() { Vec::new() } else { vec![word] };
                    entries.push(("COLUMN".to_owned(), columns, words));
                }
            }
        }
        if entries.is_empty() || !plain.is_empty() {
            entries.insert(0, (object.to_owned(), Vec::new(), plain));
        }
        for (object, columns, privileges) in entries {
            self.catalog.grants.push(Grant {
                grant: statement.is_grant,
                object,
                names: names.clone(),
                columns,
                privileges,
                roles: roles.clone(),
                with_grant_option: statement.grant_option,
            });
        }
        Ok(())
    }

    fn all_in_schema(&self, kind: ObjectType, schema: &str) -> Vec<Name> {
        let within = |name: &&Name| name.schema == schema;
        match kind {
            ObjectType::ObjectSequence => self.catalog.sequences.keys().filter(within).cloned().collect(),
            ObjectType::ObjectTable => self.catalog.relations.keys().filter(within).cloned().collect(),
            _ => self.catalog.functions.keys().filter(within).cloned().collect(),
        }
    }

    fn granted_objects(&self, kind: ObjectType, objects: &[Node]) -> Result<Vec<Name>> {
        let mut names = Vec::new();
        for node in objects {
            names.push(match kind {
                ObjectType::ObjectTable | ObjectType::ObjectSequence => {
                    let parts = dotted(node);
                    let found = self.lookup(&parts, |catalog, name| {
                        catalog.relations.contains_key(name) || catalog.sequences.contains_key(name)
                    });
                    found.ok_or_else(|| {
                        Problem::new("42P01", format!("relation \"{}\" does not exist", parts.join(".")))
                    })?
                }
                ObjectType::ObjectSchema => {
                    let schema = string(node).unwrap_or_default();
                    self.require_schema(&schema)?;
                    Name::new(schema, "")
                }
                ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => {
                    match node.node.as_ref() {
                        Some(NodeEnum::ObjectWithArgs(function)) => self.find_function(function, kind)?.0,
                        _ => continue,
                    }
                }
                ObjectType::ObjectType | ObjectType::ObjectDomain => {
                    let parts = dotted(node);
                    match self.user_type_name(&parts) {
                        Some(name) => name,
                        None => {
                            let words = format!("type \"{}\" does not exist", parts.join("."));
                            return Err(Problem::new("42704", words));
                        }
                    }
                }
                _ => Name::new("", dotted(node).join(".")),
            });
        }
        Ok(names)
    }
}

fn object_word(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::ObjectTable => "TABLE",
        ObjectType::ObjectSequence => "SEQUENCE",
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => "FUNCTION",
        ObjectType::ObjectSchema => "SCHEMA",
        ObjectType::ObjectType | ObjectType::ObjectDomain => "TYPE",
        ObjectType::ObjectDatabase => "DATABASE",
        ObjectType::ObjectLanguage => "LANGUAGE",
        _ => "OTHER",
    }
}
