//! `ALTER … RENAME`: what can be renamed, and how each kind of object but relations and columns is.

use super::Draft;
use super::scope::{Mention, string_node};
use super::tree::{at, dotted, range_parts, required, strings};
use crate::catalog::{Name, Relation};
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use pg_query::protobuf::{ObjectType, RenameStmt};
use std::sync::Arc;

impl Draft<'_> {
    pub(super) fn rename(&mut self, statement: &RenameStmt) -> Result<()> {
        let kind = ObjectType::try_from(statement.rename_type).unwrap_or(ObjectType::Undefined);
        let result = match kind {
            ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview => {
                self.rename_relation_statement(statement)
            }
            ObjectType::ObjectColumn => self.rename_column(statement),
            ObjectType::ObjectAttribute => self.rename_attribute(statement),
            ObjectType::ObjectTabconstraint => self.rename_constraint(statement),
            ObjectType::ObjectIndex => self.rename_index(statement),
            ObjectType::ObjectSequence => self.rename_sequence_statement(statement),
            ObjectType::ObjectSchema => self.rename_schema(&statement.subname, &statement.newname),
            ObjectType::ObjectType | ObjectType::ObjectDomain => self.rename_type(statement),
            ObjectType::ObjectDomconstraint => self.rename_domain_constraint(statement),
            ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => {
                self.rename_function(statement, kind)
            }
            ObjectType::ObjectPolicy => self.rename_policy(statement),
            ObjectType::ObjectTrigger => self.rename_trigger(statement),
            ObjectType::ObjectRole => self.rename_role(&statement.subname, &statement.newname),
            ObjectType::ObjectPublication => self.rename_publication(statement),
            other => {
                Err(Problem::needs_postgres(format!("RENAME of {}", super::comment::object_words(other))))
            }
        };
        match result {
            Err(problem) if statement.missing_ok && matches!(problem.code(), "42P01" | "42704" | "42883") => {
                self.notice(format!("{}, skipping", problem.message()));
                Ok(())
            }
            other => other,
        }
    }

    fn rename_relation_statement(&mut self, statement: &RenameStmt) -> Result<()> {
        let range = required(statement.relation.as_ref())?;
        let parts = range_parts(range);
        if self.find_relation(&parts).is_none() {
            // PostgreSQL lets `ALTER TABLE` rename these too.
            if self.find_sequence(&parts).is_some() {
                return self.rename_sequence_statement(statement);
            }
            if self.lookup(&parts, |catalog, name| catalog.indexes.contains_key(name)).is_some() {
                return self.rename_index(statement);
            }
        }
        let relation = self.relation(range)?;
        let to = Name::new(relation.name.schema.clone(), statement.newname.clone());
        self.move_relation(&relation.name, &to)
    }

    fn rename_constraint(&mut self, statement: &RenameStmt) -> Result<()> {
        let relation = self.table(required(statement.relation.as_ref())?, "a constraint")?;
        let (table, from, to) = (relation.name.clone(), &statement.subname, &statement.newname);
        if !relation.constraints.iter().any(|constraint| constraint.name == *from) {
            return Err(Problem::new(
                "42704",
                format!("constraint \"{from}\" for table \"{}\" does not exist", table.name),
            ));
        }
        if relation.constraints.iter().any(|constraint| constraint.name == *to) {
            return Err(Problem::new(
                "42710",
                format!("constraint \"{to}\" for relation \"{}\" already exists", table.name),
            ));
        }
        let index = relation.indexes.iter().find(|index| index.constraint.as_ref() == Some(from));
        if index.is_some() {
            let new = Name::new(table.schema.clone(), to.clone());
            self.require_free(&new)?;
            self.require_storable(&new)?;
            self.catalog.indexes.remove(&Name::new(table.schema.clone(), from.clone()));
            self.catalog.indexes.insert(new, table.clone());
        }
        let reshape = self.begin_reshape(&table)?;
        self.change_relation(&table, |relation| {
            for constraint in relation.constraints.iter_mut().filter(|constraint| constraint.name == *from) {
                constraint.name.clone_from(to);
            }
            for index in relation.indexes.iter_mut().filter(|index| index.constraint.as_ref() == Some(from)) {
                index.constraint = Some(to.clone());
                index.name.clone_from(to);
            }
        })?;
        self.finish_reshape(&reshape)
    }

    fn rename_index(&mut self, statement: &RenameStmt) -> Result<()> {
        let range = required(statement.relation.as_ref())?;
        let parts = range_parts(range);
        let found = self.lookup(&parts, |catalog, name| catalog.indexes.contains_key(name));
        let name = found.ok_or_else(|| {
            at(
                Problem::new("42P01", format!("relation \"{}\" does not exist", parts.join("."))),
                range.location,
            )
        })?;
        let Some(table) = self.catalog.indexes.get(&name).cloned() else { return Ok(()) };
        let to = &statement.newname;
        let new = Name::new(name.schema.clone(), to.clone());
        self.require_free(&new)?;
        self.require_storable(&new)?;
        let reshape = self.begin_reshape(&table)?;
        self.catalog.indexes.remove(&name);
        self.catalog.indexes.insert(new, table.clone());
        self.change_relation(&table, |relation| {
            let Some(index) = relation.indexes.iter_mut().find(|index| index.name == name.name) else {
                return;
            };
            index.name.clone_from(to);
            if let Some(constraint) = &mut index.constraint {
                for one in relation.constraints.iter_mut().filter(|one| one.name == *constraint) {
                    one.name.clone_from(to);
                }
                constraint.clone_from(to);
            }
        })?;
        self.finish_reshape(&reshape)
    }

    fn rename_sequence_statement(&mut self, statement: &RenameStmt) -> Result<()> {
        let parts = range_parts(required(statement.relation.as_ref())?);
        let from = self.find_sequence(&parts).ok_or_else(|| {
            Problem::new("42P01", format!("relation \"{}\" does not exist", parts.join(".")))
        })?;
        let to = Name::new(from.schema.clone(), statement.newname.clone());
        self.move_sequence(&from, &to)
    }

    pub(super) fn move_sequence(&mut self, from: &Name, to: &Name) -> Result<()> {
        self.require_free(to)?;
        let users = self.dependents(&super::depend::Object::Sequence(from.clone()));
        let Some(mut sequence) = self.catalog.sequences.remove(from) else { return Ok(()) };
        sequence.name = to.clone();
        self.move_grants(&["SEQUENCE", "TABLE"], from, to, &[]);
        self.catalog.sequences.insert(to.clone(), sequence);
        for user in users {
            if let super::depend::Object::Default(table, column) = user {
                self.change_column(&table, &column, |column| {
                    column.default = Some(super::sequence::next_value(to));
                })?;
            }
        }
        let names: Vec<Name> = self.catalog.relations.keys().cloned().collect();
        for name in names {
            let owns =
                |relation: &Relation| relation.columns.iter().any(|c| c.sequence.as_ref() == Some(from));
            if self.catalog.relations.get(&name).is_some_and(|relation| owns(relation)) {
                self.change_relation(&name, |relation| {
                    for column in relation.columns.iter_mut().filter(|c| c.sequence.as_ref() == Some(from)) {
                        column.sequence = Some(to.clone());
                    }
                })?;
            }
        }
        self.act(Action::RenameSequence { from: from.clone(), to: to.clone() });
        Ok(())
    }

    fn rename_schema(&mut self, from: &str, to: &str) -> Result<()> {
        if !self.catalog.schemas.contains_key(from) {
            return Err(Problem::new("3F000", format!("schema \"{from}\" does not exist")));
        }
        if self.catalog.schemas.contains_key(to) {
            return Err(Problem::new("42P06", format!("schema \"{to}\" already exists")));
        }
        let schema = self.catalog.schemas.remove(from).unwrap_or_default();
        self.catalog.schemas.insert(to.to_owned(), schema);
        self.move_grants(&["SCHEMA"], &Name::new(from, ""), &Name::new(to, ""), &[]);
        let relations: Vec<Name> =
            self.catalog.relations.keys().filter(|name| name.schema == from).cloned().collect();
        for name in relations {
            self.move_relation(&name, &Name::new(to, name.name.clone()))?;
        }
        let sequences: Vec<Name> =
            self.catalog.sequences.keys().filter(|name| name.schema == from).cloned().collect();
        for name in sequences {
            self.move_sequence(&name, &Name::new(to, name.name.clone()))?;
        }
        let types: Vec<Name> = self
            .catalog
            .type_names
            .keys()
            .chain(self.catalog.domains.keys())
            .filter(|name| name.schema == from)
            .cloned()
            .collect();
        for name in types {
            self.move_type(&name, &Name::new(to, name.name.clone()))?;
        }
        let functions: Vec<Name> =
            self.catalog.functions.keys().filter(|name| name.schema == from).cloned().collect();
        for name in functions {
            let count = self.catalog.functions.get(&name).map_or(0, Vec::len);
            for _ in 0..count {
                self.move_function(&name, 0, &Name::new(to, name.name.clone()))?;
            }
        }
        Ok(())
    }

    fn rename_type(&mut self, statement: &RenameStmt) -> Result<()> {
        let parts = statement.object.as_deref().map(dotted).unwrap_or_default();
        let from = self
            .user_type_name(&parts)
            .ok_or_else(|| Problem::new("42704", format!("type \"{}\" does not exist", parts.join("."))))?;
        let to = Name::new(from.schema.clone(), statement.newname.clone());
        self.move_type(&from, &to)
    }

    pub(super) fn move_type(&mut self, from: &Name, to: &Name) -> Result<()> {
        self.require_free_type(to)?;
        let path = super::texts::default_search_path();
        let catalog = self.catalog.clone();
        self.rewrite_texts(&mut |_, mention| {
            if let Mention::Type(name) = mention {
                let parts = strings(&name.names);
                let found = super::names::lookup(&catalog, &path, &parts, |catalog, name| {
                    catalog.type_names.contains_key(name) || catalog.domains.contains_key(name)
                });
                if found.as_ref() == Some(from) {
                    name.names = qualified(to, parts.len() > 1);
                }
            }
        })?;
        if let Some(id) = self.catalog.type_names.remove(from) {
            self.catalog.type_names.insert(to.clone(), id);
            let types = Arc::make_mut(&mut self.catalog.types);
            if let Some(one) = types.enums.get_mut(&id) {
                (one.schema, one.name) = (to.schema.clone(), to.name.clone());
            }
            if let Some(one) = types.composites.get_mut(&id) {
                (one.schema, one.name) = (to.schema.clone(), to.name.clone());
            }
        }
        if let Some(mut domain) = self.catalog.domains.remove(from) {
            domain.name = to.clone();
            self.catalog.domains.insert(to.clone(), domain);
            self.move_domain_users(from, to);
            let names: Vec<Name> = self.catalog.relations.keys().cloned().collect();
            for name in names {
                self.change_relation(&name, |relation| {
                    for column in relation.columns.iter_mut().filter(|c| c.domain.as_ref() == Some(from)) {
                        column.domain = Some(to.clone());
                    }
                })?;
            }
        }
        Ok(())
    }

    fn rename_policy(&mut self, statement: &RenameStmt) -> Result<()> {
        let relation = self.relation(required(statement.relation.as_ref())?)?;
        let (from, to) = (&statement.subname, &statement.newname);
        let shown = |name: &str| format!("policy \"{name}\" for table \"{}\"", relation.name.name);
        if !relation.policies.iter().any(|policy| policy.name == *from) {
            return Err(Problem::new("42704", format!("{} does not exist", shown(from))));
        }
        if relation.policies.iter().any(|policy| policy.name == *to) {
            return Err(Problem::new("42710", format!("{} already exists", shown(to))));
        }
        self.change_relation(&relation.name, |relation| {
            for policy in relation.policies.iter_mut().filter(|policy| policy.name == *from) {
                policy.name.clone_from(to);
            }
        })
    }

    fn rename_trigger(&mut self, statement: &RenameStmt) -> Result<()> {
        let relation = self.relation(required(statement.relation.as_ref())?)?;
        let (from, to) = (&statement.subname, &statement.newname);
        if !relation.triggers.iter().any(|trigger| trigger.name == *from) {
            let words = format!("trigger \"{from}\" for table \"{}\" does not exist", relation.name.name);
            return Err(Problem::new("42704", words));
        }
        self.change_relation(&relation.name, |relation| {
            for trigger in relation.triggers.iter_mut().filter(|trigger| trigger.name == *from) {
                trigger.name.clone_from(to);
            }
        })
    }
}

pub(super) fn qualified(name: &Name, qualify: bool) -> Vec<pg_query::protobuf::Node> {
    let mut parts = Vec::new();
    if qualify || name.schema != "public" {
        parts.push(string_node(&name.schema));
    }
    parts.push(string_node(&name.name));
    parts
}
