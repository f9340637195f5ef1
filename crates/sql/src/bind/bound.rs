//! A bound expression: SQLite text with everything that its surroundings must know about it.

use crate::catalog::{Name, quote_identifier};
use mainstay_types::{ColumnType, Type, Value, Volatility};

/// A use of a column that is not inside an aggregate of the column's own query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub scope: u32,
    pub source: usize,
    pub column: usize,
    pub place: Option<usize>,
}

/// The collation that SQLite would take from an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// None: the other operand's counts, else BINARY.
    Nothing,
    /// A column's: the left operand's counts before the right one's. `None` is BINARY.
    Column(Option<String>),
}

/// What an expression is, where that matters beyond its text.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Plain,
    /// A bare column: its origin in a base table, where it has one.
    Column {
        origin: Option<(Name, String)>,
    },
    /// A string literal whose type its place will give.
    UnknownText(String),
    /// A known value.
    Constant(Value),
    /// `$n`, typed or not.
    Parameter(usize),
    /// A row of known fields; `present` is a text that is true where the row is not NULL as a whole.
    Row {
        fields: Vec<(String, Bound)>,
        present: Option<String>,
    },
    /// `row_to_json` of known fields: aggregates make an array of it without a value in between.
    RowJson {
        fields: Vec<(String, Bound)>,
        present: Option<String>,
    },
    /// `ARRAY[…]` of known elements, all of the array's element type.
    Elements(Vec<Bound>),
}

#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub sql: String,
    pub ty: ColumnType,
    /// The domain that the value has, where that is known: overloads are told apart by it.
    pub domain: Option<Name>,
    pub form: Form,
    /// Stands without parentheses beside any operator.
    pub atom: bool,
    pub collation: Carried,
    pub nullable: bool,
    pub volatility: Volatility,
    pub place: Option<usize>,
    pub uses: Vec<Use>,
    /// Holds an aggregate call of the query that is being bound.
    pub aggregate: bool,
    pub window: bool,
}

impl Bound {
    /// A computed value.
    pub fn plain(sql: impl Into<String>, ty: impl Into<ColumnType>) -> Bound {
        Bound {
            sql: sql.into(),
            ty: ty.into(),
            domain: None,
            form: Form::Plain,
            atom: true,
            collation: Carried::Nothing,
            nullable: true,
            volatility: Volatility::Immutable,
            place: None,
            uses: Vec::new(),
            aggregate: false,
            window: false,
        }
    }

    pub fn constant(value: Value, ty: impl Into<ColumnType>) -> Bound {
        let mut bound = Bound::plain(literal(&value), ty);
        bound.nullable = value.is_null();
        bound.atom = !bound.sql.starts_with('-');
        bound.form = Form::Constant(value);
        bound
    }

    pub fn unknown_text(text: &str) -> Bound {
        let mut bound = Bound::plain(quote_text(text), Type::Unknown);
        bound.nullable = false;
        bound.form = Form::UnknownText(text.to_owned());
        bound
    }

    pub fn null() -> Bound {
        Bound::constant(Value::Null, Type::Unknown)
    }

    pub fn boolean(sql: impl Into<String>) -> Bound {
        let mut bound = Bound::plain(sql, Type::Bool);
        bound.atom = false;
        bound
    }

    pub fn at(mut self, place: Option<usize>) -> Bound {
        self.place = place.or(self.place);
        self
    }

    pub fn not_null(mut self) -> Bound {
        self.nullable = false;
        self
    }

    pub fn loose(mut self) -> Bound {
        self.atom = false;
        self
    }

    /// Takes over what the parts bring with them: columns used, aggregates, volatility, NULLs.
    pub fn over<'a>(mut self, parts: impl IntoIterator<Item = &'a Bound>) -> Bound {
        let mut nullable = false;
        for part in parts {
            self.absorb(part);
            nullable |= part.nullable;
        }
        self.nullable = nullable;
        self
    }

    pub fn absorb(&mut self, part: &Bound) {
        self.uses.extend(part.uses.iter().cloned());
        self.aggregate |= part.aggregate;
        self.window |= part.window;
        self.volatility = weaker(self.volatility, part.volatility);
    }

    pub fn is_unknown(&self) -> bool {
        self.ty.ty == Type::Unknown
    }

    pub fn is_null_constant(&self) -> bool {
        matches!(self.form, Form::Constant(Value::Null))
    }

    pub fn is_constant(&self) -> bool {
        matches!(self.form, Form::Constant(_) | Form::UnknownText(_))
    }

    pub fn is_column(&self) -> bool {
        matches!(self.form, Form::Column { .. })
    }

    /// The text as an operand.
    pub fn operand(&self) -> String {
        if self.atom { self.sql.clone() } else { format!("({})", self.sql) }
    }

    /// The text with the collation of its type where SQLite would take another: for ORDER BY, GROUP BY, DISTINCT,
    /// `min`, `max` and the columns of a compound query.
    pub fn collated(&self) -> String {
        let wanted = self.ty.ty.storage().collation;
        let carried = match &self.collation {
            Carried::Nothing => None,
            Carried::Column(name) => name.as_deref(),
        };
        match wanted {
            Some(wanted) if carried != Some(&*wanted) => {
                format!("{} COLLATE {}", self.operand(), quote_identifier(&wanted))
            }
            None if carried.is_some() => format!("{} COLLATE BINARY", self.operand()),
            _ => self.sql.clone(),
        }
    }
}

pub(super) fn weaker(left: Volatility, right: Volatility) -> Volatility {
    match (left, right) {
        (Volatility::Volatile, _) | (_, Volatility::Volatile) => Volatility::Volatile,
        (Volatility::Stable, _) | (_, Volatility::Stable) => Volatility::Stable,
        _ => Volatility::Immutable,
    }
}

/// `left op right` for two values of one type, with the collation of the type where SQLite would take another.
pub(super) fn compare_text(left: &Bound, operator: &str, right: &Bound) -> String {
    let wanted = left.ty.ty.storage().collation.map(|name| name.into_owned());
    let effective = match (&left.collation, &right.collation) {
        (Carried::Column(name), _) | (Carried::Nothing, Carried::Column(name)) => name.clone(),
        _ => None,
    };
    let left_text = left.operand();
    let right_text = right.operand();
    if effective == wanted {
        return format!("{left_text} {operator} {right_text}");
    }
    let collation = wanted.map_or_else(|| "BINARY".to_owned(), |name| quote_identifier(&name));
    format!("{left_text} COLLATE {collation} {operator} {right_text}")
}

/// A value as SQLite reads it.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        // The smallest integer has no literal of its own: its digits alone would be a real number.
        Value::Integer(i64::MIN) => "(-9223372036854775807 - 1)".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) if number.is_infinite() => {
            if *number > 0.0 {
                "9e999".to_owned()
            } else {
                "-9e999".to_owned()
            }
        }
        Value::Real(number) => {
            let text = format!("{number:?}");
            if text.contains(['.', 'e', 'N']) { text } else { format!("{text}.0") }
        }
        Value::Text(text) => quote_text(text),
        Value::Blob(bytes) => {
            let mut out = String::with_capacity(bytes.len() * 2 + 3);
            out.push_str("X'");
            for byte in bytes {
                out.push_str(&format!("{byte:02X}"));
            }
            out.push('\'');
            out
        }
    }
}

pub(super) fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(super) fn quote(name: &str) -> String {
    quote_identifier(name)
}
