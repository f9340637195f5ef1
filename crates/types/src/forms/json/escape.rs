//! Writes JSON strings exactly as PostgreSQL's `escape_json` does.

/// Where text goes: a `String` or bytes.
pub(crate) trait Sink {
    fn put(&mut self, text: &str);
}

impl Sink for String {
    fn put(&mut self, text: &str) {
        self.push_str(text);
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn write_string(text: &str, out: &mut impl Sink) {
    out.put("\"");
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = next_special(bytes, from) {
        // A special byte is ASCII, so both cuts lie between characters.
        out.put(text.get(from..at).unwrap_or_default());
        match bytes.get(at).copied().unwrap_or_default() {
            b'"' => out.put("\\\""),
            b'\\' => out.put("\\\\"),
            b'\n' => out.put("\\n"),
            b'\r' => out.put("\\r"),
            b'\t' => out.put("\\t"),
            0x08 => out.put("\\b"),
            0x0c => out.put("\\f"),
            other => out.put(&format!("\\u{other:04x}")),
        }
        from = at + 1;
    }
    out.put(text.get(from..).unwrap_or_default());
    out.put("\"");
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// The first byte at or after `from` that must be escaped: control characters, quote, backslash. Eight at a time.
fn next_special(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let (words, tail) = rest.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        // Each term has the high bit of a byte set where that byte is special; a borrow can only spoil bytes
        // behind a true hit, and the lowest hit is the one that counts.
        let hits = ((quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word))
            & HIGHS;
        if hits != 0 {
            return Some(from + index * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    let start = from + words.len() * 8;
    tail.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\').map(|at| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_byte_is_found_at_every_offset() {
        for padding in 0..20 {
            for special in (0u8..0x20).chain([b'"', b'\\']) {
                for trailing in ["", "é and more than eight bytes"] {
                    let text = format!("{}{}{trailing}", "a".repeat(padding), special as char);
                    let mut out = String::new();
                    write_string(&text, &mut out);
                    let back: String = serde_json::from_str(&out).unwrap();
                    assert_eq!(back, text);
                }
            }
        }
    }

    #[test]
    fn plain_and_non_ascii_text_is_untouched() {
        let mut out = Vec::new();
        write_string("grüße 😀 \u{7f}", &mut out);
        assert_eq!(out, "\"grüße 😀 \u{7f}\"".as_bytes());
    }
}
