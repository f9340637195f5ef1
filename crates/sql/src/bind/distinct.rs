//! `DISTINCT ON`: the first row of each group, found by numbering.

use super::bound::{Bound, quote};
use super::errors::Located;
use super::ordering::OrderKey;
use super::query::{Core, Query, Target};
use super::scope::{Binder, Clause};
use mainstay_base::{Problem, Result};
use pg_query::Node;
use pg_query::protobuf::SelectStmt;

/// Plain DISTINCT is a list of one empty node.
pub(super) fn is_distinct_on(clause: &[Node]) -> bool {
    clause.iter().any(|node| node.node.is_some())
}

impl Binder<'_> {
    pub fn distinct_on(&mut self, query: &mut Query, select: &SelectStmt, keys: Vec<OrderKey>) -> Result<()> {
        query.settle(self)?;
        let mut on = Vec::new();
        for node in &select.distinct_clause {
            let bound = self.within(Clause::OrderBy, |binder| {
                binder.clause_item(node, &select.target_list, "SELECT DISTINCT ON", false)
            })?;
            on.push(self.settle(bound)?);
        }
        for key in keys.iter().take(on.len()) {
            if !on.iter().any(|bound| bound.sql == key.bound.sql) {
                return Err(Problem::new(
                    "42P10",
                    "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
                )
                .placed(key.bound.place));
            }
        }
        let Core::Select { targets, tail, .. } = &query.core else { return Ok(()) };
        let mut list = Vec::new();
        let mut outer = Vec::new();
        let emit = "picked";
        for (index, target) in targets.iter().enumerate() {
            list.push(format!("{} AS \"c{index}\"", target.bound.sql));
            let mut bound = Bound::plain(format!("{}.\"c{index}\"", quote(emit)), target.bound.ty.clone());
            bound.nullable = target.bound.nullable;
            bound.collation = target.bound.collation.clone();
            bound.form = target.bound.form.clone();
            if !matches!(bound.form, super::bound::Form::Column { .. }) {
                bound.form = super::bound::Form::Plain;
            }
            outer.push(Target { name: target.name.clone(), bound });
        }
        let mut order = Vec::new();
        let mut outer_order = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            order.push(format!("{}{}", key.bound.collated(), key.direction));
            let mut bound = Bound::plain(format!("{}.\"k{index}\"", quote(emit)), key.bound.ty.clone());
            bound.collation = key.bound.collation.clone();
            list.push(format!("{} AS \"k{index}\"", key.bound.sql));
            outer_order.push(format!("{}{}", bound.collated(), key.direction));
        }
        let partition: Vec<String> = on.iter().map(Bound::collated).collect();
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
        list.push(format!("row_number() OVER (PARTITION BY {}{order}) AS \"n\"", partition.join(", ")));
        let inner = format!("SELECT {}{tail}", list.join(", "));
        let tail = format!(" FROM ({inner}) AS {0} WHERE {0}.\"n\" = 1", quote(emit));
        query.core = Core::Select { distinct: false, targets: outer, tail, has_where: true };
        query.order = if outer_order.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {}", outer_order.join(", "))
        };
        Ok(())
    }
}
