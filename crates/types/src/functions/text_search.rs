//! Full text search.

mod build;
mod config;
mod headline;
mod matching;
mod rank;
mod tokens;

use super::define::{Args, function, integer, operator, rows, text_array, text_elements, truth};
use crate::forms::tsearch::{Lexeme, POSITION_MAX, Position, Query, TsQuery, TsVector, Weight};
use crate::registry::{Call, Native, Ty};
use crate::ty::Type;
use crate::value::Value;
use build::JsonParts;
use config::Config;
use mainstay_base::{Problem, Result};

const SECTION: &str = "Text search";
const T: Ty = Ty::Text;
const C: Ty = Ty::RegConfig;
const V: Ty = Ty::TsVector;
const Q: Ty = Ty::TsQuery;
const I: Ty = Ty::Int4;
const TEXTS: Ty = Ty::ArrayOf(&Ty::Text);
const REALS: Ty = Ty::ArrayOf(&Ty::Float4);
const UNNESTED: &[(&str, Ty)] = &[("lexeme", T), ("positions", Ty::ArrayOf(&Ty::Int2)), ("weights", TEXTS)];

pub(crate) static TABLE: &[Native] = &[
    function(SECTION, "to_tsvector", &[T], V, to_vector).stable(),
    function(SECTION, "to_tsvector", &[C, T], V, to_vector),
    function(SECTION, "to_tsvector", &[Ty::Json], V, to_vector).stable(),
    function(SECTION, "to_tsvector", &[C, Ty::Json], V, to_vector),
    function(SECTION, "to_tsvector", &[Ty::Jsonb], V, to_vector).stable(),
    function(SECTION, "to_tsvector", &[C, Ty::Jsonb], V, to_vector),
    function(SECTION, "json_to_tsvector", &[Ty::Json, Ty::Jsonb], V, json_to_vector).stable(),
    function(SECTION, "json_to_tsvector", &[C, Ty::Json, Ty::Jsonb], V, json_to_vector),
    function(SECTION, "jsonb_to_tsvector", &[Ty::Jsonb, Ty::Jsonb], V, json_to_vector).stable(),
    function(SECTION, "jsonb_to_tsvector", &[C, Ty::Jsonb, Ty::Jsonb], V, json_to_vector),
    function(SECTION, "to_tsquery", &[T], Q, to_query).stable(),
    function(SECTION, "to_tsquery", &[C, T], Q, to_query),
    function(SECTION, "plainto_tsquery", &[T], Q, plain_query).stable(),
    function(SECTION, "plainto_tsquery", &[C, T], Q, plain_query),
    function(SECTION, "phraseto_tsquery", &[T], Q, phrase_query).stable(),
    function(SECTION, "phraseto_tsquery", &[C, T], Q, phrase_query),
    function(SECTION, "websearch_to_tsquery", &[T], Q, web_query).stable(),
    function(SECTION, "websearch_to_tsquery", &[C, T], Q, web_query),
    function(SECTION, "get_current_ts_config", &[], C, |call| {
        Ok(Value::text(Config::default_name(call.context)))
    })
    .stable(),
    operator(SECTION, "@@", &[V, Q], Ty::Bool, |call| vector_matches(call, 0, 1)),
    operator(SECTION, "@@", &[Q, V], Ty::Bool, |call| vector_matches(call, 1, 0)),
    operator(SECTION, "@@@", &[V, Q], Ty::Bool, |call| vector_matches(call, 0, 1)),
    operator(SECTION, "@@", &[T, Q], Ty::Bool, text_matches).stable(),
    operator(SECTION, "@@", &[T, T], Ty::Bool, text_matches_text).stable(),
    operator(SECTION, "||", &[V, V], V, concat),
    operator(SECTION, "||", &[Q, Q], Q, |call| combine(call, Query::or)),
    operator(SECTION, "&&", &[Q, Q], Q, |call| combine(call, Query::and)),
    operator(SECTION, "!!", &[Q], Q, |call| {
        Ok(query_value(query(call, 0)?.map(|query| Query::Not(Box::new(query)))))
    }),
    operator(SECTION, "<->", &[Q, Q], Q, phrase),
    function(SECTION, "tsquery_phrase", &[Q, Q], Q, phrase),
    function(SECTION, "tsquery_phrase", &[Q, Q, I], Q, phrase),
    operator(SECTION, "@>", &[Q, Q], Ty::Bool, |call| contains(call, 0, 1)),
    operator(SECTION, "<@", &[Q, Q], Ty::Bool, |call| contains(call, 1, 0)),
    function(SECTION, "ts_rank", &[V, Q], Ty::Float4, |call| rank_of(call, rank::rank)),
    function(SECTION, "ts_rank", &[V, Q, I], Ty::Float4, |call| rank_of(call, rank::rank)),
    function(SECTION, "ts_rank", &[REALS, V, Q], Ty::Float4, |call| rank_of(call, rank::rank)),
    function(SECTION, "ts_rank", &[REALS, V, Q, I], Ty::Float4, |call| rank_of(call, rank::rank)),
    function(SECTION, "ts_rank_cd", &[V, Q], Ty::Float4, |call| rank_of(call, rank::rank_cd)),
    function(SECTION, "ts_rank_cd", &[V, Q, I], Ty::Float4, |call| rank_of(call, rank::rank_cd)),
    function(SECTION, "ts_rank_cd", &[REALS, V, Q], Ty::Float4, |call| rank_of(call, rank::rank_cd)),
    function(SECTION, "ts_rank_cd", &[REALS, V, Q, I], Ty::Float4, |call| rank_of(call, rank::rank_cd)),
    function(SECTION, "ts_headline", &[T, Q], T, headline).stable(),
    function(SECTION, "ts_headline", &[T, Q, T], T, headline).stable(),
    function(SECTION, "ts_headline", &[C, T, Q], T, headline),
    function(SECTION, "ts_headline", &[C, T, Q, T], T, headline),
    function(SECTION, "setweight", &[V, T], V, set_weight),
    function(SECTION, "setweight", &[V, T, TEXTS], V, set_weight),
    function(SECTION, "strip", &[V], V, strip),
    function(SECTION, "length", &[V], I, |call| Ok(integer(vector(call, 0)?.lexemes.len()))),
    function(SECTION, "numnode", &[Q], I, |call| {
        Ok(Value::Integer(query(call, 0)?.map_or(0, |query| query.node_count())))
    }),
    function(SECTION, "querytree", &[Q], T, query_tree),
    function(SECTION, "tsvector_to_array", &[V], TEXTS, |call| {
        Ok(text_array(vector(call, 0)?.lexemes.into_iter().map(|lexeme| Some(lexeme.word))))
    }),
    function(SECTION, "array_to_tsvector", &[TEXTS], V, array_to_vector),
    function(SECTION, "ts_delete", &[V, T], V, delete),
    function(SECTION, "ts_delete", &[V, TEXTS], V, delete),
    function(SECTION, "ts_filter", &[V, TEXTS], V, filter),
    rows(SECTION, "unnest", &[V], Ty::Record, UNNESTED, unnest),
];

