//! What names mean at a place: tables, columns, CTEs and the arguments of an inlined function.

use super::access::Access;
use super::before::Changes;
use super::bound::{Bound, Carried, Form, Use, quote};
use super::row_functions::RowFunctions;
use crate::catalog::{Catalog, Name, Relation};
use crate::plan::{CompiledStep, OldRows};
use mainstay_types::{ColumnType, Type};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Binds one statement: carries what all of its parts share.
pub(super) struct Binder<'c> {
    pub catalog: &'c Catalog,
    pub search_path: Vec<String>,
    /// Types of `$1`, `$2`, …; [`Type::Unknown`] until a place gives one.
    pub parameters: Vec<ColumnType>,
    /// Places where a parameter without a type was seen, to point at when none gives it one.
    pub parameter_places: Vec<Option<usize>>,
    pub scopes: Vec<Scope>,
    pub frames: Vec<Frame>,
    pub tables: BTreeSet<Name>,
    pub writes: bool,
    /// Steps that run before the statement: data-modifying CTEs, functions that write.
    pub steps: Vec<CompiledStep>,
    /// What the statement changes: its other parts do not see it.
    pub changes: Changes,
    /// The old rows that finished statements have their steps keep.
    pub old_rows: Vec<OldRows>,
    /// Plain CTEs beside the data-modifying one that is being bound, and whether any is recursive.
    pub outer_ctes: (Vec<String>, bool),
    pub next_id: u32,
    /// Names of CTEs in the text so far.
    pub cte_names: BTreeSet<String>,
    /// How many views and functions are being inlined, one in another.
    pub inlining: usize,
    /// The views among them.
    pub views: Vec<Name>,
    /// What stands for `VALUE` in a domain's check.
    pub domain_value: Option<Bound>,
    /// Whether the query being bound is the statement itself, run exactly once.
    pub outermost: bool,
    /// Whether the expression is kept by the database: literals get their values now.
    pub kept: bool,
    /// On whose behalf names are bound.
    pub access: Access<'c>,
}

/// The arguments of a function whose body is being bound.
#[derive(Clone)]
pub(super) struct Frame {
    pub function: Name,
    pub arguments: Vec<(String, Bound)>,
    /// Its `SET name = value` clauses.
    pub settings: Vec<(String, String)>,
}

/// Which part of a query is being bound: decides what may stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    Targets,
    From,
    On,
    Where,
    GroupBy,
    Having,
    OrderBy,
    Window,
    Limit,
    Values,
    Returning,
    Set,
    Default,
    Check,
    Index,
    IndexPredicate,
    Generated,
}

impl Clause {
    /// As PostgreSQL's messages name it.
    pub fn words(self) -> &'static str {
        match self {
            Clause::Targets => "SELECT",
            Clause::From => "functions in FROM",
            Clause::On => "JOIN conditions",
            Clause::Where => "WHERE",
            Clause::GroupBy => "GROUP BY",
            Clause::Having => "HAVING",
            Clause::OrderBy => "ORDER BY",
            Clause::Window => "window definitions",
            Clause::Limit => "LIMIT",
            Clause::Values => "VALUES",
            Clause::Returning => "RETURNING",
            Clause::Set => "UPDATE",
            Clause::Default => "DEFAULT expressions",
            Clause::Check => "check constraints",
            Clause::Index => "index expressions",
            Clause::IndexPredicate => "index predicates",
            Clause::Generated => "column generation expressions",
        }
    }

    /// The place as PostgreSQL names it when it refuses a subquery there.
    pub fn without_subqueries(self) -> Option<&'static str> {
        match self {
            Clause::Default => Some("DEFAULT expression"),
            Clause::Check => Some("check constraint"),
            Clause::Index => Some("index expression"),
            Clause::IndexPredicate => Some("index predicate"),
            Clause::Generated => Some("column generation expression"),
            _ => None,
        }
    }

    pub fn allows_aggregates(self) -> bool {
        matches!(self, Clause::Targets | Clause::Having | Clause::OrderBy | Clause::Window)
    }

    pub fn allows_windows(self) -> bool {
        matches!(self, Clause::Targets | Clause::OrderBy)
    }
}

