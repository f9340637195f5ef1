//! The aggregates. Each state sees the rows of one group in order; NULLs are skipped before it where `strict` says so.

mod collect;
mod count;
mod extremes;
mod logic;
mod ordered;
mod regression;
mod sums;
mod variance;

use super::define::Args;
use crate::registry::{Aggregate, AggregateState, Call, Ty};
use crate::ty::Type;
use crate::value::ValueRef;
use Ty::{
    Any, AnyArray, AnyElement, AnyEnum, AnyNonArray, Bool, Bpchar, Bytea, Citext, Date, Float4, Float8, Inet,
    Int2, Int4, Int8, Interval, Json, Jsonb, Money, Numeric, Oid, Text, Time, TimeTz, Timestamp, TimestampTz,
    Uuid,
};
use variance::Spread;

const SECTION: &str = "Aggregate functions";
const FLOATS: Ty = Ty::ArrayOf(&Ty::Float8);

type Start = fn() -> Box<dyn AggregateState>;

const fn aggregate(name: &'static str, args: &'static [Ty], returns: Ty, start: Start) -> Aggregate {
    Aggregate {
        name,
        args,
        variadic: false,
        returns,
        strict: true,
        ordered_set: false,
        start,
        section: SECTION,
    }
}

/// Sees rows with NULLs too.
const fn with_nulls(name: &'static str, args: &'static [Ty], returns: Ty, start: Start) -> Aggregate {
    Aggregate { strict: false, ..aggregate(name, args, returns, start) }
}

const fn ordered(name: &'static str, args: &'static [Ty], returns: Ty, start: Start) -> Aggregate {
    Aggregate { ordered_set: true, ..aggregate(name, args, returns, start) }
}

const fn minimum(args: &'static [Ty; 1]) -> Aggregate {
    aggregate("min", args, args[0], extremes::minimum)
}

const fn maximum(args: &'static [Ty; 1]) -> Aggregate {
    aggregate("max", args, args[0], extremes::maximum)
}

