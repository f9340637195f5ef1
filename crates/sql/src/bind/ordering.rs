//! ORDER BY: its keys, their directions, and the text that sorts by them.

use super::bound::{Bound, Carried};
use super::clause_items::{bare_name, node_place, ordinal};
use super::errors::{Located, place, syntax};
use super::query::Target;
use super::scope::Binder;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::protobuf::{SortBy, SortByDir, SortByNulls, a_const};
use pg_query::{Node, NodeEnum};

/// One key of ORDER BY.
#[derive(Clone)]
pub(super) struct OrderKey {
    /// The output column that the key is.
    pub target: Option<usize>,
    pub bound: Bound,
    /// ` DESC NULLS FIRST` and the like.
    pub direction: String,
}

impl Binder<'_> {
    pub fn order_by(&mut self, list: &[Node], targets: &[Target]) -> Result<Vec<OrderKey>> {
        let mut keys = Vec::with_capacity(list.len());
        for node in list {
            let Some(NodeEnum::SortBy(sort)) = &node.node else { continue };
            let Some(value) = sort.node.as_deref() else { continue };
            let (target, bound) = self.order_item(value, targets)?;
            let bound = self.settle(bound)?;
            has_order(self, &bound)?;
            let direction = direction(sort, &bound)?;
            keys.push(OrderKey { target, bound, direction });
        }
        Ok(keys)
    }

    fn order_item(&mut self, node: &Node, targets: &[Target]) -> Result<(Option<usize>, Bound)> {
        let at = node_place(node);
        if let Some(number) = ordinal(node) {
            let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            let found =
                index.and_then(|index| targets.get(index).map(|target| (Some(index), target.bound.clone())));
            return found.ok_or_else(|| {
                Problem::new("42P10", format!("ORDER BY position {number} is not in select list")).placed(at)
            });
        }
        if let Some(NodeEnum::AConst(constant)) = &node.node
            && !matches!(constant.val, Some(a_const::Val::Ival(_)))
        {
            return Err(syntax("non-integer constant in ORDER BY").placed(at));
        }
        if let Some(name) = bare_name(node) {
            let mut found = targets.iter().enumerate().filter(|(_, target)| target.name == name);
            if let Some((index, target)) = found.next() {
                if found.any(|(_, other)| other.bound.sql != target.bound.sql) {
                    return Err(Problem::new("42702", format!("ORDER BY \"{name}\" is ambiguous")).placed(at));
                }
                return Ok((Some(index), target.bound.clone().at(at)));
            }
        }
        let bound = self.expr(node)?;
        let same = targets.iter().position(|target| target.bound.sql == bound.sql && !bound.is_constant());
        Ok((same, bound))
    }
}

pub(super) fn has_order(binder: &Binder<'_>, bound: &Bound) -> Result<()> {
    match &bound.ty.ty {
        Type::Json => Err(Problem::new(
            "42883",
            format!("could not identify an ordering operator for type {}", binder.type_name(&bound.ty.ty)),
        )
        .with_hint("Use an explicit ordering operator or modify the query.")
        .placed(bound.place)),
        _ => Ok(()),
    }
}

/// Direction and place of NULLs, written only where SQLite's own are not PostgreSQL's.
pub(super) fn direction(sort: &SortBy, bound: &Bound) -> Result<String> {
    let descending = match sort.sortby_dir() {
        SortByDir::SortbyDesc => true,
        SortByDir::SortbyUsing => match super::types::strings(&sort.use_op).last().copied() {
            Some("<") => false,
            Some(">") => true,
            other => {
                return Err(Problem::new(
                    "42809",
                    format!("operator {} is not a valid ordering operator", other.unwrap_or_default()),
                )
                .placed(place(sort.location)));
            }
        },
        _ => false,
    };
    let nulls_first = match sort.sortby_nulls() {
        SortByNulls::SortbyNullsFirst => true,
        SortByNulls::SortbyNullsLast => false,
        _ => descending,
    };
    let nulls = match (bound.nullable, descending, nulls_first) {
        (true, false, false) => " NULLS LAST",
        (true, true, true) => " NULLS FIRST",
        _ => "",
    };
    Ok(format!("{}{nulls}", if descending { " DESC" } else { "" }))
}

pub(super) fn order_text(keys: &[OrderKey]) -> String {
    let texts: Vec<String> = keys
        .iter()
        .filter(|key| !key.bound.is_constant())
        .map(|key| {
            // A computed output column is named by its number, so that SQLite computes it once.
            let text = match key.target {
                Some(index) if !key.bound.is_column() => {
                    let mut number = key.bound.clone();
                    number.sql = (index + 1).to_string();
                    number.atom = true;
                    number.collated()
                }
                _ => key.bound.collated(),
            };
            format!("{text}{}", key.direction)
        })
        .collect();
    if texts.is_empty() { String::new() } else { format!(" ORDER BY {}", texts.join(", ")) }
}

/// For compound queries: output columns by number.
pub(super) fn ordinal_order_text(keys: &[OrderKey]) -> Result<String> {
    let mut texts = Vec::with_capacity(keys.len());
    for key in keys {
        let Some(index) = key.target else {
            return Err(Problem::new("0A000", "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                .with_details("Only result column names can be used, not expressions or functions.")
                .with_hint(
                    "Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
                )
                .placed(key.bound.place));
        };
        let mut bound = Bound::plain((index + 1).to_string(), key.bound.ty.clone());
        bound.collation = Carried::Nothing;
        texts.push(format!("{}{}", bound.collated(), key.direction));
    }
    Ok(if texts.is_empty() { String::new() } else { format!(" ORDER BY {}", texts.join(", ")) })
}
