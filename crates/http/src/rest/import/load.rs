//! One chunk of an import in one transaction.

use super::lines::Record;
use crate::edge::BoxFuture;
use mainstay_base::{Problem, Result};
use mainstay_records::query::{Payload, Request};
use mainstay_records::{Together, Within};
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// A line that is not in the table, and why.
pub(super) struct Refused {
    pub line: u64,
    problem: Problem,
}

impl Refused {
    pub fn broken(line: u64) -> Refused {
        Refused { line, problem: Problem::new("PGRST102", "the line is no JSON object") }
    }

    pub fn json(&self) -> Value {
        json!({
            "line": self.line,
            "code": self.problem.code(),
            "message": self.problem.message(),
            "details": self.problem.details(),
            "hint": self.problem.hint(),
        })
    }
}

pub(super) struct Chunk {
    request: Arc<Request>,
    header: Option<Arc<[u8]>>,
    records: Vec<Record>,
    outcome: Mutex<(u64, Vec<Refused>)>,
}

impl Chunk {
    pub fn new(request: Arc<Request>, header: Option<Arc<[u8]>>, records: Vec<Record>) -> Chunk {
        Chunk { request, header, records, outcome: Mutex::default() }
    }

    /// Rows written, and lines refused.
    pub fn outcome(&self) -> (u64, Vec<Refused>) {
        std::mem::take(&mut *self.outcome.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn payload(&self, range: Range<usize>) -> Payload {
        let records = self.records.get(range).unwrap_or_default();
        let size = records.iter().map(|record| record.bytes.len() + 1).sum::<usize>() + 2;
        match &self.header {
            Some(header) => {
                let mut csv = Vec::with_capacity(size + header.len());
                csv.extend_from_slice(header);
                for record in records {
                    csv.push(b'\n');
                    csv.extend_from_slice(&record.bytes);
                }
                Payload::Csv(csv)
            }
            None => {
                let mut json = Vec::with_capacity(size);
                json.push(b'[');
                for (index, record) in records.iter().enumerate() {
                    if index > 0 {
                        json.push(b',');
                    }
                    json.extend_from_slice(&record.bytes);
                }
                json.push(b']');
                Payload::Json(json)
            }
        }
    }

    async fn load(&self, within: &dyn Within) -> Result<(u64, Vec<Refused>)> {
        let (mut inserted, mut refused) = (0, Vec::new());
        let mut ranges: Vec<Range<usize>> = Vec::new();
        ranges.push(0..self.records.len());
        while let Some(range) = ranges.pop() {
            let request = Request { payload: self.payload(range.clone()), ..(*self.request).clone() };
            match within.run(request).await {
                Ok(response) => inserted += response.rows,
                Err(problem) if !is_about_rows(&problem) => return Err(problem),
                Err(problem) if range.len() <= 1 => {
                    let line = self.records.get(range.start).map_or(0, |record| record.line);
                    refused.push(Refused { line, problem });
                }
                Err(_) => {
                    let middle = range.start + range.len() / 2;
                    // The later half is taken up later, so that rows go in in the order of their lines.
                    ranges.push(middle..range.end);
                    ranges.push(range.start..middle);
                }
            }
        }
        Ok((inserted, refused))
    }
}

/// Whether another row may fare better. What is wrong with the request itself ends the import.
fn is_about_rows(problem: &Problem) -> bool {
    let class = problem.code().get(..2).unwrap_or_default();
    matches!(class, "22" | "23" | "44" | "P0") || problem.code() == "PGRST102"
}

impl Together for Chunk {
    fn run(&self, within: Arc<dyn Within>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let outcome = self.load(&*within).await?;
            *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
            Ok(())
        })
    }
}
