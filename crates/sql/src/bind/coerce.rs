//! Turns an expression of one type into another: literals at bind time, everything else by `pg_cast`.

use super::bound::{Bound, Carried, Form, quote_text};
use super::errors::{Located, cannot_cast, mismatch};
use super::scope::Binder;
use super::types::{accepts, cast_exists};
use mainstay_base::{Env, Problem, Result};
use mainstay_types::registry::CastKind;
use mainstay_types::{ColumnType, Context, Modifier, Session, Type, Value, ValueRef, Volatility, value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The world while a statement is bound: values that depend on it are left to run time.
struct Nowhere(i64);

impl mainstay_base::World for Nowhere {
    fn unix_micros(&self) -> i64 {
        self.0
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// How a value comes to its new type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coercion {
    Implicit,
    Assignment,
    Explicit,
}

impl Coercion {
    fn allows(self, kind: CastKind) -> bool {
        match self {
            Coercion::Implicit => kind == CastKind::Implicit,
            Coercion::Assignment => kind <= CastKind::Assignment,
            Coercion::Explicit => true,
        }
    }
}

/// Whether the value's form or meaning depends on the session's time zone or on the time.
fn depends_on_session(ty: &Type) -> bool {
    match ty {
        Type::Date | Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz => true,
        Type::Range(kind) => depends_on_session(&kind.subtype()),
        Type::Array(element) => depends_on_session(element),
        Type::Composite(_) | Type::Record => true,
        _ => false,
    }
}

/// `now` and its kin, which are not the same at another time.
fn means_a_moment(text: &str) -> bool {
    let words = text.to_ascii_lowercase();
    ["now", "today", "tomorrow", "yesterday"].iter().any(|word| words.contains(word))
}

impl Binder<'_> {
    pub fn context(&self, shifted: bool) -> Context {
        let session = Session {
            time_zone: if shifted { "Asia/Kathmandu".to_owned() } else { String::new() },
            ..Session::default()
        };
        let day = 86_400_000_000_i64;
        let time = if shifted { 9_000 * day + 12_345_678_901 } else { 9_100 * day };
        Context {
            env: Env::new(Nowhere(time)),
            registry: Arc::clone(&self.catalog.types),
            session: Arc::new(session),
            overrides: Arc::new(Mutex::new(BTreeMap::new())),
            transaction_time: time,
            statement_time: time,
        }
    }

    /// What a computation gives in any session, if it gives the same in all.
    fn settled(&self, depends: bool, compute: impl Fn(&Context) -> Result<Value>) -> Result<Option<Value>> {
        let value = compute(&self.context(false))?;
        if depends && compute(&self.context(true)).ok().as_ref() != Some(&value) {
            return Ok(None);
        }
        Ok(Some(value))
    }

    /// A literal as a value of a type. The modifier applies as in an explicit cast where `explicit`.
    pub fn literal_as(
        &mut self,
        text: &str,
        target: &ColumnType,
        how: Coercion,
        at: Option<usize>,
    ) -> Result<Bound> {
        if target.ty.is_pseudo() || target.ty == Type::Unknown {
            return Ok(Bound::unknown_text(text).at(at));
        }
        if target.ty == Type::Record {
            return Err(
                Problem::new("0A000", "input of anonymous composite types is not implemented").placed(at)
            );
        }
        let plain = ColumnType::from(target.ty.clone());
        let read = if matches!(target.ty, Type::Interval) { target } else { &plain };
        let settled = self
            .settled(depends_on_session(&target.ty), |context| value::input(read, text, context))
            .placed(at)?;
        // PostgreSQL gives a literal its value when the expression is made.
        let settled = match settled {
            None if self.kept && !means_a_moment(text) => {
                Some(value::input(read, text, &self.context(false)).placed(at)?)
            }
            settled => settled,
        };
        let Some(value) = settled else {
            let sql = format!("pg_cast({}, {})", quote_text(text), self.descriptor(&Type::Text, target, how));
            let mut bound = Bound::plain(sql, target.clone()).at(at).not_null();
            bound.volatility = Volatility::Stable;
            return Ok(bound);
        };
        let bound = Bound::constant(value, plain).at(at);
        self.apply_modifier(bound, target, how)
    }

    fn descriptor(&self, from: &Type, to: &ColumnType, how: Coercion) -> String {
        let modifier = match to.modifier {
            Modifier::None => String::new(),
            Modifier::Length(length) => format!("#L{length}"),
            Modifier::Numeric { precision, scale } => format!("#N{precision}.{scale}"),
            Modifier::Precision(digits) => format!("#P{digits}"),
        };
        let explicit = if how == Coercion::Explicit { "!" } else { "" };
        quote_text(&format!("{}>{}{modifier}{explicit}", from.symbol(), to.ty.symbol()))
    }

    /// Whether the expression can become the type in this way.
    pub fn can_coerce(&self, bound: &Bound, target: &Type, how: Coercion) -> bool {
        match how {
            Coercion::Implicit => accepts(&bound.ty.ty, target),
            _ => cast_exists(&bound.ty.ty, target).is_some_and(|kind| how.allows(kind)),
        }
    }

    /// The expression as the type, or PostgreSQL's complaint that no such cast exists.
    pub fn coerce(&mut self, bound: Bound, target: &ColumnType, how: Coercion) -> Result<Bound> {
        if target.ty.is_pseudo() || target.ty == Type::Unknown {
            return Ok(bound);
        }
        let at = bound.place;
        match &bound.form {
            Form::UnknownText(text) if bound.is_unknown() => {
                let text = text.clone();
                return self.literal_as(&text, target, how, at);
            }
            Form::Constant(Value::Null) => {
                let mut typed = bound;
                typed.ty = target.clone();
                return Ok(typed);
            }
            Form::Parameter(number) if bound.is_unknown() => {
                let number = *number;
                return Ok(self.type_parameter(bound, number, target));
            }
            _ => {}
        }
        if bound.is_unknown() {
            // A query's column that is still an untyped literal: its text is the value's text form.
            let mut text = bound;
            text.ty = Type::Text.into();
            return self.convert(text, target, Coercion::Explicit);
        }
        if !self.can_coerce(&bound, &target.ty, how) {
            let (from, to) = (self.type_name(&bound.ty.ty), self.type_name(&target.ty));
            return Err(cannot_cast(&from, &to).placed(at));
        }
        self.convert(bound, target, how)
    }

    fn type_parameter(&mut self, mut bound: Bound, number: usize, target: &ColumnType) -> Bound {
        if let Some(known) = self.parameters.get_mut(number.saturating_sub(1)) {
            if known.ty == Type::Unknown {
                *known = target.clone();
            }
            bound.ty = known.clone();
        }
        bound
    }

    /// The cast itself, which is known to exist.
    fn convert(&mut self, bound: Bound, target: &ColumnType, how: Coercion) -> Result<Bound> {
        let volatility = cast_volatility(&bound.ty.ty, &target.ty);
        let mut cast = self.converted(bound, target, how)?;
        if !cast.is_constant() {
            cast.volatility = super::bound::weaker(cast.volatility, volatility);
        }
        Ok(cast)
    }

    fn converted(&mut self, bound: Bound, target: &ColumnType, how: Coercion) -> Result<Bound> {
        if let (Form::Row { .. }, Type::Composite(id)) = (&bound.form, &target.ty)
            && bound.ty.ty != target.ty
        {
            let id = *id;
            return self.row_as(bound, id, how);
        }
        if let (Form::Elements(elements), Type::Array(element)) = (&bound.form, &target.ty)
            && bound.ty.ty != target.ty
        {
            let wanted = ColumnType { ty: (**element).clone(), modifier: target.modifier };
            let elements = elements.clone();
            let mut cast = Vec::with_capacity(elements.len());
            for element in elements {
                cast.push(self.coerce(element, &wanted, how)?);
            }
            return Ok(self.array_of(cast, &wanted.ty).at(bound.place));
        }
        if bound.ty.ty == target.ty {
            return self.apply_modifier(bound, target, how);
        }
        if let Form::Constant(value) = &bound.form {
            let depends = depends_on_session(&target.ty) || depends_on_session(&bound.ty.ty);
            let explicit = how == Coercion::Explicit;
            let from = bound.ty.ty.clone();
            let folded = self
                .settled(depends, |context| value::cast(value.as_ref(), &from, target, explicit, context))?;
            if let Some(value) = folded {
                return Ok(Bound::constant(value, target.clone()).at(bound.place));
            }
        }
        let plain = ColumnType::from(target.ty.clone());
        if let Some(text) = free_cast(&bound, &target.ty) {
            let mut cast = Bound { ty: plain, domain: None, form: Form::Plain, ..bound.clone() };
            match text {
                Free::Same => {
                    // The collation of the old type must not count for the new one.
                    if cast.collation == Carried::Nothing || cast.ty.ty.storage() == bound.ty.ty.storage() {
                        cast.form = match bound.form {
                            Form::Column { .. } | Form::Parameter(_) => bound.form.clone(),
                            _ => Form::Plain,
                        };
                    }
                }
                Free::Text(sql, atom) => {
                    cast.sql = sql;
                    cast.atom = atom;
                    cast.collation = Carried::Nothing;
                }
            }
            return self.apply_modifier(cast, target, how);
        }
        let descriptor = self.descriptor(&bound.ty.ty, target, how);
        Ok(Bound::plain(format!("pg_cast({}, {descriptor})", bound.sql), target.clone())
            .over([&bound])
            .at(bound.place))
    }

    /// Applies a modifier to a value that has the type already.
    fn apply_modifier(&mut self, mut bound: Bound, target: &ColumnType, how: Coercion) -> Result<Bound> {
        if target.modifier == Modifier::None || bound.ty == *target {
            if bound.ty.modifier != Modifier::None && how != Coercion::Implicit && bound.ty.ty == target.ty {
                bound.ty.modifier = target.modifier;
            }
            return Ok(bound);
        }
        if how == Coercion::Implicit || bound.is_null_constant() {
            bound.ty = target.clone();
            return Ok(bound);
        }
        // A longer varchar takes a shorter one as it is.
        if let (Modifier::Length(had), Modifier::Length(has)) = (bound.ty.modifier, target.modifier)
            && bound.ty.ty == Type::Varchar
            && had <= has
        {
            bound.ty = target.clone();
            return Ok(bound);
        }
        if let Form::Constant(value) = &bound.form {
            let ty = bound.ty.ty.clone();
            let explicit = how == Coercion::Explicit;
            let folded = value::cast(value.as_ref(), &ty, target, explicit, &self.context(false))?;
            return Ok(Bound::constant(folded, target.clone()).at(bound.place));
        }
        let descriptor = self.descriptor(&bound.ty.ty, target, how);
        Ok(Bound::plain(format!("pg_cast({}, {descriptor})", bound.sql), target.clone())
            .over([&bound])
            .at(bound.place))
    }

    /// The value of a column of a table: an assignment cast, with PostgreSQL's words where there is none.
    pub fn coerce_to_column(&mut self, bound: Bound, target: &ColumnType, column: &str) -> Result<Bound> {
        if !bound.is_unknown() && !self.can_coerce(&bound, &target.ty, Coercion::Assignment) {
            return Err(mismatch(format!(
                "column \"{column}\" is of type {} but expression is of type {}",
                self.type_name(&target.ty),
                self.type_name(&bound.ty.ty)
            ))
            .with_hint("You will need to rewrite or cast the expression.")
            .placed(bound.place));
        }
        self.coerce(bound, target, Coercion::Assignment)
    }

    /// The argument of `what` (`WHERE`, `AND`, `CASE/WHEN`) as a boolean.
    pub fn coerce_to_boolean(&mut self, bound: Bound, what: &str) -> Result<Bound> {
        if !bound.is_unknown() && !self.can_coerce(&bound, &Type::Bool, Coercion::Implicit) {
            return Err(mismatch(format!(
                "argument of {what} must be type boolean, not type {}",
                self.type_name(&bound.ty.ty)
            ))
            .placed(bound.place));
        }
        self.coerce(bound, &Type::Bool.into(), Coercion::Implicit)
    }

    /// A column of a result whose type nothing gives is text.
    pub fn settle(&mut self, bound: Bound) -> Result<Bound> {
        if bound.is_unknown() {
            self.coerce(bound, &Type::Text.into(), Coercion::Implicit)
        } else {
            Ok(bound)
        }
    }

    /// What a constant integer expression is, where that is known.
    pub fn constant_integer(bound: &Bound) -> Option<i64> {
        match &bound.form {
            Form::Constant(value) => match value.as_ref() {
                ValueRef::Integer(number) => Some(number),
                _ => None,
            },
            _ => None,
        }
    }
}

/// As PostgreSQL has it: a cast by way of text is as stable as the types' own text forms, one between moments is
/// stable where the time zone counts.
fn cast_volatility(from: &Type, to: &Type) -> Volatility {
    let zoned = |ty: &Type| matches!(ty, Type::TimestampTz | Type::TimeTz);
    let moment = |ty: &Type| {
        matches!(ty, Type::Date | Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz)
    };
    let stable = if from == to {
        false
    } else if to.is_string() {
        is_shown_stable(from)
    } else if from.is_string() {
        is_shown_stable(to) || matches!(to, Type::Time | Type::TimeTz | Type::Interval | Type::RegConfig)
    } else {
        moment(from) && moment(to) && (zoned(from) || zoned(to))
    };
    if stable { Volatility::Stable } else { Volatility::Immutable }
}

/// Types whose output function PostgreSQL marks STABLE.
pub(super) fn is_shown_stable(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Date
            | Type::Timestamp
            | Type::TimestampTz
            | Type::Enum(_)
            | Type::Array(_)
            | Type::Range(_)
            | Type::Composite(_)
            | Type::Record
    )
}

