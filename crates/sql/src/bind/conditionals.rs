//! Expressions that choose among values of one common type: CASE, COALESCE, GREATEST and LEAST.

use super::bound::Bound;
use super::coerce::Coercion;
use super::errors::{Located, place};
use super::scope::Binder;
use super::types::{common_column_type, common_type};
use mainstay_base::{Problem, Result};
use pg_query::protobuf::{CaseExpr, MinMaxExpr};
use pg_query::{Node, NodeEnum};

impl Binder<'_> {
    pub(super) fn case(&mut self, case: &CaseExpr) -> Result<Bound> {
        let at = place(case.location);
        let mut fence = None;
        let subject = match case.arg.as_deref() {
            Some(node) => {
                let bound = self.expr(node)?;
                let bound = self.settle(bound)?;
                if self.in_schema_text() {
                    Some(bound)
                } else {
                    let (mut values, held) = self.fence(vec![bound], at)?;
                    fence = held;
                    values.pop()
                }
            }
            None => None,
        };
        let mut tests = Vec::new();
        let mut results = Vec::new();
        for node in &case.args {
            let Some(NodeEnum::CaseWhen(when)) = &node.node else { continue };
            let Some(test) = when.expr.as_deref() else { continue };
            let test = match &subject {
                Some(subject) => {
                    let value = self.expr(test)?;
                    let at = value.place;
                    self.operate("=", subject.clone(), value, at)?
                }
                None => {
                    let bound = self.condition(test, true)?;
                    self.coerce_to_boolean(bound, "CASE/WHEN")?
                }
            };
            tests.push(test);
            results.push(self.optional(when.result.as_deref())?);
        }
        let default = match case.defresult.as_deref() {
            Some(node) => self.expr(node)?,
            None => Bound::null(),
        };
        results.push(default);
        // PostgreSQL looks at the ELSE first when it looks for the common type.
        let mut order: Vec<&Bound> = results.iter().rev().take(1).collect();
        order.extend(results.iter().take(results.len().saturating_sub(1)));
        let ty = common_column_type(self, "CASE", &order)?;
        let mut cast = Vec::with_capacity(results.len());
        for bound in results {
            cast.push(self.coerce(bound, &ty, Coercion::Implicit)?);
        }
        let mut sql = String::from("CASE");
        for (test, result) in tests.iter().zip(&cast) {
            sql.push_str(&format!(" WHEN {} THEN {}", test.sql, result.sql));
        }
        if let Some(default) = cast.last().filter(|bound| !bound.is_null_constant()) {
            sql.push_str(&format!(" ELSE {}", default.sql));
        }
        sql.push_str(" END");
        let mut bound = Bound::plain(sql, ty).over(cast.iter()).at(at);
        for test in &tests {
            bound.absorb(test);
        }
        Ok(match fence {
            Some(_) if bound.aggregate || bound.window => {
                return Err(Problem::needs_postgres("CASE of a volatile value with an aggregate").placed(at));
            }
            Some(fence) => fence.around(bound),
            None => bound,
        })
    }

    pub fn coalesce(&mut self, nodes: &[Node], at: Option<usize>) -> Result<Bound> {
        let parts = self.all(nodes)?;
        let borrowed: Vec<&Bound> = parts.iter().collect();
        let ty = common_column_type(self, "COALESCE", &borrowed)?;
        let mut cast = Vec::with_capacity(parts.len());
        for bound in parts {
            cast.push(self.coerce(bound, &ty, Coercion::Implicit)?);
        }
        if let [one] = cast.as_slice() {
            return Ok(one.clone());
        }
        let texts: Vec<&str> = cast.iter().map(|bound| bound.sql.as_str()).collect();
        let mut bound = Bound::plain(format!("coalesce({})", texts.join(", ")), ty).over(&cast).at(at);
        bound.nullable = cast.iter().all(|bound| bound.nullable);
        Ok(bound)
    }

    pub(super) fn min_max(&mut self, minmax: &MinMaxExpr) -> Result<Bound> {
        use pg_query::protobuf::MinMaxOp;
        let least = minmax.op() == MinMaxOp::IsLeast;
        let parts = self.all(&minmax.args)?;
        let borrowed: Vec<&Bound> = parts.iter().collect();
        let ty = common_type(self, if least { "LEAST" } else { "GREATEST" }, &borrowed)?;
        let mut cast = Vec::with_capacity(parts.len());
        for bound in parts {
            cast.push(self.coerce(bound, &ty.clone().into(), Coercion::Implicit)?);
        }
        let name = if least { "min" } else { "max" };
        let mut iter = cast.iter();
        let Some(first) = iter.next() else { return Err(Problem::internal("GREATEST without arguments")) };
        let mut result = first.clone();
        for next in iter {
            // SQLite's `max(a, b)` is NULL where either is; PostgreSQL's skips NULLs.
            let (left, right) = (result.sql.clone(), next.sql.clone());
            let left = if result.nullable { format!("coalesce({left}, {right})") } else { left };
            let right = if next.nullable { format!("coalesce({right}, {})", result.sql) } else { right };
            let mut left = Bound::plain(left, ty.clone());
            left.collation =
                if result.nullable { super::bound::Carried::Nothing } else { result.collation.clone() };
            // Of equal values PostgreSQL keeps the first; SQLite's `min` keeps the last.
            let text = if least {
                let mut right = Bound::plain(right, ty.clone());
                right.collation =
                    if next.nullable { super::bound::Carried::Nothing } else { next.collation.clone() };
                format!("{name}({}, {})", right.collated(), left.sql)
            } else {
                format!("{name}({}, {right})", left.collated())
            };
            let mut pair = Bound::plain(text, ty.clone()).over([&result, next]);
            pair.nullable = result.nullable && next.nullable;
            result = pair;
        }
        Ok(result.at(place(minmax.location)))
    }
}