fn vector(call: &Call<'_>, index: usize) -> Result<TsVector> {
    TsVector::parse(call.text(index))
}

fn query(call: &Call<'_>, index: usize) -> Result<Option<Query>> {
    Ok(TsQuery::parse(call.text(index))?.0)
}

fn query_value(query: Option<Query>) -> Value {
    Value::Text(TsQuery(query).to_text())
}

/// The configuration in the first argument, or the default one; and the index of the argument behind it.
fn config(call: &Call<'_>) -> Result<(Config, usize)> {
    if call.types.first() == Some(&Type::RegConfig) {
        return Ok((Config::named(call.text(0))?, 1));
    }
    Ok((Config::named(&Config::default_name(call.context))?, 0))
}

fn json(text: &str) -> Result<serde_json::Value> {
    serde_json::from_str(text).map_err(|_| Problem::new("22P02", "invalid input syntax for type json"))
}

fn to_vector(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call)?;
    let vector = match call.types.get(index) {
        Some(Type::Json | Type::Jsonb) => {
            let parts = JsonParts { strings: true, ..JsonParts::default() };
            build::json_to_vector(&config, &json(call.text(index))?, parts)
        }
        _ => build::text_to_vector(&config, call.text(index)),
    };
    Ok(Value::Text(vector.to_text()))
}

fn json_to_vector(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call)?;
    let mut parts = JsonParts::default();
    let hint = "Possible values are: \"string\", \"numeric\", \"boolean\", \"key\", and \"all\".";
    let wanted = match json(call.text(index + 1))? {
        serde_json::Value::Array(wanted) => wanted,
        serde_json::Value::Object(_) => {
            return Err(Problem::new("22023", "wrong flag type, only arrays and scalars are allowed"));
        }
        scalar => vec![scalar],
    };
    for flag in wanted {
        let serde_json::Value::String(flag) = flag else {
            return Err(Problem::new("22023", "flag array element is not a string").with_hint(hint));
        };
        match flag.to_ascii_lowercase().as_str() {
            "all" => parts = JsonParts { strings: true, numbers: true, booleans: true, keys: true },
            "string" => parts.strings = true,
            "numeric" => parts.numbers = true,
            "boolean" => parts.booleans = true,
            "key" => parts.keys = true,
            _ => {
                return Err(
                    Problem::new("22023", format!("wrong flag in flag array: \"{flag}\"")).with_hint(hint)
                );
            }
        }
    }
    Ok(Value::Text(build::json_to_vector(&config, &json(call.text(index))?, parts).to_text()))
}

