//! Tables and views as `Row`, `Insert`, `Update` and `Relationships`.

use super::collate;
use super::functions::{Callable, computed_columns, names};
use super::layout::{Member, Node, block_or_never, member, optional};
use super::types::Types;
use mainstay_records::Reference;
use mainstay_sql::Name;
use mainstay_sql::catalog::{Column, Identity, Relation, RelationKind};

/// What the relations of one schema are made from.
pub(super) struct Parts<'c, 'a> {
    pub types: &'c Types<'a>,
    pub functions: &'c [(&'a Name, Vec<Callable<'a>>)],
    pub references: &'c [Reference],
}

/// The columns in the order of their names, each with its place.
fn columns(relation: &Relation) -> Vec<(usize, &Column)> {
    let mut all: Vec<(usize, &Column)> = relation.columns.iter().enumerate().collect();
    all.sort_by(|(_, left), (_, right)| collate(&left.name, &right.name));
    all
}

/// A view says of none of its columns that it is never null.
fn is_nullable(relation: &Relation, column: &Column) -> bool {
    !relation.is_table() || !column.not_null
}

/// A row as a read gives it.
pub(super) fn row_members(types: &Types<'_>, relation: &Relation) -> Vec<Member> {
    columns(relation)
        .into_iter()
        .map(|(_, column)| {
            let node = types.node(&column.ty.ty).or_null(is_nullable(relation, column));
            member(&column.name, node)
        })
        .collect()
}

impl Parts<'_, '_> {
    pub fn tables(&self, schema: &str) -> Node {
        self.relations(schema, true)
    }

    pub fn views(&self, schema: &str) -> Node {
        self.relations(schema, false)
    }

    fn relations(&self, schema: &str, tables: bool) -> Node {
        let mut found: Vec<&Relation> = self
            .types
            .catalog
            .relations
            .values()
            .map(|relation| &**relation)
            .filter(|relation| relation.name.schema == schema && relation.is_table() == tables)
            .filter(|relation| !relation.is_partition())
            .collect();
        found.sort_by(|left, right| collate(&left.name.name, &right.name.name));
        let members = found.iter().map(|relation| member(&relation.name.name, self.relation(relation)));
        block_or_never(members.collect())
    }

    fn relation(&self, relation: &Relation) -> Node {
        let computed = computed_columns(self.types, &relation.name, self.functions);
        let mut row = row_members(self.types, relation);
        for (name, callable) in &computed {
            row.push(member(name, callable.returned(self.types).or_null(true)));
        }
        let mut members = vec![member("Row", Node::Block(row))];
        if let Some((insert, update)) = self.writes(relation) {
            members.push(member("Insert", Node::Block(insert)));
            members.push(member("Update", Node::Block(update)));
        }
        members.push(member("Relationships", self.relationships(&relation.name)));
        if !computed.is_empty() {
            members.push(optional("ComputedFields", names(&computed)));
        }
        Node::Block(members)
    }

    /// What an insert and an update take; nothing for a view that cannot be written.
    fn writes(&self, relation: &Relation) -> Option<(Vec<Member>, Vec<Member>)> {
        let never = || Node::word("never");
        let (mut insert, mut update) = (Vec::new(), Vec::new());
        for (place, column) in columns(relation) {
            let node = self.types.node(&column.ty.ty).or_null(is_nullable(relation, column));
            let writable = match &relation.kind {
                RelationKind::Table => column.identity != Some(Identity::Always),
                RelationKind::View { updatable: Some(_), .. } => {
                    relation.origins.get(place).is_some_and(Option::is_some)
                }
                _ => return None,
            };
            if !writable {
                insert.push(optional(&column.name, never()));
                update.push(optional(&column.name, never()));
                continue;
            }
            let may_be_absent = is_nullable(relation, column)
                || column.identity.is_some()
                || column.default.is_some()
                || column.generated.is_some();
            insert.push(match may_be_absent {
                true => optional(&column.name, node.clone()),
                false => member(&column.name, node.clone()),
            });
            update.push(optional(&column.name, node));
        }
        Some((insert, update))
    }

    fn relationships(&self, relation: &Name) -> Node {
        let mut own: Vec<&Reference> = self
            .references
            .iter()
            .filter(|reference| reference.table == *relation && reference.foreign.schema == relation.schema)
            .collect();
        own.sort_by(|left, right| {
            collate(&left.constraint, &right.constraint)
                .then_with(|| collate(&left.foreign.name, &right.foreign.name))
                .then_with(|| left.foreign_columns.cmp(&right.foreign_columns))
        });
        Node::Tuple(own.into_iter().map(relationship).collect())
    }
}

fn relationship(reference: &Reference) -> Node {
    let list = |names: &[String]| Node::Tuple(names.iter().map(|name| Node::literal(name)).collect());
    Node::Block(vec![
        member("foreignKeyName", Node::literal(&reference.constraint)),
        member("columns", list(&reference.columns)),
        member("isOneToOne", Node::word(reference.one_to_one.to_string())),
        member("referencedRelation", Node::literal(&reference.foreign.name)),
        member("referencedColumns", list(&reference.foreign_columns)),
    ])
}
