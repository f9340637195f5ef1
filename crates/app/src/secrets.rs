//! The secret that signs keys and tokens, and the two keys of an application.

use crate::project::Project;
use mainstay_base::{Env, Problem, Result};
use mainstay_identity::jose::SigningKey;
use mainstay_identity::{Claims, RootSecret, TokenType};
use std::fs;
use std::io::Write;
use std::path::Path;

/// What clients put into `apikey`.
#[derive(Clone, Debug)]
pub struct Keys {
    pub anon: String,
    pub service_role: String,
}

const FILE: &str = "jwt_secret";
const TEN_YEARS_SECONDS: i64 = 10 * 365 * 24 * 3_600;
/// Keys of one secret are the same at every start: they count from a fixed day, not from now.
const ISSUED_AT: i64 = 1_767_225_600;

/// The secret of the settings, else the one in the data directory, which is made at the first start.
pub fn secret(project: &Project, env: &Env) -> Result<RootSecret> {
    if let Some(text) = &project.settings.auth.jwt_secret {
        return RootSecret::new(text.expose());
    }
    let path = project.data_dir.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => RootSecret::new(text.trim().as_bytes()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut bytes = [0_u8; 32];
            env.fill_random(&mut bytes);
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            write_private(&path, &text)?;
            RootSecret::new(text.into_bytes())
        }
        Err(error) => Err(Problem::new("MS020", format!("cannot read `{}`: {error}", path.display()))
            .with_hint("check owner and permissions of the data directory and of what is in it")),
    }
}

pub fn keys(secret: &RootSecret) -> Result<Keys> {
    let key = |role: &str| {
        let mut claims = Claims::new();
        claims.insert("iss".into(), "mainstay".into());
        claims.insert("role".into(), role.into());
        claims.insert("iat".into(), ISSUED_AT.into());
        claims.insert("exp".into(), (ISSUED_AT + TEN_YEARS_SECONDS).into());
        SigningKey::shared(secret).sign(&claims, TokenType::Session)
    };
    Ok(Keys { anon: key("anon")?, service_role: key("service_role")? })
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        Problem::new("MS020", format!("cannot write `{}`: {error}", path.display()))
            .with_hint("the data directory must be writable; `[store] data_dir` moves it")
    };
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
