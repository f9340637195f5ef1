//! `select=`: columns, casts, aggregates, embeds and spreads.

use super::scan::Cursor;
use super::{DEPTH_MAX, Fail, SELECT_ITEMS_MAX};
use mainstay_records::query::{Aggregate, Embed, Field, Join, Query, SelectField, SelectItem};

/// Reads a list of items. What stands behind a list that is complete is ignored, as PostgREST does.
pub(super) fn read_select(text: &str) -> Result<Vec<SelectItem>, Fail> {
    let mut reader = Reader { cursor: Cursor::new(text), items: 0 };
    reader.list(0)
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    items: usize,
}

impl Reader<'_> {
    fn list(&mut self, depth: usize) -> Result<Vec<SelectItem>, Fail> {
        if depth > DEPTH_MAX {
            return Err(Fail::Limit("levels of embedding"));
        }
        let mut items = Vec::with_capacity(4);
        if matches!(self.cursor.peek(), None | Some(b')')) {
            return Ok(items);
        }
        loop {
            self.items += 1;
            if self.items > SELECT_ITEMS_MAX {
                return Err(Fail::Limit("items in `select`"));
            }
            items.push(self.item(depth)?);
            if !self.cursor.eat_spaced(",") {
                return Ok(items);
            }
        }
    }

    fn item(&mut self, depth: usize) -> Result<SelectItem, Fail> {
        self.cursor.blanks();
        let item = if self.cursor.eat("...") {
            let relation = self.cursor.name()?;
            self.embed(relation, None, true, depth)?
        } else if self.star() {
            SelectItem::All
        } else {
            let (alias, name) = self.alias_and_name()?;
            match self.cursor.peek() {
                Some(b'!' | b'(') if name != "count" => self.embed(name, alias, false, depth)?,
                Some(b'(') => self.count_of_rows(alias)?,
                _ => self.field(alias, name)?,
            }
        };
        self.cursor.blanks();
        Ok(item)
    }

    fn star(&mut self) -> bool {
        let start = self.cursor.at;
        if self.cursor.eat("*") && self.ends() {
            return true;
        }
        self.cursor.at = start;
        false
    }

    fn ends(&self) -> bool {
        matches!(self.cursor.peek(), None | Some(b',' | b')'))
    }

    /// `alias:name`, where `name::cast` has no alias.
    fn alias_and_name(&mut self) -> Result<(Option<String>, String), Fail> {
        let first = self.cursor.name()?;
        if first.is_empty() {
            return Err(Fail::Syntax);
        }
        if self.cursor.peek() == Some(b':') && !self.cursor.rest().starts_with("::") {
            self.cursor.at += 1;
            self.cursor.blanks();
            let name = self.cursor.name()?;
            return if name.is_empty() { Err(Fail::Syntax) } else { Ok((Some(first), name)) };
        }
        Ok((None, first))
    }

    fn embed(
        &mut self,
        relation: String,
        alias: Option<String>,
        spread: bool,
        depth: usize,
    ) -> Result<SelectItem, Fail> {
        let (mut hint, mut join) = (None, None);
        for _ in 0..2 {
            if !self.cursor.eat("!") {
                break;
            }
            match self.cursor.name()? {
                word if word == "left" && join.is_none() => join = Some(Join::Left),
                word if word == "inner" && join.is_none() => join = Some(Join::Inner),
                word if hint.is_none() => hint = Some(word),
                _ => {}
            }
        }
        self.cursor.expect("(")?;
        let select = self.list(depth + 1)?;
        self.cursor.expect(")")?;
        let query = Query { select, ..Query::default() };
        Ok(SelectItem::Embed(Embed { relation, alias, hint, join, spread, query }))
    }

    /// `count()`: a field without a name.
    fn count_of_rows(&mut self, alias: Option<String>) -> Result<SelectItem, Fail> {
        self.cursor.expect("()")?;
        let aggregate_cast = self.cast()?;
        if !self.ends() {
            return Err(Fail::Syntax);
        }
        let field = Field { name: String::new(), path: Vec::new() };
        let aggregate = Some(Aggregate::Count);
        Ok(SelectItem::Field(SelectField { field, alias, cast: None, aggregate, aggregate_cast }))
    }

    fn field(&mut self, alias: Option<String>, name: String) -> Result<SelectItem, Fail> {
        let path = self.cursor.path()?;
        self.cursor.blanks();
        let cast = self.cast()?;
        let aggregate = self.aggregate()?;
        let aggregate_cast = self.cast()?;
        if !self.ends() {
            return Err(Fail::Syntax);
        }
        let field = Field { name, path };
        Ok(SelectItem::Field(SelectField { field, alias, cast, aggregate, aggregate_cast }))
    }

    fn cast(&mut self) -> Result<Option<String>, Fail> {
        if self.cursor.eat("::") { self.cursor.identifier().map(Some) } else { Ok(None) }
    }

    fn aggregate(&mut self) -> Result<Option<Aggregate>, Fail> {
        if !self.cursor.eat(".") {
            return Ok(None);
        }
        let aggregate = match self.cursor.until(|byte| byte == b'(') {
            "sum" => Aggregate::Sum,
            "avg" => Aggregate::Avg,
            "count" => Aggregate::Count,
            "max" => Aggregate::Max,
            "min" => Aggregate::Min,
            _ => return Err(Fail::Syntax),
        };
        self.cursor.expect("()")?;
        Ok(Some(aggregate))
    }
}
