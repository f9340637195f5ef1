//! Walks over the parse trees of queries and expressions, to find or change names in them.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    BoolExprType, Node, RangeVar, ReturningClause, SelectStmt, TypeName, WindowDef, WithClause,
};

/// What a walk meets, from the outside in.
pub enum Visit<'a> {
    Node(&'a mut NodeEnum),
    /// A table's name, wherever it stands (also as the target of `INSERT`).
    Range(&'a mut RangeVar),
    Type(&'a mut TypeName),
}

/// Calls `visit` for a node and everything within it. Covers what `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `MERGE`
/// and expressions are made of; other statements are met themselves, but not entered.
pub fn for_each_node(node: &mut NodeEnum, visit: &mut dyn FnMut(Visit<'_>)) {
    for_each_node_within(node, &mut |met| {
        visit(met);
        true
    });
}

/// As [`for_each_node`]; what `visit` answers `false` for is not entered.
pub fn for_each_node_within(node: &mut NodeEnum, visit: &mut dyn FnMut(Visit<'_>) -> bool) {
    Walk { visit }.node(node);
}

struct Walk<'a> {
    visit: &'a mut dyn FnMut(Visit<'_>) -> bool,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut NodeEnum) {
        if let NodeEnum::RangeVar(range) = node {
            return self.range(range);
        }
        if let NodeEnum::TypeName(name) = node {
            return self.type_name(name);
        }
        if (self.visit)(Visit::Node(node)) && !self.expression(node) && !self.source_item(node) {
            self.query(node);
        }
    }

    fn list(&mut self, nodes: &mut [Node]) {
        for node in nodes {
            self.one(node);
        }
    }

    fn one(&mut self, node: &mut Node) {
        if let Some(node) = &mut node.node {
            self.node(node);
        }
    }

    fn option(&mut self, node: &mut Option<Box<Node>>) {
        if let Some(node) = node {
            self.one(node);
        }
    }

    fn options<const N: usize>(&mut self, nodes: [&mut Option<Box<Node>>; N]) {
        for node in nodes {
            self.option(node);
        }
    }

    fn range(&mut self, range: &mut RangeVar) {
        (self.visit)(Visit::Range(range));
    }

    fn type_name(&mut self, name: &mut TypeName) {
        (self.visit)(Visit::Type(name));
    }

    fn expression(&mut self, node: &mut NodeEnum) -> bool {
        match node {
            NodeEnum::AExpr(n) => self.options([&mut n.lexpr, &mut n.rexpr]),
            NodeEnum::FuncCall(n) => {
                self.list(&mut n.args);
                self.list(&mut n.agg_order);
                self.option(&mut n.agg_filter);
                if let Some(over) = &mut n.over {
                    self.window(over);
                }
            }
            NodeEnum::AIndices(n) => self.options([&mut n.lidx, &mut n.uidx]),
            NodeEnum::AIndirection(n) => {
                self.option(&mut n.arg);
                self.list(&mut n.indirection);
            }
            NodeEnum::AArrayExpr(n) => self.list(&mut n.elements),
            NodeEnum::TypeCast(n) => {
                self.option(&mut n.arg);
                if let Some(name) = &mut n.type_name {
                    self.type_name(name);
                }
            }
            NodeEnum::CollateClause(n) => self.option(&mut n.arg),
            NodeEnum::BoolExpr(n) => self.list(&mut n.args),
            NodeEnum::SubLink(n) => self.options([&mut n.testexpr, &mut n.subselect]),
            NodeEnum::CaseExpr(n) => {
                self.option(&mut n.arg);
                self.list(&mut n.args);
                self.option(&mut n.defresult);
            }
            NodeEnum::CaseWhen(n) => self.options([&mut n.expr, &mut n.result]),
            NodeEnum::RowExpr(n) => self.list(&mut n.args),
            NodeEnum::CoalesceExpr(n) => self.list(&mut n.args),
            NodeEnum::MinMaxExpr(n) => self.list(&mut n.args),
            NodeEnum::NullTest(n) => self.option(&mut n.arg),
            NodeEnum::BooleanTest(n) => self.option(&mut n.arg),
            NodeEnum::NamedArgExpr(n) => self.option(&mut n.arg),
            NodeEnum::GroupingFunc(n) => self.list(&mut n.args),
            NodeEnum::List(n) => self.list(&mut n.items),
            NodeEnum::MultiAssignRef(n) => self.option(&mut n.source),
            NodeEnum::XmlExpr(n) => {
                self.list(&mut n.named_args);
                self.list(&mut n.args);
            }
            _ => return false,
        }
        true
    }

    fn source_item(&mut self, node: &mut NodeEnum) -> bool {
        match node {
            NodeEnum::ResTarget(n) => {
                self.list(&mut n.indirection);
                self.option(&mut n.val);
            }
            NodeEnum::SortBy(n) => self.option(&mut n.node),
            NodeEnum::WindowDef(n) => self.window(n),
            NodeEnum::GroupingSet(n) => self.list(&mut n.content),
            NodeEnum::RangeSubselect(n) => self.option(&mut n.subquery),
            NodeEnum::RangeFunction(n) => self.list(&mut n.functions),
            NodeEnum::RangeTableSample(n) => {
                self.option(&mut n.relation);
                self.list(&mut n.args);
            }
            NodeEnum::JoinExpr(n) => self.options([&mut n.larg, &mut n.rarg, &mut n.quals]),
            NodeEnum::CommonTableExpr(n) => self.option(&mut n.ctequery),
            NodeEnum::IndexElem(n) => self.option(&mut n.expr),
            _ => return false,
        }
        true
    }

    fn query(&mut self, node: &mut NodeEnum) {
        match node {
            NodeEnum::SelectStmt(n) => self.select(n),
            NodeEnum::InsertStmt(n) => {
                self.with(&mut n.with_clause);
                self.target(&mut n.relation);
                self.list(&mut n.cols);
                self.option(&mut n.select_stmt);
                if let Some(conflict) = &mut n.on_conflict_clause {
                    if let Some(infer) = &mut conflict.infer {
                        self.list(&mut infer.index_elems);
                        self.option(&mut infer.where_clause);
                    }
                    self.list(&mut conflict.target_list);
                    self.option(&mut conflict.where_clause);
                }
                self.returning(&mut n.returning_clause);
            }
            NodeEnum::UpdateStmt(n) => {
                self.with(&mut n.with_clause);
                self.target(&mut n.relation);
                self.list(&mut n.target_list);
                self.list(&mut n.from_clause);
                self.option(&mut n.where_clause);
                self.returning(&mut n.returning_clause);
            }
            NodeEnum::DeleteStmt(n) => {
                self.with(&mut n.with_clause);
                self.target(&mut n.relation);
                self.list(&mut n.using_clause);
                self.option(&mut n.where_clause);
                self.returning(&mut n.returning_clause);
            }
            NodeEnum::MergeStmt(n) => {
                self.with(&mut n.with_clause);
                self.target(&mut n.relation);
                self.options([&mut n.source_relation, &mut n.join_condition]);
                self.list(&mut n.merge_when_clauses);
            }
            NodeEnum::MergeWhenClause(n) => {
                self.option(&mut n.condition);
                self.list(&mut n.target_list);
                self.list(&mut n.values);
            }
            NodeEnum::ReturnStmt(n) => self.option(&mut n.returnval),
            _ => {}
        }
    }

    fn select(&mut self, select: &mut SelectStmt) {
        self.with(&mut select.with_clause);
        for list in [
            &mut select.from_clause,
            &mut select.distinct_clause,
            &mut select.target_list,
            &mut select.group_clause,
            &mut select.window_clause,
            &mut select.values_lists,
            &mut select.sort_clause,
        ] {
            self.list(list);
        }
        self.options([
            &mut select.where_clause,
            &mut select.having_clause,
            &mut select.limit_offset,
            &mut select.limit_count,
        ]);
        for arm in [&mut select.larg, &mut select.rarg].into_iter().flatten() {
            self.select(arm);
        }
    }

    fn with(&mut self, with: &mut Option<WithClause>) {
        if let Some(with) = with {
            self.list(&mut with.ctes);
        }
    }

    fn target(&mut self, target: &mut Option<RangeVar>) {
        if let Some(range) = target {
            self.range(range);
        }
    }

    fn returning(&mut self, returning: &mut Option<ReturningClause>) {
        if let Some(returning) = returning {
            self.list(&mut returning.exprs);
        }
    }

    fn window(&mut self, window: &mut WindowDef) {
        self.list(&mut window.partition_clause);
        self.list(&mut window.order_clause);
        self.options([&mut window.start_offset, &mut window.end_offset]);
    }
}

/// The conditions that `AND` joins.
pub fn conjuncts(node: &Node) -> Vec<&Node> {
    match &node.node {
        Some(NodeEnum::BoolExpr(all)) if all.boolop() == BoolExprType::AndExpr => {
            all.args.iter().flat_map(conjuncts).collect()
        }
        _ => vec![node],
    }
}
