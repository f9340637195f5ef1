//! Functions, procedures and triggers: understood and kept; bodies in SQL are checked against the catalog.

use super::Draft;
use super::tree::{boolean, def_elems, items, required, string, strings};
use crate::catalog::{Argument, ArgumentMode, Function, Name, Returns, Trigger};
use crate::parse;
use mainstay_base::{Problem, Result};
use mainstay_types::{Type, Volatility};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterFunctionStmt, CreateFunctionStmt, CreateTrigStmt, FunctionParameter, FunctionParameterMode as Mode,
    Node, ObjectType, ObjectWithArgs, RenameStmt, VariableSetStmt,
};
use std::sync::Arc;

/// The types of what a function is called with.
pub(super) fn input_types(function: &Function) -> Vec<&Type> {
    function
        .arguments
        .iter()
        .filter(|argument| {
            matches!(argument.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic)
        })
        .map(|argument| &argument.ty.ty)
        .collect()
}

/// What tells overloads apart: types, and domains beside the types that they are made of.
fn signature(function: &Function) -> Vec<(&Type, Option<&Name>)> {
    let inputs = |argument: &&Argument| {
        matches!(argument.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic)
    };
    function
        .arguments
        .iter()
        .filter(inputs)
        .map(|argument| (&argument.ty.ty, argument.domain.as_ref()))
        .collect()
}

