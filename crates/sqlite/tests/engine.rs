//! What the engine does with statements that are lowered already.

mod support;

use mainstay_base::{Problem, Retry};
use mainstay_engine::{Change, ChangeSink, Format, Operation, Position, ReadNow, RecordStore};
use mainstay_sql::Name;
use mainstay_sqlite::{SqliteSettings, SqliteStore};
use mainstay_types::{Type, Value};
use std::sync::{Arc, Barrier, Mutex};
use support::*;

const COUNT: &str = "SELECT count(*) FROM notes";
const NUMBER: [(&str, Type); 1] = [("count", Type::Int8)];

fn count(store: &SqliteStore) -> String {
    body(store, COUNT, &NUMBER, Format::JsonValues)
}

fn facts(problem: &Problem) -> (&str, &str, Option<&str>) {
    (problem.code(), problem.message(), problem.details())
}

#[test]
fn rows_leave_in_every_format() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let plan = insert_note(&store);
    let sets = vec![note(1, None, "a \"b\"", 3), note(2, None, "c", 4)];
    let mut insert = step(&plan, Vec::new());
    insert.value_sets = sets;
    assert_eq!(write(&store, vec![insert]).map(|written| written.results[0].count), Ok(2));
    let text = "SELECT id, owner, title FROM notes ORDER BY id";
    let columns = [("id", Type::Int8), ("owner", Type::Int8), ("title", Type::Text)];
    let shown = |format| body(&store, text, &columns, format);
    assert_eq!(
        shown(Format::JsonArray),
        r#"[{"id":1,"owner":null,"title":"a \"b\""},{"id":2,"owner":null,"title":"c"}]"#
    );
    assert_eq!(shown(Format::JsonArrayNoNulls), r#"[{"id":1,"title":"a \"b\""},{"id":2,"title":"c"}]"#);
    assert_eq!(shown(Format::JsonLines).lines().count(), 2);
    assert_eq!(shown(Format::JsonValues), "[1,2]");
    assert_eq!(shown(Format::Csv), "id,owner,title\n1,,\"a \"\"b\"\"\"\n2,,c");
    assert_eq!(shown(Format::Raw), "12");
    let none = body(&store, "SELECT id FROM notes WHERE 0", &[("id", Type::Int8)], Format::Csv);
    assert_eq!(none, "\n");
    let one = query(&store, "SELECT title FROM notes WHERE id = ?1", &[Type::Int8], &[("title", Type::Text)]);
    let rows = read(&store, &one, vec![Value::Integer(2)], Format::Values).expect("the read succeeds");
    assert_eq!(rows.values, [[Value::text("c")]]);
}

#[test]
fn a_write_that_fails_harms_no_other_of_its_group() {
    let directory = Directory::new();
    let store = Arc::new(open_shop(settings(&directory), false));
    let plan = insert_note(&store);
    let (threads, each) = (8, 25);
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (store, plan, barrier) = (&store, &plan, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for index in 0..each {
                    let id = i64::try_from(thread * each + index).expect("a small number");
                    let bad = index % 5 == 0;
                    let size = if bad { -1 } else { 1 };
                    let outcome = write(store, vec![step(plan, note(id, None, &format!("n{id}"), size))]);
                    assert_eq!(outcome.as_ref().err().map(Problem::code), bad.then_some("23514"));
                }
            });
        }
    });
    assert_eq!(count(&store), "[160]");
    assert_eq!(store.status().position, Position(160));
}

