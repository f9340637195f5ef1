//! What depends on what, read from the catalog's texts when somebody asks.

use super::Draft;
use super::constraint::column_key;
use super::names::lookup;
use super::scope::{Mention, Scoping};
use super::texts::{default_search_path, view_query};
use super::tree::strings;
use crate::catalog::{CastEnd, Catalog, ConstraintKind, Name, Relation, RelationKind};
use crate::parse;
use mainstay_types::{Type, TypeId};
use std::collections::BTreeSet;

/// Something that can be dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    Relation(Name),
    Column(Name, String),
    Default(Name, String),
    Constraint(Name, String),
    Index(Name),
    Policy(Name, String),
    Trigger(Name, String),
    Sequence(Name),
    Type(Name),
    Domain(Name),
    Cast(CastEnd, CastEnd),
    /// One overload, by its place under the name.
    Function(Name, usize),
}

/// The names that one text mentions.
#[derive(Default)]
pub(super) struct Uses {
    pub relations: BTreeSet<Name>,
    pub columns: BTreeSet<(Name, String)>,
    pub types: BTreeSet<Name>,
    pub functions: BTreeSet<Name>,
}

pub(super) fn uses_of_query(catalog: &Catalog, query: &str) -> Uses {
    let mut uses = Uses::default();
    if let Ok(mut statement) = parse::statement(query) {
        let path = default_search_path();
        let mut hook = |mention: Mention<'_>| uses.add(catalog, mention);
        Scoping::new(catalog, &path, &mut hook).query(&mut statement.node);
    }
    uses
}

pub(super) fn uses_of_expression(catalog: &Catalog, relation: Option<&Name>, text: &str) -> Uses {
    let mut uses = Uses::default();
    if let Ok(mut node) = parse::expression(text) {
        let path = default_search_path();
        let mut hook = |mention: Mention<'_>| uses.add(catalog, mention);
        Scoping::new(catalog, &path, &mut hook).expression(relation, &mut node);
    }
    uses
}

impl Uses {
    fn add(&mut self, catalog: &Catalog, mention: Mention<'_>) {
        let path = default_search_path();
        match mention {
            Mention::Relation { name, .. } => {
                self.relations.insert(name.clone());
            }
            Mention::Column { relation, column, .. } | Mention::Joined { relation, column } => {
                self.columns.insert((relation.clone(), column.to_owned()));
            }
            Mention::Type(name) => {
                let found = lookup(catalog, &path, &strings(&name.names), |catalog, name| {
                    catalog.type_names.contains_key(name) || catalog.domains.contains_key(name)
                });
                self.types.extend(found);
            }
            Mention::Function(name) => {
                let found = lookup(catalog, &path, &strings(name), |catalog, name| {
                    catalog.functions.contains_key(name)
                });
                self.functions.extend(found);
            }
        }
    }
}

