//! What `date`, `time`, `timetz`, `timestamp` and `timestamptz` share: the calendar, reading and writing.
//!
//! Reading follows PostgreSQL's `datetime.c` step by step ([`tokens`], [`fields`], [`decode`]), because what its parser
//! makes of odd input is what applications rely on. `DateStyle` is ISO, MDY.

pub(crate) mod calendar;
pub(crate) mod decode;
pub(crate) mod encode;
mod fields;
pub(crate) mod tokens;
pub(crate) mod words;

use mainstay_base::Problem;

/// Why a text is no date, time or interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    Format,
    FieldOverflow,
    /// Month or day out of range: perhaps they were meant the other way round.
    MonthDayOverflow,
    IntervalOverflow,
    ZoneOverflow,
    UnknownZone,
}

impl Malformed {
    /// PostgreSQL's error (`DateTimeParseError`).
    pub(crate) fn problem(self, text: &str, type_name: &str) -> Problem {
        let overflow =
            |code: &'static str, what: &str| Problem::new(code, format!("{what} out of range: \"{text}\""));
        match self {
            Malformed::Format => {
                Problem::new("22007", format!("invalid input syntax for type {type_name}: \"{text}\""))
            }
            Malformed::FieldOverflow => overflow("22008", "date/time field value"),
            Malformed::MonthDayOverflow => overflow("22008", "date/time field value")
                .with_hint("Perhaps you need a different \"datestyle\" setting."),
            Malformed::IntervalOverflow => overflow("22015", "interval field value"),
            Malformed::ZoneOverflow => overflow("22009", "time zone displacement"),
            Malformed::UnknownZone => {
                let name = unknown_zone(text).unwrap_or_else(|| text.to_owned());
                Problem::new("22023", format!("time zone \"{name}\" not recognized"))
            }
        }
    }
}

/// The first field of a text that looks like a zone's name and is none.
fn unknown_zone(text: &str) -> Option<String> {
    let tokens = tokens::tokens(text).ok()?;
    let name = tokens.into_iter().find(|token| {
        token.kind == tokens::Kind::Date
            && token.text.starts_with(|c: char| c.is_ascii_alphabetic())
            && super::timezone::Zone::named(&token.text).is_none()
    })?;
    Some(name.text)
}
