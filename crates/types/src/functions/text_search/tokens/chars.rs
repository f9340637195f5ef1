//! Classes of characters, as the C library has them in a UTF-8 locale.

use unicode_normalization::char::is_combining_mark;

pub(super) fn is_ascii_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
}

/// Digits are those of ASCII; all others count as letters.
pub(super) fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

pub(super) fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { c.is_alphanumeric() && !is_mark(c) }
}

pub(super) fn is_word_char(c: char) -> bool {
    is_digit(c) || is_letter(c)
}

/// Marks belong to the word that they stand in, but begin none.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && (is_combining_mark(c) || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'))
}
