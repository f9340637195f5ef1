//! The secret that signs keys and tokens, and the two keys of an application.

use crate::project::Project;
use mainstay_base::{Env, Problem, Result};
use mainstay_identity::{Secret, sign};
use serde_json::json;
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
pub fn secret(project: &Project, env: &Env) -> Result<Secret> {
    if let Some(text) = &project.settings.auth.jwt_secret {
        return Secret::new(text.as_bytes());
    }
    let path = project.data_dir.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => Secret::new(text.trim().as_bytes()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut bytes = [0_u8; 32];
            env.fill_random(&mut bytes);
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            write_private(&path, &text)?;
            Secret::new(text.into_bytes())
        }
        Err(error) => Err(Problem::new("MS020", format!("cannot read `{}`: {error}", path.display()))
            .with_hint("check owner and permissions of the data directory and of what is in it")),
    }
}

pub fn keys(secret: &Secret) -> Result<Keys> {
    let key = |role: &str| {
        let claims =
            json!({"iss": "mainstay", "role": role, "iat": ISSUED_AT, "exp": ISSUED_AT + TEN_YEARS_SECONDS});
        sign(secret, &claims)
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
