//! The select list, grouping, order and limits of a node.

use super::field::{Scope, Table, Typed, output_name, shown};
use super::tree::{Child, Node};
use super::{Builder, Source, quoted};
use crate::problems;
use crate::query::{Aggregate, Direction, NullsOrder, OrderTerm, SelectField, SelectItem};
use mainstay_base::{Problem, Result};
use mainstay_types::Type;

/// One column of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) name: String,
    /// The expression; under an aggregate its argument, `*` for all rows.
    pub(crate) sql: String,
    /// JSON has no equality: to group by it, it must be made jsonb.
    pub(crate) is_json: bool,
    /// The function, and the cast of what it gives.
    pub(crate) aggregate: Option<(Aggregate, Option<String>)>,
}

/// An order's expression and what stands behind it.
struct Ordered {
    sql: String,
    suffix: String,
}

impl Builder<'_> {
    /// A whole `SELECT` for the root of a request, over the rows that `from` gives.
    pub(crate) fn select(&mut self, node: &Node<'_>, from: &str) -> Result<String> {
        let items = self.root_items(node)?;
        self.select_items(node, &items, from, false)
    }

    /// As [`Builder::items`]; an empty `select=` of a whole request means everything.
    pub(crate) fn root_items(&mut self, node: &Node<'_>) -> Result<Vec<Item>> {
        if node.query.select.is_empty() { Ok(self.all(&node.scope)) } else { self.items(node) }
    }

    fn select_items(&mut self, node: &Node<'_>, items: &[Item], from: &str, to_one: bool) -> Result<String> {
        let order = self.order(node)?;
        let is_grouped = items.iter().any(|item| item.aggregate.is_some());
        let body = match (is_grouped, node.embeds.is_empty()) {
            (false, _) => {
                format!("SELECT {} {from}{}", list(items), order_by(&order))
            }
            (true, true) => {
                let group: Vec<String> = plain(items).map(|(_, item)| item.sql.clone()).collect();
                let (list, order) = (list(items), order_by(&order));
                format!("SELECT {list} {from}{}{order}", group_by(&group))
            }
            (true, false) => self.grouped_over_embeds(node, items, from, &order)?,
        };
        Ok(format!("{body}{}", self.limits(node, to_one)))
    }

    /// Embeds cannot be grouped where they are computed: an inner select computes them, an outer one groups.
    fn grouped_over_embeds(
        &mut self,
        node: &Node<'_>,
        items: &[Item],
        from: &str,
        order: &[Ordered],
    ) -> Result<String> {
        let inner: Vec<String> = items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.sql != "*")
            .map(|(place, item)| match (&item.aggregate, item.is_json) {
                (None, true) => format!("CAST({} AS jsonb) AS \"f{place}\"", item.sql),
                _ => format!("{} AS \"f{place}\"", item.sql),
            })
            .collect();
        let inner = if inner.is_empty() { "1 AS \"f\"".to_owned() } else { inner.join(", ") };
        let column = |place: usize| format!("\"_q\".\"f{place}\"");
        let outer: Vec<Item> = items
            .iter()
            .enumerate()
            .map(|(place, item)| {
                let sql = if item.sql == "*" { "*".to_owned() } else { column(place) };
                Item { sql, ..item.clone() }
            })
            .collect();
        let group: Vec<String> = plain(items).map(|(place, _)| column(place)).collect();
        let mut terms = Vec::with_capacity(order.len());
        for term in order {
            let place = plain(items).find(|(_, item)| item.sql == term.sql).map(|(place, _)| place);
            let sql = column(place.ok_or_else(|| not_grouped(&node.scope))?);
            terms.push(Ordered { sql, suffix: term.suffix.clone() });
        }
        Ok(format!(
            "SELECT {} FROM (SELECT {inner} {from}) AS \"_q\"{}{}",
            list(&outer),
            group_by(&group),
            order_by(&terms),
        ))
    }

    /// The columns of a node: its own, then those of its embeds.
    pub(crate) fn items(&mut self, node: &Node<'_>) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        for item in &node.query.select {
            match item {
                SelectItem::All => items.extend(self.all(&node.scope)),
                SelectItem::Field(field) => items.push(self.item(&node.scope, field)?),
                SelectItem::Embed(_) => {}
            }
        }
        for child in &node.embeds {
            if child.embed.spread {
                items.extend(self.spread(child)?);
            } else {
                items.extend(self.embedded(child)?);
            }
        }
        Ok(items)
    }

    fn all(&self, scope: &Scope) -> Vec<Item> {
        scope
            .columns()
            .into_iter()
            .map(|(name, ty)| {
                let representation = match &scope.table {
                    Table::Relation(relation) => {
                        relation.column(&name).and_then(|column| self.schema.representation(column))
                    }
                    Table::Rows { .. } => None,
                };
                let column = shown(Typed { sql: scope.column(&name), ty }, representation);
                let sql = self.stripped(column.sql, &column.ty);
                Item { name, sql, is_json: column.ty == Type::Json, aggregate: None }
            })
            .collect()
    }

    fn item(&mut self, scope: &Scope, selected: &SelectField) -> Result<Item> {
        let name = &selected.field.name;
        // `count` without brackets is what `relation.count` means in PostgreSQL: all rows.
        let is_bare_count = selected.aggregate.is_none()
            && selected.field.path.is_empty()
            && name == "count"
            && !self.is_column(scope, name);
        if selected.aggregate.is_some() && !self.settings.aggregates_enabled {
            return Err(problems::aggregates_not_allowed());
        }
        let counts_rows = is_bare_count || name.is_empty() || (name == "*" && selected.aggregate.is_some());
        let (sql, ty) = if counts_rows {
            ("*".to_owned(), Type::Int8)
        } else {
            let field = self.field(scope, &selected.field)?;
            let field = match selected.aggregate {
                None => shown(field, self.representation(scope, &selected.field)),
                Some(_) => field,
            };
            let field = match &selected.cast {
                Some(cast) => self.cast(field, scope, cast)?,
                None => field,
            };
            (field.sql, field.ty)
        };
        let aggregate = if counts_rows { Some(Aggregate::Count) } else { selected.aggregate };
        // `count()::text` arrives as a cast of the field or of the aggregate.
        let cast = selected.aggregate_cast.as_deref().or(match counts_rows {
            true => selected.cast.as_deref(),
            false => None,
        });
        let cast = match cast {
            Some(cast) => {
                let typed = Typed { sql: String::new(), ty: Type::Unknown };
                let typed = self.cast(typed, scope, cast)?;
                Some(self.type_sql(&typed.ty))
            }
            None => None,
        };
        let default_name = match aggregate {
            Some(aggregate) => aggregate_sql(aggregate),
            None => output_name(&selected.field),
        };
        let sql = if aggregate.is_none() { self.stripped(sql, &ty) } else { sql };
        Ok(Item {
            name: selected.alias.as_deref().unwrap_or(default_name).to_owned(),
            sql,
            is_json: ty == Type::Json,
            aggregate: aggregate.map(|aggregate| (aggregate, cast)),
        })
    }

    /// `nulls=stripped` reaches into JSON values too.
    fn stripped(&self, sql: String, ty: &Type) -> String {
        match (self.nulls_stripped, ty) {
            (true, Type::Json) => format!("json_strip_nulls({sql})"),
            (true, Type::Jsonb) => format!("jsonb_strip_nulls({sql})"),
            _ => sql,
        }
    }

    /// An embed as one JSON column; none where nothing is asked of it (`posts()` only joins).
    fn embedded(&mut self, child: &Child<'_>) -> Result<Option<Item>> {
        let items = self.items(&child.node)?;
        if items.is_empty() {
            return Ok(None);
        }
        let rows = self.select_items(&child.node, &items, &child.from, child.to_one)?;
        let value = if child.to_one { "row_to_json(\"_e\")" } else { "COALESCE(json_agg(\"_e\"), '[]')" };
        let sql = self.stripped(format!("(SELECT {value} FROM ({rows}) AS \"_e\")"), &Type::Json);
        Ok(Some(Item { name: child.output_name().to_owned(), sql, is_json: true, aggregate: None }))
    }

    fn order(&mut self, node: &Node<'_>) -> Result<Vec<Ordered>> {
        let mut terms = Vec::with_capacity(node.query.order.len());
        for term in &node.query.order {
            let sql = match &term.relation {
                None => self.field(&node.scope, &term.field)?.sql,
                Some(relation) => self.related(node, relation, term)?,
            };
            let direction = match term.direction {
                Some(Direction::Ascending) => " ASC",
                Some(Direction::Descending) => " DESC",
                None => "",
            };
            let nulls = match term.nulls {
                Some(NullsOrder::First) => " NULLS FIRST",
                Some(NullsOrder::Last) => " NULLS LAST",
                None => "",
            };
            terms.push(Ordered { sql, suffix: format!("{direction}{nulls}") });
        }
        Ok(terms)
    }

    /// `order=relation(column)`: a column of what a to-one embed selects, else of its relation.
    pub(super) fn related(&mut self, node: &Node<'_>, relation: &str, term: &OrderTerm) -> Result<String> {
        let child = node
            .embeds
            .iter()
            .find(|child| child.output_name() == relation)
            .ok_or_else(|| problems::not_embedded(relation))?;
        if !child.to_one {
            return Err(problems::related_order_not_to_one(node.scope.name(), child.output_name()));
        }
        if term.field.path.is_empty() {
            let selected = self.items(&child.node)?;
            let same = |item: &&Item| item.name == term.field.name && item.aggregate.is_none();
            if let Some(item) = selected.iter().find(same) {
                return Ok(format!("(SELECT {} {} LIMIT 1)", item.sql, child.from));
            }
        }
        let field = self.field(&child.node.scope, &term.field)?;
        Ok(format!("(SELECT {} {} LIMIT 1)", field.sql, child.from))
    }

    /// `LIMIT … OFFSET …` of a node.
    pub(crate) fn limits(&mut self, node: &Node<'_>, to_one: bool) -> String {
        let (limit, offset) = (node.query.limit, node.query.offset);
        let rows_max = self.settings.rows_max;
        if !self.limited || (limit.is_none() && offset.is_none() && (to_one || rows_max.is_none())) {
            return if to_one { " LIMIT 1".to_owned() } else { String::new() };
        }
        let limit = self.parameter(Type::Int8, Source::Limit { literal: limit, rows_max });
        match offset {
            Some(offset) => {
                let offset = self.parameter(Type::Int8, Source::Offset(offset));
                format!(" LIMIT {limit} OFFSET {offset}")
            }
            None => format!(" LIMIT {limit}"),
        }
    }

    /// The order of a node as a clause, for those who build the select themselves.
    pub(crate) fn order_clause(&mut self, node: &Node<'_>) -> Result<String> {
        Ok(order_by(&self.order(node)?))
    }
}

