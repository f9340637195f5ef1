//! A server that is killed at random moments under load: every acknowledged write is there afterwards, no write is
//! half there, and positions have no gap.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use support::{App, Server};

const ROUNDS: u64 = 12;
const WRITERS: u64 = 8;

#[test]
fn acknowledged_writes_survive_kill_nine() {
    let app = App::with(
        "create type mood as enum ('sad', 'ok');
         create table pairs (
           pair bigint not null,
           half smallint not null check (half in (1, 2)),
           mood mood not null default 'ok' check (mood >= 'sad'),
           note text not null default 'x' check (length(trim(note)) > 0),
           price numeric(20, 2) generated always as (pair * 1.5) stored check (price > 0),
           primary key (pair, half)
         );
         create index on pairs (mood, price);
         create publication everything for table pairs;",
    );
    let acknowledged: Arc<Mutex<BTreeSet<u64>>> = Arc::default();
    let next = Arc::new(AtomicU64::new(1));
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..ROUNDS {
        let mut server = app.serve();
        check(&server, &acknowledged.lock().expect("no writer panicked"));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let kill_after = 20 + (random >> 33) % 600;
        load_and_kill(&mut server, &acknowledged, &next, kill_after);
        assert!(!acknowledged.lock().expect("no writer panicked").is_empty(), "round {round} wrote nothing");
    }
    let server = app.serve();
    let acknowledged = acknowledged.lock().expect("no writer panicked");
    check(&server, &acknowledged);
    assert!(acknowledged.len() as u64 > ROUNDS * 20, "{} pairs were acknowledged", acknowledged.len());
}

/// Writers run until the process is gone; it is killed as soon as so many writes of this round are acknowledged.
fn load_and_kill(
    server: &mut Server,
    acknowledged: &Arc<Mutex<BTreeSet<u64>>>,
    next: &Arc<AtomicU64>,
    kill_after: u64,
) {
    let this_round = Arc::new(AtomicU64::new(0));
    let gone = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (url, acknowledged, next) = (server.url.clone(), acknowledged.clone(), next.clone());
            let (this_round, gone) = (this_round.clone(), gone.clone());
            std::thread::spawn(move || {
                while !gone.load(Ordering::Relaxed) {
                    let pair = next.fetch_add(1, Ordering::Relaxed);
                    let body = json!([{"pair": pair, "half": 1}, {"pair": pair, "half": 2}]).to_string();
                    match support::try_send(&url, "POST", "/rest/v1/pairs", &[], Some(body.as_bytes())) {
                        Ok(answer) if answer.status == 201 => {
                            acknowledged.lock().expect("no writer panicked").insert(pair);
                            this_round.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(answer) => panic!("{}: {}", answer.status, answer.text()),
                        // The connection broke: whether the write is there, nobody promised.
                        Err(_) => break,
                    }
                }
            })
        })
        .collect();
    let deadline = std::time::Instant::now() + support::PATIENCE;
    while this_round.load(Ordering::Relaxed) < kill_after {
        assert!(std::time::Instant::now() < deadline, "the writers do not get on");
        std::thread::yield_now();
    }
    server.kill();
    gone.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().expect("a writer saw a wrong answer");
    }
}

fn check(server: &Server, acknowledged: &BTreeSet<u64>) {
    let halves = |half: u8| -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        loop {
            let path = format!(
                "/rest/v1/pairs?select=pair&half=eq.{half}&order=pair&limit=1000&offset={}",
                found.len()
            );
            let answer = server.get(&path);
            assert_eq!(answer.status, 200, "{}", answer.text());
            let rows = answer.json();
            let rows: Vec<u64> =
                rows.as_array().into_iter().flatten().filter_map(|row| row["pair"].as_u64()).collect();
            if rows.is_empty() {
                return found;
            }
            found.extend(rows);
        }
    };
    let (first, second) = (halves(1), halves(2));
    assert_eq!(first, second, "a write is half there");
    let lost: Vec<&u64> = acknowledged.difference(&first).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // Every change of the published table has a position, so the last position is the number of rows.
    let health: Value = server.get("/health").json();
    assert_eq!(health["position"].as_u64(), Some(2 * first.len() as u64), "{health}");
}
