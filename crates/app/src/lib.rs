//! Assembles everything from settings: the one place that names concrete engines.
//!
//! Hidden here: how an application's folder becomes a running server, and how it stops.
//! Not here: what any part does; `app` builds parts, wires them, runs them and drains them.
//! Invariant: only [`build`] names a technology; nothing below knows which one it runs on.
//! Start reading at [`build::build`], then [`run::dev`].

pub mod assess;
mod auth;
pub mod backup;
pub mod build;
pub mod commands;
pub mod doctor;
pub mod migrate;
mod oauth;
pub mod policy_test;
pub mod project;
pub mod report;
pub mod run;
pub mod scaffold;
pub mod secrets;
pub mod settings;
pub mod typescript;
pub mod world;

pub use run::RunOptions;
