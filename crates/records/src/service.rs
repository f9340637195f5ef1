//! The service: takes a request, finds or makes its plan, runs it.

use crate::cache::PlanCache;
use crate::call::CallPlan;
use crate::keyset::PagePlan;
use crate::keyset::cursor::CursorKey;
use crate::plan::{Parameter, Statement};
use crate::pre_request::{self, PreRequest, Settings};
use crate::problems;
use crate::query::{Action, Request, Response};
use crate::read::ReadPlan;
use crate::schema::Schema;
use crate::settings::RecordsSettings;
use crate::write::WritePlan;
use arc_swap::ArcSwapOption;
use mainstay_base::{Env, Problem, Result};
use mainstay_engine::{Plan, Read, RecordStore, Rows, Step, Write, WriteStep, Written};
use mainstay_sql::{Caller, Catalog};
use mainstay_types::{ColumnType, Context, Session};
use std::sync::Arc;

/// Microseconds from 1970 to 2000, where PostgreSQL's time begins.
const POSTGRES_EPOCH_UNIX_MICROS: i64 = 946_684_800_000_000;

/// The code of a store for a plan that the catalog has outlived.
pub(crate) const PLAN_OUTLIVED: &str = "MS001";

/// What the service works with.
pub struct RecordsParts {
    pub store: Arc<dyn RecordStore>,
    pub env: Env,
}

/// Builds the service.
pub fn build(settings: RecordsSettings, parts: RecordsParts) -> Records {
    let entries = settings.plan_cache_entries_max;
    let cursor_key = settings.cursor_key.clone().unwrap_or_else(|| {
        let mut bytes = [0; 32];
        parts.env.fill_random(&mut bytes);
        CursorKey(bytes)
    });
    Records(Arc::new(Service {
        store: parts.store,
        env: parts.env,
        schema: Arc::new(ArcSwapOption::empty()),
        reads: Arc::new(PlanCache::new(entries)),
        writes: Arc::new(PlanCache::new(entries)),
        calls: Arc::new(PlanCache::new(entries)),
        pages: Arc::new(PlanCache::new(entries)),
        pre_requests: Arc::default(),
        in_transaction: false,
        cursor_key,
        settings: Arc::new(settings),
    }))
}

/// Reads and writes rows and calls functions for callers. A cheap handle.
#[derive(Clone)]
pub struct Records(Arc<Service>);

pub(crate) struct Service {
    pub(crate) settings: Arc<RecordsSettings>,
    pub(crate) store: Arc<dyn RecordStore>,
    pub(crate) env: Env,
    schema: Arc<ArcSwapOption<Schema>>,
    pub(crate) reads: Arc<PlanCache<ReadPlan>>,
    pub(crate) writes: Arc<PlanCache<WritePlan>>,
    pub(crate) calls: Arc<PlanCache<CallPlan>>,
    pub(crate) pages: Arc<PlanCache<PagePlan>>,
    pub(crate) pre_requests: Arc<pre_request::Known>,
    /// Whether the store is a transaction that other requests may share.
    in_transaction: bool,
    pub(crate) cursor_key: CursorKey,
}

/// A statement that the store has bound, with what its parameters are filled from.
pub(crate) struct Prepared {
    pub(crate) plan: Arc<Plan>,
    pub(crate) parameters: Vec<Parameter>,
}

impl Records {
    /// Carries out one request.
    pub async fn run(&self, request: Request) -> Result<Response> {
        let service = &*self.0;
        self.admit_schema(&request)?;
        match service.attempt(&request).await {
            // A migration came between planning and running: plan again, once.
            Err(problem) if problem.code() == PLAN_OUTLIVED => {
                service.forget();
                service.attempt(&request).await
            }
            outcome => outcome,
        }
    }

    /// As [`Records::run`] without waiting, for reads that are ready at once; `None` for everything else, of which
    /// nothing has happened then.
    pub fn run_at_once(&self, request: &Request) -> Option<Result<Response>> {
        let service = &*self.0;
        if request.explain.is_some() || request.after.is_some() {
            return None;
        }
        if request.shape.action != Action::Read || !service.settings.schemas.contains(&request.schema) {
            return None;
        }
        match service.read_at_once(&service.schema(), request) {
            Some(Err(problem)) if problem.code() == PLAN_OUTLIVED => None,
            outcome => outcome,
        }
    }

    /// What the database consists of now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.0.store.catalog()
    }

    pub fn settings(&self) -> &RecordsSettings {
        &self.0.settings
    }

    pub(crate) fn admit_schema(&self, request: &Request) -> Result<()> {
        let schemas = &self.0.settings.schemas;
        match schemas.contains(&request.schema) {
            true => Ok(()),
            false => Err(problems::unacceptable_schema(&request.schema, schemas)),
        }
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.0
    }
}

impl Service {
    /// The same service, with the same plans, over a transaction of its store.
    pub(crate) fn over(&self, store: Arc<dyn RecordStore>) -> Records {
        Records(Arc::new(Service {
            settings: self.settings.clone(),
            store,
            env: self.env.clone(),
            schema: self.schema.clone(),
            reads: self.reads.clone(),
            writes: self.writes.clone(),
            calls: self.calls.clone(),
            pages: self.pages.clone(),
            pre_requests: self.pre_requests.clone(),
            in_transaction: true,
            cursor_key: self.cursor_key.clone(),
        }))
    }

