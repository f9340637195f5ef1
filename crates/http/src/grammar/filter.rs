//! `column=operator.value`, and the trees of `and` and `or`.

use super::scan::Cursor;
use super::{DEPTH_MAX, FILTERS_MAX, Fail};
use mainstay_records::query::{
    Condition, Filter, IsTest, LiteralId, Literals, Logic, Operator, Quantifier, Test, TextSearch,
};

/// What a word in front of the dot asks for.
enum Word {
    Compare(Operator),
    /// May carry `(any)` or `(all)`.
    Quantified(Operator),
    TextSearch(TextSearch),
    In,
    Is,
    IsDistinct,
}

fn word(text: &str) -> Option<Word> {
    Some(match text {
        "eq" => Word::Quantified(Operator::Equal),
        "neq" => Word::Compare(Operator::NotEqual),
        "gt" => Word::Quantified(Operator::Greater),
        "gte" => Word::Quantified(Operator::GreaterEqual),
        "lt" => Word::Quantified(Operator::Less),
        "lte" => Word::Quantified(Operator::LessEqual),
        "like" => Word::Quantified(Operator::Like),
        "ilike" => Word::Quantified(Operator::ILike),
        "match" => Word::Quantified(Operator::Match),
        "imatch" => Word::Quantified(Operator::IMatch),
        "in" => Word::In,
        "is" => Word::Is,
        "isdistinct" => Word::IsDistinct,
        "cs" => Word::Compare(Operator::Contains),
        "cd" => Word::Compare(Operator::ContainedBy),
        "ov" => Word::Compare(Operator::Overlaps),
        "sl" => Word::Compare(Operator::StrictlyLeft),
        "sr" => Word::Compare(Operator::StrictlyRight),
        "nxr" => Word::Compare(Operator::NotExtendsRight),
        "nxl" => Word::Compare(Operator::NotExtendsLeft),
        "adj" => Word::Compare(Operator::Adjacent),
        "fts" => Word::TextSearch(TextSearch::ToTsquery),
        "plfts" => Word::TextSearch(TextSearch::Plain),
        "phfts" => Word::TextSearch(TextSearch::Phrase),
        "wfts" => Word::TextSearch(TextSearch::Web),
        _ => return None,
    })
}

/// Where values of a request go, and how many filters it has had.
#[derive(Default)]
pub(super) struct Sink {
    pub literals: Literals,
    pub filters: usize,
}

impl Sink {
    pub fn literal(&mut self, text: impl Into<String>) -> LiteralId {
        let id = LiteralId(u32::try_from(self.literals.len()).unwrap_or(u32::MAX));
        self.literals.push(text.into());
        id
    }

    fn count(&mut self) -> Result<(), Fail> {
        self.filters += 1;
        if self.filters > FILTERS_MAX { Err(Fail::Limit("filters")) } else { Ok(()) }
    }
}

/// `eq.5`, `not.in.(1,2)`: the whole text of a parameter's value.
pub(super) fn read_test(text: &str, sink: &mut Sink) -> Result<(bool, Test), Fail> {
    sink.count()?;
    test(&mut Cursor::new(text), false, sink)
}

/// `(a.eq.1,or(b.is.null,c.gt.2))` behind a key of `and` or `or`.
pub(super) fn read_logic(
    negated: bool,
    operator: Logic,
    text: &str,
    sink: &mut Sink,
) -> Result<Condition, Fail> {
    let mut cursor = Cursor::new(text);
    let conditions = members(&mut cursor, 1, sink)?;
    if cursor.at_end() { Ok(Condition::Logic { negated, operator, conditions }) } else { Err(Fail::Syntax) }
}

fn members(cursor: &mut Cursor<'_>, depth: usize, sink: &mut Sink) -> Result<Vec<Condition>, Fail> {
    if depth > DEPTH_MAX {
        return Err(Fail::Limit("levels of `and` and `or`"));
    }
    cursor.expect_spaced("(")?;
    let mut conditions = Vec::with_capacity(4);
    loop {
        conditions.push(member(cursor, depth, sink)?);
        if !cursor.eat_spaced(",") {
            break;
        }
    }
    cursor.expect_spaced(")")?;
    Ok(conditions)
}

fn member(cursor: &mut Cursor<'_>, depth: usize, sink: &mut Sink) -> Result<Condition, Fail> {
    let (start, literals) = (cursor.at, sink.literals.len());
    let negated = cursor.eat("not.");
    let operator = if cursor.eat("and") {
        Some(Logic::And)
    } else if cursor.eat("or") {
        Some(Logic::Or)
    } else {
        None
    };
    let opens = cursor.rest().trim_start_matches([' ', '\t']).starts_with('(');
    if let (Some(operator), true) = (operator, opens) {
        let conditions = members(cursor, depth + 1, sink)?;
        return Ok(Condition::Logic { negated, operator, conditions });
    }
    cursor.at = start;
    sink.literals.truncate(literals);
    sink.count()?;
    let field = cursor.field()?;
    cursor.expect(".")?;
    let (negated, test) = test(cursor, true, sink)?;
    Ok(Condition::Filter(Filter { field, negated, test }))
}

