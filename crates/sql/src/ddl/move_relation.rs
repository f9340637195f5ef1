//! A table or view gets another name or schema: the texts that mention it, what points at it, and what lives beside it.

use super::Draft;
use super::physical::quoted;
use super::scope::{Mention, string_node};
use super::texts::Part;
use crate::catalog::{ConstraintKind, Name, Relation, RelationKind};
use crate::plan::Action;
use mainstay_base::Result;
use pg_query::protobuf::{Alias, RangeVar};

impl Draft<'_> {
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
        self.refresh_partitions(&*self.existing(to)?);
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
}

/// Columns keep meaning what they did: the old name stays as the alias.
fn rename_range(range: &mut RangeVar, to: &Name) {
    if range.alias.is_none() && range.relname != to.name {
        range.alias = Some(Alias { aliasname: range.relname.clone(), colnames: Vec::new() });
    }
    range.relname.clone_from(&to.name);
    range.schemaname = if to.schema == "public" { String::new() } else { to.schema.clone() };
}
