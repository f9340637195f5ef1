//! Measures what a read costs before the store is asked, its shape being known: the grammar reads the query string,
//! the plan is looked up, the parameters are filled. The store answers at once with nothing.
//!
//! `cargo run --release -p mainstay-records --example plan_cost [rounds]`

#[path = "../tests/support/mod.rs"]
mod support;

use mainstay_records::Records;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::{Scribe, records, request, settings, shop};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The most that any of these may cost.
const BOUND: Duration = Duration::from_micros(3);
const REQUESTS_OF_A_ROUND: u32 = 2_000;

const REQUESTS: [(&str, &str); 7] = [
    ("one row by key", "orders?id=eq.42"),
    ("three columns, two filters", "orders?select=id,total,status&customer_id=eq.7&total=gte.10.50"),
    (
        "filtered, ordered, limited",
        "orders?customer_id=eq.7&status=in.(open,paid)&order=placed.desc,id&limit=20&offset=40",
    ),
    ("to-one embed", "orders?select=*,customers(name)&customer_id=eq.7&order=placed.desc&limit=20"),
    (
        "embeds three deep",
        "customers?select=id,name,orders(id,total,customers(name,profiles(data)))&orders.total=gt.10&limit=20",
    ),
    ("or of ands", "customers?select=id&or=(id.eq.1,and(id.gt.5,name.is.null),not.and(id.lt.3,id.gt.1))"),
    ("JSON path", "profiles?select=customer_id,data->address->>city&data->>kind=eq.home"),
];

/// The time of one request in the fastest and in the median round: other work on the machine only adds to it.
fn measure(records: &Records, url: &str, rounds: u32) -> Option<(Duration, Duration)> {
    let mut times = Vec::new();
    for _ in 0..=rounds {
        let begun = Instant::now();
        for _ in 0..REQUESTS_OF_A_ROUND {
            let request = request("GET", black_box(url), "");
            let response = records.run_at_once(&request)?.ok()?;
            black_box(response);
        }
        times.push(begun.elapsed() / REQUESTS_OF_A_ROUND);
    }
    // The first round made the plan and warmed the caches.
    times.remove(0);
    times.sort_unstable();
    Some((*times.first()?, *times.get(times.len() / 2)?))
}

fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    let scribe = Scribe::new(shop());
    let records = records(scribe.clone(), settings());
    println!("| request | ns, fastest round | ns, median round | bound {} ns |", BOUND.as_nanos());
    println!("| --- | ---: | ---: | --- |");
    for (name, url) in REQUESTS {
        let Some((fastest, median)) = measure(&records, url, rounds) else {
            eprintln!("{url}: not answered at once");
            return ExitCode::FAILURE;
        };
        let kept = if median <= BOUND { "kept" } else { "exceeded" };
        println!("| {name} | {} | {} | {kept} |", fastest.as_nanos(), median.as_nanos());
    }
    let prepared = scribe.prepared.lock().map_or(0, |prepared| *prepared);
    if prepared != REQUESTS.len() {
        eprintln!("{prepared} plans were made for {} shapes: some were not kept", REQUESTS.len());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
