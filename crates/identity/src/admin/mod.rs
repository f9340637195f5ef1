//! What a service key may do: every user, every session, every message.

pub mod events;
pub mod factors;
pub mod links;
pub mod users;
