//! The embedded engine, asked as a role.

use mainstay_base::{Problem, Result};
use mainstay_engine::{
    Column, Format, Migration, Plan, PlanKind, Read, RecordStore, Rows, Step, Write, WriteStep,
};
use mainstay_sql::Caller;
use mainstay_sqlite::{SqliteParts, SqliteSettings, SqliteStore};
use mainstay_testkit::postgres::{Acted, Failure};
use mainstay_testkit::world::machine;
use mainstay_types::{Context, Session, Value, value};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

pub struct Embedded {
    pub store: SqliteStore,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Embedded {
    pub fn open() -> Embedded {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = SqliteSettings { reader_threads: 1, ..SqliteSettings::new(folder.path()) };
        let store = SqliteStore::open(settings, SqliteParts { env: machine() }).expect("opens");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Embedded { store, runtime, _folder: folder }
    }

    pub fn apply(&self, text: &str) -> Result<()> {
        let migration =
            Migration { name: "schema".into(), text: text.into(), keep_going: false, record: false };
        self.runtime.block_on(self.store.migrate(migration)).map(|_| ())
    }

    /// Runs a statement as a role in a transaction that is taken back; `after` looks at the outcome.
    pub fn act(
        &self,
        role: &str,
        claims: &str,
        statement: &str,
        after: &[&str],
    ) -> std::result::Result<Acted, Failure> {
        self.try_to_act(role, claims, statement, after).map_err(|problem| failure(&problem))
    }

    fn try_to_act(&self, role: &str, claims: &str, statement: &str, after: &[&str]) -> Result<Acted> {
        let caller = Caller { role: Some(role), search_path: &[] };
        let plan = self.store.prepare_as(statement, &[], caller)?;
        let mut session = Session { role: role.to_owned(), ..Session::default() };
        session.settings.insert("request.jwt.claims".to_owned(), claims.to_owned());
        let session = Arc::new(session);
        if plan.kind == PlanKind::Read {
            let steps = vec![Step { plan: plan.clone(), values: Vec::new(), format: Format::Values }];
            let read = Read { steps, session, timeout: TIMEOUT };
            let rows = self.runtime.block_on(self.store.read(read))?.remove(0);
            return Ok(Acted { count: rows.count, rows: self.texts(&plan, &rows), after: Vec::new() });
        }
        let step = |plan: Arc<Plan>| WriteStep {
            plan,
            value_sets: vec![Vec::new()],
            format: Format::Values,
            expect: None,
        };
        let mut plans = vec![plan];
        for look in after {
            plans.push(self.store.prepare(look, &[])?);
        }
        let steps = plans.iter().cloned().map(step).collect();
        let write = Write { steps, session, timeout: TIMEOUT, rollback: true };
        let results = self.runtime.block_on(self.store.write(write))?.results;
        let count = results.first().map_or(0, |rows| rows.count);
        let mut tables: Vec<_> =
            plans.iter().zip(&results).map(|(plan, rows)| self.texts(plan, rows)).collect();
        Ok(Acted { rows: tables.remove(0), count, after: tables })
    }

    /// The rows of a query in storage form, as trusted code.
    pub fn values(&self, query: &str) -> Result<Vec<Vec<Value>>> {
        let plan = self.store.prepare(query, &[])?;
        let steps = vec![Step { plan, values: Vec::new(), format: Format::Values }];
        let read = Read { steps, session: Arc::default(), timeout: TIMEOUT };
        Ok(self.runtime.block_on(self.store.read(read))?.remove(0).values)
    }

    /// What values are read and shown with.
    pub fn context(&self) -> Context {
        Context {
            env: machine(),
            registry: self.store.catalog().types.clone(),
            session: Arc::default(),
            overrides: Arc::default(),
            transaction_time: 0,
            statement_time: 0,
        }
    }

    fn texts(&self, plan: &Plan, rows: &Rows) -> Vec<Vec<Option<String>>> {
        let context = self.context();
        let text = |(value, column): (&Value, &Column)| {
            (!value.is_null()).then(|| {
                let mut out = String::new();
                value::output(&column.ty, value.as_ref(), &context, &mut out);
                out
            })
        };
        rows.values.iter().map(|row| row.iter().zip(&plan.columns).map(text).collect()).collect()
    }
}

pub fn failure(problem: &Problem) -> Failure {
    Failure {
        code: problem.code().to_owned(),
        message: problem.message().to_owned(),
        details: problem.details().map(str::to_owned),
    }
}
