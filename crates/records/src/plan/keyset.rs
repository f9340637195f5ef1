//! Conditions of a page: the rows that come after a row in an order, nulls and mixed directions included.

use super::Builder;
use super::field::Scope;
use super::tree::Node;
use crate::query::{Direction, LiteralId, NullsOrder, OrderTerm, SelectItem};
use mainstay_base::{Problem, Result};
use mainstay_sql::catalog::Relation;
use mainstay_types::Type;

/// One term of the order, as an expression.
pub(crate) struct KeyTerm {
    pub(crate) sql: String,
    pub(crate) ty: Type,
    descending: bool,
    nulls_first: bool,
    nullable: bool,
}

impl Builder<'_> {
    /// The terms of a node's order. `relation` is that of the node.
    pub(crate) fn key_terms(&mut self, node: &Node<'_>, relation: &Relation) -> Result<Vec<KeyTerm>> {
        node.query.order.iter().map(|term| self.key_term(node, relation, term)).collect()
    }

    fn key_term(&mut self, node: &Node<'_>, relation: &Relation, term: &OrderTerm) -> Result<KeyTerm> {
        let descending = term.direction == Some(Direction::Descending);
        let nulls_first = match term.nulls {
            Some(nulls) => nulls == NullsOrder::First,
            None => descending,
        };
        let (typed, nullable) = match &term.relation {
            None => {
                let typed = self.field(&node.scope, &term.field)?;
                let column = relation.column(&term.field.name).filter(|_| term.field.path.is_empty());
                (typed, !(relation.is_table() && column.is_some_and(|column| column.not_null)))
            }
            Some(name) => (self.embedded_key(node, name, term)?, true),
        };
        if typed.ty == Type::Json {
            return Err(unorderable("a value of type json has no order"));
        }
        Ok(KeyTerm { sql: typed.sql, ty: typed.ty, descending, nulls_first, nullable })
    }

    /// A column of the one row that is embedded: a function of the row, as any column is.
    fn embedded_key(&mut self, node: &Node<'_>, name: &str, term: &OrderTerm) -> Result<super::field::Typed> {
        // The order itself says what is wrong with the name or the cardinality.
        let sql = self.related(node, name, term)?;
        let child = node.embeds.iter().find(|child| child.output_name() == name);
        let child = child.ok_or_else(|| Problem::internal("an embed that was found is gone"))?;
        let selected = child.node.query.select.iter().any(|item| {
            matches!(item, SelectItem::Field(field) if field.alias.as_deref() == Some(&term.field.name))
        });
        if selected {
            return Err(unorderable("the order names an alias of an embed's column: name the column"));
        }
        let ty = self.field(&child.node.scope, &term.field)?.ty;
        Ok(super::field::Typed { sql, ty })
    }

    /// What a row must satisfy to come after the row with these values. `None` stands for NULL.
    pub(crate) fn after(&mut self, terms: &[KeyTerm], values: &[Option<LiteralId>]) -> String {
        let mut choices: Vec<String> = Vec::with_capacity(terms.len());
        let mut equal: Vec<String> = Vec::with_capacity(terms.len());
        let mut bound = None;
        for (place, (term, value)) in terms.iter().zip(values).enumerate() {
            let value = value.map(|id| self.literal(&term.ty, id));
            if let Some(later) = later(term, value.as_deref()) {
                let all: Vec<&str> = equal.iter().map(String::as_str).chain([later.as_str()]).collect();
                choices.push(format!("({})", all.join(" AND ")));
            }
            let sql = &term.sql;
            if place == 0
                && (!term.nullable || term.nulls_first)
                && let Some(value) = &value
            {
                // Says nothing new, but a range of an index can be read from it.
                bound = Some(format!("{sql} {} {value}", if term.descending { "<=" } else { ">=" }));
            }
            equal.push(match value {
                Some(value) => format!("{sql} = {value}"),
                None => format!("{sql} IS NULL"),
            });
        }
        let choices = if choices.is_empty() { "false".to_owned() } else { choices.join(" OR ") };
        match bound {
            Some(bound) => format!("{bound} AND ({choices})"),
            None => format!("({choices})"),
        }
    }
}

/// What comes after a value in one term; nothing does after the last null.
fn later(term: &KeyTerm, value: Option<&str>) -> Option<String> {
    let sql = &term.sql;
    match value {
        Some(value) => {
            let beyond = format!("{sql} {} {value}", if term.descending { "<" } else { ">" });
            let nulls_follow = term.nullable && !term.nulls_first;
            Some(if nulls_follow { format!("({beyond} OR {sql} IS NULL)") } else { beyond })
        }
        None if term.nulls_first => Some(format!("{sql} IS NOT NULL")),
        None => None,
    }
}

fn unorderable(details: &str) -> Problem {
    Problem::new("MS044", "this request cannot be read in pages by `after`")
        .with_details(details.to_owned())
        .with_status(400)
}

/// What the rows of a keyset's page must have.
pub(crate) fn check(scope: &Scope, aggregated: bool, key: &[String]) -> Result<()> {
    if aggregated {
        return Err(unorderable("rows of an aggregate have no key"));
    }
    if key.is_empty() {
        return Err(unorderable(&format!("\"{}\" has no primary key to tell its rows apart", scope.name())));
    }
    Ok(())
}
