//! The words that dates and intervals are written with.

/// What a word means in a date or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// `at`, `on`
    Ignored,
    Special(Special),
    Month(i32),
    /// Sunday is 0.
    Weekday(i32),
    Meridiem {
        pm: bool,
    },
    Era {
        bc: bool,
    },
    /// `dst` behind a zone: one hour more.
    DaylightSaving,
    /// `T`: a time follows.
    TimeFollows,
    /// `J`, `Julian`: a Julian day follows.
    JulianFollows,
    /// A unit that ISO fields are written with and that nothing reads.
    UnitFollows,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    Now,
    Today,
    Tomorrow,
    Yesterday,
    Zulu,
    Epoch,
    Infinity,
    NegativeInfinity,
}

pub(crate) static MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) static DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The meaning of a word in lower case.
pub(crate) fn word(text: &str) -> Option<Word> {
    Some(match text {
        "at" | "on" => Word::Ignored,
        "now" => Word::Special(Special::Now),
        "today" => Word::Special(Special::Today),
        "tomorrow" => Word::Special(Special::Tomorrow),
        "yesterday" => Word::Special(Special::Yesterday),
        "allballs" => Word::Special(Special::Zulu),
        "epoch" => Word::Special(Special::Epoch),
        "infinity" => Word::Special(Special::Infinity),
        "-infinity" => Word::Special(Special::NegativeInfinity),
        "am" => Word::Meridiem { pm: false },
        "pm" => Word::Meridiem { pm: true },
        "ad" => Word::Era { bc: false },
        "bc" => Word::Era { bc: true },
        "dst" => Word::DaylightSaving,
        "t" => Word::TimeFollows,
        "j" | "jd" | "julian" => Word::JulianFollows,
        "d" | "dow" | "doy" | "h" | "isodow" | "isoyear" | "m" | "mm" | "s" | "y" => Word::UnitFollows,
        _ => return month(text).map(Word::Month).or_else(|| weekday(text).map(Word::Weekday)),
    })
}

fn month(text: &str) -> Option<i32> {
    if text == "sept" {
        return Some(9);
    }
    named(&MONTHS, text).map(|index| index + 1)
}

fn weekday(text: &str) -> Option<i32> {
    match text {
        "tues" => Some(2),
        "weds" => Some(3),
        "thur" | "thurs" => Some(4),
        _ => named(&DAYS, text),
    }
}

/// The index of a name, whole or its first three letters.
fn named(names: &[&str], text: &str) -> Option<i32> {
    let at = names.iter().position(|name| {
        name.eq_ignore_ascii_case(text) || name.get(..3).is_some_and(|short| short.eq_ignore_ascii_case(text))
    })?;
    i32::try_from(at).ok()
}

/// A unit of an interval, or a field that `extract` can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    // Fields only.
    Epoch,
    Julian,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoYear,
    Zone,
    ZoneHour,
    ZoneMinute,
}

/// The unit that a word in lower case names; PostgreSQL looks at its first ten letters.
pub(crate) fn unit(text: &str) -> Option<Unit> {
    let known = text.get(..10).unwrap_or(text);
    Some(match known {
        "us" | "usec" | "usecs" | "usecond" | "useconds" | "microsecon" => Unit::Microsecond,
        "ms" | "msec" | "msecs" | "msecond" | "mseconds" | "millisecon" => Unit::Millisecond,
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "qtr" | "quarter" => Unit::Quarter,
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
        "dec" | "decs" | "decade" | "decades" => Unit::Decade,
        "c" | "cent" | "century" | "centuries" => Unit::Century,
        "mil" | "mils" | "millennium" | "millennia" => Unit::Millennium,
        "timezone" => Unit::Zone,
        "timezone_h" => Unit::ZoneHour,
        "timezone_m" => Unit::ZoneMinute,
        _ => return None,
    })
}

/// The unit or field that a word in lower case names, for `extract`.
pub(crate) fn field(text: &str) -> Option<Unit> {
    unit(text).or(match text {
        "epoch" => Some(Unit::Epoch),
        "j" | "jd" | "julian" => Some(Unit::Julian),
        "dow" => Some(Unit::DayOfWeek),
        "isodow" => Some(Unit::IsoDayOfWeek),
        "doy" => Some(Unit::DayOfYear),
        "isoyear" => Some(Unit::IsoYear),
        _ => None,
    })
}