impl Draft<'_> {
    /// As PostgreSQL's messages call it.
    pub(super) fn describe_object(&self, object: &Object) -> String {
        match object {
            Object::Relation(name) => match self.catalog.relations.get(name).map(|relation| &relation.kind) {
                Some(RelationKind::View { .. }) if !self.is_partition(name) => format!("view {name}"),
                Some(RelationKind::MaterializedView { .. }) => format!("materialized view {name}"),
                _ => format!("table {name}"),
            },
            Object::Column(table, column) => format!("column {column} of table {table}"),
            Object::Default(table, column) => format!("default value for column {column} of table {table}"),
            Object::Constraint(table, name) => format!("constraint {name} on table {table}"),
            Object::Index(name) => format!("index {name}"),
            Object::Policy(table, name) => format!("policy {name} on table {table}"),
            Object::Trigger(table, name) => format!("trigger {name} on table {table}"),
            Object::Sequence(name) => format!("sequence {name}"),
            Object::Type(name) | Object::Domain(name) => format!("type {name}"),
            Object::Cast(source, target) => self.describe_cast(source, target),
            Object::Function(name, index) => {
                let arguments =
                    self.catalog.functions.get(name).and_then(|all| all.get(*index)).map(|function| {
                        let types = super::function::input_types(function);
                        types.iter().map(|ty| self.catalog.types.type_name(ty)).collect::<Vec<_>>().join(",")
                    });
                format!("function {name}({})", arguments.unwrap_or_default())
            }
        }
    }

    pub(super) fn views_using_column(&self, table: &Name, column: &str) -> Vec<Name> {
        // A partition's columns are its root's.
        let parts = self.catalog.partitions(table).map(|part| &part.name);
        let wanted: Vec<(Name, String)> =
            std::iter::once(table).chain(parts).map(|name| (name.clone(), column.to_owned())).collect();
        self.views(|uses| wanted.iter().any(|column| uses.columns.contains(column)))
    }

    pub(super) fn is_partition(&self, name: &Name) -> bool {
        self.catalog.relations.get(name).is_some_and(|relation| relation.is_partition())
    }

    /// The partitions that go with a table, as its columns do.
    pub(super) fn partitions_of(&self, object: &Object) -> Vec<Object> {
        match object {
            Object::Relation(name) => {
                self.catalog.partitions(name).map(|part| Object::Relation(part.name.clone())).collect()
            }
            _ => Vec::new(),
        }
    }

    fn views(&self, test: impl Fn(&Uses) -> bool) -> Vec<Name> {
        let uses =
            |relation: &Relation| view_query(relation).map(|query| uses_of_query(&self.catalog, query));
        self.catalog
            .relations
            .iter()
            .filter(|(_, relation)| !relation.is_partition())
            .filter(|(_, relation)| uses(relation).is_some_and(|uses| test(&uses)))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The texts of policies, checks, defaults, generated columns and index keys that satisfy the test, as objects.
    fn texts(&self, test: impl Fn(&Uses, &Name) -> bool) -> Vec<Object> {
        let mut found = Vec::new();
        for (name, relation) in &self.catalog.relations {
            let fits = |text: &String| test(&uses_of_expression(&self.catalog, Some(name), text), name);
            for column in &relation.columns {
                if column.default.as_ref().is_some_and(fits) {
                    found.push(Object::Default(name.clone(), column.name.clone()));
                }
                if column.generated.as_ref().is_some_and(fits) {
                    found.push(Object::Column(name.clone(), column.name.clone()));
                }
            }
            for constraint in &relation.constraints {
                if matches!(&constraint.kind, ConstraintKind::Check { expression } if fits(expression)) {
                    found.push(Object::Constraint(name.clone(), constraint.name.clone()));
                }
            }
            for policy in &relation.policies {
                if [&policy.using, &policy.check].into_iter().flatten().any(fits) {
                    found.push(Object::Policy(name.clone(), policy.name.clone()));
                }
            }
            for index in &relation.indexes {
                let expressions = index.keys.iter().filter_map(|key| match &key.key {
                    crate::catalog::KeyKind::Expression(text) => Some(text),
                    crate::catalog::KeyKind::Column(_) => None,
                });
                if expressions.chain(&index.predicate).any(fits) {
                    found.push(Object::Index(Name::new(name.schema.clone(), index.name.clone())));
                }
            }
        }
        found
    }

    fn foreign_keys(&self, test: impl Fn(&Name, &Name, &[String]) -> bool) -> Vec<Object> {
        let mut found = Vec::new();
        for (name, relation) in &self.catalog.relations {
            for constraint in &relation.constraints {
                if let ConstraintKind::ForeignKey { target, target_columns, .. } = &constraint.kind
                    && test(name, target, target_columns)
                {
                    found.push(Object::Constraint(name.clone(), constraint.name.clone()));
                }
            }
        }
        found
    }

    /// What would have to go if the object went, apart from its own parts.
    pub(super) fn dependents(&self, object: &Object) -> Vec<Object> {
        let mut all = match object {
            Object::Relation(name) => self.dependents_of_relation(name),
            Object::Column(table, column) => self.dependents_of_column(table, column),
            Object::Constraint(table, name) => self.dependents_of_constraint(table, name),
            Object::Index(name) => match self.index_constraint(name) {
                Some((table, constraint)) => vec![Object::Constraint(table, constraint)],
                None => Vec::new(),
            },
            Object::Sequence(name) => self.dependents_of_sequence(name),
            Object::Type(name) => self.dependents_of_type(name),
            Object::Domain(name) => self.dependents_of_domain(name),
            Object::Function(name, index) => {
                let mut all = self.casts_by(name, *index);
                all.extend(self.dependents_of_function(name));
                all
            }
            Object::Default(..) | Object::Policy(..) | Object::Trigger(..) | Object::Cast(..) => Vec::new(),
        };
        all.retain(|dependent| dependent != object);
        all.dedup();
        all
    }

    fn dependents_of_relation(&self, name: &Name) -> Vec<Object> {
        let mut all: Vec<Object> = self
            .views(|uses| uses.relations.contains(name))
            .into_iter()
            .filter(|view| view != name)
            .map(Object::Relation)
            .collect();
        let referenced = self.catalog.relations.get(name).and_then(|relation| relation.partition_root());
        let referenced = referenced.unwrap_or(name);
        all.extend(self.foreign_keys(|from, target, _| target == referenced && from != name));
        let foreign_texts = self.texts(|uses, owner| owner != name && uses.relations.contains(name));
        all.extend(foreign_texts);
        if let Some(relation) = self.catalog.relations.get(name) {
            all.extend(self.columns_of_type(relation.row_type, Some(name)));
            all.extend(self.functions_of_type(relation.row_type));
        }
        all
    }

    fn dependents_of_column(&self, table: &Name, column: &str) -> Vec<Object> {
        let mut all: Vec<Object> =
            self.views_using_column(table, column).into_iter().map(Object::Relation).collect();
        all.extend(self.foreign_keys(|from, target, columns| {
            target == table && from != table && columns.iter().any(|other| other == column)
        }));
        let wanted = (table.clone(), column.to_owned());
        let texts = self.texts(|uses, _| uses.columns.contains(&wanted));
        // Checks and indexes of the table itself go with the column; they are its parts.
        all.extend(texts.into_iter().filter(|object| match object {
            Object::Column(..) | Object::Policy(..) => true,
            Object::Constraint(owner, _) | Object::Default(owner, _) => owner != table,
            Object::Index(name) => self.catalog.indexes.get(name) != Some(table),
            _ => false,
        }));
        all.retain(|object| *object != Object::Column(table.clone(), column.to_owned()));
        all
    }

    fn dependents_of_constraint(&self, table: &Name, name: &str) -> Vec<Object> {
        let Some(relation) = self.catalog.relations.get(table) else { return Vec::new() };
        let columns = relation.constraints.iter().find(|other| other.name == name).map(|c| &c.kind);
        let Some(ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns, .. }) = columns
        else {
            return Vec::new();
        };
        let same = |one: &[String], other: &[String]| {
            one.len() == other.len() && one.iter().all(|column| other.contains(column))
        };
        // A second unique index over the same columns keeps the foreign keys alive.
        let another = relation.indexes.iter().any(|index| {
            let keys: Vec<String> = index.keys.iter().filter_map(column_key).cloned().collect();
            index.unique
                && index.predicate.is_none()
                && index.constraint.as_deref() != Some(name)
                && same(&keys, columns)
        });
        if another {
            return Vec::new();
        }
        self.foreign_keys(|_, target, target_columns| target == table && same(target_columns, columns))
    }

    pub(super) fn index_constraint(&self, name: &Name) -> Option<(Name, String)> {
        let table = self.catalog.indexes.get(name)?;
        let relation = self.catalog.relations.get(table)?;
        let index = relation.indexes.iter().find(|index| index.name == name.name)?;
        index.constraint.clone().map(|constraint| (table.clone(), constraint))
    }

    fn dependents_of_sequence(&self, name: &Name) -> Vec<Object> {
        let mut all = Vec::new();
        for (table, relation) in &self.catalog.relations {
            for column in &relation.columns {
                if column.default.as_ref().is_some_and(|text| mentions_sequence(&self.catalog, text, name)) {
                    all.push(Object::Default(table.clone(), column.name.clone()));
                }
            }
        }
        all
    }

    fn columns_of_type(&self, id: TypeId, except: Option<&Name>) -> Vec<Object> {
        let mut all = Vec::new();
        let own = |relation: &Relation| Some(&relation.name) != except && !relation.is_partition();
        for (name, relation) in self.catalog.relations.iter().filter(|(_, relation)| own(relation)) {
            for column in relation.columns.iter().filter(|column| mentions_type(&column.ty.ty, id)) {
                all.push(match relation.kind {
                    RelationKind::Table => Object::Column(name.clone(), column.name.clone()),
                    _ => Object::Relation(name.clone()),
                });
            }
        }
        all
    }

    fn functions_of_type(&self, id: TypeId) -> Vec<Object> {
        let mut all = Vec::new();
        for (name, overloads) in &self.catalog.functions {
            for (index, function) in overloads.iter().enumerate() {
                let used = mentions_type(&function.returns.ty.ty, id)
                    || function.arguments.iter().any(|argument| mentions_type(&argument.ty.ty, id));
                if used {
                    all.push(Object::Function(name.clone(), index));
                }
            }
        }
        all
    }

    fn dependents_of_type(&self, name: &Name) -> Vec<Object> {
        let Some(id) = self.catalog.type_names.get(name).copied() else { return Vec::new() };
        let mut all = self.columns_of_type(id, None);
        all.extend(self.functions_of_type(id));
        for (other, composite) in self.catalog.type_names.iter().filter(|(other, _)| *other != name) {
            let fields = self.catalog.types.composites.get(composite).map(|composite| &composite.fields);
            if fields.is_some_and(|fields| fields.iter().any(|(_, ty)| mentions_type(&ty.ty, id))) {
                all.push(Object::Type(other.clone()));
            }
        }
        for (other, domain) in &self.catalog.domains {
            if mentions_type(&domain.base.ty, id) {
                all.push(Object::Domain(other.clone()));
            }
        }
        all.extend(self.views(|uses| uses.types.contains(name)).into_iter().map(Object::Relation));
        let texts = self.texts(|uses, _| uses.types.contains(name));
        for text in texts {
            // The column itself is listed already when its default merely casts to its type.
            let column = match &text {
                Object::Default(table, column) => Some(Object::Column(table.clone(), column.clone())),
                _ => None,
            };
            if column.is_none_or(|column| !all.contains(&column)) {
                all.push(text);
            }
        }
        all
    }

    fn dependents_of_domain(&self, name: &Name) -> Vec<Object> {
        let mut all = Vec::new();
        for (table, relation) in self.catalog.relations.iter().filter(|(_, one)| !one.is_partition()) {
            for column in relation.columns.iter().filter(|column| column.domain.as_ref() == Some(name)) {
                all.push(match relation.kind {
                    RelationKind::Table => Object::Column(table.clone(), column.name.clone()),
                    _ => Object::Relation(table.clone()),
                });
            }
        }
        let end = CastEnd::Domain(name.clone());
        all.extend(self.casts(|cast| cast.source == end || cast.target == end));
        all.extend(self.functions_of_domain(name));
        all.extend(self.views(|uses| uses.types.contains(name)).into_iter().map(Object::Relation));
        all
    }

    fn dependents_of_function(&self, name: &Name) -> Vec<Object> {
        // Overloads are told apart by types, which texts alone do not show: with more than one, none is held back.
        if self.catalog.functions.get(name).is_none_or(|overloads| overloads.len() != 1) {
            return Vec::new();
        }
        let mut all: Vec<Object> =
            self.views(|uses| uses.functions.contains(name)).into_iter().map(Object::Relation).collect();
        all.extend(self.texts(|uses, _| uses.functions.contains(name)));
        for (table, relation) in &self.catalog.relations {
            for trigger in relation.triggers.iter().filter(|trigger| trigger.function == *name) {
                all.push(Object::Trigger(table.clone(), trigger.name.clone()));
            }
        }
        all
    }
}

pub(super) fn mentions_type(ty: &Type, id: TypeId) -> bool {
    match ty {
        Type::Enum(other) | Type::Composite(other) => *other == id,
        Type::Array(element) => mentions_type(element, id),
        _ => false,
    }
}

/// Whether a default takes its value from the sequence.
fn mentions_sequence(catalog: &Catalog, text: &str, sequence: &Name) -> bool {
    if !text.contains("nextval") {
        return false;
    }
    let Ok(mut node) = parse::expression(text) else { return false };
    let Some(node) = &mut node.node else { return false };
    let mut found = false;
    parse::for_each_node(node, &mut |visit| {
        if let parse::Visit::Node(pg_query::NodeEnum::FuncCall(call)) = visit
            && strings(&call.funcname).last().is_some_and(|name| name == "nextval")
            && let Some(argument) = call.args.first().and_then(super::tree::string)
        {
            let path = default_search_path();
            let parts = super::sequence::parts(&argument);
            found |= lookup(catalog, &path, &parts, |catalog, name| catalog.sequences.contains_key(name))
                .as_ref()
                == Some(sequence);
        }
    });
    found
}
