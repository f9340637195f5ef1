//! Says what is wrong with a text in the words that PostgREST uses.
//!
//! PostgREST's grammar is written with Parsec, and its messages are what Parsec makes of it: the furthest place, what
//! stands there, what could have stood there. Clients' tests compare these texts, so this is Parsec's error algebra
//! and PostgREST's grammar once more, without results. It runs for requests that failed, and only there.

use mainstay_base::Problem;
use std::cell::Cell;
use std::rc::Rc;

/// Which part of the grammar a text was to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Select,
    Filter,
    /// A filter of a `GET` on a function.
    CallFilter,
    Order,
    Logic,
    LogicPath,
    TreePath,
    Names,
}

/// Longer texts are not looked at again: the place of the error is not worth the time.
const EXPLAINED_BYTES_MAX: usize = 4096;
const DEPTH_MAX: usize = 64;

/// `what` names the rule and the text; `text` is what is parsed.
pub(super) fn explain(rule: Rule, what: &str, text: &str) -> Problem {
    let error = if text.len() > EXPLAINED_BYTES_MAX {
        None
    } else {
        let input = Input { characters: text.chars().collect(), depth: Cell::new(0) };
        let reply = grammar(rule)(&input, 0);
        reply.end.is_none().then(|| (place(&input, reply.error.at), reply.error.text()))
    };
    let ((line, column), details) = error.unwrap_or_else(|| ((1, 1), "unknown parse error".to_owned()));
    Problem::new("PGRST100", format!("\"{what}\" (line {line}, column {column})")).with_details(details)
}

fn grammar(rule: Rule) -> Parser {
    match rule {
        Rule::Select => seq(vec![forest(), eof()]),
        Rule::Filter => op_expr(many(any_char())),
        Rule::CallFilter => or(vec![op_expr(many(any_char())), pure()]),
        Rule::Order => order(),
        Rule::Logic => seq(vec![logic_tree(), eof()]),
        Rule::LogicPath => sep_by1(field_name(), delimiter()),
        Rule::TreePath => seq(vec![sep_by1(field_name(), delimiter()), option(json_path()), eof()]),
        Rule::Names => sep_by1(field_name(), lexeme(char(','))),
    }
}

fn place(input: &Input, at: usize) -> (usize, usize) {
    let (mut line, mut column) = (1, 1);
    for character in input.characters.iter().take(at) {
        match character {
            '\n' => (line, column) = (line + 1, 1),
            '\t' => column += 8 - (column - 1) % 8,
            _ => column += 1,
        }
    }
    (line, column)
}

// ── PostgREST's grammar ──────────────────────────────────────────────────────────────────────────────────────

fn forest() -> Parser {
    lazy(|| {
        let embedded = || between('(', forest(), ')');
        let tree = or(vec![
            seq(vec![attempt(spread_select()), embedded()]),
            seq(vec![attempt(relation_select()), embedded()]),
            field_select(),
        ]);
        sep_by(tree, lexeme(char(',')))
    })
}

fn field_name() -> Parser {
    label(or(vec![quoted_value(), dashed(identifier())]), "field name (* or [a..z0..9_$])")
}

fn identifier() -> Parser {
    many1(or(vec![letter(), digit(), one_of("_ $")]))
}

fn dashed(word: Parser) -> Parser {
    sep_by1(word, attempt(seq(vec![char('-'), not_followed_by(char('>'))])))
}

fn quoted_value() -> Parser {
    let inner = or(vec![none_of("\\\""), seq(vec![char('\\'), any_char()])]);
    seq(vec![char('"'), many(inner), char('"')])
}

fn json_path() -> Parser {
    let ends = || {
        let ahead = |word| attempt(look_ahead(string(word)));
        or(vec![ahead("->"), ahead("::"), ahead("."), ahead(","), attempt(eof())])
    };
    let key = label(
        or(vec![quoted_value(), dashed(many1(none_of("(-:.,>)")))]),
        "any non reserved character different from: .,>()",
    );
    let index = seq(vec![option(char('-')), many1(digit()), ends()]);
    let arrow = or(vec![attempt(string("->>")), attempt(string("->"))]);
    many(seq(vec![arrow, or(vec![attempt(index), attempt(key)])]))
}

fn field() -> Parser {
    lexeme(seq(vec![field_name(), option(json_path())]))
}

fn alias() -> Parser {
    option(attempt(seq(vec![field_name(), char(':'), not_followed_by(char(':'))])))
}

fn embed_params() -> Parser {
    let param = || {
        let which = or(vec![attempt(string("left")), attempt(string("inner")), attempt(field_name())]);
        option(seq(vec![char('!'), which]))
    };
    seq(vec![param(), param()])
}

fn relation_select() -> Parser {
    let opens = attempt(look_ahead(string("(")));
    lexeme(seq(vec![alias(), but_not("count", field_name()), embed_params(), opens]))
}

