//! Angles, in radians and in degrees. The functions in degrees are exact where schoolbooks are: `sind(30)` is 0.5.

use mainstay_base::{Problem, Result};

fn out_of_range() -> Problem {
    Problem::new("22003", "input is out of range")
}

/// Infinity is no angle.
fn angle(number: f64) -> Result<f64> {
    if number.is_infinite() { Err(out_of_range()) } else { Ok(number) }
}

pub(super) fn sin(number: f64) -> Result<f64> {
    angle(number).map(f64::sin)
}

pub(super) fn cos(number: f64) -> Result<f64> {
    angle(number).map(f64::cos)
}

pub(super) fn tan(number: f64) -> Result<f64> {
    angle(number).map(f64::tan)
}

pub(super) fn cot(number: f64) -> Result<f64> {
    angle(number).map(|number| 1.0 / number.tan())
}

fn ratio(number: f64) -> Result<f64> {
    if number.abs() > 1.0 { Err(out_of_range()) } else { Ok(number) }
}

pub(super) fn asin(number: f64) -> Result<f64> {
    ratio(number).map(f64::asin)
}

pub(super) fn acos(number: f64) -> Result<f64> {
    ratio(number).map(f64::acos)
}

pub(super) fn acosh(number: f64) -> Result<f64> {
    if number < 1.0 { Err(out_of_range()) } else { Ok(number.acosh()) }
}

pub(super) fn atanh(number: f64) -> Result<f64> {
    ratio(number).map(f64::atanh)
}

pub(super) fn degrees(number: f64) -> Result<f64> {
    let result = number / (std::f64::consts::PI / 180.0);
    if result.is_infinite() && number.is_finite() {
        return Err(Problem::new("22003", "value out of range: overflow"));
    }
    Ok(result)
}

/// Sine of 0 to 30 degrees, exact at both ends.
fn sine_low(degrees: f64) -> f64 {
    degrees.to_radians().sin() / 30f64.to_radians().sin() / 2.0
}

/// Cosine of 0 to 60 degrees, exact at both ends.
fn cosine_low(degrees: f64) -> f64 {
    let fraction = (1.0 - degrees.to_radians().cos()) / (1.0 - 60f64.to_radians().cos());
    1.0 - fraction / 2.0
}

/// Sine in the first quadrant.
fn sine_quadrant(degrees: f64) -> f64 {
    if degrees <= 30.0 { sine_low(degrees) } else { cosine_low(90.0 - degrees) }
}

/// Cosine in the first quadrant.
fn cosine_quadrant(degrees: f64) -> f64 {
    if degrees <= 60.0 { cosine_low(degrees) } else { sine_low(90.0 - degrees) }
}

pub(super) fn sind(degrees: f64) -> Result<f64> {
    let mut degrees = angle(degrees)? % 360.0;
    let mut sign = 1.0;
    if degrees < 0.0 {
        (degrees, sign) = (-degrees, -1.0);
    }
    if degrees > 180.0 {
        (degrees, sign) = (360.0 - degrees, -sign);
    }
    if degrees > 90.0 {
        degrees = 180.0 - degrees;
    }
    Ok(sign * sine_quadrant(degrees))
}

pub(super) fn cosd(degrees: f64) -> Result<f64> {
    let mut degrees = (angle(degrees)? % 360.0).abs();
    let mut sign = 1.0;
    if degrees > 180.0 {
        degrees = 360.0 - degrees;
    }
    if degrees > 90.0 {
        (degrees, sign) = (180.0 - degrees, -1.0);
    }
    Ok(sign * cosine_quadrant(degrees))
}

/// The angle in the first quadrant and the sign, for functions with a period of 180 degrees.
fn fold(degrees: f64) -> Result<(f64, f64)> {
    let mut degrees = angle(degrees)? % 360.0;
    let mut sign = 1.0;
    if degrees < 0.0 {
        (degrees, sign) = (-degrees, -1.0);
    }
    if degrees > 180.0 {
        (degrees, sign) = (360.0 - degrees, -sign);
    }
    if degrees > 90.0 {
        (degrees, sign) = (180.0 - degrees, -sign);
    }
    Ok((degrees, sign))
}

pub(super) fn tand(degrees: f64) -> Result<f64> {
    let (degrees, sign) = fold(degrees)?;
    let result = sine_quadrant(degrees) / cosine_quadrant(degrees);
    let unit = sine_quadrant(45.0) / cosine_quadrant(45.0);
    let result = sign * (result / unit);
    Ok(if result == 0.0 { 0.0 } else { result })
}

pub(super) fn cotd(degrees: f64) -> Result<f64> {
    let (degrees, sign) = fold(degrees)?;
    let result = cosine_quadrant(degrees) / sine_quadrant(degrees);
    let unit = cosine_quadrant(45.0) / sine_quadrant(45.0);
    let result = sign * (result / unit);
    Ok(if result == 0.0 { 0.0 } else { result })
}

/// Arc sine of 0 to 1.
fn arc_sine(number: f64) -> f64 {
    if number <= 0.5 {
        number.asin() / 0.5f64.asin() * 30.0
    } else {
        90.0 - number.acos() / 0.5f64.acos() * 60.0
    }
}

/// Arc cosine of 0 to 1.
fn arc_cosine(number: f64) -> f64 {
    if number <= 0.5 {
        90.0 - number.asin() / 0.5f64.asin() * 30.0
    } else {
        number.acos() / 0.5f64.acos() * 60.0
    }
}

pub(super) fn asind(number: f64) -> Result<f64> {
    let number = ratio(number)?;
    Ok(if number >= 0.0 { arc_sine(number) } else { -arc_sine(-number) })
}

pub(super) fn acosd(number: f64) -> Result<f64> {
    let number = ratio(number)?;
    Ok(if number >= 0.0 { arc_cosine(number) } else { 90.0 + arc_sine(-number) })
}

/// Degrees of an arc in radians, exact at multiples of 45 degrees.
pub(super) fn degrees_of_arc(radians: f64) -> f64 {
    radians / 1f64.atan() * 45.0
}

pub(super) fn atand(number: f64) -> f64 {
    degrees_of_arc(number.atan())
}
