//! A condition decided in memory is what the engine answers in a query, row by row.

use super::embedded::Embedded;
use super::number;
use mainstay_engine::RecordStore;
use mainstay_policy::Predicate;
use mainstay_sql::Name;
use mainstay_testkit::generate::Generator;
use mainstay_types::Value;

fn people() -> Embedded {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/differential/schema.sql");
    let schema = std::fs::read_to_string(path).expect("schema.sql");
    let embedded = Embedded::open();
    let extensions = "create extension pgcrypto; create extension citext; create extension pg_trgm; create extension unaccent;";
    embedded.apply(&format!("{extensions}\n{schema}")).expect("the schema");
    embedded
}

#[test]
fn memory_decides_as_the_engine_does() {
    let embedded = people();
    let catalog = embedded.store.catalog();
    let table = catalog.relation(&Name::public("people")).expect("the table");
    let rows = embedded.values("select * from people order by id").expect("rows");
    let mut generator = Generator::new(number("MAINSTAY_POLICY_SEED", 1));
    let (mut decided, mut truths, mut refused) = (0_u64, [0_u64; 3], 0_u64);
    for _ in 0..number("MAINSTAY_POLICY_CONDITIONS", 500) {
        let text = generator.condition();
        let query = format!("select ({text}) from people order by id");
        let predicate = match Predicate::compile(&catalog, table, &text) {
            Ok(predicate) => predicate,
            Err(problem) => {
                // What a row cannot decide is named; every other refusal is the engine's too.
                let theirs = embedded.values(&query).err();
                let same = theirs.is_some_and(|theirs| theirs.code() == problem.code());
                assert!(problem.code() == "0A000" || same, "{text}\n{problem}");
                refused += 1;
                continue;
            }
        };
        let decider = predicate.decider(embedded.context());
        let ours: Vec<_> = rows.iter().map(|row| decider.decide(row)).collect();
        let Ok(theirs) = embedded.values(&query) else {
            assert!(ours.iter().any(Result::is_err), "the engine fails, memory does not: {text}");
            continue;
        };
        for ((ours, theirs), row) in ours.iter().zip(&theirs).zip(&rows) {
            let expected = match theirs.first() {
                Some(Value::Integer(number)) => Some(*number != 0),
                _ => None,
            };
            let ours = ours.as_ref().unwrap_or_else(|problem| panic!("{text}: {problem}"));
            assert_eq!(*ours, expected, "{text}\n{row:?}");
            decided += 1;
            truths[expected.map_or(2, usize::from)] += 1;
        }
    }
    assert!(
        decided > 500 && truths.iter().all(|count| *count > decided / 50),
        "{decided} decided: {truths:?}, {refused} refused"
    );
    println!("{decided} decisions, {truths:?} false, true, NULL; {refused} conditions refused");
}

#[test]
fn what_a_row_cannot_decide_is_refused_by_name() {
    let embedded = people();
    embedded
        .apply(
            "create function mine(x uuid) returns boolean language sql stable as $$ select x = auth.uid() $$;
             create function counted() returns bigint language sql stable as $$ select count(*) from people $$;",
        )
        .expect("functions");
    let catalog = embedded.store.catalog();
    let table = catalog.relation(&Name::public("people")).expect("the table");
    let refusal = |text: &str| {
        Predicate::compile(&catalog, table, text).err().map(|problem| problem.message().to_owned())
    };
    let needs = |what: &str| Some(format!("{what} cannot be decided from one row alone"));
    assert_eq!(refusal("exists (select 1 from people)"), needs("a subquery"));
    assert_eq!(refusal("counted() > 1"), needs("function counted()"));
    assert_eq!(refusal("random() > 0.5"), needs("the volatile random()"));
    assert_eq!(refusal("mine('00000000-0000-0000-0000-000000000001')"), None);
    assert_eq!(refusal("name = (select auth.role())"), None);
    let words = refusal("nobody = 1").expect("no such column");
    assert!(words.contains("column \"nobody\" does not exist"), "{words}");
}
