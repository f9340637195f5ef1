//! A skimming scanner: finds where tokens begin and end, as PostgreSQL's `scan.l` does, without knowing keywords.
//!
//! Used where the grammar gives no place: the ends of statements, psql's lines, and how deep a text nests.

/// What a token is, as far as anybody here needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or keyword without quotes.
    Word,
    /// `"…"`, `'…'`, `$tag$…$tag$` and their prefixed forms.
    Quoted,
    Number,
    /// A run of operator characters (`::`, `->>`, `+`).
    Operator,
    /// One of `( ) [ ] , ; .` and anything else.
    Mark(u8),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// Walks over the tokens of a text. Blanks and comments are skipped; a text that breaks off is no error.
pub(crate) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str, from: usize) -> Self {
        Tokens { text: text.as_bytes(), at: from }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_while(&mut self, test: impl Fn(u8) -> bool) {
        while self.text.get(self.at).is_some_and(|byte| test(*byte)) {
            self.at += 1;
        }
    }

    fn skip_blank(&mut self) {
        loop {
            match (self.peek(0), self.peek(1)) {
                (b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, _) => self.at += 1,
                (b'-', b'-') => self.skip_while(|byte| byte != b'\n' && byte != b'\r'),
                (b'/', b'*') => self.skip_block_comment(),
                _ => return,
            }
        }
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0usize;
        while self.at < self.text.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    fn skip_quoted(&mut self, quote: u8, backslashes: bool) {
        self.at += 1;
        while self.at < self.text.len() {
            match self.peek(0) {
                b'\\' if backslashes => self.at += 2,
                byte if byte == quote && self.peek(1) == quote => self.at += 2,
                byte if byte == quote => {
                    self.at += 1;
                    return;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(self.text.len());
    }

    /// At a `$`: skips `$tag$…$tag$` and says so, or leaves everything as it is.
    fn skip_dollar_quoted(&mut self) -> bool {
        let mut end = self.at + 1;
        while self.text.get(end).is_some_and(|byte| is_word(*byte) && *byte != b'$') {
            end += 1;
        }
        let starts_with_digit = self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit);
        if self.text.get(end) != Some(&b'$') || starts_with_digit {
            return false;
        }
        let tag = &self.text[self.at..=end];
        let body = end + 1;
        let found = find(&self.text[body..], tag);
        self.at = found.map_or(self.text.len(), |at| body + at + tag.len());
        true
    }

    fn word(&mut self) -> Kind {
        let prefix = self.peek(0);
        match (prefix, self.peek(1)) {
            (b'e' | b'E', b'\'') => {
                self.at += 1;
                self.skip_quoted(b'\'', true);
                return Kind::Quoted;
            }
            (b'b' | b'B' | b'x' | b'X' | b'n' | b'N', b'\'') => {
                self.at += 1;
                self.skip_quoted(b'\'', false);
                return Kind::Quoted;
            }
            (b'u' | b'U', b'&') if matches!(self.peek(2), b'\'' | b'"') => {
                let quote = self.peek(2);
                self.at += 2;
                self.skip_quoted(quote, false);
                return Kind::Quoted;
            }
            _ => {}
        }
        self.skip_while(is_word);
        Kind::Word
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blank();
        let start = self.at;
        let byte = *self.text.get(start)?;
        let kind = match byte {
            b'\'' | b'"' => {
                self.skip_quoted(byte, false);
                Kind::Quoted
            }
            b'$' if self.skip_dollar_quoted() => Kind::Quoted,
            b'0'..=b'9' => {
                self.skip_while(|byte| is_word(byte) || byte == b'.');
                Kind::Number
            }
            _ if is_word(byte) => self.word(),
            _ if is_operator(byte) => {
                // `--` and `/*` inside a run of operator characters begin a comment.
                loop {
                    self.at += 1;
                    let comment = matches!((self.peek(0), self.peek(1)), (b'-', b'-') | (b'/', b'*'));
                    if comment || !is_operator(self.peek(0)) {
                        break Kind::Operator;
                    }
                }
            }
            _ => {
                self.at += 1;
                Kind::Mark(byte)
            }
        };
        Some(Token { kind, start, end: self.at })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn is_operator(byte: u8) -> bool {
    b"+-*/<>=~!@#%^&|`?:".contains(&byte)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// How deep a level of the text nests: brackets within, and chains such as `1 + 1 + …` or `… UNION …` that the
/// grammar builds as trees leaning to the left.
#[derive(Default)]
struct Level {
    deepest: usize,
    /// Within the present item of a list.
    links: usize,
    inside: usize,
    /// Set operations and joins: they chain across commas.
    joins: usize,
}

impl Level {
    fn item_ends(&mut self) {
        self.deepest = self.deepest.max(self.links + self.inside);
        self.links = 0;
        self.inside = 0;
    }

    fn depth(mut self) -> usize {
        self.item_ends();
        self.deepest + self.joins
    }
}

/// An upper bound for the depth of the parse tree, in constructs.
pub(crate) fn depth(text: &str) -> usize {
    let mut stack = vec![Level::default()];
    let mut deepest = 0;
    for token in Tokens::new(text, 0) {
        let word = match token.kind {
            Kind::Word => text.get(token.start..token.end).unwrap_or_default(),
            _ => "",
        };
        let is = |words: &[&str]| words.iter().any(|candidate| word.eq_ignore_ascii_case(candidate));
        match token.kind {
            Kind::Mark(b'(' | b'[') => stack.push(Level::default()),
            Kind::Word if is(&["case"]) => stack.push(Level::default()),
            Kind::Mark(b')' | b']') => close(&mut stack),
            Kind::Word if is(&["end"]) => close(&mut stack),
            Kind::Mark(b';') if stack.len() == 1 => {
                deepest = deepest.max(stack.pop().map_or(0, Level::depth));
                stack.push(Level::default());
            }
            _ => {
                let Some(level) = stack.last_mut() else { continue };
                match token.kind {
                    Kind::Mark(b',') => level.item_ends(),
                    Kind::Operator => level.links += 1,
                    Kind::Word if is(&["and", "or", "when", "then", "else", "from", "where"]) => {
                        level.item_ends();
                    }
                    Kind::Word if is(&["union", "except", "intersect", "join"]) => level.joins += 1,
                    Kind::Word if is(&["not", "is", "isnull", "notnull", "collate", "at", "prior"]) => {
                        level.links += 1;
                    }
                    _ => {}
                }
            }
        }
    }
    while stack.len() > 1 {
        close(&mut stack);
    }
    deepest.max(stack.pop().map_or(0, Level::depth))
}

fn close(stack: &mut Vec<Level>) {
    if stack.len() > 1
        && let Some(level) = stack.pop()
        && let Some(outer) = stack.last_mut()
    {
        outer.inside = outer.inside.max(level.depth() + 1);
    }
}

/// The place of the first token at or after `from`: past blanks and comments.
pub(crate) fn first_token(text: &str, from: usize) -> usize {
    Tokens::new(text, from).next().map_or(text.len(), |token| token.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let found: Vec<&str> = Tokens::new(text, 0).map(|token| &text[token.start..token.end]).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn quotes_and_comments_are_passed_over_whole() {
        check(
            "select 'it''s; ' /* a /* b */ ; */ , e'\\';' -- x;\n;",
            &["select", "'it''s; '", ",", "e'\\';'", ";"],
        );
        check("$a$ ; $$ $a$ $1 $$x$$", &["$a$ ; $$ $a$", "$1", "$$x$$"]);
        check("a->>'b'::\"C;\"", &["a", "->>", "'b'", "::", "\"C;\""]);
        check("1+--x\n2", &["1", "+", "2"]);
    }

    #[test]
    fn depth_counts_brackets_and_chains_but_not_lists() {
        assert_eq!(depth("select 1"), 0);
        assert_eq!(depth("select ((1))"), 2);
        assert_eq!(depth("select 1+1+1, 2+2"), 2);
        assert!(depth("values (1,2),(3,4),(5,6)") <= 2);
        assert!(depth("select a = 1 or a = 2 or a = 3") <= 1);
        assert!(depth(&"(".repeat(5000)) >= 5000);
        assert!(depth("((1)+1+1)+1+1") >= 6);
        assert!(depth("select 1 union select 2 union select 3") >= 2);
    }
}
