//! Bracket expressions and class names.

/// What a POSIX class name stands for, as the inside of a Rust class.
pub(super) fn named(name: &str) -> Option<&'static str> {
    Some(match name {
        "alpha" => r"\p{Alphabetic}",
        "digit" => "0-9",
        "alnum" => r"\p{Alphabetic}\p{N}",
        "word" => r"\w",
        "upper" => r"\p{Lu}",
        "lower" => r"\p{Ll}",
        "space" => r"\s",
        "blank" => r"\t\x20",
        "punct" => r"\p{P}\p{S}",
        "cntrl" => r"\p{Cc}",
        "graph" => r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}",
        "print" => r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}\x20",
        "xdigit" => "0-9A-Fa-f",
        "ascii" => r"\x00-\x7f",
        _ => return None,
    })
}

/// Names of single characters in `[.name.]`.
pub(super) fn collating(name: &str) -> Option<char> {
    let mut chars = name.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return Some(c);
    }
    Some(match name {
        "NUL" => '\0',
        "tab" => '\t',
        "newline" => '\n',
        "carriage-return" => '\r',
        "space" => ' ',
        "hyphen" | "hyphen-minus" => '-',
        "period" | "full-stop" => '.',
        "comma" => ',',
        "slash" | "solidus" => '/',
        "backslash" | "reverse-solidus" => '\\',
        "underscore" | "low-line" => '_',
        "left-square-bracket" => '[',
        "right-square-bracket" => ']',
        "circumflex" => '^',
        "dollar-sign" => '$',
        "colon" => ':',
        "semicolon" => ';',
        _ => return None,
    })
}

/// Appends a character so that it stands for itself inside and outside of brackets.
pub(super) fn push_literal(out: &mut String, c: char) {
    if c.is_alphanumeric() || c == '_' {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
    }
}
