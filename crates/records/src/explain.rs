//! How a request would be carried out, for callers who ask for the plan instead of the answer.

use crate::query::Explain;
use crate::service::Service;
use mainstay_base::Result;
use mainstay_engine::Plan;
use serde_json::{Map, Value, json};
use std::sync::Arc;

impl Service {
    /// The plans of a request's statements: in JSON a tree for each, as PostgreSQL nests them, in text one line a node.
    pub(crate) async fn explained(&self, plans: Vec<Arc<Plan>>, form: Explain) -> Result<Vec<u8>> {
        let mut trees = Vec::with_capacity(plans.len());
        let mut text = String::new();
        for plan in plans {
            let lines = self.explain_plan(plan).await?;
            for (depth, words) in &lines {
                let arrow = if *depth == 0 { "" } else { "->  " };
                text += &format!(
                    "{:width$}{arrow}{words}\n",
                    "",
                    width = depth.saturating_sub(1) * 6 + usize::from(*depth > 0) * 2
                );
            }
            let mut rest = lines.into_iter().peekable();
            trees.push(json!({ "Plan": { "Node Type": "Statement", "Plans": nodes(&mut rest, 0) } }));
        }
        Ok(match form {
            Explain::Json => Value::Array(trees).to_string().into_bytes(),
            Explain::Text => text.into_bytes(),
        })
    }
}

type Lines = std::iter::Peekable<std::vec::IntoIter<(usize, String)>>;

/// The nodes of one depth, each with those below it.
fn nodes(lines: &mut Lines, depth: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while let Some((_, words)) = lines.next_if(|(found, _)| *found >= depth) {
        let mut node = Map::new();
        node.insert("Node Type".to_owned(), Value::from(words));
        let below = nodes(lines, depth + 1);
        if !below.is_empty() {
            node.insert("Plans".to_owned(), Value::from(below));
        }
        all.push(Value::Object(node));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_a_tree() {
        let line = |depth, words: &str| (depth, words.to_owned());
        let lines = vec![line(0, "SCAN a"), line(1, "SUBQUERY"), line(2, "SCAN b"), line(0, "SORT")];
        let tree = Value::from(nodes(&mut lines.into_iter().peekable(), 0)).to_string();
        assert_eq!(
            tree,
            r#"[{"Node Type":"SCAN a","Plans":[{"Node Type":"SUBQUERY","Plans":[{"Node Type":"SCAN b"}]}]},{"Node Type":"SORT"}]"#
        );
    }
}
