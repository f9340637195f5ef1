//! The calendar: days and dates, microseconds and wall clock fields. Proleptic Gregorian, as PostgreSQL counts.

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
pub(crate) const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;
pub(crate) const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
/// The Julian day of 2000-01-01, from which dates and timestamps count.
pub(crate) const EPOCH_JULIAN_DAY: i32 = 2_451_545;
/// The Julian day of 1970-01-01.
pub(crate) const UNIX_EPOCH_JULIAN_DAY: i32 = 2_440_588;
/// Microseconds from 1970-01-01 to 2000-01-01.
pub(crate) const UNIX_TO_EPOCH_MICROS: i64 =
    (EPOCH_JULIAN_DAY - UNIX_EPOCH_JULIAN_DAY) as i64 * MICROS_PER_DAY;

pub(crate) const DATE_INFINITY: i64 = i32::MAX as i64;
pub(crate) const DATE_NEGATIVE_INFINITY: i64 = i32::MIN as i64;
pub(crate) const TIMESTAMP_INFINITY: i64 = i64::MAX;
pub(crate) const TIMESTAMP_NEGATIVE_INFINITY: i64 = i64::MIN;

const TIMESTAMP_MIN: i64 = -211_813_488_000_000_000;
const TIMESTAMP_END: i64 = 9_223_371_331_200_000_000;
const DATE_END_JULIAN_DAY: i64 = 2_147_483_494;
const TIMESTAMP_END_JULIAN_DAY: i64 = 109_203_528;

/// A date and a time of day, as on a wall. The year 0 is 1 BC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) year: i32,
    pub(crate) month: i32,
    pub(crate) day: i32,
    pub(crate) hour: i32,
    pub(crate) minute: i32,
    pub(crate) second: i32,
    pub(crate) micros: i32,
}

pub(crate) fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month from 1 to 12.
pub(crate) fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 => 28 + i32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The Julian day of a date.
pub(crate) fn julian_day(year: i32, month: i32, day: i32) -> i32 {
    let (year, month) = if month > 2 {
        (i64::from(year) + 4800, i64::from(month) + 1)
    } else {
        (i64::from(year) + 4799, i64::from(month) + 13)
    };
    let century = year / 100;
    let days = year * 365 - 32_167 + year / 4 - century + century / 4;
    (days + 7834 * month / 256 + i64::from(day)) as i32
}

/// The date of a Julian day: year, month, day.
pub(crate) fn date_of_julian_day(julian_day: i32) -> (i32, i32, i32) {
    let mut julian = (i64::from(julian_day) + 32_044) as u32;
    let mut quad = julian / 146_097;
    let extra = (julian - quad * 146_097) * 4 + 3;
    julian += 60 + quad * 3 + extra / 146_097;
    quad = julian / 1461;
    julian -= quad * 1461;
    let mut year = (julian * 4 / 1461) as i32;
    julian = if year != 0 { (julian + 305) % 365 } else { (julian + 306) % 366 } + 123;
    year += (quad * 4) as i32;
    quad = julian * 2141 / 65_536;
    let day = (julian - 7834 * quad / 256) as i32;
    let month = ((quad + 10) % 12 + 1) as i32;
    (year - 4800, month, day)
}

/// The day of the week of a Julian day, Sunday is 0.
pub(crate) fn day_of_week(julian_day: i32) -> i32 {
    (i64::from(julian_day) + 1).rem_euclid(7) as i32
}

pub(crate) fn is_valid_julian(year: i32, month: i32) -> bool {
    (year > -4713 || (year == -4713 && month >= 11)) && (year < 5_874_898 || (year == 5_874_898 && month < 6))
}

/// Whether a number of days since 2000-01-01 is a date that PostgreSQL has.
pub(crate) fn is_valid_date(days: i64) -> bool {
    (-i64::from(EPOCH_JULIAN_DAY)..DATE_END_JULIAN_DAY - i64::from(EPOCH_JULIAN_DAY)).contains(&days)
}

/// Whether a date has a timestamp: timestamps end before dates do.
pub(crate) fn date_has_timestamp(days: i64) -> bool {
    days < TIMESTAMP_END_JULIAN_DAY - i64::from(EPOCH_JULIAN_DAY)
}

pub(crate) fn is_valid_timestamp(micros: i64) -> bool {
    (TIMESTAMP_MIN..TIMESTAMP_END).contains(&micros)
}

pub(crate) fn is_finite_date(days: i64) -> bool {
    days != DATE_INFINITY && days != DATE_NEGATIVE_INFINITY
}

pub(crate) fn is_finite_timestamp(micros: i64) -> bool {
    micros != TIMESTAMP_INFINITY && micros != TIMESTAMP_NEGATIVE_INFINITY
}

