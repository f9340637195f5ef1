//! The texts of expressions and queries that the catalog keeps: made from trees, searched and rewritten.

use super::Draft;
use super::scope::{Mention, Scoping};
use super::tree::{string, strings, unplaced};
use crate::catalog::{Catalog, ConstraintKind, KeyKind, Name, Relation, RelationKind};
use crate::parse;
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::Node;
use std::sync::Arc;

impl Draft<'_> {
    /// The text under which an expression is kept. Tables in it get their schemas; `'…'::regclass` loses its cast,
    /// because only the functions of sequences take one.
    pub(super) fn expression_text(&self, relation: Option<&Name>, node: &Node) -> Result<String> {
        let mut node = node.clone();
        if let Some(node) = &mut node.node {
            self.resolve_sequences(node)?;
        }
        strip_regclass(&mut node);
        let mut hook = |mention: Mention<'_>| self.qualify(mention);
        Scoping::new(&self.catalog, &self.settings.search_path, &mut hook).expression(relation, &mut node);
        parse::deparse_expression(&node).map_err(unplaced)
    }

    /// The text under which a view's query is kept: `*` is written out, as PostgreSQL does, so that columns added to
    /// its tables later do not appear in it.
    pub(super) fn query_text(&self, node: &NodeEnum) -> Result<String> {
        let mut node = node.clone();
        self.resolve_sequences(&mut node)?;
        let mut hook = |mention: Mention<'_>| self.qualify(mention);
        Scoping::new(&self.catalog, &self.settings.search_path, &mut hook)
            .writing_stars_out()
            .query(&mut node);
        parse::deparse_statement(&node).map_err(unplaced)
    }

    /// Gives what is not in `public` its schema, so that the text means the same under any search path.
    fn qualify(&self, mention: Mention<'_>) {
        match mention {
            Mention::Relation { range, name } if range.schemaname.is_empty() && name.schema != "public" => {
                range.schemaname.clone_from(&name.schema);
            }
            Mention::Function(parts) => {
                let Ok([name]) = <[String; 1]>::try_from(strings(parts)) else { return };
                // The functions of `pg_catalog` come first whatever the path is.
                let is_native = mainstay_types::registry::natives().any(|native| native.name == name)
                    || mainstay_types::registry::aggregates().any(|native| native.name == name);
                let found = self.lookup(&[name], |catalog, name| catalog.functions.contains_key(name));
                if let Some(found) = found.filter(|found| !is_native && found.schema != "public") {
                    parts.insert(0, super::scope::string_node(&found.schema));
                }
            }
            _ => {}
        }
    }

    /// `nextval('name')` means the sequence that has the name now: a literal there is a `regclass`.
    fn resolve_sequences(&self, node: &mut NodeEnum) -> Result<()> {
        let mut missing = None;
        parse::for_each_node(node, &mut |visit| {
            let parse::Visit::Node(NodeEnum::FuncCall(call)) = visit else { return };
            let called = strings(&call.funcname).pop().unwrap_or_default();
            if !matches!(called.as_str(), "nextval" | "currval" | "setval") {
                return;
            }
            let Some(written) = call.args.first().and_then(regclass_literal) else { return };
            let parts = super::sequence::parts(&written);
            match self.lookup(&parts, |catalog, name| catalog.sequences.contains_key(name)) {
                Some(name) if name.schema != "public" => {
                    if let Some(argument) = call.args.first_mut() {
                        *argument = super::tree::text_node(&super::sequence::reference(&name));
                    }
                }
                Some(_) => {}
                None => missing = Some(parts.join(".")),
            }
        });
        match missing {
            Some(name) => Err(Problem::new("42P01", format!("relation \"{name}\" does not exist"))),
            None => Ok(()),
        }
    }

    /// The table's columns that an expression mentions, in order, each once.
    pub(super) fn columns_in(&self, relation: &Name, node: &Node) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut node = node.clone();
        let mut hook = |mention: Mention<'_>| {
            if let Mention::Column { relation: of, column, .. } = mention
                && of == relation
                && !found.iter().any(|known| known == column)
            {
                found.push(column.to_owned());
            }
        };
        Scoping::new(&self.catalog, &self.settings.search_path, &mut hook)
            .expression(Some(relation), &mut node);
        found
    }

    /// As [`Draft::columns_in`], of a kept text. A text that cannot be read mentions nothing.
    pub(super) fn columns_in_text(&self, relation: &Name, text: &str) -> Vec<String> {
        parse::expression(text).map(|node| self.columns_in(relation, &node)).unwrap_or_default()
    }

    /// Calls `hook` for every name in every text that the catalog keeps, and keeps what it changes. The hook is told
    /// whose text it is.
    pub(super) fn rewrite_texts(&mut self, hook: &mut dyn FnMut(&Owner<'_>, Mention<'_>)) -> Result<()> {
        let before = self.catalog.clone();
        for (name, relation) in &before.relations {
            let mut changed = (**relation).clone();
            if rewrite_relation(&before, name, &mut changed, hook)? {
                self.catalog.relations.insert(name.clone(), Arc::new(changed));
            }
        }
        Ok(())
    }
}

