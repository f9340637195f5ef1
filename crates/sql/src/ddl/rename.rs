//! `ALTER … RENAME` and `ALTER … SET SCHEMA`: the texts that mention the old name are written anew.

use super::Draft;
use super::physical::quoted;
use super::scope::{Mention, string_node};
use super::texts::Part;
use super::tree::{at, dotted, range_parts, required, string, strings};
use crate::catalog::{ConstraintKind, KeyKind, Name, Relation, RelationKind, quote_identifier};
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use pg_query::protobuf::{Alias, AlterObjectSchemaStmt, ObjectType, RangeVar, RenameStmt};
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

    /// Gives a relation a new name or schema.
    pub(super) fn move_relation(&mut self, from: &Name, to: &Name) -> Result<()> {
        self.require_free(to)?;
        let relation = self.existing(from)?;
        // A name that differs from its own old one only in case is no clash.
        if !to.to_string().eq_ignore_ascii_case(&from.to_string()) {
            self.require_storable(to)?;
        }
        self.rename_mentions_of_relation(from, to)?;
        let mut renamed = (*self.existing(from)?).clone();
        self.catalog.relations.remove(from);
        renamed.name = to.clone();
        for table in self.catalog.indexes.values_mut().filter(|table| *table == from) {
            *table = to.clone();
        }
        self.put_relation(renamed);
        self.retarget(from, to)?;
        if !matches!(relation.kind, RelationKind::View { .. }) {
            self.run(format!("ALTER TABLE {} RENAME TO {}", quoted(from), quoted(to)));
            self.act(Action::TableChanged(from.clone()));
            self.act(Action::TableChanged(to.clone()));
        }
        if from.schema != to.schema {
            self.move_indexes(&relation, from, to)?;
        }
        Ok(())
    }

    fn rename_mentions_of_relation(&mut self, from: &Name, to: &Name) -> Result<()> {
        self.rewrite_texts(&mut |owner, mention| match mention {
            Mention::Relation { range, name } if name == from => rename_range(range, to),
            // In a table's own expressions its name stands for its row.
            Mention::Column { fields, relation, .. }
                if relation == from
                    && owner.relation == from
                    && owner.part != Part::Query
                    && fields.len() > 1 =>
            {
                let column = fields.pop();
                *fields = vec![string_node(&to.name)];
                fields.extend(column);
            }
            _ => {}
        })
    }

    /// Foreign keys, owners of sequences, publications and grants that point at a relation.
    fn retarget(&mut self, from: &Name, to: &Name) -> Result<()> {
        let names: Vec<Name> = self.catalog.relations.keys().cloned().collect();
        for name in names {
            let relation = self.existing(&name)?;
            let points = |constraint: &crate::catalog::Constraint| matches!(&constraint.kind, ConstraintKind::ForeignKey { target, .. } if target == from);
            let originates = relation.origins.iter().flatten().any(|(table, _)| table == from);
            let updates =
                matches!(&relation.kind, RelationKind::View { updatable: Some(base), .. } if base == from);
            if !relation.constraints.iter().any(points) && !originates && !updates {
                continue;
            }
            self.change_relation(&name, |relation| {
                for constraint in &mut relation.constraints {
                    if let ConstraintKind::ForeignKey { target, .. } = &mut constraint.kind
                        && target == from
                    {
                        *target = to.clone();
                    }
                }
                for (table, _) in relation.origins.iter_mut().flatten().filter(|(table, _)| table == from) {
                    *table = to.clone();
                }
                if let RelationKind::View { updatable: Some(base), .. } = &mut relation.kind
                    && base == from
                {
                    *base = to.clone();
                }
            })?;
        }
        for sequence in self.catalog.sequences.values_mut() {
            if let Some((table, _)) = &mut sequence.owned_by
                && table == from
            {
                *table = to.clone();
            }
        }
        for publication in self.catalog.publications.values_mut() {
            if publication.tables.remove(from) {
                publication.tables.insert(to.clone());
            }
        }
        for name in self.catalog.grants.iter_mut().flat_map(|grant| grant.names.iter_mut()) {
            if name == from {
                *name = to.clone();
            }
        }
        Ok(())
    }

    /// Indexes live in their table's schema.
    fn move_indexes(&mut self, relation: &Relation, from: &Name, to: &Name) -> Result<()> {
        for index in &relation.indexes {
            let old = Name::new(from.schema.clone(), index.name.clone());
            let new = Name::new(to.schema.clone(), index.name.clone());
            self.catalog.indexes.remove(&old);
            self.require_free(&new)?;
            self.catalog.indexes.insert(new.clone(), to.clone());
            let moved = self.existing(to)?;
            if let Some(sql) = self.index_sql(&moved, index)? {
                self.run(format!("DROP INDEX {}", quoted(&old)));
                self.run(sql);
            }
        }
        let owned: Vec<Name> = self
            .catalog
            .sequences
            .values()
            .filter(|sequence| sequence.owned_by.as_ref().is_some_and(|(table, _)| table == to))
            .map(|sequence| sequence.name.clone())
            .collect();
        for sequence in owned {
            let target = Name::new(to.schema.clone(), sequence.name.clone());
            self.move_sequence(&sequence, &target)?;
        }
        Ok(())
    }

    fn rename_column(&mut self, statement: &RenameStmt) -> Result<()> {
        let range = required(statement.relation.as_ref())?;
        let relation = self.relation(range)?;
        let (table, from, to) = (relation.name.clone(), &statement.subname, &statement.newname);
        if relation.column(from).is_none() {
            return Err(Problem::new("42703", format!("column \"{from}\" does not exist")));
        }
        let clash = relation.columns.iter().find(|column| {
            column.name != *from && column.name.eq_ignore_ascii_case(to) || column.name == *to
        });
        if let Some(other) = clash {
            if other.name != *to {
                return Err(Problem::needs_postgres(format!(
                    "a second column that differs only in case (\"{to}\" beside \"{}\")",
                    other.name
                )));
            }
            return Err(Problem::new(
                "42701",
                format!("column \"{to}\" of relation \"{}\" already exists", relation.name.name),
            ));
        }
        if super::table::is_system_column(to) {
            return Err(Problem::new(
                "42701",
                format!("column name \"{to}\" conflicts with a system column name"),
            ));
        }
        self.rename_mentions_of_column(&table, from, to)?;
        self.change_relation(&table, |relation| rename_in_relation(relation, from, to))?;
        self.rename_column_targets(&table, from, to)?;
        match relation.kind {
            RelationKind::View { .. } => self.rename_view_output(&table, &relation, from, to),
            _ => {
                let sql = format!(
                    "ALTER TABLE {} RENAME COLUMN {} TO {}",
                    quoted(&table),
                    quote_identifier(from),
                    quote_identifier(to)
                );
                self.run(sql);
                self.act(Action::TableChanged(table));
                Ok(())
            }
        }
    }

    fn rename_mentions_of_column(&mut self, table: &Name, from: &str, to: &str) -> Result<()> {
        let mut joined = None;
        self.rewrite_texts(&mut |owner, mention| match mention {
            Mention::Column { fields, relation, column } if relation == table && column == from => {
                fields.pop();
                fields.push(string_node(to));
            }
            Mention::Joined { relation, column } if relation == table && column == from => {
                joined = Some(owner.relation.clone());
            }
            _ => {}
        })?;
        match joined {
            Some(view) => Err(Problem::needs_postgres(format!(
                "renaming a column that {view} joins on with USING or NATURAL"
            ))
            .with_hint("write the join with ON first")),
            None => Ok(()),
        }
    }

    /// Foreign keys, origins and sequences that name the column from elsewhere.
    fn rename_column_targets(&mut self, table: &Name, from: &str, to: &str) -> Result<()> {
        let names: Vec<Name> = self.catalog.relations.keys().cloned().collect();
        for name in names {
            let mut relation = (*self.existing(&name)?).clone();
            let mut changed = false;
            for constraint in &mut relation.constraints {
                if let ConstraintKind::ForeignKey { target, target_columns, .. } = &mut constraint.kind
                    && target == table
                {
                    changed |= rename_in(target_columns, from, to);
                }
            }
            for (origin, column) in relation.origins.iter_mut().flatten() {
                if origin == table && column == from {
                    to.clone_into(column);
                    changed = true;
                }
            }
            if changed {
                self.catalog.relations.insert(name, Arc::new(relation));
            }
        }
        for sequence in self.catalog.sequences.values_mut() {
            if let Some((owner, column)) = &mut sequence.owned_by
                && owner == table
                && column == from
            {
                to.clone_into(column);
            }
        }
        Ok(())
    }

    /// The output of a view gets a new name: its query says so from now on.
    fn rename_view_output(&mut self, view: &Name, before: &Relation, from: &str, to: &str) -> Result<()> {
        let index = before.columns.iter().position(|column| column.name == from);
        let Some(query) = super::texts::view_query(before) else { return Ok(()) };
        let mut statement = crate::parse::statement(query).map_err(super::tree::unplaced)?;
        let renamed = index.is_some_and(|index| super::view::name_output(&mut statement.node, index, to));
        if !renamed {
            return Err(Problem::needs_postgres("renaming this view's column"));
        }
        let text = crate::parse::deparse_statement(&statement.node)?;
        self.change_relation(view, |relation| {
            if let RelationKind::View { query, .. } = &mut relation.kind {
                *query = text;
            }
        })
    }

    fn rename_attribute(&mut self, statement: &RenameStmt) -> Result<()> {
        let range = required(statement.relation.as_ref())?;
        let (name, id) = self.composite(&range_parts(range))?;
        let (from, to) = (&statement.subname, &statement.newname);
        let missing = || {
            Problem::new("42703", format!("column \"{from}\" of relation \"{}\" does not exist", name.name))
        };
        let types = Arc::make_mut(&mut self.catalog.types);
        let fields =
            types.composites.get_mut(&id).map(|composite| &mut composite.fields).ok_or_else(missing)?;
        let field = fields.iter_mut().find(|(field, _)| field == from).ok_or_else(missing)?;
        field.0.clone_from(to);
        Ok(())
    }

    fn rename_constraint(&mut self, statement: &RenameStmt) -> Result<()> {
        let relation = self.table(required(statement.relation.as_ref())?)?;
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

    fn move_sequence(&mut self, from: &Name, to: &Name) -> Result<()> {
        self.require_free(to)?;
        let users = self.dependents(&super::depend::Object::Sequence(from.clone()));
        let Some(mut sequence) = self.catalog.sequences.remove(from) else { return Ok(()) };
        sequence.name = to.clone();
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

    fn move_type(&mut self, from: &Name, to: &Name) -> Result<()> {
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

    pub(super) fn set_schema(&mut self, statement: &AlterObjectSchemaStmt) -> Result<()> {
        let kind = ObjectType::try_from(statement.object_type).unwrap_or(ObjectType::Undefined);
        let result = self.set_schema_of(kind, statement);
        match result {
            Err(problem) if statement.missing_ok && matches!(problem.code(), "42P01" | "42704") => {
                self.notice(format!("{}, skipping", problem.message()));
                Ok(())
            }
            other => other,
        }
    }

    fn set_schema_of(&mut self, kind: ObjectType, statement: &AlterObjectSchemaStmt) -> Result<()> {
        let schema = &statement.newschema;
        self.require_schema(schema)?;
        let moved = |name: &Name| Name::new(schema.clone(), name.name.clone());
        match kind {
            ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview => {
                let relation = self.relation(required(statement.relation.as_ref())?)?;
                self.move_relation(&relation.name, &moved(&relation.name))
            }
            ObjectType::ObjectSequence => {
                let parts = range_parts(required(statement.relation.as_ref())?);
                let from = self.find_sequence(&parts).ok_or_else(|| {
                    Problem::new("42P01", format!("relation \"{}\" does not exist", parts.join(".")))
                })?;
                self.move_sequence(&from, &moved(&from))
            }
            ObjectType::ObjectType | ObjectType::ObjectDomain => {
                let parts = statement.object.as_deref().map(dotted).unwrap_or_default();
                let from = self.user_type_name(&parts).ok_or_else(|| {
                    Problem::new("42704", format!("type \"{}\" does not exist", parts.join(".")))
                })?;
                self.move_type(&from, &moved(&from))
            }
            ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => {
                let Some(pg_query::NodeEnum::ObjectWithArgs(function)) =
                    statement.object.as_ref().and_then(|node| node.node.as_ref())
                else {
                    return Err(Problem::internal("ALTER FUNCTION without a function"));
                };
                let (from, index) = self.find_function(function, kind)?;
                self.move_function(&from, index, &moved(&from))
            }
            ObjectType::ObjectExtension => {
                let name = statement.object.as_deref().and_then(string).unwrap_or_default();
                match self.catalog.extensions.get_mut(&name) {
                    Some(extension) => {
                        extension.schema.clone_from(schema);
                        Ok(())
                    }
                    None => Err(Problem::new("42704", format!("extension \"{name}\" does not exist"))),
                }
            }
            other => {
                Err(Problem::needs_postgres(format!("SET SCHEMA of {}", super::comment::object_words(other))))
            }
        }
    }
}

/// Columns keep meaning what they did: the old name stays as the alias.
fn rename_range(range: &mut RangeVar, to: &Name) {
    if range.alias.is_none() && range.relname != to.name {
        range.alias = Some(Alias { aliasname: range.relname.clone(), colnames: Vec::new() });
    }
    range.relname.clone_from(&to.name);
    range.schemaname = if to.schema == "public" { String::new() } else { to.schema.clone() };
}

pub(super) fn qualified(name: &Name, qualify: bool) -> Vec<pg_query::protobuf::Node> {
    let mut parts = Vec::new();
    if qualify || name.schema != "public" {
        parts.push(string_node(&name.schema));
    }
    parts.push(string_node(&name.name));
    parts
}

fn rename_in(columns: &mut [String], from: &str, to: &str) -> bool {
    let mut changed = false;
    for column in columns.iter_mut().filter(|column| *column == from) {
        to.clone_into(column);
        changed = true;
    }
    changed
}

fn rename_in_relation(relation: &mut Relation, from: &str, to: &str) {
    for column in relation.columns.iter_mut().filter(|column| column.name == from) {
        to.clone_into(&mut column.name);
    }
    for constraint in &mut relation.constraints {
        match &mut constraint.kind {
            ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns, .. } => {
                rename_in(columns, from, to);
            }
            ConstraintKind::ForeignKey { columns, set_columns, .. } => {
                rename_in(columns, from, to);
                rename_in(set_columns, from, to);
            }
            ConstraintKind::Check { .. } => {}
        }
    }
    for index in &mut relation.indexes {
        rename_in(&mut index.include, from, to);
        for key in &mut index.keys {
            if let KeyKind::Column(column) = &mut key.key
                && column == from
            {
                to.clone_into(column);
            }
        }
    }
}