impl Draft<'_> {
    pub(super) fn create_function(&mut self, statement: &CreateFunctionStmt) -> Result<()> {
        let name = self.creation_name(&strings(&statement.funcname))?;
        let function = self.understand_function(statement, name.clone())?;
        let overloads = self.catalog.functions.get(&name).cloned().unwrap_or_default();
        let same = overloads.iter().position(|other| signature(other) == signature(&function));
        match same {
            Some(_) if !statement.replace => {
                return Err(Problem::new(
                    "42723",
                    format!("function \"{}\" already exists with same argument types", name.name),
                ));
            }
            Some(index) => {
                let old = required(overloads.get(index))?;
                if old.returns.ty.ty != function.returns.ty.ty || old.returns.set != function.returns.set {
                    let shown = self.describe_object(&super::depend::Object::Function(name, index));
                    return Err(Problem::new("42P13", "cannot change return type of existing function")
                        .with_hint(format!(
                            "Use DROP {}{} first.",
                            "FUNCTION",
                            shown.trim_start_matches("function")
                        )));
                }
                self.check_body(&function)?;
                if let Some(slot) =
                    self.catalog.functions.get_mut(&name).and_then(|overloads| overloads.get_mut(index))
                {
                    *slot = Arc::new(Function {
                        comment: slot.comment.clone(),
                        owner: slot.owner.clone(),
                        ..function
                    });
                }
            }
            None => {
                // Known before its body is checked: it may call itself.
                self.catalog.functions.entry(name.clone()).or_default().push(Arc::new(function.clone()));
                self.check_body(&function)?;
            }
        }
        Ok(())
    }

    fn check_body(&mut self, function: &Function) -> Result<()> {
        if function.language == "sql" {
            if self.settings.check_function_bodies {
                crate::bind::check_function(&self.catalog, function, &self.settings.search_path)
                    .map_err(super::tree::unplaced)?;
            }
        } else {
            self.notice(format!(
                "the function \"{}\" is kept; {} runs on the PostgreSQL engine or in a later version",
                function.name, function.language
            ));
        }
        Ok(())
    }

    fn understand_function(&self, statement: &CreateFunctionStmt, name: Name) -> Result<Function> {
        let mut arguments = Vec::new();
        for node in &statement.parameters {
            if let Some(NodeEnum::FunctionParameter(parameter)) = node.node.as_ref() {
                arguments.push(self.argument(parameter)?);
            }
        }
        let returns = self.returns(statement, &arguments)?;
        let mut function = Function {
            name,
            arguments,
            returns,
            language: "sql".to_owned(),
            body: String::new(),
            volatility: Volatility::Volatile,
            strict: false,
            security_definer: false,
            owner: None,
            settings: Vec::new(),
            comment: None,
            definition: self.source().to_owned(),
        };
        let mut language = None;
        for option in def_elems(&statement.options) {
            match option.defname.as_str() {
                "language" => language = option.arg.as_deref().and_then(string),
                "as" => {
                    let parts = option.arg.as_deref().map(items).map(strings).unwrap_or_default();
                    function.body = parts.into_iter().next().unwrap_or_default();
                }
                _ => apply_option(&mut function, option),
            }
        }
        if let Some(body) = statement.sql_body.as_deref() {
            function.body = sql_body(body)?;
        } else if language.is_none() {
            return Err(Problem::new("42P13", "no language specified"));
        }
        function.language = language.unwrap_or_else(|| "sql".to_owned()).to_lowercase();
        match function.language.as_str() {
            "sql" | "plpgsql" | "plv8" | "plpython3u" | "plperl" | "pltcl" | "plrust" | "pljava" => {
                Ok(function)
            }
            "c" | "internal" => {
                Err(Problem::needs_postgres(format!("a function in the language {}", function.language)))
            }
            other => Err(Problem::new("42704", format!("language \"{other}\" does not exist"))),
        }
    }

    fn argument(&self, parameter: &FunctionParameter) -> Result<Argument> {
        let ty = self.resolve_type(required(parameter.arg_type.as_ref())?)?;
        let mode = match Mode::try_from(parameter.mode).unwrap_or(Mode::FuncParamIn) {
            Mode::FuncParamOut => ArgumentMode::Out,
            Mode::FuncParamInout => ArgumentMode::InOut,
            Mode::FuncParamVariadic => ArgumentMode::Variadic,
            Mode::FuncParamTable => ArgumentMode::Table,
            _ => ArgumentMode::In,
        };
        let default = match parameter.defexpr.as_deref() {
            Some(node) => Some(self.expression_text(None, node)?),
            None => None,
        };
        Ok(Argument { name: parameter.name.clone(), ty: ty.ty, domain: ty.domain, mode, default })
    }

    fn returns(&self, statement: &CreateFunctionStmt, arguments: &[Argument]) -> Result<Returns> {
        let out: Vec<&Argument> = arguments
            .iter()
            .filter(|argument| matches!(argument.mode, ArgumentMode::Out | ArgumentMode::InOut))
            .collect();
        match (&statement.return_type, out.as_slice()) {
            (Some(written), _) => {
                let resolved = self.resolve_type(written)?;
                Ok(Returns { ty: resolved.ty, domain: resolved.domain, set: written.setof })
            }
            (None, []) if statement.is_procedure => {
                Ok(Returns { ty: Type::Void.into(), domain: None, set: false })
            }
            (None, []) => Err(Problem::new("42P13", "function result type must be specified")),
            (None, [one]) => Ok(Returns { ty: one.ty.clone(), domain: one.domain.clone(), set: false }),
            (None, _) => Ok(Returns { ty: Type::Record.into(), domain: None, set: false }),
        }
    }

    /// The overload that `DROP FUNCTION f(int)` and the like mean.
    pub(super) fn find_function(&self, function: &ObjectWithArgs, kind: ObjectType) -> Result<(Name, usize)> {
        let parts = strings(&function.objname);
        let word = if kind == ObjectType::ObjectProcedure { "procedure" } else { "function" };
        let name = self.lookup(&parts, |catalog, name| catalog.functions.contains_key(name));
        let overloads = name.as_ref().and_then(|name| self.catalog.functions.get(name));
        if function.args_unspecified {
            return match (name, overloads.map(Vec::len)) {
                (Some(name), Some(1)) => Ok((name, 0)),
                (Some(_), _) => {
                    let words = format!("{word} name \"{}\" is not unique", parts.join("."));
                    Err(Problem::new("42725", words)
                        .with_hint(format!("Specify the argument list to select the {word} unambiguously.")))
                }
                (None, _) => Err(Problem::new(
                    "42883",
                    format!("could not find a {word} named \"{}\"", parts.join(".")),
                )),
            };
        }
        let mut wanted = Vec::new();
        for node in &function.objargs {
            if let Some(NodeEnum::TypeName(written)) = node.node.as_ref() {
                let resolved = self.resolve_type(written)?;
                wanted.push((resolved.ty.ty, resolved.domain));
            }
        }
        let wanted: Vec<(&Type, Option<&Name>)> =
            wanted.iter().map(|(ty, domain)| (ty, domain.as_ref())).collect();
        let index = overloads.and_then(|all| all.iter().position(|function| signature(function) == wanted));
        match (name, index) {
            (Some(name), Some(index)) => Ok((name, index)),
            _ => {
                let types: Vec<String> =
                    wanted.iter().map(|(ty, _)| self.catalog.types.type_name(ty)).collect();
                let words = format!("{word} {}({}) does not exist", parts.join("."), types.join(", "));
                Err(Problem::new("42883", words))
            }
        }
    }

    pub(super) fn alter_function(&mut self, statement: &AlterFunctionStmt) -> Result<()> {
        let kind = ObjectType::try_from(statement.objtype).unwrap_or(ObjectType::ObjectFunction);
        let (name, index) = self.find_function(required(statement.func.as_ref())?, kind)?;
        let slot = self.catalog.functions.get_mut(&name).and_then(|overloads| overloads.get_mut(index));
        if let Some(slot) = slot {
            let function = Arc::make_mut(slot);
            for option in def_elems(&statement.actions) {
                apply_option(function, option);
            }
        }
        Ok(())
    }

    pub(super) fn rename_function(&mut self, statement: &RenameStmt, kind: ObjectType) -> Result<()> {
        let Some(NodeEnum::ObjectWithArgs(function)) =
            statement.object.as_ref().and_then(|node| node.node.as_ref())
        else {
            return Err(Problem::internal("ALTER FUNCTION without a function"));
        };
        let (name, index) = self.find_function(function, kind)?;
        let to = Name::new(name.schema.clone(), statement.newname.clone());
        self.move_function(&name, index, &to)
    }

    pub(super) fn move_function(&mut self, from: &Name, index: usize, to: &Name) -> Result<()> {
        let overloads = self.catalog.functions.get(from).cloned().unwrap_or_default();
        let mut function = (**required(overloads.get(index))?).clone();
        let taken = self
            .catalog
            .functions
            .get(to)
            .is_some_and(|others| others.iter().any(|other| signature(other) == signature(&function)));
        if taken {
            return Err(Problem::new(
                "42723",
                format!("function {to} already exists in schema \"{}\"", to.schema),
            ));
        }
        if overloads.len() == 1 {
            let path = super::texts::default_search_path();
            let catalog = self.catalog.clone();
            self.rewrite_texts(&mut |_, mention| {
                if let super::scope::Mention::Function(name) = mention {
                    let parts = strings(name);
                    let found = super::names::lookup(&catalog, &path, &parts, |catalog, name| {
                        catalog.functions.contains_key(name)
                    });
                    if found.as_ref() == Some(from) {
                        *name = super::rename::qualified(to, parts.len() > 1);
                    }
                }
            })?;
        }
        let casts: Vec<_> = self.casts_by(from, index);
        for cast in &mut self.catalog.casts {
            let moved = super::depend::Object::Cast(cast.source.clone(), cast.target.clone());
            if casts.contains(&moved) {
                cast.function = to.clone();
            }
        }
        if let Some(overloads) = self.catalog.functions.get_mut(from) {
            overloads.remove(index);
            if overloads.is_empty() {
                self.catalog.functions.remove(from);
            }
        }
        function.name = to.clone();
        self.move_grants(&["FUNCTION"], from, to, &function.signature());
        self.catalog.functions.entry(to.clone()).or_default().push(Arc::new(function));
        for name in self.catalog.relations.keys().cloned().collect::<Vec<_>>() {
            let calls = |trigger: &Trigger| trigger.function == *from;
            if self.catalog.relations.get(&name).is_some_and(|relation| relation.triggers.iter().any(calls)) {
                self.change_relation(&name, |relation| {
                    for trigger in relation.triggers.iter_mut().filter(|trigger| calls(trigger)) {
                        trigger.function = to.clone();
                    }
                })?;
            }
        }
        Ok(())
    }

    /// Triggers do not run on the embedded engine, and one that is silently not run would be worse than none: the
    /// statement fails. A caller that goes on gets it into the catalog, to show what was left out.
    pub(super) fn create_trigger(&mut self, statement: &CreateTrigStmt) -> Result<()> {
        let relation = self.relation(required(statement.relation.as_ref())?)?;
        let parts = strings(&statement.funcname);
        let function = self.lookup(&parts, |catalog, name| catalog.functions.contains_key(name));
        let function = function.unwrap_or_else(|| match parts.as_slice() {
            [schema, name] => Name::new(schema.clone(), name.clone()),
            _ => Name::public(parts.last().cloned().unwrap_or_default()),
        });
        let exists = relation.triggers.iter().any(|trigger| trigger.name == statement.trigname);
        if exists && !statement.replace {
            return Err(Problem::new(
                "42710",
                format!(
                    "trigger \"{}\" for relation \"{}\" already exists",
                    statement.trigname, relation.name.name
                ),
            ));
        }
        if self.options.keep_going {
            let before = self.catalog.clone();
            let definition = self.source().to_owned();
            let trigger = Trigger { name: statement.trigname.clone(), function, definition };
            self.change_relation(&relation.name, |relation| {
                relation.triggers.retain(|other| other.name != trigger.name);
                relation.triggers.push(trigger);
            })?;
            self.kept = Some(std::mem::replace(&mut self.catalog, before));
        }
        Err(Problem::needs_postgres(format!("the trigger \"{}\"", statement.trigname)).with_hint(
            "triggers do not run on the embedded engine: use a generated column, a default or a function \
             that clients call instead, or leave it out",
        ))
    }
}

