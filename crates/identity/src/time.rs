//! Moments: microseconds since 1970, read from PostgreSQL's JSON and written as GoTrue writes them.

use mainstay_base::Env;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

const DAY_SECONDS: i64 = 86_400;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(pub i64);

impl Time {
    pub fn now(env: &Env) -> Time {
        Time(env.unix_micros())
    }

    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    pub fn plus_seconds(self, seconds: i64) -> Time {
        Time(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// `2026-11-28T16:34:26.123456+00:00`, `…Z`, or without an offset (UTC).
    fn parse(text: &str) -> Option<Time> {
        let (date, clock) = text.split_once(['T', ' '])?;
        let mut parts = date.splitn(3, '-').map(str::parse::<i64>);
        let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
        let clock = clock.trim_end_matches('Z');
        let (clock, offset) = match clock.rfind(['+', '-']) {
            Some(at) => (&clock[..at], offset_seconds(&clock[at..])?),
            None => (clock, 0),
        };
        let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
        let mut parts = whole.splitn(3, ':').map(str::parse::<i64>);
        let (hour, minute, second) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
        let micros = format!("{fraction:0<6}").get(..6)?.parse::<i64>().ok()?;
        let seconds = days_from_civil(year, month, day) * DAY_SECONDS + hour * 3_600 + minute * 60 + second;
        Some(Time((seconds - offset) * 1_000_000 + micros))
    }
}

fn offset_seconds(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text[1..].split_once(':').unwrap_or((&text[1..], "0"));
    Some(sign * (hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's algorithm).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds();
        let (year, month, day) = civil_from_days(seconds.div_euclid(DAY_SECONDS));
        let of_day = seconds.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match self.0.rem_euclid(1_000_000) {
            0 => {}
            micros => f.write_str(format!(".{micros:06}").trim_end_matches('0'))?,
        }
        f.write_str("Z")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Time::parse(&text).ok_or_else(|| serde::de::Error::custom("not a timestamp"))
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn moments_go_both_ways() {
        for (text, shown) in [
            ("2026-11-28T16:34:26.12+00:00", "2026-11-28T16:34:26.12Z"),
            ("2024-02-29T23:59:59", "2024-02-29T23:59:59Z"),
            ("1969-12-31T23:59:59.000001Z", "1969-12-31T23:59:59.000001Z"),
            ("2000-01-01 01:30:00+02:30", "1999-12-31T23:00:00Z"),
        ] {
            assert_eq!(Time::parse(text).expect(text).to_string(), shown);
        }
        assert_eq!(Time::parse("2026-01-01T00:00:00Z").map(Time::seconds), Some(1_767_225_600));
        assert_eq!(Time::parse("tomorrow"), None);
    }
}
