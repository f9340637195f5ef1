//! Calls by name: natives, aggregates, window functions and the user's own.

use super::bound::{Bound, Form};
use super::calls::{call_native, makes_json};
use super::coerce::Coercion;
use super::errors::{Located, place, syntax};
use super::overloads::{Callable, input_arguments};
use super::resolve::aggregates_named;
use super::scope::Binder;
use super::types::strings;
use crate::catalog::{ArgumentMode, Function};
use mainstay_base::{Problem, Result};
use mainstay_types::registry::Body;
use mainstay_types::{ColumnType, Type};
use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, TypeName};
use std::sync::Arc;

/// The arguments of a call in the order in which they were written.
pub(super) struct Arguments {
    pub values: Vec<Bound>,
    /// Names given with `=>`; empty for positional ones.
    pub names: Vec<String>,
    /// `VARIADIC` before the last one.
    pub spread: bool,
}

impl Binder<'_> {
    pub fn function_call(&mut self, call: &FuncCall) -> Result<Bound> {
        let at = place(call.location);
        let parts = strings(&call.funcname);
        let (schema, name) = match parts.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some(*schema), *name),
            [_, schema, name] => (Some(*schema), *name),
            _ => return Err(syntax("improper qualified name (too many dotted names)").placed(at)),
        };
        if let Some(bound) = self.window_only_call(name, call, at)? {
            return Ok(bound);
        }
        if call.agg_star {
            return self.aggregate_call(name, call, Vec::new(), at);
        }
        let is_aggregate = self.is_aggregate(schema, name);
        if is_aggregate {
            self.enter_aggregate(call, at)?;
        }
        let arguments = self.arguments(call);
        if is_aggregate {
            self.leave_aggregate();
        }
        let arguments = arguments?;
        if is_aggregate {
            return self.aggregate_call(name, call, arguments.values, at);
        }
        if call.over.is_some() {
            let what =
                format!("OVER specified, but {name} is not a window function nor an aggregate function");
            return Err(Problem::new("42809", what).placed(at));
        }
        if call.agg_distinct || call.agg_filter.is_some() || !call.agg_order.is_empty() {
            let what = if call.agg_distinct {
                "DISTINCT"
            } else if call.agg_filter.is_some() {
                "FILTER"
            } else {
                "ORDER BY"
            };
            let what = format!("{what} specified, but {name} is not an aggregate function");
            return Err(Problem::new("42809", what).placed(at));
        }
        if let Some(value) = self.own_setting(schema, name, &arguments) {
            return Ok(Bound::constant(mainstay_types::Value::text(value), Type::Text).at(at));
        }
        self.call_by_name(schema, name, arguments, at)
    }

    /// `current_setting('name')` within a function that sets the name for itself.
    fn own_setting(&self, schema: Option<&str>, name: &str, arguments: &Arguments) -> Option<String> {
        if name != "current_setting" || !self.is_native_schema(schema) {
            return None;
        }
        let Form::UnknownText(wanted) = &arguments.values.first()?.form else { return None };
        let mut settings = self.frames.iter().rev().flat_map(|frame| &frame.settings);
        settings.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone())
    }

    pub fn arguments(&mut self, call: &FuncCall) -> Result<Arguments> {
        let mut values = Vec::with_capacity(call.args.len());
        let mut names = Vec::with_capacity(call.args.len());
        for node in &call.args {
            match &node.node {
                Some(NodeEnum::NamedArgExpr(named)) => {
                    values.push(self.optional(named.arg.as_deref())?);
                    names.push(named.name.clone());
                }
                _ => {
                    if names.iter().any(|name| !name.is_empty()) {
                        return Err(syntax("positional argument cannot follow named argument")
                            .placed(place(call.location)));
                    }
                    values.push(self.expr(node)?);
                    names.push(String::new());
                }
            }
        }
        Ok(Arguments { values, names, spread: call.func_variadic })
    }

    /// A call of something that is no aggregate.
    pub fn call_by_name(
        &mut self,
        schema: Option<&str>,
        name: &str,
        mut arguments: Arguments,
        at: Option<usize>,
    ) -> Result<Bound> {
        if let Some(constant) = self.enum_function(schema, name, &arguments)? {
            return Ok(constant.at(at));
        }
        if let (Some(owner), "current_user" | "current_role" | "user") = (&self.access.definer, name)
            && self.is_native_schema(schema)
        {
            return Ok(Bound::constant(mainstay_types::Value::text(owner), Type::Name).at(at));
        }
        self.check_schema(schema);
        by_position(name, &mut arguments);
        if makes_json(name) && self.is_native_schema(schema) {
            if let ([Bound { form: Form::Row { .. }, .. }], "to_json" | "to_jsonb" | "row_to_json") =
                (arguments.values.as_slice(), name)
            {
                let row = arguments.values.remove(0);
                return self.row_function(name, row).map(|bound| bound.at(at));
            }
            for value in &mut arguments.values {
                let taken = std::mem::replace(value, Bound::null());
                *value = self.row_as_json(taken)?;
            }
        }
        let target = match self.find_callable(schema, name, &arguments) {
            Ok(target) => target,
            Err(problem) => {
                return match self.function_notation(schema, name, &mut arguments, at)? {
                    Some(bound) => Ok(bound),
                    None => Err(problem.placed(at)),
                };
            }
        };
        match &target.callable {
            Callable::Native(native) => {
                if matches!(native.body, Body::Rows { .. }) {
                    return self.rows_in_select_list(native, name, arguments, &target, at);
                }
                let args = self.coerce_all(arguments.values, &target.types)?;
                call_native(self, native, args, &target.types, &target.returns, arguments.spread)
                    .map(|bound| bound.at(at))
                    .placed(at)
            }
            Callable::User(function) => {
                let function = Arc::clone(function);
                let values = self.user_arguments(&function, arguments, &target.types)?;
                self.inline_scalar(&function, values, at)
            }
        }
    }

    /// `enum_range`, `enum_first` and `enum_last` of one argument depend on its type alone.
    fn enum_function(
        &mut self,
        schema: Option<&str>,
        name: &str,
        arguments: &Arguments,
    ) -> Result<Option<Bound>> {
        if !matches!(name, "enum_range" | "enum_first" | "enum_last") || !self.is_native_schema(schema) {
            return Ok(None);
        }
        let [value] = arguments.values.as_slice() else { return Ok(None) };
        let Type::Enum(id) = value.ty.ty else { return Ok(None) };
        let labels = self.catalog.types.enums.get(&id).map(|found| found.labels.clone()).unwrap_or_default();
        let ty = ColumnType::from(value.ty.ty.clone());
        let constant = |label: &String| Bound::constant(mainstay_types::Value::text(label), ty.clone());
        Ok(match name {
            "enum_first" => labels.first().map(constant),
            "enum_last" => labels.last().map(constant),
            _ => {
                let elements = labels.iter().map(constant).collect();
                Some(self.array_of(elements, &ty.ty))
            }
        })
    }

    pub fn coerce_all(&mut self, values: Vec<Bound>, types: &[Type]) -> Result<Vec<Bound>> {
        let mut out = Vec::with_capacity(values.len());
        for (value, ty) in values.into_iter().zip(types) {
            // `"any"` takes what comes; a literal without a type is text then.
            let value = if ty.is_pseudo() {
                self.settle(value)?
            } else {
                self.coerce(value, &ty.clone().into(), Coercion::Implicit)?
            };
            out.push(value);
        }
        Ok(out)
    }

    /// `name(x)` as `x.name` or as `x::name`.
    fn function_notation(
        &mut self,
        schema: Option<&str>,
        name: &str,
        arguments: &mut Arguments,
        at: Option<usize>,
    ) -> Result<Option<Bound>> {
        if arguments.values.len() != 1 || !arguments.names.iter().all(String::is_empty) {
            return Ok(None);
        }
        let Some(value) = arguments.values.first().cloned() else { return Ok(None) };
        if schema.is_none()
            && let Some(field) = self.field(&value, name, at)?
        {
            return Ok(Some(field));
        }
        let node = |text: &str| pg_query::Node {
            node: Some(NodeEnum::String(pg_query::protobuf::String { sval: text.to_owned() })),
        };
        let names = schema.into_iter().chain([name]).map(node).collect();
        let named = TypeName { names, typemod: -1, location: -1, ..TypeName::default() };
        let Ok(named) = self.named_type(&named) else { return Ok(None) };
        let plain = ColumnType::from(named.ty.ty);
        if !value.is_unknown() && !self.can_coerce(&value, &plain.ty, Coercion::Explicit) {
            return Ok(None);
        }
        self.coerce(value, &plain, Coercion::Explicit).map(|bound| Some(bound.at(at)))
    }

    pub fn is_aggregate(&self, schema: Option<&str>, name: &str) -> bool {
        matches!(schema, None | Some("pg_catalog"))
            && (matches!(name, "count" | "min" | "max") || !aggregates_named(name).is_empty())
    }

    /// The arguments of a user's function in the order of its parameters, defaults filled in.
    pub fn user_arguments(
        &mut self,
        function: &Function,
        arguments: Arguments,
        types: &[Type],
    ) -> Result<Vec<(String, Bound)>> {
        let inputs: Vec<crate::catalog::Argument> = input_arguments(function).into_iter().cloned().collect();
        let spread = arguments.spread;
        let mut given: Vec<Option<Bound>> = vec![None; inputs.len()];
        let mut rest = Vec::new();
        for (index, ((value, name), ty)) in
            arguments.values.into_iter().zip(arguments.names).zip(types).enumerate()
        {
            let position = if name.is_empty() {
                index
            } else {
                inputs.iter().position(|arg| arg.name == name).unwrap_or(index)
            };
            let mut value = self.coerce(value, &ty.clone().into(), Coercion::Implicit)?;
            value.domain = inputs.get(position).and_then(|input| input.domain.clone());
            let variadic = inputs.get(position).is_none_or(|arg| arg.mode == ArgumentMode::Variadic);
            match given.get_mut(position) {
                Some(slot) if !variadic || spread => *slot = Some(value),
                _ => rest.push(value),
            }
        }
        let mut out = Vec::with_capacity(inputs.len());
        for (input, value) in inputs.iter().zip(given) {
            let value = match value {
                Some(value) => value,
                None if input.mode == ArgumentMode::Variadic && !rest.is_empty() => {
                    let element = input.ty.ty.element().cloned().unwrap_or(Type::Text);
                    self.array_of(std::mem::take(&mut rest), &element)
                }
                None if input.mode == ArgumentMode::Variadic => {
                    let element = input.ty.ty.element().cloned().unwrap_or(Type::Text);
                    self.array_of(Vec::new(), &element)
                }
                None => self.argument_default(function, input)?,
            };
            out.push((input.name.clone(), value));
        }
        Ok(out)
    }

    fn argument_default(&mut self, function: &Function, input: &crate::catalog::Argument) -> Result<Bound> {
        let Some(text) = &input.default else {
            return Err(Problem::internal(format!("no value for an argument of {}", function.name)));
        };
        let node = crate::parse::expression(text)?;
        self.in_isolation(|binder| {
            let bound = binder.expr(&node)?;
            binder.coerce(bound, &input.ty, Coercion::Assignment)
        })
    }
}

/// Natives whose arguments have names and defaults.
const NAMED: &[(&str, &[&str])] =
    &[("make_interval", &["years", "months", "weeks", "days", "hours", "mins", "secs"])];

/// Puts named arguments of a native into their places; what is missing is zero.
fn by_position(name: &str, arguments: &mut Arguments) {
    let Some((_, names)) = NAMED.iter().find(|(native, _)| *native == name) else { return };
    if arguments.names.iter().any(|given| !given.is_empty() && !names.contains(&given.as_str())) {
        return;
    }
    let mut values: Vec<Bound> = Vec::with_capacity(names.len());
    for (index, wanted) in names.iter().enumerate() {
        let given = arguments
            .names
            .iter()
            .enumerate()
            .position(|(place, given)| given == wanted || (given.is_empty() && place == index));
        let value = given.and_then(|place| arguments.values.get(place).cloned());
        values.push(value.unwrap_or_else(|| Bound::unknown_text("0")));
    }
    arguments.names = vec![String::new(); values.len()];
    arguments.values = values;
}
