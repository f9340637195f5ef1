//! Which query of several around it a column's name belongs to, found without binding.

use crate::bind::natives_named;
use crate::catalog::{Catalog, Function, Name, Relation};
use crate::parse::{Visit, for_each_node_within};
use mainstay_types::registry::Body;
use mainstay_types::{Type, Volatility};
use pg_query::protobuf::{ColumnRef, FuncCall, JoinExpr, RangeVar, SelectStmt};
use pg_query::{Node, NodeEnum};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A table of FROM under the name that expressions use.
pub(super) struct Item {
    pub alias: String,
    pub relation: Arc<Relation>,
}

/// The queries around a place, the outermost first: level 0 is the table of the policy.
pub(super) struct Names<'c> {
    pub catalog: &'c Catalog,
    pub levels: Vec<Vec<Item>>,
}

/// A column of a table at a level.
pub(super) struct Found {
    pub level: usize,
    pub relation: Arc<Relation>,
    pub column: String,
}

impl Found {
    pub fn ty(&self) -> Option<&Type> {
        self.relation.column(&self.column).map(|column| &column.ty.ty)
    }
}

impl<'c> Names<'c> {
    pub fn over(catalog: &'c Catalog, relation: &Relation) -> Names<'c> {
        let item = Item { alias: relation.name.name.clone(), relation: Arc::new(relation.clone()) };
        Names { catalog, levels: vec![vec![item]] }
    }

    /// `None` for what is no plain column of a known table.
    pub fn find(&self, reference: &ColumnRef) -> Option<Found> {
        let mut parts = Vec::new();
        for field in &reference.fields {
            match &field.node {
                Some(NodeEnum::String(text)) => parts.push(text.sval.as_str()),
                _ => return None,
            }
        }
        let (schema, table, column) = match *parts {
            [column] => (None, None, column),
            [table, column] => (None, Some(table), column),
            [schema, table, column] => (Some(schema), Some(table), column),
            _ => return None,
        };
        for (level, items) in self.levels.iter().enumerate().rev() {
            let mut fitting = items.iter().filter(|item| match table {
                Some(table) => {
                    item.alias == table && schema.is_none_or(|schema| item.relation.name.schema == schema)
                }
                None => item.relation.column(column).is_some(),
            });
            let Some(item) = fitting.next() else { continue };
            // Two that fit are ambiguous, and a table without the column may mean something else by it.
            if fitting.next().is_some() || item.relation.column(column).is_none() {
                return None;
            }
            return Some(Found { level, relation: item.relation.clone(), column: column.to_owned() });
        }
        None
    }

    /// The tables of a FROM clause; `None` where there is anything but tables and their joins.
    pub fn items(&self, from: &[Node]) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        for node in from {
            self.item(node, &mut items)?;
        }
        Some(items)
    }

