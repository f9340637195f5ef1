//! What every record store must do, as tests that know its contract alone.
//!
//! Each function is one test over an empty store. An engine runs them all with
//! [`record_store_suite!`](crate::record_store_suite).

use mainstay_base::{Problem, Result};
use mainstay_engine::{
    Format, Migrated, Migration, Plan, PlanKind, Position, Read, ReadNow, RecordStore, Rows, Step, Write,
    WriteStep, Written,
};
use mainstay_sql::Name;
use mainstay_types::{Session, Type, Value};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

pub use crate::changes::*;
pub use crate::roles::*;
pub use crate::streams::*;
pub(crate) use crate::transactions::transaction;
pub use crate::transactions::*;

/// An empty store, with what must outlive it (its directory).
pub struct Fixture {
    pub store: Box<dyn RecordStore>,
    pub keep: Box<dyn Any>,
}

/// Makes a `#[test]` of each function of the suite. The argument is a function that makes a [`Fixture`].
#[macro_export]
macro_rules! record_store_suite {
    ($make:path) => {
        $crate::record_store_suite!(@tests $make:
            rows_come_back_in_the_types_of_postgresql,
            a_write_is_all_or_nothing,
            a_write_that_fails_harms_no_other,
            constraints_fail_in_the_words_of_postgresql,
            foreign_keys_name_themselves,
            a_read_of_several_plans_sees_one_snapshot,
            a_read_at_once_sees_what_a_read_sees,
            a_rehearsed_write_leaves_nothing,
            expectations_are_part_of_a_write,
            changes_are_gapless_and_in_order,
            failed_writes_have_no_changes,
            listeners_hear_their_table_alone,
            a_plan_does_not_outlive_its_catalog,
            a_plan_is_of_the_role_it_was_bound_for,
            a_read_cannot_write,
            parameters_are_counted,
            a_migration_is_all_or_nothing,
            a_migration_is_applied_once,
            a_migration_can_skip_what_cannot_be_done,
            serial_columns_count,
            enums_and_numerics_have_their_own_order,
            settings_come_back_from_a_write,
            values_in_many_sets_share_one_statement,
            a_long_statement_ends_at_its_deadline,
            a_stream_gives_all_rows_in_pieces,
            a_transaction_decides_by_what_it_reads,
            a_refused_transaction_leaves_nothing,
            a_failed_step_is_undone_alone,
            what_is_kept_is_found_until_its_time,
            a_rehearsed_transaction_leaves_nothing,
            transactions_do_not_overlap,
            a_transaction_is_over_with_its_work,
            deferred_keys_hold_at_the_end_of_a_transaction,
            a_closed_store_refuses_work,
        );
    };
    (@tests $make:path: $($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                let fixture = $make();
                $crate::record_store::block_on($crate::record_store::$name(&*fixture.store));
            }
        )*
    };
}

/// Runs a test's future on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => panic!("no runtime: {error}"),
    }
}

pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

