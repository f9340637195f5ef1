//! The `Prefer` header (RFC 7240): what is asked, and `Preference-Applied`.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use mainstay_base::{Problem, Result};
use mainstay_records::query::{Count, Resolution, Return};

const PREFER: HeaderName = HeaderName::from_static("prefer");

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Preferences {
    pub resolution: Option<Resolution>,
    pub returning: Option<Return>,
    pub count: Option<Count>,
    /// `true`: keep what the request did.
    pub commit: Option<bool>,
    /// `true`: absent keys take their column's default.
    pub missing_default: Option<bool>,
    pub strict: Option<bool>,
    pub time_zone: Option<String>,
    pub max_affected: Option<u64>,
}

impl Preferences {
    /// The first of several preferences of one kind holds. `tx_override`: whether `tx=` may be asked for.
    pub fn read(headers: &HeaderMap, tx_override: bool) -> Result<Preferences> {
        let mut found = Preferences::default();
        let mut unknown: Vec<&str> = Vec::new();
        for value in headers.get_all(PREFER) {
            for preference in value.to_str().unwrap_or_default().split(',').map(str::trim) {
                if !found.take(preference, tx_override) {
                    unknown.push(preference);
                }
            }
        }
        if found.strict == Some(true) && !unknown.is_empty() {
            return Err(Problem::new("PGRST122", "Invalid preferences given with handling=strict")
                .with_details(format!("Invalid preferences: {}", unknown.join(", "))));
        }
        if let Some(zone) = found.time_zone.as_deref().filter(|zone| !mainstay_types::is_time_zone(zone)) {
            let words = format!("invalid value for parameter \"TimeZone\": \"{zone}\"");
            return Err(Problem::new("22023", words));
        }
        Ok(found)
    }

    fn take(&mut self, preference: &str, tx_override: bool) -> bool {
        match preference {
            "resolution=merge-duplicates" => first(&mut self.resolution, Resolution::Merge),
            "resolution=ignore-duplicates" => first(&mut self.resolution, Resolution::Ignore),
            "return=representation" => first(&mut self.returning, Return::Representation),
            "return=minimal" => first(&mut self.returning, Return::Minimal),
            "return=headers-only" => first(&mut self.returning, Return::HeadersOnly),
            "count=exact" => first(&mut self.count, Count::Exact),
            "count=planned" => first(&mut self.count, Count::Planned),
            "count=estimated" => first(&mut self.count, Count::Estimated),
            "tx=commit" if tx_override => first(&mut self.commit, true),
            "tx=rollback" if tx_override => first(&mut self.commit, false),
            "tx=commit" | "tx=rollback" => {}
            // Known where it is read: before the body is.
            "import=lines" => {}
            "missing=default" => first(&mut self.missing_default, true),
            "missing=null" => first(&mut self.missing_default, false),
            "handling=strict" => first(&mut self.strict, true),
            "handling=lenient" => first(&mut self.strict, false),
            other => {
                if let Some(zone) = other.strip_prefix("timezone=") {
                    first(&mut self.time_zone, zone.to_owned());
                } else if let Some(number) = other.strip_prefix("max-affected=") {
                    if let Ok(number) = number.parse() {
                        first(&mut self.max_affected, number);
                    }
                } else {
                    return false;
                }
            }
        }
        true
    }

    /// What of it was done, as a header's value. The caller has taken out what does not concern its request.
    pub fn applied(&self) -> Option<HeaderValue> {
        if *self == Preferences::default() {
            return None;
        }
        let words = [
            self.resolution.map(|resolution| match resolution {
                Resolution::Merge => "resolution=merge-duplicates",
                Resolution::Ignore => "resolution=ignore-duplicates",
            }),
            self.missing_default.map(|default| if default { "missing=default" } else { "missing=null" }),
            self.returning.map(|returning| match returning {
                Return::Representation => "return=representation",
                Return::Minimal => "return=minimal",
                Return::HeadersOnly => "return=headers-only",
            }),
            self.count.map(|count| match count {
                Count::Exact => "count=exact",
                Count::Planned => "count=planned",
                Count::Estimated => "count=estimated",
            }),
            self.commit.map(|commit| if commit { "tx=commit" } else { "tx=rollback" }),
            self.strict.map(|strict| if strict { "handling=strict" } else { "handling=lenient" }),
        ];
        let mut text = String::with_capacity(64);
        let mut push = |word: &str| {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(word);
        };
        words.into_iter().flatten().for_each(&mut push);
        if let Some(zone) = &self.time_zone {
            push(&format!("timezone={zone}"));
        }
        if let (Some(true), Some(number)) = (self.strict, self.max_affected) {
            push(&format!("max-affected={number}"));
        }
        if text.is_empty() { None } else { HeaderValue::from_str(&text).ok() }
    }
}

fn first<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_first_of_a_kind_holds_and_the_order_of_the_answer_is_fixed() {
        let asked =
            headers(&["count=exact,  return=representation", "handling=lenient, count=planned, what"]);
        let found = Preferences::read(&asked, true).expect("lenient");
        assert_eq!(found.applied().expect("some"), "return=representation, count=exact, handling=lenient");
        assert_eq!(Preferences::read(&headers(&[]), true).expect("none").applied(), None);
    }

    #[test]
    fn a_time_zone_must_exist() {
        let read = |value: &'static str| Preferences::read(&headers(&[value]), true);
        let problem = read("handling=lenient, timezone=Mars/Base").expect_err("no such zone");
        assert_eq!((problem.code(), problem.http_status(false)), ("22023", 400));
        assert_eq!(problem.message(), "invalid value for parameter \"TimeZone\": \"Mars/Base\"");
        assert_eq!(
            read("timezone=America/Los_Angeles").map(|found| found.time_zone),
            Ok(Some("America/Los_Angeles".to_owned()))
        );
    }

    #[test]
    fn strict_handling_refuses_what_is_unknown() {
        let problem = Preferences::read(&headers(&["handling=strict, anything"]), true).expect_err("strict");
        assert_eq!(problem.details(), Some("Invalid preferences: anything"));
    }
}
