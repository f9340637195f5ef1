//! The part of the suite about results that leave row by row.

use super::record_store::{plan, problem_of, read_of, run, select, sure};
use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, Piece, RecordStore, RowStream};
use std::future::poll_fn;

async fn all(mut rows: Box<dyn RowStream>) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    while let Some(piece) = poll_fn(|cx| rows.poll_next(cx)).await {
        pieces.push(piece?);
    }
    Ok(pieces)
}

pub async fn a_stream_gives_all_rows_in_pieces(store: &dyn RecordStore) {
    sure(
        super::record_store::migrate(store, "1", "CREATE TABLE things (id bigint PRIMARY KEY, text text)")
            .await,
    );
    let fill = "INSERT INTO things SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n";
    sure(run(store, fill).await);
    let lines = plan(store, "SELECT id, text FROM things ORDER BY id", &[]);
    let mut rows = sure(store.stream(read_of(&[(&lines, Vec::new())], Format::JsonLines)).await);
    let Some(first) = poll_fn(|cx| rows.poll_next(cx)).await else { panic!("no rows") };
    let mut pieces = vec![sure(first)];
    // Written after the first piece was read: another snapshot.
    sure(run(store, "DELETE FROM things WHERE id > 10").await);
    pieces.extend(sure(all(rows).await));
    assert!(pieces.len() > 2, "two megabytes came in {} pieces", pieces.len());
    assert_eq!(pieces.iter().map(|piece| piece.rows).sum::<u64>(), 20_000);
    for piece in pieces.iter().filter(|piece| piece.rows > 0) {
        assert_eq!(piece.bytes.iter().filter(|byte| **byte == b'\n').count() as u64, piece.rows);
        assert_eq!((piece.bytes.first(), piece.bytes.last()), (Some(&b'{'), Some(&b'\n')));
    }
    // What is short is the same as a read gives.
    let short = plan(store, "SELECT id FROM things WHERE id < 3", &[]);
    let pieces =
        sure(all(sure(store.stream(read_of(&[(&short, Vec::new())], Format::JsonArray)).await)).await);
    let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.bytes).collect();
    assert_eq!(String::from_utf8_lossy(&bytes), select(store, "SELECT id FROM things WHERE id < 3").await);
    // A stream that is not wanted any more harms nobody.
    drop(store.stream(read_of(&[(&lines, Vec::new())], Format::Csv)).await);
    let write = plan(store, "DELETE FROM things", &[]);
    let refused: Result<Vec<Piece>, Problem> =
        match store.stream(read_of(&[(&write, Vec::new())], Format::JsonLines)).await {
            Ok(rows) => all(rows).await,
            Err(problem) => Err(problem),
        };
    assert_eq!(problem_of(refused).code(), "25006");
}
