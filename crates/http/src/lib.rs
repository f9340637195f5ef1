//! Speaks HTTP: the edge, REST in PostgREST's grammar, the OpenAPI document and the front page.
//!
//! Hidden here: everything that is bytes of HTTP. Not here: what a query means (`records`) and who asks (`identity`).
//! Invariant: a request is bounded in every dimension before any of it is acted on.
//! Start reading at [`grammar`].

pub mod grammar;
