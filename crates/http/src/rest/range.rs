//! `Range`, `limit` and `offset` of the top level, and `Content-Range`.

use hyper::StatusCode;
use hyper::header::HeaderValue;
use mainstay_base::{Problem, Result};

/// Rows from `offset` on, at most `limit` of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub offset: u64,
    pub limit: Option<u64>,
}

fn refused(details: impl Into<String>) -> Problem {
    Problem::new("PGRST103", "Requested range not satisfiable").with_details(details)
}

impl Window {
    /// The rows that both the parameters and the header allow.
    pub fn of(limit: Option<i64>, offset: Option<i64>, header: Option<&HeaderValue>) -> Result<Window> {
        if limit == Some(0) {
            return Ok(Window { offset: 0, limit: Some(0) });
        }
        let negative = || refused("Limit should be greater than or equal to zero.");
        // a negative offset skips nothing, as in PostgREST
        let lower = u64::try_from(offset.unwrap_or(0)).unwrap_or(0);
        let size = limit.map(u64::try_from).transpose().map_err(|_| negative())?;
        let Some((first, last)) = header.and_then(parse) else {
            return Ok(Window { offset: lower, limit: size });
        };
        if last.is_some_and(|last| first > last) {
            return Err(refused(
                "The lower boundary must be lower than or equal to the upper boundary in the Range header.",
            ));
        }
        let end = match (size.map(|size| lower.saturating_add(size - 1)), last) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let start = lower.max(first);
        match end {
            Some(end) if end < start => Err(negative()),
            end => Ok(Window { offset: start, limit: end.map(|end| end - start + 1) }),
        }
    }

    /// No more than the server gives at once.
    pub fn at_most(self, rows_max: Option<u64>) -> Window {
        let limit = match (self.limit, rows_max) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Window { limit, ..self }
    }

    pub fn is_all(self) -> bool {
        self == Window::default()
    }

    /// The status of a read that gave `rows` of `total` rows.
    pub fn status(self, rows: u64, total: Option<u64>) -> StatusCode {
        match total {
            Some(total) if self.offset > total => StatusCode::RANGE_NOT_SATISFIABLE,
            Some(total) if rows < total => StatusCode::PARTIAL_CONTENT,
            _ => StatusCode::OK,
        }
    }

    pub fn out_of_bounds(self, total: u64) -> Problem {
        let offset = self.offset;
        refused(format!("An offset of {offset} was requested, but there are only {total} rows."))
    }

    pub fn content_range(self, rows: u64, total: Option<u64>) -> HeaderValue {
        content_range(rows.checked_sub(1).map(|last| (self.offset, self.offset + last)), total)
    }
}

/// `0-24/*`, `*/0`.
pub(super) fn content_range(range: Option<(u64, u64)>, total: Option<u64>) -> HeaderValue {
    let mut text = String::with_capacity(32);
    let mut number = itoa::Buffer::new();
    match range {
        Some((first, last)) if total != Some(0) => {
            text.push_str(number.format(first));
            text.push('-');
            text.push_str(number.format(last));
        }
        _ => text.push('*'),
    }
    text.push('/');
    match total {
        Some(total) => text.push_str(number.format(total)),
        None => text.push('*'),
    }
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("*/*"))
}

/// `5-9` or `5-`; anything else is no range.
fn parse(header: &HeaderValue) -> Option<(u64, Option<u64>)> {
    let (first, last) = header.to_str().ok()?.split_once('-')?;
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    match last {
        "" => Some((number(first)?, None)),
        last => Some((number(first)?, Some(number(last)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(limit: Option<i64>, offset: Option<i64>, header: &'static str) -> Result<Window> {
        Window::of(limit, offset, Some(&HeaderValue::from_static(header)))
    }

    #[test]
    fn header_and_parameters_meet() {
        assert_eq!(window(None, None, "0-9"), Ok(Window { offset: 0, limit: Some(10) }));
        assert_eq!(window(Some(5), Some(2), "4-"), Ok(Window { offset: 4, limit: Some(3) }));
        assert_eq!(window(None, None, "bytes=0-9"), Ok(Window::default()));
        assert_eq!(window(Some(0), Some(7), "1-2"), Ok(Window { offset: 0, limit: Some(0) }));
        assert_eq!(window(None, None, "5-2").expect_err("turned round").http_status(true), 416);
        assert_eq!(window(Some(-1), None, "").expect_err("negative").code(), "PGRST103");
        assert_eq!(window(None, Some(-4), ""), Ok(Window::default()));
    }

    #[test]
    fn content_range_counts_from_the_offset() {
        let window = Window { offset: 10, limit: Some(5) };
        assert_eq!(window.content_range(5, Some(100)), "10-14/100");
        assert_eq!(window.content_range(0, None), "*/*");
        assert_eq!(window.content_range(0, Some(0)), "*/0");
        assert_eq!(window.status(5, Some(100)).as_u16(), 206);
        assert_eq!(window.status(0, Some(9)).as_u16(), 416);
        assert_eq!(window.status(5, None).as_u16(), 200);
    }
}
