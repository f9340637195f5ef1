//! The recorded cases, and when an answer agrees with one.

use super::client::Answer;
use crate::process::Result;
use serde_json::Value;
use std::path::Path;

/// One request and what PostgREST answers to it.
pub struct Case {
    pub id: String,
    pub title: String,
    pub settings: String,
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    status: u64,
    /// A header that must be there with this value, or (`None`) must be absent.
    expect_headers: Vec<(String, Option<String>)>,
    expect_body: Expected,
}

enum Expected {
    Anything,
    Json(Value),
    Text(String),
}

pub fn read(path: &Path) -> Result<Vec<Case>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!(
            "the recorded cases are missing: {}: {error}\ngive their place with --cases FILE",
            path.display()
        )
    })?;
    let parsed = text.lines().enumerate().map(|(index, line)| {
        case(line).ok_or_else(|| format!("{}:{}: not a recorded case", path.display(), index + 1))
    });
    parsed.collect()
}

fn case(line: &str) -> Option<Case> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let pairs = |key: &str| -> Option<Vec<(String, Option<String>)>> {
        let pair = |pair: &Value| Some((pair[0].as_str()?.to_owned(), pair[1].as_str().map(str::to_owned)));
        value[key].as_array()?.iter().map(pair).collect()
    };
    let expect_body = match (value["expect_body"][0].as_str(), &value["expect_body"][1]) {
        (None, _) => Expected::Anything,
        (Some("json"), expected) => Expected::Json(expected.clone()),
        (Some(_), expected) => Expected::Text(expected.as_str()?.to_owned()),
    };
    Some(Case {
        id: text("id")?,
        title: text("title")?,
        settings: text("settings")?,
        method: text("method")?,
        path: text("path")?,
        headers: pairs("headers")?
            .into_iter()
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect(),
        body: text("body"),
        status: value["status"].as_u64()?,
        expect_headers: pairs("expect_headers")?,
        expect_body,
    })
}

impl Case {
    /// The suite's file that the case comes from.
    pub fn spec(&self) -> &str {
        self.id.split('#').next().unwrap_or_default()
    }

    pub fn names(&self, text: &str) -> bool {
        [&self.id, &self.title, &self.path].iter().any(|field| field.contains(text))
    }

    /// What differs, in one line; nothing where the answer agrees.
    pub fn difference(&self, answer: &Answer) -> Option<String> {
        if u64::from(answer.status) != self.status {
            return Some(format!(
                "status {}, expected {}: {}",
                answer.status,
                self.status,
                short(&answer.body)
            ));
        }
        for (name, expected) in &self.expect_headers {
            let got = answer.header(name);
            match expected {
                None if !got.is_empty() => return Some(format!("header {name} is there: {got}")),
                // A header that is sent twice is listed twice.
                Some(expected) if got != *expected && !answer.has(name, expected) => {
                    return Some(format!("header {name}: `{got}`, expected `{expected}`"));
                }
                _ => {}
            }
        }
        match &self.expect_body {
            Expected::Anything => None,
            Expected::Text(expected) => (answer.body.trim() != expected.trim())
                .then(|| format!("body {}, expected {}", short(&answer.body), short(expected))),
            Expected::Json(expected) => match serde_json::from_str::<Value>(&answer.body) {
                Err(_) => Some(format!("body is not JSON: {}", short(&answer.body))),
                Ok(got) if same(&got, expected) => None,
                Ok(got) => Some(format!(
                    "body {}, expected {}",
                    short(&got.to_string()),
                    short(&expected.to_string())
                )),
            },
        }
    }
}

/// Equality of JSON values: numbers by value (`1` is `1.0`), objects whatever the order of their keys.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64().is_some_and(|number| right.as_f64() == Some(number))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

fn short(text: &str) -> String {
    let flat: String =
        text.chars().map(|character| if character == '\n' { ' ' } else { character }).collect();
    match flat.char_indices().nth(400) {
        Some((at, _)) => format!("{}…", &flat[..at]),
        None => flat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_compared_by_value() {
        let equal = |left: &str, right: &str| {
            same(&serde_json::from_str(left).expect("JSON"), &serde_json::from_str(right).expect("JSON"))
        };
        assert!(equal(r#"{"a": 1, "b": [1.0]}"#, r#"{"b": [1], "a": 1}"#));
        assert!(!equal("[1, 2]", "[2, 1]"));
        assert!(!equal(r#"{"a": null}"#, "{}"));
        assert!(!equal("1", "\"1\""));
    }
}
