//! Data statements of a migration: `INSERT`, `UPDATE`, `DELETE`, `SELECT`, `COPY … FROM stdin`, `TRUNCATE`.

use super::Draft;
use super::physical::quoted;
use super::tree::{at, cascade, def_elems, integer, items, required, string, strings};
use super::view::in_query;
use crate::catalog::{Name, Relation, quote_identifier};
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{CopyStmt, FuncCall, Node, SelectStmt, TruncateStmt, a_const::Val};
use std::sync::Arc;

/// Rows of one `INSERT` that a `COPY` becomes.
const COPY_ROWS_MAX: usize = 200;

impl Draft<'_> {
    pub(super) fn data(&mut self, node: &NodeEnum) -> Result<()> {
        let compiled = self.compile(node)?;
        self.act(Action::Data(Box::new(compiled)));
        Ok(())
    }

    pub(super) fn select(&mut self, node: &NodeEnum, select: &SelectStmt) -> Result<()> {
        if let Some(into) = &select.into_clause {
            let range = required(into.rel.as_ref())?;
            let mut query = select.clone();
            query.into_clause = None;
            let query = Node { node: Some(NodeEnum::SelectStmt(Box::new(query))) };
            return self.create_table_as(range, &strings(&into.col_names), &query, true, false);
        }
        if let Some(call) = only_call(select)
            && self.setting_call(call)?
        {
            return Ok(());
        }
        self.data(node)
    }

    /// The calls that dumps make to set things up: `set_config('search_path', …)` and `setval`.
    fn setting_call(&mut self, call: &FuncCall) -> Result<bool> {
        let name = strings(&call.funcname).pop().unwrap_or_default();
        match (name.as_str(), call.args.as_slice()) {
            ("set_config", [key, value, _]) if string(key).as_deref() == Some("search_path") => {
                let path = string(value).unwrap_or_default();
                self.set_search_path(&[path]);
                Ok(true)
            }
            ("setval", [sequence, value, rest @ ..]) => {
                let Some(value) = integer(value) else { return Ok(false) };
                let called = match rest.first().map(constant_boolean) {
                    None => true,
                    Some(Some(called)) => called,
                    Some(None) => return Ok(false),
                };
                let text = match sequence.node.as_ref() {
                    Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().and_then(string),
                    _ => string(sequence),
                };
                let Some(text) = text else { return Ok(false) };
                let name = self
                    .find_sequence(&super::sequence::parts(&text))
                    .ok_or_else(|| Problem::new("42P01", format!("relation \"{text}\" does not exist")))?;
                let one = self.existing_sequence(&name)?;
                if value < one.minimum || value > one.maximum {
                    return Err(Problem::new(
                        "22003",
                        format!(
                            "setval: value {value} is out of bounds for sequence \"{}\" ({}..{})",
                            name.name, one.minimum, one.maximum
                        ),
                    ));
                }
                let next = if called { value.saturating_add(one.increment) } else { value };
                self.act(Action::SetSequence { name, next });
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    pub(super) fn truncate(&mut self, statement: &TruncateStmt) -> Result<()> {
        let mut tables: Vec<Arc<Relation>> = Vec::new();
        for node in &statement.relations {
            if let Some(NodeEnum::RangeVar(range)) = node.node.as_ref() {
                tables.push(self.row_holder(range)?);
            }
        }
        let mut next = 0;
        while let Some(table) = tables.get(next).cloned() {
            next += 1;
            let others: Vec<Arc<Relation>> = self
                .catalog
                .relations
                .values()
                .filter(|other| {
                    other.name != table.name
                        && self.is_referenced_by(&table, other)
                        && !tables.iter().any(|t| t.name == other.name)
                })
                .cloned()
                .collect();
            if let (Some(other), false) = (others.first(), cascade(statement.behavior)) {
                return Err(Problem::new(
                    "0A000",
                    "cannot truncate a table referenced in a foreign key constraint",
                )
                .with_details(format!("Table \"{}\" references \"{}\".", other.name.name, table.name.name))
                .with_hint(format!(
                    "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
                    other.name.name
                )));
            }
            for other in others {
                self.notice(format!("truncate cascades to table \"{}\"", other.name));
                tables.push(other);
            }
        }
        // Referencing tables first, or the foreign keys would hold the rows.
        while !tables.is_empty() {
            let free = tables.iter().position(|to| {
                !tables.iter().any(|from| from.name != to.name && self.is_referenced_by(to, from))
            });
            let table = tables.remove(free.unwrap_or(0));
            if table.is_partition() {
                self.empty_partition(&table)?;
                continue;
            }
            self.run(format!("DELETE FROM {}", quoted(&table.name)));
            if statement.restart_seqs {
                self.restart_sequences(&table.name);
            }
        }
        Ok(())
    }

    fn restart_sequences(&mut self, table: &Name) {
        let owned: Vec<(Name, i64)> = self
            .catalog
            .sequences
            .values()
            .filter(|sequence| sequence.owned_by.as_ref().is_some_and(|(owner, _)| owner == table))
            .map(|sequence| (sequence.name.clone(), sequence.start))
            .collect();
        for (name, next) in owned {
            self.act(Action::SetSequence { name, next });
        }
    }

    /// `COPY … FROM stdin` with the rows that follow it in the script, as inserts.
    pub(super) fn copy(&mut self, statement: &CopyStmt) -> Result<()> {
        let Some(range) = statement.relation.as_ref().filter(|_| statement.is_from) else {
            return Err(Problem::needs_postgres("COPY … TO"));
        };
        if !statement.filename.is_empty() || statement.is_program || statement.where_clause.is_some() {
            return Err(at(
                Problem::needs_postgres("COPY from a file or program, or with WHERE"),
                range.location,
            ));
        }
        let relation = self.row_holder(range)?;
        for option in def_elems(&statement.options) {
            let value = option.arg.as_deref().and_then(|node| items(node).first().and_then(string));
            if option.defname != "format" || value.as_deref() != Some("text") {
                return Err(Problem::needs_postgres(format!("COPY with the option {}", option.defname)));
            }
        }
        let columns: Vec<String> = match strings(&statement.attlist) {
            columns if columns.is_empty() => relation
                .columns
                .iter()
                .filter(|column| column.generated.is_none())
                .map(|column| column.name.clone())
                .collect(),
            columns => columns,
        };
        let data = self.copies.iter().find(|copy| copy.statement_end >= self.end);
        let data = data.and_then(|copy| self.text.get(copy.start..copy.end)).unwrap_or_default();
        let lines: Vec<&str> = data.lines().map(|line| line.trim_end_matches('\r')).collect();
        let names: Vec<String> = columns.iter().map(|name| quote_identifier(name)).collect();
        let head = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ",
            in_query(&relation.name),
            names.join(", ")
        );
        for chunk in lines.chunks(COPY_ROWS_MAX) {
            let mut rows = Vec::with_capacity(chunk.len());
            for line in chunk {
                rows.push(row_literal(line, &columns, &relation)?);
            }
            let compiled = self.compile_text(&format!("{head}{}", rows.join(", ")))?;
            self.act(Action::Data(Box::new(compiled)));
        }
        Ok(())
    }
}

/// `SELECT f(…)` and nothing else.
fn only_call(select: &SelectStmt) -> Option<&FuncCall> {
    let [Node { node: Some(NodeEnum::ResTarget(target)) }] = select.target_list.as_slice() else {
        return None;
    };
    if !select.from_clause.is_empty() || select.where_clause.is_some() || select.larg.is_some() {
        return None;
    }
    match target.val.as_ref()?.node.as_ref()? {
        NodeEnum::FuncCall(call) => Some(call),
        _ => None,
    }
}

fn constant_boolean(node: &Node) -> Option<bool> {
    match node.node.as_ref()? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            Val::Boolval(value) => Some(value.boolval),
            _ => None,
        },
        _ => None,
    }
}

