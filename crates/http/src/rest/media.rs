//! Media types: what a caller accepts, what a body is.

use hyper::header::HeaderValue;
use mainstay_base::{Problem, Result};
use mainstay_records::query::{Answer, Explain};

/// A media type that REST answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    ArrayStripped,
    Object,
    ObjectStripped,
    Csv,
    JsonLines,
    Text,
    Xml,
    Octets,
    OpenApi,
    PlanJson,
    PlanText,
    /// What a function's domain names: its value as it is.
    Domain,
}

impl Media {
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Media::Json => "application/json; charset=utf-8",
            Media::ArrayStripped => "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
            Media::Object => "application/vnd.pgrst.object+json; charset=utf-8",
            Media::ObjectStripped => "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
            Media::Csv => "text/csv; charset=utf-8",
            Media::JsonLines => "application/x-ndjson; charset=utf-8",
            Media::Text => "text/plain; charset=utf-8",
            Media::Xml => "text/xml; charset=utf-8",
            Media::Octets | Media::Domain => "application/octet-stream",
            Media::PlanJson => "application/vnd.pgrst.plan+json; charset=utf-8",
            Media::PlanText => "application/vnd.pgrst.plan+text; charset=utf-8",
            Media::OpenApi => "application/openapi+json; charset=utf-8",
        })
    }

    pub fn answer(self) -> Answer {
        match self {
            Media::Json | Media::ArrayStripped | Media::OpenApi => Answer::Array,
            Media::Object | Media::ObjectStripped => Answer::Object,
            Media::Csv => Answer::Csv,
            Media::JsonLines => Answer::Lines,
            Media::Text | Media::Xml | Media::Octets | Media::Domain => Answer::Raw,
            Media::PlanJson | Media::PlanText => Answer::Raw,
        }
    }

    /// The form of a plan, where one is asked for instead of rows.
    pub fn plan(self) -> Option<Explain> {
        match self {
            Media::PlanJson => Some(Explain::Json),
            Media::PlanText => Some(Explain::Text),
            _ => None,
        }
    }

    /// What no function makes in its own way.
    fn is_vendor(self) -> bool {
        matches!(self, Media::Object | Media::ObjectStripped | Media::ArrayStripped) || self.plan().is_some()
    }

    pub fn nulls_stripped(self) -> bool {
        matches!(self, Media::ArrayStripped | Media::ObjectStripped)
    }
}

/// The domain of a function that answers whatever is asked for.
const ANY: &str = "*/*";

/// What can be made besides the types that every relation and function has.
#[derive(Clone, Copy, Default)]
pub(super) struct Offers<'a> {
    /// The description of the whole, and nothing else.
    pub root: bool,
    pub plans: bool,
    /// The media type that a function's domain names.
    pub domain: Option<&'a str>,
}

/// The first type of `Accept`, by quality, that can be made.
pub(super) fn negotiate(accept: Option<&HeaderValue>, offers: Offers<'_>) -> Result<Media> {
    let root = offers.root;
    let usual = if root { Media::OpenApi } else { Media::Json };
    let any = offers.domain == Some(ANY);
    let Some(accept) = accept else { return Ok(if any { Media::Domain } else { usual }) };
    match accept.as_bytes() {
        b"*/*" if !any => return Ok(usual),
        b"application/json" if offers.domain.is_none() => return Ok(usual),
        _ => {}
    }
    let text = accept.to_str().unwrap_or_default();
    let mut wanted: Vec<(f32, &str)> = split_outside_quotes(text, ',').map(with_quality).collect();
    wanted.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (_, media) in &wanted {
        let built_in = known(media, root).filter(|media| offers.plans || media.plan().is_none());
        // A function's own type stands in for one of PostgREST's, those of its vendor tree apart.
        let is_own = any || offers.domain.is_some_and(|domain| domain.eq_ignore_ascii_case(media));
        match built_in {
            Some(media) if media.is_vendor() || !is_own => return Ok(media),
            _ if is_own => return Ok(Media::Domain),
            _ => {}
        }
    }
    let names: Vec<&str> = wanted.iter().map(|(_, media)| *media).collect();
    Err(Problem::new("PGRST107", format!("None of these media types are available: {}", names.join(", "))))
}

