//! Bytes to records with their line numbers, however the bytes are cut.

use mainstay_base::{Problem, Result};

/// The longest record.
const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(super) struct Record {
    /// Of its first line, from 1.
    pub line: u64,
    pub bytes: Vec<u8>,
}

pub(super) struct Splitter {
    is_csv: bool,
    /// The record that is not complete yet.
    open: Vec<u8>,
    place: Place,
    /// The line that the open record begins on, and the line that is being read.
    first: u64,
    line: u64,
}

/// Where in a record of CSV the next byte stands. A quote opens a field only where the field begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the second of a pair, or behind the field.
    Behind,
}

impl Place {
    fn after(self, byte: u8) -> Place {
        match (self, byte) {
            (Place::Quoted, b'"') => Place::Behind,
            (Place::Quoted, _) => Place::Quoted,
            (Place::Behind | Place::Start, b'"') => Place::Quoted,
            (_, b',' | b'\n') => Place::Start,
            _ => Place::Plain,
        }
    }
}

impl Splitter {
    pub fn new(is_csv: bool) -> Splitter {
        Splitter { is_csv, open: Vec::new(), place: Place::Start, first: 1, line: 1 }
    }

    /// Adds the complete records of the bytes to `records`; at the end of the input also what has no line end.
    pub fn take(&mut self, bytes: &[u8], ended: bool, records: &mut Vec<Record>) -> Result<()> {
        let mut begin = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if self.is_csv {
                self.place = self.place.after(*byte);
            }
            if *byte == b'\n' {
                self.line += 1;
                if self.place != Place::Quoted {
                    self.open.extend_from_slice(bytes.get(begin..=at).unwrap_or_default());
                    begin = at + 1;
                    self.close(records);
                }
            }
        }
        self.open.extend_from_slice(bytes.get(begin..).unwrap_or_default());
        if self.open.len() > RECORD_BYTES_MAX {
            let words = format!("the record on line {} is longer than {RECORD_BYTES_MAX} bytes", self.first);
            return Err(Problem::new("54000", words).with_status(413));
        }
        if ended {
            self.close(records);
        }
        Ok(())
    }

    fn close(&mut self, records: &mut Vec<Record>) {
        let mut bytes = std::mem::take(&mut self.open);
        while matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        // Empty lines say nothing.
        if !bytes.trim_ascii().is_empty() {
            records.push(Record { line: self.first, bytes });
        }
        self.first = self.line;
    }
}

/// Whether a line is one JSON object: two lines that are none must not become one together.
pub(super) fn is_object(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'{')
        && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(is_csv: bool, text: &str, size: usize) -> Vec<(u64, String)> {
        let mut splitter = Splitter::new(is_csv);
        let mut records = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            splitter.take(piece, false, &mut records).expect("takes");
        }
        splitter.take(&[], true, &mut records).expect("ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        records.into_iter().map(|record| (record.line, text(record.bytes))).collect()
    }

    #[test]
    fn records_are_the_same_however_they_are_cut() {
        let csv = "a,b\r\n1,\"x\ny\"\n\n2,\"q\"\"\n\"\n3,z";
        let wanted = [(1, "a,b"), (2, "1,\"x\ny\""), (5, "2,\"q\"\"\n\""), (7, "3,z")];
        let wanted: Vec<_> = wanted.map(|(line, text)| (line, text.to_owned())).into();
        for size in [1, 2, 3, 100] {
            assert_eq!(split(true, csv, size), wanted, "{size}");
        }
        // A quote within a field that has none around it is a character.
        assert_eq!(split(true, "a\n5\" pipe\nb", 2).len(), 3);
        let lines = split(false, "{\"a\":\"\\\"\"}\n\n{}\n", 4);
        assert_eq!(lines, [(1, "{\"a\":\"\\\"\"}".to_owned()), (3, "{}".to_owned())]);
    }

    #[test]
    fn a_line_is_an_object_alone() {
        assert!(is_object(b" {\"a\":1}"));
        for wrong in ["{\"a\":1},{\"a\":2}", "{\"a\":1", "[1]", "1", "{}{}"] {
            assert!(!is_object(wrong.as_bytes()), "{wrong}");
        }
    }
}
