//! Which overload a name with arguments means: a native or one of the user's functions.

use super::functions::Arguments;
use super::resolve::{Candidate, Choice, choose, expand, natives_named, resolve_polymorphic};
use super::scope::Binder;
use crate::catalog::{ArgumentMode, Function, Name};
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use mainstay_types::registry::{Kind, Native};
use std::sync::Arc;

/// One thing that a name with arguments may mean.
#[derive(Clone)]
pub(super) enum Callable {
    Native(&'static Native),
    User(Arc<Function>),
}

/// An overload with the types that its arguments get.
pub(super) struct Target {
    pub callable: Callable,
    /// For each written argument.
    pub types: Vec<Type>,
    pub returns: Type,
}

impl Binder<'_> {
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

    pub(super) fn is_native_schema(&self, schema: Option<&str>) -> bool {
        matches!(schema, None | Some("pg_catalog" | "extensions" | "public"))
    }

    fn user_schemas(&self, schema: Option<&str>) -> Vec<String> {
        match schema {
            Some(schema) => vec![schema.to_owned()],
            None => self.search_path.clone(),
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
}

pub(super) fn input_arguments(function: &Function) -> Vec<&crate::catalog::Argument> {
    function
        .arguments
        .iter()
        .filter(|arg| matches!(arg.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic))
        .collect()
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