fn to_query(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call)?;
    Ok(Value::Text(build::to_query(&config, call.text(index))?.to_text()))
}

fn plain_query(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call)?;
    Ok(Value::Text(build::plain_query(&config, call.text(index)).to_text()))
}

fn phrase_query(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call)?;
    Ok(Value::Text(build::phrase_query(&config, call.text(index)).to_text()))
}

fn web_query(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call)?;
    Ok(Value::Text(build::web_query(&config, call.text(index)).to_text()))
}

/// The empty query matches nothing.
fn matches(query: Option<&Query>, vector: &TsVector) -> Value {
    truth(query.is_some_and(|query| matching::matches(query, vector)))
}

fn vector_matches(call: &Call<'_>, vector_index: usize, query_index: usize) -> Result<Value> {
    Ok(matches(query(call, query_index)?.as_ref(), &vector(call, vector_index)?))
}

fn default_config(call: &Call<'_>) -> Result<Config> {
    Config::named(&Config::default_name(call.context))
}

fn text_matches(call: &Call<'_>) -> Result<Value> {
    let vector = build::text_to_vector(&default_config(call)?, call.text(0));
    Ok(matches(query(call, 1)?.as_ref(), &vector))
}

fn text_matches_text(call: &Call<'_>) -> Result<Value> {
    let config = default_config(call)?;
    let vector = build::text_to_vector(&config, call.text(0));
    Ok(matches(build::plain_query(&config, call.text(1)).0.as_ref(), &vector))
}

/// The right vector's positions follow those of the left.
fn concat(call: &Call<'_>) -> Result<Value> {
    let (left, right) = (vector(call, 0)?, vector(call, 1)?);
    let offset = left.last_position();
    let mut lexemes = left.lexemes;
    for lexeme in right.lexemes {
        let moved = lexeme.positions.into_iter().map(|position| Position {
            at: position.at.saturating_add(offset).min(POSITION_MAX),
            ..position
        });
        lexemes.push(Lexeme { word: lexeme.word, positions: moved.collect() });
    }
    Ok(Value::Text(TsVector::new(lexemes).to_text()))
}

fn combine(call: &Call<'_>, operator: fn(Query, Query) -> Query) -> Result<Value> {
    Ok(query_value(match (query(call, 0)?, query(call, 1)?) {
        (Some(left), Some(right)) => Some(operator(left, right)),
        (left, right) => left.or(right),
    }))
}

fn phrase(call: &Call<'_>) -> Result<Value> {
    let distance = if call.has(2) { call.int(2) } else { 1 };
    let valid = u16::try_from(distance).ok().filter(|distance| *distance <= POSITION_MAX + 1);
    let distance = valid.ok_or_else(|| {
        Problem::new(
            "22023",
            "distance in phrase operator must be an integer value between zero and 16384 inclusive",
        )
    })?;
    Ok(query_value(match (query(call, 0)?, query(call, 1)?) {
        (Some(left), Some(right)) => Some(left.followed_by(distance, right)),
        (left, right) => left.or(right),
    }))
}

/// Whether all words of one query occur in the other.
fn contains(call: &Call<'_>, outer: usize, inner: usize) -> Result<Value> {
    let words = |query: Option<Query>| {
        let mut words = std::collections::BTreeSet::new();
        if let Some(query) = &query {
            query.visit_words(&mut |word, _, _| {
                words.insert(word.to_owned());
            });
        }
        words
    };
    Ok(truth(words(query(call, outer)?).is_superset(&words(query(call, inner)?))))
}

type Rank = fn(&rank::Weights, &TsVector, Option<&Query>, i64) -> f32;

fn rank_of(call: &Call<'_>, rank: Rank) -> Result<Value> {
    let (weights, index) = match call.types.first() {
        Some(Type::Array(_)) => (rank::weights(&reals(call.text(0))?)?, 1),
        _ => (rank::DEFAULT_WEIGHTS, 0),
    };
    let method = if call.has(index + 2) { call.int(index + 2) } else { 0 };
    let rank = rank(&weights, &vector(call, index)?, query(call, index + 1)?.as_ref(), method);
    Ok(Value::Real(f64::from(rank)))
}

fn reals(array: &str) -> Result<Vec<f64>> {
    text_elements(array)
        .into_iter()
        .map(|element| {
            element
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| Problem::new("22004", "array of weight must not contain nulls"))
        })
        .collect()
}