/// One level of a query.
pub(super) struct Scope {
    pub id: u32,
    pub sources: Vec<Source>,
    /// What unqualified names find, in the order of `*`.
    pub columns: Vec<ScopeColumn>,
    pub ctes: Vec<Cte>,
    /// Names outside are not visible (the body of a view or a function).
    pub barrier: bool,
    pub clause: Clause,
    /// Texts of the GROUP BY expressions, once they are known.
    pub group_keys: Vec<String>,
    /// How many aggregate calls surround the place.
    pub aggregate_depth: usize,
    pub windows: Vec<(String, pg_query::protobuf::WindowDef)>,
    /// What set-returning functions of the select list add.
    pub row_functions: RowFunctions,
    /// What items of FROM use of the queries around.
    pub from_uses: Vec<Use>,
    /// GROUP BY expressions that are NULL in this branch of a grouping set.
    pub null_keys: Vec<String>,
    /// The same before they are bound.
    pub null_groups: Vec<pg_query::Node>,
    /// The empty grouping set: one row, whatever is selected.
    pub grand_total: bool,
    /// Columns stand unqualified (CHECK constraints, index expressions, RETURNING).
    pub bare: bool,
    /// Whether the query has a FROM clause.
    pub has_from: bool,
    pub outermost: bool,
    /// The last item of FROM is a query of at most one row.
    pub single_source: bool,
}

impl Scope {
    pub fn new(id: u32) -> Scope {
        Scope {
            id,
            sources: Vec::new(),
            columns: Vec::new(),
            ctes: Vec::new(),
            barrier: false,
            clause: Clause::Targets,
            group_keys: Vec::new(),
            aggregate_depth: 0,
            windows: Vec::new(),
            row_functions: RowFunctions::default(),
            from_uses: Vec::new(),
            null_keys: Vec::new(),
            null_groups: Vec::new(),
            grand_total: false,
            bare: false,
            has_from: false,
            outermost: false,
            single_source: false,
        }
    }
}

/// A table, subquery or function in FROM.
#[derive(Clone)]
pub(super) struct Source {
    /// The name that expressions use; empty for an unnamed join.
    pub alias: String,
    /// Set where the relation stands without an alias, so that `schema.table.column` finds it.
    pub schema: Option<String>,
    /// The name in the SQLite text.
    pub emit: String,
    pub columns: Vec<SourceColumn>,
    pub relation: Option<Arc<Relation>>,
    /// Its row type ([`Type::Record`] for subqueries).
    pub row_type: Type,
    /// Null-extended by an outer join.
    pub nullable: bool,
    /// Hidden behind the alias of a join or of a lateral item not yet visible.
    pub hidden: bool,
    /// A function that returns a plain value: the name alone means the value.
    pub scalar: bool,
}

#[derive(Clone)]
pub(super) struct SourceColumn {
    pub name: String,
    pub ty: ColumnType,
    pub domain: Option<Name>,
    pub sql: String,
    pub collation: Carried,
    pub nullable: bool,
    pub origin: Option<(Name, String)>,
    /// Found by name but not part of `*`.
    pub hidden: bool,
    pub form: Option<Form>,
    /// Uses that the column stands for (columns of lateral items and joins).
    pub uses: Vec<Use>,
    pub atom: bool,
}

impl SourceColumn {
    pub fn new(name: impl Into<String>, ty: impl Into<ColumnType>, sql: impl Into<String>) -> SourceColumn {
        SourceColumn {
            name: name.into(),
            ty: ty.into(),
            domain: None,
            sql: sql.into(),
            collation: Carried::Nothing,
            nullable: true,
            origin: None,
            hidden: false,
            form: None,
            uses: Vec::new(),
            atom: true,
        }
    }
}

/// An unqualified name: one column, or the merged one of a `USING`.
#[derive(Clone)]
pub(super) struct ScopeColumn {
    pub name: String,
    pub source: usize,
    pub column: usize,
    /// For a full join's `USING` column: what stands for both sides.
    pub merged: Option<Bound>,
}

#[derive(Clone)]
pub(super) struct Cte {
    pub name: String,
    pub emit: String,
    pub columns: Vec<SourceColumn>,
    /// A step's rows, in `temp`.
    pub scratch: bool,
    /// A data-modifying statement without RETURNING.
    pub returns_nothing: bool,
}

