//! `mainstay new`: a small application to start from.

use crate::migrate::timestamp;
use mainstay_base::{Problem, Result};
use std::path::Path;

const FILES: [(&str, &str); 4] = [
    ("mainstay.toml", include_str!("../starter/mainstay.toml")),
    ("seed.sql", include_str!("../starter/seed.sql")),
    (".gitignore", include_str!("../starter/gitignore")),
    ("README.md", include_str!("../starter/README.md")),
];
const MIGRATION: &str = include_str!("../starter/migration.sql");

/// Makes the folder. One that is there and holds anything is left alone.
pub fn create(folder: &Path, unix_micros: i64) -> Result<()> {
    let occupied =
        folder.exists() && std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_some());
    if occupied {
        return Err(Problem::new(
            "MS024",
            format!("`{}` exists already and is not an empty folder", folder.display()),
        )
        .with_hint("choose another name, or remove it first"));
    }
    let name = folder.file_name().map_or("app".into(), |name| name.to_string_lossy());
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        let failed = |error: std::io::Error| {
            Problem::new("MS020", format!("cannot write `{}`: {error}", path.display()))
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&path, text.replace("{{name}}", &name)).map_err(failed)
    };
    for (path, text) in FILES {
        write(path, text)?;
    }
    write(&format!("migrations/{}_init.sql", timestamp(unix_micros)), MIGRATION)
}
