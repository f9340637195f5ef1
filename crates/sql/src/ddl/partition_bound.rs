//! `FOR VALUES …`: the values of a partition's bound, and whether another partition has some of them.

use super::Draft;
use super::tree::{at, strings};
use crate::bind;
use crate::catalog::{Column, Relation};
use crate::partition::{Bound, Limit, PartitionKey, Strategy};
use mainstay_base::{Problem, Result};
use mainstay_types::{Context, Type, Value, value};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, PartitionBoundSpec, PartitionRangeDatum, PartitionRangeDatumKind as Kind};
use std::cmp::Ordering;

/// The bounds of one table, as values.
struct Bounds<'a> {
    columns: Vec<&'a Column>,
    context: Context,
}

impl Draft<'_> {
    /// The bound of a new partition of `root`, which must not meet those that are there.
    pub(super) fn understand_bound(
        &self,
        name: &str,
        root: &Relation,
        spec: &PartitionBoundSpec,
    ) -> Result<Bound> {
        let key = root.partition_key().ok_or_else(|| Problem::internal("a partition of a plain table"))?;
        let columns = key.columns.iter().filter_map(|column| root.column(column)).collect();
        let bounds = Bounds { columns, context: bind::settled_context(&self.catalog) };
        let bound = match (spec.is_default, key.strategy, spec.strategy.as_str()) {
            (true, ..) => Bound::Default,
            (_, Strategy::List, "l") => self.list(&bounds, spec)?,
            (_, Strategy::Range, "r") => self.range(&bounds, key, name, spec)?,
            (_, strategy, _) => {
                let kind = if strategy == Strategy::List { "list" } else { "range" };
                let words = format!("invalid bound specification for a {kind} partition");
                return Err(at(Problem::new("42P16", words), spec.location));
            }
        };
        self.check_overlap(&bounds, name, root, &bound).map_err(|problem| at(problem, spec.location))?;
        Ok(bound)
    }

    fn list(&self, bounds: &Bounds<'_>, spec: &PartitionBoundSpec) -> Result<Bound> {
        let column = bounds.column(0)?;
        let mut values: Vec<Option<String>> = Vec::new();
        for node in &spec.listdatums {
            let value = self.bound_value(column, node).map_err(|problem| at(problem, spec.location))?;
            let text = bounds.text(column, &value);
            if !bounds.has(&values, &text)? {
                values.push(text);
            }
        }
        Ok(Bound::List(values))
    }

    fn range(
        &self,
        bounds: &Bounds<'_>,
        key: PartitionKey<'_>,
        name: &str,
        spec: &PartitionBoundSpec,
    ) -> Result<Bound> {
        for (word, datums) in [("FROM", &spec.lowerdatums), ("TO", &spec.upperdatums)] {
            if datums.len() != key.columns.len() {
                let words = format!("{word} must specify exactly one value per partitioning column");
                return Err(at(Problem::new("42P16", words), spec.location));
            }
        }
        let limits =
            |nodes: &[Node]| self.limits(bounds, nodes).map_err(|problem| at(problem, spec.location));
        let (from, to) = (limits(&spec.lowerdatums)?, limits(&spec.upperdatums)?);
        if bounds.compare(&from, &to)? != Ordering::Less {
            let problem =
                Problem::new("42P17", format!("empty range bound specified for partition \"{name}\""));
            let details = format!(
                "Specified lower bound {} is greater than or equal to upper bound {}.",
                bounds.shown(&from),
                bounds.shown(&to)
            );
            return Err(at(problem.with_details(details), spec.location));
        }
        Ok(Bound::Range { from, to })
    }

    fn limits(&self, bounds: &Bounds<'_>, nodes: &[Node]) -> Result<Vec<Limit>> {
        let mut limits: Vec<Limit> = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let limit = match infinite(node) {
                Some(limit) => limit,
                None => {
                    let column = bounds.column(index)?;
                    let value = self.bound_value(column, node)?;
                    match bounds.text(column, &value) {
                        Some(text) => Limit::Value(text),
                        None => return Err(Problem::new("42P17", "cannot specify NULL in range bound")),
                    }
                }
            };
            let word = match limits.last() {
                Some(Limit::Minimum) if limit != Limit::Minimum => "MINVALUE",
                Some(Limit::Maximum) if limit != Limit::Maximum => "MAXVALUE",
                _ => "",
            };
            if !word.is_empty() {
                let words = format!("every bound following {word} must also be {word}");
                return Err(Problem::new("42804", words));
            }
            limits.push(limit);
        }
        Ok(limits)
    }

    /// A value of a bound, as the column takes it by assignment.
    fn bound_value(&self, column: &Column, node: &Node) -> Result<Value> {
        let node = match node.node.as_ref() {
            Some(NodeEnum::PartitionRangeDatum(datum)) => datum.value.as_deref().unwrap_or(node),
            _ => node,
        };
        let found = bind::constant_value(&self.catalog, node, &column.ty).map_err(|problem| match problem
            .code()
        {
            "42703" => Problem::new("0A000", "cannot use column reference in partition bound expression"),
            "42804" | "42846" => Problem::new(
                "42804",
                format!(
                    "specified value cannot be cast to type {} for column \"{}\"",
                    self.catalog.types.type_name(&column.ty.ty),
                    column.name
                ),
            ),
            _ => problem,
        })?;
        found.ok_or_else(|| {
            Problem::needs_postgres("an expression as the bound of a partition").with_hint("write its value")
        })
    }

    fn check_overlap(&self, bounds: &Bounds<'_>, name: &str, root: &Relation, bound: &Bound) -> Result<()> {
        let mut met: Option<(&Relation, &[Limit])> = None;
        for part in self.catalog.partitions(&root.name) {
            match (part.partition_bound(), bound) {
                (Some(Bound::Default), Bound::Default) => {
                    let words = format!(
                        "partition \"{name}\" conflicts with existing default partition \"{}\"",
                        part.name.name
                    );
                    return Err(Problem::new("42P17", words));
                }
                (Some(Bound::List(taken)), Bound::List(wanted)) => {
                    for value in wanted {
                        if met.is_none() && bounds.has(taken, value)? {
                            met = Some((part, &[]));
                        }
                    }
                }
                (Some(Bound::Range { from, to }), Bound::Range { from: low, to: high })
                    if bounds.compare(from, high)? == Ordering::Less
                        && bounds.compare(low, to)? == Ordering::Less =>
                {
                    // PostgreSQL names the first one in the order of the bounds.
                    let first = match met {
                        Some((_, other)) => bounds.compare(from, other)? == Ordering::Less,
                        None => true,
                    };
                    if first {
                        met = Some((part, from));
                    }
                }
                _ => {}
            }
        }
        match met {
            Some((part, _)) => {
                let words = format!("partition \"{name}\" would overlap partition \"{}\"", part.name.name);
                Err(Problem::new("42P17", words))
            }
            None => Ok(()),
        }
    }
}

