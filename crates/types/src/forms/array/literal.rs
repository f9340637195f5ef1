//! PostgreSQL's text form of arrays: `{1,2}`, `{{a,"b c"},{NULL,d}}`, `[0:1]={1,2}` (bounds are read, not kept).

use mainstay_base::{Problem, Result};

/// A literal taken apart; `None` is NULL.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Literal {
    pub dims: Vec<usize>,
    pub values: Vec<Option<String>>,
}

const DIMENSIONS_MAX: usize = 6;

pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

fn malformed(text: &str, details: &str) -> Problem {
    Problem::new("22P02", format!("malformed array literal: \"{text}\"")).with_details(details)
}

pub(crate) fn parse(text: &str) -> Result<Literal> {
    let mut reader = Reader { text, rest: text.trim_start_matches(is_space) };
    let declared = reader.bounds()?;
    if !reader.rest.starts_with('{') {
        let details = if declared.is_some() {
            "Array contents must start with \"{\"."
        } else {
            "Array value must start with \"{\" or dimension information."
        };
        return Err(malformed(text, details));
    }
    let mut literal = Literal::default();
    reader.level(0, &mut literal)?;
    if !reader.rest.trim_start_matches(is_space).is_empty() {
        return Err(malformed(text, "Junk after closing right brace."));
    }
    if literal.values.is_empty() {
        literal.dims.clear();
    }
    if declared.is_some_and(|dims| dims != literal.dims) {
        return Err(malformed(text, "Specified array dimensions do not match array contents."));
    }
    Ok(literal)
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    /// `[1:3][0:1]=`
    fn bounds(&mut self) -> Result<Option<Vec<usize>>> {
        let mut dims = Vec::new();
        while let Some(rest) = self.rest.strip_prefix('[') {
            let bad = || malformed(self.text, "Missing array dimension value.");
            let (bounds, rest) = rest
                .split_once(']')
                .ok_or_else(|| malformed(self.text, "Missing \"]\" after array dimensions."))?;
            let (low, high) = bounds.split_once(':').unwrap_or(("1", bounds));
            let low: i32 = low.trim().parse().map_err(|_| bad())?;
            let high: i32 = high.trim().parse().map_err(|_| bad())?;
            if high < low {
                return Err(Problem::new("2202E", "upper bound cannot be less than lower bound"));
            }
            dims.push((i64::from(high) - i64::from(low) + 1) as usize);
            self.rest = rest.trim_start_matches(is_space);
        }
        if dims.is_empty() {
            return Ok(None);
        }
        let rest = self
            .rest
            .strip_prefix('=')
            .ok_or_else(|| malformed(self.text, "Missing \"=\" after array dimensions."))?;
        self.rest = rest.trim_start_matches(is_space);
        Ok(Some(dims))
    }

    fn bad(&self, details: &str) -> Problem {
        malformed(self.text, details)
    }

    fn peek(&mut self) -> Result<char> {
        self.rest = self.rest.trim_start_matches(is_space);
        self.rest.chars().next().ok_or_else(|| self.bad("Unexpected end of input."))
    }

    fn bump(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    /// Reads from an opening brace to its closing one.
    fn level(&mut self, level: usize, literal: &mut Literal) -> Result<()> {
        if level >= DIMENSIONS_MAX {
            return Err(Problem::new(
                "54000",
                format!(
                    "number of array dimensions ({}) exceeds the maximum allowed ({DIMENSIONS_MAX})",
                    level + 1
                ),
            ));
        }
        self.bump();
        let first = literal.dims.len() <= level;
        if first {
            literal.dims.push(0);
        }
        let mut count = 0;
        if self.peek()? == '}' {
            self.bump();
        } else {
            loop {
                self.item(level, count == 0 && first, literal)?;
                count += 1;
                match self.peek()? {
                    ',' => self.bump(),
                    '}' => {
                        self.bump();
                        break;
                    }
                    '{' => return Err(self.bad("Unexpected \"{\" character.")),
                    _ => return Err(self.bad("Unexpected array element.")),
                }
                if self.peek()? == '}' {
                    return Err(self.bad("Unexpected \"}\" character."));
                }
            }
        }
        match literal.dims.get_mut(level) {
            Some(dim) if first => *dim = count,
            Some(dim) if *dim == count => {}
            _ => {
                return Err(
                    self.bad("Multidimensional arrays must have sub-arrays with matching dimensions.")
                );
            }
        }
        Ok(())
    }

    fn item(&mut self, level: usize, decides: bool, literal: &mut Literal) -> Result<()> {
        let nested = if decides { self.peek()? == '{' } else { literal.dims.len() > level + 1 };
        match (self.peek()?, nested) {
            ('{', true) => self.level(level + 1, literal),
            ('{', false) => Err(self.bad("Unexpected \"{\" character.")),
            (_, true) => Err(self.bad("Unexpected array element.")),
            (',', _) => Err(self.bad("Unexpected \",\" character.")),
            ('"', _) => {
                let value = self.quoted()?;
                literal.values.push(Some(value));
                Ok(())
            }
            _ => {
                let value = self.plain()?;
                literal.values.push(value);
                Ok(())
            }
        }
    }

    fn quoted(&mut self) -> Result<String> {
        self.bump();
        let mut value = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next() {
                None => return Err(self.bad("Unexpected end of input.")),
                Some('"') => break,
                Some('\\') => value.extend(chars.next()),
                Some(c) => value.push(c),
            }
        }
        self.rest = chars.as_str();
        Ok(value)
    }

    fn plain(&mut self) -> Result<Option<String>> {
        let mut value = String::new();
        // The length up to the last character that is no trailing blank.
        let mut kept = 0;
        let mut escaped = false;
        let mut chars = self.rest.chars();
        loop {
            let before = chars.as_str();
            match chars.next() {
                None => return Err(self.bad("Unexpected end of input.")),
                Some(',' | '}') => {
                    self.rest = before;
                    break;
                }
                Some('"' | '{') => return Err(self.bad("Unexpected array element.")),
                Some('\\') => {
                    escaped = true;
                    value.extend(chars.next());
                    kept = value.len();
                }
                Some(c) => {
                    value.push(c);
                    if !is_space(c) {
                        kept = value.len();
                    }
                }
            }
        }
        value.truncate(kept);
        Ok(if !escaped && value.eq_ignore_ascii_case("null") { None } else { Some(value) })
    }
}

/// Appends an element, quoted where PostgreSQL quotes.
pub(crate) fn quote(element: &str, out: &mut String) {
    let special = |c: char| is_space(c) || matches!(c, '"' | '\\' | '{' | '}' | ',');
    if !element.is_empty() && !element.eq_ignore_ascii_case("null") && !element.contains(special) {
        out.push_str(element);
        return;
    }
    out.push('"');
    for c in element.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
