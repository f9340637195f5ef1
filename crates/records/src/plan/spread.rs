//! `...relation(columns)`: the columns of an embed among those of its parent.

use super::Builder;
use super::select::Item;
use super::tree::Child;
use crate::problems;
use mainstay_base::Result;

impl Builder<'_> {
    /// Of a to-one embed each column is a scalar subquery, and aggregates move to the parent, where they have rows
    /// to work on. Of a to-many embed each column is an array.
    pub(crate) fn spread(&mut self, child: &Child<'_>) -> Result<Vec<Item>> {
        let items = self.items(&child.node)?;
        if child.to_one { Ok(scalars(child, items)) } else { self.arrays(child, items) }
    }

    fn arrays(&mut self, child: &Child<'_>, items: Vec<Item>) -> Result<Vec<Item>> {
        if items.iter().any(|item| item.aggregate.is_some()) {
            return Err(problems::not_implemented(
                "Aggregates are not implemented for one-to-many or many-to-many spreads.",
            ));
        }
        let order = self.order_clause(&child.node)?;
        let limits = self.limits(&child.node, false);
        Ok(items
            .into_iter()
            .map(|item| {
                let rows = format!("SELECT {} AS \"v\" {}{order}{limits}", item.sql, child.from);
                let sql = format!("(SELECT COALESCE(json_agg(\"_e\".\"v\"), '[]') FROM ({rows}) AS \"_e\")");
                Item { sql, is_json: true, ..item }
            })
            .collect())
    }
}

fn scalars(child: &Child<'_>, items: Vec<Item>) -> Vec<Item> {
    items
        .into_iter()
        .map(|item| {
            // `count()` of a spread counts the rows of the parent that have one.
            let value = if item.sql == "*" { "1" } else { item.sql.as_str() };
            let sql = format!("(SELECT {value} {} LIMIT 1)", child.from);
            Item { sql, ..item }
        })
        .collect()
}
