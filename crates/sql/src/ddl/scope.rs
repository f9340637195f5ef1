//! Which table's column each name in a query or an expression means, without types.
//!
//! DDL needs this to rename what texts mention, to know what depends on what, and to write `*` out, as PostgreSQL
//! does when it stores a view. Everything about types is the binder's.

use super::names::lookup;
use super::tree::{range_parts, strings};
use crate::bind::figured_name;
use crate::catalog::{Catalog, Name};
use crate::parse::{Visit, for_each_node_within};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    Alias, ColumnRef, JoinExpr, Node, RangeVar, ResTarget, SelectStmt, String as PgString, TypeName,
};

/// A name that was met and what it means. Hooks may change it.
pub(super) enum Mention<'a> {
    /// A table or view in `FROM`.
    Relation {
        range: &'a mut RangeVar,
        name: &'a Name,
    },
    /// A column of a table or view; `fields` are the parts of the reference as written. `output` tells that the
    /// reference alone is an output column without a name of its own.
    Column {
        fields: &'a mut Vec<Node>,
        relation: &'a Name,
        column: &'a str,
    },
    /// A column that `USING` or `NATURAL` joins on.
    Joined {
        relation: &'a Name,
        column: &'a str,
    },
    Type(&'a mut TypeName),
    Function(&'a mut Vec<Node>),
}

pub(super) type Hook<'a> = &'a mut dyn FnMut(Mention<'_>);

#[derive(Clone)]
struct Output {
    name: String,
    /// The column of a relation that this one repeats.
    origin: Option<(Name, String)>,
}

#[derive(Clone)]
struct Source {
    alias: String,
    /// Unknown where a function gives the rows.
    columns: Option<Vec<Output>>,
}

pub(super) struct Scoping<'a> {
    catalog: &'a Catalog,
    search_path: &'a [String],
    hook: Hook<'a>,
    write_stars_out: bool,
    scopes: Vec<Vec<Source>>,
    ctes: Vec<(String, Option<Vec<Output>>)>,
}

impl<'a> Scoping<'a> {
    pub fn new(catalog: &'a Catalog, search_path: &'a [String], hook: Hook<'a>) -> Self {
        Scoping { catalog, search_path, hook, write_stars_out: false, scopes: Vec::new(), ctes: Vec::new() }
    }

    /// Also replaces every `*` by the columns that it stands for now.
    pub fn writing_stars_out(mut self) -> Self {
        self.write_stars_out = true;
        self
    }

    /// An expression over one table's columns.
    pub fn expression(mut self, relation: Option<&Name>, node: &mut Node) {
        let source = relation.map(|name| self.relation_source(name, name.name.clone()));
        self.scopes.push(source.into_iter().collect());
        self.visit(node);
    }

    pub fn query(mut self, node: &mut NodeEnum) {
        if let NodeEnum::SelectStmt(select) = node {
            self.select(select);
        }
    }

    fn relation_source(&self, name: &Name, alias: String) -> Source {
        let columns = self.catalog.relations.get(name).map(|relation| {
            let output = |column: &crate::catalog::Column| Output {
                name: column.name.clone(),
                origin: Some((name.clone(), column.name.clone())),
            };
            relation.columns.iter().map(output).collect()
        });
        Source { alias, columns }
    }

    fn select(&mut self, select: &mut SelectStmt) -> Option<Vec<Output>> {
        let ctes_before = self.ctes.len();
        if let Some(with) = &mut select.with_clause {
            for node in &mut with.ctes {
                if let Some(NodeEnum::CommonTableExpr(cte)) = &mut node.node {
                    let names = strings(&cte.aliascolnames);
                    if with.recursive {
                        let own = (!names.is_empty()).then(|| named(&names));
                        self.ctes.push((cte.ctename.clone(), own));
                    }
                    let columns = cte.ctequery.as_mut().and_then(|query| self.subquery(query));
                    self.ctes.push((cte.ctename.clone(), renamed(columns, &names)));
                }
            }
        }
        let columns = if let (Some(left), Some(right)) = (&mut select.larg, &mut select.rarg) {
            let columns = self.select(left);
            self.select(right);
            columns
                .map(|columns| columns.into_iter().map(|output| Output { origin: None, ..output }).collect())
        } else {
            self.plain_select(select)
        };
        self.ctes.truncate(ctes_before);
        columns
    }

    fn plain_select(&mut self, select: &mut SelectStmt) -> Option<Vec<Output>> {
        self.scopes.push(Vec::new());
        for item in &mut select.from_clause {
            let sources = self.source_item(item);
            self.push_sources(sources);
        }
        let columns = self.targets(&mut select.target_list);
        self.visit_all(&mut select.distinct_clause);
        self.visit_all(&mut select.group_clause);
        self.visit_all(&mut select.window_clause);
        self.visit_all(&mut select.values_lists);
        for clause in [&mut select.where_clause, &mut select.having_clause] {
            self.visit_option(clause);
        }
        self.order(&mut select.sort_clause, columns.as_deref());
        for clause in [&mut select.limit_offset, &mut select.limit_count] {
            self.visit_option(clause);
        }
        self.scopes.pop();
        if let (true, Some(NodeEnum::List(row))) =
            (select.target_list.is_empty(), select.values_lists.first().and_then(|row| row.node.as_ref()))
        {
            return Some(
                (1..=row.items.len()).map(|n| Output { name: format!("column{n}"), origin: None }).collect(),
            );
        }
        columns
    }

    /// In `ORDER BY`, a bare name is an output column first.
    fn order(&mut self, clauses: &mut [Node], columns: Option<&[Output]>) {
        for node in clauses {
            let Some(NodeEnum::SortBy(sort)) = &mut node.node else { continue };
            let bare = match sort.node.as_ref().and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::ColumnRef(reference)) => match strings(&reference.fields).as_slice() {
                    [name] if reference.fields.len() == 1 => Some(name.clone()),
                    _ => None,
                },
                _ => None,
            };
            let is_output = bare
                .is_some_and(|name| columns.is_some_and(|all| all.iter().any(|output| output.name == name)));
            if !is_output {
                self.visit_option(&mut sort.node);
            }
        }
    }

    fn targets(&mut self, targets: &mut Vec<Node>) -> Option<Vec<Output>> {
        if self.write_stars_out {
            *targets = std::mem::take(targets).into_iter().flat_map(|node| self.star_columns(node)).collect();
        }
        let mut columns = Some(Vec::new());
        for node in targets.iter_mut() {
            let Some(NodeEnum::ResTarget(target)) = &mut node.node else { continue };
            let stars = target.val.as_ref().and_then(|value| self.star_sources(value));
            if let Some(stars) = stars {
                let known: Option<Vec<Output>> = stars
                    .into_iter()
                    .map(|source| source.columns)
                    .collect::<Option<Vec<_>>>()
                    .map(|all| all.concat());
                match (&mut columns, known) {
                    (Some(columns), Some(known)) => columns.extend(known),
                    _ => columns = None,
                }
                continue;
            }
            let origin = target.val.as_deref().and_then(|value| self.origin(value));
            let name = match target.name.as_str() {
                "" => target.val.as_deref().and_then(figured_name).unwrap_or_else(|| "?column?".to_owned()),
                name => name.to_owned(),
            };
            self.visit_option(&mut target.val);
            // A renamed column must not rename what the query gives.
            if target.name.is_empty()
                && let Some(after) = target.val.as_deref().and_then(figured_name)
                && after != name
            {
                target.name.clone_from(&name);
            }
            if let Some(columns) = &mut columns {
                columns.push(Output { name, origin });
            }
        }
        columns
    }

    /// The sources that `*` or `alias.*` stands for; `None` where the node is no star.
    fn star_sources(&self, node: &Node) -> Option<Vec<Source>> {
        let Some(NodeEnum::ColumnRef(reference)) = &node.node else { return None };
        let is_star = |node: &Node| matches!(node.node, Some(NodeEnum::AStar(_)));
        match reference.fields.as_slice() {
            [star] if is_star(star) => Some(self.scopes.last().cloned().unwrap_or_default()),
            [names @ .., star] if is_star(star) => {
                let alias = strings(names).pop()?;
                let found = self.scopes.iter().rev().flatten().find(|source| source.alias == alias);
                Some(vec![found.cloned().unwrap_or(Source { alias, columns: None })])
            }
            _ => None,
        }
    }

    fn star_columns(&self, node: Node) -> Vec<Node> {
        let value = match &node.node {
            Some(NodeEnum::ResTarget(target)) => target.val.as_deref(),
            _ => None,
        };
        let Some(sources) = value.and_then(|value| self.star_sources(value)) else { return vec![node] };
        if sources.is_empty() || sources.iter().any(|source| source.columns.is_none()) {
            return vec![node];
        }
        let target = |source: &Source, output: &Output| {
            let mut fields = vec![string_node(&output.name)];
            if !source.alias.is_empty() {
                fields.insert(0, string_node(&source.alias));
            }
            let reference = Node { node: Some(NodeEnum::ColumnRef(ColumnRef { fields, location: -1 })) };
            let target = ResTarget { val: Some(Box::new(reference)), location: -1, ..ResTarget::default() };
            Node { node: Some(NodeEnum::ResTarget(Box::new(target))) }
        };
        sources
            .iter()
            .flat_map(|source| source.columns.iter().flatten().map(|output| target(source, output)))
            .collect()
    }

    fn push_sources(&mut self, sources: Vec<Source>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.extend(sources);
        }
    }

    fn source_item(&mut self, item: &mut Node) -> Vec<Source> {
        match &mut item.node {
            Some(NodeEnum::RangeVar(range)) => vec![self.range(range)],
            Some(NodeEnum::RangeSubselect(sub)) => {
                let columns = sub.subquery.as_mut().and_then(|query| self.subquery(query));
                vec![aliased(sub.alias.as_ref(), columns)]
            }
            Some(NodeEnum::RangeFunction(function)) => {
                self.visit_all(&mut function.functions);
                let names = function.alias.as_ref().map(|alias| strings(&alias.colnames)).unwrap_or_default();
                let columns = (!names.is_empty() && !function.ordinality).then(|| named(&names));
                vec![aliased(function.alias.as_ref(), columns)]
            }
            Some(NodeEnum::JoinExpr(join)) => self.join(join),
            Some(NodeEnum::RangeTableSample(sample)) => {
                sample.relation.as_mut().map(|relation| self.source_item(relation)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    fn range(&mut self, range: &mut RangeVar) -> Source {
        let alias = range.alias.as_ref();
        let names = alias.map(|alias| strings(&alias.colnames)).unwrap_or_default();
        let shown = alias.map_or_else(|| range.relname.clone(), |alias| alias.aliasname.clone());
        if range.schemaname.is_empty()
            && let Some((_, columns)) = self.ctes.iter().rev().find(|(name, _)| *name == range.relname)
        {
            return Source { alias: shown, columns: renamed(columns.clone(), &names) };
        }
        let parts = range_parts(range);
        let found = lookup(self.catalog, self.search_path, &parts, |catalog, name| {
            catalog.relations.contains_key(name)
        });
        let Some(name) = found else { return Source { alias: shown, columns: None } };
        (self.hook)(Mention::Relation { range, name: &name });
        let mut source = self.relation_source(&name, shown);
        source.columns = renamed(source.columns, &names);
        source
    }

    fn join(&mut self, join: &mut JoinExpr) -> Vec<Source> {
        let left = join.larg.as_mut().map(|side| self.source_item(side)).unwrap_or_default();
        // The left side is visible to a lateral right side.
        let depth = self.scopes.last().map_or(0, Vec::len);
        self.push_sources(left.clone());
        let right = join.rarg.as_mut().map(|side| self.source_item(side)).unwrap_or_default();
        self.push_sources(right.clone());
        self.visit_option(&mut join.quals);
        if let Some(scope) = self.scopes.last_mut() {
            scope.truncate(depth);
        }
        let mut using = strings(&join.using_clause);
        if join.is_natural {
            let names = |side: &[Source]| -> Vec<String> {
                side.iter()
                    .flat_map(|source| source.columns.iter().flatten())
                    .map(|o| o.name.clone())
                    .collect()
            };
            let right_names = names(&right);
            using = names(&left).into_iter().filter(|name| right_names.contains(name)).collect();
        }
        for source in left.iter().chain(&right) {
            for output in source.columns.iter().flatten().filter(|output| using.contains(&output.name)) {
                if let Some((relation, column)) = &output.origin {
                    (self.hook)(Mention::Joined { relation, column });
                }
            }
        }
        let joined = merge(left, right, &using);
        match &join.alias {
            Some(alias) => {
                let columns: Option<Vec<Vec<Output>>> =
                    joined.into_iter().map(|source| source.columns).collect();
                vec![aliased(Some(alias), columns.map(|all| all.concat()))]
            }
            None => joined,
        }
    }

    fn subquery(&mut self, node: &mut Node) -> Option<Vec<Output>> {
        match &mut node.node {
            Some(NodeEnum::SelectStmt(select)) => self.select(select),
            _ => {
                self.visit(node);
                None
            }
        }
    }

    fn origin(&self, node: &Node) -> Option<(Name, String)> {
        match &node.node {
            Some(NodeEnum::ColumnRef(reference)) => self.resolve(&strings(&reference.fields)),
            _ => None,
        }
    }

    /// The relation's column that a reference means.
    fn resolve(&self, fields: &[String]) -> Option<(Name, String)> {
        let (alias, column) = match fields {
            [column] => (None, column),
            [alias, column] | [_, alias, column] => (Some(alias), column),
            _ => return None,
        };
        for scope in self.scopes.iter().rev() {
            let fitting = |source: &&Source| alias.is_none_or(|alias| source.alias == *alias);
            let found = scope
                .iter()
                .filter(fitting)
                .find_map(|source| source.columns.iter().flatten().find(|output| output.name == *column));
            if let Some(output) = found {
                return output.origin.clone();
            }
        }
        None
    }

    fn visit_all(&mut self, nodes: &mut [Node]) {
        for node in nodes {
            self.visit(node);
        }
    }

    fn visit_option(&mut self, node: &mut Option<Box<Node>>) {
        if let Some(node) = node {
            self.visit(node);
        }
    }

    fn visit(&mut self, node: &mut Node) {
        let Some(node) = &mut node.node else { return };
        for_each_node_within(node, &mut |visit| {
            match visit {
                Visit::Node(NodeEnum::SelectStmt(select)) => {
                    self.select(select);
                    return false;
                }
                Visit::Node(NodeEnum::ColumnRef(reference)) => {
                    if let Some((relation, column)) = self.resolve(&strings(&reference.fields)) {
                        let fields = &mut reference.fields;
                        (self.hook)(Mention::Column { fields, relation: &relation, column: &column });
                    }
                }
                Visit::Node(NodeEnum::FuncCall(call)) => (self.hook)(Mention::Function(&mut call.funcname)),
                Visit::Type(name) => (self.hook)(Mention::Type(name)),
                Visit::Node(_) | Visit::Range(_) => {}
            }
            true
        });
    }
}

pub(super) fn string_node(text: &str) -> Node {
    Node { node: Some(NodeEnum::String(PgString { sval: text.to_owned() })) }
}

fn named(names: &[String]) -> Vec<Output> {
    names.iter().map(|name| Output { name: name.clone(), origin: None }).collect()
}

fn renamed(columns: Option<Vec<Output>>, names: &[String]) -> Option<Vec<Output>> {
    let mut columns = columns?;
    for (column, name) in columns.iter_mut().zip(names) {
        column.name.clone_from(name);
    }
    Some(columns)
}

fn aliased(alias: Option<&Alias>, columns: Option<Vec<Output>>) -> Source {
    match alias {
        Some(alias) => {
            Source { alias: alias.aliasname.clone(), columns: renamed(columns, &strings(&alias.colnames)) }
        }
        None => Source { alias: String::new(), columns },
    }
}

/// The sources of a join: columns of `USING` come once, first, without an alias.
fn merge(left: Vec<Source>, right: Vec<Source>, using: &[String]) -> Vec<Source> {
    if using.is_empty() {
        return left.into_iter().chain(right).collect();
    }
    let origin = |name: &String| {
        left.iter()
            .flat_map(|source| source.columns.iter().flatten())
            .find(|output| output.name == *name)
            .and_then(|output| output.origin.clone())
    };
    let merged: Vec<Output> =
        using.iter().map(|name| Output { name: name.clone(), origin: origin(name) }).collect();
    let mut sources = vec![Source { alias: String::new(), columns: Some(merged) }];
    for mut source in left.into_iter().chain(right) {
        if let Some(columns) = &mut source.columns {
            columns.retain(|output| !using.contains(&output.name));
        }
        sources.push(source);
    }
    sources
}
