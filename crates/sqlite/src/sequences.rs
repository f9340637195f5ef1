//! Sequences: their state lives in memory on the writer's thread and is written once per commit.
//!
//! As in PostgreSQL a value once given is never given again, also when the transaction that took it fails: the
//! state in memory is not undone, and it is durable before anything that used it is.

use mainstay_base::{Problem, Result};
use mainstay_sql::catalog::Sequence;
use mainstay_sql::{Catalog, Name};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub last: i64,
    pub called: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Sequences {
    catalog: Arc<Catalog>,
    states: BTreeMap<Name, State>,
    dirty: BTreeSet<Name>,
    /// What `currval` and `lastval` answer within the running write.
    current: HashMap<Name, i64>,
    latest: Option<i64>,
    /// Counts runs of plans.
    run: u64,
    /// The state before the run that last took a value, and which run that was.
    before: HashMap<Name, (u64, State)>,
}

impl Sequences {
    pub fn new(catalog: Arc<Catalog>, states: BTreeMap<Name, State>) -> Self {
        Sequences { catalog, states, ..Sequences::default() }
    }

    pub fn set_catalog(&mut self, catalog: Arc<Catalog>) {
        self.catalog = catalog;
    }

    /// Forgets what the write before took: each write is a session of its own.
    pub fn begin(&mut self) {
        self.current.clear();
        self.latest = None;
    }

    /// Begins a run, to which [`Sequences::rewind`] goes back.
    pub fn mark(&mut self) {
        self.run += 1;
    }

    /// Puts the sequences back to where they were when the present run began.
    pub fn rewind(&mut self) {
        for (name, (run, state)) in &self.before {
            if *run == self.run {
                self.states.insert(name.clone(), *state);
            }
        }
    }

    /// States that are not written yet; they count as written from now on.
    pub fn take_dirty(&mut self) -> Vec<(Name, State)> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty
            .into_iter()
            .filter_map(|name| self.states.get(&name).map(|state| (name.clone(), *state)))
            .collect()
    }

    /// Undoes [`Sequences::take_dirty`] when the commit failed.
    pub fn mark_dirty(&mut self, names: impl IntoIterator<Item = Name>) {
        self.dirty.extend(names);
    }

    pub fn create(&mut self, sequence: &Sequence) {
        self.put(sequence.name.clone(), State { last: sequence.start, called: false });
    }

    pub fn put(&mut self, name: Name, state: State) {
        self.dirty.insert(name.clone());
        self.states.insert(name, state);
    }

    pub fn rename(&mut self, from: &Name, to: &Name) {
        if let Some(state) = self.states.remove(from) {
            self.put(to.clone(), state);
        }
    }

    pub fn remove(&mut self, name: &Name) {
        self.states.remove(name);
        self.dirty.remove(name);
    }

    fn find(&self, text: &str) -> Result<&Sequence> {
        let parts = parse_name(text)?;
        let found = match parts.as_slice() {
            [name] => ["public", "extensions"]
                .iter()
                .find_map(|schema| self.catalog.sequences.get(&Name::new(*schema, name.as_str()))),
            [schema, name] => self.catalog.sequences.get(&Name::new(schema.as_str(), name.as_str())),
            _ => None,
        };
        found.ok_or_else(|| Problem::new("42P01", format!("relation \"{}\" does not exist", parts.join("."))))
    }

    pub fn next(&mut self, text: &str) -> Result<i64> {
        let sequence = self.find(text)?;
        let state =
            self.states.get(&sequence.name).copied().unwrap_or(State { last: sequence.start, called: false });
        let value = if state.called { following(sequence, state.last)? } else { state.last };
        let name = sequence.name.clone();
        match self.before.get_mut(&name) {
            Some((run, _)) if *run == self.run => {}
            Some(before) => *before = (self.run, state),
            None => {
                self.before.insert(name.clone(), (self.run, state));
            }
        }
        self.put(name.clone(), State { last: value, called: true });
        self.current.insert(name, value);
        self.latest = Some(value);
        Ok(value)
    }

    pub fn current(&self, text: &str) -> Result<i64> {
        let sequence = self.find(text)?;
        self.current.get(&sequence.name).copied().ok_or_else(|| {
            let name = &sequence.name.name;
            Problem::new(
                "55000",
                format!("currval of sequence \"{name}\" is not yet defined in this session"),
            )
        })
    }

    pub fn latest(&self) -> Result<i64> {
        self.latest.ok_or_else(|| Problem::new("55000", "lastval is not yet defined in this session"))
    }

    pub fn set(&mut self, text: &str, value: i64, called: bool) -> Result<i64> {
        let sequence = self.find(text)?;
        if value < sequence.minimum || value > sequence.maximum {
            return Err(Problem::new(
                "22003",
                format!(
                    "setval: value {value} is out of bounds for sequence \"{}\" ({}..{})",
                    sequence.name.name, sequence.minimum, sequence.maximum
                ),
            ));
        }
        let name = sequence.name.clone();
        self.put(name.clone(), State { last: value, called });
        if called {
            self.current.insert(name, value);
        }
        Ok(value)
    }

    /// `pg_get_serial_sequence`: the sequence that a column owns, as text.
    pub fn owned_by(&self, table: &str, column: &str) -> Result<Option<String>> {
        let parts = parse_name(table)?;
        let name = match parts.as_slice() {
            [name] => Name::public(name.as_str()),
            [schema, name] => Name::new(schema.as_str(), name.as_str()),
            _ => return Err(Problem::new("42602", "invalid name syntax")),
        };
        let Some(relation) = self.catalog.relation(&name) else {
            return Err(Problem::new("42P01", format!("relation \"{table}\" does not exist")));
        };
        let Some(column) = relation.column(column) else {
            return Err(Problem::new(
                "42703",
                format!("column \"{column}\" of relation \"{}\" does not exist", name.name),
            ));
        };
        let quoted = |name: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
            let starts = |c: char| c.is_ascii_lowercase() || c == '_';
            if name.chars().all(plain) && name.starts_with(starts) {
                name.to_owned()
            } else {
                mainstay_sql::catalog::quote_identifier(name)
            }
        };
        Ok(column.sequence.as_ref().map(|name| format!("{}.{}", quoted(&name.schema), quoted(&name.name))))
    }
}

