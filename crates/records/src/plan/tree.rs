//! The tree of a request with every embed found: what it joins with, and the `FROM … WHERE …` that gives its rows.

use super::field::{Scope, Table};
use super::{Builder, qualified, quoted};
use crate::problems;
use crate::query::{Embed, Join, Query, SelectItem};
use crate::relationships::{Cardinality, ColumnPairs, Relationship};
use mainstay_base::Result;
use mainstay_sql::Name;

/// A relation with what is asked of it.
pub(crate) struct Node<'q> {
    pub(crate) scope: Scope,
    pub(crate) query: &'q Query,
    /// In the order of the embeds in `query.select`.
    pub(crate) embeds: Vec<Child<'q>>,
}

/// An embed within the row of its parent.
pub(crate) struct Child<'q> {
    pub(crate) embed: &'q Embed,
    pub(crate) to_one: bool,
    pub(crate) node: Node<'q>,
    /// `FROM … WHERE …`: its rows for the parent's row. Without order and limit.
    pub(crate) from: String,
}

impl Child<'_> {
    pub(crate) fn output_name(&self) -> &str {
        self.embed.alias.as_deref().unwrap_or(&self.embed.relation)
    }

    pub(crate) fn is_inner(&self) -> bool {
        self.embed.join == Some(Join::Inner)
    }
}

impl<'a> Builder<'a> {
    /// Finds all embeds below a relation. `origin` is the relation whose relationships count; a function that
    /// returns no relation's rows has none.
    pub(crate) fn node<'q>(
        &mut self,
        scope: Scope,
        origin: Option<&Name>,
        query: &'q Query,
        depth: usize,
    ) -> Result<Node<'q>> {
        if depth > self.settings.embed_depth_max {
            return Err(problems::embed_too_deep(self.settings.embed_depth_max));
        }
        let alias = scope.alias.clone();
        let mut embeds = Vec::new();
        for item in &query.select {
            if let SelectItem::Embed(embed) = item {
                embeds.push(self.within(&alias, |builder| builder.child(&scope, origin, embed, depth + 1))?);
            }
        }
        Ok(Node { scope, query, embeds })
    }

    fn child<'q>(
        &mut self,
        parent: &Scope,
        origin: Option<&Name>,
        embed: &'q Embed,
        depth: usize,
    ) -> Result<Child<'q>> {
        let schema = self.schema;
        let origin = origin.cloned().unwrap_or_else(|| Name::new("", parent.alias.as_str()));
        let relationship = schema.relationships.find(&origin, &embed.relation, embed.hint.as_deref())?;
        let foreign = schema.relation(&relationship.foreign.schema, &relationship.foreign.name)?;
        let alias = self.alias(format!("{}_{depth}", foreign.name.name));
        let scope = Scope::relation(alias, foreign.clone());
        let (tables, mut conditions) = self.join(parent, &scope, relationship, depth);
        let node = self.node(scope, Some(&relationship.foreign), &embed.query, depth)?;
        conditions.extend(self.node_conditions(&node)?);
        let from = from_where(&tables, &conditions);
        Ok(Child { embed, to_one: relationship.is_to_one(), node, from })
    }

    /// The tables of an embed and what joins them with the parent's row.
    fn join(
        &mut self,
        parent: &Scope,
        own: &Scope,
        relationship: &Relationship,
        depth: usize,
    ) -> (String, Vec<String>) {
        let table = format!("{} AS {}", qualified(&relationship.foreign), quoted(&own.alias));
        let direct = |columns: &ColumnPairs| -> Vec<String> {
            columns
                .iter()
                .map(|(theirs, ours)| format!("{} = {}", own.column(ours), parent.column(theirs)))
                .collect()
        };
        match &relationship.cardinality {
            Cardinality::OneToMany { columns, .. }
            | Cardinality::ManyToOne { columns, .. }
            | Cardinality::OneToOne { columns, .. } => (table, direct(columns)),
            Cardinality::ManyToMany(junction) => {
                let alias = self.alias(format!("{}_j{depth}", junction.table.name));
                let tables = format!("{table}, {} AS {}", qualified(&junction.table), quoted(&alias));
                let joined = |scope: &Scope, columns: &ColumnPairs| -> Vec<String> {
                    columns
                        .iter()
                        .map(|(column, through)| {
                            format!("{}.{} = {}", quoted(&alias), quoted(through), scope.column(column))
                        })
                        .collect()
                };
                let mut conditions = joined(own, &junction.target);
                conditions.extend(joined(parent, &junction.source));
                (tables, conditions)
            }
            Cardinality::Computed { function, .. } => {
                let row = match (&parent.table, parent.from_cte) {
                    (Table::Relation(relation), true) => {
                        format!("{}::{}", quoted(&parent.alias), qualified(&relation.name))
                    }
                    _ => quoted(&parent.alias),
                };
                (format!("{}({row}) AS {}", qualified(function), quoted(&own.alias)), Vec::new())
            }
        }
    }
}

pub(crate) fn from_where(tables: &str, conditions: &[String]) -> String {
    if conditions.is_empty() {
        format!("FROM {tables}")
    } else {
        format!("FROM {tables} WHERE {}", conditions.join(" AND "))
    }
}