/// Whose text a mention stands in.
pub(super) struct Owner<'a> {
    pub relation: &'a Name,
    pub part: Part<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// The query of a view or materialized view.
    Query,
    Default(&'a str),
    Generated(&'a str),
    Constraint(&'a str),
    Index(&'a str),
    Policy(&'a str),
}

fn rewrite_relation(
    catalog: &Catalog,
    name: &Name,
    relation: &mut Relation,
    hook: &mut dyn FnMut(&Owner<'_>, Mention<'_>),
) -> Result<bool> {
    let mut changed = false;
    let mut rewrite = |text: &mut String, part: Part<'_>| -> Result<()> {
        let owner = Owner { relation: name, part };
        let new = rewritten(catalog, name, text, part == Part::Query, &mut |mention| hook(&owner, mention))?;
        if let Some(new) = new {
            *text = new;
            changed = true;
        }
        Ok(())
    };
    match &mut relation.kind {
        RelationKind::View { query, .. } | RelationKind::MaterializedView { query, .. } => {
            rewrite(query, Part::Query)?;
        }
        RelationKind::Table => {}
    }
    for column in &mut relation.columns {
        if let Some(text) = &mut column.default {
            rewrite(text, Part::Default(&column.name))?;
        }
        if let Some(text) = &mut column.generated {
            rewrite(text, Part::Generated(&column.name))?;
        }
    }
    for constraint in &mut relation.constraints {
        if let ConstraintKind::Check { expression } = &mut constraint.kind {
            rewrite(expression, Part::Constraint(&constraint.name))?;
        }
    }
    for index in &mut relation.indexes {
        let part = Part::Index(&index.name);
        for key in &mut index.keys {
            if let KeyKind::Expression(text) = &mut key.key {
                rewrite(text, part)?;
            }
        }
        if let Some(text) = &mut index.predicate {
            rewrite(text, part)?;
        }
    }
    for policy in &mut relation.policies {
        let part = Part::Policy(&policy.name);
        for text in [&mut policy.using, &mut policy.check].into_iter().flatten() {
            rewrite(text, part)?;
        }
    }
    Ok(changed)
}

/// The text after the hook has seen every name in it; `None` where nothing changed.
fn rewritten(
    catalog: &Catalog,
    relation: &Name,
    text: &str,
    query: bool,
    hook: &mut dyn FnMut(Mention<'_>),
) -> Result<Option<String>> {
    let path = default_search_path();
    if query {
        let before = parse::statement(text).map_err(unplaced)?.node;
        let mut after = before.clone();
        Scoping::new(catalog, &path, hook).query(&mut after);
        return if before == after { Ok(None) } else { parse::deparse_statement(&after).map(Some) };
    }
    let before = parse::expression(text).map_err(unplaced)?;
    let mut after = before.clone();
    Scoping::new(catalog, &path, hook).expression(Some(relation), &mut after);
    if before == after { Ok(None) } else { parse::deparse_expression(&after).map(Some) }
}

/// The search path that texts of the catalog are read with.
pub(super) fn default_search_path() -> Vec<String> {
    vec!["public".to_owned(), "extensions".to_owned()]
}

fn strip_regclass(node: &mut Node) {
    let Some(inner) = &mut node.node else { return };
    parse::for_each_node(inner, &mut |visit| {
        let parse::Visit::Node(node) = visit else { return };
        let NodeEnum::TypeCast(cast) = node else { return };
        let is_regclass = cast
            .type_name
            .as_ref()
            .is_some_and(|name| strings(&name.names).last().is_some_and(|n| n == "regclass"));
        if is_regclass && let Some(arg) = cast.arg.take() {
            match arg.node {
                Some(inner) if string_constant(&inner) => *node = inner,
                inner => cast.arg = Some(Box::new(Node { node: inner })),
            }
        }
    });
}

/// The text of `'name'` or `'name'::regclass`.
fn regclass_literal(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        constant @ NodeEnum::AConst(_) if string_constant(constant) => string(node),
        NodeEnum::TypeCast(cast) => {
            let ty = strings(&cast.type_name.as_ref()?.names).pop()?;
            (ty == "regclass").then(|| string(cast.arg.as_deref()?)).flatten()
        }
        _ => None,
    }
}

fn string_constant(node: &NodeEnum) -> bool {
    matches!(node, NodeEnum::AConst(_)) && string(&Node { node: Some(node.clone()) }).is_some()
}

/// The query of a view, for those who only read it.
pub(super) fn view_query(relation: &Relation) -> Option<&str> {
    match &relation.kind {
        RelationKind::View { query, .. } | RelationKind::MaterializedView { query, .. } => Some(query),
        RelationKind::Table => None,
    }
}
