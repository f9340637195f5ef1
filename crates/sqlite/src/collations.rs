//! Collations that give SQLite PostgreSQL's order.

use arc_swap::ArcSwap;
use mainstay_types::{RangeKind, Registry, Type, TypeId, value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The types that users made, as the collations of one connection see them. A migration gives its own connection
/// the new ones before others see them.
pub(crate) type SharedRegistry = Arc<ArcSwap<Registry>>;

/// Registers the collations of all built-in types.
pub(crate) fn register(connection: &rusqlite::Connection, registry: &SharedRegistry) -> rusqlite::Result<()> {
    let mut types = vec![
        Type::Numeric,
        Type::Bpchar,
        Type::Citext,
        Type::TimeTz,
        Type::Interval,
        Type::Jsonb,
        Type::Inet,
    ];
    types.extend(types.clone().into_iter().map(Type::array));
    types.push(Type::array(Type::Text));
    types.extend(RangeKind::ALL.map(Type::Range));
    for ty in types {
        if let Some(name) = ty.storage().collation {
            create(connection, &name, registry)?;
        }
    }
    Ok(())
}

/// Registers the collations of enums that the connection does not know yet.
pub(crate) fn register_enums(
    connection: &rusqlite::Connection,
    registry: &SharedRegistry,
    known: &mut BTreeSet<TypeId>,
) -> rusqlite::Result<()> {
    for id in registry.load().enums.keys() {
        if known.contains(id) {
            continue;
        }
        if let Some(name) = Type::Enum(*id).storage().collation {
            create(connection, &name, registry)?;
        }
        known.insert(*id);
    }
    Ok(())
}

fn create(connection: &rusqlite::Connection, name: &str, registry: &SharedRegistry) -> rusqlite::Result<()> {
    let owned = name.to_owned();
    let registry = Arc::clone(registry);
    connection.create_collation(name, move |left, right| {
        if left == right {
            std::cmp::Ordering::Equal
        } else {
            value::collate(&owned, left, right, &registry.load())
        }
    })
}
