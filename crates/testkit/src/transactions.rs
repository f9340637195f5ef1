//! The part of the suite about transactions whose steps depend on each other.

use super::record_store::{
    INSERT_NOTE, NOTE_TYPES, TIMEOUT, build_shop, note, plan, problem_of, read_of, run, select, session,
    step, sure, write_of,
};
use mainstay_base::{Problem, Result};
use mainstay_engine::{BoxFuture, Format, Kept, Plan, RecordStore, Transact, Transacted, Transaction, Work};
use mainstay_types::{Type, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// A work made of a function.
struct Script<F>(F);

impl<F> Work for Script<F>
where
    F: Fn(Arc<dyn Transaction>) -> BoxFuture<'static, Result<()>> + Send + Sync,
{
    fn run(&self, transaction: Arc<dyn Transaction>) -> BoxFuture<'_, Result<()>> {
        (self.0)(transaction)
    }
}

pub(crate) fn transaction<F>(script: F) -> Transact
where
    F: Fn(Arc<dyn Transaction>) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
{
    Transact { work: Arc::new(Script(script)), session: session(), timeout: TIMEOUT, rollback: false }
}

async fn number(transaction: &dyn Transaction, plan: &Arc<Plan>) -> Result<i64> {
    let rows = transaction.read(read_of(&[(plan, Vec::new())], Format::Values)).await?;
    match rows.first().and_then(|rows| rows.values.first()).and_then(|row| row.first()) {
        Some(Value::Integer(number)) => Ok(*number),
        other => Err(Problem::internal(format!("{other:?} is no number"))),
    }
}

fn kept(key: &str, value: &str, until_unix_micros: i64) -> Kept {
    Kept { key: key.to_owned(), value: value.as_bytes().to_vec(), until_unix_micros }
}

pub async fn a_transaction_decides_by_what_it_reads(store: &dyn RecordStore) {
    build_shop(store).await;
    let count = plan(store, "SELECT count(*) FROM notes", &[]);
    let insert = plan(store, INSERT_NOTE, &NOTE_TYPES);
    let work = move |transaction: Arc<dyn Transaction>| -> BoxFuture<'static, Result<()>> {
        let (count, insert) = (count.clone(), insert.clone());
        Box::pin(async move {
            // Each row is called after the number of rows that are there, its own transaction's included.
            for _ in 0..3 {
                let rows = number(&*transaction, &count).await?;
                let values = note(rows + 1, None, &format!("note {rows}"), 1);
                transaction.write(write_of(vec![step(&insert, values)])).await?;
            }
            Ok(())
        })
    };
    let Transacted { position } = sure(store.transact(transaction(work)).await);
    assert_eq!(
        select(store, "SELECT title FROM notes ORDER BY id").await,
        r#"[{"title":"note 0"},{"title":"note 1"},{"title":"note 2"}]"#
    );
    let changes = sure(store.changes_after(mainstay_engine::Position(0), 10).await);
    assert_eq!(changes.len(), 3);
    assert_eq!(position, changes.last().map(|change| change.position));
}

pub async fn a_refused_transaction_leaves_nothing(store: &dyn RecordStore) {
    build_shop(store).await;
    let insert = plan(store, INSERT_NOTE, &NOTE_TYPES);
    let work = move |transaction: Arc<dyn Transaction>| -> BoxFuture<'static, Result<()>> {
        let insert = insert.clone();
        Box::pin(async move {
            transaction.write(write_of(vec![step(&insert, note(1, None, "a", 1))])).await?;
            transaction.keep(kept("k", "v", i64::MAX)).await?;
            Err(Problem::new("P0001", "changed my mind"))
        })
    };
    let problem = problem_of(store.transact(transaction(work)).await);
    assert_eq!(problem.message(), "changed my mind");
    assert_eq!(select(store, "SELECT id FROM notes").await, "[]");
    assert_eq!(look_up(store, "k").await, None);
    assert_eq!(sure(store.changes_after(mainstay_engine::Position(0), 10).await).len(), 0);
    // The writer goes on.
    sure(run(store, "INSERT INTO notes (id, title) VALUES (2, 'b')").await);
}

pub async fn a_failed_step_is_undone_alone(store: &dyn RecordStore) {
    build_shop(store).await;
    let insert = plan(store, INSERT_NOTE, &NOTE_TYPES);
    let work = move |transaction: Arc<dyn Transaction>| -> BoxFuture<'static, Result<()>> {
        let insert = insert.clone();
        Box::pin(async move {
            transaction.write(write_of(vec![step(&insert, note(1, None, "a", 1))])).await?;
            // The second step of this write breaks a constraint: its first goes with it, the row above does not.
            let both = vec![step(&insert, note(2, None, "b", 1)), step(&insert, note(3, None, "a", 1))];
            let refused = transaction.write(write_of(both)).await;
            match refused {
                Err(problem) if problem.code() == "23505" => {}
                other => return Err(Problem::internal(format!("{other:?}"))),
            }
            transaction.write(write_of(vec![step(&insert, note(4, None, "d", 1))])).await?;
            Ok(())
        })
    };
    sure(store.transact(transaction(work)).await);
    assert_eq!(select(store, "SELECT id FROM notes ORDER BY id").await, r#"[{"id":1},{"id":4}]"#);
}