    async fn attempt(&self, request: &Request) -> Result<Response> {
        let schema = self.schema();
        match &request.shape.action {
            Action::Read => match &request.after {
                None => self.run_read(&schema, request).await,
                Some(after) => self.run_page(&schema, request, after).await,
            },
            Action::Insert(insert) => self.run_insert(&schema, request, insert).await,
            Action::Replace(_) => self.run_replace(&schema, request).await,
            Action::Update(update) => self.run_update(&schema, request, update).await,
            Action::Delete => self.run_delete(&schema, request).await,
            Action::Call(target) => self.run_call(&schema, request, target).await,
        }
    }

    pub(crate) fn forget(&self) {
        self.schema.store(None);
        self.reads.clear();
        self.writes.clear();
        self.calls.clear();
        self.pages.clear();
    }

    /// What is derived from the catalog as it is now.
    pub(crate) fn schema(&self) -> Arc<Schema> {
        let catalog = self.store.catalog();
        if let Some(known) = self.schema.load_full().filter(|known| known.catalog.version == catalog.version)
        {
            return known;
        }
        let made = Arc::new(Schema::of(catalog, &self.settings.schemas));
        self.schema.store(Some(made.clone()));
        made
    }

    /// Names without a schema in the bodies of functions are those of the request's search path. It follows from the
    /// request's schema, which is a part of the key of every plan.
    pub(crate) fn prepare(
        &self,
        schema: &Schema,
        request: &Request,
        statement: Statement,
    ) -> Result<Prepared> {
        let types: Vec<ColumnType> =
            statement.parameters.iter().map(|parameter| parameter.ty.clone()).collect();
        tracing::trace!(sql = %statement.sql, "planned");
        let session = &request.session;
        let caller = Caller { role: Some(&session.role), search_path: &session.search_path };
        let plan = self.store.prepare_as(&statement.sql, &types, caller)?;
        if plan.catalog_version != schema.catalog.version {
            return Err(Problem::new(PLAN_OUTLIVED, "the catalog has changed"));
        }
        Ok(Prepared { plan, parameters: statement.parameters })
    }

    /// What values of the request are read with.
    pub(crate) fn context(&self, schema: &Schema, session: &Arc<Session>) -> Context {
        let now = self.env.unix_micros() - POSTGRES_EPOCH_UNIX_MICROS;
        Context {
            env: self.env.clone(),
            registry: schema.catalog.types.clone(),
            session: session.clone(),
            overrides: Arc::default(),
            transaction_time: now,
            statement_time: now,
        }
    }

    /// A read of these steps, and what runs in front of it.
    pub(crate) fn guarded_read(
        &self,
        request: &Request,
        steps: Vec<Step>,
    ) -> Result<(Read, Option<Arc<PreRequest>>)> {
        let before = self.pre_request(request)?;
        let steps = match &before {
            Some(before) => before.before(steps)?,
            None => steps,
        };
        let read = Read { steps, session: request.session.clone(), timeout: self.settings.statement_timeout };
        Ok((read, before))
    }

    pub(crate) async fn explain_plan(&self, plan: Arc<Plan>) -> Result<Vec<(usize, String)>> {
        self.store.explain(plan).await
    }

    pub(crate) async fn read(&self, request: &Request, steps: Vec<Step>) -> Result<(Vec<Rows>, Settings)> {
        if let Some(form) = request.explain {
            let body = self.explained(steps.into_iter().map(|step| step.plan).collect(), form).await?;
            return Ok((vec![Rows { body, count: 1, ..Rows::default() }], Vec::new()));
        }
        // A transaction that writes is not read-only for what reads in it.
        if self.in_transaction && self.pre_request(request)?.is_some_and(|before| before.may_write()) {
            let steps = steps.into_iter().map(|Step { plan, values, format }| WriteStep {
                plan,
                value_sets: vec![values],
                format,
                expect: None,
            });
            let written = self.write(request, steps.collect()).await?;
            return Ok((written.results, written.settings));
        }
        let (read, before) = self.guarded_read(request, steps)?;
        Ok(parted(before, self.store.read(read).await?))
    }

    pub(crate) async fn write(&self, request: &Request, mut steps: Vec<WriteStep>) -> Result<Written> {
        if let Some(form) = request.explain {
            let plans: Vec<Arc<Plan>> = steps.iter().map(|step| step.plan.clone()).collect();
            let body = self.explained(plans, form).await?;
            // The whole in every place: which step is the one that answers, its caller knows.
            let rows = || Rows { body: body.clone(), count: 1, ..Rows::default() };
            return Ok(Written { results: steps.iter().map(|_| rows()).collect(), ..Written::default() });
        }
        let before = self.pre_request(request)?;
        if let Some(before) = &before {
            steps.insert(0, before.write_step());
        }
        let write = Write {
            steps,
            session: request.session.clone(),
            timeout: self.settings.statement_timeout,
            rollback: request.rollback && self.settings.tx_rollback_allowed,
        };
        let mut written = self.store.write(write).await?;
        if before.is_some() {
            written.results.drain(..written.results.len().min(1));
        }
        Ok(written)
    }
}

/// The results of a read, without those of what ran in front of it, and what was set for the answer.
pub(crate) fn parted(before: Option<Arc<PreRequest>>, results: Vec<Rows>) -> (Vec<Rows>, Settings) {
    match before {
        Some(before) => before.after(results),
        None => (results, Vec::new()),
    }
}