#[test]
fn constraints_fail_in_the_words_of_postgresql() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let plan = insert_note(&store);
    let insert = |values| write(&store, vec![step(&plan, values)]).map(|_| ());
    assert_eq!(insert(note(1, None, "a", 1)), Ok(()));
    let problem = insert(note(1, None, "b", 1)).expect_err("the key exists");
    assert_eq!(
        facts(&problem),
        (
            "23505",
            "duplicate key value violates unique constraint \"notes_pkey\"",
            Some("Key (id)=(1) already exists.")
        )
    );
    let problem = insert(note(2, None, "a", 1)).expect_err("the title exists");
    assert_eq!(problem.message(), "duplicate key value violates unique constraint \"notes_title_key\"");
    assert_eq!(problem.details(), Some("Key (title)=(a) already exists."));
    let problem = insert(note(2, None, "b", 0)).expect_err("the size is checked");
    assert_eq!(
        problem.message(),
        "new row for relation \"notes\" violates check constraint \"notes_size_check\""
    );
    let mut values = note(2, None, "b", 1);
    values[2] = Value::Null;
    let problem = insert(values).expect_err("the title is needed");
    assert_eq!(
        facts(&problem).1,
        "null value in column \"title\" of relation \"notes\" violates not-null constraint"
    );
    let problem = insert(note(3, Some(9), "c", 1)).expect_err("there is no owner");
    assert_eq!(
        facts(&problem),
        (
            "23503",
            "insert or update on table \"notes\" violates foreign key constraint \"notes_owner_fkey\"",
            Some("Key (owner)=(9) is not present in table \"owners\".")
        )
    );
}

#[test]
fn a_row_that_others_refer_to_stays() {
    for deferred in [false, true] {
        let directory = Directory::new();
        let store = open_shop(settings(&directory), deferred);
        let owner = vec![Value::Integer(1), Value::text("Ada")];
        let both =
            vec![step(&insert_owner(&store), owner), step(&insert_note(&store), note(1, Some(1), "a", 1))];
        assert!(write(&store, both).is_ok());
        let delete =
            statement(&store, "DELETE FROM owners WHERE id = ?1", "owners", &[("", Type::Int8)], &[]);
        let problem =
            write(&store, vec![step(&delete, vec![Value::Integer(1)])]).expect_err("a note refers to it");
        assert_eq!(
            facts(&problem),
            (
                "23503",
                "update or delete on table \"owners\" violates foreign key constraint \"notes_owner_fkey\" on table \"notes\"",
                Some("Key (id)=(1) is still referenced from table \"notes\".")
            ),
            "deferred: {deferred}"
        );
        assert_eq!(body(&store, "SELECT count(*) FROM owners", &NUMBER, Format::JsonValues), "[1]");
    }
}

#[test]
fn a_deferred_key_is_looked_at_when_the_write_ends() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), true);
    let owner = vec![Value::Integer(1), Value::text("Ada")];
    let child_first =
        vec![step(&insert_note(&store), note(1, Some(1), "a", 1)), step(&insert_owner(&store), owner)];
    assert!(write(&store, child_first).is_ok());
    let orphan = vec![step(&insert_note(&store), note(2, Some(7), "b", 1))];
    assert_eq!(write(&store, orphan).expect_err("no owner came").code(), "23503");
    assert_eq!(count(&store), "[1]");
}

#[test]
fn steps_are_all_or_nothing_and_expectations_are_part_of_them() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let plan = insert_note(&store);
    let refused = Problem::new("PGRST116", "one row was wanted");
    let update =
        statement(&store, "UPDATE notes SET size = 9 WHERE id = ?1", "notes", &[("", Type::Int8)], &[]);
    let mut last = step(&update, vec![Value::Integer(77)]);
    last.expect = Some((1..=1, refused.clone()));
    let outcome = write(&store, vec![step(&plan, note(1, None, "a", 1)), last]);
    assert_eq!(outcome.err(), Some(refused));
    assert_eq!((count(&store).as_str(), store.status().position), ("[0]", Position(0)));
    let mut tried = write_of(vec![step(&plan, note(1, None, "a", 1))]);
    tried.rollback = true;
    let written = block_on(store.write(tried)).expect("a rehearsal succeeds");
    assert_eq!((written.results[0].count, written.position, count(&store).as_str()), (1, None, "[0]"));
}

#[derive(Default)]
struct Heard(Mutex<Vec<Arc<Change>>>);

impl ChangeSink for Heard {
    fn committed(&self, changes: &[Arc<Change>]) {
        self.0.lock().expect("nobody panicked").extend(changes.iter().cloned());
    }
}

