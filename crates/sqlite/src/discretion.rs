//! What an error may tell its reader: as PostgreSQL, no value of a row that the role could not read.

use mainstay_base::Problem;
use mainstay_sql::catalog::Relation;
use mainstay_sql::privilege::{Privilege, Reach, Rights};
use mainstay_sql::{Catalog, Name};

/// The problem of a constraint on a row, without the row or the key where the role may not see them.
pub(crate) fn about_row(
    catalog: &Catalog,
    role: Option<&str>,
    table: Option<&Name>,
    problem: Problem,
) -> Problem {
    if problem.details().is_none() || !matches!(problem.code(), "23502" | "23505" | "23514") {
        return problem;
    }
    let Some(role) = role else { return problem };
    match (catalog.rights_of(role), table.and_then(|name| catalog.relation(name))) {
        (Ok(rights), Some(table)) if sees(&rights, table, &problem) => problem,
        _ => without_details(problem),
    }
}

/// The problem of a foreign key, which shows a key of this table.
pub(crate) fn about_key(catalog: &Catalog, role: Option<&str>, table: &Name, problem: Problem) -> Problem {
    let Some(role) = role else { return problem };
    let Some(details) = problem.details().map(str::to_owned) else { return problem };
    match (catalog.rights_of(role), catalog.relation(table)) {
        (Ok(rights), Some(table)) if sees(&rights, table, &problem) => problem,
        _ => {
            let end =
                [" is not present", " is still referenced"].iter().find_map(|words| details.rfind(words));
            let rest = end.and_then(|end| details.get(end..)).unwrap_or_default();
            problem.with_details(format!("Key{rest}"))
        }
    }
}

/// Whether the role may read every value that the details show.
fn sees(rights: &Rights<'_>, table: &Relation, problem: &Problem) -> bool {
    if rights.is_restricted_on(table) {
        return false;
    }
    match (rights.on_relation(table, Privilege::Select), problem.details().and_then(key_columns)) {
        (Reach::Whole, _) => true,
        (reach, Some(columns)) => columns.iter().all(|column| reach.covers(column)),
        (Reach::Columns(_), None) => false,
    }
}

/// The columns of `Key (a, b)=(1, 2) …`.
fn key_columns(details: &str) -> Option<Vec<&str>> {
    let (columns, _) = details.strip_prefix("Key (")?.split_once(")=(")?;
    Some(columns.split(", ").collect())
}

fn without_details(problem: Problem) -> Problem {
    let bare = Problem::new(problem.code().to_owned(), problem.message().to_owned());
    match problem.hint() {
        Some(hint) => bare.with_hint(hint.to_owned()),
        None => bare,
    }
}
