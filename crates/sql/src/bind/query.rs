//! A bound query: kept in parts, so that its columns can still be given other types or names.

use super::bound::{Bound, Carried, Form, Use, quote, weaker};
use super::coerce::Coercion;
use super::errors::{Located, mismatch};
use super::once::Fence;
use super::scope::Binder;
use crate::catalog::Name;
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Type, Volatility};
use std::rc::Rc;

/// One output column while its query is bound.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub name: String,
    pub bound: Bound,
}

/// One output column of a finished query.
#[derive(Clone, Debug)]
pub(super) struct QueryColumn {
    pub name: String,
    pub ty: ColumnType,
    pub domain: Option<Name>,
    pub nullable: bool,
    pub collation: Carried,
    pub origin: Option<(Name, String)>,
}

/// The names that the columns get in the SQLite text.
#[derive(Clone, Copy)]
pub(super) enum Naming<'n> {
    /// Whatever SQLite makes of them.
    None,
    Columns(&'n [String]),
}

#[derive(Clone, Debug)]
pub(super) enum Core {
    Select {
        distinct: bool,
        targets: Vec<Target>,
        /// From ` FROM` to the last of the windows.
        tail: String,
        has_where: bool,
    },
    Values {
        rows: Vec<Vec<Bound>>,
    },
    Compound {
        left: Box<Query>,
        operator: &'static str,
        right: Box<Query>,
    },
    /// A text with columns `c0`, `c1`, ….
    Wrapped {
        sql: String,
        columns: Vec<QueryColumn>,
        names: Vec<String>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Query {
    /// `WITH …` and a blank, or nothing.
    pub with: String,
    pub core: Core,
    /// ` ORDER BY …`
    pub order: String,
    /// ` LIMIT …`
    pub limit: String,
    pub uses: Vec<Use>,
    pub volatility: Volatility,
    /// Exactly one row, whatever the tables hold.
    pub one_row: bool,
    /// One row at most, whatever the tables hold.
    pub single: bool,
    /// Holds values that the query names and that are computed before it.
    pub fence: Option<Rc<Fence>>,
}

impl Query {
    pub fn new(core: Core) -> Query {
        Query {
            with: String::new(),
            core,
            order: String::new(),
            limit: String::new(),
            uses: Vec::new(),
            volatility: Volatility::Immutable,
            one_row: false,
            single: false,
            fence: None,
        }
    }

    /// Puts the query behind values that use these columns of its surroundings.
    pub fn fenced(&mut self, fence: Fence, uses: Vec<Use>) {
        self.fence = Some(Rc::new(fence));
        self.uses.extend(uses);
        self.volatility = Volatility::Volatile;
    }

    pub fn columns(&self) -> Vec<QueryColumn> {
        match &self.core {
            Core::Select { targets, .. } => {
                targets.iter().map(|target| column_of(&target.name, &target.bound)).collect()
            }
            Core::Values { rows } => {
                let width = rows.first().map_or(0, Vec::len);
                (0..width)
                    .map(|index| {
                        let mut cells = rows.iter().filter_map(|row| row.get(index));
                        let first = cells.next();
                        let mut column = QueryColumn {
                            name: format!("column{}", index + 1),
                            ty: first.map_or(Type::Text.into(), |bound| bound.ty.clone()),
                            domain: None,
                            nullable: first.is_some_and(|bound| bound.nullable),
                            collation: Carried::Nothing,
                            origin: None,
                        };
                        column.nullable |= cells.any(|bound| bound.nullable);
                        column
                    })
                    .collect()
            }
            Core::Compound { left, right, operator, .. } => {
                let mut columns = left.columns();
                for (column, other) in columns.iter_mut().zip(right.columns()) {
                    column.origin = None;
                    if column.domain != other.domain {
                        column.domain = None;
                    }
                    if operator.starts_with("UNION") {
                        column.nullable |= other.nullable;
                    }
                    column.collation =
                        Carried::Column(column.ty.ty.storage().collation.map(|name| name.into_owned()));
                }
                columns
            }
            Core::Wrapped { columns, .. } => columns.clone(),
        }
    }

    /// The names by which a query around this one finds the columns, if it asks for `wanted`.
    pub fn names(&self, wanted: &[String]) -> Vec<String> {
        match &self.core {
            Core::Values { rows } => {
                (0..rows.first().map_or(0, Vec::len)).map(|index| format!("column{}", index + 1)).collect()
            }
            _ => wanted.to_vec(),
        }
    }

    pub fn always_one_row(&self) -> bool {
        self.one_row
    }

    /// Gives an expression around the query what the query uses of its surroundings.
    pub fn lend(&self, bound: &mut Bound) {
        bound.uses.extend(self.uses.iter().cloned());
        bound.volatility = weaker(bound.volatility, self.volatility);
    }

    pub fn render(&self, naming: Naming<'_>) -> String {
        format!("{}{}{}{}", self.with, self.render_core(naming), self.order, self.limit)
    }

    /// For EXISTS: what the columns are does not matter.
    pub fn render_exists(&self) -> String {
        match &self.core {
            Core::Select { distinct: false, tail, targets, .. }
                if targets.iter().all(|target| !target.bound.aggregate && !target.bound.window)
                    && !self.one_row =>
            {
                format!("{}SELECT 1{tail}{}", self.with, self.limit)
            }
            _ => self.render(Naming::None),
        }
    }

    fn render_core(&self, naming: Naming<'_>) -> String {
        match &self.core {
            Core::Select { distinct, targets, tail, .. } => {
                let mut texts = Vec::with_capacity(targets.len());
                for (index, target) in targets.iter().enumerate() {
                    let sql = if *distinct { target.bound.collated() } else { target.bound.sql.clone() };
                    texts.push(named(sql, &target.bound, naming, index));
                }
                // PostgreSQL allows a select list without columns, SQLite does not.
                if texts.is_empty() {
                    texts.push("NULL".to_owned());
                }
                let distinct = if *distinct { "DISTINCT " } else { "" };
                format!("SELECT {distinct}{}{tail}", texts.join(", "))
            }
            Core::Values { rows } => {
                let rows: Vec<String> = rows
                    .iter()
                    .map(|row| {
                        let cells: Vec<&str> = row.iter().map(|bound| bound.sql.as_str()).collect();
                        format!("({})", cells.join(", "))
                    })
                    .collect();
                format!("VALUES {}", rows.join(", "))
            }
            Core::Compound { left, operator, right, .. } => {
                format!(
                    "{} {operator} {}",
                    left.as_member(naming, true),
                    right.as_member(Naming::None, false)
                )
            }
            Core::Wrapped { sql, names, .. } => match naming {
                Naming::Columns(wanted) if wanted != names.as_slice() => {
                    let list: Vec<String> = names
                        .iter()
                        .zip(wanted)
                        .map(|(name, wanted)| format!("{} AS {}", quote(name), quote(wanted)))
                        .collect();
                    format!("SELECT {} FROM ({sql})", list.join(", "))
                }
                _ => sql.clone(),
            },
        }
    }

    /// As a part of a compound query. SQLite takes no parentheses there.
    fn as_member(&self, naming: Naming<'_>, leftmost: bool) -> String {
        let bare = self.with.is_empty() && self.order.is_empty() && self.limit.is_empty();
        match &self.core {
            Core::Select { distinct, targets, tail, .. } if bare => {
                let texts: Vec<String> = targets
                    .iter()
                    .enumerate()
                    .map(|(index, target)| named(target.bound.collated(), &target.bound, naming, index))
                    .collect();
                let distinct = if *distinct { "DISTINCT " } else { "" };
                format!("SELECT {distinct}{}{tail}", texts.join(", "))
            }
            Core::Compound { .. } if bare && leftmost => self.render_core(naming),
            Core::Values { .. } if bare && matches!(naming, Naming::None) => self.render_core(naming),
            _ => {
                let names: Vec<String> = (0..self.columns().len()).map(|index| format!("c{index}")).collect();
                let inner = self.names(&names);
                let list: Vec<String> = self
                    .columns()
                    .iter()
                    .zip(&inner)
                    .enumerate()
                    .map(|(index, (column, name))| {
                        let mut bound = Bound::plain(quote(name), column.ty.clone());
                        bound.collation = column.collation.clone();
                        named(bound.collated(), &bound, naming, index)
                    })
                    .collect();
                format!("SELECT {} FROM ({})", list.join(", "), self.render(Naming::Columns(&names)))
            }
        }
    }

    /// Gives columns without a type the type text.
    pub fn settle(&mut self, binder: &mut Binder<'_>) -> Result<()> {
        let types: Vec<ColumnType> = self
            .columns()
            .into_iter()
            .map(|column| if column.ty.ty == Type::Unknown { Type::Text.into() } else { column.ty })
            .collect();
        self.coerce_columns(binder, &types, Coercion::Implicit)
    }

    /// Gives the columns these types.
    pub fn coerce_columns(
        &mut self,
        binder: &mut Binder<'_>,
        types: &[ColumnType],
        how: Coercion,
    ) -> Result<()> {
        let settled = match &self.core {
            // The first row does not speak for the others.
            Core::Values { rows } => {
                rows.iter().all(|row| row.iter().zip(types).all(|(cell, ty)| cell.ty == *ty))
            }
            _ => self.columns().iter().zip(types).all(|(column, ty)| column.ty == *ty),
        };
        if settled {
            return Ok(());
        }
        match &mut self.core {
            Core::Select { distinct, targets, .. } => {
                let in_place = !*distinct
                    || targets
                        .iter()
                        .zip(types)
                        .all(|(target, ty)| target.bound.is_unknown() || target.bound.ty.ty == ty.ty);
                if in_place {
                    for (target, ty) in targets.iter_mut().zip(types) {
                        let bound = std::mem::replace(&mut target.bound, Bound::null());
                        target.bound = binder.coerce(bound, ty, how)?;
                    }
                    return Ok(());
                }
            }
            Core::Values { rows } => {
                for row in rows.iter_mut() {
                    for (cell, ty) in row.iter_mut().zip(types) {
                        let bound = std::mem::replace(cell, Bound::null());
                        *cell = binder.coerce(bound, ty, how)?;
                    }
                }
                return Ok(());
            }
            Core::Compound { left, right, operator, .. } => {
                // Equality of whole rows must not change: only a plain union may be converted inside.
                if *operator == "UNION ALL" && self.order.is_empty() {
                    left.coerce_columns(binder, types, how)?;
                    return right.coerce_columns(binder, types, how);
                }
                let settled = left
                    .columns()
                    .iter()
                    .zip(types)
                    .all(|(column, ty)| column.ty.ty == Type::Unknown || column.ty.ty == ty.ty);
                if settled {
                    left.coerce_columns(binder, types, how)?;
                    return right.coerce_columns(binder, types, how);
                }
            }
            Core::Wrapped { .. } => {}
        }
        self.wrap(binder, types, how)
    }

    /// Puts a query around this one that converts its columns.
    fn wrap(&mut self, binder: &mut Binder<'_>, types: &[ColumnType], how: Coercion) -> Result<()> {
        let columns = self.columns();
        let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        let emit = binder.emit_name("q");
        let inner = self.names(&names);
        let mut targets = Vec::with_capacity(columns.len());
        for ((column, name), ty) in columns.iter().zip(&inner).zip(types) {
            let mut bound = Bound::plain(format!("{}.{}", quote(&emit), quote(name)), column.ty.clone());
            bound.collation = column.collation.clone();
            bound.nullable = column.nullable;
            targets.push(Target { name: column.name.clone(), bound: binder.coerce(bound, ty, how)? });
        }
        let tail = format!(" FROM ({}) AS {}", self.render(Naming::Columns(&names)), quote(&emit));
        let mut outer = Query::new(Core::Select { distinct: false, targets, tail, has_where: false });
        outer.uses = std::mem::take(&mut self.uses);
        outer.volatility = self.volatility;
        outer.one_row = self.one_row;
        outer.single = self.single;
        *self = outer;
        Ok(())
    }

    /// Converts for storage into columns, with PostgreSQL's words where that cannot be.
    pub fn assign_columns(
        &mut self,
        binder: &mut Binder<'_>,
        wanted: &[(String, ColumnType)],
        place: Option<usize>,
    ) -> Result<()> {
        for (column, (name, ty)) in self.columns().iter().zip(wanted) {
            let probe = Bound::plain("", column.ty.clone());
            if column.ty.ty != Type::Unknown && !binder.can_coerce(&probe, &ty.ty, Coercion::Assignment) {
                return Err(mismatch(format!(
                    "column \"{name}\" is of type {} but expression is of type {}",
                    binder.type_name(&ty.ty),
                    binder.type_name(&column.ty.ty)
                ))
                .with_hint("You will need to rewrite or cast the expression.")
                .placed(place));
            }
        }
        let types: Vec<ColumnType> = wanted.iter().map(|(_, ty)| ty.clone()).collect();
        self.coerce_columns(binder, &types, Coercion::Assignment)
    }

    /// The expression of a query that is nothing but one expression.
    pub fn only_expression(&self) -> Option<&Bound> {
        match &self.core {
            Core::Select { distinct: false, targets, tail, .. }
                if tail.is_empty() && self.limit.is_empty() && self.with.is_empty() =>
            {
                match targets.as_slice() {
                    [target] => Some(&target.bound),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub fn rename(&mut self, names: &[String]) -> Result<()> {
        if names.len() > self.columns().len() {
            return Err(Problem::internal("more names than columns"));
        }
        match &mut self.core {
            Core::Select { targets, .. } => {
                for (target, name) in targets.iter_mut().zip(names) {
                    target.name.clone_from(name);
                }
            }
            Core::Compound { left, .. } => left.rename(names)?,
            Core::Wrapped { columns, .. } => {
                for (column, name) in columns.iter_mut().zip(names) {
                    column.name.clone_from(name);
                }
            }
            Core::Values { .. } => {}
        }
        Ok(())
    }
}

fn column_of(name: &str, bound: &Bound) -> QueryColumn {
    QueryColumn {
        name: name.to_owned(),
        ty: bound.ty.clone(),
        domain: bound.domain.clone(),
        nullable: bound.nullable,
        collation: bound.collation.clone(),
        origin: match &bound.form {
            Form::Column { origin } => origin.clone(),
            _ => None,
        },
    }
}

/// `sql AS "name"`, without the name where SQLite gives a bare column that name by itself.
fn named(sql: String, bound: &Bound, naming: Naming<'_>, index: usize) -> String {
    let Naming::Columns(names) = naming else { return sql };
    let Some(name) = names.get(index) else { return sql };
    let quoted = quote(name);
    if bound.is_column() && bound.atom && sql == bound.sql && sql.ends_with(&format!(".{quoted}")) {
        return sql;
    }
    format!("{sql} AS {quoted}")
}