fn apply_option(function: &mut Function, option: &pg_query::protobuf::DefElem) {
    match option.defname.as_str() {
        "volatility" => {
            function.volatility = match option.arg.as_deref().and_then(string).as_deref() {
                Some("immutable") => Volatility::Immutable,
                Some("stable") => Volatility::Stable,
                _ => Volatility::Volatile,
            };
        }
        "strict" => function.strict = boolean(option),
        "security" => function.security_definer = boolean(option),
        "set" => {
            if let Some(NodeEnum::VariableSetStmt(set)) =
                option.arg.as_ref().and_then(|node| node.node.as_ref())
            {
                function.settings.retain(|(name, _)| *name != set.name);
                if !set.args.is_empty() {
                    function.settings.push((set.name.clone(), setting(set)));
                }
            }
        }
        // `COST`, `ROWS`, `PARALLEL`, `LEAKPROOF`: hints to a planner that is not here.
        _ => {}
    }
}

/// The value of a `SET`, its parts separated by commas.
pub(crate) fn setting(set: &VariableSetStmt) -> String {
    set.args.iter().filter_map(string).collect::<Vec<_>>().join(", ")
}

/// A body in SQL's own form (`RETURN x`, `BEGIN ATOMIC … END`) as the text that a quoted body would be.
fn sql_body(body: &Node) -> Result<String> {
    let mut texts = Vec::new();
    // `BEGIN ATOMIC` is a list that holds the list of statements.
    let mut nodes: Vec<&Node> = items(body).iter().collect();
    if let [Node { node: Some(NodeEnum::List(inner)) }] = nodes.as_slice() {
        nodes = inner.items.iter().collect();
    }
    for node in nodes {
        match node.node.as_ref() {
            Some(NodeEnum::ReturnStmt(result)) => {
                let value = required(result.returnval.as_deref())?;
                texts.push(format!("SELECT {}", parse::deparse_expression(value)?));
            }
            Some(statement) => texts.push(parse::deparse_statement(statement)?),
            None => {}
        }
    }
    Ok(texts.join("; "))
}
