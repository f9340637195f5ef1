//! `CREATE SEQUENCE`, `ALTER SEQUENCE`, and the sequences behind serial and identity columns.

use super::Draft;
use super::tree::{boolean, def_elems, dotted, integer, range_parts, required};
use crate::catalog::{Name, Sequence, quote_identifier};
use crate::plan::Action;
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterSeqStmt, CreateSeqStmt, DefElem, Node};

fn bounds(ty: &Type) -> (i64, i64) {
    match ty {
        Type::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Type::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

pub(super) fn fresh(name: Name, ty: Type) -> Sequence {
    let maximum = bounds(&ty).1;
    Sequence {
        name,
        ty,
        start: 1,
        increment: 1,
        minimum: 1,
        maximum,
        cycle: false,
        owned_by: None,
        comment: None,
    }
}

/// `nextval('orders_id_seq')`: the default of a serial column.
pub(super) fn next_value(sequence: &Name) -> String {
    format!("nextval('{}')", reference(sequence).replace('\'', "''"))
}

/// The name as it stands in a string: quoted where folding would change it.
pub(crate) fn reference(name: &Name) -> String {
    let part = |text: &str| {
        let plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if plain { text.to_owned() } else { quote_identifier(text) }
    };
    if name.schema == "public" {
        part(&name.name)
    } else {
        format!("{}.{}", part(&name.schema), part(&name.name))
    }
}

/// What the options of a sequence leave to be done.
#[derive(Default)]
pub(super) struct Changes {
    /// `RESTART [WITH n]`.
    restart: Option<Option<i64>>,
    start_given: bool,
    owner: Option<Option<(Name, String)>>,
}

impl Draft<'_> {
    pub(super) fn create_sequence(&mut self, statement: &CreateSeqStmt) -> Result<()> {
        let range = required(statement.sequence.as_ref())?;
        if range.relpersistence == "t" {
            return Err(Problem::needs_postgres("a temporary sequence"));
        }
        let name = self.creation_name(&range_parts(range))?;
        if statement.if_not_exists && super::names::is_relation_name_taken(&self.catalog, &name) {
            self.notice(format!("relation \"{}\" already exists, skipping", name.name));
            return Ok(());
        }
        self.require_free(&name)?;
        let mut sequence = fresh(name.clone(), Type::Int8);
        let changes = self.sequence_options(&mut sequence, &statement.options, true)?;
        self.add_sequence(sequence);
        self.set_owner(&name, changes.owner)
    }

    /// Adds a sequence that is complete.
    pub(super) fn add_sequence(&mut self, sequence: Sequence) {
        self.catalog.sequences.insert(sequence.name.clone(), sequence.clone());
        self.act(Action::CreateSequence(sequence));
    }

    pub(super) fn alter_sequence(&mut self, statement: &AlterSeqStmt) -> Result<()> {
        let range = required(statement.sequence.as_ref())?;
        let parts = range_parts(range);
        let Some(name) = self.find_sequence(&parts) else {
            let words = format!("relation \"{}\" does not exist", parts.join("."));
            if statement.missing_ok {
                self.notice(format!("{words}, skipping"));
                return Ok(());
            }
            return Err(Problem::new("42P01", words));
        };
        self.change_sequence(&name, &statement.options)
    }

    pub(super) fn change_sequence(&mut self, name: &Name, options: &[Node]) -> Result<()> {
        let mut sequence = self.existing_sequence(name)?;
        let changes = self.sequence_options(&mut sequence, options, false)?;
        self.catalog.sequences.insert(name.clone(), sequence.clone());
        // The engine keeps the present value and takes the definition from the catalog.
        if let Some(value) = changes.restart {
            self.act(Action::SetSequence { name: name.clone(), next: value.unwrap_or(sequence.start) });
        }
        self.set_owner(name, changes.owner)
    }

    pub(super) fn find_sequence(&self, parts: &[String]) -> Option<Name> {
        self.lookup(parts, |catalog, name| catalog.sequences.contains_key(name))
    }

    pub(super) fn existing_sequence(&self, name: &Name) -> Result<Sequence> {
        self.catalog
            .sequences
            .get(name)
            .cloned()
            .ok_or_else(|| Problem::new("42P01", format!("relation \"{name}\" does not exist")))
    }

    /// `OWNED BY`: the column forgets its old sequence and knows its new one.
    fn set_owner(&mut self, name: &Name, owner: Option<Option<(Name, String)>>) -> Result<()> {
        let Some(owner) = owner else { return Ok(()) };
        if let Some(sequence) = self.catalog.sequences.get_mut(name) {
            sequence.owned_by.clone_from(&owner);
        }
        if let Some((table, column)) = owner {
            self.change_relation(&table, |relation| {
                if let Some(column) = relation.columns.iter_mut().find(|c| c.name == column) {
                    column.sequence = Some(name.clone());
                }
            })?;
        }
        Ok(())
    }

    /// Applies the options of `CREATE SEQUENCE`, `ALTER SEQUENCE` and of identity columns.
    pub(super) fn sequence_options(
        &mut self,
        sequence: &mut Sequence,
        options: &[Node],
        new: bool,
    ) -> Result<Changes> {
        let mut changes = Changes::default();
        let (mut minimum, mut maximum) = (None, None);
        let old_bounds = bounds(&sequence.ty);
        for option in def_elems(options) {
            match option.defname.as_str() {
                "as" => sequence.ty = self.sequence_type(option)?,
                "increment" => sequence.increment = number(option)?,
                "minvalue" => minimum = Some(option.arg.as_deref().and_then(integer)),
                "maxvalue" => maximum = Some(option.arg.as_deref().and_then(integer)),
                "start" => {
                    sequence.start = number(option)?;
                    changes.start_given = true;
                }
                "restart" => changes.restart = Some(option.arg.as_deref().and_then(integer)),
                "cycle" => sequence.cycle = boolean(option),
                "owned_by" => changes.owner = Some(self.owner_column(option)?),
                // `CACHE` changes nothing that one can see; names and logging belong to the callers.
                _ => {}
            }
        }
        if sequence.increment == 0 {
            return Err(Problem::new("22023", "INCREMENT must not be zero"));
        }
        let ascending = sequence.increment > 0;
        let (lowest, highest) = bounds(&sequence.ty);
        let retyped = old_bounds != (lowest, highest);
        let default_minimum = if ascending { 1 } else { lowest };
        let default_maximum = if ascending { highest } else { -1 };
        match minimum {
            Some(given) => sequence.minimum = given.unwrap_or(default_minimum),
            None if new || retyped && sequence.minimum == old_bounds.0 => sequence.minimum = default_minimum,
            None => {}
        }
        match maximum {
            Some(given) => sequence.maximum = given.unwrap_or(default_maximum),
            None if new || retyped && sequence.maximum == old_bounds.1 => sequence.maximum = default_maximum,
            None => {}
        }
        if new && !changes.start_given {
            sequence.start = if ascending { sequence.minimum } else { sequence.maximum };
        }
        check_bounds(sequence)?;
        Ok(changes)
    }

    fn sequence_type(&self, option: &DefElem) -> Result<Type> {
        let ty = match option.arg.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::TypeName(name)) => self.resolve_type(name)?.ty.ty,
            _ => Type::Unknown,
        };
        match ty {
            Type::Int2 | Type::Int4 | Type::Int8 => Ok(ty),
            _ => Err(Problem::new("22023", "sequence type must be smallint, integer, or bigint")),
        }
    }

    fn owner_column(&self, option: &DefElem) -> Result<Option<(Name, String)>> {
        let parts = option.arg.as_deref().map(dotted).unwrap_or_default();
        let Some((column, table)) = parts.split_last() else { return Ok(None) };
        if table.is_empty() {
            if column == "none" {
                return Ok(None);
            }
            return Err(Problem::new("42601", "invalid OWNED BY option")
                .with_hint("Specify OWNED BY table.column or OWNED BY NONE."));
        }
        let relation = self.find_relation(table).ok_or_else(|| {
            Problem::new("42P01", format!("relation \"{}\" does not exist", table.join(".")))
        })?;
        if relation.column(column).is_none() {
            return Err(Problem::new(
                "42703",
                format!("column \"{column}\" of relation \"{}\" does not exist", relation.name.name),
            ));
        }
        Ok(Some((relation.name.clone(), column.clone())))
    }
}

fn check_bounds(sequence: &Sequence) -> Result<()> {
    let Sequence { minimum, maximum, start, .. } = sequence;
    let refused = |message: String| Err(Problem::new("22023", message));
    if minimum >= maximum {
        return refused(format!("MINVALUE ({minimum}) must be less than MAXVALUE ({maximum})"));
    }
    if start < minimum {
        return refused(format!("START value ({start}) cannot be less than MINVALUE ({minimum})"));
    }
    if start > maximum {
        return refused(format!("START value ({start}) cannot be greater than MAXVALUE ({maximum})"));
    }
    Ok(())
}

fn number(option: &DefElem) -> Result<i64> {
    option
        .arg
        .as_deref()
        .and_then(integer)
        .ok_or_else(|| Problem::new("42601", format!("{} requires a numeric value", option.defname)))
}

/// The dotted name in a string such as the argument of `nextval`.
pub(crate) fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                parts.last_mut().map(|part| part.push('"')).unwrap_or_default();
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            _ => {
                if let Some(part) = parts.last_mut() {
                    if quoted {
                        part.push(character);
                    } else {
                        part.extend(character.to_lowercase());
                    }
                }
            }
        }
    }
    parts
}
