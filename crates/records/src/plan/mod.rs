//! Turns a query tree into one PostgreSQL statement with parameters.
//!
//! Hidden here: the form of the statements. It is chosen so that every engine can carry it out well: no `LATERAL`,
//! embeds are scalar subqueries that refer to the row around them.
//! Invariant: what a caller wrote becomes a parameter, a quoted identifier, or (keys of JSON paths) a quoted string.
//! Start reading at [`tree`], then [`select`].

pub(crate) mod field;
pub(crate) mod filter;
pub(crate) mod keyset;
pub(crate) mod select;
pub(crate) mod spread;
pub(crate) mod tree;
pub(crate) mod types;

use crate::query::LiteralId;
use crate::schema::Schema;
use crate::settings::RecordsSettings;
use mainstay_types::{ColumnType, Type};

pub(crate) use mainstay_sql::catalog::quote_identifier as quoted;

/// Where the value of a parameter comes from, for each request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// A literal, read by the type's input function.
    Literal(LiteralId),
    /// Several literals that become one array (a variadic argument).
    Literals(Vec<LiteralId>),
    /// `limit`, not above the server's own.
    Limit {
        literal: Option<LiteralId>,
        rows_max: Option<u64>,
    },
    Offset(LiteralId),
    /// A column of the row being written, or an argument of the call: a place in the keys of the payload.
    Key(usize),
    /// Arguments of one name that become one array (a variadic argument in a form).
    Keys(Vec<usize>),
    /// The same as JSON, for a function that reads a domain's values from it.
    JsonKey(usize),
    /// All rows of the payload, as JSON text.
    Rows,
    /// The whole body as one value.
    Body,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) ty: ColumnType,
    pub(crate) source: Source,
}

/// A statement and what its parameters are filled from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// Builds one statement.
pub(crate) struct Builder<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) settings: &'a RecordsSettings,
    /// Whether limits apply: not in what a write returns.
    pub(crate) limited: bool,
    pub(crate) nulls_stripped: bool,
    parameters: Vec<Parameter>,
    /// Aliases of the relations around the place being built.
    aliases: Vec<String>,
    /// Computed columns that a CTE must return because its rows have lost their type: expression and name.
    pub(crate) returned: Vec<(String, String)>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(schema: &'a Schema, settings: &'a RecordsSettings) -> Self {
        Builder {
            schema,
            settings,
            limited: true,
            nulls_stripped: false,
            parameters: Vec::new(),
            aliases: Vec::new(),
            returned: Vec::new(),
        }
    }

    /// The place of a parameter (`$3`). The same source with the same type is one parameter.
    pub(crate) fn parameter(&mut self, ty: impl Into<ColumnType>, source: Source) -> String {
        let parameter = Parameter { ty: ty.into(), source };
        let place = match self.parameters.iter().position(|known| *known == parameter) {
            Some(place) => place,
            None => {
                self.parameters.push(parameter);
                self.parameters.len() - 1
            }
        };
        format!("${}", place + 1)
    }

    pub(crate) fn literal(&mut self, ty: &Type, id: LiteralId) -> String {
        self.parameter(ty.clone(), Source::Literal(id))
    }

    /// An alias that no relation around has.
    pub(crate) fn alias(&mut self, wish: String) -> String {
        let mut alias = wish;
        while self.aliases.contains(&alias) {
            alias.push('_');
        }
        alias
    }

    /// Builds something inside the scope of a relation with this alias.
    pub(crate) fn within<T>(&mut self, alias: &str, build: impl FnOnce(&mut Self) -> T) -> T {
        self.aliases.push(alias.to_owned());
        let built = build(self);
        self.aliases.pop();
        built
    }

    pub(crate) fn finish(self, sql: String) -> Statement {
        Statement { sql, parameters: self.parameters }
    }
}

/// A string constant. PostgreSQL reads backslashes in it as they are; a NUL cannot stand in a text.
pub(crate) fn string_constant(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', "''"))
}

/// `"schema"."name"`.
pub(crate) fn qualified(name: &mainstay_sql::Name) -> String {
    format!("{}.{}", quoted(&name.schema), quoted(&name.name))
}