#[test]
fn changes_have_every_position_in_order_and_their_rows() {
    let directory = Directory::new();
    let store = Arc::new(open_shop(settings(&directory), false));
    let heard = Arc::new(Heard::default());
    store.listen(None, heard.clone()).expect("everybody may listen");
    let (notes, owners) = (insert_note(&store), insert_owner(&store));
    std::thread::scope(|scope| {
        for thread in 0..4_i64 {
            let (store, notes, owners) = (&store, &notes, &owners);
            scope.spawn(move || {
                for index in 0..20 {
                    let id = thread * 20 + index;
                    let owner = vec![Value::Integer(id), Value::text("x")];
                    let steps =
                        vec![step(owners, owner), step(notes, note(id, Some(id), &format!("n{id}"), 1))];
                    let written = write(store, steps).expect("nothing stands against it");
                    assert!(written.position.is_some());
                }
            });
        }
    });
    let heard = heard.0.lock().expect("nobody panicked").clone();
    let positions: Vec<u64> = heard.iter().map(|change| change.position.0).collect();
    assert_eq!(positions, (1..=160).collect::<Vec<u64>>());
    assert!(heard.windows(2).all(|pair| pair[0].time <= pair[1].time));
    let kept = block_on(store.changes_after(Position(100), 1000)).expect("changes are kept");
    assert!(kept.iter().all(|change| change.table == Name::public("notes")), "owners are not published");
    assert_eq!(kept.len(), 30);
    let delete = statement(&store, "DELETE FROM notes WHERE id = 5", "notes", &[], &[]);
    let update = statement(&store, "UPDATE notes SET size = 2 WHERE id = 5", "notes", &[], &[]);
    write(&store, vec![step(&update, vec![]), step(&delete, vec![])]).expect("both apply");
    let last = block_on(store.changes_after(Position(160), 10)).expect("changes are kept");
    let row = |size| format!(r#"{{"id":5,"owner":5,"title":"n5","size":{size}}}"#);
    let shown: Vec<_> =
        last.iter().map(|change| (change.operation, change.old.as_deref(), change.new.as_deref())).collect();
    let (before, after) = (row(1), row(2));
    assert_eq!(
        shown,
        [
            (Operation::Update, Some(before.as_str()), Some(after.as_str())),
            (Operation::Delete, Some(after.as_str()), None)
        ]
    );
    assert_eq!(&*last[0].actor, "anon");
}

#[test]
fn positions_and_rows_survive_a_restart() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let plan = insert_note(&store);
    assert!(write(&store, vec![step(&plan, note(1, None, "a", 1))]).is_ok());
    block_on(store.close()).expect("it closes");
    let problem = write(&store, vec![step(&plan, note(2, None, "b", 1))]).expect_err("it is closed");
    assert_eq!((problem.code(), problem.http_status(true)), ("57P03", 503));
    let store = SqliteStore::open(settings(&directory), parts()).expect("it opens again");
    assert_eq!((count(&store).as_str(), store.status().position), ("[1]", Position(1)));
    let plan = insert_note(&store);
    let written = write(&store, vec![step(&plan, note(2, None, "b", 1))]).expect("writes go on");
    assert_eq!(written.position, Some(Position(2)));
}

#[test]
fn several_plans_see_one_snapshot() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let plan = query(&store, COUNT, &[], &NUMBER);
    let insert = insert_note(&store);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for id in 0..200 {
                assert!(write(&store, vec![step(&insert, note(id, None, &format!("n{id}"), 1))]).is_ok());
            }
        });
        while !writer.is_finished() {
            let read = read_of(&[(&plan, vec![]), (&plan, vec![]), (&plan, vec![])], Format::JsonValues);
            let rows = block_on(store.read(read)).expect("reads go on");
            assert!(rows.iter().all(|one| one.body == rows[0].body));
        }
    });
}

const ENDLESS: &str =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?1) SELECT count(*) FROM n";

