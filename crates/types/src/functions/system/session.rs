//! Who asks, with which settings.

use crate::forms;
use crate::forms::json::scan;
use crate::functions::define::{Args, text_array};
use crate::registry::Call;
use crate::ty::{ColumnType, Type};
use crate::value::{Value, ValueRef};
use mainstay_base::{Problem, Result};
use std::borrow::Cow;
use std::sync::PoisonError;

/// The version of PostgreSQL whose behaviour is the model.
const MODEL_VERSION: &str = "15.20";

/// The value of a setting, where it has one.
fn lookup<'a>(call: &Call<'a>, name: &str) -> Option<Cow<'a, str>> {
    let key = name.to_lowercase();
    let overrides = call.context.overrides.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(value) = overrides.get(&key).or_else(|| overrides.get(name)) {
        return Some(Cow::Owned(value.clone()));
    }
    drop(overrides);
    let session = &call.context.session;
    if let Some(value) = session.settings.get(&key).or_else(|| session.settings.get(name)) {
        return Some(Cow::Borrowed(value));
    }
    Some(match key.as_str() {
        "role" => Cow::Borrowed(session.role.as_str()),
        "timezone" if session.time_zone.is_empty() => "UTC".into(),
        "timezone" => Cow::Borrowed(session.time_zone.as_str()),
        "search_path" if session.search_path.is_empty() => "public".into(),
        "search_path" => session.search_path.join(", ").into(),
        "server_version" => MODEL_VERSION.into(),
        "server_version_num" => "150020".into(),
        "server_encoding" | "client_encoding" => "UTF8".into(),
        "datestyle" => "ISO, MDY".into(),
        "intervalstyle" => "postgres".into(),
        "standard_conforming_strings" | "integer_datetimes" => "on".into(),
        "transaction_isolation" | "default_transaction_isolation" => "serializable".into(),
        "application_name" => "".into(),
        "bytea_output" => "hex".into(),
        _ => return None,
    })
}

pub(crate) fn setting(call: &Call<'_>) -> Result<Value> {
    let name = call.text(0);
    match lookup(call, name) {
        Some(value) => Ok(Value::text(value)),
        None if call.int(1) != 0 => Ok(Value::Null),
        None => Err(Problem::new("42704", format!("unrecognized configuration parameter \"{name}\""))),
    }
}

/// Holds until the transaction ends, whatever the third argument says: there is no session beyond it.
pub(crate) fn set_config(call: &Call<'_>) -> Result<Value> {
    let ValueRef::Text(name) = call.value(0) else {
        return Err(Problem::new("22004", "SET requires parameter name"));
    };
    let value = call.text(1).to_owned();
    let mut overrides = call.context.overrides.lock().unwrap_or_else(PoisonError::into_inner);
    overrides.insert(name.to_lowercase(), value.clone());
    Ok(Value::Text(value))
}

fn claim(call: &Call<'_>, name: &str) -> Result<Option<String>> {
    if let Some(value) = lookup(call, &format!("request.jwt.claim.{name}")).filter(|value| !value.is_empty())
    {
        return Ok(Some(value.into_owned()));
    }
    let Some(claims) = lookup(call, "request.jwt.claims").filter(|claims| !claims.is_empty()) else {
        return Ok(None);
    };
    Ok(match scan::member(&claims, name) {
        None => None,
        Some(raw) if scan::shape(raw) == scan::Shape::Null => None,
        Some(raw) => Some(scan::text_of(raw).into_owned()),
    })
}

pub(crate) fn user_id(call: &Call<'_>) -> Result<Value> {
    match claim(call, "sub")? {
        Some(subject) => forms::input(&ColumnType::from(Type::Uuid), &subject, call.context),
        None => Ok(Value::Null),
    }
}

pub(crate) fn claims(call: &Call<'_>) -> Result<Value> {
    match lookup(call, "request.jwt.claims").filter(|claims| !claims.is_empty()) {
        Some(claims) => forms::jsonb::normalize(&claims).map(Value::Text),
        None => Ok(Value::Null),
    }
}

pub(crate) fn claimed_role(call: &Call<'_>) -> Result<Value> {
    Ok(claim(call, "role")?.map_or(Value::Null, Value::Text))
}

pub(crate) fn email(call: &Call<'_>) -> Result<Value> {
    Ok(claim(call, "email")?.map_or(Value::Null, Value::Text))
}

pub(crate) fn role(call: &Call<'_>) -> Result<Value> {
    let role = &call.context.session.role;
    Ok(Value::text(if role.is_empty() { "postgres" } else { role }))
}

/// PostgREST signs in as `authenticator` and then takes the role of the request.
pub(crate) fn session_user(call: &Call<'_>) -> Result<Value> {
    let role = &call.context.session.role;
    Ok(Value::text(if role.is_empty() || role == "postgres" { "postgres" } else { "authenticator" }))
}

pub(crate) fn database(_call: &Call<'_>) -> Result<Value> {
    Ok(Value::text("postgres"))
}

fn search_path<'a>(call: &Call<'a>) -> Vec<&'a str> {
    match call.context.session.search_path.as_slice() {
        [] => vec!["public"],
        path => path.iter().map(String::as_str).collect(),
    }
}

pub(crate) fn schema(call: &Call<'_>) -> Result<Value> {
    Ok(search_path(call).first().map_or(Value::Null, |schema| Value::text(*schema)))
}

pub(crate) fn schemas(call: &Call<'_>) -> Result<Value> {
    let implicit = (call.int(0) != 0).then_some("pg_catalog");
    Ok(text_array(implicit.into_iter().chain(search_path(call)).map(Some)))
}

pub(crate) fn version(_call: &Call<'_>) -> Result<Value> {
    Ok(Value::text(format!("PostgreSQL {MODEL_VERSION} (Mainstay {})", env!("CARGO_PKG_VERSION"))))
}

pub(crate) fn process(_call: &Call<'_>) -> Result<Value> {
    Ok(Value::Integer(i64::from(std::process::id() & 0x7fff_ffff)))
}
