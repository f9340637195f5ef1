//! Calls by name: natives, aggregates, window functions and the user's own.

use super::bound::{Bound, Form};
use super::calls::{call_native, makes_json};
use super::coerce::Coercion;
use super::errors::{Located, place, syntax};
use super::resolve::{
    Candidate, Choice, aggregates_named, choose, expand, natives_named, resolve_polymorphic,
};
use super::scope::Binder;
use super::types::strings;
use crate::catalog::{ArgumentMode, Function, Name};
use mainstay_base::{Problem, Result};
use mainstay_types::registry::{Body, Kind, Native};
use mainstay_types::{ColumnType, Type};
use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, TypeName};
use std::sync::Arc;

/// One thing that a name with arguments may mean.
#[derive(Clone)]
pub(super) enum Callable {
    Native(&'static Native),
    User(Arc<Function>),
}

/// The arguments of a call in the order in which they were written.
pub(super) struct Arguments {
    pub values: Vec<Bound>,
    /// Names given with `=>`; empty for positional ones.
    pub names: Vec<String>,
    /// `VARIADIC` before the last one.
    pub spread: bool,
}

/// An overload with the types that its arguments get.
pub(super) struct Target {
    pub callable: Callable,
    /// For each written argument.
    pub types: Vec<Type>,
    pub returns: Type,
}

/// How many arguments have just the domain, or just no domain, that the overload takes.
fn fitting_domains(function: &Function, arguments: &Arguments) -> usize {
    let inputs = input_arguments(function);
    let input = |(index, name): (usize, &String)| match name.as_str() {
        "" => inputs.get(index).copied(),
        name => inputs.iter().copied().find(|input| input.name == name),
    };
    arguments
        .values
        .iter()
        .zip(arguments.names.iter().enumerate().map(input))
        .filter(|(value, input)| input.is_some_and(|input| input.domain == value.domain))
        .count()
}

pub(super) fn input_arguments(function: &Function) -> Vec<&crate::catalog::Argument> {
    function
        .arguments
        .iter()
        .filter(|arg| matches!(arg.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic))
        .collect()
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

    fn is_native_schema(&self, schema: Option<&str>) -> bool {
        matches!(schema, None | Some("pg_catalog" | "extensions" | "public"))
    }

    fn user_schemas(&self, schema: Option<&str>) -> Vec<String> {
        match schema {
            Some(schema) => vec![schema.to_owned()],
            None => self.search_path.clone(),
        }
    }

    pub fn find_callable(&self, schema: Option<&str>, name: &str, arguments: &Arguments) -> Result<Target> {
        let types: Vec<Type> = arguments.values.iter().map(|value| value.ty.ty.clone()).collect();
        let mut candidates: Vec<Candidate<Callable>> = Vec::new();
        let qualified = schema.map(|schema| format!("{schema}.{name}"));
        let mut natives: Vec<&'static Native> = Vec::new();
        if let Some(qualified) = &qualified {
            natives.extend(natives_named(qualified));
        }
        if self.is_native_schema(schema) {
            natives.extend(natives_named(name));
        }
        if arguments.names.iter().all(String::is_empty) {
            for native in natives.into_iter().filter(|native| native.kind == Kind::Function) {
                let args: Vec<Type> = native.args.iter().map(|ty| ty.to_type()).collect();
                if let Some(args) = expand(&args, native.variadic, types.len(), arguments.spread)
                    && !candidates.iter().any(|candidate| candidate.args == args)
                {
                    candidates.push(Candidate { args, item: Callable::Native(native) });
                }
            }
        }
        for schema in self.user_schemas(schema) {
            let full = Name::new(schema, name);
            for function in self.catalog.functions.get(&full).into_iter().flatten() {
                let Some(args) = written_types(function, arguments) else { continue };
                match candidates.iter_mut().find(|candidate| candidate.args == args) {
                    None => candidates.push(Candidate { args, item: Callable::User(Arc::clone(function)) }),
                    // Of overloads that differ in domains alone, the one for the arguments' own domains.
                    Some(Candidate { item: Callable::User(known), .. })
                        if known.name == full
                            && fitting_domains(function, arguments) > fitting_domains(known, arguments) =>
                    {
                        *known = Arc::clone(function);
                    }
                    Some(_) => {}
                }
            }
        }
        let choices = candidates
            .into_iter()
            .map(|candidate| Candidate {
                args: candidate.args.clone(),
                item: (candidate.args, candidate.item),
            })
            .collect();
        match choose(&types, choices) {
            Choice::One((args, callable)) => {
                let returns = match &callable {
                    Callable::Native(native) => native.returns.to_type(),
                    Callable::User(function) => function.returns.ty.ty.clone(),
                };
                match resolve_polymorphic(&types, &args, &returns) {
                    Some((types, returns)) => Ok(Target { callable, types, returns }),
                    None => Err(Problem::new(
                        "42804",
                        "could not determine polymorphic type because input has type unknown",
                    )),
                }
            }
            Choice::None => Err(self.no_function(schema, name, arguments)),
            Choice::Ambiguous => Err(Problem::new(
                "42725",
                format!("function {} is not unique", self.call_words(schema, name, arguments)),
            )
            .with_hint(
                "Could not choose a best candidate function. You might need to add explicit type casts.",
            )),
        }
    }

    fn call_words(&self, schema: Option<&str>, name: &str, arguments: &Arguments) -> String {
        let args: Vec<String> = arguments
            .values
            .iter()
            .zip(&arguments.names)
            .map(|(value, name)| {
                let ty = self.type_name(&value.ty.ty);
                if name.is_empty() { ty } else { format!("{name} => {ty}") }
            })
            .collect();
        format!("{}({})", super::types::qualified(schema, name), args.join(", "))
    }

    pub fn no_function(&self, schema: Option<&str>, name: &str, arguments: &Arguments) -> Problem {
        if let Some(schema) = schema {
            let known = self.catalog.schemas.contains_key(schema);
            if !known && !matches!(schema, "pg_catalog" | "information_schema") {
                return Problem::new("3F000", format!("schema \"{schema}\" does not exist"));
            }
        }
        let words = self.call_words(schema, name, arguments);
        Problem::new("42883", format!("function {words} does not exist")).with_hint(
            "No function matches the given name and argument types. You might need to add explicit type casts.",
        )
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

/// The types that a function's parameters give to the arguments as written, or none where they do not fit by number
/// or name.
fn written_types(function: &Function, arguments: &Arguments) -> Option<Vec<Type>> {
    let inputs = input_arguments(function);
    let positional = arguments.names.iter().take_while(|name| name.is_empty()).count();
    let variadic = inputs.last().is_some_and(|arg| arg.mode == ArgumentMode::Variadic);
    let mut filled = vec![false; inputs.len()];
    let mut out = Vec::with_capacity(arguments.values.len());
    for (index, name) in arguments.names.iter().enumerate() {
        if name.is_empty() {
            match inputs.get(index) {
                Some(input) if input.mode != ArgumentMode::Variadic => {
                    out.push(input.ty.ty.clone());
                    *filled.get_mut(index)? = true;
                }
                _ if variadic => {
                    let input = inputs.last()?;
                    *filled.last_mut()? = true;
                    if arguments.spread && index + 1 == arguments.values.len() && index + 1 == inputs.len() {
                        out.push(input.ty.ty.clone());
                    } else if arguments.spread {
                        return None;
                    } else {
                        out.push(match &input.ty.ty {
                            Type::Array(element) => (**element).clone(),
                            Type::AnyArray => Type::AnyElement,
                            other => other.clone(),
                        });
                    }
                }
                _ => return None,
            }
        } else {
            let position = inputs.iter().position(|arg| arg.name == *name)?;
            if position < positional || *filled.get(position)? {
                return None;
            }
            *filled.get_mut(position)? = true;
            out.push(inputs.get(position)?.ty.ty.clone());
        }
    }
    let missing = inputs
        .iter()
        .zip(&filled)
        .any(|(input, filled)| !filled && input.default.is_none() && input.mode != ArgumentMode::Variadic);
    (!missing).then_some(out)
}
