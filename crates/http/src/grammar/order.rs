//! `order=`: `column.desc.nullslast,relation(column).asc`.

use super::Fail;
use super::scan::Cursor;
use mainstay_records::query::{Direction, NullsOrder, OrderTerm};

/// More terms than this sort by nothing.
const TERMS_MAX: usize = 200;

pub(super) fn read_order(text: &str) -> Result<Vec<OrderTerm>, Fail> {
    let mut cursor = Cursor::new(text);
    let mut terms = Vec::with_capacity(2);
    loop {
        if terms.len() >= TERMS_MAX {
            return Err(Fail::Limit("terms in `order`"));
        }
        terms.push(term(&mut cursor)?);
        if !cursor.eat(",") {
            break;
        }
    }
    if cursor.at_end() { Ok(terms) } else { Err(Fail::Syntax) }
}

fn term(cursor: &mut Cursor<'_>) -> Result<OrderTerm, Fail> {
    cursor.blanks();
    let start = cursor.at;
    let relation = match cursor.name() {
        Ok(name) if cursor.eat("(") => Some(name),
        _ => {
            cursor.at = start;
            None
        }
    };
    let field = cursor.field()?;
    if relation.is_some() {
        cursor.expect(")")?;
    }
    let direction = if cursor.eat(".asc") {
        Some(Direction::Ascending)
    } else if cursor.eat(".desc") {
        Some(Direction::Descending)
    } else {
        None
    };
    let nulls = if cursor.eat(".nullsfirst") {
        Some(NullsOrder::First)
    } else if cursor.eat(".nullslast") {
        Some(NullsOrder::Last)
    } else {
        None
    };
    cursor.blanks();
    Ok(OrderTerm { relation, field, direction, nulls })
}

/// `columns=` and `on_conflict=`: names with commas between.
pub(super) fn read_names(text: &str) -> Result<Vec<String>, Fail> {
    let mut cursor = Cursor::new(text);
    let mut names = Vec::with_capacity(4);
    loop {
        if names.len() >= super::SELECT_ITEMS_MAX {
            return Err(Fail::Limit("columns"));
        }
        names.push(cursor.name()?);
        if !cursor.eat_spaced(",") {
            return Ok(names);
        }
    }
}
