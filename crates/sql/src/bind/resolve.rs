//! Chooses one overload, as PostgreSQL's parser does (its documentation, "Type Conversion").

use super::types::{Category, accepts, category, is_binary_coercible, is_preferred};
use mainstay_types::Type;
use mainstay_types::registry::{Aggregate, Native, aggregates, natives};
use std::collections::HashMap;
use std::sync::OnceLock;

/// An overload with one argument type for each argument of the call.
#[derive(Clone, Debug)]
pub(super) struct Candidate<T> {
    pub args: Vec<Type>,
    pub item: T,
}

#[derive(Debug)]
pub(super) enum Choice<T> {
    One(T),
    None,
    Ambiguous,
}

/// Chooses among overloads by the types of the arguments.
pub(super) fn choose<T: Clone>(types: &[Type], candidates: Vec<Candidate<T>>) -> Choice<T> {
    // An exact match is the answer, whatever else could be converted.
    if let Some(exact) = candidates.iter().find(|candidate| candidate.args == types) {
        return Choice::One(exact.item.clone());
    }
    let mut left: Vec<Candidate<T>> =
        candidates.into_iter().filter(|candidate| matches_all(types, &candidate.args)).collect();
    match left.len() {
        0 => return Choice::None,
        1 => return left.pop().map_or(Choice::None, |one| Choice::One(one.item)),
        _ => {}
    }
    keep_best(&mut left, |candidate| {
        types
            .iter()
            .zip(&candidate.args)
            .filter(|(ty, arg)| **ty != Type::Unknown && is_binary_coercible(ty, arg))
            .count()
    });
    if left.len() > 1 {
        keep_best(&mut left, |candidate| {
            types
                .iter()
                .zip(&candidate.args)
                .filter(|(ty, arg)| {
                    **ty != Type::Unknown
                        && (is_binary_coercible(ty, arg)
                            || (is_preferred(arg) && category(arg) == category(ty)))
                })
                .count()
        });
    }
    if left.len() > 1
        && let Some(narrowed) = narrow_by_unknowns(types, &left)
    {
        left = narrowed;
    }
    if left.len() > 1 {
        left = assume_known_type(types, left);
    }
    match left.len() {
        1 => left.pop().map_or(Choice::None, |one| Choice::One(one.item)),
        0 => Choice::None,
        _ => Choice::Ambiguous,
    }
}

fn matches_all(types: &[Type], args: &[Type]) -> bool {
    types.len() == args.len()
        && types.iter().zip(args).all(|(ty, arg)| accepts(ty, arg))
        && polymorphic_fits(types, args)
}

fn keep_best<T: Clone>(left: &mut Vec<Candidate<T>>, score: impl Fn(&Candidate<T>) -> usize) {
    let best = left.iter().map(&score).max().unwrap_or(0);
    left.retain(|candidate| score(candidate) == best);
}

/// The category that the untyped arguments should have: string where any overload takes one.
fn narrow_by_unknowns<T: Clone>(types: &[Type], left: &[Candidate<T>]) -> Option<Vec<Candidate<T>>> {
    let mut kept = left.to_vec();
    for (index, ty) in types.iter().enumerate() {
        if *ty != Type::Unknown {
            continue;
        }
        let categories: Vec<Category> =
            left.iter().filter_map(|candidate| candidate.args.get(index)).map(category).collect();
        let first = *categories.first()?;
        let wanted = if categories.contains(&Category::String) {
            Category::String
        } else if categories.iter().all(|category| *category == first) {
            first
        } else {
            return None;
        };
        let has_preferred = left.iter().any(|candidate| {
            candidate.args.get(index).is_some_and(|arg| category(arg) == wanted && is_preferred(arg))
        });
        kept.retain(|candidate| {
            candidate
                .args
                .get(index)
                .is_some_and(|arg| category(arg) == wanted && (!has_preferred || is_preferred(arg)))
        });
    }
    if kept.is_empty() { None } else { Some(kept) }
}

/// Where all typed arguments agree, the untyped ones are taken to be of that type too.
fn assume_known_type<T: Clone>(types: &[Type], left: Vec<Candidate<T>>) -> Vec<Candidate<T>> {
    let mut known = types.iter().filter(|ty| **ty != Type::Unknown);
    let Some(first) = known.next() else { return left };
    if !known.all(|ty| ty == first) || !types.contains(&Type::Unknown) {
        return left;
    }
    let assumed = vec![first.clone(); types.len()];
    let fitting: Vec<Candidate<T>> =
        left.iter().filter(|candidate| matches_all(&assumed, &candidate.args)).cloned().collect();
    if fitting.len() == 1 { fitting } else { left }
}