/// Days since 2000-01-01 of a date with a valid month and day.
pub(crate) fn days_of(year: i32, month: i32, day: i32) -> Option<i64> {
    if !is_valid_julian(year, month) {
        return None;
    }
    let days = i64::from(julian_day(year, month, day)) - i64::from(EPOCH_JULIAN_DAY);
    is_valid_date(days).then_some(days)
}

/// The date of days since 2000-01-01.
pub(crate) fn date_of(days: i64) -> (i32, i32, i32) {
    let julian = (days + i64::from(EPOCH_JULIAN_DAY)).clamp(0, i64::from(i32::MAX));
    date_of_julian_day(julian as i32)
}

impl Moment {
    /// The moment of microseconds since 2000-01-01 00:00.
    pub(crate) fn of_micros(micros: i64) -> Moment {
        let (year, month, day) = date_of(micros.div_euclid(MICROS_PER_DAY));
        let mut moment = Moment { year, month, day, ..Moment::default() };
        moment.set_time(micros.rem_euclid(MICROS_PER_DAY));
        moment
    }

    pub(crate) fn of_days(days: i64) -> Moment {
        let (year, month, day) = date_of(days);
        Moment { year, month, day, ..Moment::default() }
    }

    pub(crate) fn set_time(&mut self, micros: i64) {
        self.hour = (micros / MICROS_PER_HOUR) as i32;
        self.minute = (micros / MICROS_PER_MINUTE % 60) as i32;
        self.second = (micros / MICROS_PER_SECOND % 60) as i32;
        self.micros = (micros % MICROS_PER_SECOND) as i32;
    }

    pub(crate) fn time_micros(&self) -> i64 {
        i64::from(self.hour) * MICROS_PER_HOUR
            + i64::from(self.minute) * MICROS_PER_MINUTE
            + i64::from(self.second) * MICROS_PER_SECOND
            + i64::from(self.micros)
    }

    /// Microseconds since 2000-01-01 00:00 without a check of the range that PostgreSQL allows.
    pub(crate) fn micros_unchecked(&self) -> Option<i64> {
        if !is_valid_julian(self.year, self.month) {
            return None;
        }
        let days = i64::from(julian_day(self.year, self.month, self.day)) - i64::from(EPOCH_JULIAN_DAY);
        days.checked_mul(MICROS_PER_DAY)?.checked_add(self.time_micros())
    }

    /// Microseconds since 2000-01-01 00:00 where PostgreSQL has such a timestamp.
    pub(crate) fn to_micros(self) -> Option<i64> {
        self.micros_unchecked().filter(|micros| is_valid_timestamp(*micros))
    }

    pub(crate) fn julian_day(&self) -> i32 {
        julian_day(self.year, self.month, self.day)
    }

    /// 1 for the first of January.
    pub(crate) fn day_of_year(&self) -> i32 {
        self.julian_day() - julian_day(self.year, 1, 1) + 1
    }
}

/// Rounds microseconds to so many digits of a second's fraction, half away from zero.
pub(crate) fn round_micros(micros: i64, digits: u8) -> i64 {
    if digits >= 6 {
        return micros;
    }
    let unit = 10i64.pow(6 - u32::from(digits));
    let half = unit / 2;
    if micros >= 0 {
        micros.saturating_add(half) / unit * unit
    } else {
        -(micros.saturating_neg().saturating_add(half) / unit * unit)
    }
}

/// The Julian day on which an ISO year begins (a Monday).
pub(crate) fn iso_year_start(year: i32) -> i32 {
    let fourth = julian_day(year, 1, 4);
    fourth - (day_of_week(fourth) + 6) % 7
}

/// The ISO year and week of a date.
pub(crate) fn iso_week(year: i32, month: i32, day: i32) -> (i32, i32) {
    let today = julian_day(year, month, day);
    let mut iso_year = year;
    let mut start = iso_year_start(year);
    if today < start {
        iso_year -= 1;
        start = iso_year_start(iso_year);
    }
    let next = iso_year_start(iso_year + 1);
    if today >= next {
        iso_year += 1;
        start = next;
    }
    (iso_year, (today - start) / 7 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_comes_back() {
        for day in (0..2_147_483_000).step_by(99_991) {
            let (year, month, date) = date_of_julian_day(day);
            assert_eq!(julian_day(year, month, date), day);
        }
    }

    #[test]
    fn weeks_belong_to_the_year_of_their_thursday() {
        assert_eq!(iso_week(2021, 1, 3), (2020, 53));
        assert_eq!(iso_week(2024, 12, 30), (2025, 1));
    }
}
