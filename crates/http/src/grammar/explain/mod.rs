//! Says what is wrong with a text in the words that PostgREST uses.
//!
//! PostgREST's grammar is written with Parsec, and its messages are what Parsec makes of it: the furthest place, what
//! stands there, what could have stood there. Clients' tests compare these texts, so this is Parsec's error algebra
//! and PostgREST's grammar once more, without results. It runs for requests that failed, and only there.

mod parsec;
mod rules;

use mainstay_base::Problem;
use parsec::{Input, Parser, any_char, char, eof, lexeme, many, option, or, pure, sep_by1, seq};
use rules::{delimiter, field_name, forest, json_path, logic_tree, op_expr, order};

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

/// `what` names the rule and the text; `text` is what is parsed.
pub(super) fn explain(rule: Rule, what: &str, text: &str) -> Problem {
    let error = if text.len() > EXPLAINED_BYTES_MAX {
        None
    } else {
        let input = Input::new(text);
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
