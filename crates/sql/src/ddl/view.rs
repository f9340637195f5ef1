//! `CREATE VIEW`, materialized views and their `REFRESH`.

use super::Draft;
use super::tree::{at, boolean, def_elems, range_parts, required, string, strings};
use crate::catalog::{Column, Name, Relation, RelationKind, quote_identifier};
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    CreateTableAsStmt, Node, ObjectType, RefreshMatViewStmt, SelectStmt, SetOperation, ViewCheckOption,
    ViewStmt,
};

impl Draft<'_> {
    pub(super) fn create_view(&mut self, statement: &ViewStmt) -> Result<()> {
        let range = required(statement.view.as_ref())?;
        if range.relpersistence == "t" {
            return Err(at(Problem::needs_postgres("a temporary view"), range.location));
        }
        let name = self.creation_name(&range_parts(range)).map_err(|problem| at(problem, range.location))?;
        let query = required(statement.query.as_ref().and_then(|node| node.node.as_ref()))?;
        let (mut text, columns, origins) = self.understand_view(query, &strings(&statement.aliases))?;
        let existing = self.catalog.relations.get(&name).cloned();
        if let (true, Some(old)) = (statement.replace, &existing) {
            check_replacement(self, old, &columns)?;
        } else {
            self.require_free(&name).map_err(|problem| at(problem, range.location))?;
        }
        if text.ends_with(';') {
            text.pop();
        }
        let (security_invoker, check) = options(&statement.options);
        let option = statement.with_check_option;
        let check_local = check == Some(Check::Local) || option == ViewCheckOption::LocalCheckOption as i32;
        let check_option =
            check_local || check.is_some() || option == ViewCheckOption::CascadedCheckOption as i32;
        let updatable = self.updatable(query);
        if check_option && updatable.is_none() {
            return Err(Problem::new(
                "0A000",
                "WITH CHECK OPTION is supported only on automatically updatable views",
            ));
        }
        let kind = RelationKind::View {
            query: text,
            updatable,
            security_invoker: security_invoker.unwrap_or(false),
            check_option,
            check_local,
        };
        let mut columns = columns;
        for column in existing.iter().flat_map(|old| &old.columns) {
            if let Some(same) = columns.iter_mut().find(|new| new.name == column.name) {
                same.default.clone_from(&column.default);
            }
        }
        let mut relation = match existing {
            Some(old) => Relation { kind, ..(*old).clone() },
            None => self.new_relation(name.clone(), kind),
        };
        relation.columns = columns;
        relation.origins = origins;
        self.put_relation(relation);
        self.act(Action::TableChanged(name));
        Ok(())
    }

    /// The stored text of a view's query, its columns, and where each comes from.
    #[expect(clippy::type_complexity, reason = "the three belong to one query and are taken apart at once")]
    fn understand_view(
        &self,
        query: &NodeEnum,
        names: &[String],
    ) -> Result<(String, Vec<Column>, Vec<Option<(Name, String)>>)> {
        if let NodeEnum::SelectStmt(select) = query
            && select.into_clause.is_some()
        {
            return Err(Problem::new("42601", "views must not contain SELECT INTO"));
        }
        // The user's own text is bound first: its problems have places.
        self.compile(query)?;
        let mut text = self.query_text(query)?;
        if !names.is_empty() {
            let mut statement = crate::parse::statement(&text)?;
            for (index, name) in names.iter().enumerate() {
                name_output(&mut statement.node, index, name);
            }
            text = crate::parse::deparse_statement(&statement.node)?;
        }
        let columns = self.query_columns(&text, names)?;
        let mut origins: Vec<Option<(Name, String)>> =
            self.describe(&text)?.into_iter().map(|column| column.origin).collect();
        for origin in &mut origins {
            *origin = origin.take().and_then(|(table, column)| self.base_column(&table, &column));
        }
        Ok((text, columns, origins))
    }

    /// The table's column behind a column that may be a view's.
    fn base_column(&self, relation: &Name, column: &str) -> Option<(Name, String)> {
        let found = self.catalog.relations.get(relation)?;
        match found.kind {
            RelationKind::View { .. } => {
                let index = found.columns.iter().position(|other| other.name == column)?;
                found.origins.get(index).cloned().flatten()
            }
            _ => Some((relation.clone(), column.to_owned())),
        }
    }

    /// The base table, where PostgreSQL would update the view by itself: one table (or such a view) in `FROM`, no
    /// grouping, no `DISTINCT`, `LIMIT`, `WITH`, set operation, aggregate, window or set-returning function.
    fn updatable(&self, query: &NodeEnum) -> Option<Name> {
        let NodeEnum::SelectStmt(select) = query else { return None };
        let plain = select.distinct_clause.is_empty()
            && select.group_clause.is_empty()
            && select.having_clause.is_none()
            && select.window_clause.is_empty()
            && select.values_lists.is_empty()
            && select.limit_offset.is_none()
            && select.limit_count.is_none()
            && select.with_clause.is_none()
            && select.op == SetOperation::SetopNone as i32;
        if !plain || calls_beyond_rows(&select.target_list) {
            return None;
        }
        let [Node { node: Some(NodeEnum::RangeVar(range)) }] = select.from_clause.as_slice() else {
            return None;
        };
        let relation = self.find_relation(&range_parts(range))?;
        match &relation.kind {
            RelationKind::Table => Some(relation.name.clone()),
            RelationKind::View { updatable, .. } => updatable.clone(),
            RelationKind::MaterializedView { .. } => None,
        }
    }

    /// `CREATE TABLE … AS` and `CREATE MATERIALIZED VIEW`, which share a tree.
    pub(super) fn create_as(&mut self, statement: &CreateTableAsStmt) -> Result<()> {
        let into = required(statement.into.as_deref())?;
        let range = required(into.rel.as_ref())?;
        let query = required(statement.query.as_deref())?;
        let names = strings(&into.col_names);
        if statement.objtype != ObjectType::ObjectMatview as i32 {
            return self.create_table_as(range, &names, query, !into.skip_data, statement.if_not_exists);
        }
        let name = self.creation_name(&range_parts(range))?;
        if statement.if_not_exists && super::names::is_relation_name_taken(&self.catalog, &name) {
            self.notice(format!("relation \"{}\" already exists, skipping", name.name));
            return Ok(());
        }
        self.require_free(&name).map_err(|problem| at(problem, range.location))?;
        self.require_storable(&name).map_err(|problem| at(problem, range.location))?;
        let node = required(query.node.as_ref())?;
        let (text, columns, origins) = self.understand_view(node, &names)?;
        let kind = RelationKind::MaterializedView { query: text.clone(), populated: !into.skip_data };
        let mut relation = self.new_relation(name, kind);
        relation.columns = columns;
        relation.origins = origins;
        self.put_relation(relation.clone());
        self.create_physical(&relation)?;
        if !into.skip_data {
            let fill = self.fill_from(&relation, &text)?;
            self.act(fill);
        }
        Ok(())
    }

    pub(super) fn refresh(&mut self, statement: &RefreshMatViewStmt) -> Result<()> {
        let relation = self.relation(required(statement.relation.as_ref())?)?;
        let RelationKind::MaterializedView { query, .. } = &relation.kind else {
            let words = format!("\"{}\" is not a materialized view", relation.name.name);
            return Err(Problem::new("0A000", words));
        };
        self.run(format!("DELETE FROM {}", super::physical::quoted(&relation.name)));
        if !statement.skip_data {
            let fill = self.fill_from(&relation, query)?;
            self.act(fill);
        }
        let filled = !statement.skip_data;
        self.change_relation(&relation.name, |relation| {
            if let RelationKind::MaterializedView { populated, .. } = &mut relation.kind {
                *populated = filled;
            }
        })
    }
}