/// The type of an answer with the value of a domain as it is.
pub(super) fn domain_type(domain: &str) -> Option<HeaderValue> {
    match known(domain, false) {
        _ if domain == ANY => None,
        Some(media) => Some(media.content_type()),
        None => HeaderValue::from_str(domain).ok(),
    }
}

/// The type of a plan, which repeats what it was asked to be the plan for.
pub(super) fn plan_type(accept: Option<&HeaderValue>, media: Media) -> Option<HeaderValue> {
    const OPTIONS: [&str; 5] = ["analyze", "verbose", "settings", "buffers", "wal"];
    let text = accept?.to_str().ok()?;
    let asked = split_outside_quotes(text, ',').find(|item| known(item, false) == Some(media))?;
    let (name, mut of, mut options) = (if media == Media::PlanJson { "json" } else { "text" }, "", "");
    for parameter in split_outside_quotes(asked, ';').skip(1) {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match key.trim().to_ascii_lowercase().as_str() {
            "for" => of = value.trim().trim_matches('"'),
            "options" => options = value.trim().trim_matches('"'),
            _ => {}
        }
    }
    let of = if of.is_empty() { "application/json" } else { of };
    let asked_for = |option: &&str| options.split('|').any(|asked| asked == *option);
    let options: Vec<&str> = OPTIONS.into_iter().filter(asked_for).collect();
    let options = if options.is_empty() { String::new() } else { format!("; options={}", options.join("|")) };
    let text = format!("application/vnd.pgrst.plan+{name}; for=\"{of}\"{options}; charset=utf-8");
    HeaderValue::from_str(&text).ok()
}

fn with_quality(item: &str) -> (f32, &str) {
    let mut quality = 1.0;
    let mut end = item.len();
    let mut at = 0;
    for part in split_outside_quotes(item, ';') {
        if let Some(number) = part.trim().strip_prefix("q=") {
            quality = number.trim().parse().unwrap_or(0.0);
            end = end.min(at);
        }
        at += part.len() + 1;
    }
    (quality, item.get(..end).unwrap_or(item).trim().trim_end_matches(';').trim_end())
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == separator && !quoted
    })
}

fn known(media: &str, root: bool) -> Option<Media> {
    let (name, parameters) = media.split_once(';').unwrap_or((media, ""));
    let name = name.trim().to_ascii_lowercase();
    if root {
        return matches!(
            name.as_str(),
            "application/openapi+json" | "application/json" | "*/*" | "application/*"
        )
        .then_some(Media::OpenApi);
    }
    let stripped = parameters.split(';').any(|parameter| {
        parameter.split_once('=').is_some_and(|(key, value)| {
            key.trim().eq_ignore_ascii_case("nulls") && value.trim().trim_matches('"') == "stripped"
        })
    });
    Some(match name.as_str() {
        "application/json" | "*/*" | "application/*" => Media::Json,
        "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => {
            if stripped {
                Media::ObjectStripped
            } else {
                Media::Object
            }
        }
        "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array" => {
            if stripped {
                Media::ArrayStripped
            } else {
                Media::Json
            }
        }
        "application/vnd.pgrst.plan+json" => Media::PlanJson,
        "application/vnd.pgrst.plan+text" | "application/vnd.pgrst.plan" => Media::PlanText,
        "text/csv" => Media::Csv,
        "application/x-ndjson" | "application/jsonl" => Media::JsonLines,
        "text/plain" => Media::Text,
        "text/xml" => Media::Xml,
        "application/octet-stream" => Media::Octets,
        _ => return None,
    })
}

/// What a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyKind {
    Json,
    Csv,
    /// A JSON object on each line.
    Lines,
    Form,
    /// One unnamed argument.
    Raw,
    Xml,
}

