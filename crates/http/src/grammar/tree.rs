//! Puts the parameters of a query string into one tree: those with a path go to the embed that it names.

use super::explain::{Rule, explain};
use super::filter::{Sink, read_logic, read_test};
use super::order::{read_names, read_order};
use super::scan::Cursor;
use super::select::read_select;
use super::{Fail, QUERY_BYTES_MAX, too_much, url};
use mainstay_base::{Problem, Result};
use mainstay_records::query::{
    Condition, Embed, Field, Filter, LiteralId, Literals, Logic, OrderTerm, Query, SelectItem,
};

/// How a query string is to be understood.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// `GET` on a function: a parameter that has no operator is an argument.
    pub call: bool,
    /// A path may name the relation of an embed that has an alias.
    pub legacy_target_names: bool,
}

/// What a query string says.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// Without the range of the top level: [`Parsed::limit`] and [`Parsed::offset`] hold that.
    pub query: Query,
    pub literals: Literals,
    pub columns: Option<Vec<String>>,
    pub on_conflict: Option<Vec<String>>,
    pub arguments: Vec<(String, Vec<LiteralId>)>,
    pub limit: Option<i64>,
    pub offset: Option<i64>,
    /// The cursor of a page by key, empty for the first.
    pub after: Option<String>,
}

impl Parsed {
    pub fn literal(&mut self, text: impl Into<String>) -> LiteralId {
        let id = LiteralId(u32::try_from(self.literals.len()).unwrap_or(u32::MAX));
        self.literals.push(text.into());
        id
    }
}

/// Reads a query string (still percent-encoded).
pub fn read(query: &str, reading: Reading) -> Result<Parsed> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(too_much("bytes in its URL").with_status(414));
    }
    if query.is_empty() {
        return Ok(Parsed {
            query: Query { select: vec![SelectItem::All], ..Query::default() },
            ..Parsed::default()
        });
    }
    let pairs = url::pairs(query)?;
    let select = match pairs.iter().find(|(key, _)| key == "select") {
        Some((_, text)) => read_select(text)
            .map_err(|fail| refused(fail, Rule::Select, "failed to parse select parameter", text, text))?,
        None => vec![SelectItem::All],
    };
    let mut builder = Builder {
        reading,
        query: Query { select, ..Query::default() },
        sink: Sink::default(),
        parsed: Parsed::default(),
    };
    for (key, value) in &pairs {
        builder.parameter(key, value)?;
    }
    let Builder { query, sink, mut parsed, .. } = builder;
    parsed.query = query;
    parsed.literals = sink.literals;
    Ok(parsed)
}

fn refused(fail: Fail, rule: Rule, what: &str, shown: &str, text: &str) -> Problem {
    match fail {
        Fail::Limit(what) => too_much(what),
        Fail::Syntax => explain(rule, &format!("{what} ({shown})"), text),
    }
}

struct Builder {
    reading: Reading,
    query: Query,
    sink: Sink,
    parsed: Parsed,
}

impl Builder {
    fn parameter(&mut self, key: &str, value: &str) -> Result<()> {
        let last = key.rsplit('.').next().unwrap_or_default();
        match last {
            "order" => self.order(key, value),
            "limit" => self.range(key, value, true),
            "offset" => self.range(key, value, false),
            "and" => self.logic(key, value, Logic::And),
            "or" => self.logic(key, value, Logic::Or),
            _ => match key {
                "select" => Ok(()),
                "after" if is_cursor(value) => {
                    self.parsed.after.get_or_insert_with(|| value.to_owned());
                    Ok(())
                }
                "columns" => {
                    let names = read_names(value).map_err(|fail| {
                        refused(fail, Rule::Names, "failed to parse columns parameter", value, value)
                    })?;
                    self.parsed.columns.get_or_insert(names);
                    Ok(())
                }
                "on_conflict" => {
                    let names = read_names(value).map_err(|fail| {
                        refused(fail, Rule::Names, "failed to parse on_conflict parameter", value, value)
                    })?;
                    self.parsed.on_conflict.get_or_insert(names);
                    Ok(())
                }
                _ => self.filter(key, value),
            },
        }
    }

    fn filter(&mut self, key: &str, value: &str) -> Result<()> {
        let (path, field) = tree_path(key)?;
        let literals = self.sink.literals.len();
        match read_test(value, &mut self.sink) {
            Ok((negated, test)) => {
                let query = self.node(&path)?;
                query.conditions.push(Condition::Filter(Filter { field, negated, test }));
                Ok(())
            }
            Err(Fail::Syntax) if self.reading.call && is_argument(value) => {
                self.sink.literals.truncate(literals);
                let id = self.sink.literal(value);
                match self.parsed.arguments.iter_mut().find(|(name, _)| *name == field.name) {
                    Some((_, values)) => values.push(id),
                    None => self.parsed.arguments.push((field.name, vec![id])),
                }
                Ok(())
            }
            Err(fail) => {
                let rule = if self.reading.call { Rule::CallFilter } else { Rule::Filter };
                Err(refused(fail, rule, "failed to parse filter", value, value))
            }
        }
    }

