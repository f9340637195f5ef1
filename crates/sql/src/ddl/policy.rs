//! Row level security policies.

use super::Draft;
use super::role::role_names;
use super::tree::required;
use super::view::in_query;
use crate::catalog::{Policy, Relation};
use mainstay_base::{Problem, Result};
use pg_query::protobuf::{AlterPolicyStmt, CreatePolicyStmt, Node};

impl Draft<'_> {
    pub(super) fn create_policy(&mut self, statement: &CreatePolicyStmt) -> Result<()> {
        let relation = self.table(required(statement.table.as_ref())?, "a policy")?;
        let name = &statement.policy_name;
        if relation.policies.iter().any(|policy| policy.name == *name) {
            return Err(Problem::new(
                "42710",
                format!("policy \"{name}\" for table \"{}\" already exists", relation.name.name),
            ));
        }
        let command = statement.cmd_name.to_uppercase();
        check_clauses(&command, statement.qual.is_some(), statement.with_check.is_some())?;
        let policy = Policy {
            name: name.clone(),
            permissive: statement.permissive,
            command,
            roles: self.policy_roles(&statement.roles)?,
            using: self.policy_text(&relation, statement.qual.as_deref())?,
            check: self.policy_text(&relation, statement.with_check.as_deref())?,
            comment: None,
        };
        self.change_relation(&relation.name, |relation| relation.policies.push(policy))
    }

    pub(super) fn alter_policy(&mut self, statement: &AlterPolicyStmt) -> Result<()> {
        let relation = self.table(required(statement.table.as_ref())?, "a policy")?;
        let name = &statement.policy_name;
        let Some(old) = relation.policies.iter().find(|policy| policy.name == *name) else {
            return Err(Problem::new(
                "42704",
                format!("policy \"{name}\" for table \"{}\" does not exist", relation.name.name),
            ));
        };
        check_clauses(&old.command, statement.qual.is_some(), statement.with_check.is_some())?;
        let mut policy = old.clone();
        if !statement.roles.is_empty() {
            policy.roles = self.policy_roles(&statement.roles)?;
        }
        if let Some(text) = self.policy_text(&relation, statement.qual.as_deref())? {
            policy.using = Some(text);
        }
        if let Some(text) = self.policy_text(&relation, statement.with_check.as_deref())? {
            policy.check = Some(text);
        }
        self.change_relation(&relation.name, |relation| {
            for slot in relation.policies.iter_mut().filter(|slot| slot.name == policy.name) {
                *slot = policy.clone();
            }
        })
    }

    /// The roles of a policy; `PUBLIC` among them makes it everybody's.
    fn policy_roles(&self, nodes: &[Node]) -> Result<Vec<String>> {
        let roles = role_names(nodes);
        if roles.iter().any(|role| role == "public") {
            return Ok(Vec::new());
        }
        for role in &roles {
            self.require_role(role)?;
        }
        Ok(roles)
    }

    /// The text of a clause, bound once as the filter that it will be.
    fn policy_text(&self, relation: &Relation, node: Option<&Node>) -> Result<Option<String>> {
        let Some(node) = node else { return Ok(None) };
        let text = self.expression_text(Some(&relation.name), node)?;
        self.compile_text(&format!("SELECT 1 FROM {} WHERE ({text})", in_query(&relation.name)))?;
        Ok(Some(text))
    }
}

fn check_clauses(command: &str, using: bool, check: bool) -> Result<()> {
    match command {
        "INSERT" if using => Err(Problem::new("42601", "only WITH CHECK expression allowed for INSERT")),
        "SELECT" | "DELETE" if check => {
            Err(Problem::new("42601", "WITH CHECK cannot be applied to SELECT or DELETE"))
        }
        _ => Ok(()),
    }
}
