//! What SQLite says of how it would run a plan.

use crate::connection::Connection;
use crate::problems;
use mainstay_base::Result;
use mainstay_sql::Catalog;
use mainstay_sql::plan::Compiled;
use std::collections::HashMap;

/// The lines of `EXPLAIN QUERY PLAN` for each statement of the plan, with their depth.
pub(crate) fn lines(
    connection: &mut Connection,
    catalog: &Catalog,
    compiled: &Compiled,
) -> Result<Vec<(usize, String)>> {
    let failed = |failure| problems::of_failure(&failure, None);
    connection.follow(catalog.version, &catalog.types).map_err(failed)?;
    let mut lines = Vec::new();
    for step in &compiled.steps {
        explain(connection, &step.text, &mut lines).map_err(|error| failed(error.into()))?;
        // Later statements read what this one leaves behind.
        if let Some(scratch) = &step.into {
            connection.batch(&scratch.create).map_err(failed)?;
        }
    }
    Ok(lines)
}

fn explain(connection: &Connection, text: &str, lines: &mut Vec<(usize, String)>) -> rusqlite::Result<()> {
    let mut statement = connection.raw().prepare(&format!("EXPLAIN QUERY PLAN {text}"))?;
    // Parameters keep their NULLs: nothing runs.
    let mut rows = statement.raw_query();
    let mut depths: HashMap<i64, usize> = HashMap::new();
    while let Some(row) = rows.next()? {
        let (id, parent): (i64, i64) = (row.get(0)?, row.get(1)?);
        let depth = depths.get(&parent).map_or(0, |depth| depth + 1);
        depths.insert(id, depth);
        lines.push((depth, row.get(3)?));
    }
    Ok(())
}
