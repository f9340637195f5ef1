//! Flows: what a person or an application does to sign up, in and out. Each is one transaction; what it sends leaves
//! after that, and nobody waits for it.

pub mod anonymous;
pub mod email_change;
pub mod logout;
pub mod messages;
pub mod otp;
pub mod password;
pub mod pkce;
pub mod reauthenticate;
pub mod recover;
pub mod refresh;
pub mod resend;
pub mod signup;
pub mod update;
pub mod verify;
