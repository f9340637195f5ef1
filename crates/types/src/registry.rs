//! The table of everything that can be called: functions, operators, casts and aggregates.
//!
//! One entry gives the PostgreSQL signature, the implementation and the words for the documentation; the binder
//! resolves overloads from it, the engine registers it, `cargo xtask docs` prints it. Adding a function is adding
//! an entry and a Rust function beside it.

use crate::context::Context;
use crate::ty::Type;
use crate::value::{Value, ValueRef};
use mainstay_base::Result;

/// As in `CREATE FUNCTION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Volatility {
    /// Depends on its arguments alone: may stand in an index.
    Immutable,
    /// Fixed within a statement (`now()`, `current_setting`): evaluated once where it has no row's value.
    Stable,
    Volatile,
}

/// One call of a native function.
pub struct Call<'a> {
    pub args: &'a [ValueRef<'a>],
    /// The types of the arguments after binding: concrete also where the signature says `anyelement`.
    pub types: &'a [Type],
    /// The type that the call returns, concrete.
    pub returns: &'a Type,
    pub context: &'a Context,
}

/// A native scalar function: one overload.
pub struct Native {
    /// PostgreSQL's name (`upper`), or the operator (`+`) where `kind` is an operator.
    pub name: &'static str,
    pub kind: Kind,
    pub args: &'static [Ty],
    /// The last argument type may be repeated (`VARIADIC`).
    pub variadic: bool,
    pub returns: Ty,
    /// NULL in, NULL out, without a call.
    pub strict: bool,
    pub volatility: Volatility,
    pub body: Body,
    /// The heading it stands under in the documentation ("String functions").
    pub section: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Function,
    /// `args` has two types (infix) or one (prefix).
    Operator,
}

