//! A small shop made by hand: catalog, tables and statements as the front end would hand them over, so that these
//! tests are about the engine alone.

#![allow(dead_code, reason = "each test binary uses its part")]

use mainstay_base::{Env, Problem, World};
use mainstay_engine::{Format, Plan, Read, RecordStore, Rows, Step, Write, WriteStep, Written};
use mainstay_sql::Name;
use mainstay_sql::catalog::{Action as OnDelete, Catalog, Column, Constraint, ConstraintKind};
use mainstay_sql::catalog::{Publication, Relation, RelationKind};
use mainstay_sql::plan::{Action, Compiled, CompiledStep, OutputColumn, PlannedMigration, PlannedStatement};
use mainstay_sqlite::{SqliteParts, SqliteSettings, SqliteStore};
use mainstay_types::{Session, Type, TypeId, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A directory that goes away with its value.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("mainstay-sqlite-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Directory(path)
    }
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct RealWorld;

impl World for RealWorld {
    fn unix_micros(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        i64::try_from(now.as_micros()).expect("a clock before the year 294247")
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

pub fn parts() -> SqliteParts {
    SqliteParts { env: Env::new(RealWorld) }
}

pub fn settings(directory: &Directory) -> SqliteSettings {
    SqliteSettings { inline_readers: 2, reader_threads: 1, ..SqliteSettings::new(directory.path()) }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

pub fn column(name: &str, ty: Type, not_null: bool) -> Column {
    Column {
        name: name.to_owned(),
        ty: ty.into(),
        domain: None,
        not_null,
        default: None,
        generated: None,
        identity: None,
        sequence: None,
        comment: None,
    }
}

pub fn constraint(name: &str, kind: ConstraintKind) -> Constraint {
    Constraint { name: name.to_owned(), kind, deferrable: false, initially_deferred: false, comment: None }
}

pub fn table(catalog: &mut Catalog, name: &str, columns: Vec<Column>, constraints: Vec<Constraint>) {
    let id = catalog.take_id();
    let name = Name::public(name);
    let relation = Relation {
        id,
        name: name.clone(),
        kind: RelationKind::Table,
        columns,
        constraints,
        indexes: Vec::new(),
        triggers: Vec::new(),
        policies: Vec::new(),
        row_security: false,
        force_row_security: false,
        comment: None,
        owner: None,
        row_type: TypeId(id),
        origins: Vec::new(),
        partitioning: None,
    };
    catalog.relations.insert(name, Arc::new(relation));
}

/// `owners(id, name)` and `notes(id, owner → owners, title unique, size check)`, `notes` published.
pub fn shop(deferred: bool) -> PlannedMigration {
    let mut catalog = Catalog::fresh();
    let key = |name: &str| ConstraintKind::PrimaryKey { columns: vec![name.to_owned()] };
    table(
        &mut catalog,
        "owners",
        vec![column("id", Type::Int8, true), column("name", Type::Text, false)],
        vec![constraint("owners_pkey", key("id"))],
    );
    let foreign_key = ConstraintKind::ForeignKey {
        columns: vec!["owner".to_owned()],
        target: Name::public("owners"),
        target_columns: vec!["id".to_owned()],
        on_delete: OnDelete::NoAction,
        on_update: OnDelete::NoAction,
        match_full: false,
        set_columns: Vec::new(),
    };
    let mut foreign_key = constraint("notes_owner_fkey", foreign_key);
    foreign_key.deferrable = deferred;
    foreign_key.initially_deferred = deferred;
    table(
        &mut catalog,
        "notes",
        vec![
            column("id", Type::Int8, true),
            column("owner", Type::Int8, false),
            column("title", Type::Text, true),
            column("size", Type::Int4, false),
        ],
        vec![
            constraint("notes_pkey", key("id")),
            constraint(
                "notes_title_key",
                ConstraintKind::Unique { columns: vec!["title".to_owned()], nulls_not_distinct: false },
            ),
            constraint("notes_size_check", ConstraintKind::Check { expression: "size > 0".to_owned() }),
            foreign_key,
        ],
    );
    let tables = [Name::public("notes")].into();
    catalog.publications.insert("changes".to_owned(), Publication { tables, ..Publication::default() });
    catalog.version = 1;
    let deferrable = if deferred { " DEFERRABLE INITIALLY DEFERRED" } else { "" };
    let statements = [
        "CREATE TABLE \"owners\" (\"id\" INTEGER PRIMARY KEY, \"name\" TEXT) STRICT".to_owned(),
        format!(
            "CREATE TABLE \"notes\" (\"id\" INTEGER PRIMARY KEY, \
             \"owner\" INTEGER CONSTRAINT \"notes_owner_fkey\" REFERENCES \"owners\" (\"id\"){deferrable}, \
             \"title\" TEXT NOT NULL, \"size\" INTEGER, \
             CONSTRAINT \"notes_title_key\" UNIQUE (\"title\"), \
             CONSTRAINT \"notes_size_check\" CHECK (\"size\" > 0)) STRICT"
        ),
    ];
    planned(catalog, statements.map(Action::Execute).to_vec())
}

pub fn planned(catalog: Catalog, actions: Vec<Action>) -> PlannedMigration {
    let statement = PlannedStatement { start: 0, end: 0, outcome: Ok(actions), notices: Vec::new() };
    PlannedMigration { statements: vec![statement], catalog }
}

pub fn open_shop(settings: SqliteSettings, deferred: bool) -> SqliteStore {
    let store = SqliteStore::open(settings, parts()).expect("the store opens");
    block_on(store.migrate_planned("shop", shop(deferred))).expect("the shop is built");
    store
}

pub fn outputs(columns: &[(&str, Type)]) -> Vec<OutputColumn> {
    columns.iter().map(|(name, ty)| OutputColumn { name: (*name).to_owned(), ty: ty.clone() }).collect()
}

/// A read of one statement.
pub fn query(store: &SqliteStore, text: &str, parameters: &[Type], columns: &[(&str, Type)]) -> Arc<Plan> {
    store.plan_compiled(Compiled {
        steps: vec![CompiledStep { text: text.to_owned(), ..CompiledStep::default() }],
        columns: outputs(columns),
        parameters: parameters.iter().cloned().map(Into::into).collect(),
        ..Compiled::default()
    })
}

/// A write of one statement.
pub fn statement(
    store: &SqliteStore,
    text: &str,
    target: &str,
    parameters: &[(&str, Type)],
    columns: &[(&str, Type)],
) -> Arc<Plan> {
    let names = parameters.iter().enumerate().filter(|(_, (name, _))| !name.is_empty());
    store.plan_compiled(Compiled {
        steps: vec![CompiledStep {
            text: text.to_owned(),
            counts: true,
            target: Some(Name::public(target)),
            parameter_columns: names.map(|(index, (name, _))| ((*name).to_owned(), index + 1)).collect(),
            ..CompiledStep::default()
        }],
        columns: outputs(columns),
        parameters: parameters.iter().map(|(_, ty)| ty.clone().into()).collect(),
        writes: true,
        ..Compiled::default()
    })
}

pub fn insert_owner(store: &SqliteStore) -> Arc<Plan> {
    let text = "INSERT INTO \"owners\" (\"id\", \"name\") VALUES (?1, ?2)";
    statement(store, text, "owners", &[("id", Type::Int8), ("name", Type::Text)], &[])
}

pub fn insert_note(store: &SqliteStore) -> Arc<Plan> {
    let text = "INSERT INTO \"notes\" (\"id\", \"owner\", \"title\", \"size\") VALUES (?1, ?2, ?3, ?4)";
    let parameters = [("id", Type::Int8), ("owner", Type::Int8), ("title", Type::Text), ("size", Type::Int4)];
    statement(store, text, "notes", &parameters, &[])
}

pub fn note(id: i64, owner: Option<i64>, title: &str, size: i64) -> Vec<Value> {
    let owner = owner.map_or(Value::Null, Value::Integer);
    vec![Value::Integer(id), owner, Value::text(title), Value::Integer(size)]
}

pub fn session() -> Arc<Session> {
    Arc::new(Session { role: "anon".to_owned(), ..Session::default() })
}

pub fn step(plan: &Arc<Plan>, values: Vec<Value>) -> WriteStep {
    WriteStep { plan: Arc::clone(plan), value_sets: vec![values], format: Format::Nothing, expect: None }
}

pub fn write_of(steps: Vec<WriteStep>) -> Write {
    Write { steps, session: session(), timeout: Duration::from_secs(20), rollback: false }
}

pub fn write(store: &SqliteStore, steps: Vec<WriteStep>) -> Result<Written, Problem> {
    block_on(store.write(write_of(steps)))
}

pub fn read_of(plans: &[(&Arc<Plan>, Vec<Value>)], format: Format) -> Read {
    let steps = plans
        .iter()
        .map(|(plan, values)| Step { plan: Arc::clone(plan), values: values.clone(), format })
        .collect();
    Read { steps, session: session(), timeout: Duration::from_secs(20) }
}

pub fn read(
    store: &SqliteStore,
    plan: &Arc<Plan>,
    values: Vec<Value>,
    format: Format,
) -> Result<Rows, Problem> {
    let mut rows = block_on(store.read(read_of(&[(plan, values)], format)))?;
    Ok(rows.pop().unwrap_or_default())
}

pub fn body(store: &SqliteStore, text: &str, columns: &[(&str, Type)], format: Format) -> String {
    let plan = query(store, text, &[], columns);
    let rows = read(store, &plan, Vec::new(), format).expect("the read succeeds");
    String::from_utf8(rows.body).expect("UTF-8")
}