fn headline(call: &Call<'_>) -> Result<Value> {
    let (config, index) = config(call)?;
    let options = headline::Options::parse(if call.has(index + 2) { call.text(index + 2) } else { "" })?;
    let query = query(call, index + 1)?;
    Ok(Value::Text(headline::headline(&config, call.text(index), query.as_ref(), &options)))
}

fn weight(text: &str) -> Result<Weight> {
    let mut letters = text.chars();
    let first = letters.next();
    first.and_then(Weight::from_letter).ok_or_else(|| {
        let code = first.map_or(0, u32::from);
        Problem::new("22023", format!("unrecognized weight: {code}"))
    })
}

fn set_weight(call: &Call<'_>) -> Result<Value> {
    let weight = weight(call.text(1))?;
    let only: Option<Vec<String>> =
        call.has(2).then(|| text_elements(call.text(2)).into_iter().flatten().collect());
    let mut vector = vector(call, 0)?;
    for lexeme in &mut vector.lexemes {
        if only.as_ref().is_none_or(|only| only.contains(&lexeme.word)) {
            lexeme.positions.iter_mut().for_each(|position| position.weight = weight);
        }
    }
    Ok(Value::Text(vector.to_text()))
}

fn strip(call: &Call<'_>) -> Result<Value> {
    let mut vector = vector(call, 0)?;
    vector.lexemes.iter_mut().for_each(|lexeme| lexeme.positions.clear());
    Ok(Value::Text(vector.to_text()))
}

/// What an index could look for: negations are left out, `T` where nothing remains.
fn query_tree(call: &Call<'_>) -> Result<Value> {
    let Some(query) = query(call, 0)? else { return Ok(Value::text("")) };
    Ok(searchable(query).map_or(Value::text("T"), |query| query_value(Some(query))))
}

fn searchable(query: Query) -> Option<Query> {
    match query {
        Query::Not(_) => None,
        Query::And(operands) => operands.into_iter().filter_map(searchable).reduce(Query::and),
        Query::Or(operands) => {
            let operands: Option<Vec<Query>> = operands.into_iter().map(searchable).collect();
            operands?.into_iter().reduce(Query::or)
        }
        Query::Phrase(first, next) => {
            next.into_iter().fold(searchable(*first), |left, (distance, operand)| {
                match (left, searchable(operand)) {
                    (Some(left), Some(right)) => Some(left.followed_by(distance, right)),
                    (left, right) => left.or(right),
                }
            })
        }
        word @ Query::Word { .. } => Some(word),
    }
}

fn array_to_vector(call: &Call<'_>) -> Result<Value> {
    let mut lexemes = Vec::new();
    for element in text_elements(call.text(0)) {
        let word = element.ok_or_else(|| Problem::new("22004", "lexeme array may not contain nulls"))?;
        if word.is_empty() {
            return Err(Problem::new("2200F", "lexeme array may not contain empty strings"));
        }
        lexemes.push(Lexeme { word, positions: Vec::new() });
    }
    Ok(Value::Text(TsVector::new(lexemes).to_text()))
}

fn delete(call: &Call<'_>) -> Result<Value> {
    let words: Vec<String> = match call.types.get(1) {
        Some(Type::Array(_)) => text_elements(call.text(1)).into_iter().flatten().collect(),
        _ => vec![call.text(1).to_owned()],
    };
    let mut vector = vector(call, 0)?;
    vector.lexemes.retain(|lexeme| !words.contains(&lexeme.word));
    Ok(Value::Text(vector.to_text()))
}

fn filter(call: &Call<'_>) -> Result<Value> {
    let mut wanted = 0;
    for letter in text_elements(call.text(1)) {
        let letter = letter.ok_or_else(|| Problem::new("22004", "weight array may not contain nulls"))?;
        wanted |= weight(&letter)?.bit();
    }
    let mut vector = vector(call, 0)?;
    for lexeme in &mut vector.lexemes {
        lexeme.positions.retain(|position| position.weight.bit() & wanted != 0);
    }
    vector.lexemes.retain(|lexeme| !lexeme.positions.is_empty());
    Ok(Value::Text(vector.to_text()))
}

fn unnest(call: &Call<'_>) -> Result<Vec<Vec<Value>>> {
    let row = |lexeme: Lexeme| {
        if lexeme.positions.is_empty() {
            return vec![Value::Text(lexeme.word), Value::Null, Value::Null];
        }
        let numbers: Vec<String> = lexeme.positions.iter().map(|position| position.at.to_string()).collect();
        let weights = lexeme.positions.iter().map(|position| Some(position.weight.letter().to_string()));
        vec![Value::Text(lexeme.word), Value::Text(format!("[{}]", numbers.join(","))), text_array(weights)]
    };
    Ok(vector(call, 0)?.lexemes.into_iter().map(row).collect())
}
