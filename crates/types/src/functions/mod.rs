//! The native functions, one module a family. Each module has a `TABLE` (and `AGGREGATES` where it has any).

use crate::registry::{Aggregate, Native};

pub(crate) static TABLES: &[&[Native]] = &[];
pub(crate) static AGGREGATES: &[&[Aggregate]] = &[];
