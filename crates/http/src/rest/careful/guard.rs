//! `If-Match` and `If-None-Match` on writes: the row is read as a `GET` of the same URL would show it, in the
//! transaction that then writes.

use super::super::etag::{self, Tags};
use hyper::HeaderMap;
use hyper::header::{IF_MATCH, IF_NONE_MATCH};
use mainstay_base::{Problem, Result};
use mainstay_records::Within;
use mainstay_records::query::{Action, Answer, LiteralId, Payload, Request, Return};

/// What the headers ask of the row before it is written.
#[derive(Clone, Debug, Default)]
pub(in crate::rest) struct Guard {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// The rows that a write's URL names, as far as conditions look at them.
enum Present {
    Nothing,
    Row { validator: String },
    Several,
}

impl Guard {
    pub fn read(headers: &HeaderMap) -> Result<Guard> {
        Ok(Guard {
            if_match: Tags::read(headers, &IF_MATCH)?,
            if_none_match: Tags::read(headers, &IF_NONE_MATCH)?,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Makes the request say itself what it can: an insert that must not find its row there changes none.
    pub fn apply(&self, request: &mut Request) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let refused = |what: &str| {
            Err(Problem::new("22023", format!("a condition cannot be put on {what}")).with_hint(
                "If-Match guards PATCH, PUT and DELETE; If-None-Match: * makes POST and PUT create only",
            ))
        };
        match &mut request.shape.action {
            Action::Call(_) => refused("a call of a function"),
            Action::Insert(insert) => match (&self.if_match, &self.if_none_match) {
                (None, Some(Tags::Any)) => {
                    insert.resolution = None;
                    Ok(())
                }
                _ => refused("rows that are not there yet"),
            },
            _ => Ok(()),
        }
    }

    /// Fails with 412 where the row is not what the headers say.
    pub async fn check(&self, within: &dyn Within, request: &Request) -> Result<()> {
        if self.is_empty() || matches!(request.shape.action, Action::Insert(_)) {
            return Ok(());
        }
        let present = present(within, request).await?;
        match (&self.if_match, &present) {
            (None, _) | (Some(Tags::Any), Present::Row { .. } | Present::Several) => {}
            (Some(tags), Present::Row { validator }) if tags.name_strongly(validator) => {}
            (Some(_), Present::Row { validator }) => {
                return Err(failed("the row has changed").with_details(format!("its ETag is {validator}")));
            }
            (Some(_), Present::Nothing) => return Err(failed("there is no such row")),
            (Some(_), Present::Several) => {
                return Err(failed("the filters name several rows")
                    .with_hint("an ETag is that of one row: filter by its key"));
            }
        }
        match (&self.if_none_match, &present) {
            (None, _) | (_, Present::Nothing) => Ok(()),
            (Some(Tags::Any), _) => Err(failed("the row is there already")),
            (Some(tags), Present::Row { validator }) if tags.name(validator) => {
                Err(failed("the row is the one that was named"))
            }
            (Some(_), _) => Ok(()),
        }
    }

    /// An insert that met a row that is there.
    pub fn of_failure(&self, problem: Problem) -> Problem {
        if self.if_none_match == Some(Tags::Any) && problem.code() == "23505" {
            return failed("the row is there already")
                .with_details(problem.details().unwrap_or(problem.message()).to_owned());
        }
        problem
    }
}

fn failed(words: &str) -> Problem {
    Problem::new("MS040", format!("a condition of the request does not hold: {words}")).with_status(412)
}

/// Reads at most two rows of those that the write's URL names.
async fn present(within: &dyn Within, request: &Request) -> Result<Present> {
    let mut look = Request { payload: Payload::None, rollback: false, max_affected: None, ..request.clone() };
    look.shape.action = Action::Read;
    look.shape.returning = Return::Representation;
    look.shape.answer = Answer::Array;
    look.shape.count = None;
    look.shape.query.order.clear();
    look.shape.query.offset = None;
    look.shape.query.limit = Some(LiteralId(u32::try_from(look.literals.len()).unwrap_or(u32::MAX)));
    look.literals.push("2".to_owned());
    let found = within.run(look).await?;
    Ok(match found.rows {
        0 => Present::Nothing,
        1 => {
            let body = found.body.strip_prefix(b"[").and_then(|body| body.strip_suffix(b"]"));
            Present::Row { validator: etag::text(body.unwrap_or_default().trim_ascii()) }
        }
        _ => Present::Several,
    })
}
