//! Who asks, and what statements may know of the request.

use hyper::http::request::Parts;
use mainstay_identity::Actor;
use mainstay_sql::Catalog;
use mainstay_types::Session;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Knows whether anything in the catalog reads `request.headers` and the like. Writing them costs more than a read
/// of one row, and most applications never look.
#[derive(Debug, Default)]
pub(super) struct Curiosity {
    /// Twice the catalog's version plus one, and one more where the catalog is curious; 0 before the first look.
    seen: AtomicU64,
}

impl Curiosity {
    pub fn of(&self, catalog: &Catalog) -> bool {
        let plain = catalog.version.wrapping_mul(2).wrapping_add(2);
        let seen = self.seen.load(Ordering::Relaxed);
        if seen == plain || seen == plain + 1 {
            return seen == plain + 1;
        }
        let curious = is_curious(catalog);
        self.seen.store(plain + u64::from(curious), Ordering::Relaxed);
        curious
    }
}

fn is_curious(catalog: &Catalog) -> bool {
    use mainstay_sql::catalog::{ConstraintKind, RelationKind};
    let functions = catalog.functions.values().flatten().any(|function| asks(&function.body));
    functions
        || catalog.relations.values().any(|relation| {
            let query = match &relation.kind {
                RelationKind::View { query, .. } => asks(query),
                _ => false,
            };
            let columns = relation.columns.iter().any(|column| {
                column.default.as_deref().is_some_and(asks) || column.generated.as_deref().is_some_and(asks)
            });
            let policies = relation.policies.iter().any(|policy| {
                policy.using.as_deref().is_some_and(asks) || policy.check.as_deref().is_some_and(asks)
            });
            let checks = relation.constraints.iter().any(|constraint| match &constraint.kind {
                ConstraintKind::Check { expression } => asks(expression),
                _ => false,
            });
            let triggers = relation.triggers.iter().any(|trigger| asks(&trigger.definition));
            query || columns || policies || checks || triggers
        })
}

/// Whether a text reads a setting of the request that is not the token's: by name, or by a name that it computes.
fn asks(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.match_indices("current_setting").any(|(at, word)| {
        let rest = lower.get(at + word.len()..).unwrap_or_default().trim_start();
        let Some(argument) = rest.strip_prefix('(').map(str::trim_start) else { return false };
        match argument.strip_prefix('\'').and_then(|argument| argument.split_once('\'')) {
            Some((name, after)) if !after.trim_start().starts_with("||") => {
                name.starts_with("request.") && !name.starts_with("request.jwt")
            }
            _ => true,
        }
    })
}

/// Sessions that depend on nothing but who asks and for which schema: made once for each token.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// By the address of the actor, which the entry keeps alive.
    known: RwLock<HashMap<usize, Known>>,
}

#[derive(Debug)]
struct Known {
    _actor: Arc<Actor>,
    by_schema: Vec<(String, Arc<Session>)>,
}

/// Actors whose sessions are kept.
const ACTORS_MAX: usize = 10_000;

impl Sessions {
    pub fn of(&self, actor: &Arc<Actor>, schema: &str, extra_search_path: &[String]) -> Arc<Session> {
        let address = Arc::as_ptr(actor).addr();
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let sessions = known.get(&address).map(|known| known.by_schema.as_slice()).unwrap_or_default();
            if let Some((_, session)) = sessions.iter().find(|(name, _)| name == schema) {
                return Arc::clone(session);
            }
        }
        let session = Arc::new(session(actor, schema, extra_search_path, None, None));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ACTORS_MAX {
            known.clear();
        }
        let entry = known
            .entry(address)
            .or_insert_with(|| Known { _actor: Arc::clone(actor), by_schema: Vec::new() });
        entry.by_schema.push((schema.to_owned(), Arc::clone(&session)));
        session
    }
}

/// The session of a request.
pub(super) fn session(
    actor: &Actor,
    schema: &str,
    extra_search_path: &[String],
    time_zone: Option<String>,
    request: Option<&Parts>,
) -> Session {
    let mut settings = BTreeMap::new();
    settings.insert("request.jwt.claims".to_owned(), (*actor.claims_json).to_owned());
    if let Some(head) = request {
        settings.insert("request.method".to_owned(), head.method.as_str().to_owned());
        settings.insert("request.path".to_owned(), head.uri.path().to_owned());
        settings.insert("request.headers".to_owned(), headers_json(head));
        settings.insert("request.cookies".to_owned(), cookies_json(head));
    }
    let mut search_path = Vec::with_capacity(1 + extra_search_path.len());
    search_path.push(schema.to_owned());
    search_path.extend(extra_search_path.iter().filter(|name| *name != schema).cloned());
    Session { role: actor.role.clone(), time_zone: time_zone.unwrap_or_default(), settings, search_path }
}

fn headers_json(head: &Parts) -> String {
    let mut object = Map::new();
    for (name, value) in &head.headers {
        if name != hyper::header::COOKIE {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            object.insert(name.as_str().to_owned(), Value::from(text));
        }
    }
    Value::Object(object).to_string()
}

fn cookies_json(head: &Parts) -> String {
    let mut object = Map::new();
    for value in head.headers.get_all(hyper::header::COOKIE) {
        for pair in String::from_utf8_lossy(value.as_bytes()).split(';') {
            if let Some((name, value)) = pair.split_once('=') {
                object.insert(name.trim().to_owned(), Value::from(value.trim()));
            }
        }
    }
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::asks;

    #[test]
    fn only_texts_that_look_at_the_request_are_curious() {
        assert!(asks("select current_setting('request.headers', true)::json"));
        assert!(asks("select current_setting(prefix || '.x')"));
        assert!(asks("select current_setting('request.' || name)"));
        assert!(!asks("(current_setting('request.jwt.claims', true)::json->>'sub') = owner"));
        assert!(!asks("auth.uid() = owner and current_setting('app.tenant') = tenant"));
    }
}
