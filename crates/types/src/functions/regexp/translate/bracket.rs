//! Bracket expressions: `[a-z[:digit:]]`.

use super::super::class::{collating, named, push_literal};
use super::{Atom, Translator, invalid};
use mainstay_base::Result;

enum Item {
    Char(char),
    /// Goes into the brackets as it is.
    Class(String),
}

impl Translator<'_> {
    pub(super) fn bracket(&mut self) -> Result<Atom> {
        let unbalanced = || invalid("brackets [] not balanced");
        if self.ahead("[:<:]]") || self.ahead("[:>:]]") {
            let start = self.ahead("[:<:]]");
            self.skip(6);
            return self.push_constraint(if start { r"\b{start}" } else { r"\b{end}" });
        }
        let negated = self.eat('^');
        self.out.push_str(if negated { "[^" } else { "[" });
        if negated && self.flags.dot_stops {
            self.out.push_str(r"\n");
        }
        let mut first = true;
        while first || self.input.peek() != Some(&']') {
            let item = self.bracket_item(first)?;
            first = false;
            let range = self.input.peek() == Some(&'-') && !self.ahead("-]");
            match item {
                Item::Class(class) if !range => self.out.push_str(&class),
                Item::Class(_) => return Err(invalid("invalid character range")),
                Item::Char(low) if range => {
                    self.next();
                    let Item::Char(high) = self.bracket_item(true)? else {
                        return Err(invalid("invalid character range"));
                    };
                    if high < low {
                        return Err(invalid("invalid character range"));
                    }
                    push_literal(&mut self.out, low);
                    self.out.push('-');
                    push_literal(&mut self.out, high);
                }
                Item::Char(c) => push_literal(&mut self.out, c),
            }
            if self.input.peek().is_none() {
                return Err(unbalanced());
            }
        }
        self.next();
        self.out.push(']');
        Ok(Atom::plain())
    }

    fn bracket_item(&mut self, may_be_bracket: bool) -> Result<Item> {
        let unbalanced = || invalid("brackets [] not balanced");
        let c = self.next().ok_or_else(unbalanced)?;
        match c {
            '[' => match self.input.peek() {
                Some(':') => {
                    let name = self.bracket_name(':')?;
                    let class = named(&name).ok_or_else(|| invalid("invalid character class"))?;
                    Ok(Item::Class(class.to_owned()))
                }
                Some(kind @ ('.' | '=')) => {
                    let kind = *kind;
                    let name = self.bracket_name(kind)?;
                    collating(&name).map(Item::Char).ok_or_else(|| invalid("invalid collating element"))
                }
                _ => Ok(Item::Char('[')),
            },
            '\\' => {
                let c = self.next().ok_or_else(|| invalid(r"invalid escape \ sequence"))?;
                Ok(match c {
                    'd' => Item::Class("0-9".to_owned()),
                    'D' => Item::Class("[^0-9]".to_owned()),
                    's' | 'S' | 'w' | 'W' => Item::Class(format!("\\{c}")),
                    c => Item::Char(
                        self.character_escape(c)?.ok_or_else(|| invalid(r"invalid escape \ sequence"))?,
                    ),
                })
            }
            ']' if !may_be_bracket => Err(unbalanced()),
            c => Ok(Item::Char(c)),
        }
    }

    /// The name in `[:name:]` and the like; the opening bracket is read already.
    fn bracket_name(&mut self, kind: char) -> Result<String> {
        self.next();
        let mut name = String::new();
        loop {
            match self.next() {
                None => return Err(invalid("brackets [] not balanced")),
                Some(c) if c == kind && (!name.is_empty() || kind == ':') && self.eat(']') => {
                    return Ok(name);
                }
                Some(c) => name.push(c),
            }
        }
    }
}
