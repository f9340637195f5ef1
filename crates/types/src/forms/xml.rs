//! `xml`: a text that is well-formed content (`xmloption = content`), kept as it was written.
//!
//! Checked: tags match and nest, attributes are quoted and named once, references are known or numeric, comments and
//! CDATA end. Not done: DTDs are skipped and declare nothing, names are not checked letter by letter.

use crate::value::Value;
use mainstay_base::{Problem, Result};

pub(crate) fn input(text: &str) -> Result<Value> {
    let content = without_declaration(text).map_err(invalid)?;
    Scanner { rest: content, whole: content, open: Vec::new() }.content().map_err(invalid)?;
    Ok(Value::text(content))
}

fn invalid(why: String) -> Problem {
    Problem::new("2200N", "invalid XML content").with_details(why)
}

/// A declaration that says no more than version 1.0 is not part of the value, as in PostgreSQL.
fn without_declaration(text: &str) -> std::result::Result<&str, String> {
    let Some(rest) =
        text.strip_prefix("<?xml").filter(|rest| rest.starts_with(|c: char| c.is_ascii_whitespace()))
    else {
        return Ok(text);
    };
    let (declaration, behind) =
        rest.split_once("?>").ok_or_else(|| "line 1: parsing XML declaration: '?>' expected".to_owned())?;
    if !declaration.contains("version") {
        return Err("line 1: Malformed declaration expecting version".to_owned());
    }
    let plain = !declaration.contains("standalone") && declaration.contains("1.0");
    Ok(if plain { behind } else { text })
}

struct Scanner<'t> {
    rest: &'t str,
    whole: &'t str,
    /// The names of the elements that are open.
    open: Vec<&'t str>,
}

type Scanned<T = ()> = std::result::Result<T, String>;

