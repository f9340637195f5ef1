//! Which module understands which statement.

use super::Draft;
use super::comment::object_words;
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::ObjectType;

impl Draft<'_> {
    pub(super) fn execute(&mut self, node: &NodeEnum) -> Result<()> {
        match node {
            NodeEnum::InsertStmt(_)
            | NodeEnum::UpdateStmt(_)
            | NodeEnum::DeleteStmt(_)
            | NodeEnum::MergeStmt(_) => self.data(node),
            NodeEnum::SelectStmt(s) => self.select(node, s),
            NodeEnum::CopyStmt(s) => self.copy(s),
            NodeEnum::TruncateStmt(s) => self.truncate(s),
            NodeEnum::VariableSetStmt(s) => self.set_variable(s),
            NodeEnum::TransactionStmt(s) => self.transaction(s),
            NodeEnum::CommentStmt(s) => self.comment(s),
            NodeEnum::DropStmt(s) => {
                self.drop_statement(s)?;
                self.forget_grants();
                Ok(())
            }
            NodeEnum::RenameStmt(s) => self.rename(s),
            NodeEnum::AlterObjectSchemaStmt(s) => self.set_schema(s),
            _ => self.execute_relation(node),
        }
    }

    fn execute_relation(&mut self, node: &NodeEnum) -> Result<()> {
        let before = self.has_default_grants().then(|| self.objects_with_privileges());
        self.execute_definition(node)?;
        if let Some(before) = before {
            self.grant_defaults(&before);
        }
        Ok(())
    }

    fn execute_definition(&mut self, node: &NodeEnum) -> Result<()> {
        match node {
            NodeEnum::CreateStmt(s) => self.create_table(s),
            NodeEnum::AlterTableStmt(s) => {
                self.alter_table(s)?;
                self.forget_grants();
                Ok(())
            }
            NodeEnum::IndexStmt(s) => self.create_index(s),
            NodeEnum::ViewStmt(s) => self.create_view(s),
            NodeEnum::CreateTableAsStmt(s) => self.create_as(s),
            NodeEnum::RefreshMatViewStmt(s) => self.refresh(s),
            NodeEnum::CreateSeqStmt(s) => self.create_sequence(s),
            NodeEnum::AlterSeqStmt(s) => self.alter_sequence(s),
            NodeEnum::CreateSchemaStmt(s) => self.create_schema(s),
            NodeEnum::CreateEnumStmt(s) => self.create_enum(s),
            NodeEnum::AlterEnumStmt(s) => self.alter_enum(s),
            NodeEnum::CompositeTypeStmt(s) => self.create_composite(s),
            NodeEnum::CreateDomainStmt(s) => self.create_domain(s),
            NodeEnum::AlterDomainStmt(s) => self.alter_domain(s),
            NodeEnum::CreateCastStmt(s) => self.create_cast(s),
            NodeEnum::CreateFunctionStmt(s) => self.create_function(s),
            NodeEnum::AlterFunctionStmt(s) => self.alter_function(s),
            NodeEnum::CreateTrigStmt(s) => self.create_trigger(s),
            _ => self.execute_access(node),
        }
    }

    fn execute_access(&mut self, node: &NodeEnum) -> Result<()> {
        match node {
            NodeEnum::CreatePolicyStmt(s) => self.create_policy(s),
            NodeEnum::AlterPolicyStmt(s) => self.alter_policy(s),
            NodeEnum::GrantStmt(s) => self.grant(s),
            NodeEnum::GrantRoleStmt(s) => self.grant_role(s),
            NodeEnum::AlterDefaultPrivilegesStmt(s) => self.alter_default_privileges(s),
            NodeEnum::AlterOwnerStmt(s) => self.alter_owner(s),
            NodeEnum::CreateRoleStmt(s) => self.create_role(s),
            NodeEnum::AlterRoleStmt(s) => self.alter_role(s),
            NodeEnum::DropRoleStmt(s) => self.drop_roles(s),
            NodeEnum::CreateExtensionStmt(s) => self.create_extension(s),
            NodeEnum::CreatePublicationStmt(s) => self.create_publication(s),
            NodeEnum::AlterPublicationStmt(s) => self.alter_publication(s),
            _ if self.is_no_op(node) => Ok(()),
            _ => Err(Problem::needs_postgres(unable(node))),
        }
    }
}

/// What the embedded engine does not have, as PostgreSQL calls it.
fn unable(node: &NodeEnum) -> String {
    let words = match node {
        NodeEnum::DoStmt(_) => "a DO block",
        NodeEnum::CallStmt(_) => "CALL",
        NodeEnum::RuleStmt(_) => "CREATE RULE",
        NodeEnum::CreateEventTrigStmt(_) | NodeEnum::AlterEventTrigStmt(_) => "an event trigger",
        NodeEnum::CreateRangeStmt(_) => "CREATE TYPE … AS RANGE",
        NodeEnum::AlterTypeStmt(_) => "ALTER TYPE … SET",
        NodeEnum::CreateOpClassStmt(_) | NodeEnum::CreateOpFamilyStmt(_) | NodeEnum::AlterOpFamilyStmt(_) => {
            "an operator class or family"
        }
        NodeEnum::AlterOperatorStmt(_) => "ALTER OPERATOR",
        NodeEnum::CreateConversionStmt(_) => "CREATE CONVERSION",
        NodeEnum::CreateTransformStmt(_) => "CREATE TRANSFORM",
        NodeEnum::CreateAmStmt(_) => "CREATE ACCESS METHOD",
        NodeEnum::CreatePlangStmt(_) => "CREATE LANGUAGE",
        NodeEnum::CreateFdwStmt(_)
        | NodeEnum::AlterFdwStmt(_)
        | NodeEnum::CreateForeignServerStmt(_)
        | NodeEnum::AlterForeignServerStmt(_)
        | NodeEnum::CreateForeignTableStmt(_)
        | NodeEnum::CreateUserMappingStmt(_)
        | NodeEnum::AlterUserMappingStmt(_)
        | NodeEnum::DropUserMappingStmt(_)
        | NodeEnum::ImportForeignSchemaStmt(_) => "a foreign data wrapper",
        NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::AlterTableSpaceOptionsStmt(_) => "a tablespace",
        NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_)
        | NodeEnum::DropSubscriptionStmt(_) => "a subscription",
        NodeEnum::CreatedbStmt(_) | NodeEnum::DropdbStmt(_) => "CREATE or DROP DATABASE",
        NodeEnum::AlterTsdictionaryStmt(_) | NodeEnum::AlterTsconfigurationStmt(_) => {
            "a text search configuration"
        }
        NodeEnum::AlterCollationStmt(_) => "ALTER COLLATION",
        NodeEnum::AlterExtensionContentsStmt(_) => "ALTER EXTENSION … ADD or DROP",
        NodeEnum::DropOwnedStmt(_) => "DROP OWNED",
        NodeEnum::LoadStmt(_) => "LOAD",
        NodeEnum::PrepareStmt(_) | NodeEnum::ExecuteStmt(_) => "PREPARE and EXECUTE",
        NodeEnum::DeclareCursorStmt(_) | NodeEnum::FetchStmt(_) | NodeEnum::ClosePortalStmt(_) => "a cursor",
        NodeEnum::ExplainStmt(_) => "EXPLAIN in a migration",
        NodeEnum::DefineStmt(define) => {
            let kind = ObjectType::try_from(define.kind).unwrap_or(ObjectType::Undefined);
            return format!("CREATE {}", object_words(kind));
        }
        _ => "this statement",
    };
    words.to_owned()
}
