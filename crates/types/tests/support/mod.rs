//! Calls casts, functions, operators and aggregates by their PostgreSQL names, with values as texts.

use mainstay_base::{Env, Result, World};
use mainstay_types::context::{CompositeType, EnumType};
use mainstay_types::registry::{Body, Kind, Ty, aggregates, natives};
use mainstay_types::{
    Call, ColumnType, Context, Modifier, Registry, Session, Type, TypeId, Value, ValueRef, value,
};
use std::sync::Arc;
use std::time::Duration;

struct Still;

impl World for Still {
    fn unix_micros(&self) -> i64 {
        1_700_000_000_000_000
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(0xa5);
    }
}

/// A context in UTC with the enum `mood` (`sad`, `ok`, `happy`) and the row type `pair` (`a int4, b text`).
pub fn context() -> Context {
    let mut registry = Registry::default();
    let labels = ["sad", "ok", "happy"].map(str::to_owned).to_vec();
    registry.enums.insert(TypeId(1), EnumType { schema: "public".into(), name: "mood".into(), labels });
    let fields = vec![("a".to_owned(), Type::Int4.into()), ("b".to_owned(), Type::Text.into())];
    registry
        .composites
        .insert(TypeId(2), CompositeType { schema: "public".into(), name: "pair".into(), fields });
    Context {
        env: Env::new(Still),
        registry: Arc::new(registry),
        session: Arc::new(Session { role: "anon".into(), ..Session::default() }),
        overrides: Arc::default(),
        transaction_time: 0,
        statement_time: 0,
    }
}

/// `int4`, `text[]`, `varchar(3)`, `numeric(5,2)`, `mood`, `pair`.
pub fn column(name: &str) -> ColumnType {
    if let Some(element) = name.strip_suffix("[]") {
        let inner = column(element);
        return ColumnType { ty: Type::array(inner.ty), modifier: inner.modifier };
    }
    let (name, arguments) = match name.split_once('(') {
        Some((name, arguments)) => (name, arguments.trim_end_matches(')')),
        None => (name, ""),
    };
    let ty = match name {
        "mood" => Type::Enum(TypeId(1)),
        "pair" => Type::Composite(TypeId(2)),
        name => Type::from_name(name).unwrap_or_else(|| panic!("no type {name}")),
    };
    let numbers: Vec<u32> = arguments.split(',').filter_map(|number| number.parse().ok()).collect();
    let modifier = match (&ty, numbers.as_slice()) {
        (_, []) => Modifier::None,
        (Type::Numeric, [precision, rest @ ..]) => Modifier::Numeric {
            precision: *precision as u16,
            scale: rest.first().copied().unwrap_or(0) as i16,
        },
        (Type::Varchar | Type::Bpchar, [length, ..]) => Modifier::Length(*length),
        (_, [precision, ..]) => Modifier::Precision(*precision as u8),
    };
    ColumnType { ty, modifier }
}

/// `type:text`; `\N` is NULL.
pub fn literal(text: &str, context: &Context) -> Result<(Type, Value)> {
    let (name, text) = text.split_once(':').unwrap_or_else(|| panic!("no type in {text}"));
    let column = column(name);
    let value = if text == "\\N" { Value::Null } else { value::input(&column, text, context)? };
    Ok((column.ty, value))
}

pub fn shown(ty: &Type, value: &Value, context: &Context) -> String {
    if value.is_null() {
        return "\\N".to_owned();
    }
    let mut out = String::new();
    value::output(ty, value.as_ref(), context, &mut out);
    out
}

pub fn json(ty: &Type, value: &Value, context: &Context) -> String {
    let mut out = Vec::new();
    value::write_json(ty, value.as_ref(), context, &mut out);
    String::from_utf8(out).unwrap()
}

