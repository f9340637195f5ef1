//! What the text and JSON forms of numbers and times share: sinks and padded digits. Nothing here allocates.

use std::fmt::{self, Write};

/// What C's `isspace` calls a space in PostgreSQL's input functions.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Lets `fmt::Write` code append to bytes.
pub(crate) struct Bytes<'a>(pub &'a mut Vec<u8>);

impl Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

const PAIRS: &str = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
                     5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// The two digits of a number below a hundred.
pub(crate) fn pair(number: u32) -> Option<&'static [u8]> {
    let at = number as usize * 2;
    PAIRS.as_bytes().get(at..at + 2)
}

/// A number with at least `width` digits, zeros in front.
pub(crate) fn padded(out: &mut impl Write, number: u64, width: usize) {
    if width == 2 && number < 100 {
        let at = number as usize * 2;
        let _ = out.write_str(PAIRS.get(at..at + 2).unwrap_or_default());
        return;
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(number);
    let zeros = "00000000000000000000".get(..width.saturating_sub(digits.len())).unwrap_or("");
    let _ = out.write_str(zeros);
    let _ = out.write_str(digits);
}

/// `.25` for 250000 microseconds, nothing for none.
pub(crate) fn fraction(out: &mut impl Write, micros: u64) {
    if micros == 0 {
        return;
    }
    let (mut digits, mut width) = (micros, 6);
    while digits % 10 == 0 {
        digits /= 10;
        width -= 1;
    }
    let _ = out.write_char('.');
    padded(out, digits, width);
}
