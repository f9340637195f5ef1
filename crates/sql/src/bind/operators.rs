//! Operators: overloads, comparisons by SQLite, everything else by natives.

use super::bound::{Bound, compare_text};
use super::calls::call_native;
use super::coerce::Coercion;
use super::errors::Located;
use super::resolve::{Candidate, Choice, choose, natives_named, resolve_polymorphic};
use super::scope::Binder;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use mainstay_types::registry::{Kind, Native};

/// What carries an operator out.
#[derive(Clone)]
pub(super) enum Operator {
    /// SQLite's own comparison of two values of this type.
    Compare(Type),
    Native(&'static Native),
}

/// An operator with the types that its operands get.
pub(super) struct Resolved {
    pub operator: Operator,
    pub args: Vec<Type>,
    pub returns: Type,
}

pub(super) fn is_comparison(name: &str) -> bool {
    matches!(name, "=" | "<>" | "!=" | "<" | "<=" | ">" | ">=")
}

/// The types that PostgreSQL compares; a comparison of two of them happens in a common type.
const COMPARABLE: &[Type] = &[
    Type::Bool,
    Type::Int2,
    Type::Int4,
    Type::Int8,
    Type::Oid,
    Type::Float4,
    Type::Float8,
    Type::Numeric,
    Type::Text,
    Type::Bpchar,
    Type::Citext,
    Type::Name,
    Type::Uuid,
    Type::Date,
    Type::Time,
    Type::TimeTz,
    Type::Timestamp,
    Type::TimestampTz,
    Type::Interval,
    Type::Jsonb,
    Type::Bytea,
    Type::Inet,
    Type::MacAddr,
    Type::Bit,
    Type::VarBit,
    Type::Money,
    Type::TsVector,
    Type::TsQuery,
];

/// Pairs that PostgreSQL compares directly, and the type in which their values compare alike.
fn cross_types() -> impl Iterator<Item = (Type, Type, Type)> {
    let integers = [Type::Int2, Type::Int4, Type::Int8];
    let mut pairs = Vec::new();
    for (i, left) in integers.iter().enumerate() {
        for right in integers.iter().skip(i + 1) {
            pairs.push((left.clone(), right.clone(), right.clone()));
        }
    }
    pairs.push((Type::Float4, Type::Float8, Type::Float8));
    pairs.push((Type::Date, Type::Timestamp, Type::Timestamp));
    pairs.push((Type::Date, Type::TimestampTz, Type::TimestampTz));
    pairs.push((Type::Timestamp, Type::TimestampTz, Type::TimestampTz));
    pairs.push((Type::Name, Type::Text, Type::Text));
    pairs.into_iter()
}

fn comparison_candidates() -> Vec<Candidate<Operator>> {
    let mut out = Vec::new();
    let same =
        |ty: &Type| Candidate { args: vec![ty.clone(), ty.clone()], item: Operator::Compare(ty.clone()) };
    out.extend(COMPARABLE.iter().map(same));
    for (left, right, common) in cross_types() {
        let item = Operator::Compare(common);
        out.push(Candidate { args: vec![left.clone(), right.clone()], item: item.clone() });
        out.push(Candidate { args: vec![right, left], item });
    }
    for ty in [Type::AnyArray, Type::AnyEnum, Type::AnyRange, Type::Record] {
        out.push(Candidate { args: vec![ty.clone(), ty.clone()], item: Operator::Compare(ty) });
    }
    out
}

/// Finds the operator for operand types; [`Type::Unknown`] for untyped ones.
pub(super) fn resolve(binder: &Binder<'_>, name: &str, types: &[Type]) -> Result<Resolved> {
    let name = if name == "!=" { "<>" } else { name };
    let mut candidates: Vec<Candidate<Operator>> = Vec::new();
    if is_comparison(name) && types.len() == 2 {
        candidates = comparison_candidates();
    }
    for native in natives_named(name) {
        if native.kind != Kind::Operator || native.args.len() != types.len() {
            continue;
        }
        let args: Vec<Type> = native.args.iter().map(|ty| ty.to_type()).collect();
        if !candidates.iter().any(|candidate| candidate.args == args) {
            candidates.push(Candidate { args, item: Operator::Native(native) });
        }
    }
    let choice = match exact_with_unknown(types, &candidates) {
        Some(index) => {
            candidates.into_iter().nth(index).map_or(Choice::None, |c| Choice::One((c.args, c.item)))
        }
        None => choose(
            types,
            candidates
                .into_iter()
                .map(|candidate| Candidate {
                    args: candidate.args.clone(),
                    item: (candidate.args, candidate.item),
                })
                .collect(),
        ),
    };
    match choice {
        Choice::One((args, operator)) => {
            finish(types, args, operator).ok_or_else(|| missing(binder, name, types))
        }
        Choice::None => Err(missing(binder, name, types)),
        Choice::Ambiguous => {
            Err(Problem::new("42725", format!("operator is not unique: {}", signature(binder, name, types)))
                .with_hint(
                    "Could not choose a best candidate operator. You might need to add explicit type casts.",
                ))
        }
    }
}

/// An untyped operand is first taken to be of the other one's type.
fn exact_with_unknown(types: &[Type], candidates: &[Candidate<Operator>]) -> Option<usize> {
    let [left, right] = types else { return None };
    let (left, right) = match (left, right) {
        (Type::Unknown, Type::Unknown) => return None,
        (Type::Unknown, known) | (known, Type::Unknown) => (known, known),
        (left, right) => (left, right),
    };
    candidates.iter().position(|candidate| matches!(&*candidate.args, [a, b] if a == left && b == right))
}

fn finish(types: &[Type], args: Vec<Type>, operator: Operator) -> Option<Resolved> {
    match operator {
        Operator::Compare(common) => {
            // Polymorphic comparisons happen in the operands' own type.
            let common = match &common {
                Type::AnyArray | Type::AnyEnum | Type::AnyRange | Type::Record => {
                    let known: Vec<&Type> = types.iter().filter(|ty| **ty != Type::Unknown).collect();
                    let first = (*known.first()?).clone();
                    if common != Type::Record && known.iter().any(|ty| **ty != first) {
                        return None;
                    }
                    first
                }
                _ => common,
            };
            let args = vec![common.clone(), common.clone()];
            Some(Resolved { operator: Operator::Compare(common), args, returns: Type::Bool })
        }
        Operator::Native(native) => {
            let (args, returns) = resolve_polymorphic(types, &args, &native.returns.to_type())?;
            Some(Resolved { operator: Operator::Native(native), args, returns })
        }
    }
}

fn signature(binder: &Binder<'_>, name: &str, types: &[Type]) -> String {
    match types {
        [one] => format!("{name} {}", binder.type_name(one)),
        [left, right] => format!("{} {name} {}", binder.type_name(left), binder.type_name(right)),
        _ => name.to_owned(),
    }
}

fn missing(binder: &Binder<'_>, name: &str, types: &[Type]) -> Problem {
    let hint = if types.len() == 1 {
        "No operator matches the given name and argument type. You might need to add an explicit type cast."
    } else {
        "No operator matches the given name and argument types. You might need to add explicit type casts."
    };
    Problem::new("42883", format!("operator does not exist: {}", signature(binder, name, types)))
        .with_hint(hint)
}

impl Binder<'_> {
    /// `left name right`.
    pub fn operate(&mut self, name: &str, left: Bound, right: Bound, at: Option<usize>) -> Result<Bound> {
        let name = if name == "!=" { "<>" } else { name };
        let types = [left.ty.ty.clone(), right.ty.ty.clone()];
        let resolved = resolve(self, name, &types).placed(at)?;
        self.apply_binary(name, resolved, left, right, at)
    }