/// One line of COPY's text format as `(…)`: literals without a type, which take that of their column.
fn row_literal(line: &str, columns: &[String], relation: &Relation) -> Result<String> {
    let fields: Vec<&str> = if columns.is_empty() { Vec::new() } else { line.split('\t').collect() };
    if fields.len() < columns.len() {
        let missing = columns.get(fields.len()).cloned().unwrap_or_default();
        return Err(Problem::new("22P04", format!("missing data for column \"{missing}\"")));
    }
    if fields.len() > columns.len() {
        return Err(Problem::new("22P04", "extra data after last expected column")
            .with_details(format!("COPY {}", relation.name.name)));
    }
    let values: Vec<String> = fields
        .iter()
        .map(|field| match *field {
            "\\N" => "NULL".to_owned(),
            field => format!("'{}'", unescape(field).replace('\'', "''")),
        })
        .collect();
    Ok(format!("({})", values.join(", ")))
}

/// Resolves the backslashes of COPY's text format.
fn unescape(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut characters = field.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some(digit @ '0'..='7') => {
                let mut code = digit.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    match characters.peek().and_then(|next| next.to_digit(8)) {
                        Some(next) => {
                            code = code * 8 + next;
                            characters.next();
                        }
                        None => break,
                    }
                }
                out.extend(char::from_u32(code & 0xff));
            }
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn backslashes_of_copy_are_resolved() {
        assert_eq!(unescape("a\\tb\\\\c\\n\\101"), "a\tb\\c\nA");
        assert_eq!(unescape("\\"), "\\");
    }
}
