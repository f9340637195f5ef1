//! `DROP` of everything, with `RESTRICT` and `CASCADE`.

use super::Draft;
use super::depend::Object;
use super::physical::quoted;
use super::tree::{cascade, dotted, required, string, strings};
use crate::catalog::{Catalog, ConstraintKind, Name, RelationKind};
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{DropStmt, Node, ObjectType};
use std::sync::Arc;

impl Draft<'_> {
    pub(super) fn drop_statement(&mut self, statement: &DropStmt) -> Result<()> {
        let kind = ObjectType::try_from(statement.remove_type).unwrap_or(ObjectType::Undefined);
        match kind {
            ObjectType::ObjectSchema => return self.drop_schemas(statement),
            ObjectType::ObjectExtension => return self.drop_extensions(statement),
            ObjectType::ObjectPublication => return self.drop_publications(statement),
            ObjectType::ObjectStatisticExt => {
                self.notice("extended statistics do not exist on the embedded engine");
                return Ok(());
            }
            _ => {}
        }
        let mut objects = Vec::new();
        for node in &statement.objects {
            match self.find_object(kind, node) {
                Ok(object) => objects.push(object),
                Err(problem) if statement.missing_ok && is_missing(&problem) => {
                    self.notice(format!("{}, skipping", problem.message()));
                }
                Err(problem) => return Err(problem),
            }
        }
        self.drop_objects(objects, cascade(statement.behavior))
    }

    fn find_object(&self, kind: ObjectType, node: &Node) -> Result<Object> {
        let parts = dotted(node);
        let shown = parts.join(".");
        match kind {
            ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview => {
                self.find_droppable_relation(kind, &parts)
            }
            ObjectType::ObjectIndex => self
                .lookup(&parts, |catalog, name| catalog.indexes.contains_key(name))
                .map(Object::Index)
                .ok_or_else(|| Problem::new("42704", format!("index \"{shown}\" does not exist"))),
            ObjectType::ObjectSequence => self
                .find_sequence(&parts)
                .map(Object::Sequence)
                .ok_or_else(|| Problem::new("42P01", format!("sequence \"{shown}\" does not exist"))),
            ObjectType::ObjectType | ObjectType::ObjectDomain => {
                let found = self.user_type_name(&parts);
                let missing = || Problem::new("42704", format!("type \"{shown}\" does not exist"));
                let name = found.ok_or_else(missing)?;
                match (kind, self.catalog.domains.contains_key(&name)) {
                    (ObjectType::ObjectDomain, false) => {
                        Err(Problem::new("42809", format!("\"{shown}\" is not a domain")))
                    }
                    (_, true) => Ok(Object::Domain(name)),
                    (_, false) => Ok(Object::Type(name)),
                }
            }
            ObjectType::ObjectFunction
            | ObjectType::ObjectProcedure
            | ObjectType::ObjectRoutine
            | ObjectType::ObjectAggregate => match node.node.as_ref() {
                Some(NodeEnum::ObjectWithArgs(function)) => {
                    let (name, index) = self.find_function(function, kind)?;
                    Ok(Object::Function(name, index))
                }
                _ => Err(Problem::internal("DROP FUNCTION without a function")),
            },
            ObjectType::ObjectCast => self.find_cast(node),
            ObjectType::ObjectPolicy | ObjectType::ObjectTrigger => {
                let (name, table) = required(parts.split_last())?;
                let relation = self.find_relation(table).ok_or_else(|| {
                    Problem::new("42P01", format!("relation \"{}\" does not exist", table.join(".")))
                })?;
                let policy = kind == ObjectType::ObjectPolicy;
                let exists = if policy {
                    relation.policies.iter().any(|policy| policy.name == *name)
                } else {
                    relation.triggers.iter().any(|trigger| trigger.name == *name)
                };
                let word = if policy { "policy" } else { "trigger" };
                match (exists, policy) {
                    (true, true) => Ok(Object::Policy(relation.name.clone(), name.clone())),
                    (true, false) => Ok(Object::Trigger(relation.name.clone(), name.clone())),
                    (false, _) => Err(Problem::new(
                        "42704",
                        format!("{word} \"{name}\" for table \"{}\" does not exist", relation.name.name),
                    )),
                }
            }
            other => Err(Problem::needs_postgres(format!("DROP {}", super::comment::object_words(other)))),
        }
    }

    fn find_droppable_relation(&self, kind: ObjectType, parts: &[String]) -> Result<Object> {
        let word = match kind {
            ObjectType::ObjectView => "view",
            ObjectType::ObjectMatview => "materialized view",
            _ => "table",
        };
        let shown = parts.join(".");
        let Some(relation) = self.find_relation(parts) else {
            if let [schema, _] = parts
                && !self.catalog.schemas.contains_key(schema)
            {
                return Err(Problem::new("3F000", format!("schema \"{schema}\" does not exist")));
            }
            return Err(Problem::new("42P01", format!("{word} \"{shown}\" does not exist")));
        };
        let actual = match relation.kind {
            RelationKind::Table => ObjectType::ObjectTable,
            RelationKind::View { .. } if relation.is_partition() => ObjectType::ObjectTable,
            RelationKind::View { .. } => ObjectType::ObjectView,
            RelationKind::MaterializedView { .. } => ObjectType::ObjectMatview,
        };
        if actual != kind {
            let hint = match actual {
                ObjectType::ObjectView => "Use DROP VIEW to remove a view.",
                ObjectType::ObjectMatview => "Use DROP MATERIALIZED VIEW to remove a materialized view.",
                _ => "Use DROP TABLE to remove a table.",
            };
            return Err(
                Problem::new("42809", format!("\"{}\" is not a {word}", relation.name.name)).with_hint(hint)
            );
        }
        Ok(Object::Relation(relation.name.clone()))
    }

    /// Drops the objects and, with `cascade`, all that depends on them.
    pub(super) fn drop_objects(&mut self, wanted: Vec<Object>, cascade: bool) -> Result<()> {
        let mut all = wanted.clone();
        let mut blocked: Vec<(Object, Object)> = Vec::new();
        let mut next = 0;
        while let Some(object) = all.get(next).cloned() {
            next += 1;
            for partition in self.partitions_of(&object) {
                if !all.contains(&partition) {
                    all.push(partition);
                }
            }
            for dependent in self.dependents(&object) {
                let goes_with = |known: &Object| *known == dependent || is_part(&dependent, known);
                if all.iter().any(goes_with) || self.sequence_goes_with(&dependent, &all) {
                    continue;
                }
                blocked.push((dependent.clone(), object.clone()));
                all.push(dependent);
            }
        }
        if !cascade && !blocked.is_empty() {
            return Err(self.blocked_problem(&wanted, &blocked));
        }
        for (dependent, _) in &blocked {
            let words = format!("drop cascades to {}", self.describe_object(dependent));
            self.notice(words);
        }
        // Dependents first; functions from the back, because removing one moves those behind it.
        all.reverse();
        all.sort_by_key(|object| match object {
            Object::Function(_, index) => (1, usize::MAX - index),
            _ => (0, 0),
        });
        self.referencing_first(&mut all);
        // Without its table a partition is no more than a name.
        all.sort_by_key(|object| matches!(object, Object::Relation(name) if self.is_partition(name)));
        for object in all {
            self.drop_one(&object)?;
        }
        Ok(())
    }

    /// SQLite empties a table before it drops it, under the foreign keys that still point at it.
    fn referencing_first(&self, all: &mut Vec<Object>) {
        let mut tables: Vec<Name> = Vec::new();
        all.retain(|object| match object {
            Object::Relation(name) => {
                tables.push(name.clone());
                false
            }
            _ => true,
        });
        let references = |from: &Name, to: &Name| {
            from != to
                && self.catalog.relations.get(from).is_some_and(|relation| {
                    relation
                        .constraints
                        .iter()
                        .any(|c| matches!(&c.kind, ConstraintKind::ForeignKey { target, .. } if target == to))
                })
        };
        while !tables.is_empty() {
            let free = tables.iter().position(|to| !tables.iter().any(|from| references(from, to)));
            let name = tables.remove(free.unwrap_or(0));
            all.push(Object::Relation(name));
        }
    }

    /// A default goes with its column's sequence when the column itself goes.
    fn sequence_goes_with(&self, dependent: &Object, all: &[Object]) -> bool {
        let Object::Default(table, column) = dependent else { return false };
        all.contains(&Object::Relation(table.clone()))
            || all.contains(&Object::Column(table.clone(), column.clone()))
    }

    pub(super) fn blocked_problem(&self, wanted: &[Object], blocked: &[(Object, Object)]) -> Problem {
        let details: Vec<String> = blocked
            .iter()
            .map(|(dependent, on)| {
                format!("{} depends on {}", self.describe_object(dependent), self.describe_object(on))
            })
            .collect();
        let message = match wanted {
            [one] => {
                format!("cannot drop {} because other objects depend on it", self.describe_object(one))
            }
            _ => "cannot drop desired object(s) because other objects depend on them".to_owned(),
        };
        Problem::new("2BP01", message)
            .with_details(details.join("\n"))
            .with_hint("Use DROP ... CASCADE to drop the dependent objects too.")
    }

    fn drop_one(&mut self, object: &Object) -> Result<()> {
        match object {
            Object::Relation(name) => self.remove_relation(name),
            Object::Column(table, column) => {
                if !self.catalog.relations.contains_key(table) {
                    return Ok(());
                }
                let reshape = self.begin_reshape(table)?;
                self.remove_column(table, column)?;
                self.finish_reshape(&reshape)
            }
            Object::Default(table, column) => self.if_present(table, |relation| {
                for one in relation.columns.iter_mut().filter(|one| one.name == *column) {
                    one.default = None;
                }
            }),
            Object::Constraint(table, name) => {
                if !self.catalog.relations.contains_key(table) {
                    return Ok(());
                }
                let reshape = self.begin_reshape(table)?;
                self.remove_constraint(table, name)?;
                self.finish_reshape(&reshape)
            }
            Object::Index(name) => self.remove_index(name),
            Object::Policy(table, name) => {
                self.if_present(table, |relation| relation.policies.retain(|policy| policy.name != *name))
            }
            Object::Trigger(table, name) => {
                self.if_present(table, |relation| relation.triggers.retain(|trigger| trigger.name != *name))
            }
            Object::Sequence(name) => {
                self.remove_sequence(name);
                Ok(())
            }
            Object::Type(name) => {
                if let Some(id) = self.catalog.type_names.remove(name) {
                    let types = Arc::make_mut(&mut self.catalog.types);
                    types.enums.remove(&id);
                    types.composites.remove(&id);
                }
                Ok(())
            }
            Object::Domain(name) => {
                self.catalog.domains.remove(name);
                Ok(())
            }
            Object::Cast(source, target) => {
                self.catalog.casts.retain(|cast| cast.source != *source || cast.target != *target);
                Ok(())
            }
            Object::Function(name, index) => {
                if let Some(overloads) = self.catalog.functions.get_mut(name) {
                    if *index < overloads.len() {
                        overloads.remove(*index);
                    }
                    if overloads.is_empty() {
                        self.catalog.functions.remove(name);
                    }
                }
                Ok(())
            }
        }
    }

    fn if_present(&mut self, table: &Name, change: impl FnOnce(&mut crate::catalog::Relation)) -> Result<()> {
        if self.catalog.relations.contains_key(table) { self.change_relation(table, change) } else { Ok(()) }
    }

    fn remove_relation(&mut self, name: &Name) -> Result<()> {
        let Some(relation) = self.catalog.relations.get(name).cloned() else { return Ok(()) };
        if relation.partition_root().is_some_and(|root| self.catalog.relations.contains_key(root)) {
            self.remove_partition(&relation)?;
        }
        self.catalog.relations.remove(name);
        self.catalog.indexes.retain(|_, table| table != name);
        Arc::make_mut(&mut self.catalog.types).composites.remove(&relation.row_type);
        for publication in self.catalog.publications.values_mut() {
            publication.tables.remove(name);
        }
        let owned: Vec<Name> = self
            .catalog
            .sequences
            .values()
            .filter(|sequence| sequence.owned_by.as_ref().is_some_and(|(table, _)| table == name))
            .map(|sequence| sequence.name.clone())
            .collect();
        for sequence in owned {
            self.remove_sequence(&sequence);
        }
        if !matches!(relation.kind, RelationKind::View { .. }) {
            self.run(format!("DROP TABLE {}", quoted(name)));
            self.act(Action::TableChanged(name.clone()));
        }
        Ok(())
    }

    pub(super) fn remove_sequence(&mut self, name: &Name) {
        if self.catalog.sequences.remove(name).is_some() {
            self.act(Action::DropSequence(name.clone()));
        }
    }

    fn remove_index(&mut self, name: &Name) -> Result<()> {
        let Some(table) = self.catalog.indexes.remove(name) else { return Ok(()) };
        if !self.catalog.relations.contains_key(&table) {
            return Ok(());
        }
        let reshape = self.begin_reshape(&table)?;
        self.change_relation(&table, |relation| relation.indexes.retain(|index| index.name != name.name))?;
        self.finish_reshape(&reshape)
    }

    fn drop_schemas(&mut self, statement: &DropStmt) -> Result<()> {
        for node in &statement.objects {
            let name = string(node).unwrap_or_default();
            if !self.catalog.schemas.contains_key(&name) {
                let words = format!("schema \"{name}\" does not exist");
                if !statement.missing_ok {
                    return Err(Problem::new("3F000", words));
                }
                self.notice(format!("{words}, skipping"));
                continue;
            }
            let within = objects_in(&self.catalog, &name);
            if !within.is_empty() && !cascade(statement.behavior) {
                let details: Vec<String> = within
                    .iter()
                    .map(|object| format!("{} depends on schema {name}", self.describe_object(object)))
                    .collect();
                return Err(Problem::new(
                    "2BP01",
                    format!("cannot drop schema {name} because other objects depend on it"),
                )
                .with_details(details.join("\n"))
                .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
            }
            self.drop_objects(within, true)?;
            self.catalog.schemas.remove(&name);
        }
        Ok(())
    }

    fn drop_extensions(&mut self, statement: &DropStmt) -> Result<()> {
        for node in &statement.objects {
            let name = strings(std::slice::from_ref(node)).pop().unwrap_or_default();
            if self.catalog.extensions.remove(&name).is_none() {
                let words = format!("extension \"{name}\" does not exist");
                if !statement.missing_ok {
                    return Err(Problem::new("42704", words));
                }
                self.notice(format!("{words}, skipping"));
            }
        }
        Ok(())
    }
}

