//! Numbers, dates, times and intervals: against answers of PostgreSQL 15, and against laws that hold for all values.
//!
//! A line of `answers/numbers_and_times.txt` has, between tabs: the session's time zone, what to do (`io`, `json`,
//! `cmp`, `cast`, or a function or operator), the type to cast to, the arguments as `type:text`, and the answer behind
//! `=> `. `ERR` is an error: its code, message and detail; rows are separated by `|`.

#[allow(dead_code)]
mod support;

use mainstay_base::Result;
use mainstay_types::{ColumnType, Context, Modifier, Session, Type, Value, value};
use num_bigint::BigInt;
use std::cmp::Ordering;
use std::sync::Arc;
use support::{call, context, json, shown};

fn column(name: &str) -> ColumnType {
    let (name, modifier) = match name.split_once('#') {
        None => (name, Modifier::None),
        Some((name, modifier)) => {
            let number = &modifier[1..];
            let modifier = match number.split_once('.') {
                Some((precision, scale)) => {
                    Modifier::Numeric { precision: precision.parse().unwrap(), scale: scale.parse().unwrap() }
                }
                None => Modifier::Precision(number.parse().unwrap()),
            };
            (name, modifier)
        }
    };
    ColumnType { ty: Type::from_name(name).unwrap(), modifier }
}

fn literal(text: &str, context: &Context) -> Result<(Type, Value)> {
    let (name, text) = text.split_once(':').unwrap();
    let column = column(name);
    let value = if text == "\\N" { Value::Null } else { value::input(&column, text, context)? };
    Ok((column.ty, value))
}

fn in_zone(zone: &str) -> Context {
    Context { session: Arc::new(Session { time_zone: zone.to_owned(), ..Session::default() }), ..context() }
}

fn ask(fields: &[&str]) -> Result<String> {
    let context = in_zone(fields[0]);
    let arguments = fields[3..].iter().map(|text| literal(text, &context)).collect::<Result<Vec<_>>>()?;
    let (ty, first) = arguments.first().cloned().unwrap_or((Type::Void, Value::Null));
    match fields[1] {
        "io" => Ok(shown(&ty, &first, &context)),
        "json" => Ok(json(&ty, &first, &context)),
        "cmp" => {
            let order = value::compare(&ty, first.as_ref(), arguments[1].1.as_ref(), &context);
            Ok((order as i8).to_string())
        }
        "cast" => {
            let to = column(fields[2]);
            let cast = value::cast(first.as_ref(), &ty, &to, true, &context)?;
            Ok(shown(&to.ty, &cast, &context))
        }
        name => call(name, &arguments, &context),
    }
}

