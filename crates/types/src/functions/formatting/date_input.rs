//! `to_date` and `to_timestamp`: read a date by a template (`do_to_timestamp`).

use super::date_fields::Fields;
use super::date_output::ROMAN_MONTHS;
use super::date_template::{Field, Node, is_separator, parse};
use crate::Value;
use crate::forms::datetime::calendar::{MICROS_PER_SECOND, Moment, days_of, is_valid_timestamp};
use crate::forms::datetime::words::{DAYS, MONTHS};
use crate::forms::timestamp;
use crate::forms::timezone::Zone;
use mainstay_base::{Problem, Result};

/// `to_date`
pub(super) fn date(text: &str, template: &str) -> Result<Value> {
    let (moment, _) = read(text, template)?;
    days_of(moment.year, moment.month, moment.day)
        .map(Value::Integer)
        .ok_or_else(|| Problem::new("22008", format!("date out of range: \"{text}\"")))
}

/// `to_timestamp`
pub(super) fn timestamp(text: &str, template: &str, zone: &Zone) -> Result<Value> {
    let (moment, offset) = read(text, template)?;
    let local = moment.micros_unchecked().ok_or_else(timestamp::out_of_range)?;
    let offset = offset.unwrap_or_else(|| zone.offset_for_local(local));
    local
        .checked_sub(i64::from(offset) * MICROS_PER_SECOND)
        .filter(|micros| is_valid_timestamp(*micros))
        .map(Value::Integer)
        .ok_or_else(timestamp::out_of_range)
}

fn read(text: &str, template: &str) -> Result<(Moment, Option<i32>)> {
    let nodes = parse(template);
    let mut reader =
        Reader { rest: text, nodes: &nodes, fields: Fields::default(), exact: false, skipped: 0 };
    for index in 0..nodes.len() {
        if reader.rest.is_empty() {
            break;
        }
        reader.node(index)?;
    }
    let moment = reader.fields.moment(text)?;
    Ok((moment, reader.fields.zone(text)?))
}

struct Reader<'a> {
    rest: &'a str,
    nodes: &'a [Node],
    fields: Fields,
    /// `FX`: the text must have exactly the template's separators.
    exact: bool,
    /// Blanks skipped beyond those in the template.
    skipped: i32,
}

