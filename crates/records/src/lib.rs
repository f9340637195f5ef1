//! Reads and writes rows for a caller: what the faces ask, in terms of relations, columns and embeds.
//!
//! Hidden here: how a query tree becomes PostgreSQL statements, and when a plan is used again.
//! Not here: HTTP (`http`), the dialect of an engine (`sql`, engines); `records` sees `engine::RecordStore` alone.
//! Invariant: a caller's text reaches a statement as a parameter, as a quoted name, or as a quoted string.
//! Start reading at [`query::Query`], then [`service::Records`].

mod answer;
mod cache;
mod call;
mod explain;
mod fuzzy;
mod keyset;
mod payload;
mod plan;
mod pre_request;
mod problems;
pub mod query;
mod read;
mod relationships;
mod schema;
pub mod service;
pub mod settings;
mod stream;
mod transact;
mod values;
mod write;

pub use keyset::cursor::{CursorKey, MARK as CURSOR_MARK};
pub use pre_request::find as find_pre_request;
pub use relationships::{Reference, references, says_one_row};
pub use service::{Records, RecordsParts, build};
pub use settings::RecordsSettings;
pub use transact::{Together, Within};