fn following(sequence: &Sequence, last: i64) -> Result<i64> {
    let next = last
        .checked_add(sequence.increment)
        .filter(|next| (sequence.minimum..=sequence.maximum).contains(next));
    if let Some(next) = next {
        return Ok(next);
    }
    let ascending = sequence.increment > 0;
    if sequence.cycle {
        return Ok(if ascending { sequence.minimum } else { sequence.maximum });
    }
    let (word, bound) = if ascending { ("maximum", sequence.maximum) } else { ("minimum", sequence.minimum) };
    Err(Problem::new(
        "2200H",
        format!("nextval: reached {word} value of sequence \"{}\" ({bound})", sequence.name.name),
    ))
}

/// A qualified name as `regclass` reads it: parts folded to lower case unless quoted.
fn parse_name(text: &str) -> Result<Vec<String>> {
    let invalid = || Problem::new("42602", "invalid name syntax");
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut part = String::new();
            let mut chars = quoted.char_indices().peekable();
            let end = loop {
                match chars.next() {
                    Some((_, '"')) if chars.peek().is_some_and(|(_, c)| *c == '"') => {
                        part.push('"');
                        chars.next();
                    }
                    Some((index, '"')) => break index + 1,
                    Some((_, c)) => part.push(c),
                    None => return Err(invalid()),
                }
            };
            parts.push(part);
            rest = quoted.get(end..).unwrap_or_default().trim_start();
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            parts.push(part.trim().to_lowercase());
            rest = after;
        }
        if parts.last().is_none_or(String::is_empty) {
            return Err(invalid());
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() => return Ok(parts),
            None => return Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainstay_types::Type;

    fn sequences(cycle: bool) -> Sequences {
        let mut catalog = Catalog::fresh();
        let name = Name::public("Orders_id_seq");
        let sequence = Sequence {
            name: name.clone(),
            ty: Type::Int4,
            start: 1,
            increment: 1,
            minimum: 1,
            maximum: 2,
            cycle,
            owned_by: None,
            comment: None,
        };
        catalog.sequences.insert(name, sequence);
        Sequences::new(Arc::new(catalog), BTreeMap::new())
    }

    const NAME: &str = "public.\"Orders_id_seq\"";

    #[test]
    fn values_end_at_the_maximum() {
        let mut sequences = sequences(false);
        assert_eq!((sequences.next(NAME), sequences.next(NAME)), (Ok(1), Ok(2)));
        let problem = sequences.next(NAME).unwrap_err();
        assert_eq!(
            (problem.code(), problem.message()),
            ("2200H", "nextval: reached maximum value of sequence \"Orders_id_seq\" (2)")
        );
        assert_eq!(sequences.current(NAME), Ok(2));
    }

    #[test]
    fn a_cycle_starts_again_and_setval_decides_what_comes_next() {
        let mut sequences = sequences(true);
        assert_eq!(sequences.set(NAME, 2, true), Ok(2));
        assert_eq!(sequences.next(NAME), Ok(1));
        assert_eq!(sequences.set(NAME, 2, false), Ok(2));
        assert_eq!(sequences.next(NAME), Ok(2));
        assert_eq!(sequences.latest(), Ok(2));
    }

    #[test]
    fn unknown_names_and_fresh_sessions_are_problems_of_postgresql() {
        let mut sequences = sequences(false);
        assert_eq!(sequences.next("nothing").unwrap_err().code(), "42P01");
        assert_eq!(sequences.next("\"open").unwrap_err().code(), "42602");
        assert_eq!(sequences.current(NAME).unwrap_err().code(), "55000");
        assert_eq!(sequences.set(NAME, 9, true).unwrap_err().code(), "22003");
    }
}