impl<'c> Binder<'c> {
    pub fn new(catalog: &'c Catalog, parameters: &[ColumnType], search_path: &[String]) -> Binder<'c> {
        let search_path = if search_path.is_empty() {
            vec!["public".to_owned(), "extensions".to_owned()]
        } else {
            search_path.to_vec()
        };
        Binder {
            catalog,
            search_path,
            parameters: parameters.to_vec(),
            parameter_places: vec![None; parameters.len()],
            scopes: Vec::new(),
            frames: Vec::new(),
            tables: BTreeSet::new(),
            writes: false,
            steps: Vec::new(),
            changes: Changes::default(),
            old_rows: Vec::new(),
            outer_ctes: (Vec::new(), false),
            next_id: 0,
            cte_names: BTreeSet::new(),
            inlining: 0,
            views: Vec::new(),
            domain_value: None,
            outermost: true,
            kept: false,
            access: Access::default(),
        }
    }

    /// Whether the text becomes part of SQLite's schema, which takes no subquery.
    pub fn in_schema_text(&self) -> bool {
        self.scopes.iter().any(|scope| scope.bare && scope.clause != Clause::Default)
    }

    /// Whether this is a kept expression that must be immutable, or the body of a function that one calls.
    pub fn must_be_immutable(&self) -> bool {
        let immutable = |clause| matches!(clause, Clause::Index | Clause::IndexPredicate | Clause::Generated);
        self.scopes.iter().any(|scope| scope.bare && immutable(scope.clause))
    }

    pub fn take_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    pub fn push_scope(&mut self) -> u32 {
        let id = self.take_id();
        let mut scope = Scope::new(id);
        scope.outermost = std::mem::take(&mut self.outermost);
        self.scopes.push(scope);
        id
    }

    /// Ends the innermost scope; uses of its columns mean nothing outside.
    pub fn pop_scope(&mut self) -> Option<Scope> {
        let scope = self.scopes.pop();
        if let Some(scope) = &scope {
            self.outermost = scope.outermost;
        }
        scope
    }

    pub fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            let id = self.take_id();
            self.scopes.push(Scope::new(id));
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    /// Binds with the innermost scope in another clause.
    pub fn within<T>(&mut self, clause: Clause, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.scope().clause, clause);
        let result = work(self);
        self.scope().clause = before;
        result
    }

    /// A name for a table in the SQLite text that no table around it has, so that texts may be put into one another.
    pub fn emit_name(&mut self, wanted: &str) -> String {
        let wanted = if wanted.is_empty() { "unnamed" } else { wanted };
        let taken = |name: &str| {
            self.scopes
                .iter()
                .flat_map(|scope| &scope.sources)
                .any(|source| source.emit.eq_ignore_ascii_case(name))
        };
        if !taken(wanted) && !wanted.eq_ignore_ascii_case("excluded") {
            return wanted.to_owned();
        }
        let mut number = 1;
        loop {
            let name = format!("{wanted}_{number}");
            if !taken(&name) {
                return name;
            }
            number += 1;
        }
    }

    pub fn find_cte(&self, name: &str) -> Option<&Cte> {
        for scope in self.scopes.iter().rev() {
            if let Some(cte) = scope.ctes.iter().rev().find(|cte| cte.name == name) {
                return Some(cte);
            }
            if scope.barrier {
                return None;
            }
        }
        None
    }

    /// The bound form of a source's column.
    pub fn column_of(
        &self,
        level: usize,
        source: usize,
        column: usize,
        place: Option<usize>,
    ) -> Option<Bound> {
        let scope = self.scopes.get(level)?;
        let from = scope.sources.get(source)?;
        let found = from.columns.get(column)?;
        self.access.note_read(scope.id, source, column);
        let mut bound = Bound::plain(found.sql.clone(), found.ty.clone());
        bound.domain.clone_from(&found.domain);
        bound.atom = found.atom;
        bound.collation = found.collation.clone();
        bound.nullable = found.nullable || from.nullable;
        bound.place = place;
        bound.form = match &found.form {
            Some(form) => form.clone(),
            None => Form::Column { origin: found.origin.clone() },
        };
        bound.uses = found.uses.clone();
        bound.uses.push(Use { scope: scope.id, source, column, place });
        Some(bound)
    }

    /// The relation's columns as a source with this name in the text.
    pub fn relation_columns(relation: &Relation, emit: &str, bare: bool) -> Vec<SourceColumn> {
        let prefix = if bare { String::new() } else { format!("{}.", quote(emit)) };
        let keys = relation.primary_key().unwrap_or_default();
        relation
            .columns
            .iter()
            .map(|column| {
                let sql = format!("{prefix}{}", quote(&column.name));
                let mut out = SourceColumn::new(&column.name, column.ty.clone(), sql);
                out.collation =
                    Carried::Column(column.ty.ty.storage().collation.map(|name| name.into_owned()));
                out.nullable = !(column.not_null || keys.contains(&column.name));
                out.origin = Some((relation.name.clone(), column.name.clone()));
                out.domain.clone_from(&column.domain);
                out
            })
            .collect()
    }

    pub fn type_name(&self, ty: &Type) -> String {
        self.catalog.types.type_name(ty)
    }
}
