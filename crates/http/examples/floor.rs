//! What the edge and the kernel cost without anything behind them: every request gets the same 400 bytes.
//!
//! `cargo run --release -p mainstay-http --example floor -- 127.0.0.1:8080`; `cargo xtask bench` measures it beside the
//! servers, since the price of a system call differs much between machines.

use mainstay_http::edge::{self, Answering, Edge, EdgeSettings, Face, Request, Response, Routes};
use std::sync::Arc;

const ANSWER: &str = concat!(
    "[{\"padding\":\"",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345",
    "\"}]"
);

struct Floor;

impl Face for Floor {
    fn answer(&self, _: Request) -> Answering<'_> {
        Answering::Now(Response::new(ANSWER.into()))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let listeners = edge::bind(address.parse()?, cores)?;
    let _serving = Edge::serve(listeners, EdgeSettings::default(), Routes::new(Arc::new(Floor)))?;
    loop {
        std::thread::park();
    }
}
