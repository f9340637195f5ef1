//! Puts the fields of a text together into a date and time (`DecodeDateTime`, `DecodeTimeOnly`).

use super::Malformed;
use super::calendar::{self, MICROS_PER_DAY, Moment};
use super::fields::{
    DATE, DAY, DAYLIGHT, ERA, MERIDIEM, MONTH, Mask, Reading, SPECIAL, TIME, WEEKDAY, ZONE, fraction,
    leading_number, zone_offset,
};
use super::tokens::{Kind, Token, tokens};
use super::words::{Special, Word, word};
use crate::context::Context;
use crate::forms::timezone::{self, Zone};

/// What a text says about a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// Wall clock fields, and the offset that holds there, in seconds east of UTC.
    Moment {
        moment: Moment,
        offset: i32,
    },
    Epoch,
    Infinity,
    NegativeInfinity,
}

/// What the field before a number says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefix {
    None,
    Time,
    Julian,
    Unit,
}

struct Decoder<'a> {
    context: &'a Context,
    time_only: bool,
    tokens: Vec<Token>,
    reading: Reading,
    known: Mask,
    prefix: Prefix,
    offset: i32,
    zone: Option<Zone>,
    text_month: bool,
    is_julian: bool,
    bc: bool,
    pm: Option<bool>,
    fixed: Option<Decoded>,
    current_time: bool,
}

/// A date with or without a time.
pub(crate) fn date_time(text: &str, context: &Context) -> Result<Decoded, Malformed> {
    decode(text, context, false)
}

/// A time of day with or without a zone.
pub(crate) fn time_only(text: &str, context: &Context) -> Result<(Moment, i32), Malformed> {
    match decode(text, context, true)? {
        Decoded::Moment { moment, offset } => Ok((moment, offset)),
        _ => Err(Malformed::Format),
    }
}

fn decode(text: &str, context: &Context, time_only: bool) -> Result<Decoded, Malformed> {
    let mut decoder = Decoder {
        context,
        time_only,
        tokens: tokens(text)?,
        reading: Reading::default(),
        known: 0,
        prefix: Prefix::None,
        offset: 0,
        zone: None,
        text_month: false,
        is_julian: false,
        bc: false,
        pm: None,
        fixed: None,
        current_time: false,
    };
    if decoder.tokens.is_empty() {
        return Err(Malformed::Format);
    }
    for index in 0..decoder.tokens.len() {
        let Some(token) = decoder.tokens.get(index).cloned() else { break };
        let Some(found) = decoder.token(index, &token)? else { continue };
        if found & decoder.known != 0 {
            return Err(Malformed::Format);
        }
        decoder.known |= found;
    }
    decoder.finish()
}

