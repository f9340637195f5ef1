//! `COMMENT ON`.

use super::Draft;
use super::alter_column::require_column;
use super::tree::{dotted, required, string};
use crate::catalog::Relation;
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{CommentStmt, ObjectType};
use std::sync::Arc;

/// How an object's kind is written: `MATERIALIZED VIEW`.
pub(super) fn object_words(kind: ObjectType) -> String {
    match kind {
        ObjectType::ObjectMatview => "MATERIALIZED VIEW".to_owned(),
        ObjectType::ObjectTabconstraint => "CONSTRAINT".to_owned(),
        ObjectType::ObjectDomconstraint => "DOMAIN CONSTRAINT".to_owned(),
        ObjectType::ObjectEventTrigger => "EVENT TRIGGER".to_owned(),
        ObjectType::ObjectForeignTable => "FOREIGN TABLE".to_owned(),
        ObjectType::ObjectForeignServer => "SERVER".to_owned(),
        ObjectType::ObjectFdw => "FOREIGN DATA WRAPPER".to_owned(),
        ObjectType::ObjectAccessMethod => "ACCESS METHOD".to_owned(),
        ObjectType::ObjectOpclass => "OPERATOR CLASS".to_owned(),
        ObjectType::ObjectOpfamily => "OPERATOR FAMILY".to_owned(),
        ObjectType::ObjectTsconfiguration => "TEXT SEARCH CONFIGURATION".to_owned(),
        ObjectType::ObjectTsdictionary => "TEXT SEARCH DICTIONARY".to_owned(),
        ObjectType::ObjectTsparser => "TEXT SEARCH PARSER".to_owned(),
        ObjectType::ObjectTstemplate => "TEXT SEARCH TEMPLATE".to_owned(),
        ObjectType::ObjectUserMapping => "USER MAPPING".to_owned(),
        other => other.as_str_name().trim_start_matches("OBJECT_").replace('_', " "),
    }
}

impl Draft<'_> {
    pub(super) fn comment(&mut self, statement: &CommentStmt) -> Result<()> {
        let kind = ObjectType::try_from(statement.objtype).unwrap_or(ObjectType::Undefined);
        let object = required(statement.object.as_deref())?;
        let comment = Some(statement.comment.clone()).filter(|text| !text.is_empty());
        let parts = dotted(object);
        match kind {
            ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview => {
                let relation = self.commented(&parts)?;
                self.change_relation(&relation.name, |relation| relation.comment = comment)
            }
            ObjectType::ObjectColumn => {
                let (column, table) = required(parts.split_last())?;
                let relation = self.commented(table)?;
                require_column(&relation, column)?;
                self.change_column(&relation.name, column, |column| column.comment = comment)
            }
            ObjectType::ObjectTabconstraint | ObjectType::ObjectPolicy => {
                self.comment_part(kind, &parts, comment)
            }
            ObjectType::ObjectTrigger => Ok(()),
            ObjectType::ObjectIndex => {
                let name = self
                    .lookup(&parts, |catalog, name| catalog.indexes.contains_key(name))
                    .ok_or_else(|| missing("relation", &parts))?;
                let Some(table) = self.catalog.indexes.get(&name).cloned() else { return Ok(()) };
                self.change_relation(&table, |relation| {
                    for index in relation.indexes.iter_mut().filter(|index| index.name == name.name) {
                        index.comment.clone_from(&comment);
                    }
                })
            }
            ObjectType::ObjectSequence => {
                let name = self.find_sequence(&parts).ok_or_else(|| missing("relation", &parts))?;
                if let Some(sequence) = self.catalog.sequences.get_mut(&name) {
                    sequence.comment = comment;
                }
                Ok(())
            }
            ObjectType::ObjectSchema => {
                let name = string(object).unwrap_or_default();
                match self.catalog.schemas.get_mut(&name) {
                    Some(schema) => {
                        schema.comment = comment;
                        Ok(())
                    }
                    None => Err(Problem::new("3F000", format!("schema \"{name}\" does not exist"))),
                }
            }
            ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => {
                let Some(NodeEnum::ObjectWithArgs(function)) = object.node.as_ref() else { return Ok(()) };
                let (name, index) = self.find_function(function, kind)?;
                let slot = self.catalog.functions.get_mut(&name).and_then(|all| all.get_mut(index));
                if let Some(slot) = slot {
                    Arc::make_mut(slot).comment = comment;
                }
                Ok(())
            }
            ObjectType::ObjectType | ObjectType::ObjectDomain => {
                let name = self.user_type_name(&parts).ok_or_else(|| missing("type", &parts))?;
                match self.catalog.domains.get_mut(&name) {
                    Some(domain) => domain.comment = comment,
                    None => self.keep_comment(format!("TYPE {name}"), comment),
                }
                Ok(())
            }
            other => {
                self.keep_comment(format!("{} {}", object_words(other), parts.join(".")), comment);
                Ok(())
            }
        }
    }

    fn commented(&self, parts: &[String]) -> Result<Arc<Relation>> {
        self.find_relation(parts).ok_or_else(|| missing("relation", parts))
    }

    fn comment_part(&mut self, kind: ObjectType, parts: &[String], comment: Option<String>) -> Result<()> {
        let (name, table) = required(parts.split_last())?;
        let relation = self.commented(table)?;
        let mut found = false;
        self.change_relation(&relation.name, |relation| {
            if kind == ObjectType::ObjectPolicy {
                for policy in relation.policies.iter_mut().filter(|policy| policy.name == *name) {
                    policy.comment.clone_from(&comment);
                    found = true;
                }
            } else {
                for constraint in relation.constraints.iter_mut().filter(|one| one.name == *name) {
                    constraint.comment.clone_from(&comment);
                    found = true;
                }
            }
        })?;
        if found {
            return Ok(());
        }
        let word = if kind == ObjectType::ObjectPolicy { "policy" } else { "constraint" };
        Err(Problem::new(
            "42704",
            format!("{word} \"{name}\" for table \"{}\" does not exist", relation.name.name),
        ))
    }

    fn keep_comment(&mut self, key: String, comment: Option<String>) {
        match comment {
            Some(text) => self.catalog.comments.insert(key, text),
            None => self.catalog.comments.remove(&key),
        };
    }
}

fn missing(word: &str, parts: &[String]) -> Problem {
    let code = if word == "type" { "42704" } else { "42P01" };
    Problem::new(code, format!("{word} \"{}\" does not exist", parts.join(".")))
}