/// What is kept under a key, as text.
async fn look_up(store: &dyn RecordStore, key: &'static str) -> Option<String> {
    let found = Arc::new(Mutex::new(None));
    let place = Arc::clone(&found);
    let work = move |transaction: Arc<dyn Transaction>| -> BoxFuture<'static, Result<()>> {
        let place = Arc::clone(&place);
        Box::pin(async move {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = transaction.kept(key).await?;
            Ok(())
        })
    };
    sure(store.transact(transaction(work)).await);
    let bytes = found.lock().unwrap_or_else(PoisonError::into_inner).take();
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

pub async fn what_is_kept_is_found_until_its_time(store: &dyn RecordStore) {
    let keep = |key: &'static str, value: &'static str, until: i64| {
        transaction(move |transaction: Arc<dyn Transaction>| -> BoxFuture<'static, Result<()>> {
            Box::pin(async move { transaction.keep(kept(key, value, until)).await })
        })
    };
    sure(store.transact(keep("for ever", "one", i64::MAX)).await);
    sure(store.transact(keep("over", "two", 1)).await);
    assert_eq!(look_up(store, "for ever").await.as_deref(), Some("one"));
    assert_eq!(look_up(store, "over").await, None);
    sure(store.transact(keep("for ever", "three", i64::MAX)).await);
    assert_eq!(look_up(store, "for ever").await.as_deref(), Some("three"));
    assert_eq!(look_up(store, "never").await, None);
}

pub async fn a_rehearsed_transaction_leaves_nothing(store: &dyn RecordStore) {
    build_shop(store).await;
    let insert = plan(store, INSERT_NOTE, &NOTE_TYPES);
    let work = move |transaction: Arc<dyn Transaction>| -> BoxFuture<'static, Result<()>> {
        let insert = insert.clone();
        Box::pin(async move {
            transaction.write(write_of(vec![step(&insert, note(1, None, "a", 1))])).await?;
            Ok(())
        })
    };
    let transacted = sure(store.transact(Transact { rollback: true, ..transaction(work) }).await);
    assert_eq!(transacted.position, None);
    assert_eq!(select(store, "SELECT id FROM notes").await, "[]");
}

pub async fn transactions_do_not_overlap(store: &dyn RecordStore) {
    sure(run_ddl(store).await);
    let look = plan(store, "SELECT value FROM counters", &[]);
    let set = plan(store, "UPDATE counters SET value = $1", &[Type::Int8]);
    let one = || {
        let (look, set) = (look.clone(), set.clone());
        transaction(move |transaction: Arc<dyn Transaction>| -> BoxFuture<'static, Result<()>> {
            let (look, set) = (look.clone(), set.clone());
            Box::pin(async move {
                let value = number(&*transaction, &look).await?;
                let values = vec![Value::Integer(value + 1)];
                transaction.write(write_of(vec![step(&set, values)])).await?;
                Ok(())
            })
        })
    };
    let running: Vec<_> = (0..20).map(|_| store.transact(one())).collect();
    for transacted in running {
        sure(transacted.await);
    }
    assert_eq!(select(store, "SELECT value FROM counters").await, r#"[{"value":20}]"#);
}

async fn run_ddl(store: &dyn RecordStore) -> Result<()> {
    super::record_store::migrate(store, "1", "CREATE TABLE counters (value bigint)").await?;
    run(store, "INSERT INTO counters VALUES (0)").await.map(drop)
}

pub async fn a_transaction_is_over_with_its_work(store: &dyn RecordStore) {
    build_shop(store).await;
    let leaked: Arc<Mutex<Option<Arc<dyn Transaction>>>> = Arc::default();
    let place = Arc::clone(&leaked);
    let work = move |transaction: Arc<dyn Transaction>| -> BoxFuture<'static, Result<()>> {
        let place = Arc::clone(&place);
        Box::pin(async move {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(transaction);
            Ok(())
        })
    };
    sure(store.transact(transaction(work)).await);
    let leaked = leaked.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(transaction) = leaked else { panic!("the work did not run") };
    assert_eq!(problem_of(transaction.kept("k").await).code(), "XX000");
}

pub async fn deferred_keys_hold_at_the_end_of_a_transaction(store: &dyn RecordStore) {
    let schema = "CREATE TABLE a (id bigint PRIMARY KEY);
        CREATE TABLE b (id bigint PRIMARY KEY, a bigint REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)";
    sure(super::record_store::migrate(store, "1", schema).await);
    let child = plan(store, "INSERT INTO b VALUES ($1, 7)", &[Type::Int8]);
    let parent = plan(store, "INSERT INTO a VALUES (7)", &[]);
    let work = |id: i64, complete: bool| {
        let (child, parent) = (child.clone(), parent.clone());
        transaction(move |transaction: Arc<dyn Transaction>| -> BoxFuture<'static, Result<()>> {
            let (child, parent) = (child.clone(), parent.clone());
            Box::pin(async move {
                transaction.write(write_of(vec![step(&child, vec![Value::Integer(id)])])).await?;
                if complete {
                    transaction.write(write_of(vec![step(&parent, Vec::new())])).await?;
                }
                Ok(())
            })
        })
    };
    assert_eq!(problem_of(store.transact(work(1, false)).await).code(), "23503");
    assert_eq!(select(store, "SELECT id FROM b").await, "[]");
    sure(store.transact(work(2, true)).await);
    assert_eq!(select(store, "SELECT id FROM b").await, r#"[{"id":2}]"#);
}
