//! What a value's meaning depends on besides itself: session settings, the time, the types a user made.

use crate::ty::{Type, TypeId};
use mainstay_base::Env;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// An enum: its labels in order. An index into `labels` is the sort position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnumType {
    pub schema: String,
    pub name: String,
    pub labels: Vec<String>,
}

/// A row type: names and types of its fields in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompositeType {
    pub schema: String,
    pub name: String,
    pub fields: Vec<(String, crate::ColumnType)>,
}

/// The types that users made. Part of the catalog; handed to values because labels decide input and order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    pub enums: BTreeMap<TypeId, EnumType>,
    pub composites: BTreeMap<TypeId, CompositeType>,
}

impl Registry {
    /// The name that PostgreSQL prints in messages: built-in names, else `name` (`schema.name` outside `public`).
    pub fn type_name(&self, ty: &Type) -> String {
        let qualified = |schema: &str, name: &str| {
            if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") }
        };
        match ty {
            Type::Array(element) => format!("{}[]", self.type_name(element)),
            Type::Enum(id) => {
                self.enums.get(id).map_or_else(|| format!("enum {}", id.0), |e| qualified(&e.schema, &e.name))
            }
            Type::Composite(id) => self
                .composites
                .get(id)
                .map_or_else(|| format!("row {}", id.0), |c| qualified(&c.schema, &c.name)),
            other => other.builtin_name().unwrap_or_default().into_owned(),
        }
    }
}

/// Whether a session can have a time zone of this name: one of the IANA database's, or an offset.
pub fn is_time_zone(name: &str) -> bool {
    name.parse::<f64>().is_ok() || crate::forms::timezone::Zone::named(name).is_some()
}

/// Who asks and how answers shall look: fixed for one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The role of the request (`anon`, `service_role`, …): `current_user`.
    pub role: String,
    /// An IANA name or an offset; empty means UTC.
    pub time_zone: String,
    /// `current_setting(name)`: request headers, claims and the like. `request.jwt.claims` holds the claims as JSON.
    pub settings: BTreeMap<String, String>,
    /// `search_path`; empty means `public`.
    pub search_path: Vec<String>,
}

/// Handed to every native function.
#[derive(Clone, Debug)]
pub struct Context {
    pub env: Env,
    pub registry: Arc<Registry>,
    pub session: Arc<Session>,
    /// What `set_config` has set in this transaction; `current_setting` looks here first.
    pub overrides: Arc<Mutex<BTreeMap<String, String>>>,
    /// `now()`: microseconds since 2000-01-01 UTC, fixed when the transaction began.
    pub transaction_time: i64,
    /// `statement_timestamp()`, likewise.
    pub statement_time: i64,
}
