//! What a caller asks of rows must not be asked of those that policies hide: a condition that fails for some values
//! would tell of them. PostgreSQL calls such conditions not leakproof and runs them behind the policies.
//!
//! SQLite evaluates conditions in an order of its own (those that an index covers first, subqueries last). So a
//! condition that can fail stands within a `CASE` that asks the policies first. A query in FROM with hidden rows in it
//! is kept from being merged with the query around it where that one asks such a condition.

use super::bound::Bound;
use super::policies::Command;
use super::scope::Binder;
use crate::catalog::Relation;
use mainstay_base::Result;
use pg_query::Node;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the scopes of a statement hide.
#[derive(Default)]
pub(super) struct Barrier {
    /// Tables with hidden rows, by scope: the number of the source.
    tables: BTreeMap<u32, Vec<(usize, Arc<Relation>)>>,
    /// Texts of queries in FROM that read such tables, by scope.
    queries: BTreeMap<u32, Vec<String>>,
    /// Scopes with a condition that can fail.
    apart: BTreeSet<u32>,
    /// How often a table was guarded so far.
    pub guards: usize,
}

/// Functions and operators that give a value whatever they are given.
const TOTAL: &[&str] = &[
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "lower",
    "upper",
    "length",
    "char_length",
    "->",
    "->>",
    "now",
    "auth.uid",
    "auth.role",
    "auth.email",
    "auth.jwt",
    "current_user",
    "starts_with",
    "@>",
    "<@",
    "&&",
    "?",
];

impl Binder<'_> {
    /// A source of the innermost scope is a table of which policies hide rows.
    pub fn note_guarded(&mut self, source: usize, table: &Arc<Relation>) {
        let scope = self.scope().id;
        self.access.barrier.guards += 1;
        self.access.barrier.tables.entry(scope).or_default().push((source, Arc::clone(table)));
    }

    /// An item of FROM that is a query, where it reads guarded tables.
    pub fn note_query(&mut self, guards_before: usize, tables_before: usize, text: &str) {
        let grown = self.guarded_here() > tables_before;
        if self.access.barrier.guards > guards_before && !grown {
            let scope = self.scope().id;
            self.access.barrier.queries.entry(scope).or_default().push(text.to_owned());
        }
    }

    pub fn guarded_here(&mut self) -> usize {
        let scope = self.scope().id;
        self.access.barrier.tables.get(&scope).map_or(0, Vec::len)
    }

    /// The conditions of a WHERE or ON, those that can fail behind the policies of the tables before them.
    pub fn filter(&mut self, node: &Node, words: &str) -> Result<Bound> {
        let scope = self.scope().id;
        let barrier = &self.access.barrier;
        if !barrier.tables.contains_key(&scope) && !barrier.queries.contains_key(&scope) {
            let bound = self.condition(node, true)?;
            return self.coerce_to_boolean(bound, words);
        }
        let mut parts = Vec::new();
        for node in crate::parse::conjuncts(node) {
            let bound = self.condition(node, true)?;
            parts.push(self.coerce_to_boolean(bound, words)?);
        }
        if parts.iter().any(|part| can_fail(&part.sql)) {
            let wall = self.wall()?;
            for part in parts.iter_mut().filter(|part| can_fail(&part.sql)) {
                part.sql = behind(&wall, &part.sql);
                part.atom = true;
                part.nullable = true;
            }
            self.access.barrier.apart.insert(scope);
        }
        if parts.len() == 1
            && let Some(only) = parts.pop()
        {
            return Ok(only);
        }
        let texts: Vec<String> = parts.iter().map(Bound::operand).collect();
        Ok(Bound::boolean(texts.join(" AND ")).over(&parts))
    }

    /// Keeps queries in FROM apart where a condition of the scope can fail.
    pub fn part_queries(&mut self, from: &mut String) {
        let scope = self.scope().id;
        let barrier = &self.access.barrier;
        if barrier.apart.contains(&scope) {
            for query in barrier.queries.get(&scope).into_iter().flatten() {
                *from = from.replacen(query.as_str(), &apart(query), 1);
            }
        }
    }

    /// The conditions of a statement on the rows that it changes, those that can fail behind `allowed`.
    pub fn own_filter(&mut self, own: Vec<Bound>, allowed: Option<&Bound>) -> Result<Vec<Bound>> {
        if !own.iter().any(|part| can_fail(&part.sql)) {
            return Ok(own);
        }
        let scope = self.scope().id;
        self.access.barrier.apart.insert(scope);
        let mut wall = self.wall()?;
        if let Some(allowed) = allowed {
            wall = if wall == "1" { allowed.operand() } else { format!("{} AND {wall}", allowed.operand()) };
        }
        let walled = own.into_iter().map(|part| match can_fail(&part.sql) {
            true => Bound { sql: behind(&wall, &part.sql), ..part },
            false => part,
        });
        Ok(walled.collect())
    }

    /// That the rows at hand are rows which policies show.
    fn wall(&mut self) -> Result<String> {
        let scope = self.scope().id;
        let tables = self.access.barrier.tables.get(&scope).cloned().unwrap_or_default();
        let mut texts = Vec::new();
        for (index, table) in tables {
            let Some(source) = self.scope().sources.get(index).cloned() else { continue };
            let columns = Self::relation_columns(&table, &source.emit, false);
            let shown = self.row_filter(&table, &source.emit, columns, &[Command::Select])?;
            texts.push(match source.nullable {
                // Nothing is hidden by a row that an outer join has made up.
                true => format!("(({}) IS NOT TRUE OR {shown})", super::names::presence(&source)),
                false => shown,
            });
        }
        Ok(if texts.is_empty() { "1".to_owned() } else { texts.join(" AND ") })
    }
}

/// A condition behind another.
pub(super) fn behind(wall: &str, condition: &str) -> String {
    if wall == "1" { condition.to_owned() } else { format!("CASE WHEN {wall} THEN {condition} END") }
}

/// `(query) AS "name"` as one that SQLite computes by itself.
fn apart(item: &str) -> String {
    match item.rsplit_once(" AS ") {
        Some((query, name)) if query.starts_with('(') => {
            format!("(SELECT * FROM {query} LIMIT -1) AS {name}")
        }
        _ => item.to_owned(),
    }
}

/// Whether a text calls what may fail for some values.
pub(super) fn can_fail(sql: &str) -> bool {
    // What depends on a literal alone is the same for all rows.
    let of_rows = |arguments: &str| !arguments.starts_with('\'');
    let calls_fail = sql.split("\"pg").skip(1).any(|call| {
        let (name, rest) = call.split_once('(').unwrap_or((call, ""));
        match name.strip_prefix(':').unwrap_or(name) {
            "current_setting" => rest.split_once("\"(").is_none_or(|(_, arguments)| of_rows(arguments)),
            name => !TOTAL.contains(&name),
        }
    });
    calls_fail || sql.split("pg_cast(").skip(1).any(of_rows)
}