#[test]
fn answers_are_those_of_postgresql() {
    let mut wrong = Vec::new();
    for line in include_str!("answers/numbers_and_times.txt").lines() {
        let (question, expected) = line.rsplit_once("\t=> ").unwrap();
        let fields: Vec<&str> = question.split('\t').collect();
        let answer = ask(&fields).unwrap_or_else(|problem| {
            let details = problem.details().map(|details| format!(" / {details}")).unwrap_or_default();
            format!("ERR {} {}{details}", problem.code(), problem.message())
        });
        let answer = if fields[1] == "generate_series" { answer.replace(['\n', ';'], "|") } else { answer };
        if answer != expected {
            wrong.push(format!("{question}\n  PostgreSQL: {expected}\n  here:       {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// The same sequence in every run (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low) as u64) as i64
    }

    /// A decimal as text, short or far too long for a register.
    fn decimal(&mut self) -> String {
        let mut digits = |most: i64| {
            let count = if self.next().is_multiple_of(3) { most } else { 4 };
            let count = 1 + self.next() % count as u64;
            (0..count).map(|_| char::from(b'0' + (self.next() % 10) as u8)).collect::<String>()
        };
        let (whole, fraction) = (digits(40), digits(30));
        let sign = if self.next().is_multiple_of(2) { "-" } else { "" };
        if self.next().is_multiple_of(4) {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction}")
        }
    }
}

/// A decimal as a fraction: the naive model of `numeric`.
fn model(text: &str) -> (BigInt, u32) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    (format!("{whole}{fraction}").parse().unwrap(), fraction.len() as u32)
}

fn aligned(left: &str, right: &str) -> (BigInt, BigInt) {
    let ((left, left_scale), (right, right_scale)) = (model(left), model(right));
    let scale = left_scale.max(right_scale);
    let power = |by: u32| BigInt::from(10).pow(by);
    (left * power(scale - left_scale), right * power(scale - right_scale))
}

fn operate(name: &str, left: &str, right: &str, context: &Context) -> String {
    let arguments = [left, right].map(|text| literal(&format!("numeric:{text}"), context).unwrap());
    call(name, &arguments, context).unwrap()
}

#[test]
fn numeric_calculates_as_whole_numbers_do() {
    let context = context();
    let mut chance = Chance(11);
    for _ in 0..2_000 {
        let (left, right) = (chance.decimal(), chance.decimal());
        let (a, b) = aligned(&left, &right);
        // Sums have the larger scale of both, as the aligned numbers do.
        assert_eq!(model(&operate("+", &left, &right, &context)).0, &a + &b, "{left} + {right}");
        assert_eq!(model(&operate("-", &left, &right, &context)).0, &a - &b, "{left} - {right}");
        let product = model(&left).0 * model(&right).0;
        assert_eq!(model(&operate("*", &left, &right, &context)).0, product, "{left} * {right}");
        if b != BigInt::ZERO {
            assert_eq!(model(&operate("%", &left, &right, &context)).0, &a % &b, "{left} % {right}");
            assert_eq!(model(&operate("div", &left, &right, &context)).0, &a / &b, "div({left}, {right})");
        }
    }
}

#[test]
fn the_collation_orders_numerics_by_value() {
    let context = context();
    let mut chance = Chance(12);
    for _ in 0..2_000 {
        let (left, right) = (chance.decimal(), chance.decimal());
        let (a, b) = aligned(&left, &right);
        let stored = |text: &str| {
            shown(&Type::Numeric, &literal(&format!("numeric:{text}"), &context).unwrap().1, &context)
        };
        let order = value::collate("pg_numeric", &stored(&left), &stored(&right), &context.registry);
        assert_eq!(order, a.cmp(&b), "{left} and {right}");
    }
}

#[test]
fn what_is_printed_reads_as_the_same_value() {
    let mut chance = Chance(13);
    for zone in ["", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"] {
        let context = in_zone(zone);
        let check = |ty: Type, value: Value| {
            let text = shown(&ty, &value, &context);
            let again = value::input(&ColumnType::from(ty.clone()), &text, &context);
            assert_eq!(again.as_ref(), Ok(&value), "{ty:?} {text} in {zone}");
        };
        for _ in 0..500 {
            check(Type::Date, Value::Integer(chance.between(-2_451_545, 1_000_000_000)));
            check(Type::Time, Value::Integer(chance.between(0, 86_400_000_001)));
            check(
                Type::Timestamp,
                Value::Integer(chance.between(-211_813_488_000_000_000, 4_000_000_000_000_000_000)),
            );
            check(
                Type::TimestampTz,
                Value::Integer(chance.between(-211_000_000_000_000_000, 4_000_000_000_000_000_000)),
            );
            check(Type::Float8, Value::Real(f64::from_bits(chance.next() & !(1 << 62))));
            check(Type::Float4, Value::Real(f64::from(f32::from_bits(chance.next() as u32 & !(1 << 30)))));
            check(Type::Int8, Value::Integer(chance.next() as i64));
        }
    }
}

#[test]
fn intervals_print_and_order_as_their_parts() {
    let context = context();
    let mut chance = Chance(14);
    let mut make = || {
        let (months, days) = (chance.between(-500, 500), chance.between(-500, 500));
        let micros = chance.between(-400_000_000_000, 400_000_000_000);
        let text = format!("{months} mons {days} days {micros} us");
        let value = value::input(&Type::Interval.into(), &text, &context).unwrap();
        let span = i128::from(months * 30 + days) * 86_400_000_000 + i128::from(micros);
        (shown(&Type::Interval, &value, &context), value, span)
    };
    for _ in 0..1_000 {
        let (left_text, left, left_span) = make();
        let (right_text, _, right_span) = make();
        assert_eq!(value::input(&Type::Interval.into(), &left_text, &context), Ok(left));
        let order = value::collate("pg_interval", &left_text, &right_text, &context.registry);
        assert_eq!(order, left_span.cmp(&right_span), "{left_text} and {right_text}");
        assert_eq!(
            value::collate("pg_interval", &left_text, "no interval", &context.registry),
            Ordering::Less
        );
    }
}

#[test]
fn adding_and_subtracting_days_comes_back() {
    let context = in_zone("Europe/Berlin");
    let mut chance = Chance(15);
    for _ in 0..500 {
        let date = Value::Integer(chance.between(-2_000_000, 2_000_000));
        let days = Value::Integer(chance.between(-100_000, 100_000));
        let arguments = [(Type::Date, date.clone()), (Type::Int4, days.clone())];
        let later = call("+", &arguments, &context).unwrap();
        let later = value::input(&Type::Date.into(), &later, &context).unwrap();
        let back = call("-", &[(Type::Date, later), (Type::Int4, days)], &context).unwrap();
        assert_eq!(back, shown(&Type::Date, &date, &context));
    }
}
