//! Each application on both, each statement as its role on both: the same rows, counts, outcomes and errors.

use super::embedded::{Embedded, failure};
use super::number;
use mainstay_testkit::policies::{Application, Case, POSTGRES_PRELUDE, POSTGRES_RESET, STATE};
use mainstay_testkit::postgres::{Acted, Cluster, Failure, Session};

type Outcome = Result<Acted, Failure>;

/// What the judge saw; a comparison in which everything is refused proves little.
#[derive(Default, Debug)]
struct Seen {
    compared: u64,
    rows: u64,
    changes: u64,
    refused: u64,
}

#[test]
fn roles_see_and_do_the_same_as_on_postgresql() {
    let cluster = Cluster::start();
    let mut session = cluster.database("policies");
    session.execute(POSTGRES_PRELUDE).expect("the roles");
    let (first, seeds) = (number("MAINSTAY_POLICY_SEED", 1), number("MAINSTAY_POLICY_SEEDS", 25));
    let cases = number("MAINSTAY_POLICY_CASES", 60) as usize;
    let shown = number("MAINSTAY_POLICY_SHOWN", 20) as usize;
    let mut seen = Seen::default();
    let mut differences = Vec::new();
    for seed in first..first + seeds {
        compare(seed, cases, &mut session, &mut seen, &mut differences);
    }
    let all = differences.len();
    differences.truncate(shown);
    assert!(
        all == 0,
        "{all} of {} differ (PostgreSQL / embedded):\n{}",
        seen.compared,
        differences.join("\n")
    );
    println!("{seen:?}");
    let tenth = seen.compared / 10;
    assert!(
        seen.rows > tenth && seen.changes > tenth && seen.refused > tenth,
        "little was allowed or refused: {seen:?}"
    );
}

fn compare(seed: u64, cases: usize, session: &mut Session, seen: &mut Seen, differences: &mut Vec<String>) {
    let application = Application::new(seed, cases);
    session.execute(POSTGRES_RESET).expect("the last application goes away");
    let embedded = Embedded::open();
    if let Some(difference) = differs_in_schema(&application, session, &embedded) {
        // What follows would differ by this alone.
        differences.push(format!("seed {seed}: {difference}"));
        return;
    }
    let before = differences.len();
    for case in &application.cases {
        seen.compared += 1;
        let theirs = sorted(session.act(&prelude(case), &case.statement, &STATE));
        let ours = sorted(embedded.act(case.role, &case.claims, &case.statement, &STATE));
        match &theirs {
            Err(_) => seen.refused += 1,
            Ok(acted) if is_query(case) => seen.rows += u64::from(acted.count > 0),
            Ok(acted) => seen.changes += u64::from(acted.count > 0),
        }
        if let Some(difference) = difference(case, &theirs, &ours) {
            let Case { role, claims, statement } = case;
            differences.push(format!("seed {seed}, {role} {claims}: {statement}\n    {difference}"));
        }
    }
    if let Some(first) = differences.get_mut(before) {
        let schema = application.schema.iter().filter(|statement| !statement.starts_with("insert"));
        let schema: Vec<&str> = schema.map(String::as_str).collect();
        *first = format!("{};\n{first}", schema.join(";\n"));
    }
}

/// The first statement of the migration that only one of them takes, or that they refuse in other words.
fn differs_in_schema(
    application: &Application,
    session: &mut Session,
    embedded: &Embedded,
) -> Option<String> {
    let theirs: Vec<_> = application.schema.iter().map(|statement| session.execute(statement)).collect();
    let all = application.schema.join(";\n");
    if theirs.iter().all(Result::is_ok) && embedded.apply(&all).is_ok() {
        return None;
    }
    for (statement, theirs) in application.schema.iter().zip(&theirs) {
        let ours = embedded.apply(statement).map_err(|problem| failure(&problem));
        if let Some(difference) = refusals(theirs, &ours) {
            return Some(format!("{statement}\n    {difference}"));
        }
    }
    None
}

fn prelude(case: &Case) -> String {
    format!("set local role {}; select set_config('request.jwt.claims', '{}', true)", case.role, case.claims)
}

fn is_query(case: &Case) -> bool {
    case.statement.starts_with("select")
}

/// Rows have no order that was asked for.
fn sorted(outcome: Outcome) -> Outcome {
    outcome.map(|mut acted| {
        acted.rows.sort();
        acted.after.iter_mut().for_each(|rows| rows.sort());
        acted
    })
}

fn refusals(theirs: &Result<(), Failure>, ours: &Result<(), Failure>) -> Option<String> {
    let words = |outcome: &Result<(), Failure>| match outcome {
        Ok(()) => "done".to_owned(),
        Err(failed) => format!("{} {}", failed.code, failed.message),
    };
    (words(theirs) != words(ours)).then(|| format!("{} / {}", words(theirs), words(ours)))
}

fn difference(case: &Case, theirs: &Outcome, ours: &Outcome) -> Option<String> {
    let (theirs, ours) = match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => (theirs, ours),
        (Err(theirs), Err(ours)) if theirs == ours => return None,
        (Err(theirs), Err(ours)) if are_both_denied(theirs, ours) || fails_twice(theirs, ours) => {
            return None;
        }
        _ => return Some(format!("{} / {}", words(theirs), words(ours))),
    };
    if (theirs.count, &theirs.rows) != (ours.count, &ours.rows) {
        return Some(format!("{} {:?} / {} {:?}", theirs.count, theirs.rows, ours.count, ours.rows));
    }
    if is_query(case) {
        return None;
    }
    let mut tables = theirs.after.iter().zip(&ours.after);
    tables.find(|(left, right)| left != right).map(|(left, right)| format!("afterwards {left:?} / {right:?}"))
}

/// Where several privileges are missing, which of them is named depends on the order in which a planner meets tables.
fn are_both_denied(theirs: &Failure, ours: &Failure) -> bool {
    let denied =
        |failed: &Failure| failed.code == "42501" && failed.message.starts_with("permission denied for ");
    denied(theirs) && denied(ours)
}

/// PostgreSQL filters, checks and writes row by row, the embedded engine filters all rows first: of a statement in which
/// the filter fails for one row and the check for another, each names what it meets first.
fn fails_twice(theirs: &Failure, ours: &Failure) -> bool {
    let of_filter = |failed: &Failure| matches!(&*failed.code, "22012" | "22P02");
    let of_row = |failed: &Failure| failed.code == "42501" || failed.code.starts_with("23");
    of_row(theirs) && of_filter(ours)
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Ok(acted) => format!("{} {:?}", acted.count, acted.rows),
        Err(failed) => match &failed.details {
            Some(details) => format!("error {} {} ({details})", failed.code, failed.message),
            None => format!("error {} {}", failed.code, failed.message),
        },
    }
}