pub(super) fn body_kind(content_type: Option<&HeaderValue>, call: bool) -> Result<BodyKind> {
    let Some(value) = content_type else { return Ok(BodyKind::Json) };
    if value.as_bytes() == b"application/json" {
        return Ok(BodyKind::Json);
    }
    let text = value.to_str().unwrap_or_default();
    let name = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Ok(match name.as_str() {
        "application/json" | "application/vnd.pgrst.object+json" | "application/vnd.pgrst.array+json" => {
            BodyKind::Json
        }
        "text/csv" => BodyKind::Csv,
        "application/x-ndjson" | "application/jsonl" | "application/ndjson" if !call => BodyKind::Lines,
        "application/x-www-form-urlencoded" => BodyKind::Form,
        "text/plain" | "application/octet-stream" if call => BodyKind::Raw,
        "text/xml" if call => BodyKind::Xml,
        // fetch() in browsers names this type when the caller names none
        "text/plain" => BodyKind::Json,
        _ => return Err(Problem::new("PGRST102", format!("Content-Type not acceptable: {text}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(text: &str) -> Result<Media> {
        negotiate(Some(&HeaderValue::from_str(text).expect("a header")), Offers::default())
    }

    #[test]
    fn the_first_type_by_quality_that_can_be_made_is_taken() {
        assert_eq!(accepted("text/html,application/xhtml+xml,*/*;q=0.8"), Ok(Media::Json));
        assert_eq!(accepted("text/csv;q=0.5, application/vnd.pgrst.object+json"), Ok(Media::Object));
        assert_eq!(accepted("ApplicatIon/vnd.PgRsT.object+json ; Nulls=stripped"), Ok(Media::ObjectStripped));
        assert_eq!(accepted("application/vnd.pgrst.array;nulls=stripped"), Ok(Media::ArrayStripped));
        let refused = accepted("text/html, image/png;q=0.3").expect_err("no such type");
        assert_eq!(refused.message(), "None of these media types are available: text/html, image/png");
        assert_eq!(refused.http_status(true), 406);
    }

    #[test]
    fn plans_and_domains_are_made_where_they_are_offered() {
        let plan = HeaderValue::from_static(
            "application/vnd.pgrst.plan+text; for=\"application/json\"; options=analyze",
        );
        assert!(negotiate(Some(&plan), Offers::default()).is_err());
        let offers = Offers { plans: true, ..Offers::default() };
        assert_eq!(negotiate(Some(&plan), offers), Ok(Media::PlanText));
        let html = HeaderValue::from_static("text/html, */*;q=0.1");
        assert_eq!(negotiate(Some(&html), Offers::default()), Ok(Media::Json));
        let offers = Offers { domain: Some("text/html"), ..Offers::default() };
        assert_eq!(negotiate(Some(&html), offers), Ok(Media::Domain));
    }

    #[test]
    fn a_domain_takes_the_place_of_a_built_in_type_and_any_type_of_all() {
        let made = |domain: &'static str, accept: Option<&'static str>| {
            let accept = accept.map(HeaderValue::from_static);
            negotiate(accept.as_ref(), Offers { plans: true, domain: Some(domain), ..Offers::default() })
        };
        assert_eq!(made("text/csv", Some("text/csv")), Ok(Media::Domain));
        assert_eq!(made("application/json", Some("application/json")), Ok(Media::Domain));
        assert_eq!(made("text/csv", Some("application/json")), Ok(Media::Json));
        assert_eq!(made("text/csv", None), Ok(Media::Json));
        for accept in [None, Some("*/*"), Some("application/json"), Some("image/png, text/html")] {
            assert_eq!(made(ANY, accept), Ok(Media::Domain), "{accept:?}");
        }
        assert_eq!(made(ANY, Some("application/vnd.pgrst.object+json")), Ok(Media::Object));
        assert_eq!(made(ANY, Some("application/vnd.pgrst.plan")), Ok(Media::PlanText));
        let named = |domain: &str| domain_type(domain).map(|value| value.to_str().expect("ASCII").to_owned());
        assert_eq!(named("text/csv").as_deref(), Some("text/csv; charset=utf-8"));
        assert_eq!(named("image/png").as_deref(), Some("image/png"));
        assert_eq!(named(ANY), None);
    }

    #[test]
    fn the_type_of_a_plan_repeats_what_it_is_for() {
        let told = |accept: &'static str, media| {
            plan_type(Some(&HeaderValue::from_static(accept)), media)
                .map(|value| value.to_str().expect("ASCII").to_owned())
        };
        assert_eq!(
            told("application/vnd.pgrst.plan", Media::PlanText).as_deref(),
            Some("application/vnd.pgrst.plan+text; for=\"application/json\"; charset=utf-8")
        );
        assert_eq!(
            told("application/vnd.pgrst.plan+json; for=\"text/csv\"; options=wal|analyze|x", Media::PlanJson)
                .as_deref(),
            Some("application/vnd.pgrst.plan+json; for=\"text/csv\"; options=analyze|wal; charset=utf-8")
        );
    }
}
