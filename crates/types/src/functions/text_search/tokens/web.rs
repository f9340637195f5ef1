//! Hosts, addresses, paths, tags and entities.

use super::chars::is_ascii_letter;
use super::{Class, Found, Tokens};

/// What may stand in a URL behind its host.
fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

fn is_file_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How far a name of labels goes.
struct Labels {
    /// Behind the last label, of whatever kind.
    end: usize,
    /// Behind the last place where the name is a host.
    host_end: Option<usize>,
}

impl Tokens<'_> {
    /// Labels between points; `-` and `_` stand between letters and digits.
    fn labels(&self, at: usize) -> Option<Labels> {
        let mut labels = Labels { end: at, host_end: None };
        let mut start = at;
        loop {
            let mut end = self.run_bytes(start, |byte| byte.is_ascii_alphanumeric());
            if end == start {
                return (start > at).then_some(labels);
            }
            while matches!(self.byte_at(end), b'-' | b'_') && self.byte_at(end + 1).is_ascii_alphanumeric() {
                end = self.run_bytes(end + 1, |byte| byte.is_ascii_alphanumeric());
            }
            let letters = self.run_bytes(start, |byte| byte.is_ascii_alphabetic());
            // A domain has two letters or more, and no digit behind them.
            if start > at && letters - start >= 2 && !self.byte_at(letters).is_ascii_digit() {
                labels.host_end = Some(letters);
            }
            labels.end = end;
            if self.byte_at(end) != b'.' {
                return Some(labels);
            }
            start = end + 1;
        }
    }

    /// The end of the host that begins here, its port included where `with_port`.
    pub(super) fn host(&self, at: usize, with_port: bool) -> Option<usize> {
        let end = self.labels(at)?.host_end?;
        if with_port && self.byte_at(end) == b':' {
            let port_end = self.digits(end + 1);
            if port_end > end + 1 {
                return Some(port_end);
            }
        }
        Some(end)
    }

    /// An email address, a URL or a host.
    pub(super) fn web_address(&self, at: usize) -> Option<Found> {
        let labels = self.labels(at)?;
        if self.byte_at(labels.end) == b'@'
            && let Some(end) = self.host(labels.end + 1, true)
        {
            return Some((Class::Email, end));
        }
        let host_end = self.host(at, true)?;
        if self.byte_at(host_end) == b'/' {
            let end = self.run_bytes(host_end + 1, is_url_byte);
            if end > host_end + 1 {
                return Some((Class::Url, end));
            }
        }
        Some((Class::Host, host_end))
    }

    /// The rest of a file name from its point or slash on.
    pub(super) fn file_from(&self, point: usize) -> Option<usize> {
        is_file_byte(self.byte_at(point + 1)).then(|| self.file(point + 1))
    }

    /// Goes on in a file name; steps that lead nowhere are left out.
    fn file(&self, from: usize) -> usize {
        let mut end = from;
        loop {
            let byte = self.byte_at(end);
            let next = match byte {
                b'-' => Some(end + 1),
                b'.' => is_file_byte(self.byte_at(end + 1)).then_some(end + 2),
                b'/' => return self.path_step(end + 1).unwrap_or(end),
                byte if is_file_byte(byte) => Some(end + 1),
                _ => None,
            };
            match next {
                Some(next) => end = next,
                None => return end,
            }
        }
    }

    /// What may follow a slash.
    pub(super) fn path_step(&self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            match self.byte_at(at) {
                byte if is_file_byte(byte) => return Some(self.file(at + 1)),
                b'~' => return self.twiddle_path(at + 1),
                b'.' => match self.byte_at(at + 1) {
                    byte if is_file_byte(byte) => return Some(self.file(at + 2)),
                    b'/' => at += 2,
                    b'.' => return self.parent(at + 2),
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    /// Behind `..`: a further step, or the end of the path.
    fn parent(&self, at: usize) -> Option<usize> {
        match self.char_at(at) {
            None => Some(at),
            Some('/') => Some(self.path_step(at + 1).unwrap_or(at)),
            Some(c) if c.is_whitespace() => Some(at),
            Some(_) => None,
        }
    }

    /// What may follow a tilde: a user's name or a path.
    pub(super) fn twiddle_path(&self, at: usize) -> Option<usize> {
        match self.byte_at(at) {
            b'/' => self.path_step(at + 1),
            byte if is_file_byte(byte) => Some(self.file(at + 1)),
            _ => None,
        }
    }

    /// `./` or `../` at the start of a token.
    pub(super) fn dotted_path(&self, at: usize) -> Option<usize> {
        match self.byte_at(at + 1) {
            b'/' => self.path_step(at + 2),
            b'.' => self.parent(at + 2),
            _ => None,
        }
    }

    pub(super) fn entity(&self, at: usize) -> Option<usize> {
        let (from, test): (usize, fn(u8) -> bool) = match (self.byte_at(at + 1), self.byte_at(at + 2)) {
            (b'#', b'x' | b'X') => (at + 3, |byte| byte.is_ascii_hexdigit()),
            (b'#', _) => (at + 2, |byte| byte.is_ascii_digit()),
            (first, _) if first.is_ascii_alphabetic() || matches!(first, b':' | b'_') => {
                (at + 1, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'.' | b'-'))
            }
            _ => return None,
        };
        let end = self.run_bytes(from, test);
        (end > from && self.byte_at(end) == b';').then_some(end + 1)
    }

    /// A tag, a comment or a declaration.
    pub(super) fn tag(&self, at: usize) -> Option<usize> {
        let rest = self.slice(at + 1, self.text.len());
        if let Some(comment) = rest.strip_prefix("!--") {
            return comment.find("-->").map(|length| at + 4 + length + 3);
        }
        if rest.starts_with("!D") || rest.starts_with("!d") || rest.starts_with("?x") {
            return self.attributes(at + 3);
        }
        let name = if rest.starts_with('/') { at + 2 } else { at + 1 };
        let first = self.char_at(name)?;
        let begins = is_ascii_letter(first) || (name == at + 1 && matches!(first, ':' | '_'));
        if !begins {
            return None;
        }
        let end = self.run(name, |c| c.is_alphanumeric() || matches!(c, ':' | '_' | '.' | '-'));
        match self.char_at(end)? {
            '>' => Some(end + 1),
            '/' if self.byte_at(end + 1) == b'>' => Some(end + 2),
            c if c.is_whitespace() => self.attributes(end),
            _ => None,
        }
    }

    /// What stands in a tag behind its name; returns the end of the tag.
    fn attributes(&self, from: usize) -> Option<usize> {
        let mut quote = None;
        let mut chars = self.slice(from, self.text.len()).char_indices();
        while let Some((offset, c)) = chars.next() {
            match (quote, c) {
                (Some(_), '\\') => {
                    chars.next();
                }
                (Some(open), c) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '>') => return Some(from + offset + 1),
                (None, '\'' | '"') => quote = Some(c),
                (None, c) => {
                    let plain = c.is_ascii_alphanumeric()
                        || c.is_whitespace()
                        || matches!(c, '=' | '-' | '_' | '#' | '/' | ':' | '.' | '&' | '?' | '%' | '~');
                    if !plain {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// Scripts and style sheets are no text.
    pub(super) fn note_tag(&mut self, tag: &str) {
        let end = tag.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(tag.len());
        let name = tag.get(..end).unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "<script" | "<style" => self.ignoring = true,
            "</script" | "</style" => self.ignoring = false,
            _ => {}
        }
    }
}
