//! GROUPING SETS, ROLLUP and CUBE: one grouped query for each set, put together by UNION ALL.

use super::bound::{Bound, Carried, quote};
use super::query::{Core, Naming, Query, Target};
use super::scope::Binder;
use mainstay_base::{Problem, Result};
use pg_query::protobuf::{GroupingSet, GroupingSetKind, SelectStmt};
use pg_query::{Node, NodeEnum};

/// More sets than this are refused, as in PostgreSQL.
const SETS_MAX: usize = 4096;
/// Each set is a query of its own in the text.
const BRANCHES_MAX: usize = 128;

pub(super) fn has_sets(clause: &[Node]) -> bool {
    clause.iter().any(|node| matches!(&node.node, Some(NodeEnum::GroupingSet(_))))
}

type Sets = Vec<Vec<Node>>;

fn sets_of(node: &Node) -> Result<Sets> {
    let Some(NodeEnum::GroupingSet(set)) = &node.node else {
        return Ok(vec![flat(node)]);
    };
    let sets = match set.kind() {
        GroupingSetKind::GroupingSetEmpty => vec![Vec::new()],
        GroupingSetKind::GroupingSetRollup => (0..=set.content.len())
            .rev()
            .map(|count| set.content.iter().take(count).flat_map(flat).collect())
            .collect(),
        GroupingSetKind::GroupingSetCube => cube(set)?,
        GroupingSetKind::GroupingSetSets => {
            let mut out = Vec::new();
            for node in &set.content {
                out.extend(sets_of(node)?);
            }
            out
        }
        _ => vec![set.content.iter().flat_map(flat).collect()],
    };
    Ok(sets)
}

fn cube(set: &GroupingSet) -> Result<Sets> {
    let count = set.content.len();
    if count > 12 {
        return Err(Problem::new("54011", "CUBE is limited to 12 elements"));
    }
    Ok((0..1_usize << count)
        .rev()
        .map(|mask| {
            set.content
                .iter()
                .enumerate()
                .filter(|(index, _)| mask & (1 << (count - 1 - index)) != 0)
                .flat_map(|(_, node)| flat(node))
                .collect()
        })
        .collect())
}

/// The expressions of one element: `(a, b)` is two.
fn flat(node: &Node) -> Vec<Node> {
    match &node.node {
        Some(NodeEnum::RowExpr(row)) => row.args.clone(),
        _ => vec![node.clone()],
    }
}

impl Binder<'_> {
    pub fn grouping_sets(&mut self, select: &SelectStmt) -> Result<Query> {
        if !select.distinct_clause.is_empty() {
            return Err(Problem::needs_postgres("DISTINCT with GROUPING SETS"));
        }
        let mut sets: Sets = vec![Vec::new()];
        for node in &select.group_clause {
            let more = sets_of(node)?;
            if sets.len() * more.len() > SETS_MAX {
                return Err(Problem::new("54011", "too many grouping sets present (maximum 4096)"));
            }
            sets = sets
                .iter()
                .flat_map(|before| more.iter().map(move |set| before.iter().chain(set).cloned().collect()))
                .collect();
        }
        if sets.len() > BRANCHES_MAX {
            return Err(Problem::needs_postgres("this many grouping sets"));
        }
        let all: Vec<Node> = sets.iter().flatten().cloned().collect();
        let mut branches = Vec::with_capacity(sets.len());
        for set in sets {
            branches.push(self.grouped_branch(select, set, &all)?);
        }
        self.union_branches(branches, select)
    }

    fn grouped_branch(
        &mut self,
        select: &SelectStmt,
        set: Vec<Node>,
        all: &[Node],
    ) -> Result<(Query, Vec<super::ordering::OrderKey>)> {
        let mut branch = select.clone();
        branch.with_clause = None;
        let id = self.push_scope();
        let scope = self.scope();
        scope.grand_total = set.is_empty();
        scope.null_groups = all.to_vec();
        branch.group_clause = set;
        let parts = self.select_parts(&branch);
        self.pop_scope();
        let (mut query, keys) = parts?;
        query.uses.retain(|used| used.scope != id);
        query.settle(self)?;
        Ok((query, keys))
    }

    fn union_branches(
        &mut self,
        branches: Vec<(Query, Vec<super::ordering::OrderKey>)>,
        select: &SelectStmt,
    ) -> Result<Query> {
        let mut texts = Vec::with_capacity(branches.len());
        let mut columns = Vec::new();
        let mut order = Vec::new();
        let mut uses = Vec::new();
        for (index, (mut query, keys)) in branches.into_iter().enumerate() {
            if index == 0 {
                columns = query.columns();
                for (number, key) in keys.iter().enumerate() {
                    let mut bound = Bound::plain(quote(&format!("k{number}")), key.bound.ty.clone());
                    bound.collation = Carried::Nothing;
                    // A key may be NULL in another branch.
                    let descending = key.direction.contains(" DESC");
                    let last = key.direction.contains("NULLS LAST");
                    let nulls = if descending && !last {
                        " DESC NULLS FIRST"
                    } else if descending {
                        " DESC"
                    } else {
                        " NULLS LAST"
                    };
                    order.push(format!("{}{nulls}", bound.collated()));
                }
            }
            uses.append(&mut query.uses);
            let count = query.columns().len();
            if let Core::Select { targets, .. } = &mut query.core {
                targets.extend(keys.into_iter().map(|key| Target { name: String::new(), bound: key.bound }));
                let names: Vec<String> = (0..targets.len())
                    .map(
                        |index| {
                            if index < count { format!("c{index}") } else { format!("k{}", index - count) }
                        },
                    )
                    .collect();
                texts.push(query.render(Naming::Columns(&names)));
            }
        }
        for column in &mut columns {
            column.nullable = true;
            column.collation = Carried::Nothing;
            column.origin = None;
        }
        let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        let list: Vec<String> = names.iter().map(|name| quote(name)).collect();
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
        let sql = format!("SELECT {} FROM ({}){order}", list.join(", "), texts.join(" UNION ALL "));
        let mut query = Query::new(Core::Wrapped { sql, columns, names });
        query.uses = uses;
        self.limit(&mut query, select)?;
        Ok(query)
    }
}
