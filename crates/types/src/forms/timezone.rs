//! Time zones: names, abbreviations and POSIX offsets, and the offset that holds at a time.
//!
//! The IANA database is the one inside the crate `jiff`, so that an answer does not depend on the machine. Only
//! offsets come from there: the calendar is PostgreSQL's own ([`super::datetime::calendar`]).

use super::datetime::calendar::MICROS_PER_SECOND;
use crate::context::Context;
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use mainstay_base::{Problem, Result};
use std::sync::LazyLock;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Seconds from 1970-01-01 to 2000-01-01.
const EPOCH_SECONDS: i64 = 946_684_800;
/// Years after which the calendar repeats: times beyond the database's range are moved by whole cycles.
const CYCLE_SECONDS: i64 = 400 * 31_556_952;

/// A place's rule, or a fixed distance from UTC in seconds (east is positive).
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    Fixed(i32),
    Named(TimeZone),
}

/// What holds in a zone at a time.
pub(crate) struct Observed {
    pub(crate) offset: i32,
    pub(crate) abbreviation: String,
}

impl Zone {
    /// The zone of the session.
    pub(crate) fn of_session(context: &Context) -> Zone {
        let name = context.session.time_zone.as_str();
        if name.is_empty() || name == "UTC" {
            return Zone::Fixed(0);
        }
        // `SET TIME ZONE 2` counts eastwards; other offsets are POSIX zones, which count westwards.
        if let Ok(hours) = name.parse::<f64>() {
            return Zone::Fixed((hours * 3600.0) as i32);
        }
        Zone::named(name).unwrap_or(Zone::Fixed(0))
    }

    /// As `AT TIME ZONE` understands a text: an abbreviation, else a name, else a POSIX offset.
    pub(crate) fn find(name: &str) -> Result<Zone> {
        if let Some(offset) = abbreviation(name) {
            return Ok(Zone::Fixed(offset));
        }
        Zone::named(name).ok_or_else(|| Problem::new("22023", format!("time zone \"{name}\" not recognized")))
    }

    /// A zone of the database, or a POSIX offset (`UTC+3` is three hours west).
    pub(crate) fn named(name: &str) -> Option<Zone> {
        if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("gmt") {
            return Some(Zone::Fixed(0));
        }
        match DATABASE.get(name) {
            Ok(zone) => Some(Zone::Named(zone)),
            Err(_) => posix_offset(name).map(Zone::Fixed),
        }
    }

    /// Seconds east of UTC at a time in microseconds since 2000-01-01 UTC.
    pub(crate) fn offset_at(&self, micros: i64) -> i32 {
        match self {
            Zone::Fixed(offset) => *offset,
            Zone::Named(zone) => {
                to_timestamp(micros).map_or(0, |timestamp| zone.to_offset(timestamp).seconds())
            }
        }
    }

    pub(crate) fn observed_at(&self, micros: i64) -> Observed {
        if let Zone::Named(zone) = self
            && let Some(timestamp) = to_timestamp(micros)
        {
            let info = zone.to_offset_info(timestamp);
            return Observed {
                offset: info.offset().seconds(),
                abbreviation: info.abbreviation().to_owned(),
            };
        }
        let offset = self.offset_at(micros);
        let abbreviation = if offset == 0 { "UTC".to_owned() } else { String::new() };
        Observed { offset, abbreviation }
    }

    /// The offset for a time on the wall, in microseconds since 2000-01-01 00:00 there. A time that a clock skipped
    /// is read with the offset before the change, one that it showed twice with the offset after it.
    pub(crate) fn offset_for_local(&self, local: i64) -> i32 {
        let zone = match self {
            Zone::Fixed(offset) => return *offset,
            Zone::Named(zone) => zone,
        };
        let Some(civil) = to_timestamp(local).map(|timestamp| TimeZone::UTC.to_datetime(timestamp)) else {
            return 0;
        };
        match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.seconds(),
            AmbiguousOffset::Gap { before, .. } => before.seconds(),
            AmbiguousOffset::Fold { after, .. } => after.seconds(),
        }
    }

    /// The offset if it is the same at all times: PostgreSQL lets a time without a date have only such a zone.
    pub(crate) fn constant_offset(&self) -> Option<i32> {
        match self {
            Zone::Fixed(offset) => Some(*offset),
            Zone::Named(zone) => zone.to_fixed_offset().ok().map(|offset| offset.seconds()),
        }
    }
}

