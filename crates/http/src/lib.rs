//! Speaks HTTP: the edge, REST in PostgREST's grammar, the OpenAPI document, the front page, and operators' requests.
//!
//! Hidden here: everything that is bytes of HTTP.
//! Not here: what a query means (`records`) and who asks (`identity`).
//! Invariant: a request is bounded in every dimension before any of it is acted on.
//! Start reading at [`build`], then [`rest::Rest`], then [`grammar`].

pub mod admin;
pub mod auth;
pub mod client;
mod compress;
pub mod edge;
mod face;
pub mod grammar;
pub mod keys;
pub mod oauth;
pub mod openapi;
pub mod pages;
pub mod problem;
pub mod rest;

pub use face::{HttpFace, HttpParts, HttpSettings, Running, build};
pub use mainstay_identity::Actor;

#[cfg(test)]
mod tests;
