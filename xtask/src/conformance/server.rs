//! A server for a group of settings under which cases hold.

use crate::process::Result;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Where REST is served.
pub const PREFIX: &str = "/rest/v1";

/// The settings that a group of cases assumes, as far as groups differ.
pub struct Group {
    pub name: &'static str,
    schemas: &'static str,
    rows_max: u32,
    aggregates: bool,
}

pub const GROUPS: &[Group] = &[
    Group { name: "default", schemas: r#"["test"]"#, rows_max: 0, aggregates: false },
    Group { name: "aggregates", schemas: r#"["test"]"#, rows_max: 0, aggregates: true },
    Group { name: "max_rows", schemas: r#"["test"]"#, rows_max: 2, aggregates: false },
    Group { name: "schemas", schemas: r#"["v1", "v2", 'SPECIAL "@/\#~_-']"#, rows_max: 0, aggregates: false },
    Group { name: "unicode_schema", schemas: r#"["تست"]"#, rows_max: 0, aggregates: false },
];

impl Group {
    fn settings(&self) -> String {
        format!(
            "[rest]\nschemas = {}\nrows_max = {}\naggregates = {}\ntx_rollback = true\ntx_rollback_default = true\n\
             \n[auth]\njwt_secret = \"reallyreallyreallyreallyverysafe\"\n\
             anonymous_role = \"postgrest_test_anonymous\"\n",
            self.schemas, self.rows_max, self.aggregates
        )
    }
}

pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Serves a copy of the application: what a case commits is seen by its own group alone.
    pub fn start(binary: &Path, application: &Path, folder: &Path, group: &Group) -> Result<Server> {
        copy(application, folder)?;
        let settings = folder.join("mainstay.toml");
        std::fs::write(&settings, group.settings())
            .map_err(|error| format!("{}: {error}", settings.display()))?;
        let log = folder.join("server.log");
        let errors = std::fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut child = Command::new(binary)
            .arg("serve")
            .arg(folder)
            .args(["--no-migrate", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", binary.display()))?;
        let lines = child
            .stdout
            .take()
            .into_iter()
            .flat_map(|out| BufReader::new(out).lines())
            .map_while(|line| line.ok());
        for line in lines {
            let words = line.split_whitespace().find_map(|word| word.strip_prefix("http://"));
            if let Some(address) = words.and_then(|text| text.trim_end_matches('/').parse().ok()) {
                return Ok(Server { child, address });
            }
        }
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        Err(format!("the server for `{}` did not start:\n{said}", group.name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A process that has ended by itself is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = |error: std::io::Error| format!("copying {}: {error}", from.display());
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target).map_err(failed)?;
        }
    }
    Ok(())
}
