//! JSON functions and operators.

pub(crate) mod access;
pub(crate) mod build;
pub(crate) mod contain;
pub(crate) mod modify;
mod path;
pub(crate) mod record;
pub(crate) mod rows;

use super::define::{function, operator, rows as set};
use crate::registry::{Native, Ty};
use Ty::{AnyArray, AnyElement, Bool, Int4, Json, Jsonb, Record, Text};

const SECTION: &str = "JSON functions and operators";
const TEXTS: Ty = Ty::ArrayOf(&Ty::Text);

pub(crate) static TABLE: &[Native] = &[
    // Access.
    operator(SECTION, "->", &[Json, Text], Json, access::field),
    operator(SECTION, "->", &[Json, Int4], Json, access::element),
    operator(SECTION, "->>", &[Json, Text], Text, access::field_text),
    operator(SECTION, "->>", &[Json, Int4], Text, access::element_text),
    operator(SECTION, "#>", &[Json, TEXTS], Json, access::path),
    operator(SECTION, "#>>", &[Json, TEXTS], Text, access::path_text),
    operator(SECTION, "->", &[Jsonb, Text], Jsonb, access::field),
    operator(SECTION, "->", &[Jsonb, Int4], Jsonb, access::element),
    operator(SECTION, "->>", &[Jsonb, Text], Text, access::field_text),
    operator(SECTION, "->>", &[Jsonb, Int4], Text, access::element_text),
    operator(SECTION, "#>", &[Jsonb, TEXTS], Jsonb, access::path),
    operator(SECTION, "#>>", &[Jsonb, TEXTS], Text, access::path_text),
    function(SECTION, "json_extract_path", &[Json, Text], Json, access::extract_path).with_variadic(),
    function(SECTION, "json_extract_path_text", &[Json, Text], Text, access::extract_path_text)
        .with_variadic(),
    function(SECTION, "jsonb_extract_path", &[Jsonb, Text], Jsonb, access::extract_path).with_variadic(),
    function(SECTION, "jsonb_extract_path_text", &[Jsonb, Text], Text, access::extract_path_text)
        .with_variadic(),
    function(SECTION, "json_typeof", &[Json], Text, access::type_of),
    function(SECTION, "jsonb_typeof", &[Jsonb], Text, access::type_of),
    function(SECTION, "json_array_length", &[Json], Int4, access::array_length),
    function(SECTION, "jsonb_array_length", &[Jsonb], Int4, access::array_length),
    // Containment.
    operator(SECTION, "@>", &[Jsonb, Jsonb], Bool, contain::contains),
    operator(SECTION, "<@", &[Jsonb, Jsonb], Bool, contain::contained),
    operator(SECTION, "?", &[Jsonb, Text], Bool, contain::exists),
    operator(SECTION, "?|", &[Jsonb, TEXTS], Bool, contain::exists_any),
    operator(SECTION, "?&", &[Jsonb, TEXTS], Bool, contain::exists_all),
    function(SECTION, "jsonb_exists", &[Jsonb, Text], Bool, contain::exists),
    function(SECTION, "jsonb_contains", &[Jsonb, Jsonb], Bool, contain::contains),
    // Change.
    operator(SECTION, "||", &[Jsonb, Jsonb], Jsonb, modify::concat),
    operator(SECTION, "-", &[Jsonb, Text], Jsonb, modify::delete_key),
    operator(SECTION, "-", &[Jsonb, TEXTS], Jsonb, modify::delete_keys),
    operator(SECTION, "-", &[Jsonb, Int4], Jsonb, modify::delete_index),
    operator(SECTION, "#-", &[Jsonb, TEXTS], Jsonb, modify::delete_path),
    function(SECTION, "jsonb_set", &[Jsonb, TEXTS, Jsonb], Jsonb, modify::set),
    function(SECTION, "jsonb_set", &[Jsonb, TEXTS, Jsonb, Bool], Jsonb, modify::set),
    function(SECTION, "jsonb_set_lax", &[Jsonb, TEXTS, Jsonb], Jsonb, modify::set_lax).called_on_null(),
    function(SECTION, "jsonb_set_lax", &[Jsonb, TEXTS, Jsonb, Bool], Jsonb, modify::set_lax).called_on_null(),
    function(SECTION, "jsonb_set_lax", &[Jsonb, TEXTS, Jsonb, Bool, Text], Jsonb, modify::set_lax)
        .called_on_null(),
    function(SECTION, "jsonb_insert", &[Jsonb, TEXTS, Jsonb], Jsonb, modify::insert),
    function(SECTION, "jsonb_insert", &[Jsonb, TEXTS, Jsonb, Bool], Jsonb, modify::insert),
    function(SECTION, "jsonb_delete_path", &[Jsonb, TEXTS], Jsonb, modify::delete_path),
    function(SECTION, "jsonb_concat", &[Jsonb, Jsonb], Jsonb, modify::concat),
    function(SECTION, "json_strip_nulls", &[Json], Json, modify::strip_nulls_json),
    function(SECTION, "jsonb_strip_nulls", &[Jsonb], Jsonb, modify::strip_nulls),
    function(SECTION, "jsonb_pretty", &[Jsonb], Text, modify::pretty),
    // Construction.
    function(SECTION, "to_json", &[AnyElement], Json, build::to_json).stable(),
    function(SECTION, "to_jsonb", &[AnyElement], Jsonb, build::to_jsonb).stable(),
    function(SECTION, "array_to_json", &[AnyArray], Json, build::to_json).stable(),
    function(SECTION, "array_to_json", &[AnyArray, Bool], Json, build::array_to_json_pretty).stable(),
    function(SECTION, "row_to_json", &[Record], Json, build::to_json).stable(),
    function(SECTION, "row_to_json", &[Record, Bool], Json, build::row_to_json_pretty).stable(),
    function(SECTION, "json_build_object", &[], Json, build::json_object_of).called_on_null().stable(),
    function(SECTION, "json_build_object", &[Ty::Any], Json, build::json_object_of)
        .with_variadic()
        .called_on_null()
        .stable(),
    function(SECTION, "jsonb_build_object", &[], Jsonb, build::jsonb_object_of).called_on_null().stable(),
    function(SECTION, "jsonb_build_object", &[Ty::Any], Jsonb, build::jsonb_object_of)
        .with_variadic()
        .called_on_null()
        .stable(),
    function(SECTION, "json_build_array", &[], Json, build::json_array_of).called_on_null().stable(),
    function(SECTION, "json_build_array", &[Ty::Any], Json, build::json_array_of)
        .with_variadic()
        .called_on_null()
        .stable(),
    function(SECTION, "jsonb_build_array", &[], Jsonb, build::jsonb_array_of).called_on_null().stable(),
    function(SECTION, "jsonb_build_array", &[Ty::Any], Jsonb, build::jsonb_array_of)
        .with_variadic()
        .called_on_null()
        .stable(),
    function(SECTION, "json_object", &[TEXTS], Json, build::json_object_of_texts),
    function(SECTION, "json_object", &[TEXTS, TEXTS], Json, build::json_object_of_texts),
    function(SECTION, "jsonb_object", &[TEXTS], Jsonb, build::jsonb_object_of_texts),
    function(SECTION, "jsonb_object", &[TEXTS, TEXTS], Jsonb, build::jsonb_object_of_texts),
    function(SECTION, "pg_row_to_json", &[Text, Ty::Any], Json, record::row_to_json)
        .with_variadic()
        .called_on_null()
        .stable(),
    // Rows.
    set(SECTION, "json_array_elements", &[Json], Json, &[("value", Json)], rows::elements),
    set(SECTION, "jsonb_array_elements", &[Jsonb], Jsonb, &[("value", Jsonb)], rows::elements),
    set(SECTION, "json_array_elements_text", &[Json], Text, &[("value", Text)], rows::elements_text),
    set(SECTION, "jsonb_array_elements_text", &[Jsonb], Text, &[("value", Text)], rows::elements_text),
    set(SECTION, "json_each", &[Json], Record, &[("key", Text), ("value", Json)], rows::each),
    set(SECTION, "jsonb_each", &[Jsonb], Record, &[("key", Text), ("value", Jsonb)], rows::each),
    set(SECTION, "json_each_text", &[Json], Record, &[("key", Text), ("value", Text)], rows::each_text),
    set(SECTION, "jsonb_each_text", &[Jsonb], Record, &[("key", Text), ("value", Text)], rows::each_text),
    set(SECTION, "json_object_keys", &[Json], Text, &[("json_object_keys", Text)], rows::keys_json),
    set(SECTION, "jsonb_object_keys", &[Jsonb], Text, &[("jsonb_object_keys", Text)], rows::keys_jsonb),
    // Paths. The type `jsonpath` is text here; the path is checked when it is used.
    operator(SECTION, "@?", &[Jsonb, Text], Bool, path::exists_silent),
    operator(SECTION, "@@", &[Jsonb, Text], Bool, path::match_silent),
    function(SECTION, "jsonb_path_exists", &[Jsonb, Text], Bool, path::exists),
    function(SECTION, "jsonb_path_exists", &[Jsonb, Text, Jsonb], Bool, path::exists),
    function(SECTION, "jsonb_path_exists", &[Jsonb, Text, Jsonb, Bool], Bool, path::exists),
    function(SECTION, "jsonb_path_match", &[Jsonb, Text], Bool, path::matches),
    function(SECTION, "jsonb_path_match", &[Jsonb, Text, Jsonb], Bool, path::matches),
    function(SECTION, "jsonb_path_match", &[Jsonb, Text, Jsonb, Bool], Bool, path::matches),
    function(SECTION, "jsonb_path_query_array", &[Jsonb, Text], Jsonb, path::query_array),
    function(SECTION, "jsonb_path_query_array", &[Jsonb, Text, Jsonb], Jsonb, path::query_array),
    function(SECTION, "jsonb_path_query_array", &[Jsonb, Text, Jsonb, Bool], Jsonb, path::query_array),
    function(SECTION, "jsonb_path_query_first", &[Jsonb, Text], Jsonb, path::query_first),
    function(SECTION, "jsonb_path_query_first", &[Jsonb, Text, Jsonb], Jsonb, path::query_first),
    function(SECTION, "jsonb_path_query_first", &[Jsonb, Text, Jsonb, Bool], Jsonb, path::query_first),
    set(SECTION, "jsonb_path_query", &[Jsonb, Text], Jsonb, PATH_QUERY, path::query),
    set(SECTION, "jsonb_path_query", &[Jsonb, Text, Jsonb], Jsonb, PATH_QUERY, path::query),
    set(SECTION, "jsonb_path_query", &[Jsonb, Text, Jsonb, Bool], Jsonb, PATH_QUERY, path::query),
];

const PATH_QUERY: &[(&str, Ty)] = &[("jsonb_path_query", Jsonb)];
