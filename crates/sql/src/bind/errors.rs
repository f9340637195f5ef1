//! PostgreSQL's words for what is wrong with names and types.

use crate::catalog::Name;
use mainstay_base::Problem;

pub(super) trait Located {
    fn placed(self, place: Option<usize>) -> Self;
}

impl Located for Problem {
    fn placed(self, place: Option<usize>) -> Self {
        match place {
            Some(offset) => self.at(offset),
            None => self,
        }
    }
}

impl<T> Located for mainstay_base::Result<T> {
    fn placed(self, place: Option<usize>) -> Self {
        self.map_err(|problem| problem.placed(place))
    }
}

/// A view that reads itself.
pub(super) fn infinite_recursion(view: &Name) -> Problem {
    let words = format!("infinite recursion detected in rules for relation \"{}\"", view.name);
    Problem::new("42P17", words)
}

pub(super) fn undefined_table(name: &str) -> Problem {
    Problem::new("42P01", format!("relation \"{name}\" does not exist"))
}

pub(super) fn undefined_column(name: &str) -> Problem {
    Problem::new("42703", format!("column {name} does not exist"))
}

pub(super) fn ambiguous_column(name: &str) -> Problem {
    Problem::new("42702", format!("column reference \"{name}\" is ambiguous"))
}

pub(super) fn mismatch(message: impl Into<String>) -> Problem {
    Problem::new("42804", message)
}

pub(super) fn syntax(message: impl Into<String>) -> Problem {
    Problem::new("42601", message)
}

pub(super) fn grouping(message: impl Into<String>) -> Problem {
    Problem::new("42803", message)
}

pub(super) fn cannot_cast(from: &str, to: &str) -> Problem {
    Problem::new("42846", format!("cannot cast type {from} to {to}"))
}

/// The problem as one of the place where a view or a function is used: places within its body mean nothing there.
pub(super) fn relocated(problem: Problem, place: Option<usize>) -> Problem {
    let mut moved = Problem::new(problem.code().to_owned(), problem.message());
    if let Some(details) = problem.details() {
        moved = moved.with_details(details);
    }
    if let Some(hint) = problem.hint() {
        moved = moved.with_hint(hint);
    }
    moved.placed(place)
}

/// What a place stores as an offset; PostgreSQL's parser writes -1 where it knows none.
pub(super) fn place(location: i32) -> Option<usize> {
    usize::try_from(location).ok()
}

/// The smallest number of edits between two names, as the hints for misspelt columns count them.
pub(super) fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        let mut before = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let cost = diagonal + usize::from(a != *b);
            diagonal = *cell;
            *cell = cost.min(diagonal + 1).min(before + 1);
            before = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}