/// How a call is carried out.
#[derive(Clone, Copy)]
pub enum Body {
    /// By Rust. On SQLite it is registered under [`Native::symbol`].
    Rust(fn(&Call<'_>) -> Result<Value>),
    /// By SQLite itself, as an expression over `$1`, `$2`, … in which each stands at most once unless it is cheap;
    /// it must give PostgreSQL's answer for every input, errors included.
    Sqlite(&'static str),
    /// By the engine, which keeps the state that the function needs (`nextval`). Registered under the symbol too.
    Engine,
    /// A set-returning function: the rows of one call. Each row has the columns of `columns` in storage form.
    Rows { columns: &'static [(&'static str, Ty)], call: fn(&Call<'_>) -> Result<Vec<Vec<Value>>> },
}

/// A type in a signature: like [`Type`], but constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Varchar,
    Bpchar,
    Citext,
    Name,
    Uuid,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Json,
    Jsonb,
    Bytea,
    Inet,
    Cidr,
    MacAddr,
    Bit,
    VarBit,
    Money,
    TsVector,
    TsQuery,
    RegConfig,
    Range(crate::RangeKind),
    Record,
    Void,
    Any,
    AnyElement,
    AnyArray,
    AnyRange,
    AnyEnum,
    AnyNonArray,
    /// An array of a plain type.
    ArrayOf(&'static Ty),
}

impl Ty {
    pub fn to_type(self) -> Type {
        match self {
            Ty::Bool => Type::Bool,
            Ty::Int2 => Type::Int2,
            Ty::Int4 => Type::Int4,
            Ty::Int8 => Type::Int8,
            Ty::Oid => Type::Oid,
            Ty::Float4 => Type::Float4,
            Ty::Float8 => Type::Float8,
            Ty::Numeric => Type::Numeric,
            Ty::Text => Type::Text,
            Ty::Varchar => Type::Varchar,
            Ty::Bpchar => Type::Bpchar,
            Ty::Citext => Type::Citext,
            Ty::Name => Type::Name,
            Ty::Uuid => Type::Uuid,
            Ty::Date => Type::Date,
            Ty::Time => Type::Time,
            Ty::TimeTz => Type::TimeTz,
            Ty::Timestamp => Type::Timestamp,
            Ty::TimestampTz => Type::TimestampTz,
            Ty::Interval => Type::Interval,
            Ty::Json => Type::Json,
            Ty::Jsonb => Type::Jsonb,
            Ty::Bytea => Type::Bytea,
            Ty::Inet => Type::Inet,
            Ty::Cidr => Type::Cidr,
            Ty::MacAddr => Type::MacAddr,
            Ty::Bit => Type::Bit,
            Ty::VarBit => Type::VarBit,
            Ty::Money => Type::Money,
            Ty::TsVector => Type::TsVector,
            Ty::TsQuery => Type::TsQuery,
            Ty::RegConfig => Type::RegConfig,
            Ty::Range(kind) => Type::Range(kind),
            Ty::Record => Type::Record,
            Ty::Void => Type::Void,
            Ty::Any => Type::Any,
            Ty::AnyElement => Type::AnyElement,
            Ty::AnyArray => Type::AnyArray,
            Ty::AnyRange => Type::AnyRange,
            Ty::AnyEnum => Type::AnyEnum,
            Ty::AnyNonArray => Type::AnyNonArray,
            Ty::ArrayOf(element) => Type::array(element.to_type()),
        }
    }
}

impl Native {
    /// The name under which SQLite knows the function: stable for ever, because CHECK constraints, generated
    /// columns and indexes in a database file name it. Example: `pg:round(numeric,int4)`.
    pub fn symbol(&self) -> String {
        let args: Vec<String> = self.args.iter().map(|ty| ty.to_type().symbol()).collect();
        let dots = if self.variadic { "..." } else { "" };
        format!("pg:{}({}{dots})", self.name, args.join(","))
    }

    /// Whether the concrete types must be handed over at run time, because the signature does not fix them.
    /// The engine then passes one more, last argument: the symbols of argument and result types, comma-separated.
    pub fn is_polymorphic(&self) -> bool {
        let open = |ty: &Ty| {
            matches!(
                ty,
                Ty::Any | Ty::AnyElement | Ty::AnyArray | Ty::AnyRange | Ty::AnyEnum | Ty::AnyNonArray
            )
        };
        self.args.iter().any(open) || open(&self.returns)
    }
}

/// One aggregate overload. `ORDER BY` inside the call and `FILTER` are the engine's work: rows arrive in order.
pub struct Aggregate {
    pub name: &'static str,
    pub args: &'static [Ty],
    pub variadic: bool,
    pub returns: Ty,
    /// Rows with a NULL argument are skipped before they reach the state.
    pub strict: bool,
    /// `WITHIN GROUP (ORDER BY x)`: the ordered value arrives as the last argument.
    pub ordered_set: bool,
    pub start: fn() -> Box<dyn AggregateState>,
    pub section: &'static str,
}

impl Aggregate {
    /// As [`Native::symbol`]; example `pga:sum(int8)`.
    pub fn symbol(&self) -> String {
        let args: Vec<String> = self.args.iter().map(|ty| ty.to_type().symbol()).collect();
        format!("pga:{}({})", self.name, args.join(","))
    }
}

/// The running state of an aggregate over one group.
pub trait AggregateState: Send {
    fn step(&mut self, call: &Call<'_>) -> Result<()>;
    /// The value so far; called once at the end, or once per row in a window.
    fn value(&self, call: &Call<'_>) -> Result<Value>;
}

/// How a cast may be used without being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CastKind {
    /// Anywhere an expression is.
    Implicit,
    /// When a value is stored into a column.
    Assignment,
    /// Only as `CAST(x AS t)` or `x::t`.
    Explicit,
}

/// Whether PostgreSQL has a cast between two types, and when it applies by itself. Same types are `Implicit`.
/// Any type casts to and from text explicitly (to text by assignment too), as PostgreSQL's I/O conversions do.
pub fn cast_kind(from: &Type, to: &Type) -> Option<CastKind> {
    crate::forms::cast_kind(from, to)
}

/// All native functions and operators.
pub fn natives() -> impl Iterator<Item = &'static Native> {
    crate::functions::TABLES.iter().flat_map(|table| table.iter())
}

/// All native aggregates.
pub fn aggregates() -> impl Iterator<Item = &'static Aggregate> {
    crate::functions::AGGREGATES.iter().flat_map(|table| table.iter())
}