#[test]
fn a_long_read_moves_to_a_reader_thread_and_ends_at_its_deadline() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let plan = query(&store, ENDLESS, &[Type::Int8], &NUMBER);
    let rows = read(&store, &plan, vec![Value::Integer(50_000)], Format::JsonValues).expect("it ends");
    assert_eq!(rows.body, b"[50000]");
    let mut endless = read_of(&[(&plan, vec![Value::Integer(-1)])], Format::JsonValues);
    endless.timeout = std::time::Duration::from_millis(50);
    let problem = block_on(store.read(endless)).expect_err("it has no end");
    assert_eq!(
        (problem.code(), problem.message()),
        ("57014", "canceling statement due to statement timeout")
    );
}

#[test]
fn a_read_of_few_steps_ends_at_its_deadline_too() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let plan = query(&store, ENDLESS, &[Type::Int8], &NUMBER);
    // More steps than between two looks at the clock, fewer than move it to a reader thread.
    let mut short = read_of(&[(&plan, vec![Value::Integer(500)])], Format::JsonValues);
    short.timeout = std::time::Duration::from_nanos(1);
    match store.read_now(short) {
        ReadNow::Done(outcome) => assert_eq!(outcome.expect_err("its time is over").code(), "57014"),
        ReadNow::NotNow(_) => panic!("it is short"),
    }
    let rows = read(&store, &plan, vec![Value::Integer(500)], Format::JsonValues).expect("it has time");
    assert_eq!(rows.body, b"[500]");
}

#[test]
fn a_write_that_takes_too_long_harms_no_other_of_its_group() {
    let directory = Directory::new();
    let store = Arc::new(open_shop(settings(&directory), false));
    let text = "INSERT INTO notes (id, title) WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) \
                SELECT NULL, 'n' || x FROM n";
    let endless = statement(&store, text, "notes", &[], &[]);
    let plan = insert_note(&store);
    block_on(async {
        let mut slow = write_of(vec![step(&endless, vec![])]);
        slow.timeout = std::time::Duration::from_millis(60);
        let before = store.write(write_of(vec![step(&plan, note(1, None, "a", 1))]));
        let slow = store.write(slow);
        let after = store.write(write_of(vec![step(&plan, note(2, None, "b", 1))]));
        let (before, slow, after) = join3(before, slow, after).await;
        assert_eq!(slow.err().map(|problem| problem.code().to_owned()).as_deref(), Some("57014"));
        assert!(before.is_ok() && after.is_ok());
    });
    assert_eq!(count(&store), "[2]");
}

/// Polls three futures together, the first one first.
async fn join3<A, B, C>(
    a: impl Future<Output = A>,
    b: impl Future<Output = B>,
    c: impl Future<Output = C>,
) -> (A, B, C) {
    tokio::join!(biased; a, b, c)
}

#[test]
fn a_full_queue_refuses_at_once_and_says_when_to_come_back() {
    let directory = Directory::new();
    let settings = SqliteSettings { queue_length_max: 2, group_max: 1, ..settings(&directory) };
    let store = open_shop(settings, false);
    let plan = insert_note(&store);
    let hold = Arc::new(Barrier::new(2));
    struct Holds(Arc<Barrier>);
    impl ChangeSink for Holds {
        fn committed(&self, _: &[Arc<Change>]) {
            self.0.wait();
            self.0.wait();
        }
    }
    let listener = store.listen(None, Arc::new(Holds(Arc::clone(&hold)))).expect("everybody may listen");
    std::thread::scope(|scope| {
        let write_one = |id| write(&store, vec![step(&plan, note(id, None, &format!("n{id}"), 1))]);
        let first = scope.spawn(move || write_one(1));
        hold.wait();
        // The writer is held: two may wait, the third is refused.
        store.unlisten(listener);
        let waiting: Vec<_> = [2, 3].map(|id| scope.spawn(move || write_one(id))).into();
        while store.status().queue_length < 2 {
            std::thread::yield_now();
        }
        let problem = write_one(4).expect_err("the queue is full");
        assert_eq!((problem.code(), problem.http_status(true)), ("53300", 503));
        assert_eq!(problem.retry(), Retry::AfterSeconds(1));
        hold.wait();
        assert!(first.join().expect("no panic").is_ok());
        assert!(waiting.into_iter().all(|thread| thread.join().expect("no panic").is_ok()));
    });
    assert_eq!(count(&store), "[3]");
}