impl Reader<'_> {
    fn skip_char(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    fn skip_blanks(&mut self) {
        while self.rest.starts_with(char::is_whitespace) {
            self.skip_char();
            self.skipped += 1;
        }
    }

    fn node(&mut self, index: usize) -> Result<()> {
        let Some(node) = self.nodes.get(index) else { return Ok(()) };
        let is_field = matches!(node, Node::Field { .. });
        if !self.exact && (is_field || index == 0) && !matches!(node, Node::Field { field: Field::Exact, .. })
        {
            self.skip_blanks();
        }
        match node {
            Node::Separator(_) if self.exact => self.skip_char(),
            Node::Separator(_) => {
                self.skipped -= 1;
                if self.rest.starts_with(|c: char| c.is_whitespace() || is_separator(c)) {
                    self.skip_char();
                    self.skipped += 1;
                }
            }
            Node::Literal(_) if !self.exact && self.skipped > 0 => self.skipped -= 1,
            Node::Literal(_) => self.skip_char(),
            Node::Field { field, name, fill, ordinal, .. } => {
                self.field(index, *field, name, *fill)?;
                if ordinal.is_some() {
                    self.skip_char();
                    self.skip_char();
                }
                if !self.exact {
                    self.skipped = 0;
                    self.skip_blanks();
                }
            }
        }
        Ok(())
    }

    /// Whether a number ends at its first character that is no digit, because the template goes on with none.
    fn number_is_open(&self, index: usize, fill: bool) -> bool {
        if fill || matches!(self.nodes.get(index), Some(Node::Field { ordinal: Some(_), .. })) {
            return true;
        }
        match self.nodes.get(index + 1) {
            None => true,
            Some(Node::Field { field, .. }) => !is_number(*field),
            Some(Node::Separator(c) | Node::Literal(c)) => !c.is_ascii_digit(),
        }
    }

    /// A whole number; of exactly `width` digits where another number follows without a separator.
    fn number(&mut self, index: usize, name: &str, width: usize, fill: bool) -> Result<i32> {
        while self.rest.starts_with(char::is_whitespace) {
            self.skip_char();
        }
        let sign = usize::from(self.rest.starts_with(['-', '+']));
        let digits = self.rest.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
        let mut end = sign + digits;
        if !self.number_is_open(index, fill) {
            let available = self.rest.chars().take(width).count();
            if available < width {
                return Err(Problem::new(
                    "22007",
                    format!("source string too short for \"{name}\" formatting field"),
                )
                .with_details(format!("Field requires {width} characters, but only {available} remain."))
                .with_hint("If your source string is not fixed-width, try using the \"FM\" modifier."));
            }
            if digits > 0 && end < width {
                let found: String = self.rest.chars().take(width).collect();
                return Err(invalid(&found, name)
                    .with_details(format!(
                        "Field requires {width} characters, but only {end} could be parsed."
                    ))
                    .with_hint("If your source string is not fixed-width, try using the \"FM\" modifier."));
            }
            end = end.min(width);
        }
        let text = self.rest.get(..end).unwrap_or("");
        if digits == 0 {
            let found: String = self.rest.chars().take(width).collect();
            return Err(invalid(&found, name).with_details("Value must be an integer."));
        }
        let number = text.parse::<i32>().map_err(|_| {
            Problem::new("22008", format!("value for \"{name}\" in source string is out of range"))
                .with_details("Value must be in the range -2147483648 to 2147483647.")
        })?;
        self.rest = self.rest.get(end..).unwrap_or("");
        Ok(number)
    }

    /// The index of the name at the beginning of the text, whole names before short ones.
    fn name(&mut self, names: &[&str], name: &str, short: bool) -> Result<i32> {
        let begins =
            |word: &str| self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        for (index, word) in names.iter().enumerate() {
            let word = if short { word.get(..3).unwrap_or(word) } else { word };
            if begins(word) {
                self.rest = self.rest.get(word.len()..).unwrap_or("");
                return Ok(i32::try_from(index).unwrap_or(0));
            }
        }
        let found: String = self.rest.chars().take_while(|c| !c.is_whitespace()).collect();
        Err(invalid(&found, name)
            .with_details("The given value did not match any of the allowed values for this field."))
    }

    fn field(&mut self, index: usize, field: Field, name: &str, fill: bool) -> Result<()> {
        match field {
            Field::Exact => self.exact = true,
            Field::Era { .. } => {
                let words = ["A.D.", "B.C.", "AD", "BC"];
                self.fields.bc = self.name(&words, name, false)? % 2 == 1;
            }
            Field::Meridiem { .. } => {
                let words = ["A.M.", "P.M.", "AM", "PM"];
                self.fields.pm = Some(self.name(&words, name, false)? % 2 == 1);
                self.fields.hour_is_12 = true;
            }
            Field::MonthName | Field::MonthNameShort => {
                let month = self.name(&MONTHS, name, field == Field::MonthNameShort)? + 1;
                set(&mut self.fields.month, month, name)?;
            }
            Field::DayName | Field::DayNameShort => {
                let weekday = self.name(&DAYS, name, field == Field::DayNameShort)?;
                set(&mut self.fields.weekday, weekday + 1, name)?;
            }
            Field::Roman => {
                let mut by_length: Vec<&str> = ROMAN_MONTHS.to_vec();
                by_length.sort_by_key(|roman| std::cmp::Reverse(roman.len()));
                let at = usize::try_from(self.name(&by_length, name, false)?).unwrap_or(0);
                let roman = by_length.get(at).copied().unwrap_or("");
                let month = ROMAN_MONTHS.iter().position(|known| *known == roman).unwrap_or(0);
                set(&mut self.fields.month, i32::try_from(month).unwrap_or(0) + 1, name)?;
            }
            Field::ZoneHour => {
                self.fields.zone_negative = self.rest.starts_with('-');
                if self.rest.starts_with(['+', '-', ' ']) {
                    self.skip_char();
                }
                let hour = self.number(index, name, 2, fill)?;
                set(&mut self.fields.zone_hour, hour, name)?;
            }
            Field::ZoneName | Field::Offset => {
                return Err(Problem::new(
                    "0A000",
                    format!("formatting field \"{name}\" is only supported in to_char"),
                ));
            }
            Field::Millisecond | Field::Microsecond | Field::Fraction(_) => {
                self.fraction(index, field, name, fill)?;
            }
            Field::Year(digits) | Field::IsoYear(digits) => self.year(index, name, digits, fill)?,
            Field::YearComma => {
                let thousands = self.number(index, name, 1, true)?;
                if self.rest.starts_with(',') {
                    self.skip_char();
                }
                let rest = self.number(index, name, 3, fill)?;
                set(&mut self.fields.year, thousands.saturating_mul(1000).saturating_add(rest), name)?;
                self.fields.year_digits = 4;
            }
            _ => self.plain_number(index, field, name, fill)?,
        }
        self.fields.iso |=
            matches!(field, Field::IsoYear(_) | Field::IsoWeek | Field::IsoWeekday | Field::IsoDayOfYear);
        Ok(())
    }

    fn plain_number(&mut self, index: usize, field: Field, name: &str, fill: bool) -> Result<()> {
        let width = match field {
            Field::Weekday | Field::IsoWeekday | Field::WeekOfMonth | Field::Quarter => 1,
            Field::DayOfYear | Field::IsoDayOfYear => 3,
            Field::SecondOfDay => 5,
            Field::Julian => 7,
            _ => 2,
        };
        let number = self.number(index, name, width, fill)?;
        let fields = &mut self.fields;
        let target = match field {
            Field::Hour12 => {
                fields.hour_is_12 = true;
                &mut fields.hour
            }
            Field::Hour24 => &mut fields.hour,
            Field::Minute => &mut fields.minute,
            Field::Second => &mut fields.second,
            Field::SecondOfDay => &mut fields.second_of_day,
            Field::ZoneMinute => &mut fields.zone_minute,
            Field::Month => &mut fields.month,
            Field::Day => &mut fields.day,
            Field::DayOfYear | Field::IsoDayOfYear => &mut fields.day_of_year,
            Field::Weekday => &mut fields.weekday,
            Field::IsoWeekday => {
                // As `D` counts: Sunday is 1.
                return set(&mut fields.weekday, number % 7 + 1, name);
            }
            Field::WeekOfYear | Field::IsoWeek => &mut fields.week_of_year,
            Field::WeekOfMonth => &mut fields.week_of_month,
            Field::Century => &mut fields.century,
            Field::Julian => &mut fields.julian,
            // The quarter is read and has no effect.
            _ => return Ok(()),
        };
        set(target, number, name)
    }

    fn fraction(&mut self, index: usize, field: Field, name: &str, fill: bool) -> Result<()> {
        let digits = match field {
            Field::Millisecond => 3,
            Field::Fraction(digits) => usize::from(digits),
            _ => 6,
        };
        let before = self.rest.trim_start().len();
        let number = self.number(index, name, digits, fill)?;
        let read = before.saturating_sub(self.rest.len());
        // `5` is half a second, whatever the width of the field; more digits than that overflow it.
        let unit = 10i32.pow(u32::try_from(digits.saturating_sub(read)).unwrap_or(0));
        let scaled = number.saturating_mul(unit);
        match field {
            Field::Millisecond => set(&mut self.fields.millis, scaled, name),
            Field::Fraction(digits) => {
                let micros = scaled.saturating_mul(10i32.pow(6 - u32::from(digits)));
                set(&mut self.fields.micros, micros, name)
            }
            _ => set(&mut self.fields.micros, scaled, name),
        }
    }

    fn year(&mut self, index: usize, name: &str, digits: u8, fill: bool) -> Result<()> {
        let before = self.rest.trim_start().len();
        let mut year = self.number(index, name, usize::from(digits), fill)?;
        let read = before.saturating_sub(self.rest.len());
        if digits < 4 && read < 4 {
            // A short year is the one nearest to 2020.
            year += match year {
                0..70 => 2000,
                70..100 => 1900,
                100..520 => 2000,
                520..1000 => 1000,
                _ => 0,
            };
        }
        self.fields.year_digits = digits;
        set(&mut self.fields.year, year, name)
    }
}

/// Fields that are written as digits.
fn is_number(field: Field) -> bool {
    !matches!(
        field,
        Field::Era { .. }
            | Field::Meridiem { .. }
            | Field::MonthName
            | Field::MonthNameShort
            | Field::DayName
            | Field::DayNameShort
            | Field::Roman
            | Field::ZoneName
            | Field::Offset
            | Field::ZoneHour
            | Field::Exact
    )
}

fn invalid(found: &str, name: &str) -> Problem {
    Problem::new("22007", format!("invalid value \"{found}\" for \"{name}\""))
}

/// A field may come twice if it says the same.
fn set(target: &mut Option<i32>, value: i32, name: &str) -> Result<()> {
    match *target {
        Some(known) if known != value => Err(Problem::new(
            "22007",
            format!("conflicting values for \"{name}\" field in formatting string"),
        )
        .with_details("This value contradicts a previous setting for the same field type.")),
        _ => {
            *target = Some(value);
            Ok(())
        }
    }
}
