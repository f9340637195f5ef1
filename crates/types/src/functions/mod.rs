//! The native functions, one module a family. Each module has a `TABLE` (and `AGGREGATES` where it has any).

mod array;
mod define;
mod json;

use crate::registry::{Aggregate, Native};

pub(crate) static TABLES: &[&[Native]] = &[array::TABLE, json::TABLE];
pub(crate) static AGGREGATES: &[&[Aggregate]] = &[];
