//! Functions as `Args`, `Returns` and `SetofOptions`, overloads as a union.

use super::collate;
use super::layout::{Member, Node, member, optional, quoted};
use super::relations::row_members;
use super::types::Types;
use mainstay_sql::Name;
use mainstay_sql::catalog::{Argument, ArgumentMode, Function};
use mainstay_types::Type;
use std::sync::Arc;

/// A function that REST can call, with its input arguments by name.
pub(super) struct Callable<'a> {
    pub function: &'a Function,
    inputs: Vec<&'a Argument>,
}

/// The functions of a schema, by name in the order of names.
pub(super) fn callables<'a>(types: &Types<'a>, schema: &str) -> Vec<(&'a Name, Vec<Callable<'a>>)> {
    let mut found: Vec<(&Name, Vec<Callable<'_>>)> = types
        .catalog
        .functions
        .iter()
        .filter(|(name, _)| name.schema == schema)
        .map(|(name, overloads)| (name, callable(types, overloads)))
        .filter(|(_, overloads)| !overloads.is_empty())
        .collect();
    found.sort_by(|(left, _), (right, _)| collate(&left.name, &right.name));
    found
}

fn callable<'a>(types: &Types<'a>, overloads: &'a [Arc<Function>]) -> Vec<Callable<'a>> {
    let mut found: Vec<Callable<'a>> = overloads
        .iter()
        .filter(|function| function.returns.ty.ty != Type::Trigger)
        .map(|function| {
            let mut inputs: Vec<&Argument> =
                function.arguments.iter().filter(|argument| is_input(argument)).collect();
            inputs.sort_by(|left, right| collate(&left.name, &right.name));
            Callable { function, inputs }
        })
        .filter(|callable| callable.is_reachable(types))
        .collect();
    found.sort_by_cached_key(|callable| {
        let names = callable.inputs.iter().map(|argument| types.internal_name(&argument.ty.ty));
        (names.collect::<Vec<_>>(), types.internal_name(&callable.function.returns.ty.ty))
    });
    found
}

fn is_input(argument: &Argument) -> bool {
    matches!(argument.mode, ArgumentMode::In | ArgumentMode::InOut | ArgumentMode::Variadic)
}

fn is_body(argument: &Argument) -> bool {
    matches!(argument.ty.ty, Type::Json | Type::Jsonb | Type::Text)
}

impl Callable<'_> {
    /// Arguments without a name can be given only as the whole body, or as a row by PostgREST itself.
    fn is_reachable(&self, types: &Types<'_>) -> bool {
        let unnamed = |argument: &&&Argument| argument.name.is_empty();
        if self.inputs.iter().all(|a| !a.name.is_empty() || (a.default.is_some() && is_body(a))) {
            return true;
        }
        match self.inputs.as_slice() {
            [only] => unnamed(&only) && (is_body(only) || types.relation_of(&only.ty.ty).is_some()),
            _ => false,
        }
    }

    /// The relation of whose row this is a function, where it has no other argument.
    pub fn row_argument<'t>(&self, types: &Types<'t>) -> Option<&'t Name> {
        match self.function.arguments.as_slice() {
            [only] if is_input(only) => types.relation_of(&only.ty.ty),
            _ => None,
        }
    }

    /// What one call gives, without what makes a set of it.
    pub fn returned(&self, types: &Types<'_>) -> Node {
        let mut columns: Vec<&Argument> =
            self.function.arguments.iter().filter(|argument| argument.mode == ArgumentMode::Table).collect();
        if !columns.is_empty() {
            columns.sort_by(|left, right| collate(&left.name, &right.name));
            let members = columns.iter().map(|column| member(&column.name, types.node(&column.ty.ty)));
            return Node::Block(members.collect());
        }
        let relation =
            types.relation_of(&self.function.returns.ty.ty).and_then(|name| types.catalog.relation(name));
        match relation.filter(|relation| types.shows(&relation.name.schema)) {
            Some(relation) => Node::Block(row_members(types, relation)),
            None => types.node(&self.function.returns.ty.ty),
        }
    }

    fn returns_several(&self) -> bool {
        self.function.returns.set && !mainstay_records::says_one_row(&self.function.definition)
    }

    fn arguments(&self, types: &Types<'_>) -> Node {
        if self.inputs.is_empty() {
            return Node::word("never");
        }
        let members = self.inputs.iter().map(|argument| {
            let node = types.node(&argument.ty.ty);
            match argument.default {
                Some(_) => optional(&argument.name, node),
                None => member(&argument.name, node),
            }
        });
        Node::Object(members.collect())
    }

    /// Tells a client that the rows are those of a relation, so that they can be selected from and embedded.
    fn set_options(&self, types: &Types<'_>) -> Option<Member> {
        let target = types.row_name(&self.function.returns.ty.ty)?;
        let set = self.function.returns.set;
        let mut options = ("*", !self.returns_several(), set);
        if let Some(source) = self.row_argument(types) {
            options = (source.name.as_str(), !set || !self.returns_several(), set);
        }
        let (from, one_to_one, set) = options;
        Some(member(
            "SetofOptions",
            Node::Block(vec![
                member("from", Node::literal(from)),
                member("to", Node::literal(target)),
                member("isOneToOne", Node::word(one_to_one.to_string())),
                member("isSetofReturn", Node::word(set.to_string())),
            ]),
        ))
    }
}

