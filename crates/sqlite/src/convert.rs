//! Values on their way between SQLite's callbacks and native functions.

use crate::scope;
use mainstay_base::Problem;
use mainstay_types::{Type, Value, ValueRef};
use rusqlite::types::{ToSqlOutput, Value as SqliteValue, ValueRef as SqliteRef};

/// What a callback answers to SQLite: the problem itself waits in [`scope`], SQLite only learns that there is one.
pub(crate) fn raise(problem: Problem) -> rusqlite::Error {
    let error = rusqlite::Error::UserFunctionError(problem.message().to_owned().into());
    scope::raise(problem);
    error
}

pub(crate) fn from_sqlite(value: SqliteRef<'_>) -> Result<ValueRef<'_>, Problem> {
    Ok(match value {
        SqliteRef::Null => ValueRef::Null,
        SqliteRef::Integer(value) => ValueRef::Integer(value),
        SqliteRef::Real(value) => ValueRef::Real(value),
        SqliteRef::Text(bytes) => ValueRef::Text(
            std::str::from_utf8(bytes)
                .map_err(|_| Problem::new("22021", "invalid byte sequence for encoding \"UTF8\""))?,
        ),
        SqliteRef::Blob(bytes) => ValueRef::Blob(bytes),
    })
}

pub(crate) fn to_sqlite(value: Value) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(match value {
        Value::Null => SqliteValue::Null,
        Value::Integer(value) => SqliteValue::Integer(value),
        Value::Real(value) => SqliteValue::Real(value),
        Value::Text(text) => SqliteValue::Text(text),
        Value::Blob(bytes) => SqliteValue::Blob(bytes),
    })
}

/// The types behind a descriptor `arg1,arg2,…,ret`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Types {
    pub args: Vec<Type>,
    pub returns: Type,
}

impl Types {
    pub fn parse(descriptor: &str) -> Result<Types, Problem> {
        let mut types = Vec::new();
        for symbol in descriptor.split(',') {
            let ty = Type::from_symbol(symbol)
                .ok_or_else(|| Problem::internal(format!("`{symbol}` in `{descriptor}` is no type")))?;
            types.push(ty);
        }
        let returns = types.pop().unwrap_or(Type::Unknown);
        Ok(Types { args: types, returns })
    }

    /// The same for `count` arguments: the last type stands for what `VARIADIC` repeats.
    pub fn spread(&self, count: usize) -> Types {
        let mut args = self.args.clone();
        if let Some(last) = args.last().cloned() {
            args.resize(count, last);
        }
        Types { args, returns: self.returns.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_names_arguments_and_then_the_result() {
        let types = Types::parse("text[],int4,text").map(|types| (types.args, types.returns));
        assert_eq!(types, Ok((vec![Type::array(Type::Text), Type::Int4], Type::Text)));
        assert!(Types::parse("nonsense").is_err());
    }
}
