//! Knows what PostgreSQL's values are: how they are written, stored, ordered, calculated with and shown.
//!
//! Hidden here: the storage form of each type (one per type, chosen so that an index has PostgreSQL's order).
//! Not here: SQL text (`sql`), the database (`sqlite`); nothing here does I/O or knows a table.
//! Invariant: `output(input(text))` is what PostgreSQL prints for `text`; `compare` is PostgreSQL's btree order.
//! Start reading at [`Type`], then [`value`], then [`registry::NATIVES`].
//!
//! # Storage forms
//!
//! | type | SQLite class | form | collation |
//! | --- | --- | --- | --- |
//! | bool | INTEGER | 0, 1 | |
//! | int2, int4, int8, oid | INTEGER | the number | |
//! | float4, float8 | REAL | the number; NaN is the TEXT `NaN`, which sorts above all numbers as in PostgreSQL | |
//! | numeric | TEXT | as PostgreSQL prints it (`-12.340`, `NaN`, `Infinity`) | `pg_numeric` |
//! | text, varchar, name | TEXT | itself; order is that of the C collation | |
//! | char(n) | TEXT | padded with blanks | `pg_bpchar` |
//! | citext | TEXT | itself | `pg_citext` |
//! | uuid | BLOB | 16 bytes | |
//! | date | INTEGER | days since 2000-01-01; `infinity` is `i32::MAX`, `-infinity` is `i32::MIN` | |
//! | time | INTEGER | microseconds since midnight | |
//! | timetz | TEXT | as PostgreSQL prints it | `pg_timetz` |
//! | timestamp, timestamptz | INTEGER | microseconds since 2000-01-01 (UTC); infinities are `i64::MAX`, `i64::MIN` | |
//! | interval | TEXT | as PostgreSQL prints it (`IntervalStyle = postgres`) | `pg_interval` |
//! | json | TEXT | as written | |
//! | jsonb | TEXT | as PostgreSQL prints jsonb | `pg_jsonb` |
//! | bytea | BLOB | itself | |
//! | enum | TEXT | the label | `pg_enum_<id>` |
//! | array | TEXT | a JSON array; int, float and bool elements are JSON numbers and booleans, every other element is a JSON string that holds the element's PostgreSQL text form, NULL is null, dimensions nest | `pg_array`, `pg_array_numeric` and the like |
//! | inet, cidr | TEXT | as PostgreSQL prints it | `pg_inet` |
//! | macaddr | TEXT | as PostgreSQL prints it | |
//! | bit(n), varbit(n) | TEXT | `0` and `1` | |
//! | money | INTEGER | cents | |
//! | xml | TEXT | as written | |
//! | tsvector, tsquery | TEXT | as PostgreSQL prints it | |
//! | ranges | TEXT | canonical form (`[1,10)`) | `pg_range_<subtype>` |
//! | composite, record | TEXT | a JSON array of the fields' storage forms as in arrays | |

pub mod context;
mod forms;
mod functions;
pub mod registry;
pub mod ty;
pub mod value;

pub use context::{Context, EnumType, Registry, Session, is_time_zone};
pub use registry::{Aggregate, AggregateState, Call, Native, Volatility};
pub use ty::{ColumnType, Modifier, RangeKind, Storage, StorageClass, Type, TypeId};
pub use value::{Value, ValueRef};