impl Decoder<'_> {
    fn token(&mut self, index: usize, token: &Token) -> Result<Option<Mask>, Malformed> {
        match token.kind {
            Kind::Date => self.date_token(index, &token.text).map(Some),
            Kind::Time => {
                self.take_time_prefix()?;
                let mask = self.reading.time(&token.text)?;
                self.reading.check_time()?;
                Ok(Some(mask))
            }
            Kind::Signed => {
                self.offset = zone_offset(&token.text)?;
                Ok(Some(ZONE))
            }
            Kind::Number => self.number_token(index, &token.text).map(Some),
            Kind::Word | Kind::SignedWord => self.word_token(index, &token.text),
        }
    }

    /// A time may follow `T`, and nothing else that announces a number.
    fn take_time_prefix(&mut self) -> Result<(), Malformed> {
        match std::mem::replace(&mut self.prefix, Prefix::None) {
            Prefix::None | Prefix::Time => Ok(()),
            Prefix::Julian | Prefix::Unit => Err(Malformed::Format),
        }
    }

    fn date_token(&mut self, index: usize, text: &str) -> Result<Mask, Malformed> {
        if self.prefix == Prefix::Julian {
            // A Julian day with its zone run together.
            self.prefix = Prefix::None;
            let (day, zone) = leading_number(text)?;
            self.set_julian_day(day);
            self.offset = zone_offset(zone)?;
            return Ok(DATE | TIME | ZONE);
        }
        let may_be_date = if self.time_only {
            let last = self.tokens.last().map(|token| token.kind);
            let second = self.tokens.get(1).map(|token| token.kind);
            index == 0 && self.tokens.len() >= 2 && (last == Some(Kind::Date) || second == Some(Kind::Time))
        } else {
            self.prefix == Prefix::None && self.known & (MONTH | DAY) != MONTH | DAY
        };
        if may_be_date {
            return self.reading.date(text, self.known);
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) || self.prefix != Prefix::None {
            self.take_time_prefix()?;
            if self.known & TIME == TIME {
                return Err(Malformed::Format);
            }
            let at = text.find('-').ok_or(Malformed::Format)?;
            let (time, zone) = text.split_at(at);
            self.offset = zone_offset(zone)?;
            return Ok(self.reading.run_together(time, self.known_or_date())? | ZONE);
        }
        self.zone = Some(Zone::named(text).ok_or(Malformed::UnknownZone)?);
        Ok(ZONE)
    }

    /// In a time alone, numbers are never parts of a date.
    fn known_or_date(&self) -> Mask {
        if self.time_only { self.known | DATE } else { self.known }
    }

    fn set_julian_day(&mut self, day: i32) {
        let (year, month, date) = calendar::date_of_julian_day(day);
        self.reading.moment = Moment { year, month, day: date, ..self.reading.moment };
        self.is_julian = true;
    }

    fn number_token(&mut self, index: usize, text: &str) -> Result<Mask, Malformed> {
        match std::mem::replace(&mut self.prefix, Prefix::None) {
            Prefix::Julian => {
                let (day, rest) = leading_number(text)?;
                self.set_julian_day(day);
                if rest.is_empty() {
                    return Ok(DATE);
                }
                let micros = (fraction(rest)? * MICROS_PER_DAY as f64).round_ties_even() as i64;
                self.reading.moment.set_time(micros);
                return Ok(DATE | TIME);
            }
            Prefix::Time => {
                let mask = self.reading.run_together(text, self.known | DATE)?;
                return if mask == TIME { Ok(mask) } else { Err(Malformed::Format) };
            }
            Prefix::Unit => return Err(Malformed::Format),
            Prefix::None => {}
        }
        let whole_digits = text.find('.');
        if self.time_only {
            let last_is_date = self.tokens.last().is_some_and(|token| token.kind == Kind::Date);
            return match whole_digits {
                Some(_) if index == 0 && self.tokens.len() >= 2 && last_is_date => {
                    self.reading.date(text, self.known)
                }
                Some(digits) if digits > 2 => self.reading.run_together(text, self.known | DATE),
                Some(_) => Err(Malformed::Format),
                None if text.len() > 4 => self.reading.run_together(text, self.known | DATE),
                None => self.reading.number(text, false, self.known | DATE),
            };
        }
        match whole_digits {
            Some(_) if self.known & DATE == 0 => self.reading.date(text, self.known),
            Some(digits) if digits > 2 => self.reading.run_together(text, self.known),
            _ if text.len() >= 6 && (self.known & DATE == 0 || self.known & TIME == 0) => {
                self.reading.run_together(text, self.known)
            }
            _ => self.reading.number(text, self.text_month, self.known),
        }
    }

    fn word_token(&mut self, index: usize, text: &str) -> Result<Option<Mask>, Malformed> {
        if let Some(offset) = timezone::abbreviation(text) {
            self.offset = offset;
            return Ok(Some(ZONE));
        }
        let Some(word) = word(text) else {
            self.zone = Some(Zone::named(text).ok_or(Malformed::Format)?);
            return Ok(Some(ZONE));
        };
        Ok(Some(match word {
            Word::Ignored => return Ok(None),
            Word::Special(special) => self.special(special)?,
            Word::Month(month) => {
                let moment = &mut self.reading.moment;
                let takes_day = self.known & MONTH != 0
                    && !self.text_month
                    && self.known & DAY == 0
                    && (1..=31).contains(&moment.month);
                self.text_month = true;
                if takes_day {
                    moment.day = moment.month;
                }
                moment.month = month;
                if takes_day { DAY } else { MONTH }
            }
            Word::Weekday(_) => WEEKDAY,
            Word::Meridiem { pm } => {
                self.pm = Some(pm);
                MERIDIEM
            }
            Word::Era { bc } => {
                self.bc = bc;
                ERA
            }
            Word::DaylightSaving => {
                self.offset += 3600;
                DAYLIGHT
            }
            Word::TimeFollows => {
                let next = self.tokens.get(index + 1).map(|token| token.kind);
                let date_known = self.time_only || self.known & DATE == DATE;
                if !date_known || !matches!(next, Some(Kind::Number | Kind::Time | Kind::Date)) {
                    return Err(Malformed::Format);
                }
                self.prefix = Prefix::Time;
                0
            }
            Word::JulianFollows => {
                self.prefix = Prefix::Julian;
                0
            }
            Word::UnitFollows => {
                self.prefix = Prefix::Unit;
                0
            }
        }))
    }

    fn special(&mut self, special: Special) -> Result<Mask, Malformed> {
        let now = self.context.transaction_time;
        let zone = Zone::of_session(self.context);
        let offset = zone.offset_at(now);
        let local = now.saturating_add(i64::from(offset) * calendar::MICROS_PER_SECOND);
        match special {
            Special::Now => {
                self.reading.moment = Moment::of_micros(local);
                self.offset = offset;
                self.current_time = true;
                return Ok(if self.time_only { TIME } else { DATE | TIME | ZONE });
            }
            Special::Zulu => {
                self.reading.moment.set_time(0);
                self.offset = 0;
                return Ok(TIME | ZONE);
            }
            _ if self.time_only => return Err(Malformed::Format),
            Special::Epoch => self.fixed = Some(Decoded::Epoch),
            Special::Infinity => self.fixed = Some(Decoded::Infinity),
            Special::NegativeInfinity => self.fixed = Some(Decoded::NegativeInfinity),
            Special::Today | Special::Tomorrow | Special::Yesterday => {
                let days = local.div_euclid(MICROS_PER_DAY)
                    + match special {
                        Special::Tomorrow => 1,
                        Special::Yesterday => -1,
                        _ => 0,
                    };
                let (year, month, day) = calendar::date_of(days);
                self.reading.moment = Moment { year, month, day, ..self.reading.moment };
                self.is_julian = true;
                return Ok(DATE);
            }
        }
        Ok(SPECIAL)
    }

    fn finish(mut self) -> Result<Decoded, Malformed> {
        let is_read = self.is_julian || (self.current_time && !self.time_only);
        self.reading.validate_date(self.known, is_read, self.bc)?;
        if let Some(pm) = self.pm {
            let hour = &mut self.reading.moment.hour;
            if *hour > 12 {
                return Err(Malformed::FieldOverflow);
            }
            *hour = *hour % 12 + if pm { 12 } else { 0 };
        }
        if let Some(fixed) = self.fixed {
            return Ok(fixed);
        }
        if self.time_only {
            self.reading.check_time()?;
            if self.known & TIME != TIME {
                return Err(Malformed::Format);
            }
        } else if self.known & DATE != DATE {
            return Err(Malformed::Format);
        }
        let offset = self.final_offset()?;
        Ok(Decoded::Moment { moment: self.reading.moment, offset })
    }

    /// The offset that was written, or that the zone (the session's if none was named) has at that moment.
    fn final_offset(&mut self) -> Result<i32, Malformed> {
        let zone = match self.zone.take() {
            Some(_) if self.known & DAYLIGHT != 0 => return Err(Malformed::Format),
            Some(zone) => zone,
            None if self.known & ZONE != 0 => return Ok(self.offset),
            None if self.known & DAYLIGHT != 0 => return Err(Malformed::Format),
            None => {
                let zone = Zone::of_session(self.context);
                if self.time_only && self.known & DATE == 0 {
                    return Ok(self.offset_today(&zone));
                }
                zone
            }
        };
        if let Some(offset) = zone.constant_offset() {
            return Ok(offset);
        }
        if self.known & DATE != DATE {
            return Err(Malformed::Format);
        }
        // A date without a timestamp needs no offset: the caller refuses it by its range.
        Ok(self.reading.moment.micros_unchecked().map_or(0, |local| zone.offset_for_local(local)))
    }

    fn offset_today(&self, zone: &Zone) -> i32 {
        let now = self.context.transaction_time;
        let local = now.saturating_add(i64::from(zone.offset_at(now)) * calendar::MICROS_PER_SECOND);
        let midnight = local.div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY;
        zone.offset_for_local(midnight.saturating_add(self.reading.moment.time_micros()))
    }
}
