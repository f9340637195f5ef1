//! The OAuth server by its own door, with a clock that a test sets.

mod devices;
mod exchange;
mod keys;
mod openid;
mod rfc9700;
mod support;
