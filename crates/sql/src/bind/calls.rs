//! The text of a call of a native function, and rows as arguments of JSON functions.

use super::bound::{Bound, Form, quote, quote_text, weaker};
use super::coerce::Coercion;
use super::errors::Located;
use super::scope::{Binder, Clause};
use crate::catalog::Name;
use mainstay_base::{Problem, Result};
use mainstay_types::registry::{Body, Kind, Native, Ty};
use mainstay_types::{Type, Value, Volatility};

/// The function that makes a JSON object of fields, and the aggregate that makes an array of such objects.
pub(super) const ROW_TO_JSON: &str = "\"pg_row_to_json\"";
pub(super) const JSON_ROWS: &str = "\"pg_json_rows\"";

/// The call of a native with arguments that have their types.
pub(super) fn call_native(
    binder: &mut Binder<'_>,
    native: &'static Native,
    args: Vec<Bound>,
    types: &[Type],
    returns: &Type,
    spread: bool,
) -> Result<Bound> {
    let at = args.first().and_then(|bound| bound.place);
    let mut args = if spread { unpack_variadic(args)? } else { args };
    if matches!(native.name, "nextval" | "currval" | "setval") {
        binder.resolve_sequence(&mut args);
        let sequence = match args.first() {
            Some(Bound { form: Form::Constant(Value::Text(text)), .. }) => Some(text.as_str()),
            _ => None,
        };
        binder.check_sequence(native.name, sequence)?;
    }
    if native.strict && args.iter().any(Bound::is_null_constant) && !matches!(native.body, Body::Rows { .. })
    {
        let mut null = Bound::null();
        null.ty = returns.clone().into();
        return Ok(null);
    }
    if let Some(joined) = joined_texts(binder, native, &args, returns)? {
        return Ok(joined);
    }
    let sql = match native.body {
        Body::Sqlite(template) => (substitute(template, &args), false),
        Body::Rust(_) | Body::Engine => {
            let mut texts: Vec<String> = args.iter().map(|bound| bound.sql.clone()).collect();
            if native.is_polymorphic() {
                texts.push(type_list(&args, types, returns));
            }
            (format!("{}({})", quote(&native.symbol()), texts.join(", ")), true)
        }
        Body::Rows { .. } => {
            return Err(Problem::new(
                "0A000",
                format!("set-returning functions are not allowed in {}", binder.scope().clause.words()),
            )
            .placed(at));
        }
    };
    let mut bound = Bound::plain(sql.0, returns.clone()).over(&args);
    bound.atom = sql.1;
    bound.nullable = bound.nullable || !never_null(native);
    bound.volatility = weaker(bound.volatility, native.volatility);
    if native.volatility == Volatility::Volatile
        && matches!(native.body, Body::Engine)
        && is_writing(native.name)
    {
        binder.writes = true;
    }
    Ok(evaluate_once(binder, bound, native.volatility))
}

/// Whether values that are not null give one that is not. A strict function may still answer null: `->>` of a key that
/// is not there, `upper` of a range without an end. Functions that indexes and defaults are made of are named; the rest
/// may.
fn never_null(native: &Native) -> bool {
    if !native.strict {
        return false;
    }
    match (native.kind, native.name) {
        (Kind::Operator, name) => !matches!(name, "->" | "->>" | "#>" | "#>>"),
        (Kind::Function, "lower" | "upper") => !matches!(native.args, [Ty::Range(_) | Ty::AnyRange]),
        (Kind::Function, name) => matches!(
            name,
            "abs"
                | "btrim"
                | "ceil"
                | "clock_timestamp"
                | "date_trunc"
                | "floor"
                | "gen_random_uuid"
                | "initcap"
                | "left"
                | "length"
                | "ltrim"
                | "md5"
                | "nextval"
                | "now"
                | "random"
                | "replace"
                | "reverse"
                | "right"
                | "round"
                | "rtrim"
                | "statement_timestamp"
                | "transaction_timestamp"
                | "trunc"
                | "uuid_generate_v4"
                | "uuidv4"
                | "uuidv7"
        ),
    }
}

/// `text || anything` joins text forms: where those are immutable, the casts say so.
fn joined_texts(
    binder: &mut Binder<'_>,
    native: &Native,
    args: &[Bound],
    returns: &Type,
) -> Result<Option<Bound>> {
    let joins =
        native.kind == Kind::Operator && native.name == "||" && native.volatility == Volatility::Stable;
    if !joins || args.iter().any(|bound| super::coerce::is_shown_stable(&bound.ty.ty)) {
        return Ok(None);
    }
    let mut texts = Vec::with_capacity(args.len());
    for bound in args {
        texts.push(binder.coerce(bound.clone(), &Type::Text.into(), Coercion::Explicit)?);
    }
    let operands: Vec<String> = texts.iter().map(Bound::operand).collect();
    Ok(Some(Bound::plain(operands.join(" || "), returns.clone()).over(&texts).loose()))
}

/// Natives of the engine that change what it keeps.
fn is_writing(name: &str) -> bool {
    matches!(name, "nextval" | "setval")
}