const SHOP: &str = "
CREATE TABLE owners (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE notes (
    id bigint PRIMARY KEY,
    owner bigint REFERENCES owners (id),
    title text NOT NULL UNIQUE,
    size integer DEFAULT 1,
    CONSTRAINT notes_size_check CHECK (size > 0)
);
CREATE PUBLICATION changes FOR TABLE notes;
";

pub(crate) fn session() -> Arc<Session> {
    Arc::new(Session { role: "anon".to_owned(), ..Session::default() })
}

#[track_caller]
pub(crate) fn sure<T>(outcome: Result<T>) -> T {
    match outcome {
        Ok(value) => value,
        Err(problem) => panic!("{problem} {:?} {:?}", problem.details(), problem.hint()),
    }
}

#[track_caller]
pub(crate) fn problem_of<T>(outcome: Result<T>) -> Problem {
    match outcome {
        Ok(_) => panic!("it succeeded"),
        Err(problem) => problem,
    }
}

pub(crate) async fn migrate(store: &dyn RecordStore, name: &str, text: &str) -> Result<Migrated> {
    let (name, text) = (name.to_owned(), text.to_owned());
    store.migrate(Migration { name, text, keep_going: false, record: true }).await
}

pub(crate) async fn build_shop(store: &dyn RecordStore) {
    sure(migrate(store, "0001_shop", SHOP).await);
}

#[track_caller]
pub(crate) fn plan(store: &dyn RecordStore, sql: &str, parameters: &[Type]) -> Arc<Plan> {
    let parameters: Vec<_> = parameters.iter().cloned().map(Into::into).collect();
    sure(store.prepare(sql, &parameters))
}

pub(crate) fn step(plan: &Arc<Plan>, values: Vec<Value>) -> WriteStep {
    WriteStep { plan: Arc::clone(plan), value_sets: vec![values], format: Format::JsonArray, expect: None }
}

pub(crate) fn write_of(steps: Vec<WriteStep>) -> Write {
    Write { steps, session: session(), timeout: TIMEOUT, rollback: false }
}

pub(crate) async fn run(store: &dyn RecordStore, sql: &str) -> Result<Written> {
    let plan = store.prepare(sql, &[])?;
    store.write(write_of(vec![step(&plan, Vec::new())])).await
}

pub(crate) fn read_of(plans: &[(&Arc<Plan>, Vec<Value>)], format: Format) -> Read {
    let steps = plans.iter().map(|(plan, values)| {
        let plan = Arc::clone(plan);
        Step { plan, values: values.clone(), format }
    });
    Read { steps: steps.collect(), session: session(), timeout: TIMEOUT }
}

fn text_of(rows: &Rows) -> String {
    String::from_utf8_lossy(&rows.body).into_owned()
}

pub(crate) async fn select(store: &dyn RecordStore, sql: &str) -> String {
    let plan = plan(store, sql, &[]);
    let rows = sure(store.read(read_of(&[(&plan, Vec::new())], Format::JsonArray)).await);
    rows.first().map(text_of).unwrap_or_default()
}

pub(crate) const INSERT_NOTE: &str = "INSERT INTO notes (id, owner, title, size) VALUES ($1, $2, $3, $4)";
pub(crate) const NOTE_TYPES: [Type; 4] = [Type::Int8, Type::Int8, Type::Text, Type::Int4];

pub(crate) fn note(id: i64, owner: Option<i64>, title: &str, size: i64) -> Vec<Value> {
    let owner = owner.map_or(Value::Null, Value::Integer);
    vec![Value::Integer(id), owner, Value::text(title), Value::Integer(size)]
}

fn facts(problem: &Problem) -> (&str, &str, Option<&str>) {
    (problem.code(), problem.message(), problem.details())
}

pub async fn rows_come_back_in_the_types_of_postgresql(store: &dyn RecordStore) {
    let table = "CREATE TABLE things (id bigint PRIMARY KEY, b boolean, i integer, n numeric(10,2), f float8,
        t text, v varchar(5), u uuid, d date, ts timestamptz, j json, jb jsonb, a int[], by bytea)";
    sure(migrate(store, "1", table).await);
    let insert = "INSERT INTO things VALUES (1, true, 7, 1.5, 0.25, 'it''s', 'abc',
        '7c0a9a52-9ab6-4c4e-8f9c-0c6e25a5ab7e', '2024-02-29', '2024-02-29 12:30:00+02', '{\"a\": 1}',
        '{\"b\":2,  \"a\":1}', '{1,2}', '\\x00ff')";
    sure(run(store, insert).await);
    assert_eq!(
        select(store, "SELECT * FROM things").await,
        concat!(
            r#"[{"id":1,"b":true,"i":7,"n":1.50,"f":0.25,"t":"it's","v":"abc","#,
            r#""u":"7c0a9a52-9ab6-4c4e-8f9c-0c6e25a5ab7e","d":"2024-02-29","ts":"2024-02-29T10:30:00+00:00","#,
            r#""j":{"a": 1},"jb":{"a": 1, "b": 2},"a":[1,2],"by":"\\x00ff"}]"#
        )
    );
    let written = sure(run(store, "UPDATE things SET i = i + 1 RETURNING id, i").await);
    assert_eq!(written.results.first().map(text_of).as_deref(), Some(r#"[{"id":1,"i":8}]"#));
}

pub async fn a_write_is_all_or_nothing(store: &dyn RecordStore) {
    build_shop(store).await;
    let insert = plan(store, INSERT_NOTE, &NOTE_TYPES);
    let steps = vec![step(&insert, note(1, None, "a", 1)), step(&insert, note(2, None, "b", -1))];
    assert_eq!(problem_of(store.write(write_of(steps)).await).code(), "23514");
    assert_eq!(select(store, "SELECT id FROM notes").await, "[]");
}

pub async fn a_write_that_fails_harms_no_other(store: &dyn RecordStore) {
    build_shop(store).await;
    let insert = plan(store, INSERT_NOTE, &NOTE_TYPES);
    let mut waiting = Vec::new();
    for id in 0..60 {
        let size = if id % 3 == 0 { 0 } else { 1 };
        waiting.push(store.write(write_of(vec![step(&insert, note(id, None, &format!("n{id}"), size))])));
    }
    for (id, outcome) in join_all(waiting).await.into_iter().enumerate() {
        assert_eq!(outcome.is_err(), id % 3 == 0, "write {id}");
    }
    assert_eq!(select(store, "SELECT count(*) AS n FROM notes").await, r#"[{"n":40}]"#);
}

/// Polls all futures until each has its answer.
pub(crate) async fn join_all<F: Future + Unpin>(futures: Vec<F>) -> Vec<F::Output> {
    let mut slots: Vec<(F, Option<F::Output>)> = futures.into_iter().map(|future| (future, None)).collect();
    std::future::poll_fn(move |context| {
        let mut pending = false;
        for (future, answer) in &mut slots {
            if answer.is_none() {
                match std::pin::Pin::new(future).poll(context) {
                    std::task::Poll::Ready(value) => *answer = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            return std::task::Poll::Pending;
        }
        let answers = std::mem::take(&mut slots).into_iter().filter_map(|(_, answer)| answer);
        std::task::Poll::Ready(answers.collect())
    })
    .await
}

pub async fn constraints_fail_in_the_words_of_postgresql(store: &dyn RecordStore) {
    build_shop(store).await;
    sure(run(store, "INSERT INTO notes (id, title) VALUES (1, 'a')").await);
    let insert = plan(store, INSERT_NOTE, &NOTE_TYPES);
    let attempt = |values| store.write(write_of(vec![step(&insert, values)]));
    assert_eq!(
        facts(&problem_of(attempt(note(1, None, "b", 1)).await)),
        (
            "23505",
            "duplicate key value violates unique constraint \"notes_pkey\"",
            Some("Key (id)=(1) already exists.")
        )
    );
    assert_eq!(
        facts(&problem_of(attempt(note(2, None, "a", 1)).await)),
        (
            "23505",
            "duplicate key value violates unique constraint \"notes_title_key\"",
            Some("Key (title)=(a) already exists.")
        )
    );
    let problem = problem_of(attempt(note(2, None, "b", 0)).await);
    assert_eq!(
        (problem.code(), problem.message()),
        ("23514", "new row for relation \"notes\" violates check constraint \"notes_size_check\"")
    );
    let problem = problem_of(run(store, "INSERT INTO notes (id) VALUES (3)").await);
    assert_eq!(
        (problem.code(), problem.message()),
        ("23502", "null value in column \"title\" of relation \"notes\" violates not-null constraint")
    );
}

pub async fn foreign_keys_name_themselves(store: &dyn RecordStore) {
    build_shop(store).await;
    sure(run(store, "INSERT INTO owners VALUES (1, 'Ada')").await);
    sure(run(store, "INSERT INTO notes (id, owner, title) VALUES (1, 1, 'a')").await);
    assert_eq!(
        facts(&problem_of(run(store, "INSERT INTO notes (id, owner, title) VALUES (2, 9, 'b')").await)),
        (
            "23503",
            "insert or update on table \"notes\" violates foreign key constraint \"notes_owner_fkey\"",
            Some("Key (owner)=(9) is not present in table \"owners\".")
        )
    );
    assert_eq!(
        facts(&problem_of(run(store, "DELETE FROM owners").await)),
        (
            "23503",
            "update or delete on table \"owners\" violates foreign key constraint \"notes_owner_fkey\" on table \"notes\"",
            Some("Key (id)=(1) is still referenced from table \"notes\".")
        )
    );
    assert_eq!(select(store, "SELECT count(*) AS n FROM owners").await, r#"[{"n":1}]"#);
}

pub async fn a_read_of_several_plans_sees_one_snapshot(store: &dyn RecordStore) {
    build_shop(store).await;
    let (insert, count) =
        (plan(store, INSERT_NOTE, &NOTE_TYPES), plan(store, "SELECT count(*) AS n FROM notes", &[]));
    for id in 0..40 {
        let write = store.write(write_of(vec![step(&insert, note(id, None, &format!("n{id}"), 1))]));
        let read = read_of(&[(&count, vec![]), (&count, vec![]), (&count, vec![])], Format::JsonArray);
        let (written, rows) = tokio::join!(write, store.read(read));
        sure(written);
        let bodies: Vec<String> = sure(rows).iter().map(text_of).collect();
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
    }
}

pub async fn a_read_at_once_sees_what_a_read_sees(store: &dyn RecordStore) {
    build_shop(store).await;
    let (insert, notes) =
        (plan(store, INSERT_NOTE, &NOTE_TYPES), plan(store, "SELECT id, title FROM notes ORDER BY id", &[]));
    for id in 0..5 {
        sure(store.write(write_of(vec![step(&insert, note(id, None, &format!("n{id}"), 1))])).await);
        let waited = sure(store.read(read_of(&[(&notes, vec![])], Format::JsonArray)).await);
        // A store may give the read back, whole, and always answers it when it waits.
        let at_once = match store.read_now(read_of(&[(&notes, vec![])], Format::JsonArray)) {
            ReadNow::Done(outcome) => sure(outcome),
            ReadNow::NotNow(read) => sure(store.read(read).await),
        };
        assert_eq!(text_of(&at_once[0]), text_of(&waited[0]));
        assert_eq!(at_once[0].count, u64::try_from(id).unwrap_or(0) + 1);
    }
    match store.read_now(read_of(&[(&insert, note(9, None, "n", 1))], Format::Nothing)) {
        ReadNow::Done(outcome) => assert_eq!(problem_of(outcome).code(), "25006"),
        ReadNow::NotNow(_) => {
            assert_eq!(select(store, "SELECT count(*) AS n FROM notes").await, r#"[{"n":5}]"#)
        }
    }
}

pub async fn a_rehearsed_write_leaves_nothing(store: &dyn RecordStore) {
    build_shop(store).await;
    let insert = plan(store, "INSERT INTO notes (id, title) VALUES (1, 'a') RETURNING title", &[]);
    let mut write = write_of(vec![step(&insert, Vec::new())]);
    write.rollback = true;
    let written = sure(store.write(write).await);
    assert_eq!(written.results.first().map(text_of).as_deref(), Some(r#"[{"title":"a"}]"#));
    assert_eq!(written.position, None);
    assert_eq!(select(store, "SELECT id FROM notes").await, "[]");
}

pub async fn expectations_are_part_of_a_write(store: &dyn RecordStore) {
    build_shop(store).await;
    sure(run(store, "INSERT INTO notes (id, title) VALUES (1, 'a'), (2, 'b')").await);
    let update = plan(store, "UPDATE notes SET size = 5", &[]);
    let refused = Problem::new("PGRST116", "one row was wanted");
    let mut steps = vec![step(&update, Vec::new())];
    for step in &mut steps {
        step.expect = Some((0..=1, refused.clone()));
    }
    assert_eq!(problem_of(store.write(write_of(steps)).await), refused);
    assert_eq!(select(store, "SELECT id FROM notes WHERE size = 5").await, "[]");
}

pub async fn a_plan_does_not_outlive_its_catalog(store: &dyn RecordStore) {
    build_shop(store).await;
    let select = plan(store, "SELECT id FROM notes", &[]);
    let insert = plan(store, "INSERT INTO notes (id, title) VALUES (1, 'a')", &[]);
    sure(migrate(store, "0002", "ALTER TABLE notes ADD COLUMN done boolean DEFAULT false").await);
    let read = store.read(read_of(&[(&select, vec![])], Format::JsonArray)).await;
    assert_eq!(problem_of(read).code(), "MS001");
    let write = store.write(write_of(vec![step(&insert, Vec::new())])).await;
    assert_eq!(problem_of(write).code(), "MS001");
    assert_ne!(plan(store, "SELECT done FROM notes", &[]).catalog_version, select.catalog_version);
}

pub async fn a_read_cannot_write(store: &dyn RecordStore) {
    build_shop(store).await;
    let insert = plan(store, "INSERT INTO notes (id, title) VALUES (1, 'a')", &[]);
    assert_eq!(insert.kind, PlanKind::Write);
    let read = store.read(read_of(&[(&insert, vec![])], Format::JsonArray)).await;
    assert_eq!(problem_of(read).code(), "25006");
}

pub async fn parameters_are_counted(store: &dyn RecordStore) {
    build_shop(store).await;
    let select = plan(store, "SELECT id FROM notes WHERE id = $1", &[Type::Int8]);
    let read = store.read(read_of(&[(&select, vec![])], Format::JsonArray)).await;
    assert_eq!(problem_of(read).code(), "08P01");
}

pub async fn a_migration_is_all_or_nothing(store: &dyn RecordStore) {
    build_shop(store).await;
    sure(run(store, "INSERT INTO notes (id, title) VALUES (1, 'a'), (2, 'b')").await);
    let text = "CREATE TABLE extra (id int); UPDATE notes SET size = -1;";
    let problem = problem_of(migrate(store, "0002", text).await);
    assert_eq!((problem.code(), problem.place().is_some()), ("23514", true));
    assert!(store.catalog().relation(&Name::public("extra")).is_none());
    assert_eq!(select(store, "SELECT size FROM notes WHERE id = 1").await, r#"[{"size":1}]"#);
    assert_eq!(sure(store.applied().await).len(), 1);
    sure(migrate(store, "0002", "CREATE TABLE extra (id int)").await);
    assert_eq!(select(store, "SELECT * FROM extra").await, "[]");
}

pub async fn a_migration_is_applied_once(store: &dyn RecordStore) {
    build_shop(store).await;
    assert_eq!(sure(migrate(store, "0001_shop", SHOP).await).statements, 0);
    let changed = format!("{SHOP} -- more");
    assert_eq!(problem_of(migrate(store, "0001_shop", &changed).await).code(), "MS002");
    let applied = sure(store.applied().await);
    let names: Vec<_> = applied.iter().map(|one| (one.name.as_str(), one.text == SHOP)).collect();
    assert_eq!(names, [("0001_shop", true)]);
}

pub async fn a_migration_can_skip_what_cannot_be_done(store: &dyn RecordStore) {
    let text = "CREATE TABLE a (id int PRIMARY KEY); SELECT nothing FROM nowhere; INSERT INTO a VALUES (1);
        INSERT INTO a VALUES (1); CREATE TABLE b (id int);"
        .to_owned();
    let migration = Migration { name: "1".to_owned(), text, keep_going: true, record: true };
    let migrated = sure(store.migrate(migration).await);
    let codes: Vec<&str> = migrated.skipped.iter().map(Problem::code).collect();
    assert_eq!(codes, ["42P01", "23505"]);
    assert!(migrated.skipped.iter().all(|problem| problem.place().is_some()));
    assert_eq!(
        select(store, "SELECT count(*) AS n FROM a, (SELECT count(*) FROM b) x").await,
        r#"[{"n":1}]"#
    );
}

pub async fn serial_columns_count(store: &dyn RecordStore) {
    sure(migrate(store, "1", "CREATE TABLE a (id bigserial PRIMARY KEY, t text)").await);
    for expected in 1..=3 {
        let written = sure(run(store, "INSERT INTO a (t) VALUES ('x') RETURNING id").await);
        let body = written.results.first().map(text_of);
        assert_eq!(body, Some(format!("[{{\"id\":{expected}}}]")));
    }
    let next = sure(run(store, "SELECT nextval('a_id_seq') AS n").await);
    assert_eq!(next.results.first().map(text_of).as_deref(), Some(r#"[{"n":4}]"#));
}

pub async fn enums_and_numerics_have_their_own_order(store: &dyn RecordStore) {
    let text = "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE TABLE a (m mood, n numeric);
        CREATE INDEX ON a (m); CREATE INDEX ON a (n);
        INSERT INTO a VALUES ('happy', 10), ('sad', 9.5), ('ok', -100);";
    sure(migrate(store, "1", text).await);
    assert_eq!(
        select(store, "SELECT m FROM a ORDER BY m").await,
        r#"[{"m":"sad"},{"m":"ok"},{"m":"happy"}]"#
    );
    assert_eq!(select(store, "SELECT n FROM a WHERE n > 9.4 ORDER BY n").await, r#"[{"n":9.5},{"n":10}]"#);
    sure(migrate(store, "2", "ALTER TYPE mood ADD VALUE 'bored' BEFORE 'ok'").await);
    sure(run(store, "INSERT INTO a VALUES ('bored', 1)").await);
    assert_eq!(
        select(store, "SELECT m FROM a ORDER BY m DESC").await,
        r#"[{"m":"happy"},{"m":"ok"},{"m":"bored"},{"m":"sad"}]"#
    );
}

pub async fn settings_come_back_from_a_write(store: &dyn RecordStore) {
    build_shop(store).await;
    let written = sure(run(store, "SELECT set_config('response.status', '201', true)").await);
    assert_eq!(written.settings, [("response.status".to_owned(), "201".to_owned())]);
}

pub async fn values_in_many_sets_share_one_statement(store: &dyn RecordStore) {
    build_shop(store).await;
    let sql = "INSERT INTO notes (id, title) VALUES ($1, $2) RETURNING id";
    let insert = plan(store, sql, &[Type::Int8, Type::Text]);
    let mut many = step(&insert, Vec::new());
    many.value_sets = (1..=3).map(|id| vec![Value::Integer(id), Value::text(format!("n{id}"))]).collect();
    let written = sure(store.write(write_of(vec![many])).await);
    let first = written.results.first().map(|rows| (rows.count, text_of(rows)));
    assert_eq!(first, Some((3, r#"[{"id":1},{"id":2},{"id":3}]"#.to_owned())));
    assert_eq!(written.position, Some(Position(3)));
}

pub async fn a_long_statement_ends_at_its_deadline(store: &dyn RecordStore) {
    let sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000000)
        SELECT count(*) FROM n";
    let endless = plan(store, sql, &[]);
    let mut read = read_of(&[(&endless, vec![])], Format::JsonArray);
    read.timeout = Duration::from_millis(50);
    let problem = problem_of(store.read(read).await);
    assert_eq!(
        (problem.code(), problem.message()),
        ("57014", "canceling statement due to statement timeout")
    );
}

pub async fn a_closed_store_refuses_work(store: &dyn RecordStore) {
    build_shop(store).await;
    let insert = plan(store, "INSERT INTO notes (id, title) VALUES (1, 'a')", &[]);
    let select = plan(store, "SELECT id FROM notes", &[]);
    sure(store.close().await);
    sure(store.close().await);
    let write = problem_of(store.write(write_of(vec![step(&insert, Vec::new())])).await);
    let read = problem_of(store.read(read_of(&[(&select, vec![])], Format::JsonArray)).await);
    assert_eq!((write.code(), read.code()), ("57P03", "57P03"));
}
