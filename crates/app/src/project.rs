//! An application's folder: where its migrations, seed, settings and data lie.

use crate::settings::Settings;
use mainstay_base::{Problem, Result};
use std::path::{Path, PathBuf};

/// A folder that Mainstay can serve.
#[derive(Clone, Debug)]
pub struct Project {
    pub root: PathBuf,
    pub settings: Settings,
    /// `migrations`, or `supabase/migrations` in a Supabase project.
    pub migrations_dir: PathBuf,
    pub seed: PathBuf,
    pub data_dir: PathBuf,
}

/// One migration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationFile {
    /// The file's name without `.sql`: the order is that of names.
    pub name: String,
    pub path: PathBuf,
    pub text: String,
}

impl Project {
    pub fn open(root: &Path) -> Result<Project> {
        if !root.is_dir() {
            return Err(Problem::new("MS022", format!("`{}` is no folder", root.display())).with_hint(
                "give the path of an application's folder, or make one with `mainstay new my-app`",
            ));
        }
        let supabase = if root.join("supabase").is_dir() { root.join("supabase") } else { root.to_owned() };
        let own = root.join("migrations");
        let is_supabase =
            !own.is_dir() && (supabase.join("migrations").is_dir() || supabase.join("config.toml").is_file());
        let base = if is_supabase { supabase } else { root.to_owned() };
        if !is_supabase && !own.is_dir() && !root.join("mainstay.toml").is_file() {
            return Err(Problem::new("MS022", format!("`{}` holds no application", root.display())).with_hint(
                "an application has a `mainstay.toml`, a folder `migrations` or a folder `supabase/migrations`; \
                 `mainstay new my-app` makes one",
            ));
        }
        let settings = Settings::read(&root.join("mainstay.toml"))?;
        Ok(Project {
            migrations_dir: base.join("migrations"),
            seed: base.join("seed.sql"),
            data_dir: root.join(&settings.store.data_dir),
            root: root.to_owned(),
            settings,
        })
    }

    /// The name on the front page.
    pub fn name(&self) -> String {
        let folder =
            || self.root.canonicalize().ok()?.file_name().map(|name| name.to_string_lossy().into_owned());
        self.settings.app.name.clone().or_else(folder).unwrap_or_else(|| "Mainstay".to_owned())
    }

    /// All migration files, in the order in which they apply.
    pub fn migrations(&self) -> Result<Vec<MigrationFile>> {
        migrations_in(&self.migrations_dir)
    }

    pub fn seed_text(&self) -> Result<Option<String>> {
        match read_text(&self.seed) {
            Ok(text) => Ok(Some(text)),
            Err(_) if !self.seed.exists() => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

/// The `.sql` files of a folder in the order of their names; a folder that is not there has none.
pub fn migrations_in(folder: &Path) -> Result<Vec<MigrationFile>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let is_sql = path.extension().is_some_and(|extension| extension == "sql");
        // Supabase's convention: a down migration stands beside its up migration.
        let is_down = path.to_string_lossy().ends_with(".down.sql");
        if is_sql && !is_down && path.is_file() {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            files.push(MigrationFile { name, text: read_text(&path)?, path });
        }
    }
    files.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(files)
}

/// A file as text; what is not UTF-8 is named with its place.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Problem::new("22021", format!("`{}` is not UTF-8: see byte {at}", path.display()))
            .with_hint("save the file as UTF-8 without a byte order mark")
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new("MS020", format!("cannot read `{}`: {error}", path.display()))
        .with_hint("check that the path exists and that this user may read it")
}
