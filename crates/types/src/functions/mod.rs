//! The native functions, one module a family. Each module has a `TABLE` (and `AGGREGATES` where it has any).

mod aggregates;
mod array;
mod bits;
mod crypto;
mod datetime;
mod define;
mod formatting;
mod json;
mod lowering;
mod math;
mod money;
mod network;
mod pattern;
mod range;
mod regexp;
mod string;
mod system;
mod text_search;
mod trigram;

use crate::registry::{Aggregate, Native};

pub(crate) static TABLES: &[&[Native]] = &[
    array::TABLE,
    json::TABLE,
    lowering::TABLE,
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
    bits::TABLE,
    money::TABLES[0],
    money::TABLES[1],
    range::TABLE,
    range::INT4,
    range::INT8,
    range::NUM,
    range::TS,
    range::TSTZ,
    range::DATE,
    text_search::TABLE,
    trigram::TABLE,
    math::TABLE,
    math::integer::TABLES[0],
    math::integer::TABLES[1],
    math::integer::TABLES[2],
    math::float::TABLES[0],
    math::float::TABLES[1],
    math::float::TABLES[2],
    math::decimal::TABLE,
    math::series::TABLE,
    datetime::operators::TABLE,
    datetime::age::TABLE,
    datetime::construct::TABLE,
    datetime::current::TABLE,
    datetime::extract::TABLE,
    datetime::overlaps::TABLES[0],
    datetime::overlaps::TABLES[1],
    datetime::overlaps::TABLES[2],
    datetime::overlaps::TABLES[3],
    datetime::truncate::TABLE,
    datetime::zone::TABLE,
    formatting::TABLE,
];
pub(crate) static AGGREGATES: &[&[Aggregate]] = &[aggregates::TABLE, lowering::AGGREGATES];
