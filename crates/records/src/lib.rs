//! Reads and writes rows for a caller: what the faces ask, in terms of relations, columns and embeds.
//!
//! Hidden here: how a query tree becomes PostgreSQL statements, and when a plan is used again.
//! Not here: HTTP (`http`), the dialect of an engine (`sql`, engines); `records` sees `engine::RecordStore` alone.
//! Invariant: a caller's text reaches a statement as a parameter or as a quoted name that the catalog knows.
//! Start reading at [`query::Query`], then [`service::Records`].

pub mod query;