fn test(cursor: &mut Cursor<'_>, nested: bool, sink: &mut Sink) -> Result<(bool, Test), Fail> {
    let negated = cursor.eat("not.");
    let name = cursor.until(|byte| byte == b'.' || byte == b'(');
    let test = match word(name).ok_or(Fail::Syntax)? {
        Word::Compare(operator) => {
            cursor.expect(".")?;
            let value = sink.literal(value(cursor, nested));
            Test::Compare { operator, quantifier: None, value }
        }
        Word::Quantified(operator) => {
            let quantifier = quantifier(cursor);
            cursor.expect(".")?;
            let mut value = value(cursor, nested);
            if matches!(operator, Operator::Like | Operator::ILike) && value.contains('*') {
                value = value.replace('*', "%");
            }
            Test::Compare { operator, quantifier, value: sink.literal(value) }
        }
        Word::In => {
            cursor.expect(".")?;
            Test::In(sink.literal(list(cursor)?))
        }
        Word::Is => {
            cursor.expect(".")?;
            Test::Is(is_test(cursor, nested)?)
        }
        Word::IsDistinct => {
            cursor.expect(".")?;
            Test::IsDistinct(sink.literal(value(cursor, nested)))
        }
        Word::TextSearch(operator) => {
            let language = if cursor.eat("(") {
                let language = cursor.identifier()?;
                cursor.expect(")")?;
                Some(sink.literal(language))
            } else {
                None
            };
            cursor.expect(".")?;
            let value = sink.literal(value(cursor, nested));
            Test::TextSearch { operator, language, value }
        }
    };
    Ok((negated, test))
}

fn quantifier(cursor: &mut Cursor<'_>) -> Option<Quantifier> {
    if cursor.eat("(any)") {
        Some(Quantifier::Any)
    } else if cursor.eat("(all)") {
        Some(Quantifier::All)
    } else {
        None
    }
}

/// A value: all that is left, or within `and` and `or` up to a comma or a bracket, `"quoted"`, or `{an,array}`.
fn value(cursor: &mut Cursor<'_>, nested: bool) -> String {
    if !nested {
        let rest = cursor.rest().to_owned();
        cursor.at = cursor.text.len();
        return rest;
    }
    if let Some(quoted) = cursor.quoted_alone() {
        return quoted;
    }
    if cursor.peek() == Some(b'{') {
        let start = cursor.at;
        cursor.at += 1;
        cursor.until(|byte| matches!(byte, b'{' | b'}'));
        if cursor.eat("}") {
            return cursor.text.get(start..cursor.at).unwrap_or_default().to_owned();
        }
        cursor.at = start;
    }
    cursor.until(|byte| matches!(byte, b',' | b')')).to_owned()
}

fn is_test(cursor: &mut Cursor<'_>, nested: bool) -> Result<IsTest, Fail> {
    let text = cursor.until(|byte| nested && matches!(byte, b',' | b')'));
    [
        ("null", IsTest::Null),
        ("not_null", IsTest::NotNull),
        ("true", IsTest::True),
        ("false", IsTest::False),
        ("unknown", IsTest::Unknown),
    ]
    .into_iter()
    .find_map(|(name, test)| text.trim_end().eq_ignore_ascii_case(name).then_some(test))
    .ok_or(Fail::Syntax)
}

/// `(a,"b,c")` as a PostgreSQL array text. `()` is the empty array.
fn list(cursor: &mut Cursor<'_>) -> Result<String, Fail> {
    cursor.expect_spaced("(")?;
    let mut array = String::with_capacity(cursor.rest().len() + 8);
    array.push('{');
    let mut elements = 0;
    loop {
        let quoted = cursor.quoted_alone();
        let element = match &quoted {
            Some(quoted) => quoted.as_str(),
            None => cursor.until(|byte| matches!(byte, b',' | b')')),
        };
        let more = cursor.peek() == Some(b',');
        if elements > 0 || more || quoted.is_some() || !element.is_empty() {
            if elements > 0 {
                array.push(',');
            }
            push_element(&mut array, element);
            elements += 1;
        }
        if !cursor.eat(",") {
            break;
        }
    }
    cursor.expect_spaced(")")?;
    array.push('}');
    Ok(array)
}

/// Plain words stay as they are; everything that an array text reads otherwise is quoted.
fn push_element(array: &mut String, element: &str) {
    let plain = !element.is_empty()
        && !element.eq_ignore_ascii_case("null")
        && element
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':'));
    if plain {
        array.push_str(element);
        return;
    }
    array.push('"');
    for character in element.chars() {
        if matches!(character, '"' | '\\') {
            array.push('\\');
        }
        array.push(character);
    }
    array.push('"');
}
