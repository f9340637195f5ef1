//! The part of the suite about changes: their positions, and who hears them.

use super::record_store::{
    INSERT_NOTE, NOTE_TYPES, build_shop, join_all, note, plan, problem_of, run, step, sure, write_of,
};
use mainstay_engine::{Change, ChangeSink, Operation, Position, RecordStore};
use mainstay_sql::Name;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Default)]
struct Heard(Mutex<Vec<Arc<Change>>>);

impl Heard {
    fn all(&self) -> Vec<Arc<Change>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ChangeSink for Heard {
    fn committed(&self, changes: &[Arc<Change>]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(changes.iter().cloned());
    }
}

pub async fn changes_are_gapless_and_in_order(store: &dyn RecordStore) {
    build_shop(store).await;
    let heard = Arc::new(Heard::default());
    sure(store.listen(None, heard.clone()));
    let insert = plan(store, INSERT_NOTE, &NOTE_TYPES);
    let writes = (0..50)
        .map(|id| store.write(write_of(vec![step(&insert, note(id, None, &format!("n{id}"), 1))])))
        .collect();
    let mut own: Vec<Option<Position>> =
        join_all(writes).await.into_iter().map(|outcome| sure(outcome).position).collect();
    own.sort();
    assert_eq!(own, (1..=50).map(|position| Some(Position(position))).collect::<Vec<_>>());
    let positions: Vec<u64> = heard.all().iter().map(|change| change.position.0).collect();
    assert_eq!(positions, (1..=50).collect::<Vec<u64>>());
    sure(run(store, "UPDATE notes SET size = 2 WHERE id = 7").await);
    sure(run(store, "DELETE FROM notes WHERE id = 7").await);
    let kept = sure(store.changes_after(Position(50), 10).await);
    let shown: Vec<_> =
        kept.iter().map(|change| (change.operation, change.old.is_some(), change.new.as_deref())).collect();
    let row = r#"{"id":7,"owner":null,"title":"n7","size":2}"#;
    assert_eq!(shown, [(Operation::Update, true, Some(row)), (Operation::Delete, true, None)]);
    assert_eq!(sure(store.changes_after(Position(0), 3).await).len(), 3);
    assert_eq!(store.status().position, Position(52));
}

pub async fn failed_writes_have_no_changes(store: &dyn RecordStore) {
    build_shop(store).await;
    let heard = Arc::new(Heard::default());
    sure(store.listen(None, heard.clone()));
    let insert = plan(store, INSERT_NOTE, &NOTE_TYPES);
    let steps = vec![step(&insert, note(1, None, "a", 1)), step(&insert, note(1, None, "b", 1))];
    problem_of(store.write(write_of(steps)).await);
    sure(store.write(write_of(vec![step(&insert, note(2, None, "c", 1))])).await);
    let heard = heard.all();
    assert_eq!(heard.iter().map(|change| change.position.0).collect::<Vec<_>>(), [1]);
    assert!(heard.iter().all(|change| change.new.as_deref().is_some_and(|row| row.contains("\"id\":2"))));
}

pub async fn listeners_hear_their_table_alone(store: &dyn RecordStore) {
    build_shop(store).await;
    let heard = Arc::new(Heard::default());
    let listener = sure(store.listen(Some(Name::public("owners")), heard.clone()));
    sure(run(store, "INSERT INTO notes (id, title) VALUES (1, 'a')").await);
    sure(run(store, "INSERT INTO owners VALUES (1, 'Ada')").await);
    store.unlisten(listener);
    sure(run(store, "INSERT INTO owners VALUES (2, 'Bea')").await);
    let tables: Vec<Name> = heard.all().iter().map(|change| change.table.clone()).collect();
    assert_eq!(tables, [Name::public("owners")]);
    assert!(store.listen(Some(Name::public("nothing")), heard).is_err());
}