enum Free {
    /// The stored value is the same.
    Same,
    /// SQLite can do it; the text and whether it stands alone.
    Text(String, bool),
}

/// Casts that need no function because the storage forms agree or SQLite's own conversion is PostgreSQL's.
fn free_cast(bound: &Bound, to: &Type) -> Option<Free> {
    let from = &bound.ty.ty;
    let integer = |ty: &Type| matches!(ty, Type::Int2 | Type::Int4 | Type::Int8);
    Some(match (from, to) {
        (Type::Int2, Type::Int4 | Type::Int8) | (Type::Int4, Type::Int8) | (Type::Oid, Type::Int8) => {
            Free::Same
        }
        (
            Type::Varchar | Type::Name | Type::Citext | Type::Json | Type::Jsonb,
            Type::Text | Type::Varchar,
        ) => Free::Same,
        (Type::Text | Type::Varchar, Type::Text | Type::Varchar | Type::Citext) => Free::Same,
        (Type::Numeric | Type::Interval | Type::TimeTz | Type::Enum(_), Type::Text | Type::Varchar) => {
            Free::Same
        }
        (
            Type::Range(_)
            | Type::TsVector
            | Type::TsQuery
            | Type::MacAddr
            | Type::Bit
            | Type::VarBit
            | Type::Xml,
            Type::Text | Type::Varchar,
        ) => Free::Same,
        (Type::Bit, Type::VarBit) | (Type::VarBit, Type::Bit) => Free::Same,
        (Type::Jsonb, Type::Json) => Free::Same,
        (Type::Composite(_), Type::Record) => Free::Same,
        (Type::Bool, Type::Int4) => Free::Same,
        (Type::Int4, Type::Bool) => Free::Text(format!("{} <> 0", bound.operand()), false),
        (from, Type::Text | Type::Varchar) if integer(from) => {
            Free::Text(format!("CAST({} AS TEXT)", bound.sql), true)
        }
        (from, Type::Float8) if integer(from) => Free::Text(format!("CAST({} AS REAL)", bound.sql), true),
        (Type::Float4, Type::Float8) => Free::Same,
        _ => return None,
    })
}