impl Bounds<'_> {
    fn column(&self, index: usize) -> Result<&Column> {
        self.columns
            .get(index)
            .copied()
            .ok_or_else(|| Problem::internal("a bound of more columns than the key"))
    }

    /// The text form under which a value is kept; none for NULL.
    fn text(&self, column: &Column, found: &Value) -> Option<String> {
        if found.is_null() {
            return None;
        }
        let mut text = String::new();
        value::output(&column.ty.ty, found.as_ref(), &self.context, &mut text);
        Some(text)
    }

    /// Whether a value is among those of a list: equal values may have several text forms (`1.0` and `1.00`).
    fn has(&self, values: &[Option<String>], wanted: &Option<String>) -> Result<bool> {
        let column = self.column(0)?;
        for value in values {
            let same = match (value, wanted) {
                (None, None) => true,
                (Some(one), Some(other)) => {
                    let (one, other) = (self.value(column, one)?, self.value(column, other)?);
                    value::compare(&column.ty.ty, one.as_ref(), other.as_ref(), &self.context)
                        == Ordering::Equal
                }
                _ => false,
            };
            if same {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The order of two bounds of a range, by the first column that differs.
    fn compare(&self, left: &[Limit], right: &[Limit]) -> Result<Ordering> {
        for ((column, left), right) in self.columns.iter().zip(left).zip(right) {
            let order = match (left, right) {
                (Limit::Minimum, Limit::Minimum) | (Limit::Maximum, Limit::Maximum) => Ordering::Equal,
                (Limit::Minimum, _) | (_, Limit::Maximum) => Ordering::Less,
                (Limit::Maximum, _) | (_, Limit::Minimum) => Ordering::Greater,
                (Limit::Value(left), Limit::Value(right)) => {
                    let (left, right) = (self.value(column, left)?, self.value(column, right)?);
                    value::compare(&column.ty.ty, left.as_ref(), right.as_ref(), &self.context)
                }
            };
            if order != Ordering::Equal {
                return Ok(order);
            }
        }
        Ok(Ordering::Equal)
    }

    fn value(&self, column: &Column, text: &str) -> Result<Value> {
        value::input(&column.ty, text, &self.context)
    }

    /// `(1, 'a', MAXVALUE)`
    fn shown(&self, limits: &[Limit]) -> String {
        let each = self.columns.iter().zip(limits).map(|(column, limit)| match limit {
            Limit::Minimum => "MINVALUE".to_owned(),
            Limit::Maximum => "MAXVALUE".to_owned(),
            Limit::Value(text) if is_bare(&column.ty.ty, text) => text.clone(),
            Limit::Value(text) => format!("'{}'", text.replace('\'', "''")),
        });
        format!("({})", each.collect::<Vec<_>>().join(", "))
    }
}

/// Whether PostgreSQL prints the constant without quotes.
fn is_bare(ty: &Type, text: &str) -> bool {
    match ty {
        Type::Bool => true,
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Numeric | Type::Float4 | Type::Float8 => {
            text.starts_with(|first: char| first.is_ascii_digit())
        }
        _ => false,
    }
}

/// `MINVALUE` and `MAXVALUE`, which the grammar reads as columns.
fn infinite(node: &Node) -> Option<Limit> {
    match node.node.as_ref()? {
        NodeEnum::PartitionRangeDatum(datum) => kind_of(datum),
        NodeEnum::ColumnRef(column) => match strings(&column.fields).as_slice() {
            [word] if word == "minvalue" => Some(Limit::Minimum),
            [word] if word == "maxvalue" => Some(Limit::Maximum),
            _ => None,
        },
        _ => None,
    }
}

fn kind_of(datum: &PartitionRangeDatum) -> Option<Limit> {
    match Kind::try_from(datum.kind) {
        Ok(Kind::PartitionRangeDatumMinvalue) => Some(Limit::Minimum),
        Ok(Kind::PartitionRangeDatumMaxvalue) => Some(Limit::Maximum),
        _ => None,
    }
}