fn spread_select() -> Parser {
    let opens = attempt(look_ahead(string("(")));
    lexeme(seq(vec![string("..."), field_name(), embed_params(), opens]))
}

fn field_select() -> Parser {
    let end = || {
        let ahead = |word| attempt(look_ahead(string(word)));
        or(vec![ahead(")"), ahead(","), attempt(eof())])
    };
    let cast = || option(seq(vec![string("::"), identifier()]));
    let aggregation = or(vec![
        string("sum"),
        string("avg"),
        string("count"),
        attempt(string("max")),
        attempt(string("min")),
    ]);
    let aggregate = option(attempt(seq(vec![char('.'), aggregation, string("()")])));
    lexeme(or(vec![
        attempt(seq(vec![string("*"), end()])),
        attempt(seq(vec![alias(), string("count()"), cast(), end()])),
        seq(vec![alias(), field(), cast(), aggregate, cast(), end()]),
    ]))
}

fn delimiter() -> Parser {
    label(char('.'), "delimiter (.)")
}

fn op_expr(value: Parser) -> Parser {
    let then = |word| attempt(seq(vec![string(word), delimiter()]));
    let words = |words: &[&'static str]| {
        label(or(words.iter().map(|word| attempt(string(word))).collect()), "unknown single value operator")
    };
    let truth = ["null", "not_null", "true", "false", "unknown"];
    let is_value = label(
        or(truth.iter().map(|word| attempt(string_any_case(word))).collect()),
        "isVal: (null, not_null, true, false, unknown)",
    );
    let language = option(attempt(between('(', identifier(), ')')));
    let search = or(["fts", "plfts", "phfts", "wfts"].iter().map(|word| attempt(string(word))).collect());
    let any_or_all = or(vec![attempt(string("any")), string("all")]);
    let quantified = words(&["eq", "gte", "gt", "lte", "lt", "like", "ilike", "match", "imatch"]);
    let simple = words(&["neq", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj"]);
    let operation = or(vec![
        seq(vec![then("in"), list_value()]),
        seq(vec![then("is"), is_value]),
        seq(vec![then("isdistinct"), value.clone()]),
        attempt(seq(vec![search, language, delimiter(), value.clone()])),
        attempt(seq(vec![simple, delimiter(), value.clone()])),
        attempt(seq(vec![quantified, option(attempt(between('(', any_or_all, ')'))), delimiter(), value])),
    ]);
    seq(vec![option(then("not")), label(operation, "operator (eq, gt, ...)")])
}

fn list_value() -> Parser {
    let element =
        or(vec![attempt(seq(vec![quoted_value(), not_followed_by(none_of(",)"))])), many(none_of(",)"))]);
    seq(vec![lexeme(char('(')), sep_by1(element, char(',')), lexeme(char(')'))])
}

fn order() -> Parser {
    let end = || or(vec![attempt(look_ahead(char(','))), attempt(eof())]);
    let word = |word| attempt(seq(vec![delimiter(), string(word)]));
    let rest = move || {
        let nulls = option(or(vec![word("nullsfirst"), word("nullslast")]));
        vec![option(or(vec![word("asc"), word("desc")])), or(vec![seq(vec![nulls, end()]), end()])]
    };
    let mut relation_term = vec![field_name(), between('(', field(), ')')];
    relation_term.extend(rest());
    let mut term = vec![field()];
    term.extend(rest());
    sep_by1(lexeme(or(vec![attempt(seq(relation_term)), seq(term)])), char(','))
}

fn logic_tree() -> Parser {
    lazy(|| {
        let array = seq(vec![string("{"), many(none_of("{}")), string("}")]);
        let value = or(vec![
            attempt(seq(vec![quoted_value(), not_followed_by(none_of(",)"))])),
            attempt(array),
            many(none_of(",)")),
        ]);
        let filter = seq(vec![field(), delimiter(), op_expr(value)]);
        let not = label(
            or(vec![attempt(seq(vec![string("not"), delimiter()])), pure()]),
            "negation operator (not)",
        );
        let operator = label(or(vec![attempt(string("and")), string("or")]), "logic operator (and, or)");
        let members =
            seq(vec![lexeme(char('(')), sep_by1(logic_tree(), lexeme(char(','))), lexeme(char(')'))]);
        or(vec![attempt(filter), seq(vec![not, operator, members])])
    })
}

// ── Parsec ───────────────────────────────────────────────────────────────────────────────────────────────────

struct Input {
    characters: Vec<char>,
    depth: Cell<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Message {
    /// What stands at the place; empty at the end of the text.
    Found(String),
    Unexpected(String),
    Expected(String),
}

impl Message {
    fn kind(&self) -> u8 {
        match self {
            Message::Found(_) => 0,
            Message::Unexpected(_) => 1,
            Message::Expected(_) => 2,
        }
    }
    fn text(&self) -> &str {
        match self {
            Message::Found(text) | Message::Unexpected(text) | Message::Expected(text) => text,
        }
    }
}

#[derive(Clone, Debug)]
struct Trouble {
    at: usize,
    messages: Vec<Message>,
}

impl Trouble {
    fn none(at: usize) -> Self {
        Trouble { at, messages: Vec::new() }
    }

    /// The error that is further on wins; at one place they add up.
    fn merge(mut self, other: Trouble) -> Trouble {
        if other.messages.is_empty() && !self.messages.is_empty() {
            return self;
        }
        if self.messages.is_empty() && !other.messages.is_empty() {
            return other;
        }
        match self.at.cmp(&other.at) {
            std::cmp::Ordering::Equal => {
                self.messages.extend(other.messages);
                self
            }
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Less => other,
        }
    }

    fn labelled(mut self, label: &str) -> Trouble {
        self.messages.retain(|message| message.kind() != 2);
        self.messages.push(Message::Expected(label.to_owned()));
        self
    }

    fn text(&self) -> String {
        let of = |kind: u8| {
            let mut texts: Vec<&str> = Vec::new();
            for message in self.messages.iter().filter(|message| message.kind() == kind) {
                if !message.text().is_empty() && !texts.contains(&message.text()) {
                    texts.push(message.text());
                }
            }
            texts
        };
        let (unexpected, expected) = (of(1), of(2));
        let mut parts = Vec::new();
        if unexpected.is_empty() {
            match self.messages.iter().find(|message| message.kind() == 0).map(Message::text) {
                Some("") => parts.push("unexpected end of input".to_owned()),
                Some(found) => parts.push(format!("unexpected {found}")),
                None => {}
            }
        } else {
            parts.push(format!("unexpected {}", commas_or(&unexpected)));
        }
        if !expected.is_empty() {
            parts.push(format!("expecting {}", commas_or(&expected)));
        }
        if parts.is_empty() { "unknown parse error".to_owned() } else { parts.join(" ") }
    }
}

fn commas_or(texts: &[&str]) -> String {
    match texts {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

struct Reply {
    /// The place behind what was read; `None` when it failed.
    end: Option<usize>,
    consumed: bool,
    error: Trouble,
}

type Parser = Rc<dyn Fn(&Input, usize) -> Reply>;

fn failed(at: usize, messages: Vec<Message>) -> Reply {
    Reply { end: None, consumed: false, error: Trouble { at, messages } }
}

fn shown(character: char) -> String {
    match character {
        '"' | '\\' => format!("\"\\{character}\""),
        '\n' => "\"\\n\"".to_owned(),
        '\t' => "\"\\t\"".to_owned(),
        other if other.is_ascii_graphic() || other == ' ' => format!("\"{other}\""),
        other => format!("\"\\{}\"", u32::from(other)),
    }
}

fn satisfy(test: impl Fn(char) -> bool + 'static) -> Parser {
    Rc::new(move |input, at| match input.characters.get(at) {
        Some(character) if test(*character) => {
            Reply { end: Some(at + 1), consumed: true, error: Trouble::none(at + 1) }
        }
        Some(character) => failed(at, vec![Message::Found(shown(*character))]),
        None => failed(at, vec![Message::Found(String::new())]),
    })
}

fn any_char() -> Parser {
    satisfy(|_| true)
}
fn char(wanted: char) -> Parser {
    label(satisfy(move |character| character == wanted), shown(wanted))
}
fn one_of(set: &'static str) -> Parser {
    satisfy(move |character| set.contains(character))
}
fn none_of(set: &'static str) -> Parser {
    satisfy(move |character| !set.contains(character))
}
fn letter() -> Parser {
    label(satisfy(char::is_alphabetic), "letter")
}
fn digit() -> Parser {
    label(satisfy(|character| character.is_ascii_digit()), "digit")
}

fn string(word: &'static str) -> Parser {
    Rc::new(move |input, at| {
        for (ahead, wanted) in word.chars().enumerate() {
            let found = input.characters.get(at + ahead).copied();
            if found != Some(wanted) {
                let shown = found.map(shown).unwrap_or_default();
                let messages = vec![Message::Found(shown), Message::Expected(format!("\"{word}\""))];
                return Reply { consumed: ahead > 0, ..failed(at, messages) };
            }
        }
        let end = at + word.chars().count();
        Reply { end: Some(end), consumed: true, error: Trouble::none(end) }
    })
}

fn string_any_case(word: &'static str) -> Parser {
    let letters = word.chars().map(|wanted| or(vec![char(wanted), char(wanted.to_ascii_uppercase())]));
    seq(letters.collect())
}

fn pure() -> Parser {
    Rc::new(|_, at| Reply { end: Some(at), consumed: false, error: Trouble::none(at) })
}

fn seq(parsers: Vec<Parser>) -> Parser {
    Rc::new(move |input, start| {
        let mut so_far = Reply { end: Some(start), consumed: false, error: Trouble::none(start) };
        for parser in &parsers {
            let Some(at) = so_far.end else { break };
            let next = parser(input, at);
            so_far = Reply {
                end: next.end,
                consumed: so_far.consumed || next.consumed,
                error: if next.consumed { next.error } else { so_far.error.merge(next.error) },
            };
        }
        so_far
    })
}

fn or(parsers: Vec<Parser>) -> Parser {
    Rc::new(move |input, at| {
        let mut trouble = Trouble::none(at);
        for parser in &parsers {
            let reply = parser(input, at);
            if reply.consumed {
                return reply;
            }
            trouble = trouble.merge(reply.error);
            if reply.end.is_some() {
                return Reply { error: trouble, ..reply };
            }
        }
        Reply { end: None, consumed: false, error: trouble }
    })
}

fn option(parser: Parser) -> Parser {
    or(vec![parser, pure()])
}

/// Parsec's `try`.
fn attempt(parser: Parser) -> Parser {
    Rc::new(move |input, at| {
        let reply = parser(input, at);
        if reply.end.is_none() { Reply { consumed: false, ..reply } } else { reply }
    })
}

fn look_ahead(parser: Parser) -> Parser {
    Rc::new(move |input, at| {
        let reply = parser(input, at);
        if reply.end.is_some() {
            Reply { end: Some(at), consumed: false, error: Trouble::none(at) }
        } else {
            reply
        }
    })
}

fn many(parser: Parser) -> Parser {
    Rc::new(move |input, start| {
        let mut at = start;
        loop {
            let reply = parser(input, at);
            match reply.end {
                Some(end) if end > at => at = end,
                Some(_) => return Reply { end: Some(at), consumed: at > start, error: reply.error },
                None if reply.consumed => return reply,
                None => return Reply { end: Some(at), consumed: at > start, error: reply.error },
            }
        }
    })
}

fn many1(parser: Parser) -> Parser {
    seq(vec![parser.clone(), many(parser)])
}

fn sep_by1(parser: Parser, separator: Parser) -> Parser {
    seq(vec![parser.clone(), many(seq(vec![separator, parser]))])
}

fn sep_by(parser: Parser, separator: Parser) -> Parser {
    option(sep_by1(parser, separator))
}

fn between(open: char, parser: Parser, close: char) -> Parser {
    seq(vec![char(open), parser, char(close)])
}

fn lexeme(parser: Parser) -> Parser {
    let blanks = || many(one_of(" \t"));
    seq(vec![blanks(), parser, blanks()])
}

fn not_followed_by(parser: Parser) -> Parser {
    Rc::new(move |input, at| {
        let reply = parser(input, at);
        match (reply.end, input.characters.get(at)) {
            (Some(end), Some(character)) => failed(end, vec![Message::Unexpected(format!("'{character}'"))]),
            _ => Reply { end: Some(at), consumed: false, error: Trouble::none(at) },
        }
    })
}

/// Parsec's `eof` looks at a token without stepping over it, so its error stands at the token.
fn eof() -> Parser {
    let end: Parser = Rc::new(|input, at| match input.characters.get(at) {
        Some(character) => failed(at, vec![Message::Unexpected(format!("'{character}'"))]),
        None => Reply { end: Some(at), consumed: false, error: Trouble::none(at) },
    });
    label(end, "end of input")
}

fn label(parser: Parser, name: impl Into<String>) -> Parser {
    let name = name.into();
    Rc::new(move |input, at| {
        let reply = parser(input, at);
        if reply.consumed || (reply.end.is_some() && reply.error.messages.is_empty()) {
            return reply;
        }
        Reply { error: reply.error.labelled(&name), ..reply }
    })
}

/// Fails without words when the parser read just `word`.
fn but_not(word: &'static str, parser: Parser) -> Parser {
    Rc::new(move |input, at| {
        let reply = parser(input, at);
        match reply.end {
            Some(end) => {
                let text: String = input.characters.get(at..end).unwrap_or_default().iter().collect();
                if text.trim() == word {
                    Reply { end: None, consumed: true, error: reply.error }
                } else {
                    reply
                }
            }
            None => reply,
        }
    })
}

/// A parser that is made when it is used: how the grammar nests in itself.
fn lazy(make: impl Fn() -> Parser + 'static) -> Parser {
    Rc::new(move |input, at| {
        if input.depth.get() >= DEPTH_MAX {
            return failed(at, Vec::new());
        }
        input.depth.set(input.depth.get() + 1);
        let reply = make()(input, at);
        input.depth.set(input.depth.get() - 1);
        reply
    })
}
