//! Subqueries within expressions.

use super::bound::{Bound, Form};
use super::coerce::Coercion;
use super::compare::{loose_collated, quantified};
use super::errors::{Located, place, syntax};
use super::operators::resolve;
use super::query::{Naming, Query};
use super::scope::Binder;
use super::single::single_value;
use super::types::strings;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::NodeEnum;
use pg_query::protobuf::{SubLink, SubLinkType};

impl Binder<'_> {
    pub fn sublink(&mut self, link: &SubLink, positive: bool) -> Result<Bound> {
        let at = place(link.location);
        let Some(NodeEnum::SelectStmt(select)) =
            link.subselect.as_deref().and_then(|node| node.node.as_ref())
        else {
            return Err(Problem::internal("a subquery that is no query").placed(at));
        };
        if let Some(place) = self.scope().clause.without_subqueries() {
            return Err(Problem::new("0A000", format!("cannot use subquery in {place}")).placed(at));
        }
        if self.in_schema_text() {
            return Err(Problem::needs_postgres(
                "a subquery in a function that a constraint, an index or a generated column calls",
            )
            .placed(at));
        }
        match link.sub_link_type() {
            SubLinkType::ExistsSublink => {
                let query = self.subquery(select)?;
                let mut bound =
                    Bound::boolean(format!("EXISTS ({})", query.render_exists())).at(at).not_null();
                bound.atom = true;
                query.lend(&mut bound);
                Ok(bound)
            }
            SubLinkType::ExprSublink => {
                let query = self.subquery(select)?;
                self.scalar_subquery(query, at)
            }
            SubLinkType::ArraySublink => {
                let query = self.subquery(select)?;
                self.array_subquery(query, at)
            }
            SubLinkType::AnySublink | SubLinkType::AllSublink => {
                let names = strings(&link.oper_name);
                let name = names.last().copied().unwrap_or("=");
                let name = if name == "!=" { "<>" } else { name };
                let left = self.optional(link.testexpr.as_deref())?;
                let query = self.subquery(select)?;
                let all = link.sub_link_type() == SubLinkType::AllSublink;
                self.quantified_subquery(name, left, query, all, positive, at)
            }
            SubLinkType::RowcompareSublink => {
                let names = strings(&link.oper_name);
                let name = names.last().copied().unwrap_or("=").to_owned();
                let left = self.optional(link.testexpr.as_deref())?;
                let query = self.subquery(select)?;
                self.row_subquery(&name, left, query, at)
            }
            _ => Err(Problem::internal("a subquery of an unknown kind").placed(at)),
        }
    }

    /// The one value of a query, as an expression.
    pub fn scalar_subquery(&mut self, mut query: Query, at: Option<usize>) -> Result<Bound> {
        query.settle(self)?;
        if query.columns().len() != 1 {
            return Err(syntax("subquery must return only one column").placed(at));
        }
        let Some(column) = query.columns().into_iter().next() else {
            return Err(syntax("subquery must return only one column").placed(at));
        };
        let mut bound = Bound::plain(format!("({})", query.render_single(self)), column.ty).at(at);
        query.lend(&mut bound);
        bound.nullable = !query.always_one_row() || column.nullable;
        Ok(bound)
    }

    fn array_subquery(&mut self, mut query: Query, at: Option<usize>) -> Result<Bound> {
        query.settle(self)?;
        let columns = query.columns();
        let [column] = &*columns else {
            return Err(syntax("subquery must return only one column").placed(at));
        };
        let emit = self.emit_name("item");
        let names = vec!["c".to_owned()];
        let mut item = Bound::plain(format!("\"{emit}\".\"c\""), column.ty.clone());
        item.nullable = column.nullable;
        let text = self.json_item(&item);
        let element = match &column.ty.ty {
            Type::Array(inner) => (**inner).clone(),
            other => other.clone(),
        };
        let sql = format!(
            "(SELECT json_group_array({text}) FROM ({}) AS \"{emit}\")",
            query.render(Naming::Columns(&names))
        );
        let mut bound = Bound::plain(sql, Type::array(element)).at(at).not_null();
        query.lend(&mut bound);
        Ok(bound)
    }

    fn quantified_subquery(
        &mut self,
        name: &str,
        left: Bound,
        mut query: Query,
        all: bool,
        positive: bool,
        at: Option<usize>,
    ) -> Result<Bound> {
        if let Form::Row { fields, .. } = &left.form
            && matches!(left.ty.ty, Type::Record)
        {
            let lefts: Vec<Bound> = fields.iter().map(|(_, bound)| bound.clone()).collect();
            return self.row_membership(name, lefts, query, all, at);
        }
        let columns = query.columns();
        let [column] = &*columns else {
            return Err(if columns.is_empty() {
                syntax("subquery has too few columns")
            } else {
                syntax("subquery has too many columns")
            }
            .placed(at));
        };
        let resolved = resolve(self, name, &[left.ty.ty.clone(), column.ty.ty.clone()]).placed(at)?;
        let [left_type, right_type] = &*resolved.args else {
            return Err(Problem::internal("an operator without two operands").placed(at));
        };
        let (left_type, right_type) = (left_type.clone(), right_type.clone());
        let left = self.coerce(left, &left_type.into(), Coercion::Implicit)?;
        query.coerce_columns(self, &[right_type.clone().into()], Coercion::Implicit)?;
        if (name == "=" && !all) || (name == "<>" && all) {
            let operator = if all { "NOT IN" } else { "IN" };
            let mut bound = Bound::boolean(format!(
                "{} {operator} ({})",
                loose_collated(&left),
                query.render(Naming::None)
            ))
            .over([&left])
            .at(at);
            bound.nullable = true;
            query.lend(&mut bound);
            return Ok(bound);
        }
        let emit = self.emit_name("item");
        let names = vec!["c".to_owned()];
        let item = Bound::plain(format!("\"{emit}\".\"c\""), right_type);
        let test = self.apply_binary(name, resolved, left.clone(), item, at)?;
        let from = format!("({}) AS \"{emit}\"", query.render(Naming::Columns(&names)));
        let mut bound = quantified(&test.sql, &from, all, positive && !all).over([&left]).at(at);
        bound.nullable = true;
        query.lend(&mut bound);
        Ok(bound)
    }

    /// `(a, b) IN (SELECT …)`
    fn row_membership(
        &mut self,
        name: &str,
        lefts: Vec<Bound>,
        mut query: Query,
        all: bool,
        at: Option<usize>,
    ) -> Result<Bound> {
        let columns = query.columns();
        if columns.len() != lefts.len() {
            let what = if columns.len() < lefts.len() { "few" } else { "many" };
            return Err(syntax(format!("subquery has too {what} columns")).placed(at));
        }
        if !((name == "=" && !all) || (name == "<>" && all)) {
            return Err(
                Problem::needs_postgres(format!("a row with {name} ANY or ALL of a subquery")).placed(at)
            );
        }
        let mut types = Vec::new();
        let mut cast = Vec::new();
        for (left, column) in lefts.into_iter().zip(&columns) {
            let resolved = resolve(self, "=", &[left.ty.ty.clone(), column.ty.ty.clone()]).placed(at)?;
            let [left_type, right_type] = &*resolved.args else {
                return Err(Problem::internal("an operator without two operands").placed(at));
            };
            types.push(right_type.clone().into());
            cast.push(self.coerce(left, &left_type.clone().into(), Coercion::Implicit)?);
        }
        query.coerce_columns(self, &types, Coercion::Implicit)?;
        let operator = if all { "NOT IN" } else { "IN" };
        let texts: Vec<String> = cast.iter().map(Bound::collated).collect();
        let mut bound =
            Bound::boolean(format!("({}) {operator} ({})", texts.join(", "), query.render(Naming::None)))
                .over(&cast)
                .at(at);
        query.lend(&mut bound);
        bound.nullable = true;
        Ok(bound)
    }

    /// `(a, b) = (SELECT c, d …)`
    fn row_subquery(
        &mut self,
        name: &str,
        left: Bound,
        mut query: Query,
        at: Option<usize>,
    ) -> Result<Bound> {
        let Form::Row { fields, .. } = left.form.clone() else {
            return Err(syntax("subquery has too many columns").placed(at));
        };
        let columns = query.columns();
        if columns.len() != fields.len() {
            let what = if columns.len() < fields.len() { "few" } else { "many" };
            return Err(syntax(format!("subquery has too {what} columns")).placed(at));
        }
        query.settle(self)?;
        let emit = self.emit_name("item");
        let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        let rights = columns
            .iter()
            .zip(&names)
            .map(|(column, name)| Bound::plain(format!("\"{emit}\".\"{name}\""), column.ty.clone()))
            .collect();
        let test =
            self.compare_rows(name, fields.into_iter().map(|(_, bound)| bound).collect(), rights, at)?;
        let test = if query.at_most_one_row() { test.sql } else { single_value(&test.sql) };
        let sql = format!("(SELECT {test} FROM ({}) AS \"{emit}\")", query.render(Naming::Columns(&names)));
        let mut bound = Bound { atom: true, ..Bound::boolean(sql) }.over([&left]).at(at);
        bound.nullable = true;
        query.lend(&mut bound);
        Ok(bound)
    }
}