/// Whether a select list calls what makes more or fewer rows than its table has.
fn calls_beyond_rows(targets: &[Node]) -> bool {
    const SET_RETURNING: &[&str] = &[
        "generate_series",
        "unnest",
        "json_array_elements",
        "jsonb_array_elements",
        "jsonb_array_elements_text",
        "json_array_elements_text",
        "jsonb_each",
        "json_each",
        "jsonb_each_text",
        "json_each_text",
        "jsonb_object_keys",
        "json_object_keys",
        "regexp_matches",
        "regexp_split_to_table",
        "string_to_table",
    ];
    let mut found = false;
    for target in targets {
        let mut target = target.clone();
        let Some(node) = &mut target.node else { continue };
        crate::parse::for_each_node_within(node, &mut |visit| {
            match visit {
                // What a subquery does stays within it.
                crate::parse::Visit::Node(NodeEnum::SelectStmt(_)) => return false,
                crate::parse::Visit::Node(NodeEnum::FuncCall(call)) => {
                    let name = strings(&call.funcname).pop().unwrap_or_default();
                    found |= call.over.is_some()
                        || call.agg_star
                        || SET_RETURNING.contains(&name.as_str())
                        || mainstay_types::registry::aggregates().any(|aggregate| aggregate.name == name);
                }
                _ => {}
            }
            true
        });
    }
    found
}

