//! Calls: natives in Rust, and SQL functions that are one expression, put in place.

use super::Expression;
use super::build::{Builder, Built, Frame, needs_a_query, stand_in};
use crate::bind::errors::{Located, place};
use crate::bind::function_body::body_statements;
use crate::bind::functions::Arguments;
use crate::bind::overloads::{Callable, Target, input_arguments};
use crate::bind::types::strings;
use crate::catalog::Function;
use mainstay_base::{Problem, Result};
use mainstay_types::registry::Body;
use mainstay_types::{Native, Type, Value, Volatility};
use pg_query::protobuf::{
    FuncCall, LimitOption, SelectStmt, SetOperation, SqlValueFunction, SqlValueFunctionOp,
};
use pg_query::{Node, NodeEnum};

/// How many functions may be put into one another.
const NESTED_MAX: usize = 16;

/// Refuses what is no function of its arguments and the session, or is not written in Rust.
pub(super) fn must_be_pure(native: &Native, at: Option<usize>) -> Result<()> {
    if native.volatility == Volatility::Volatile {
        return Err(needs_a_query(&format!("the volatile {}()", native.name), at));
    }
    match native.body {
        Body::Rust(_) => Ok(()),
        _ => Err(needs_a_query(&format!("{}()", native.name), at)),
    }
}

impl Builder<'_> {
    pub(super) fn function_call(&mut self, call: &FuncCall) -> Result<Built> {
        let at = place(call.location);
        let parts = strings(&call.funcname);
        let (schema, name) = match *parts {
            [name] => (None, name),
            [schema, name] => (Some(schema), name),
            _ => return Err(needs_a_query("this function", at)),
        };
        let odd = call.agg_star
            || call.agg_distinct
            || call.over.is_some()
            || call.agg_filter.is_some()
            || !call.agg_order.is_empty()
            || call.func_variadic;
        let named = call.args.iter().any(|arg| matches!(arg.node, Some(NodeEnum::NamedArgExpr(_))));
        if odd || named {
            return Err(needs_a_query(&format!("this call of {name}()"), at));
        }
        let values = self.all(&call.args)?;
        self.call_by_name(schema, name, values, at)
    }

    fn call_by_name(
        &mut self,
        schema: Option<&str>,
        name: &str,
        values: Vec<Built>,
        at: Option<usize>,
    ) -> Result<Built> {
        let arguments = Arguments {
            values: values.iter().map(|value| stand_in(&value.ty)).collect(),
            names: vec![String::new(); values.len()],
            spread: false,
        };
        let Target { callable, types, returns } =
            self.binder.find_callable(schema, name, &arguments).placed(at)?;
        let mut cast = Vec::with_capacity(values.len());
        for (value, ty) in values.into_iter().zip(&types) {
            // `any` takes a text that nobody gave a type.
            let value = if value.is_unknown() && ty.is_pseudo() {
                self.literal(value, &Type::Text.into(), at)?
            } else {
                self.implicit(value, ty).placed(at)?
            };
            cast.push(value);
        }
        match callable {
            Callable::Native(native) => self.call(native, cast, types, returns, at),
            Callable::User(function) => self.in_place(&function, cast, at),
        }
    }

    pub(super) fn value_function(&mut self, function: &SqlValueFunction) -> Result<Built> {
        use SqlValueFunctionOp as Op;
        let at = place(function.location);
        let name = match function.op() {
            Op::SvfopCurrentRole | Op::SvfopCurrentUser | Op::SvfopUser => "current_user",
            Op::SvfopSessionUser => "session_user",
            Op::SvfopCurrentTimestamp => "now",
            Op::SvfopCurrentDate => {
                let now = self.call_by_name(Some("pg_catalog"), "now", Vec::new(), at)?;
                let cast =
                    Expression::Cast(Box::new(now.expression), now.ty, Box::new(Type::Date.into()), true);
                return Ok(Built::new(cast, Type::Date));
            }
            _ => return Err(needs_a_query("this value of the session", at)),
        };
        self.call_by_name(Some("pg_catalog"), name, Vec::new(), at)
    }

    /// The body of a function in the place of its call.
    fn in_place(&mut self, function: &Function, values: Vec<Built>, at: Option<usize>) -> Result<Built> {
        let words = || format!("function {}()", function.name);
        let sql = function.language.eq_ignore_ascii_case("sql");
        let settled = function.settings.is_empty() && !function.security_definer && !function.returns.set;
        if !sql || !settled || function.volatility == Volatility::Volatile {
            return Err(needs_a_query(&words(), at));
        }
        if self.frames.len() >= NESTED_MAX {
            return Err(Problem::new("54001", "functions are nested too deep").placed(at));
        }
        let inputs = input_arguments(function);
        if inputs.len() != values.len() {
            return Err(needs_a_query(&format!("a default argument of {}", words()), at));
        }
        let statements = body_statements(function)?;
        let body = match &*statements {
            [only] => lone_expression(&only.node),
            _ => None,
        };
        let body = body.ok_or_else(|| needs_a_query(&words(), at))?;
        let names = inputs.iter().map(|argument| argument.name.clone());
        let arguments: Vec<(String, Built)> = names.zip(values).collect();
        let nulls: Vec<Expression> = arguments
            .iter()
            .map(|(_, value)| Expression::IsNull(Box::new(value.expression.clone())))
            .collect();
        self.frames.push(Frame { function: function.name.clone(), arguments });
        let built = self.expression(body);
        self.frames.pop();
        let built = self.implicit(built.map_err(|problem| problem.placed(at))?, &function.returns.ty.ty)?;
        if !function.strict || nulls.is_empty() {
            return Ok(built);
        }
        let arms = vec![(Expression::Or(nulls), Expression::Constant(Value::Null))];
        Ok(Built::new(Expression::Case(arms, Box::new(built.expression)), built.ty))
    }
}

/// The expression of `SELECT expression`.
pub(super) fn lone_expression(node: &NodeEnum) -> Option<&Node> {
    let NodeEnum::SelectStmt(select) = node else { return None };
    let plain = SelectStmt {
        target_list: select.target_list.clone(),
        limit_option: LimitOption::Default as i32,
        op: SetOperation::SetopNone as i32,
        ..SelectStmt::default()
    };
    match (&*select.target_list, **select == plain) {
        ([Node { node: Some(NodeEnum::ResTarget(target)) }], true) => target.val.as_deref(),
        _ => None,
    }
}