pub(crate) static TABLE: &[Aggregate] = &[
    with_nulls("count", &[], Int8, count::rows),
    aggregate("count", &[Any], Int8, count::rows),
    aggregate("sum", &[Int2], Int8, sums::integers),
    aggregate("sum", &[Int4], Int8, sums::integers),
    aggregate("sum", &[Int8], Numeric, sums::big_integers),
    aggregate("sum", &[Numeric], Numeric, sums::decimals),
    aggregate("sum", &[Float4], Float4, sums::reals),
    aggregate("sum", &[Float8], Float8, sums::floats),
    aggregate("sum", &[Interval], Interval, sums::intervals),
    aggregate("sum", &[Money], Money, sums::integers),
    aggregate("avg", &[Int2], Numeric, sums::average_integer),
    aggregate("avg", &[Int4], Numeric, sums::average_integer),
    aggregate("avg", &[Int8], Numeric, sums::average_integer),
    aggregate("avg", &[Numeric], Numeric, sums::average_decimal),
    aggregate("avg", &[Float4], Float8, sums::average_float),
    aggregate("avg", &[Float8], Float8, sums::average_float),
    aggregate("avg", &[Interval], Interval, sums::average_interval),
    minimum(&[Int2]),
    minimum(&[Int4]),
    minimum(&[Int8]),
    minimum(&[Oid]),
    minimum(&[Float4]),
    minimum(&[Float8]),
    minimum(&[Numeric]),
    minimum(&[Text]),
    minimum(&[Bpchar]),
    minimum(&[Citext]),
    minimum(&[Date]),
    minimum(&[Time]),
    minimum(&[TimeTz]),
    minimum(&[Timestamp]),
    minimum(&[TimestampTz]),
    minimum(&[Interval]),
    minimum(&[Inet]),
    minimum(&[Uuid]),
    minimum(&[Money]),
    minimum(&[AnyArray]),
    minimum(&[AnyEnum]),
    maximum(&[Int2]),
    maximum(&[Int4]),
    maximum(&[Int8]),
    maximum(&[Oid]),
    maximum(&[Float4]),
    maximum(&[Float8]),
    maximum(&[Numeric]),
    maximum(&[Text]),
    maximum(&[Bpchar]),
    maximum(&[Citext]),
    maximum(&[Date]),
    maximum(&[Time]),
    maximum(&[TimeTz]),
    maximum(&[Timestamp]),
    maximum(&[TimestampTz]),
    maximum(&[Interval]),
    maximum(&[Inet]),
    maximum(&[Uuid]),
    maximum(&[Money]),
    maximum(&[AnyArray]),
    maximum(&[AnyEnum]),
    aggregate("any_value", &[AnyElement], AnyElement, extremes::any),
    aggregate("bool_and", &[Bool], Bool, logic::all),
    aggregate("every", &[Bool], Bool, logic::all),
    aggregate("bool_or", &[Bool], Bool, logic::any),
    aggregate("bit_and", &[Int2], Int2, logic::bit_and),
    aggregate("bit_and", &[Int4], Int4, logic::bit_and),
    aggregate("bit_and", &[Int8], Int8, logic::bit_and),
    aggregate("bit_or", &[Int2], Int2, logic::bit_or),
    aggregate("bit_or", &[Int4], Int4, logic::bit_or),
    aggregate("bit_or", &[Int8], Int8, logic::bit_or),
    aggregate("bit_xor", &[Int2], Int2, logic::bit_xor),
    aggregate("bit_xor", &[Int4], Int4, logic::bit_xor),
    aggregate("bit_xor", &[Int8], Int8, logic::bit_xor),
    with_nulls("string_agg", &[Text, Text], Text, collect::texts),
    with_nulls("string_agg", &[Bytea, Bytea], Bytea, collect::bytes),
    with_nulls("array_agg", &[AnyNonArray], AnyArray, collect::array),
    with_nulls("array_agg", &[AnyArray], AnyArray, collect::arrays),
    with_nulls("json_agg", &[AnyElement], Json, collect::json),
    with_nulls("jsonb_agg", &[AnyElement], Jsonb, collect::jsonb),
    with_nulls("json_object_agg", &[Any, Any], Json, collect::json_object),
    with_nulls("jsonb_object_agg", &[Any, Any], Jsonb, collect::jsonb_object),
    Aggregate { variadic: true, ..with_nulls("pg_json_rows", &[Text, Any], Json, collect::rows) },
    aggregate("stddev", &[Int2], Numeric, || variance::decimal(Spread::DeviationOfSample)),
    aggregate("stddev", &[Int4], Numeric, || variance::decimal(Spread::DeviationOfSample)),
    aggregate("stddev", &[Int8], Numeric, || variance::decimal(Spread::DeviationOfSample)),
    aggregate("stddev", &[Numeric], Numeric, || variance::decimal(Spread::DeviationOfSample)),
    aggregate("stddev", &[Float4], Float8, || variance::float(Spread::DeviationOfSample)),
    aggregate("stddev", &[Float8], Float8, || variance::float(Spread::DeviationOfSample)),
    aggregate("stddev_samp", &[Int2], Numeric, || variance::decimal(Spread::DeviationOfSample)),
    aggregate("stddev_samp", &[Int4], Numeric, || variance::decimal(Spread::DeviationOfSample)),
    aggregate("stddev_samp", &[Int8], Numeric, || variance::decimal(Spread::DeviationOfSample)),
    aggregate("stddev_samp", &[Numeric], Numeric, || variance::decimal(Spread::DeviationOfSample)),
    aggregate("stddev_samp", &[Float4], Float8, || variance::float(Spread::DeviationOfSample)),
    aggregate("stddev_samp", &[Float8], Float8, || variance::float(Spread::DeviationOfSample)),
    aggregate("stddev_pop", &[Int2], Numeric, || variance::decimal(Spread::DeviationOfAll)),
    aggregate("stddev_pop", &[Int4], Numeric, || variance::decimal(Spread::DeviationOfAll)),
    aggregate("stddev_pop", &[Int8], Numeric, || variance::decimal(Spread::DeviationOfAll)),
    aggregate("stddev_pop", &[Numeric], Numeric, || variance::decimal(Spread::DeviationOfAll)),
    aggregate("stddev_pop", &[Float4], Float8, || variance::float(Spread::DeviationOfAll)),
    aggregate("stddev_pop", &[Float8], Float8, || variance::float(Spread::DeviationOfAll)),
    aggregate("variance", &[Int2], Numeric, || variance::decimal(Spread::VarianceOfSample)),
    aggregate("variance", &[Int4], Numeric, || variance::decimal(Spread::VarianceOfSample)),
    aggregate("variance", &[Int8], Numeric, || variance::decimal(Spread::VarianceOfSample)),
    aggregate("variance", &[Numeric], Numeric, || variance::decimal(Spread::VarianceOfSample)),
    aggregate("variance", &[Float4], Float8, || variance::float(Spread::VarianceOfSample)),
    aggregate("variance", &[Float8], Float8, || variance::float(Spread::VarianceOfSample)),
    aggregate("var_samp", &[Int2], Numeric, || variance::decimal(Spread::VarianceOfSample)),
    aggregate("var_samp", &[Int4], Numeric, || variance::decimal(Spread::VarianceOfSample)),
    aggregate("var_samp", &[Int8], Numeric, || variance::decimal(Spread::VarianceOfSample)),
    aggregate("var_samp", &[Numeric], Numeric, || variance::decimal(Spread::VarianceOfSample)),
    aggregate("var_samp", &[Float4], Float8, || variance::float(Spread::VarianceOfSample)),
    aggregate("var_samp", &[Float8], Float8, || variance::float(Spread::VarianceOfSample)),
    aggregate("var_pop", &[Int2], Numeric, || variance::decimal(Spread::VarianceOfAll)),
    aggregate("var_pop", &[Int4], Numeric, || variance::decimal(Spread::VarianceOfAll)),
    aggregate("var_pop", &[Int8], Numeric, || variance::decimal(Spread::VarianceOfAll)),
    aggregate("var_pop", &[Numeric], Numeric, || variance::decimal(Spread::VarianceOfAll)),
    aggregate("var_pop", &[Float4], Float8, || variance::float(Spread::VarianceOfAll)),
    aggregate("var_pop", &[Float8], Float8, || variance::float(Spread::VarianceOfAll)),
    aggregate("corr", &[Float8, Float8], Float8, || regression::of(regression::correlation)),
    aggregate("covar_pop", &[Float8, Float8], Float8, || regression::of(regression::covariance_of_all)),
    aggregate("covar_samp", &[Float8, Float8], Float8, || regression::of(regression::covariance_of_sample)),
    aggregate("regr_avgx", &[Float8, Float8], Float8, || regression::of(regression::average_x)),
    aggregate("regr_avgy", &[Float8, Float8], Float8, || regression::of(regression::average_y)),
    aggregate("regr_count", &[Float8, Float8], Int8, count::rows),
    aggregate("regr_intercept", &[Float8, Float8], Float8, || regression::of(regression::intercept)),
    aggregate("regr_r2", &[Float8, Float8], Float8, || regression::of(regression::determination)),
    aggregate("regr_slope", &[Float8, Float8], Float8, || regression::of(regression::slope)),
    aggregate("regr_sxx", &[Float8, Float8], Float8, || regression::of(regression::sum_xx)),
    aggregate("regr_sxy", &[Float8, Float8], Float8, || regression::of(regression::sum_xy)),
    aggregate("regr_syy", &[Float8, Float8], Float8, || regression::of(regression::sum_yy)),
    ordered("percentile_cont", &[Float8, Float8], Float8, ordered::continuous),
    ordered("percentile_cont", &[FLOATS, Float8], FLOATS, ordered::continuous),
    ordered("percentile_disc", &[Float8, AnyElement], AnyElement, ordered::discrete),
    ordered("percentile_disc", &[FLOATS, AnyElement], AnyArray, ordered::discrete),
    ordered("mode", &[AnyElement], AnyElement, ordered::mode),
];

/// The type of the argument at `index`, where the engine tells it.
fn argument_type<'a>(call: &Call<'a>, index: usize) -> &'a Type {
    call.types.get(index).unwrap_or(&Type::Text)
}

/// The first argument.
fn first<'a>(call: &Call<'a>) -> ValueRef<'a> {
    call.args.first().copied().unwrap_or_default()
}

fn number(call: &Call<'_>) -> i64 {
    call.int(0)
}