    fn order(&mut self, key: &str, value: &str) -> Result<()> {
        let (path, _) = tree_path(key)?;
        let terms: Vec<OrderTerm> = read_order(value)
            .map_err(|fail| refused(fail, Rule::Order, "failed to parse order", value, value))?;
        self.node(&path)?.order = terms;
        Ok(())
    }

    fn logic(&mut self, key: &str, value: &str, operator: Logic) -> Result<()> {
        let word = if operator == Logic::And { "and" } else { "or" };
        let (mut path, _) = tree_path(key)
            .map_err(|_| refused(Fail::Syntax, Rule::LogicPath, "failed to parse logic path", key, key))?;
        let negated = path.iter().any(|name| name == "not");
        path.retain(|name| name != "not");
        let condition = read_logic(negated, operator, value, &mut self.sink).map_err(|fail| {
            let not = if negated { "not." } else { "" };
            refused(fail, Rule::Logic, "failed to parse logic tree", value, &format!("{not}{word}{value}"))
        })?;
        self.node(&path)?.conditions.push(condition);
        Ok(())
    }

    /// A text that is no number limits nothing, as in PostgREST.
    fn range(&mut self, key: &str, value: &str, is_limit: bool) -> Result<()> {
        let Ok(number) = value.trim().parse::<i64>() else { return Ok(()) };
        let (path, _) = tree_path(key)?;
        if path.is_empty() {
            if is_limit {
                self.parsed.limit = Some(number);
            } else {
                self.parsed.offset = Some(number);
            }
            return Ok(());
        }
        if number < 0 && !is_limit {
            return Ok(());
        }
        if number < 0 {
            return Err(Problem::new("PGRST103", "Requested range not satisfiable")
                .with_details("Limit should be greater than or equal to zero."));
        }
        self.node(&path)?;
        let id = self.sink.literal(number.to_string());
        let query = self.node(&path)?;
        if is_limit {
            query.limit = Some(id);
        } else {
            query.offset = Some(id);
        }
        Ok(())
    }

    /// The query of the embed that a path names.
    fn node(&mut self, path: &[String]) -> Result<&mut Query> {
        let legacy = self.reading.legacy_target_names;
        let mut query = &mut self.query;
        for name in path {
            let named =
                |item: &SelectItem| matches!(item, SelectItem::Embed(embed) if is_named(embed, name, legacy));
            let Some(at) = query.select.iter().position(named) else {
                return Err(not_embedded(query, name));
            };
            let Some(SelectItem::Embed(embed)) = query.select.get_mut(at) else {
                return Err(Problem::internal("an embed that was found is gone"));
            };
            query = &mut embed.query;
        }
        Ok(query)
    }
}

fn is_named(embed: &Embed, name: &str, legacy: bool) -> bool {
    embed.alias.as_deref().unwrap_or(&embed.relation) == name || (legacy && embed.relation == name)
}

fn not_embedded(query: &Query, name: &str) -> Problem {
    let problem = Problem::new("PGRST108", format!("'{name}' is not an embedded resource in this request"));
    let alias = query.select.iter().find_map(|item| match item {
        SelectItem::Embed(embed) if embed.relation == name => embed.alias.as_deref(),
        _ => None,
    });
    match alias {
        Some(alias) => problem
            .with_details("Target names are not allowed in filters if they have an alias")
            .with_hint(format!("Change '{name}' to '{alias}' in filters, orders or limits.")),
        None => {
            problem.with_hint(format!("Verify that '{name}' is included in the 'select' query parameter."))
        }
    }
}

/// `embed.embed.column->path`.
fn tree_path(key: &str) -> Result<(Vec<String>, Field)> {
    let wrong = |fail| refused(fail, Rule::TreePath, "failed to parse tree path", key, key);
    let mut cursor = Cursor::new(key);
    let mut path = Vec::new();
    loop {
        let name = cursor.name().map_err(wrong)?;
        if cursor.eat(".") {
            if path.len() >= super::DEPTH_MAX {
                return Err(too_much("levels of embedding"));
            }
            path.push(name);
            continue;
        }
        let steps = cursor.path().map_err(wrong)?;
        if !cursor.at_end() || name.is_empty() {
            return Err(wrong(Fail::Syntax));
        }
        return Ok((path, Field { name, path: steps }));
    }
}

/// Whether a value of `after` is a cursor and not a filter on a column of that name.
fn is_cursor(value: &str) -> bool {
    value.is_empty() || value.starts_with(mainstay_records::CURSOR_MARK)
}

/// Whether PostgREST would take a value that is no filter for an argument: not when it began as a filter.
fn is_argument(value: &str) -> bool {
    !["in.", "is.", "not."].iter().any(|start| value.starts_with(start))
}
