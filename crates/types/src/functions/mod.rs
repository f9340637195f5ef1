//! The native functions, one module a family. Each module has a `TABLE` (and `AGGREGATES` where it has any).

mod aggregates;
mod array;
mod crypto;
mod define;
mod json;
mod network;
mod pattern;
mod range;
mod regexp;
mod string;
mod system;
mod trigram;

use crate::registry::{Aggregate, Native};

pub(crate) static TABLES: &[&[Native]] = &[
    array::TABLE,
    json::TABLE,
    system::TABLE,
    string::TABLE,
    string::bytes::TABLE,
    string::cut::TABLE,
    string::encode::TABLE,
    string::fuzzy::TABLE,
    string::quote::TABLE,
    string::unaccent::TABLE,
    pattern::TABLE,
    regexp::TABLE,
    crypto::TABLE,
    network::TABLE,
    range::TABLE,
    range::INT4,
    range::INT8,
    range::NUM,
    range::TS,
    range::TSTZ,
    range::DATE,
    trigram::TABLE,
];
pub(crate) static AGGREGATES: &[&[Aggregate]] = &[aggregates::TABLE];
