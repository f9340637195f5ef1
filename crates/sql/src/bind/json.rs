//! The SQL/JSON constructors, by way of the functions that do the same.

use super::bound::{Bound, quote_text};
use super::coerce::Coercion;
use super::errors::{Located, place, syntax};
use super::functions::Arguments;
use super::scope::Binder;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::protobuf::{JsonOutput, JsonValueExpr};
use pg_query::{Node, NodeEnum};

impl Binder<'_> {
    pub fn json_expr(&mut self, node: &NodeEnum) -> Result<Bound> {
        match node {
            NodeEnum::JsonObjectConstructor(object) => {
                let at = place(object.location);
                let mut values = Vec::new();
                for node in &object.exprs {
                    let Some(NodeEnum::JsonKeyValue(pair)) = &node.node else { continue };
                    let key = self.optional(pair.key.as_deref())?;
                    values.push(self.coerce(key, &Type::Text.into(), Coercion::Explicit)?);
                    values.push(self.json_value(pair.value.as_deref())?);
                }
                if object.absent_on_null || object.unique {
                    return Err(
                        Problem::needs_postgres("JSON_OBJECT with ABSENT ON NULL or UNIQUE").placed(at)
                    );
                }
                self.json_call("json_build_object", values, object.output.as_ref(), at)
            }
            NodeEnum::JsonArrayConstructor(array) => {
                let at = place(array.location);
                let mut values = Vec::new();
                for node in &array.exprs {
                    match &node.node {
                        Some(NodeEnum::JsonValueExpr(value)) => values.push(self.json_value(Some(value))?),
                        _ => values.push(self.expr(node)?),
                    }
                }
                if array.absent_on_null && values.iter().any(|value| value.nullable) {
                    return Err(Problem::needs_postgres("JSON_ARRAY with ABSENT ON NULL").placed(at));
                }
                self.json_call("json_build_array", values, array.output.as_ref(), at)
            }
            NodeEnum::JsonIsPredicate(test) => {
                let bound = self.optional(test.expr.as_deref())?;
                let bound = self.settle(bound)?;
                let kind = match test.item_type {
                    2 => " = 'object'",
                    3 => " = 'array'",
                    4 => " NOT IN ('object', 'array')",
                    _ => "",
                };
                let value = bound.operand();
                let sql = if kind.is_empty() {
                    format!("json_valid({value})")
                } else {
                    format!(
                        "CASE WHEN json_valid({value}) THEN json_type({value}){kind} ELSE {value} IS NOT NULL AND 0 END"
                    )
                };
                Ok(Bound::boolean(sql).over([&bound]).at(place(test.location)))
            }
            NodeEnum::JsonFuncExpr(call) => {
                Err(Problem::needs_postgres("SQL/JSON query functions").placed(place(call.location)))
            }
            NodeEnum::SelectStmt(_) => Err(syntax("a query stands where an expression is expected")),
            _ => Err(Problem::needs_postgres("this kind of expression")),
        }
    }

    fn json_value(&mut self, value: Option<&JsonValueExpr>) -> Result<Bound> {
        let node: Option<&Node> = value.and_then(|value| value.raw_expr.as_deref());
        let bound = self.optional(node)?;
        self.settle(bound)
    }

    fn json_call(
        &mut self,
        name: &str,
        values: Vec<Bound>,
        output: Option<&JsonOutput>,
        at: Option<usize>,
    ) -> Result<Bound> {
        let names = vec![String::new(); values.len()];
        let bound =
            self.call_by_name(Some("pg_catalog"), name, Arguments { values, names, spread: false }, at)?;
        match output.and_then(|output| output.type_name.as_ref()) {
            Some(name) => {
                let ty = self.named_type(name)?.ty;
                self.coerce(bound, &ty, Coercion::Explicit)
            }
            None => Ok(bound),
        }
    }

    /// A call that fails with this code and message.
    pub fn raise_text(code: &str, message: &str) -> String {
        format!("\"pg:pg_raise(text,text)\"({}, {})", quote_text(code), quote_text(message))
    }
}