/// Whether one element type can stand for all polymorphic arguments.
fn polymorphic_fits(types: &[Type], args: &[Type]) -> bool {
    let mut element: Option<Type> = None;
    for (ty, arg) in types.iter().zip(args) {
        let found = match (arg, ty) {
            (_, Type::Unknown) => continue,
            (Type::AnyElement | Type::AnyNonArray | Type::AnyEnum, ty) => ty.clone(),
            (Type::AnyArray, Type::Array(inner)) => (**inner).clone(),
            (Type::AnyRange, Type::Range(kind)) => kind.subtype(),
            _ => continue,
        };
        match &element {
            Some(known) if *known != found => return false,
            _ => element = Some(found),
        }
    }
    true
}

/// The concrete argument types and result type of a call.
pub(super) fn resolve_polymorphic(
    types: &[Type],
    args: &[Type],
    returns: &Type,
) -> Option<(Vec<Type>, Type)> {
    let mut element: Option<Type> = None;
    for (ty, arg) in types.iter().zip(args) {
        match (arg, ty) {
            (_, Type::Unknown) => {}
            (Type::AnyElement | Type::AnyNonArray | Type::AnyEnum, ty) => element = Some(ty.clone()),
            (Type::AnyArray, Type::Array(inner)) => element = Some((**inner).clone()),
            (Type::AnyRange, Type::Range(kind)) => element = Some(kind.subtype()),
            _ => {}
        }
    }
    let concrete = |ty: &Type| -> Option<Type> {
        Some(match ty {
            Type::AnyElement | Type::AnyNonArray | Type::AnyEnum => element.clone().unwrap_or(Type::Text),
            Type::AnyArray => Type::array(element.clone()?),
            Type::AnyRange => {
                let subtype = element.clone()?;
                let kind =
                    mainstay_types::RangeKind::ALL.into_iter().find(|kind| kind.subtype() == subtype)?;
                Type::Range(kind)
            }
            other => other.clone(),
        })
    };
    let mut out = Vec::with_capacity(args.len());
    for (ty, arg) in types.iter().zip(args) {
        out.push(match arg {
            Type::Any => {
                if *ty == Type::Unknown {
                    Type::Text
                } else {
                    ty.clone()
                }
            }
            Type::AnyRange if matches!(ty, Type::Range(_)) => ty.clone(),
            arg => concrete(arg)?,
        });
    }
    // A range that came in is the range that goes out: several kinds may share a subtype.
    if *returns == Type::AnyRange
        && let Some(ty) = types.iter().find(|ty| matches!(ty, Type::Range(_)))
    {
        return Some((out, ty.clone()));
    }
    let result = concrete(returns)?;
    Some((out, result))
}

/// The natives of one name.
pub(crate) fn natives_named(name: &str) -> &'static [&'static Native] {
    static INDEX: OnceLock<HashMap<&'static str, Vec<&'static Native>>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let mut index: HashMap<&'static str, Vec<&'static Native>> = HashMap::new();
        for native in natives() {
            index.entry(native.name).or_default().push(native);
        }
        index
    });
    index.get(name).map(Vec::as_slice).unwrap_or_default()
}

/// The aggregates of one name.
pub(super) fn aggregates_named(name: &str) -> &'static [&'static Aggregate] {
    static INDEX: OnceLock<HashMap<&'static str, Vec<&'static Aggregate>>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let mut index: HashMap<&'static str, Vec<&'static Aggregate>> = HashMap::new();
        for aggregate in aggregates() {
            index.entry(aggregate.name).or_default().push(aggregate);
        }
        index
    });
    index.get(name).map(Vec::as_slice).unwrap_or_default()
}

/// One argument type for each argument, where the overload takes so many. Returns how many arguments the variadic
/// part takes (0 where it is called with an array or has none).
pub(super) fn expand(args: &[Type], variadic: bool, count: usize, spread: bool) -> Option<Vec<Type>> {
    if !variadic {
        return (args.len() == count).then(|| args.to_vec());
    }
    let (last, fixed) = args.split_last()?;
    if spread {
        // `VARIADIC array`: the last argument is the array itself.
        if args.len() != count {
            return None;
        }
        let mut out = fixed.to_vec();
        out.push(match last {
            Type::Any => Type::AnyArray,
            Type::AnyElement | Type::AnyNonArray => Type::AnyArray,
            Type::AnyArray => Type::AnyArray,
            Type::Array(_) => last.clone(),
            other => Type::array(other.clone()),
        });
        return Some(out);
    }
    if count < fixed.len() {
        return None;
    }
    // PostgreSQL writes the array in the signature, the table of natives what is repeated: both are understood.
    let repeated = match last {
        Type::Array(element) => (**element).clone(),
        Type::AnyArray => Type::AnyElement,
        other => other.clone(),
    };
    let mut out = fixed.to_vec();
    out.resize(count, repeated);
    Some(out)
}
