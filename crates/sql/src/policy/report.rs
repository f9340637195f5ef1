//! What is wrong with the policies of a catalog: tables that nobody sees or everybody does, policies that pass no row,
//! and comparisons that no index serves.

use super::names::Names;
use super::rewrite::{column, equality, leads_an_index};
use crate::catalog::{Catalog, Name, Policy, Relation};
use crate::parse;
use crate::parse::conjuncts;
use pg_query::protobuf::{AConst, AExprKind, BoolExprType, SubLink, SubLinkType, a_const};
use pg_query::{Node, NodeEnum};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// One remark about a table or one of its policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub table: Name,
    /// The policy, where it is about one.
    pub policy: Option<String>,
    pub kind: FindingKind,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// A table of an exposed schema without row security: only grants decide.
    NoRowSecurity,
    /// Row security is enabled and there is no policy.
    NoPolicy,
    /// There are policies, and row security is not enabled: they do nothing.
    Disabled,
    /// Only restrictive policies apply to the command: nothing passes.
    OnlyRestrictive { command: String },
    /// The policy passes no row, for the reason.
    NeverMatches { reason: String },
    /// The policy compares the column with something that is the same for all rows, and no index begins with it.
    Unindexed { table: Name, column: String },
}

impl Finding {
    /// What to write to mend it.
    pub fn hint(&self) -> String {
        let table = &self.table;
        match &self.kind {
            FindingKind::NoRowSecurity => format!(
                "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, and CREATE POLICY for those who may see its rows"
            ),
            FindingKind::NoPolicy => {
                format!("CREATE POLICY … ON {table} for those who may see its rows")
            }
            FindingKind::Disabled => format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
            FindingKind::OnlyRestrictive { command } => {
                format!("CREATE POLICY … ON {table} FOR {command}, permissive, beside it")
            }
            FindingKind::NeverMatches { .. } => "drop the policy, or change its expression".to_owned(),
            FindingKind::Unindexed { table, column } => format!("CREATE INDEX ON {table} ({column})"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        let policy = self.policy.as_deref().unwrap_or_default();
        match &self.kind {
            FindingKind::NoRowSecurity => write!(f, "table \"{table}\" has no row security"),
            FindingKind::NoPolicy => {
                write!(f, "table \"{table}\" has row security and no policy: nobody sees a row of it")
            }
            FindingKind::Disabled => {
                write!(f, "table \"{table}\" has policies, but row security is not enabled: they do nothing")
            }
            FindingKind::OnlyRestrictive { command } => write!(
                f,
                "table \"{table}\" has only restrictive policies for {command}: they take away, and nothing gives"
            ),
            FindingKind::NeverMatches { reason } => {
                write!(f, "policy \"{policy}\" on table \"{table}\" passes no row: {reason}")
            }
            FindingKind::Unindexed { table: compared, column } => write!(
                f,
                "policy \"{policy}\" on table \"{table}\" compares \"{compared}\".\"{column}\", with which no index begins"
            ),
        }
    }
}

/// All findings, in the order of the tables' names. `exposed` are the schemas that callers reach.
pub fn report(catalog: &Catalog, exposed: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for relation in catalog.relations.values().filter(|relation| relation.is_table()) {
        about_table(relation, exposed, &mut findings);
        for policy in &relation.policies {
            about_policy(catalog, relation, policy, &mut findings);
        }
    }
    findings
}

fn about_table(relation: &Arc<Relation>, exposed: &[String], findings: &mut Vec<Finding>) {
    let mut add = |kind| findings.push(Finding { table: relation.name.clone(), policy: None, kind });
    match (relation.row_security, relation.policies.is_empty()) {
        (false, false) => add(FindingKind::Disabled),
        (false, true) if exposed.contains(&relation.name.schema) => add(FindingKind::NoRowSecurity),
        (true, true) => add(FindingKind::NoPolicy),
        _ => {}
    }
    for command in ["SELECT", "INSERT", "UPDATE", "DELETE"] {
        let mut of_command = relation
            .policies
            .iter()
            .filter(|policy| policy.command == command || policy.command == "ALL")
            .peekable();
        if of_command.peek().is_some() && of_command.all(|policy| !policy.permissive) {
            add(FindingKind::OnlyRestrictive { command: command.to_owned() });
        }
    }
}

fn about_policy(catalog: &Catalog, relation: &Relation, policy: &Policy, findings: &mut Vec<Finding>) {
    let mut kinds = BTreeSet::new();
    let gone = |role: &String| !catalog.roles.contains_key(role);
    if !policy.roles.is_empty() && policy.roles.iter().all(gone) {
        kinds.insert(FindingKind::NeverMatches { reason: "there is no role of its list".to_owned() });
    }
    for (text, looks_for_rows) in [(&policy.using, true), (&policy.check, false)] {
        let Some(node) = text.as_deref().and_then(|text| parse::expression(text).ok()) else { continue };
        let clause = if looks_for_rows { "USING" } else { "WITH CHECK" };
        match constant(&node) {
            Some(Some(false)) => {
                kinds.insert(FindingKind::NeverMatches { reason: format!("its {clause} is always false") });
            }
            Some(None) => {
                kinds.insert(FindingKind::NeverMatches { reason: format!("its {clause} is always NULL") });
            }
            _ => {}
        }
        let mut gaps =
            Gaps { names: Names::over(catalog, relation), outermost: looks_for_rows, found: &mut kinds };
        gaps.filter(&node);
    }
    findings.extend(kinds.into_iter().map(|kind| Finding {
        table: relation.name.clone(),
        policy: Some(policy.name.clone()),
        kind,
    }));
}

/// The truth of an expression that does not depend on anything: `Some(None)` is NULL.
fn constant(node: &Node) -> Option<Option<bool>> {
    match node.node.as_ref()? {
        NodeEnum::AConst(AConst { isnull: true, .. }) => Some(None),
        NodeEnum::AConst(AConst { val: Some(a_const::Val::Boolval(value)), .. }) => Some(Some(value.boolval)),
        NodeEnum::TypeCast(cast) => constant(cast.arg.as_deref()?),
        NodeEnum::BoolExpr(expression) => {
            let parts: Vec<_> = expression.args.iter().map(constant).collect();
            match expression.boolop() {
                BoolExprType::NotExpr => parts.first().copied()?.map(|truth| truth.map(|truth| !truth)),
                BoolExprType::OrExpr => joined(&parts, true),
                _ => joined(&parts, false),
            }
        }
        NodeEnum::AExpr(_) => {
            let (left, right) = equality(node)?;
            let null =
                |node: &Node| matches!(&node.node, Some(NodeEnum::AConst(AConst { isnull: true, .. })));
            if null(left) || null(right) {
                return Some(None);
            }
            match (literal(left)?, literal(right)?) {
                (a_const::Val::Ival(left), a_const::Val::Ival(right)) => Some(Some(left.ival == right.ival)),
                (a_const::Val::Boolval(left), a_const::Val::Boolval(right)) => {
                    Some(Some(left.boolval == right.boolval))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// AND, or OR where `decisive` is true: one decisive part decides.
fn joined(parts: &[Option<Option<bool>>], decisive: bool) -> Option<Option<bool>> {
    if parts.contains(&Some(Some(decisive))) {
        return Some(Some(decisive));
    }
    if parts.contains(&None) {
        return None;
    }
    Some(if parts.contains(&Some(None)) { None } else { Some(!decisive) })
}

fn literal(node: &Node) -> Option<&a_const::Val> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => constant.val.as_ref(),
        _ => None,
    }
}

/// Looks for comparisons that would use an index if there were one.
struct Gaps<'a, 'c> {
    names: Names<'c>,
    /// Whether the policy's own table counts: not for the check of a row that is at hand.
    outermost: bool,
    found: &'a mut BTreeSet<FindingKind>,
}

impl Gaps<'_, '_> {
    /// Of the conditions that hold together one with an index is enough; of alternatives each needs its own.
    fn filter(&mut self, node: &Node) {
        let here = self.names.levels.len() - 1;
        let mut missing: Vec<(Name, String)> = Vec::new();
        let mut served: BTreeSet<Name> = BTreeSet::new();
        for part in conjuncts(node) {
            if let Some((table, column, indexed)) = self.comparison(part, here) {
                if indexed {
                    served.insert(table);
                } else {
                    missing.push((table, column));
                }
            }
            self.inside(part);
        }
        if here == 0 && !self.outermost {
            return;
        }
        for (table, column) in missing {
            if !served.contains(&table) {
                self.found.insert(FindingKind::Unindexed { table, column });
            }
        }
    }

    fn inside(&mut self, node: &Node) {
        match &node.node {
            Some(NodeEnum::BoolExpr(expression)) => match expression.boolop() {
                BoolExprType::NotExpr => expression.args.iter().for_each(|part| self.inside(part)),
                _ => expression.args.iter().for_each(|part| self.filter(part)),
            },
            Some(NodeEnum::SubLink(link)) => self.subquery(link),
            _ => {}
        }
    }

    fn subquery(&mut self, link: &SubLink) {
        if let Some(NodeEnum::SelectStmt(select)) =
            link.subselect.as_deref().and_then(|node| node.node.as_ref())
            && let Some(items) = self.names.items(&select.from_clause)
            && let Some(filter) = &select.where_clause
        {
            self.names.levels.push(items);
            self.filter(filter);
            self.names.levels.pop();
        }
    }

    /// The column of this level that is compared with what does not depend on this level's rows, and whether an index
    /// begins with it. A literal names no few rows.
    fn comparison(&mut self, node: &Node, here: usize) -> Option<(Name, String, bool)> {
        let (compared, with) = match equality(node) {
            Some((left, right)) => match (self.at(left, here), self.at(right, here)) {
                (true, false) => (left, right),
                (false, true) => (right, left),
                _ => return None,
            },
            None => match node.node.as_ref()? {
                NodeEnum::SubLink(link) if link.sub_link_type() == SubLinkType::AnySublink => {
                    (link.testexpr.as_deref()?, link.subselect.as_deref()?)
                }
                NodeEnum::AExpr(n) if n.kind() == AExprKind::AexprOpAny => {
                    (n.lexpr.as_deref()?, n.rexpr.as_deref()?)
                }
                _ => return None,
            },
        };
        let found = column(&self.names, compared).filter(|found| found.level == here)?;
        let indexed = leads_an_index(self.names.catalog, &found.relation, &found.column);
        let fixed = self.names.uses(with).is_some_and(|levels| !levels.contains(&here));
        (fixed && (indexed || !matches!(with.node, Some(NodeEnum::AConst(_)))))
            .then(|| (found.relation.name.clone(), found.column.clone(), indexed))
    }

    fn at(&self, node: &Node, here: usize) -> bool {
        column(&self.names, node).is_some_and(|found| found.level == here)
    }
}