/// Binds a signature to arguments: the result type, where they fit.
fn bind(signature: &[Ty], variadic: bool, returns: Ty, types: &[Type]) -> Option<Type> {
    let count_fits = if variadic { types.len() >= signature.len() } else { types.len() == signature.len() };
    if !count_fits {
        return None;
    }
    let mut element: Option<Type> = None;
    for (index, ty) in types.iter().enumerate() {
        let want = signature.get(index).or(signature.last())?;
        let bound = match (want, ty) {
            (Ty::Any, _) => continue,
            (Ty::AnyElement, ty) => ty,
            (Ty::AnyNonArray, ty) if ty.element().is_none() => ty,
            (Ty::AnyEnum, ty @ Type::Enum(_)) => ty,
            (Ty::AnyArray, Type::Array(inner)) => inner,
            (want, ty) if want.to_type() == *ty => continue,
            (Ty::Record, Type::Composite(_)) => continue,
            _ => return None,
        };
        if element.get_or_insert_with(|| bound.clone()) != bound {
            return None;
        }
    }
    Some(match returns {
        Ty::AnyElement | Ty::AnyEnum | Ty::AnyNonArray => element?,
        Ty::AnyArray
            if types.first().is_some_and(|ty| ty.element().is_some())
                && signature.first() == Some(&Ty::AnyNonArray) =>
        {
            Type::array(element?)
        }
        Ty::AnyArray => Type::array(element.or_else(|| types.first().cloned())?),
        plain => plain.to_type(),
    })
}

/// Calls a function or an operator; rows come back one a line.
pub fn call(name: &str, arguments: &[(Type, Value)], context: &Context) -> Result<String> {
    let types: Vec<Type> = arguments.iter().map(|(ty, _)| ty.clone()).collect();
    let args: Vec<ValueRef<'_>> = arguments.iter().map(|(_, value)| value.as_ref()).collect();
    let is_operator = !name.starts_with(|c: char| c.is_alphabetic());
    for native in natives() {
        if native.name != name || (native.kind == Kind::Operator) != is_operator {
            continue;
        }
        let Some(returns) = bind(native.args, native.variadic, native.returns, &types) else { continue };
        if native.strict && args.iter().any(|value| value.is_null()) {
            return Ok("\\N".to_owned());
        }
        let call = Call { args: &args, types: &types, returns: &returns, context };
        match native.body {
            Body::Rust(body) => return body(&call).map(|value| shown(&returns, &value, context)),
            Body::Rows { columns, call: body } => {
                let rows = body(&call)?;
                let types: Vec<Type> = columns
                    .iter()
                    .map(|(_, ty)| if *ty == Ty::AnyElement { returns.clone() } else { ty.to_type() })
                    .collect();
                let row = |row: &Vec<Value>| {
                    let cells: Vec<String> =
                        row.iter().zip(&types).map(|(value, ty)| shown(ty, value, context)).collect();
                    cells.join("|")
                };
                return Ok(rows.iter().map(row).collect::<Vec<_>>().join(";"));
            }
            Body::Sqlite(_) | Body::Engine => continue,
        }
    }
    panic!("no native {name}({types:?})");
}

/// Runs an aggregate over rows of one column each, behind constant arguments.
pub fn aggregate(name: &str, rows: &[Vec<(Type, Value)>], context: &Context) -> Result<String> {
    let types: Vec<Type> = rows.first().into_iter().flatten().map(|(ty, _)| ty.clone()).collect();
    for aggregate in aggregates() {
        if aggregate.name != name {
            continue;
        }
        let Some(returns) = bind(aggregate.args, aggregate.variadic, aggregate.returns, &types) else {
            continue;
        };
        let mut state = (aggregate.start)();
        for row in rows {
            let args: Vec<ValueRef<'_>> = row.iter().map(|(_, value)| value.as_ref()).collect();
            if aggregate.strict && args.iter().any(|value| value.is_null()) {
                continue;
            }
            state.step(&Call { args: &args, types: &types, returns: &returns, context })?;
        }
        let value = state.value(&Call { args: &[], types: &types, returns: &returns, context })?;
        return Ok(shown(&returns, &value, context));
    }
    panic!("no aggregate {name}({types:?})");
}
