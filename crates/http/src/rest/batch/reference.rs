//! References of later requests to the answers of earlier ones.
//!
//! `0/body/0/id` is the place `/0/id` (RFC 6901) in the body of the first answer; `0/status` and `0/headers/location`
//! name its other parts. In a body it stands as `{"$ref": "0/body/0/id"}` and keeps its type, in a path or a header as
//! `${0/body/0/id}`, as text.

use super::super::careful::Stored;
use mainstay_base::{Problem, Result};
use serde_json::{Map, Value, json};

/// The answers so far.
#[derive(Default)]
pub(super) struct Answers(Vec<Value>);

impl Answers {
    pub fn push(&mut self, stored: Stored) {
        let is_json =
            stored.headers.iter().any(|(name, value)| name == "content-type" && value.contains("json"));
        let body = match stored.body.as_slice() {
            [] => Value::Null,
            bytes => match serde_json::from_slice(bytes) {
                Ok(value) if is_json => value,
                _ => String::from_utf8_lossy(bytes).into(),
            },
        };
        let headers: Map<String, Value> =
            stored.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        self.0.push(json!({ "status": stored.status, "headers": headers, "body": body }));
    }

    pub fn render(self) -> String {
        Value::Array(self.0).to_string()
    }

    fn find(&self, reference: &str) -> Result<&Value> {
        let wrong = |details: &str| {
            Problem::new("PGRST102", format!("the reference `{reference}` leads nowhere"))
                .with_details(details.to_owned())
                .with_hint("write it as INDEX/body/PLACE, for example 0/body/0/id, of an earlier request")
        };
        let (index, pointer) = reference.split_once('/').unwrap_or((reference, ""));
        let index: usize = index.trim().parse().map_err(|_| wrong("it begins with no index"))?;
        let answer = self.0.get(index).ok_or_else(|| wrong("there is no earlier request with this index"))?;
        let pointer = if pointer.is_empty() { String::new() } else { format!("/{pointer}") };
        answer.pointer(&pointer).ok_or_else(|| {
            wrong("its answer has nothing in this place: does the request ask for `return=representation`?")
        })
    }

    /// The value with the references in it replaced.
    pub fn fill(&self, value: &Value) -> Result<Value> {
        Ok(match value {
            Value::Array(elements) => {
                Value::Array(elements.iter().map(|element| self.fill(element)).collect::<Result<_>>()?)
            }
            Value::Object(members) => {
                if let (1, Some(Value::String(reference))) = (members.len(), members.get("$ref")) {
                    return self.find(reference).cloned();
                }
                let filled = members.iter().map(|(key, value)| Ok((key.clone(), self.fill(value)?)));
                Value::Object(filled.collect::<Result<_>>()?)
            }
            plain => plain.clone(),
        })
    }
}

/// A text with `${…}` replaced, each written as `write` does.
pub(super) fn template(text: &str, answers: &Answers, write: impl Fn(&str) -> String) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((reference, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        match answers.find(reference)? {
            Value::String(found) => out.push_str(&write(found)),
            Value::Null => out.push_str("null"),
            found @ (Value::Bool(_) | Value::Number(_)) => out.push_str(&write(&found.to_string())),
            _ => {
                let words = format!("the reference `{reference}` is no single value");
                return Err(
                    Problem::new("PGRST102", words).with_hint("a path takes texts, numbers and booleans")
                );
            }
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Answers {
        let mut answers = Answers::default();
        answers.push(Stored {
            status: 201,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: br#"[{"id":9007199254740993,"a/b":"x y","deep":{"list":[1]}}]"#.to_vec(),
        });
        answers
    }

    #[test]
    fn a_body_keeps_the_type_of_what_it_refers_to() {
        let body = json!({ "order": { "$ref": "0/body/0/id" }, "rows": [{ "$ref": "0/body/0/deep/list" }] });
        let filled = answers().fill(&body).expect("fills").to_string();
        assert_eq!(filled, r#"{"order":9007199254740993,"rows":[[1]]}"#);
        assert_eq!(answers().fill(&json!({ "$ref": "0/status" })).expect("fills"), json!(201));
    }

    #[test]
    fn a_path_takes_texts() {
        let upper = |text: &str| text.to_uppercase();
        assert_eq!(
            template("/t?a=eq.${0/body/0/a~1b}&b", &answers(), upper).expect("fills"),
            "/t?a=eq.X Y&b"
        );
        assert_eq!(template("$100 ${", &answers(), upper).expect("plain"), "$100 ${");
        for wrong in ["${1/body}", "${x}", "${0/body/1/id}", "${0/body/0}"] {
            assert_eq!(template(wrong, &answers(), upper).expect_err(wrong).code(), "PGRST102", "{wrong}");
        }
    }
}