/// Microseconds since 2000-01-01 as the database's time, moved into its range.
fn to_timestamp(micros: i64) -> Option<Timestamp> {
    let mut seconds = micros.div_euclid(MICROS_PER_SECOND) + EPOCH_SECONDS;
    let last = Timestamp::MAX.as_second() - 366 * 86_400;
    if seconds > last {
        seconds -= (seconds - last).div_euclid(CYCLE_SECONDS).saturating_add(1) * CYCLE_SECONDS;
    }
    let first = Timestamp::MIN.as_second() + 366 * 86_400;
    Timestamp::from_second(seconds.max(first)).ok()
}

/// `[letters][+|-]hh[:mm[:ss]]`, counted westwards as POSIX does.
fn posix_offset(name: &str) -> Option<i32> {
    let digits_at = if name.starts_with('<') {
        name.find('>')? + 1
    } else {
        name.find(|c: char| c.is_ascii_digit() || c == '+' || c == '-')?
    };
    let (letters, offset) = name.split_at(digits_at);
    let is_name = letters.bytes().all(|byte| byte.is_ascii_alphabetic())
        || (letters.starts_with('<') && letters.ends_with('>'));
    if !is_name {
        return None;
    }
    let (sign, offset) = match offset.as_bytes().first()? {
        b'-' => (1, offset.get(1..)?),
        b'+' => (-1, offset.get(1..)?),
        _ => (-1, offset),
    };
    let mut seconds = 0;
    let mut parts = offset.split(':');
    for (unit, most) in [(3600, 167), (60, 59), (1, 59)] {
        let Some(part) = parts.next() else { break };
        if part.is_empty() || part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: i32 = part.parse().ok()?;
        if number > most {
            return None;
        }
        seconds += number * unit;
    }
    parts.next().is_none().then_some(sign * seconds)
}

/// The offset of an abbreviation of PostgreSQL's `Default` set, in any case.
pub(crate) fn abbreviation(name: &str) -> Option<i32> {
    let mut upper = [0u8; 8];
    let upper = upper.get_mut(..name.len())?;
    for (to, from) in upper.iter_mut().zip(name.bytes()) {
        *to = from.to_ascii_uppercase();
    }
    let at = ABBREVIATIONS.binary_search_by(|(known, _)| known.as_bytes().cmp(upper)).ok()?;
    ABBREVIATIONS.get(at).map(|(_, offset)| *offset)
}