fn check_replacement(draft: &Draft<'_>, old: &Relation, columns: &[Column]) -> Result<()> {
    if !matches!(old.kind, RelationKind::View { .. }) {
        return Err(Problem::new("42809", format!("\"{}\" is not a view", old.name.name)));
    }
    if columns.len() < old.columns.len() {
        return Err(Problem::new("42P16", "cannot drop columns from view"));
    }
    for (before, after) in old.columns.iter().zip(columns) {
        if before.name != after.name {
            return Err(Problem::new(
                "42P16",
                format!("cannot change name of view column \"{}\" to \"{}\"", before.name, after.name),
            )
            .with_hint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."));
        }
        if before.ty.ty != after.ty.ty {
            let types = &draft.catalog.types;
            return Err(Problem::new(
                "42P16",
                format!(
                    "cannot change data type of view column \"{}\" from {} to {}",
                    before.name,
                    types.type_name(&before.ty.ty),
                    types.type_name(&after.ty.ty)
                ),
            ));
        }
    }
    Ok(())
}

/// What the option `check_option` of a view says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Local,
    Cascaded,
}

/// `security_invoker` and `check_option` among a view's options.
pub(super) fn options(nodes: &[Node]) -> (Option<bool>, Option<Check>) {
    let mut found = (None, None);
    for option in def_elems(nodes) {
        match option.defname.as_str() {
            "security_invoker" => found.0 = Some(boolean(option)),
            "check_option" => {
                let local = option.arg.as_deref().and_then(string).is_some_and(|kind| kind == "local");
                found.1 = Some(if local { Check::Local } else { Check::Cascaded });
            }
            _ => {}
        }
    }
    found
}

/// Gives the output column at the index a name; `false` where the query has no such place for it.
pub(super) fn name_output(node: &mut NodeEnum, index: usize, name: &str) -> bool {
    let NodeEnum::SelectStmt(select) = node else { return false };
    let mut select: &mut SelectStmt = select;
    while select.larg.is_some() {
        match &mut select.larg {
            Some(left) => select = left,
            None => return false,
        }
    }
    let is_star = |node: &Node| match &node.node {
        Some(NodeEnum::ResTarget(target)) => {
            match target.val.as_ref().and_then(|value| value.node.as_ref()) {
                Some(NodeEnum::ColumnRef(reference)) => {
                    reference.fields.iter().any(|field| matches!(field.node, Some(NodeEnum::AStar(_))))
                }
                _ => false,
            }
        }
        _ => false,
    };
    if select.target_list.iter().take(index + 1).any(is_star) {
        return false;
    }
    match select.target_list.get_mut(index).and_then(|node| node.node.as_mut()) {
        Some(NodeEnum::ResTarget(target)) => {
            name.clone_into(&mut target.name);
            true
        }
        _ => false,
    }
}

/// The name as it stands in a query that DDL writes.
pub(super) fn in_query(name: &Name) -> String {
    format!("{}.{}", quote_identifier(&name.schema), quote_identifier(&name.name))
}
