//! The rows that a request brings: a JSON object or an array of them, CSV, a form.

use crate::problems;
use crate::query::Payload;
use ahash::{AHashMap, AHashSet};
use mainstay_base::{Problem, Result};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// One value of a row as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Raw JSON text.
    Json(&'a str),
    Text(Cow<'a, str>),
    Null,
}

pub(crate) type Row<'a> = Vec<(Cow<'a, str>, Cell<'a>)>;

pub(crate) struct Rows<'a> {
    pub(crate) rows: Vec<Row<'a>>,
}

/// Reads the rows. `same_keys` asks that all rows have the keys of the first one (there is no `columns=`).
pub(crate) fn parse(payload: &Payload, same_keys: bool) -> Result<Rows<'_>> {
    match payload {
        Payload::None => Err(problems::empty_or_invalid_json()),
        Payload::Json(bytes) => json(bytes, same_keys),
        Payload::Csv(bytes) => csv(bytes),
        Payload::Form(pairs) => Ok(Rows { rows: vec![last_wins(fields(pairs))] }),
        Payload::Raw(_) | Payload::Xml(_) => {
            Err(problems::invalid_body("Content-Type not acceptable: application/octet-stream"))
        }
    }
}

/// All fields of a form, those of one name too.
pub(crate) fn fields(pairs: &[(String, String)]) -> Row<'_> {
    pairs
        .iter()
        .map(|(key, value)| (Cow::Borrowed(key.as_str()), Cell::Text(Cow::Borrowed(value.as_str()))))
        .collect()
}

fn json(bytes: &[u8], same_keys: bool) -> Result<Rows<'_>> {
    let invalid = |_| problems::empty_or_invalid_json();
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{') => {
            let object: Object<'_> = serde_json::from_slice(bytes).map_err(invalid)?;
            Ok(Rows { rows: vec![object.0] })
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_slice(bytes).map_err(invalid)?;
            let mut rows: Vec<Row<'_>> = Vec::with_capacity(elements.len());
            for element in elements {
                let text = element.get();
                if !text.starts_with('{') {
                    return Err(not_an_object(same_keys));
                }
                let object: Object<'_> = serde_json::from_str(text).map_err(invalid)?;
                if same_keys && rows.first().is_some_and(|first| !have_same_keys(first, &object.0)) {
                    return Err(keys_differ());
                }
                rows.push(object.0);
            }
            Ok(Rows { rows })
        }
        _ => {
            let _: &RawValue = serde_json::from_slice(bytes).map_err(invalid)?;
            Ok(Rows { rows: Vec::new() })
        }
    }
}

fn keys_differ() -> Problem {
    problems::invalid_body("All object keys must match")
}

fn not_an_object(same_keys: bool) -> Problem {
    if same_keys {
        keys_differ()
    } else {
        Problem::new("22023", "argument of json_to_recordset must be an array of objects")
    }
}

/// Up to this many keys are found faster by looking at each than by a hash.
const FEW_KEYS: usize = 32;

/// Keys of one row are all different by now.
fn have_same_keys(left: &Row<'_>, right: &Row<'_>) -> bool {
    if left.len() != right.len() {
        return false;
    }
    if left.iter().zip(right).all(|((a, _), (b, _))| a == b) {
        return true;
    }
    if left.len() <= FEW_KEYS {
        return left.iter().all(|(key, _)| right.iter().any(|(other, _)| other == key));
    }
    let keys: AHashSet<&str> = right.iter().map(|(key, _)| key.as_ref()).collect();
    left.iter().all(|(key, _)| keys.contains(key.as_ref()))
}

/// An object's fields in order. Of equal keys the last one counts, as in PostgreSQL.
struct Object<'a>(Row<'a>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Object<'de>, A::Error> {
                let mut row: Row<'de> = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
                    let value: &'de RawValue = map.next_value()?;
                    let cell = if value.get() == "null" { Cell::Null } else { Cell::Json(value.get()) };
                    row.push((key, cell));
                }
                Ok(Object(last_wins(row)))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

fn last_wins(row: Row<'_>) -> Row<'_> {
    if row.len() > FEW_KEYS {
        return last_of_many_wins(row);
    }
    let is_repeated = row
        .iter()
        .enumerate()
        .any(|(place, (key, _))| row.iter().take(place).any(|(before, _)| before == key));
    if is_repeated { last_of_many_wins(row) } else { row }
}

fn last_of_many_wins(row: Row<'_>) -> Row<'_> {
    let mut places: AHashMap<Cow<'_, str>, usize> = AHashMap::with_capacity(row.len());
    let mut kept: Row<'_> = Vec::with_capacity(row.len());
    for (key, cell) in row {
        let place = *places.entry(key.clone()).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(known) => known.1 = cell,
            None => kept.push((key, cell)),
        }
    }
    kept
}

/// A header line and rows (RFC 4180); an unquoted or quoted `NULL` is NULL, as in PostgREST.
fn csv(bytes: &[u8]) -> Result<Rows<'_>> {
    let text = std::str::from_utf8(bytes).map_err(|_| problems::invalid_body("the CSV is not UTF-8"))?;
    let mut records = csv_records(text).into_iter();
    let Some(header) = records.next() else {
        return Err(problems::invalid_body("parse error (not enough input) at \"\""));
    };
    let mut rows = Vec::new();
    for record in records {
        if record.len() != header.len() {
            return Err(problems::invalid_body("All lines must have same number of fields"));
        }
        let row = header.iter().cloned().zip(record.into_iter().map(|field| match field.as_ref() {
            "NULL" => Cell::Null,
            _ => Cell::Text(field),
        }));
        rows.push(row.collect());
    }
    Ok(Rows { rows })
}

