//! On whose behalf names are bound: privileges of the role at hand, and what follows from views and functions.
//!
//! As in PostgreSQL two roles count. The *user* runs functions; a `SECURITY DEFINER` function changes it for its body.
//! Relations are checked as the user too, except within a view, where they are checked as the view's owner. A refusal
//! is kept until the whole statement is bound: what is wrong with the statement itself is said first.

use super::scope::Binder;
use crate::catalog::{Catalog, Function, Name, Relation, RelationKind};
use crate::privilege::{Privilege, Reach, Rights, refused};
use mainstay_base::{Problem, Result};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The superuser that applies migrations owns what nobody else was given.
const OWNER: &str = "postgres";

#[derive(Default)]
pub(super) struct Access<'c> {
    /// The user; `None`: trusted code, for which nothing is checked.
    pub user: Option<Rc<Rights<'c>>>,
    /// As whom relations are checked.
    pub check_as: Option<Rc<Rights<'c>>>,
    /// `current_user` in the body of a `SECURITY DEFINER` function.
    pub definer: Option<String>,
    /// Within the text of a view or a policy: its names were looked up when it was made.
    pub stored: bool,
    /// Tables whose policies with subqueries are being bound, one in another.
    pub guarding: Vec<Name>,
    /// The columns of sources that the role may not read, by scope and number of the source.
    closed: BTreeMap<(u32, usize), Closed>,
    /// The sources of which some column was read.
    read: RefCell<BTreeSet<(u32, usize)>>,
    pub barrier: super::barrier::Barrier,
    /// The first refusal.
    denied: RefCell<Option<Problem>>,
}

struct Closed {
    columns: BTreeSet<usize>,
    refusal: Problem,
}

/// What [`Binder::as_other`] puts back.
type Before<'c> = (Option<Rc<Rights<'c>>>, Option<Rc<Rights<'c>>>, Option<String>, bool);

impl<'c> Access<'c> {
    pub fn of(catalog: &'c Catalog, role: Option<&str>) -> Result<Access<'c>> {
        let user = role.map(|role| catalog.rights_of(role).map(Rc::new)).transpose()?;
        Ok(Access { check_as: user.clone(), user, ..Access::default() })
    }

    pub fn deny(&self, problem: Problem) {
        self.denied.borrow_mut().get_or_insert(problem);
    }

    /// Fails with the first refusal.
    pub fn verdict(&self) -> Result<()> {
        self.denied.borrow_mut().take().map_or(Ok(()), Err)
    }

    /// A column of a source is read.
    pub fn note_read(&self, scope: u32, source: usize, column: usize) {
        if self.check_as.is_none() && self.closed.is_empty() {
            return;
        }
        self.read.borrow_mut().insert((scope, source));
        if let Some(closed) = self.closed.get(&(scope, source))
            && closed.columns.contains(&column)
        {
            self.deny(closed.refusal.clone());
        }
    }

    pub fn was_read(&self, scope: u32, source: usize) -> bool {
        self.read.borrow().contains(&(scope, source))
    }
}

impl<'c> Binder<'c> {
    pub fn rights_of_owner(&self, owner: Option<&str>) -> Option<Rc<Rights<'c>>> {
        let catalog: &'c Catalog = self.catalog;
        // An owner that is gone leaves the rights that everybody has.
        let rights = catalog.rights_of(owner.unwrap_or(OWNER)).unwrap_or_else(|_| catalog.rights_of_nobody());
        Some(Rc::new(rights))
    }