    fn item(&self, node: &Node, items: &mut Vec<Item>) -> Option<()> {
        match node.node.as_ref()? {
            NodeEnum::RangeVar(range) => {
                let alias = range.alias.as_ref();
                if alias.is_some_and(|alias| !alias.colnames.is_empty()) {
                    return None;
                }
                let relation = self.relation(range)?;
                let alias = alias.map_or(range.relname.as_str(), |alias| alias.aliasname.as_str());
                items.push(Item { alias: alias.to_owned(), relation });
            }
            NodeEnum::JoinExpr(join) => {
                if join.is_natural || !join.using_clause.is_empty() || join.alias.is_some() {
                    return None;
                }
                self.item(join.larg.as_deref()?, items)?;
                self.item(join.rarg.as_deref()?, items)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn relation(&self, range: &RangeVar) -> Option<Arc<Relation>> {
        if !range.schemaname.is_empty() {
            return self.catalog.relation(&Name::new(&range.schemaname, &range.relname)).cloned();
        }
        ["public", "extensions"]
            .iter()
            .find_map(|schema| self.catalog.relation(&Name::new(*schema, &range.relname)).cloned())
    }

    /// The levels whose columns an expression uses; `None` where that cannot be told.
    pub fn uses(&mut self, node: &Node) -> Option<BTreeSet<usize>> {
        let mut found = Some(BTreeSet::new());
        let mut copy = node.clone();
        let Some(root) = copy.node.as_mut() else { return found };
        for_each_node_within(root, &mut |met| {
            let more = match met {
                Visit::Node(NodeEnum::ColumnRef(reference)) => {
                    Some(self.find(reference).map(|found| BTreeSet::from([found.level])))
                }
                Visit::Node(NodeEnum::SubLink(link)) => Some(self.link_uses(link)),
                Visit::Node(NodeEnum::SelectStmt(select)) => Some(self.query_uses(select)),
                Visit::Node(_) => return true,
                Visit::Range(_) => Some(None),
                Visit::Type(_) => None,
            };
            match more {
                None => {}
                Some(Some(levels)) => {
                    if let Some(all) = &mut found {
                        all.extend(levels);
                    }
                }
                Some(None) => found = None,
            }
            false
        });
        found
    }

    fn link_uses(&mut self, link: &pg_query::protobuf::SubLink) -> Option<BTreeSet<usize>> {
        let mut levels = match &link.testexpr {
            Some(test) => self.uses(test)?,
            None => BTreeSet::new(),
        };
        match link.subselect.as_deref()?.node.as_ref()? {
            NodeEnum::SelectStmt(select) => levels.extend(self.query_uses(select)?),
            _ => return None,
        }
        Some(levels)
    }

    fn query_uses(&mut self, select: &SelectStmt) -> Option<BTreeSet<usize>> {
        if select.with_clause.is_some() || select.larg.is_some() || !select.values_lists.is_empty() {
            return None;
        }
        let items = self.items(&select.from_clause)?;
        self.levels.push(items);
        let levels = self.parts_use(select);
        self.levels.pop();
        let mut levels = levels?;
        levels.remove(&self.levels.len());
        Some(levels)
    }

    fn parts_use(&mut self, select: &SelectStmt) -> Option<BTreeSet<usize>> {
        let mut levels = BTreeSet::new();
        let lists = [&select.group_clause, &select.sort_clause, &select.distinct_clause];
        let options =
            [&select.where_clause, &select.having_clause, &select.limit_count, &select.limit_offset];
        let targets = select.target_list.iter().filter(|target| !is_star(target));
        for node in
            targets.chain(lists.into_iter().flatten()).chain(options.into_iter().flatten().map(|n| &**n))
        {
            levels.extend(self.uses(node)?);
        }
        for join in joins(&select.from_clause) {
            if let Some(quals) = &join.quals {
                levels.extend(self.uses(quals)?);
            }
        }
        Some(levels)
    }

    /// How much the functions of one name vary, and whether any of them returns a set; `None` for an unknown name.
    pub fn call(&self, call: &FuncCall) -> Option<(Volatility, bool)> {
        let mut parts = Vec::new();
        for part in &call.funcname {
            match &part.node {
                Some(NodeEnum::String(text)) => parts.push(text.sval.as_str()),
                _ => return None,
            }
        }
        let (schema, name) = match *parts {
            [name] => (None, name),
            [schema, name] => (Some(schema), name),
            _ => return None,
        };
        let made = self.functions(schema, name);
        let own = made.iter().map(|function| (function.volatility, function.returns.set));
        let qualified = schema.map(|schema| natives_named(&format!("{schema}.{name}"))).unwrap_or_default();
        let plain = match schema {
            None | Some("pg_catalog" | "extensions" | "public") => natives_named(name),
            Some(_) => &[],
        };
        let native = qualified.iter().chain(plain);
        let native = native.map(|native| (native.volatility, matches!(native.body, Body::Rows { .. })));
        own.chain(native).reduce(|all, one| (worse(all.0, one.0), all.1 || one.1))
    }

    fn functions(&self, schema: Option<&str>, name: &str) -> Vec<Arc<Function>> {
        let schemas = schema.map_or_else(|| vec!["public", "extensions"], |schema| vec![schema]);
        let overloads =
            schemas.iter().filter_map(|schema| self.catalog.functions.get(&Name::new(*schema, name)));
        overloads.flatten().cloned().collect()
    }
}

fn worse(left: Volatility, right: Volatility) -> Volatility {
    let rank = |volatility| match volatility {
        Volatility::Immutable => 0,
        Volatility::Stable => 1,
        Volatility::Volatile => 2,
    };
    if rank(left) >= rank(right) { left } else { right }
}

/// `*` or `t.*` in a select list.
pub(super) fn is_star(target: &Node) -> bool {
    let Some(NodeEnum::ResTarget(target)) = &target.node else { return false };
    match target.val.as_deref().and_then(|value| value.node.as_ref()) {
        Some(NodeEnum::ColumnRef(reference)) => {
            matches!(reference.fields.last().and_then(|field| field.node.as_ref()), Some(NodeEnum::AStar(_)))
        }
        _ => false,
    }
}

/// The joins of a FROM clause, nested ones too.
pub(super) fn joins(from: &[Node]) -> Vec<&JoinExpr> {
    let mut found = Vec::new();
    let mut left: Vec<&Node> = from.iter().collect();
    while let Some(node) = left.pop() {
        if let Some(NodeEnum::JoinExpr(join)) = &node.node {
            left.extend(join.larg.as_deref());
            left.extend(join.rarg.as_deref());
            found.push(&**join);
        }
    }
    found
}