/// All that lies in a schema.
fn objects_in(catalog: &Catalog, schema: &str) -> Vec<Object> {
    let within = |name: &&Name| name.schema == schema;
    let mut all: Vec<Object> =
        catalog.relations.keys().filter(within).cloned().map(Object::Relation).collect();
    let free = |name: &&Name| {
        within(name)
            && catalog.sequences.get(*name).is_some_and(|sequence| {
                sequence.owned_by.as_ref().is_none_or(|(table, _)| table.schema != schema)
            })
    };
    all.extend(catalog.sequences.keys().filter(free).cloned().map(Object::Sequence));
    all.extend(catalog.type_names.keys().filter(within).cloned().map(Object::Type));
    all.extend(catalog.domains.keys().filter(within).cloned().map(Object::Domain));
    for (name, overloads) in catalog.functions.iter().filter(|(name, _)| name.schema == schema) {
        all.extend((0..overloads.len()).map(|index| Object::Function(name.clone(), index)));
    }
    all
}

fn is_part(object: &Object, whole: &Object) -> bool {
    let table = match object {
        Object::Column(table, _)
        | Object::Default(table, _)
        | Object::Constraint(table, _)
        | Object::Policy(table, _)
        | Object::Trigger(table, _) => table,
        _ => return false,
    };
    matches!(whole, Object::Relation(name) if name == table)
}

fn is_missing(problem: &Problem) -> bool {
    matches!(problem.code(), "42P01" | "42704" | "42883" | "3F000")
}
