//! `ALTER … SET SCHEMA`: the object keeps its name and moves.

use super::Draft;
use super::tree::{dotted, range_parts, required, string};
use crate::catalog::Name;
use mainstay_base::{Problem, Result};
use pg_query::protobuf::{AlterObjectSchemaStmt, ObjectType};

impl Draft<'_> {
    pub(super) fn set_schema(&mut self, statement: &AlterObjectSchemaStmt) -> Result<()> {
        let kind = ObjectType::try_from(statement.object_type).unwrap_or(ObjectType::Undefined);
        let result = self.set_schema_of(kind, statement);
        match result {
            Err(problem) if statement.missing_ok && matches!(problem.code(), "42P01" | "42704") => {
                self.notice(format!("{}, skipping", problem.message()));
                Ok(())
            }
            other => other,
        }
    }

    fn set_schema_of(&mut self, kind: ObjectType, statement: &AlterObjectSchemaStmt) -> Result<()> {
        let schema = &statement.newschema;
        self.require_schema(schema)?;
        let moved = |name: &Name| Name::new(schema.clone(), name.name.clone());
        match kind {
            ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview => {
                let relation = self.relation(required(statement.relation.as_ref())?)?;
                self.move_relation(&relation.name, &moved(&relation.name))
            }
            ObjectType::ObjectSequence => {
                let parts = range_parts(required(statement.relation.as_ref())?);
                let from = self.find_sequence(&parts).ok_or_else(|| {
                    Problem::new("42P01", format!("relation \"{}\" does not exist", parts.join(".")))
                })?;
                self.move_sequence(&from, &moved(&from))
            }
            ObjectType::ObjectType | ObjectType::ObjectDomain => {
                let parts = statement.object.as_deref().map(dotted).unwrap_or_default();
                let from = self.user_type_name(&parts).ok_or_else(|| {
                    Problem::new("42704", format!("type \"{}\" does not exist", parts.join(".")))
                })?;
                self.move_type(&from, &moved(&from))
            }
            ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => {
                let Some(pg_query::NodeEnum::ObjectWithArgs(function)) =
                    statement.object.as_ref().and_then(|node| node.node.as_ref())
                else {
                    return Err(Problem::internal("ALTER FUNCTION without a function"));
                };
                let (from, index) = self.find_function(function, kind)?;
                self.move_function(&from, index, &moved(&from))
            }
            ObjectType::ObjectExtension => {
                let name = statement.object.as_deref().and_then(string).unwrap_or_default();
                match self.catalog.extensions.get_mut(&name) {
                    Some(extension) => {
                        extension.schema.clone_from(schema);
                        Ok(())
                    }
                    None => Err(Problem::new("42704", format!("extension \"{name}\" does not exist"))),
                }
            }
            other => {
                Err(Problem::needs_postgres(format!("SET SCHEMA of {}", super::comment::object_words(other))))
            }
        }
    }
}
