//! Writes dates and times the ISO way. Nothing here allocates.

use super::calendar::Moment;
use crate::forms::writing::{fraction, padded, pair};
use std::fmt::Write;

/// `2024-01-05T04:05:06.7`, in one piece for the years that people have.
pub(crate) fn date_time(moment: &Moment, separator: char, out: &mut impl Write) {
    let year = moment.year.unsigned_abs();
    let fits = moment.year > 0 && year <= 9999 && separator.is_ascii();
    let parts = [year / 100, year % 100].into_iter().chain(
        [moment.month, moment.day, moment.hour, moment.minute, moment.second].map(|part| part.unsigned_abs()),
    );
    let mut text = *b"0000-00-00T00:00:00";
    for (part, place) in parts.zip([0, 2, 5, 8, 11, 14, 17]) {
        if let (Some(digits), Some(room)) = (pair(part), text.get_mut(place..place + 2)) {
            room.copy_from_slice(digits);
        }
    }
    text[10] = separator as u8;
    match std::str::from_utf8(&text) {
        Ok(text) if fits => _ = out.write_str(text),
        _ => {
            date(moment, out);
            let _ = out.write_char(separator);
            clock(moment, out);
        }
    }
    fraction(out, u64::from(moment.micros.unsigned_abs()));
}

/// `2024-01-05`; years before 1 are followed by ` BC` behind everything ([`era`]).
pub(crate) fn date(moment: &Moment, out: &mut impl Write) {
    let year = if moment.year > 0 { moment.year } else { 1 - moment.year };
    padded(out, u64::from(year.unsigned_abs()), 4);
    let _ = out.write_char('-');
    padded(out, u64::from(moment.month.unsigned_abs()), 2);
    let _ = out.write_char('-');
    padded(out, u64::from(moment.day.unsigned_abs()), 2);
}

pub(crate) fn era(moment: &Moment, out: &mut impl Write) {
    if moment.year <= 0 {
        let _ = out.write_str(" BC");
    }
}

/// `04:05:06.7`
pub(crate) fn time(moment: &Moment, out: &mut impl Write) {
    clock(moment, out);
    fraction(out, u64::from(moment.micros.unsigned_abs()));
}

fn clock(moment: &Moment, out: &mut impl Write) {
    padded(out, u64::from(moment.hour.unsigned_abs()), 2);
    let _ = out.write_char(':');
    padded(out, u64::from(moment.minute.unsigned_abs()), 2);
    let _ = out.write_char(':');
    padded(out, u64::from(moment.second.unsigned_abs()), 2);
}

/// `+02`, `-03:30`; JSON always has the minutes.
pub(crate) fn offset(seconds: i32, with_minutes: bool, out: &mut impl Write) {
    if seconds == 0 {
        let _ = out.write_str(if with_minutes { "+00:00" } else { "+00" });
        return;
    }
    let _ = out.write_char(if seconds < 0 { '-' } else { '+' });
    let size = u64::from(seconds.unsigned_abs());
    let (hour, minute, second) = (size / 3600, size / 60 % 60, size % 60);
    padded(out, hour, 2);
    if second != 0 {
        let _ = out.write_char(':');
        padded(out, minute, 2);
        let _ = out.write_char(':');
        padded(out, second, 2);
    } else if minute != 0 || with_minutes {
        let _ = out.write_char(':');
        padded(out, minute, 2);
    }
}