/// A select list.
pub(crate) fn list(items: &[Item]) -> String {
    let columns: Vec<String> = items
        .iter()
        .map(|item| {
            let sql = match &item.aggregate {
                None => item.sql.clone(),
                Some((aggregate, cast)) => {
                    let call = format!("{}({})", aggregate_sql(*aggregate), item.sql);
                    match cast {
                        Some(cast) => format!("CAST({call} AS {cast})"),
                        None => call,
                    }
                }
            };
            format!("{sql} AS {}", quoted(&item.name))
        })
        .collect();
    columns.join(", ")
}

fn plain(items: &[Item]) -> impl Iterator<Item = (usize, &Item)> {
    items.iter().enumerate().filter(|(_, item)| item.aggregate.is_none())
}

fn group_by(columns: &[String]) -> String {
    if columns.is_empty() { String::new() } else { format!(" GROUP BY {}", columns.join(", ")) }
}

fn order_by(terms: &[Ordered]) -> String {
    if terms.is_empty() {
        return String::new();
    }
    let terms: Vec<String> = terms.iter().map(|term| format!("{}{}", term.sql, term.suffix)).collect();
    format!(" ORDER BY {}", terms.join(", "))
}

pub(crate) fn aggregate_sql(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Sum => "sum",
        Aggregate::Avg => "avg",
        Aggregate::Count => "count",
        Aggregate::Max => "max",
        Aggregate::Min => "min",
    }
}

fn not_grouped(scope: &Scope) -> Problem {
    Problem::new(
        "42803",
        format!(
            "an order of \"{}\" must appear in the select list when it is used with an aggregate function",
            scope.alias
        ),
    )
}