fn csv_records(text: &str) -> Vec<Vec<Cow<'_, str>>> {
    let mut records = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut record = Vec::new();
        loop {
            let (field, after) = csv_field(rest);
            record.push(field);
            rest = after;
            match rest.as_bytes().first() {
                Some(b',') => rest = rest.get(1..).unwrap_or_default(),
                _ => break,
            }
        }
        rest = rest.strip_prefix('\r').unwrap_or(rest);
        rest = rest.strip_prefix('\n').unwrap_or(rest);
        let is_blank = record.len() == 1 && record.first().is_some_and(|field| field.is_empty());
        if !is_blank {
            records.push(record);
        }
    }
    records
}

/// One field and what follows it (a comma, a line end or nothing).
fn csv_field(text: &str) -> (Cow<'_, str>, &str) {
    let Some(mut inside) = text.strip_prefix('"') else {
        let end = text.find([',', '\r', '\n']).unwrap_or(text.len());
        let (field, rest) = text.split_at(end);
        return (Cow::Borrowed(field), rest);
    };
    let mut field = String::new();
    while let Some(quote) = inside.find('"') {
        let (part, rest) = inside.split_at(quote);
        field.push_str(part);
        let rest = rest.get(1..).unwrap_or_default();
        match rest.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                inside = after;
            }
            None => {
                // What stands between the quote and the separator belongs to nobody.
                let end = rest.find([',', '\r', '\n']).unwrap_or(rest.len());
                return (Cow::Owned(field), rest.get(end..).unwrap_or_default());
            }
        }
    }
    field.push_str(inside);
    (Cow::Owned(field), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(rows: &Rows<'_>) -> Vec<String> {
        rows.rows.iter().flatten().map(|(key, _)| key.to_string()).collect()
    }

    #[test]
    fn objects_and_arrays_of_objects_are_rows() {
        let body = Payload::Json(br#" {"a": 1, "b": null, "a": "x"} "#.to_vec());
        let rows = parse(&body, true).unwrap();
        assert_eq!(rows.rows, [vec![("a".into(), Cell::Json("\"x\"")), ("b".into(), Cell::Null)]]);
        let body = Payload::Json(br#"[{"a":1,"b":2},{"b":3,"a":4}]"#.to_vec());
        assert_eq!(keys(&parse(&body, true).unwrap()), ["a", "b", "b", "a"]);
    }

    #[test]
    fn many_keys_are_read_in_one_pass() {
        let fields = |order: &mut dyn Iterator<Item = usize>| {
            let fields: Vec<String> = order.map(|index| format!("\"k{index}\":{index}")).collect();
            fields.join(",")
        };
        let count = 50_000;
        let body =
            format!("[{{{},\"k7\":0}},{{{}}}]", fields(&mut (0..count)), fields(&mut (0..count).rev()));
        let began = std::time::Instant::now();
        let body = Payload::Json(body.into_bytes());
        let rows = parse(&body, true).unwrap();
        assert_eq!(rows.rows[0].len(), count);
        assert_eq!(rows.rows[0][7], ("k7".into(), Cell::Json("0")));
        // Key by key it is a minute.
        assert!(began.elapsed().as_secs() < 10, "it took {:?}", began.elapsed());
    }

    #[test]
    fn keys_must_match_unless_columns_are_named() {
        let body = Payload::Json(br#"[{"a":1},{"b":2}]"#.to_vec());
        assert_eq!(parse(&body, true).err().unwrap().message(), "All object keys must match");
        assert!(parse(&body, false).is_ok());
        let body = Payload::Json(b"[{\"a\":1}, 2]".to_vec());
        assert_eq!(parse(&body, true).err().unwrap().code(), "PGRST102");
    }

    #[test]
    fn broken_json_is_named_as_postgrest_names_it() {
        for body in ["", "}{ x = 2", "{\"a\":", "[1"] {
            let problem = parse(&Payload::Json(body.as_bytes().to_vec()), true).err().unwrap();
            assert_eq!((problem.code(), problem.message()), ("PGRST102", "Empty or invalid json"), "{body}");
        }
    }

    #[test]
    fn csv_has_quotes_nulls_and_even_lines() {
        let body = Payload::Csv(b"a,b\r\n\"x,\"\"y\"\"\",NULL\n\n1,\n".to_vec());
        let rows = parse(&body, true).unwrap();
        let cells: Vec<&Cell<'_>> = rows.rows.iter().flatten().map(|(_, cell)| cell).collect();
        assert_eq!(
            cells,
            [&Cell::Text("x,\"y\"".into()), &Cell::Null, &Cell::Text("1".into()), &Cell::Text("".into())]
        );
        let body = Payload::Csv(b"a,b\nfoo,bar\nbaz".to_vec());
        assert_eq!(parse(&body, true).err().unwrap().message(), "All lines must have same number of fields");
    }
}