#[test]
fn a_full_disk_refuses_writes_and_lets_reads_go_on() {
    let directory = Directory::new();
    let settings = SqliteSettings { database_bytes_max: Some(200 << 10), ..settings(&directory) };
    let store = open_shop(settings, false);
    let plan = insert_note(&store);
    let big = "x".repeat(30_000);
    let problem = (0..20)
        .find_map(|id| write(&store, vec![step(&plan, note(id, None, &format!("{id}{big}"), 1))]).err())
        .expect("the space ends");
    assert_eq!((problem.code(), problem.http_status(true)), ("53100", 507));
    assert_ne!(count(&store), "[0]");
    let delete = statement(&store, "DELETE FROM notes", "notes", &[], &[]);
    let unpublished = statement(&store, "DELETE FROM owners", "owners", &[], &[]);
    assert!(write(&store, vec![step(&unpublished, vec![])]).is_ok());
    let _ = write(&store, vec![step(&delete, vec![])]);
}

#[test]
fn a_directory_serves_one_process_at_a_time() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let problem = SqliteStore::open(settings(&directory), parts()).err().expect("it is in use");
    let pid = std::process::id();
    assert_eq!(problem.message(), format!("another mainstay process (pid {pid}) uses this data directory"));
    drop(store);
    assert!(SqliteStore::open(settings(&directory), parts()).is_ok());
}

#[test]
fn a_file_that_is_no_database_is_named_as_such() {
    let directory = Directory::new();
    std::fs::write(
        directory.path().join("main.db"),
        b"not a database, but long enough for a header".repeat(99),
    )
    .expect("the file is written");
    let problem = SqliteStore::open(settings(&directory), parts()).err().expect("it cannot be opened");
    assert_eq!(problem.code(), "XX001");
    assert!(problem.hint().is_some_and(|hint| hint.contains("backup")));
}

#[test]
fn a_directory_that_cannot_be_made_is_a_problem_with_its_path() {
    let directory = Directory::new();
    std::fs::write(directory.path().join("file"), b"").expect("the file is written");
    let settings = SqliteSettings::new(directory.path().join("file").join("data"));
    let problem = SqliteStore::open(settings, parts()).err().expect("a file is no directory");
    assert!(problem.message().contains("file/data"), "{problem}");
}

#[test]
fn readers_cannot_write_and_stale_plans_are_refused() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let plan = insert_note(&store);
    let problem = read(&store, &plan, note(1, None, "a", 1), Format::Nothing).expect_err("it writes");
    assert_eq!(problem.code(), "25006");
    let old = query(&store, COUNT, &[], &NUMBER);
    let mut catalog = (*store.catalog()).clone();
    catalog.version += 1;
    let action = mainstay_sql::plan::Action::Execute("ALTER TABLE notes ADD COLUMN more TEXT".to_owned());
    block_on(store.migrate_planned("more", planned(catalog, vec![action]))).expect("a column is added");
    assert_eq!(read(&store, &old, vec![], Format::JsonValues).expect_err("it is old").code(), "MS001");
    let problem = write(&store, vec![step(&plan, note(1, None, "a", 1))]).expect_err("it is old");
    assert_eq!((problem.code(), problem.retry()), ("MS001", Retry::Now));
}

#[test]
fn a_migration_that_fails_leaves_nothing() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let before = store.catalog().version;
    let mut catalog = (*store.catalog()).clone();
    catalog.version += 1;
    let actions = ["CREATE TABLE fresh (a INTEGER) STRICT", "CREATE TABLE notes (a INTEGER) STRICT"]
        .map(|text| mainstay_sql::plan::Action::Execute(text.to_owned()));
    assert!(block_on(store.migrate_planned("twice", planned(catalog, actions.to_vec()))).is_err());
    assert_eq!(store.catalog().version, before);
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'fresh'";
    assert_eq!(body(&store, tables, &NUMBER, Format::JsonValues), "[0]");
    assert!(write(&store, vec![step(&insert_note(&store), note(1, None, "a", 1))]).is_ok());
}