impl<'t> Scanner<'t> {
    fn content(&mut self) -> Scanned {
        loop {
            let next = self.rest.find(['<', '&']).unwrap_or(self.rest.len());
            self.skip(next);
            if self.rest.is_empty() {
                break;
            }
            if self.rest.starts_with('&') {
                self.reference()?;
            } else if let Some(rest) = self.rest.strip_prefix("<!--") {
                let end = rest.find("--").ok_or_else(|| self.wrong("Comment not terminated"))?;
                self.skip(4 + end + 2);
                if !self.rest.starts_with('>') {
                    return Err(self.wrong("Double hyphen within comment"));
                }
                self.skip(1);
            } else if self.rest.starts_with("<![CDATA[") {
                self.until("]]>", "CData section not finished")?;
            } else if self.rest.starts_with("<?") {
                self.until("?>", "PI not finished")?;
            } else if self.rest.starts_with("<!DOCTYPE") && self.open.is_empty() {
                self.document_type()?;
            } else if self.rest.starts_with("</") {
                self.end_tag()?;
            } else {
                self.start_tag()?;
            }
        }
        match self.open.last() {
            Some(name) => Err(self.wrong(&format!("Premature end of data in tag {name}"))),
            None => Ok(()),
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn wrong(&self, why: &str) -> String {
        let done = self.whole.len() - self.rest.len();
        let before = self.whole.get(..done).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let shown = self.whole.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let column = before.get(start..).unwrap_or_default().chars().count();
        format!("line {line}: {why}\n{shown}\n{:column$}^", "")
    }

    fn until(&mut self, end: &str, why: &str) -> Scanned {
        let at = self.rest.find(end).ok_or_else(|| self.wrong(why))?;
        self.skip(at + end.len());
        Ok(())
    }

    fn document_type(&mut self) -> Scanned {
        let inner =
            self.rest.find('[').filter(|bracket| self.rest.find('>').is_none_or(|end| *bracket < end));
        if inner.is_some() {
            self.until("]", "DOCTYPE improperly terminated")?;
        }
        self.until(">", "DOCTYPE improperly terminated")
    }

    fn name(&mut self) -> Scanned<&'t str> {
        let is_first = |c: char| c.is_alphabetic() || matches!(c, '_' | ':');
        let is_inner = |c: char| is_first(c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}');
        let end = self.rest.find(|c: char| !is_inner(c)).unwrap_or(self.rest.len());
        let name = self.rest.get(..end).unwrap_or_default();
        if !name.starts_with(is_first) {
            return Err(self.wrong("StartTag: invalid element name"));
        }
        self.skip(end);
        Ok(name)
    }

    fn space(&mut self) -> bool {
        let trimmed = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let any = trimmed.len() < self.rest.len();
        self.rest = trimmed;
        any
    }

    fn end_tag(&mut self) -> Scanned {
        self.skip(2);
        let name = self.name()?;
        self.space();
        let matching = self.open.pop();
        if matching != Some(name) {
            let opened = matching.unwrap_or("nothing");
            return Err(self.wrong(&format!("Opening and ending tag mismatch: {opened} and {name}")));
        }
        if !self.rest.starts_with('>') {
            return Err(self.wrong("expected '>'"));
        }
        self.skip(1);
        Ok(())
    }

    fn start_tag(&mut self) -> Scanned {
        self.skip(1);
        let name = self.name()?;
        let mut attributes: Vec<&str> = Vec::new();
        loop {
            let separated = self.space();
            if self.rest.starts_with("/>") {
                self.skip(2);
                return Ok(());
            }
            if self.rest.starts_with('>') {
                self.skip(1);
                self.open.push(name);
                return Ok(());
            }
            if !separated || self.rest.is_empty() {
                return Err(self.wrong(&format!("Couldn't find end of Start Tag {name}")));
            }
            let attribute = self.name()?;
            if attributes.contains(&attribute) {
                return Err(self.wrong(&format!("Attribute {attribute} redefined")));
            }
            attributes.push(attribute);
            self.attribute_value(attribute)?;
        }
    }

    fn attribute_value(&mut self, name: &str) -> Scanned {
        self.space();
        if !self.rest.starts_with('=') {
            return Err(self.wrong(&format!("Specification mandates value for attribute {name}")));
        }
        self.skip(1);
        self.space();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else { return Err(self.wrong("AttValue: \" or ' expected")) };
        self.skip(1);
        loop {
            let next = self.rest.find([quote, '<', '&']).unwrap_or(self.rest.len());
            self.skip(next);
            match self.rest.chars().next() {
                Some('&') => self.reference()?,
                Some(found) if found == quote => {
                    self.skip(1);
                    return Ok(());
                }
                Some(_) => return Err(self.wrong("Unescaped '<' not allowed in attributes values")),
                None => return Err(self.wrong("AttValue: ' expected")),
            }
        }
    }

    /// `&amp;`, `&#65;`, `&#x41;`
    fn reference(&mut self) -> Scanned {
        let (name, _) = self
            .rest
            .get(1..)
            .and_then(|rest| rest.split_once(';'))
            .ok_or_else(|| self.wrong("EntityRef: expecting ';'"))?;
        let number = name.strip_prefix('#').map(|digits| match digits.strip_prefix('x') {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
            None => digits.parse(),
        });
        match number {
            Some(Ok(number)) if number > 0 && char::from_u32(number).is_some() => {}
            Some(_) => return Err(self.wrong("xmlParseCharRef: invalid value")),
            None if matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") => {}
            None => return Err(self.wrong(&format!("Entity '{name}' not defined"))),
        }
        self.skip(name.len() + 2);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_checked_and_kept() {
        for good in [
            "",
            "just text &amp; more &#x41;",
            "<a/><b c='1' d=\"x > y\">t<!-- c --><![CDATA[<&]]></b>",
            "<?pi x?><ns:é é='1'></ns:é >",
            "<!DOCTYPE html [<!ENTITY a \"b\">]><html></html>",
        ] {
            assert_eq!(input(good), Ok(Value::text(good)), "{good}");
        }
        assert_eq!(input("<?xml version=\"1.0\"?><a/>"), Ok(Value::text("<a/>")));
    }

    #[test]
    fn what_is_not_well_formed_is_refused_with_its_line() {
        for bad in [
            "<a>",
            "</a>",
            "<a></b>",
            "<a",
            "<a b>",
            "<a b=c/>",
            "<a b='1' b='2'/>",
            "<a b='<'/>",
            "&",
            "&nbsp;",
            "&#0;",
            "<!-- a -- b -->",
            "<![CDATA[",
            "< a/>",
            "<a b='1'c='2'/>",
            "<?xml ?><a/>",
        ] {
            assert_eq!(input(bad).expect_err(bad).code(), "2200N", "{bad}");
        }
        let problem = input("<a>\n</b>").expect_err("mismatch");
        assert_eq!(problem.details(), Some("line 2: Opening and ending tag mismatch: a and b\n</b>\n   ^"));
    }
}
