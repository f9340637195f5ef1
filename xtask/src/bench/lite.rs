//! Supabase Lite as a subject: `@supabase/lite` on Node 22, both from the npm registry, its telemetry off.

use super::bulk::{self, Export, Post};
use super::fixture::{self, EXPORT_ROWS, Kind, uuid};
use super::rest;
use super::server::{Server, free_address};
use super::{Fill, Subject, Workload, fill_sqlite};
use crate::process::{self, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VERSION: &str = "0.10.0";
/// It takes a hundred values a statement; rows have four at most.
const ROWS_OF_A_REQUEST: usize = 25;

pub struct Lite {
    modules: PathBuf,
}

impl Lite {
    pub fn install(scratch: &Path) -> Result<Lite> {
        let folder = scratch.join("lite");
        let modules = folder.join("node_modules");
        if !modules.join("@supabase/lite/dist/cli/index.js").exists() {
            std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
            let package = format!("@supabase/lite@{VERSION}");
            let quiet = ["install", "--no-audit", "--no-fund", "--silent", "--prefix"];
            process::run(Command::new("npm").args(quiet).arg(&folder).args(["node@22", &package]))?;
        }
        Ok(Lite { modules })
    }

    fn command(&self, app: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(self.modules.join("node/bin/node"));
        command
            .arg(self.modules.join("@supabase/lite/dist/cli/index.js"))
            .arg("--no-telemetry")
            .args(words)
            .current_dir(app)
            .env("LITE_TELEMETRY", "0")
            .env("DO_NOT_TRACK", "1")
            .stdin(Stdio::null());
        command
    }
}

impl Subject for Lite {
    fn name(&self) -> String {
        format!("Supabase Lite {VERSION}")
    }

    fn durability(&self) -> &'static str {
        "fsync before the answer (SQLite's defaults: synchronous = FULL, rollback journal)"
    }

    fn start(&mut self, scratch: &Path, fill: Fill) -> Result<Server> {
        let app = scratch.join("lite");
        let write = |path: &str, text: &str| {
            std::fs::write(app.join("supabase").join(path), text).map_err(|error| format!("{path}: {error}"))
        };
        std::fs::create_dir_all(app.join("supabase/migrations")).map_err(|error| error.to_string())?;
        std::fs::create_dir_all(app.join("supabase/.temp")).map_err(|error| error.to_string())?;
        let address = free_address()?;
        write(
            "config.toml",
            &format!(
                "[api]\nport = {}\nmax_rows = {EXPORT_ROWS}\n[db]\ndriver = \"sqlite-postgres\"\nurl = \"file:./supabase/.temp/data.db\"\n\
                 [db.migrations]\nschema_paths = []\n[auth]\nenabled = false\njwt_secret = \"a-secret-of-the-benchmark-with-32-characters\"\n",
                address.port()
            ),
        )?;
        // Its CHECK constraints know no function `length`.
        write("migrations/20260101000000_chat.sql", &fixture::tables("gen_random_uuid()", ""))?;
        process::run(self.command(&app, &["db", "reset", "--hard"]).stdout(Stdio::null()))?;
        let start = || Server::start(&mut self.command(&app, &["start"]), address, "/rest/v1/rooms?limit=1");
        let mut first = start()?;
        for kind in Kind::ALL {
            let rows = (0..kind.rows()).map(|number| kind.row(number, uuid));
            bulk::fill(&first.url, &format!("/rest/v1/{}", kind.table()), rows, ROWS_OF_A_REQUEST)?;
        }
        first.stop();
        if fill == Fill::Export {
            let row = "select n, 'Row ' || n, n * 0.25, datetime(1767225600 + n, 'unixepoch') from numbers";
            let insert = format!("insert into exported (id, name, amount, created_at) {row}");
            fill_sqlite(&app.join("supabase/.temp/data.db"), &insert, EXPORT_ROWS)?;
        }
        start()
    }

    fn script(&self, workload: Workload) -> Option<String> {
        // Its SQLite backend has no functions.
        if workload == Workload::Call { None } else { rest::script(workload) }
    }

    /// A thousand rows are too many for it: see [`ROWS_OF_A_REQUEST`].
    fn bulk_insert(&self, _: usize) -> Option<Post> {
        None
    }

    fn exports(&self) -> Vec<Export> {
        rest::exports()
    }
}
