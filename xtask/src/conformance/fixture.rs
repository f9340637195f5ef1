//! PostgREST's fixture database as an application: its files as migrations, with what only psql understands rewritten.

use crate::process::Result;
use std::path::Path;

/// The files in the order of the suite's `load.sql`.
const FILES: [&str; 7] = ["database", "roles", "schema", "jwt", "jsonschema", "privileges", "data"];

pub fn write(checkout: &Path, application: &Path) -> Result<()> {
    let folder = checkout.join("test/spec/fixtures");
    let migrations = application.join("migrations");
    std::fs::create_dir_all(&migrations).map_err(|error| format!("{}: {error}", migrations.display()))?;
    for (index, name) in FILES.iter().enumerate() {
        let path = folder.join(format!("{name}.sql"));
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("not a checkout of PostgREST: {}: {error}", path.display()))?;
        let target = migrations.join(format!("{}_{name}.sql", index + 1));
        std::fs::write(&target, without_psql(&text)?)
            .map_err(|error| format!("{}: {error}", target.display()))?;
    }
    let settings = application.join("mainstay.toml");
    std::fs::write(&settings, "").map_err(|error| format!("{}: {error}", settings.display()))
}

/// Leaves out statements with psql's variables (`:DBNAME`, `:"PGUSER"`) and writes `COPY … FROM STDIN CSV` as `INSERT`.
fn without_psql(text: &str) -> Result<String> {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((head, options)) =
            line.strip_prefix("COPY ").and_then(|rest| rest.split_once(" FROM STDIN CSV"))
        {
            let rows = lines.by_ref().take_while(|line| *line != "\\.");
            out += &insert(head, delimiter(options)?, rows);
        } else if !line.contains(" :DBNAME ") && !line.contains(" :\"PGUSER\"") {
            out += line;
        }
        out.push('\n');
    }
    Ok(out)
}

fn delimiter(options: &str) -> Result<char> {
    match options.trim().trim_end_matches(';').strip_prefix("DELIMITER ") {
        None => Ok(','),
        Some(quoted) => {
            let mut characters = quoted.trim().trim_matches('\'').chars();
            characters.next().ok_or_else(|| format!("not a delimiter: {options}"))
        }
    }
}

/// Rows without quotes, as the fixture's are; an empty field is null, as `COPY` has it.
fn insert<'a>(head: &str, delimiter: char, rows: impl Iterator<Item = &'a str>) -> String {
    let field = |text: &str| match text {
        "" => "null".to_owned(),
        text => format!("'{}'", text.replace('\'', "''")),
    };
    let rows: Vec<String> = rows
        .map(|row| format!("({})", row.split(delimiter).map(field).collect::<Vec<_>>().join(", ")))
        .collect();
    format!("INSERT INTO {head} VALUES {};", rows.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_psql_alone_understands_is_rewritten() {
        let text = "CREATE ROLE a;\nALTER DATABASE :DBNAME SET x = '1';\nGRANT a TO :\"PGUSER\";\n\
                    COPY t (a, b) FROM STDIN CSV DELIMITER '|';\n1 | it's\n2|\n\\.\nSELECT 1;";
        assert_eq!(
            without_psql(text).expect("rewrites"),
            "CREATE ROLE a;\n\n\nINSERT INTO t (a, b) VALUES ('1 ', ' it''s'),\n('2', null);\nSELECT 1;\n"
        );
    }
}