    /// The operator that was found, applied to its operands.
    pub fn apply_binary(
        &mut self,
        name: &str,
        resolved: Resolved,
        left: Bound,
        right: Bound,
        at: Option<usize>,
    ) -> Result<Bound> {
        let [left_type, right_type] = &*resolved.args else {
            return Err(Problem::internal("an operator without two operands").placed(at));
        };
        let left = self.coerce(left, &left_type.clone().into(), Coercion::Implicit)?;
        let right = self.coerce(right, &right_type.clone().into(), Coercion::Implicit)?;
        match resolved.operator {
            Operator::Compare(_) => {
                Ok(Bound::boolean(compare_text(&left, name, &right)).over([&left, &right]).at(at))
            }
            Operator::Native(native) => {
                call_native(self, native, vec![left, right], &resolved.args, &resolved.returns, false)
                    .map(|bound| bound.at(at))
            }
        }
    }

    /// `name operand`.
    pub fn operate_prefix(&mut self, name: &str, operand: Bound, at: Option<usize>) -> Result<Bound> {
        let types = [operand.ty.ty.clone()];
        let resolved = resolve(self, name, &types).placed(at)?;
        let wanted = resolved.args.first().cloned().unwrap_or(Type::Text);
        let operand = self.coerce(operand, &wanted.into(), Coercion::Implicit)?;
        match resolved.operator {
            Operator::Native(native) => {
                call_native(self, native, vec![operand], &resolved.args, &resolved.returns, false)
                    .map(|bound| bound.at(at))
            }
            Operator::Compare(_) => Err(Problem::internal("a comparison with one operand").placed(at)),
        }
    }

    /// Two values in a type in which `=` compares them, as `IN`, `NULLIF` and simple `CASE` need it.
    pub fn equalize(
        &mut self,
        name: &str,
        left: Bound,
        right: Bound,
        at: Option<usize>,
    ) -> Result<(Bound, Bound)> {
        let types = [left.ty.ty.clone(), right.ty.ty.clone()];
        let resolved = resolve(self, name, &types).placed(at)?;
        let [left_type, right_type] = &*resolved.args else {
            return Err(Problem::internal("an operator without two operands").placed(at));
        };
        let left = self.coerce(left, &left_type.clone().into(), Coercion::Implicit)?;
        let right = self.coerce(right, &right_type.clone().into(), Coercion::Implicit)?;
        Ok((left, right))
    }
}