    /// As whom the relations of a view are checked.
    pub fn rights_within_view(&self, view: &Relation) -> Option<Rc<Rights<'c>>> {
        self.access.check_as.as_ref()?;
        match view.kind {
            RelationKind::View { security_invoker: true, .. } => self.access.check_as.clone(),
            _ => self.rights_of_owner(view.owner.as_deref()),
        }
    }

    /// Binds with relations checked as somebody else.
    pub fn checked_as<T>(
        &mut self,
        rights: Option<Rc<Rights<'c>>>,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let before = std::mem::replace(&mut self.access.check_as, rights);
        let stored = std::mem::replace(&mut self.access.stored, true);
        let result = work(self);
        self.access.check_as = before;
        self.access.stored = stored;
        result
    }

    /// Becomes whom the body of a function runs as.
    pub fn enter_function(&mut self, function: &Function) -> Before<'c> {
        let access = &self.access;
        let before = (access.user.clone(), access.check_as.clone(), access.definer.clone(), access.stored);
        if function.security_definer {
            let owner = function.owner.as_deref();
            if self.access.user.is_some() {
                self.access.user = self.rights_of_owner(owner);
            }
            self.access.definer = Some(owner.unwrap_or(OWNER).to_owned());
        }
        self.access.check_as = self.access.user.clone();
        self.access.stored = false;
        before
    }

    pub fn leave_function(&mut self, before: Before<'c>) {
        (self.access.user, self.access.check_as, self.access.definer, self.access.stored) = before;
    }

    /// Whether the user may call the function.
    pub fn check_function_call(&self, function: &Function) {
        if let Some(user) = &self.access.user
            && !user.on_function(function)
        {
            self.access.deny(refused("function", &function.name.name));
        }
    }

    /// Whether names may be looked for in a schema that was named.
    pub fn check_schema(&self, schema: Option<&str>) {
        if let (Some(schema), Some(user), false) = (schema, &self.access.user, self.access.stored)
            && !user.on_schema(schema)
        {
            self.access.deny(refused("schema", schema));
        }
    }

    /// Whether the user may use a sequence that a call names by a constant.
    pub fn check_sequence(&self, function: &str, name: Option<&str>) -> Result<()> {
        let privileges: &[Privilege] = match function {
            "nextval" => &[Privilege::Usage, Privilege::Update],
            "currval" => &[Privilege::Usage, Privilege::Select],
            "setval" => &[Privilege::Update],
            _ => return Ok(()),
        };
        let Some(user) = self.access.user.as_ref().filter(|user| !user.is_superuser()) else { return Ok(()) };
        let Some(name) = name else {
            return Err(Problem::needs_postgres(format!("{function} of a sequence whose name is computed")));
        };
        if let Some(sequence) = self.sequence_named(name)
            && !user.on_sequence(sequence, privileges)
        {
            self.access.deny(refused("sequence", &sequence.name.name));
        }
        Ok(())
    }

    fn sequence_named(&self, text: &str) -> Option<&'c crate::catalog::Sequence> {
        let parts = crate::ddl::sequence::parts(text);
        let catalog: &'c Catalog = self.catalog;
        match parts.as_slice() {
            [name] => self
                .search_path
                .iter()
                .find_map(|schema| catalog.sequences.get(&Name::new(schema.as_str(), name.as_str()))),
            [.., schema, name] => catalog.sequences.get(&Name::new(schema.as_str(), name.as_str())),
            [] => None,
        }
    }

    /// Whether the role at hand may read a relation; columns that it may not are closed where they are used.
    pub fn check_read(&mut self, relation: &Relation, source: usize) {
        let Some(rights) = self.access.check_as.clone() else { return };
        let reach = rights.on_relation(relation, Privilege::Select);
        if reach == Reach::Whole {
            return;
        }
        let refusal = rights.refusal(relation, Privilege::Select);
        if !reach.is_some() {
            self.access.deny(refusal);
            return;
        }
        self.close(source, &reach, refusal, relation);
    }

    /// The columns of a changing statement's target that the role may not read, where it reads them.
    pub fn check_read_later(&mut self, relation: &Relation, source: usize) {
        let Some(rights) = self.access.check_as.clone() else { return };
        let reach = rights.on_relation(relation, Privilege::Select);
        if reach != Reach::Whole {
            let refusal = rights.refusal(relation, Privilege::Select);
            self.close(source, &reach, refusal, relation);
        }
    }

    fn close(&mut self, source: usize, reach: &Reach, refusal: Problem, relation: &Relation) {
        let scope = self.scope().id;
        let closed = relation.columns.iter().enumerate().filter(|(_, column)| !reach.covers(&column.name));
        let columns = closed.map(|(index, _)| index).collect();
        self.access.closed.insert((scope, source), Closed { columns, refusal });
    }

    /// Whether the role at hand may change these columns of a relation (or rows of it, without columns).
    pub fn check_change(&self, relation: &Relation, privilege: Privilege, columns: &[String]) {
        let Some(rights) = &self.access.check_as else { return };
        let reach = rights.on_relation(relation, privilege);
        let allowed = match columns {
            [] => reach == Reach::Whole || (reach.is_some() && privilege != Privilege::Delete),
            columns => columns.iter().all(|column| reach.covers(column)),
        };
        if !allowed {
            self.access.deny(rights.refusal(relation, privilege));
        }
    }
}
