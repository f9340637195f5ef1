//! `to_char` for numbers. The order of decisions is that of PostgreSQL's `NUM_processor`: its results in odd
//! templates follow from it.

use super::date_output::ordinal_suffix;
use super::number_template::{Field, Node, SignPlace, Template, parse};
use crate::forms::numeric::Decimal;
use mainstay_base::Result;

pub(super) fn to_char(value: &Decimal, template: &str) -> Result<String> {
    let mut template = parse(template)?;
    if let Some(lower) = template.roman {
        let number = value.to_integer(&crate::Type::Int4)?;
        return Ok(roman(number, lower, template.fill));
    }
    if template.scientific {
        return Ok(scientific(value, &template));
    }
    let mut value = value.clone();
    if template.shift > 0 {
        let power = Decimal::from(10).power(&Decimal::from(template.shift as i64))?;
        value = value.mul(&power)?;
        template.whole += template.shift;
    }
    let fraction = i64::try_from(template.fraction).unwrap_or(0);
    let digits = value.round(fraction)?.to_string();
    Ok(write(&digits, template))
}

/// A float shows only digits that it is sure of.
pub(super) fn float_to_char(value: f64, sure_digits: usize, template: &str) -> Result<String> {
    let mut parsed = parse(template)?;
    if let Some(lower) = parsed.roman {
        return Ok(roman(value.round_ties_even() as i64, lower, parsed.fill));
    }
    if !value.is_finite() {
        return to_char(&Decimal::from_float(value), template);
    }
    if parsed.scientific {
        return Ok(scientific_float(value, parsed.fraction));
    }
    let value = value * 10f64.powi(i32::try_from(parsed.shift).unwrap_or(i32::MAX));
    parsed.whole += parsed.shift;
    let whole_digits = format!("{:.0}", value.abs()).len();
    if whole_digits >= sure_digits {
        parsed.fraction = 0;
    } else {
        parsed.fraction = parsed.fraction.min(sure_digits - whole_digits);
    }
    let digits = format!("{value:.*}", parsed.fraction);
    Ok(write(&digits, parsed))
}