/// The type of a function: one signature, or the union of its overloads.
pub(super) fn signatures(types: &Types<'_>, name: &Name, overloads: &[Callable<'_>]) -> Node {
    let mut all: Vec<Node> =
        overloads.iter().map(|callable| signature(types, name, overloads, callable)).collect();
    if all.len() == 1 { all.swap_remove(0) } else { Node::Union(all) }
}

fn signature(types: &Types<'_>, name: &Name, overloads: &[Callable<'_>], callable: &Callable<'_>) -> Node {
    let error = conflict(types, name, overloads, callable).or_else(|| unreachable_row(types, name, callable));
    let returned = match error {
        Some(words) => {
            let marked = Node::Block(vec![member("error", Node::word("true"))]);
            Node::Both(Box::new(marked), Box::new(Node::literal(&words)))
        }
        None => callable.returned(types),
    };
    // A client makes an array of what `isOneToOne` says; without `SetofOptions` it is one already.
    let one_row = !callable.returns_several() && types.row_name(&callable.function.returns.ty.ty).is_some();
    let returned = if callable.function.returns.set && !one_row { returned.array_of() } else { returned };
    let mut members = vec![member("Args", callable.arguments(types)), member("Returns", returned)];
    members.extend(callable.set_options(types));
    Node::Object(members)
}

/// A function of a row without a name for it: a column of that row, and nothing that can be called.
fn unreachable_row(types: &Types<'_>, name: &Name, callable: &Callable<'_>) -> Option<String> {
    let [only] = callable.inputs.as_slice() else { return None };
    let is_column = only.name.is_empty()
        && types.relation_of(&only.ty.ty).is_some()
        && types.row_name(&callable.function.returns.ty.ty).is_none();
    is_column.then(|| {
        format!(
            "the function {}.{} with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache",
            name.schema, name.name
        )
    })
}

/// Why a call could not choose between overloads.
fn conflict(
    types: &Types<'_>,
    name: &Name,
    overloads: &[Callable<'_>],
    callable: &Callable<'_>,
) -> Option<String> {
    let others = || overloads.iter().filter(|other| !std::ptr::eq(other.function, callable.function));
    let candidates: Vec<String> = match callable.inputs.as_slice() {
        [] => {
            let other = others().find(
                |other| matches!(other.inputs.as_slice(), [a] if a.name.is_empty() && a.default.is_some()),
            )?;
            let returns = types.internal_name(&other.function.returns.ty.ty);
            vec![
                format!("{}.{}()", name.schema, name.name),
                format!("{}.{}( => {returns})", name.schema, name.name),
            ]
        }
        [own] if !own.name.is_empty() => {
            let rivals = others().filter_map(|other| match other.inputs.as_slice() {
                [a] if a.name == own.name && a.ty.ty != own.ty.ty => Some(*a),
                _ => None,
            });
            let mut all: Vec<&Argument> = std::iter::once(*own).chain(rivals).collect();
            if all.len() < 2 {
                return None;
            }
            all.sort_by_key(|argument| types.internal_name(&argument.ty.ty));
            let text = |a: &&Argument| {
                let ty = types.internal_name(&a.ty.ty);
                format!("{}.{}({} => {ty})", name.schema, name.name, a.name)
            };
            all.iter().map(text).collect()
        }
        _ => return None,
    };
    Some(format!(
        "Could not choose the best candidate function between: {}. Try renaming the parameters or the function itself in the database so function overloading can be resolved",
        candidates.join(", ")
    ))
}

/// The names of the functions of a relation's row, which REST shows as its columns.
pub(super) fn computed_columns<'c, 'a>(
    types: &Types<'a>,
    relation: &Name,
    functions: &'c [(&'a Name, Vec<Callable<'a>>)],
) -> Vec<(&'a str, &'c Callable<'a>)> {
    functions
        .iter()
        .filter_map(|(name, overloads)| {
            let own = overloads.iter().find(|callable| callable.row_argument(types) == Some(relation))?;
            Some((name.name.as_str(), own))
        })
        .collect()
}

/// `"a" | "b"` for `ComputedFields`.
pub(super) fn names(columns: &[(&str, &Callable<'_>)]) -> Node {
    let mut words: Vec<Node> = columns.iter().map(|(name, _)| Node::word(quoted(name))).collect();
    if words.len() == 1 { words.swap_remove(0) } else { Node::Union(words) }
}