/// A stable call without a row's value becomes a subquery, which SQLite runs once.
fn evaluate_once(binder: &mut Binder<'_>, mut bound: Bound, volatility: Volatility) -> Bound {
    let scope = binder.scope();
    let once = volatility == Volatility::Stable
        && bound.volatility == Volatility::Stable
        && bound.uses.is_empty()
        && scope.has_from
        && !scope.bare
        && !matches!(scope.clause, Clause::Values | Clause::Returning | Clause::Default);
    if once {
        bound.sql = format!("(SELECT {})", bound.sql);
        bound.atom = true;
    }
    bound
}

/// `VARIADIC ARRAY[a, b]` as the arguments `a, b`.
fn unpack_variadic(mut args: Vec<Bound>) -> Result<Vec<Bound>> {
    match args.pop() {
        Some(Bound { form: Form::Elements(elements), .. }) => {
            args.extend(elements);
            Ok(args)
        }
        other => Err(Problem::needs_postgres("a VARIADIC argument that is not written as ARRAY[…]")
            .placed(other.and_then(|bound| bound.place))),
    }
}

/// The symbols of argument and result types, for natives whose signature does not fix them.
pub(super) fn type_list(args: &[Bound], types: &[Type], returns: &Type) -> String {
    let mut symbols: Vec<String> = args
        .iter()
        .enumerate()
        .map(|(index, bound)| match types.get(index) {
            Some(ty) if !ty.is_pseudo() => ty.symbol(),
            _ => bound.ty.ty.symbol(),
        })
        .collect();
    symbols.push(returns.symbol());
    quote_text(&symbols.join(","))
}

/// Puts arguments into a template with `$1`, `$2`, ….
fn substitute(template: &str, args: &[Bound]) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let digits: String = after.chars().skip(1).take_while(char::is_ascii_digit).collect();
        match digits.parse::<usize>().ok().and_then(|number| args.get(number.wrapping_sub(1))) {
            Some(bound) => out.push_str(&bound.operand()),
            None => out.push_str(after.get(..=digits.len()).unwrap_or_default()),
        }
        rest = after.get(1 + digits.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Functions that make JSON of any value: a row among their arguments is best made JSON field by field.
pub(super) fn makes_json(name: &str) -> bool {
    matches!(
        name,
        "to_json"
            | "to_jsonb"
            | "row_to_json"
            | "json_build_object"
            | "jsonb_build_object"
            | "json_build_array"
            | "jsonb_build_array"
            | "json_agg"
            | "jsonb_agg"
            | "json_object_agg"
            | "jsonb_object_agg"
            | "json_agg_strict"
            | "jsonb_agg_strict"
    )
}

/// `name U+001F symbol` of each field, joined by U+001E: what `pg_row_to_json` and `pg_json_rows` read.
pub(super) fn row_spec(fields: &[(String, Bound)]) -> String {
    let parts: Vec<String> =
        fields.iter().map(|(name, bound)| format!("{name}\u{1f}{}", bound.ty.ty.symbol())).collect();
    quote_text(&parts.join("\u{1e}"))
}

impl Binder<'_> {
    /// A sequence that a literal names without its schema is looked for along the search path.
    fn resolve_sequence(&self, args: &mut [Bound]) {
        let Some(Bound { form: Form::Constant(Value::Text(text)), .. }) = args.first() else { return };
        let parts = crate::ddl::sequence::parts(text);
        let [name] = parts.as_slice() else { return };
        let found = self
            .search_path
            .iter()
            .map(|schema| Name::new(schema.as_str(), name.as_str()))
            .find(|name| self.catalog.sequences.contains_key(name));
        if let (Some(name), Some(argument)) = (found, args.first_mut()) {
            let at = argument.place;
            let text = Value::Text(crate::ddl::sequence::reference(&name));
            *argument = Bound::constant(text, Type::Text).at(at);
        }
    }

    /// A row as JSON; other values stay as they are.
    pub fn row_as_json(&mut self, bound: Bound) -> Result<Bound> {
        let Form::Row { fields, present } = bound.form.clone() else { return Ok(bound) };
        self.json_of_fields(fields, present).map(|json| json.at(bound.place))
    }

    pub fn json_of_fields(&mut self, fields: Vec<(String, Bound)>, present: Option<String>) -> Result<Bound> {
        let mut ready = Vec::with_capacity(fields.len());
        for (name, field) in fields {
            let field = self.settle(field)?;
            ready.push((name, self.row_as_json(field)?));
        }
        let texts: Vec<String> = std::iter::once(row_spec(&ready))
            .chain(ready.iter().map(|(_, bound)| bound.sql.clone()))
            .collect();
        let call = format!("{ROW_TO_JSON}({})", texts.join(", "));
        let sql = match &present {
            Some(present) => format!("CASE WHEN {present} THEN {call} END"),
            None => call,
        };
        let mut json = Bound::plain(sql, Type::Json).over(ready.iter().map(|(_, bound)| bound));
        json.nullable = present.is_some();
        json.atom = present.is_none();
        json.form = Form::RowJson { fields: ready, present };
        Ok(json)
    }

    /// The JSON functions that take exactly one row.
    pub fn row_function(&mut self, name: &str, row: Bound) -> Result<Bound> {
        let json = self.row_as_json(row)?;
        if name == "to_jsonb" { self.coerce(json, &Type::Jsonb.into(), Coercion::Explicit) } else { Ok(json) }
    }
}
