//! GROUP BY: its keys, the columns that depend on them, and what may stand beside them.

use super::bound::{Bound, Form};
use super::errors::{Located, grouping};
use super::ordering::OrderKey;
use super::query::Target;
use super::scope::Binder;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::protobuf::SelectStmt;
use pg_query::{Node, NodeEnum};

impl Binder<'_> {
    /// GROUP BY: columns of FROM first, then output names, then ordinals.
    pub(super) fn group_by(&mut self, select: &SelectStmt) -> Result<Vec<Bound>> {
        let mut keys = Vec::new();
        let mut nulls = Vec::new();
        for node in std::mem::take(&mut self.scope().null_groups) {
            self.group_key(&node, select, &mut nulls)?;
        }
        for node in &select.group_clause {
            let node = match &node.node {
                Some(NodeEnum::GroupingSet(set)) if set.content.is_empty() => continue,
                _ => node,
            };
            self.group_key(node, select, &mut keys)?;
        }
        let keep = |key: &Bound| keys.iter().all(|kept: &Bound| kept.sql != key.sql);
        let null_keys: Vec<String> =
            nulls.iter().filter(|key| keep(key)).map(|key| key.sql.clone()).collect();
        self.scope().group_keys =
            keys.iter().map(|key| key.sql.clone()).chain(null_keys.iter().cloned()).collect();
        self.scope().null_keys = null_keys;
        self.add_functional_dependencies(&keys);
        Ok(keys)
    }

    fn group_key(&mut self, node: &Node, select: &SelectStmt, keys: &mut Vec<Bound>) -> Result<()> {
        if let Some(NodeEnum::RowExpr(row)) = &node.node {
            for node in &row.args {
                self.group_key(node, select, keys)?;
            }
            return Ok(());
        }
        let bound = self.clause_item(node, &select.target_list, "GROUP BY", true)?;
        let bound = self.settle(bound)?;
        if let Form::Row { fields, .. } = &bound.form {
            keys.extend(fields.iter().map(|(_, bound)| bound.clone()));
            return Ok(());
        }
        if bound.aggregate {
            return Err(grouping("aggregate functions are not allowed in GROUP BY").placed(bound.place));
        }
        has_equality(self, &bound)?;
        keys.push(bound);
        Ok(())
    }

    /// Where a table's whole primary key is grouped by, its other columns are known too.
    fn add_functional_dependencies(&mut self, keys: &[Bound]) {
        let scope = self.scope();
        let id = scope.id;
        let mut more = Vec::new();
        for (index, source) in scope.sources.iter().enumerate() {
            let Some(primary) = source.relation.as_ref().and_then(|relation| relation.primary_key()) else {
                continue;
            };
            let grouped = primary.iter().all(|name| {
                keys.iter().any(|key| {
                    key.is_column()
                        && key.uses.iter().any(|used| {
                            used.scope == id
                                && used.source == index
                                && source.columns.get(used.column).is_some_and(|column| column.name == *name)
                        })
                })
            });
            if grouped {
                more.extend(source.columns.iter().map(|column| column.sql.clone()));
            }
        }
        scope.group_keys.extend(more);
    }

    pub(super) fn check_grouping(
        &mut self,
        groups: &[Bound],
        targets: &[Target],
        having: Option<&Bound>,
        keys: &[OrderKey],
        more: &[Bound],
    ) -> Result<bool> {
        let parts = || {
            let keys = keys.iter().map(|key| &key.bound);
            targets.iter().map(|target| &target.bound).chain(having).chain(keys).chain(more)
        };
        let grouped = !groups.is_empty() || having.is_some() || parts().any(|bound| bound.aggregate);
        if !grouped {
            return Ok(false);
        }
        let scope = self.scope();
        let id = scope.id;
        for bound in parts() {
            let own = |used: &&super::bound::Use| used.scope == id && !scope.is_row_function(used.source);
            let Some(used) = bound.uses.iter().find(own) else { continue };
            let Some(source) = scope.sources.get(used.source) else { continue };
            let Some(column) = source.columns.get(used.column) else { continue };
            if scope.group_keys.contains(&column.sql) {
                continue;
            }
            return Err(grouping(format!(
                "column \"{}.{}\" must appear in the GROUP BY clause or be used in an aggregate function",
                source.alias, column.name
            ))
            .placed(used.place));
        }
        Ok(true)
    }
}

/// Types that PostgreSQL cannot tell equal.
pub(super) fn has_equality(binder: &Binder<'_>, bound: &Bound) -> Result<()> {
    match &bound.ty.ty {
        Type::Json => Err(Problem::new(
            "42883",
            format!("could not identify an equality operator for type {}", binder.type_name(&bound.ty.ty)),
        )
        .placed(bound.place)),
        _ => Ok(()),
    }
}