/// As C's `%e` prints it.
fn scientific_float(value: f64, fraction: usize) -> String {
    let text = format!("{value:.fraction$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    let space = if value < 0.0 { "" } else { " " };
    format!("{space}{mantissa}e{sign}{:02}", exponent.abs())
}

/// A whole number shows as a float does where the template has an exponent.
pub(super) fn integer_to_char(value: i64, template: &str) -> Result<String> {
    let parsed = parse(template)?;
    if parsed.scientific {
        return Ok(scientific_float(value as f64, parsed.fraction));
    }
    to_char(&Decimal::from(value), template)
}

fn scientific(value: &Decimal, template: &Template) -> String {
    let Decimal::Finite(number) = value else {
        return format!(" {}.{}", "#".repeat(template.whole), "#".repeat(template.fraction + 4));
    };
    let fraction = i64::try_from(template.fraction).unwrap_or(0);
    let mut exponent = number.leading_digit_position();
    let scaled = |exponent: i64| {
        let power = Decimal::from(10).power(&Decimal::from(exponent.abs())).unwrap_or(Decimal::NaN);
        let scaled = if exponent >= 0 {
            // Enough digits that rounding is exact.
            let scale = fraction + 2 + i64::from(number.scale) + exponent;
            match (value, &power) {
                (Decimal::Finite(value), Decimal::Finite(power)) => {
                    Ok(Decimal::Finite(value.divided_to(power, scale)))
                }
                _ => Ok(Decimal::NaN),
            }
        } else {
            value.mul(&power)
        };
        scaled.and_then(|scaled| scaled.round(fraction)).unwrap_or(Decimal::NaN)
    };
    let mut mantissa = scaled(exponent);
    if mantissa.abs().compare(&Decimal::from(10)).is_ge() {
        exponent += 1;
        mantissa = scaled(exponent);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let space = if mantissa.signum() < 0 { "" } else { " " };
    format!("{space}{mantissa}e{sign}{:02}", exponent.abs())
}

fn roman(number: i64, lower: bool, fill: bool) -> String {
    const PARTS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if !(1..=3999).contains(&number) {
        return "#".repeat(15);
    }
    let mut rest = number;
    let mut text = String::new();
    for (value, letters) in PARTS {
        while rest >= value {
            text.push_str(letters);
            rest -= value;
        }
    }
    if lower {
        text.make_ascii_lowercase();
    }
    if fill { text } else { format!("{text:>15}") }
}

/// The state while a number is written.
struct Writer {
    template: Template,
    number: Vec<u8>,
    at: usize,
    /// The digit or point behind which only zeros follow, in fill mode.
    last_relevant: Option<usize>,
    negative: bool,
    sign_written: bool,
    spaces: usize,
    current: usize,
    count: usize,
    number_begun: bool,
    out: String,
}

/// Writes a number with exactly the template's digits behind the point.
fn write(digits: &str, template: Template) -> String {
    let negative = digits.starts_with('-');
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let whole_digits = unsigned.find('.').unwrap_or(unsigned.len());
    let mut number = unsigned.as_bytes().to_vec();
    let mut spaces = 0;
    if template.whole > whole_digits {
        spaces = template.whole - whole_digits;
    } else if whole_digits > template.whole {
        number = vec![b'#'; template.whole + template.fraction + 1];
        if let Some(point) = number.get_mut(template.whole) {
            *point = b'.';
        }
    }
    // PostgreSQL shows a value that has no whole digits as `0` only where the template has room for it.
    let mut writer = Writer {
        number,
        at: 0,
        last_relevant: None,
        negative,
        sign_written: false,
        spaces,
        current: 0,
        count: (template.fraction + template.whole).saturating_sub(1),
        number_begun: false,
        out: String::new(),
        template,
    };
    writer.prepare();
    for node in std::mem::take(&mut writer.template.nodes) {
        writer.node(node);
    }
    writer.out
}

impl Writer {
    fn prepare(&mut self) {
        let template = &mut self.template;
        if template.plus || template.minus {
            self.sign_written = template.minus;
        } else {
            if !self.negative && template.fill {
                template.brackets = false;
            }
            self.sign_written = !self.negative && template.fill && template.sign.is_none();
            if template.sign == Some(SignPlace::Before { digits: template.whole }) {
                template.sign = Some(SignPlace::Behind);
            }
        }
        if template.fill && template.has_point {
            let point = self.number.iter().position(|byte| *byte == b'.');
            self.last_relevant = point.map(|point| {
                let behind = self.number.iter().enumerate().skip(point + 1);
                let last = behind.filter(|(_, byte)| **byte != b'0').map(|(at, _)| at).next_back();
                last.unwrap_or(point)
            });
            if let Some(last) = self.last_relevant
                && template.last_zero > self.spaces
            {
                let last_zero = (self.number.len().saturating_sub(1)).min(template.last_zero - self.spaces);
                self.last_relevant = Some(last.max(last_zero));
            }
        }
        if !self.sign_written && self.spaces == 0 {
            self.count += 1;
        }
    }

    fn node(&mut self, node: Node) {
        let fill = self.template.fill;
        let field = match node {
            Node::Literal(c) => return self.out.push(c),
            Node::Field(field) => field,
        };
        match field {
            Field::Digit | Field::Zero | Field::Point => self.digit(field),
            Field::Group if self.number_begun => self.out.push(','),
            Field::Group | Field::Currency if fill && field == Field::Group => {}
            Field::Group | Field::Currency => self.out.push(' '),
            Field::Ordinal { lower } => {
                let has_suffix =
                    self.number.first() != Some(&b'#') && !self.negative && !self.template.has_point;
                let digits = std::str::from_utf8(&self.number).unwrap_or("");
                if has_suffix && let Some(suffix) = ordinal_suffix(digits) {
                    self.out.push_str(&if lower { suffix.to_owned() } else { suffix.to_uppercase() });
                }
            }
            Field::Minus if self.negative => self.out.push('-'),
            Field::Plus if !self.negative => self.out.push('+'),
            Field::Minus | Field::Plus if fill => {}
            Field::Minus | Field::Plus => self.out.push(' '),
            Field::Either => self.out.push(if self.negative { '-' } else { '+' }),
            _ => {}
        }
    }

    /// Whether the zero before the point gives way to a blank: `0.1` in `9.9` is `.1`.
    fn hides_zero(&self) -> bool {
        self.template.first_zero.is_none()
            && self.at == 0
            && self.number.first() == Some(&b'0')
            && self.template.fraction != 0
    }

    fn last_relevant_is_point(&self) -> bool {
        self.last_relevant.and_then(|at| self.number.get(at)) == Some(&b'.')
    }

    fn sign(&mut self) {
        let reached = self.current >= self.spaces || self.template.first_zero == Some(self.current);
        if self.sign_written || !reached || (self.hides_zero() && !self.last_relevant_is_point()) {
            return;
        }
        match self.template.sign {
            Some(SignPlace::Before { .. }) => self.out.push(if self.negative { '-' } else { '+' }),
            Some(SignPlace::Behind) => return,
            None if self.template.brackets => self.out.push(if self.negative { '<' } else { ' ' }),
            None if self.negative => self.out.push('-'),
            None if !self.template.fill => self.out.push(' '),
            None => {}
        }
        self.sign_written = true;
    }

    fn digit(&mut self, field: Field) {
        self.number_begun = false;
        self.sign();
        let zero_reached = self.template.first_zero.is_some_and(|first| first <= self.current);
        if self.current < self.spaces && !zero_reached {
            if !self.template.fill {
                self.out.push(' ');
            }
        } else if self.current < self.spaces {
            self.out.push('0');
            self.number_begun = true;
        } else {
            match self.number.get(self.at) {
                Some(b'.') => self.out.push('.'),
                _ if self.last_relevant.is_some_and(|last| self.at > last) && field != Field::Zero => {}
                _ if self.hides_zero() => {
                    if !self.template.fill {
                        self.out.push(' ');
                    } else if self.last_relevant_is_point() {
                        self.out.push('0');
                    }
                }
                Some(digit) => {
                    self.out.push(char::from(*digit));
                    self.number_begun = true;
                }
                None => {}
            }
            if self.at < self.number.len() {
                self.at += 1;
            }
        }
        self.end();
        self.current += 1;
    }

    /// What stands behind the last digit: a closing bracket, or the sign of `S`.
    fn end(&mut self) {
        let mut end = self.count + usize::from(self.spaces > 0) + usize::from(self.template.has_point);
        if self.last_relevant == Some(self.at) {
            end = self.current;
        }
        if self.current + 1 != end {
            return;
        }
        if self.sign_written && self.template.brackets {
            self.out.push(if self.negative { '>' } else { ' ' });
        } else if self.template.sign == Some(SignPlace::Behind) {
            self.out.push(if self.negative { '-' } else { '+' });
        }
    }
}
