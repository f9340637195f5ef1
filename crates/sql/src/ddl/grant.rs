//! GRANT, REVOKE and ALTER DEFAULT PRIVILEGES: the log that [`crate::privilege`] folds.

use super::Draft;
use super::role::{role_name, role_names};
use super::tree::{def_elems, dotted, items, required, string, strings};
use crate::catalog::{Grant, Name};
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterDefaultPrivilegesStmt, AlterOwnerStmt, GrantStmt, GrantTargetType, Node, ObjectType,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a privilege is on: its name, and of a function the types of its arguments.
type Granted = (Name, Vec<String>);

/// The roles that own what migrations make.
const MAKERS: [&str; 2] = ["postgres", "current_user"];

impl Draft<'_> {
    pub(super) fn grant(&mut self, statement: &GrantStmt) -> Result<()> {
        let kind = ObjectType::try_from(statement.objtype).unwrap_or(ObjectType::Undefined);
        let object = object_word(kind);
        let granted = match GrantTargetType::try_from(statement.targtype) {
            Ok(GrantTargetType::AclTargetAllInSchema) => {
                let mut found = Vec::new();
                for schema in strings(&statement.objects) {
                    self.require_schema(&schema)?;
                    found.extend(self.all_in_schema(kind, &schema));
                }
                found
            }
            _ => self.granted_objects(kind, &statement.objects)?,
        };
        self.push_grants(statement, object, granted)
    }

    pub(super) fn alter_default_privileges(&mut self, statement: &AlterDefaultPrivilegesStmt) -> Result<()> {
        let action = required(statement.action.as_ref())?;
        let mut schemas = Vec::new();
        let mut makers = Vec::new();
        for option in def_elems(&statement.options) {
            let listed = option.arg.as_deref().map(items).unwrap_or_default();
            match option.defname.as_str() {
                "schemas" => schemas.extend(strings(listed)),
                "roles" => makers.extend(role_names(listed)),
                _ => {}
            }
        }
        for role in &makers {
            self.require_role(role)?;
        }
        if !makers.is_empty() && !makers.iter().any(|role| MAKERS.contains(&role.as_str())) {
            self.notice(format!(
                "migrations make nothing as {}: its defaults are never used",
                makers.join(", ")
            ));
            return Ok(());
        }
        for schema in &schemas {
            self.require_schema(schema)?;
        }
        let kind = ObjectType::try_from(action.objtype).unwrap_or(ObjectType::Undefined);
        // Without a schema the defaults are those of all of them.
        let mut names: Vec<Granted> =
            schemas.into_iter().map(|schema| (Name::new(schema, ""), Vec::new())).collect();
        if names.is_empty() {
            names.push((Name::new("", ""), Vec::new()));
        }
        self.push_grants(action, &format!("DEFAULT {}", object_word(kind)), names)
    }

    /// One entry for privileges on whole objects, one for each set of columns.
    fn push_grants(&mut self, statement: &GrantStmt, object: &str, granted: Vec<Granted>) -> Result<()> {
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
            let entry = Grant {
                grant: statement.is_grant,
                object,
                names: Vec::new(),
                columns,
                privileges,
                roles: roles.clone(),
                with_grant_option: statement.grant_option,
            };
            if entry.object == "COLUMN" {
                let names = granted.iter().map(|(name, _)| vec![name.clone()]);
                self.catalog.grants.extend(names.map(|names| Grant { names, ..entry.clone() }));
            } else if entry.object == "FUNCTION" {
                for (name, signature) in &granted {
                    let (names, columns) = (vec![name.clone()], signature.clone());
                    self.catalog.grants.push(Grant { names, columns, ..entry.clone() });
                }
            } else {
                let names = granted.iter().map(|(name, _)| name.clone()).collect();
                self.catalog.grants.push(Grant { names, ..entry });
            }
        }
        Ok(())
    }

    fn all_in_schema(&self, kind: ObjectType, schema: &str) -> Vec<Granted> {
        let within = |name: &&Name| name.schema == schema;
        let plain = |name: &Name| (name.clone(), Vec::new());
        match kind {
            ObjectType::ObjectSequence => self.catalog.sequences.keys().filter(within).map(plain).collect(),
            ObjectType::ObjectTable => self.catalog.relations.keys().filter(within).map(plain).collect(),
            _ => {
                let all = self.catalog.functions.iter().filter(|(name, _)| within(name));
                all.flat_map(|(_, overloads)| overloads)
                    .map(|function| (function.name.clone(), function.signature()))
                    .collect()
            }
        }
    }

    fn granted_objects(&self, kind: ObjectType, objects: &[Node]) -> Result<Vec<Granted>> {
        let mut names = Vec::new();
        for node in objects {
            let name = match kind {
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
                        Some(NodeEnum::ObjectWithArgs(function)) => {
                            let (name, index) = self.find_function(function, kind)?;
                            let overloads = self.catalog.functions.get(&name);
                            let found = overloads.and_then(|all| all.get(index));
                            let signature = found.map(|found| found.signature()).unwrap_or_default();
                            names.push((name, signature));
                            continue;
                        }
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
            };
            names.push((name, Vec::new()));
        }
        Ok(names)
    }

    pub(super) fn has_default_grants(&self) -> bool {
        self.catalog.grants.iter().any(|grant| grant.object.starts_with("DEFAULT"))
    }

    /// What has privileges of its own: to tell what a statement makes.
    pub(super) fn objects_with_privileges(&self) -> BTreeSet<(&'static str, Name, Vec<String>)> {
        let catalog = &self.catalog;
        let tables = catalog.relations.keys().map(|name| ("TABLE", name.clone(), Vec::new()));
        let sequences = catalog.sequences.keys().map(|name| ("SEQUENCE", name.clone(), Vec::new()));
        let functions = catalog.functions.values().flatten();
        let functions = functions.map(|function| ("FUNCTION", function.name.clone(), function.signature()));
        let schemas = catalog.schemas.keys().map(|name| ("SCHEMA", Name::new(name.as_str(), ""), Vec::new()));
        tables.chain(sequences).chain(functions).chain(schemas).collect()
    }

    /// Gives what a statement has made the default privileges of its schema.
    pub(super) fn grant_defaults(&mut self, before: &BTreeSet<(&'static str, Name, Vec<String>)>) {
        let made: Vec<_> = self.objects_with_privileges().difference(before).cloned().collect();
        for (object, name, columns) in made {
            let default = format!("DEFAULT {object}");
            let fits = |grant: &&Grant| {
                let within = |scope: &Name| scope.schema.is_empty() || scope.schema == name.schema;
                grant.object == default && grant.names.iter().any(within)
            };
            let given: Vec<Grant> = self.catalog.grants.iter().filter(fits).cloned().collect();
            self.catalog.grants.extend(given.into_iter().map(|grant| Grant {
                object: object.to_owned(),
                names: vec![name.clone()],
                columns: columns.clone(),
                ..grant
            }));
        }
    }

    /// Privileges follow what is renamed.
    pub(super) fn move_grants(&mut self, objects: &[&str], from: &Name, to: &Name, signature: &[String]) {
        for grant in &mut self.catalog.grants {
            if objects.contains(&grant.object.as_str()) && grant.columns == signature {
                grant.names.iter_mut().filter(|name| *name == from).for_each(|name| name.clone_from(to));
            }
        }
    }

    /// The columns of privileges follow theirs.
    pub(super) fn rename_granted_column(&mut self, table: &Name, from: &str, to: &str) {
        let of_table = |grant: &&mut Grant| grant.object == "COLUMN" && grant.names.contains(table);
        for grant in self.catalog.grants.iter_mut().filter(of_table) {
            grant.columns.iter_mut().filter(|column| *column == from).for_each(|name| to.clone_into(name));
        }
    }

    /// Forgets the privileges on what is gone.
    pub(super) fn forget_grants(&mut self) {
        let mut grants = std::mem::take(&mut self.catalog.grants);
        let catalog = &self.catalog;
        for grant in &mut grants {
            if grant.object == "COLUMN" {
                let table = grant.names.first().and_then(|name| catalog.relations.get(name));
                grant.columns.retain(|name| table.is_some_and(|table| table.column(name).is_some()));
            }
            let columns = &grant.columns;
            let exists = |name: &Name| match grant.object.as_str() {
                "TABLE" | "SEQUENCE" => {
                    catalog.relations.contains_key(name) || catalog.sequences.contains_key(name)
                }
                "COLUMN" => !columns.is_empty() && catalog.relations.contains_key(name),
                "FUNCTION" => {
                    let overloads = catalog.functions.get(name).into_iter().flatten();
                    overloads.into_iter().any(|function| function.signature() == *columns)
                }
                "SCHEMA" => catalog.schemas.contains_key(&name.schema),
                _ => true,
            };
            grant.names.retain(exists);
        }
        grants.retain(|grant| !grant.names.is_empty());
        self.catalog.grants = grants;
    }

    /// `ALTER FUNCTION … OWNER TO`: a function that runs as its owner has that role's rights.
    pub(super) fn alter_owner(&mut self, statement: &AlterOwnerStmt) -> Result<()> {
        let kind = ObjectType::try_from(statement.object_type).unwrap_or(ObjectType::Undefined);
        let owner = role_name(required(statement.newowner.as_ref())?);
        self.require_role(&owner)?;
        let function = match statement.object.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::ObjectWithArgs(function)) => function,
            _ => {
                self.notice("owners of this kind have no meaning on the embedded engine");
                return Ok(());
            }
        };
        let (name, index) = self.find_function(function, kind)?;
        if let Some(slot) = self.catalog.functions.get_mut(&name).and_then(|all| all.get_mut(index)) {
            Arc::make_mut(slot).owner = Some(owner);
        }
        Ok(())
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