/// Abbreviation and seconds east of UTC, in order.
#[rustfmt::skip]
static ABBREVIATIONS: &[(&str, i32)] = &[
    ("ACDT", 37800), ("ACSST", 37800), ("ACST", 34200), ("ACT", -18000), ("ACWST", 31500), ("ADT", -10800),
    ("AEDT", 39600), ("AESST", 39600), ("AEST", 36000), ("AFT", 16200), ("AKDT", -28800), ("AKST", -32400),
    ("ALMST", 25200), ("ALMT", 21600), ("AMST", 14400), ("AMT", -14400), ("ANAST", 43200), ("ANAT", 43200),
    ("ARST", -10800), ("ART", -10800), ("AST", -14400), ("AWSST", 32400), ("AWST", 28800), ("AZOST", 0),
    ("AZOT", -3600), ("AZST", 14400), ("AZT", 14400), ("BDST", 7200), ("BDT", 21600), ("BNT", 28800),
    ("BORT", 28800), ("BOT", -14400), ("BRA", -10800), ("BRST", -7200), ("BRT", -10800), ("BST", 3600),
    ("BTT", 21600), ("CADT", 37800), ("CAST", 34200), ("CCT", 28800), ("CDT", -18000), ("CEST", 7200),
    ("CET", 3600), ("CETDST", 7200), ("CHADT", 49500), ("CHAST", 45900), ("CHUT", 36000), ("CKT", -36000),
    ("CLST", -10800), ("CLT", -10800), ("COT", -18000), ("CST", -21600), ("CXT", 25200), ("DAVT", 25200),
    ("DDUT", 36000), ("EASST", -18000), ("EAST", -18000), ("EAT", 10800), ("EDT", -14400), ("EEST", 10800),
    ("EET", 7200), ("EETDST", 10800), ("EGST", 0), ("EGT", -3600), ("EST", -18000), ("FET", 10800),
    ("FJST", 46800), ("FJT", 43200), ("FKST", -10800), ("FKT", -10800), ("FNST", -3600), ("FNT", -7200),
    ("GALT", -21600), ("GAMT", -32400), ("GEST", 14400), ("GET", 14400), ("GFT", -10800), ("GILT", 43200),
    ("GMT", 0), ("GYT", -14400), ("HKT", 28800), ("HST", -36000), ("ICT", 25200), ("IDT", 10800),
    ("IOT", 21600), ("IRKST", 28800), ("IRKT", 28800), ("IRT", 12600), ("IST", 7200), ("JAYT", 32400),
    ("JST", 32400), ("KDT", 36000), ("KGST", 21600), ("KGT", 21600), ("KOST", 39600), ("KRAST", 25200),
    ("KRAT", 25200), ("KST", 32400), ("LHDT", 39600), ("LHST", 37800), ("LIGT", 36000), ("LINT", 50400),
    ("LKT", 19800), ("MAGST", 39600), ("MAGT", 39600), ("MART", -34200), ("MAWT", 18000), ("MDT", -21600),
    ("MEST", 7200), ("MESZ", 7200), ("MET", 3600), ("METDST", 7200), ("MEZ", 3600), ("MHT", 43200),
    ("MMT", 23400), ("MPT", 36000), ("MSD", 14400), ("MSK", 10800), ("MST", -25200), ("MUST", 18000),
    ("MUT", 14400), ("MVT", 18000), ("MYT", 28800), ("NDT", -9000), ("NFT", -12600), ("NOVST", 25200),
    ("NOVT", 25200), ("NPT", 20700), ("NST", -12600), ("NUT", -39600), ("NZDT", 46800), ("NZST", 43200),
    ("NZT", 43200), ("OMSST", 21600), ("OMST", 21600), ("PDT", -25200), ("PET", -18000), ("PETST", 43200),
    ("PETT", 43200), ("PGT", 36000), ("PHT", 28800), ("PKST", 21600), ("PKT", 18000), ("PMDT", -7200),
    ("PMST", -10800), ("PONT", 39600), ("PST", -28800), ("PWT", 32400), ("PYST", -10800), ("PYT", -10800),
    ("RET", 14400), ("SADT", 37800), ("SAST", 7200), ("SCT", 14400), ("SGT", 28800), ("TAHT", -36000),
    ("TFT", 18000), ("TJT", 18000), ("TKT", 46800), ("TMT", 18000), ("TOT", 46800), ("TRUT", 36000),
    ("TVT", 43200), ("UCT", 0), ("ULAST", 32400), ("ULAT", 28800), ("UT", 0), ("UTC", 0),
    ("UYST", -7200), ("UYT", -10800), ("UZST", 21600), ("UZT", 18000), ("VET", -14400), ("VLAST", 36000),
    ("VLAT", 36000), ("VOLT", 10800), ("VUT", 39600), ("WADT", 28800), ("WAKT", 43200), ("WAST", 25200),
    ("WAT", 3600), ("WDT", 32400), ("WET", 0), ("WETDST", 3600), ("WFT", 43200), ("WGST", -7200),
    ("WGT", -10800), ("XJT", 21600), ("YAKST", 32400), ("YAKT", 32400), ("YAPT", 36000), ("YEKST", 21600),
    ("YEKT", 18000), ("Z", 0), ("ZULU", 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_are_in_order() {
        assert!(ABBREVIATIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!((abbreviation("est"), abbreviation("nowhere")), (Some(-18_000), None));
    }

    #[test]
    fn a_skipped_time_takes_the_offset_before_and_a_repeated_one_the_offset_after() {
        let zone = Zone::named("America/New_York").expect("known");
        let local = |day: i64, hour: i64| (day * 86_400 + hour * 3600 + 1800) * MICROS_PER_SECOND;
        // 2024-03-10 and 2024-11-03 are days 8835 and 9073 since 2000-01-01.
        assert_eq!(zone.offset_for_local(local(8835, 2)), -5 * 3600);
        assert_eq!(zone.offset_for_local(local(9073, 1)), -5 * 3600);
        assert_eq!(zone.offset_for_local(local(9073, 0)), -4 * 3600);
    }

    #[test]
    fn an_offset_alone_counts_westwards() {
        assert_eq!(posix_offset("UTC+3"), Some(-3 * 3600));
        assert_eq!(posix_offset("+02:00"), Some(-2 * 3600));
        assert_eq!(posix_offset("Nowhere/Land"), None);
    }
}
