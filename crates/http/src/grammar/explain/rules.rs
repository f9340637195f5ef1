//! PostgREST's grammar, as it is written there (`PostgREST.ApiRequest.QueryParams`).

use super::parsec::*;

pub(super) fn forest() -> Parser {
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

pub(super) fn field_name() -> Parser {
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

pub(super) fn json_path() -> Parser {
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

pub(super) fn delimiter() -> Parser {
    label(char('.'), "delimiter (.)")
}

pub(super) fn op_expr(value: Parser) -> Parser {
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

pub(super) fn order() -> Parser {
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

pub(super) fn logic_tree() -> Parser {
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
