//! The composition root: from settings to running parts, top to bottom. Only this file names an engine.

use crate::auth::{self, tokens};
use crate::backup::StoreBackups;
use crate::oauth::{self, Doors};
use crate::project::Project;
use crate::secrets::{self, Keys};
use crate::settings::{DefaultMode, OpenApiMode};
use mainstay_base::{Env, Problem, Result};
use mainstay_engine::RecordStore;
use mainstay_http::edge::{self, BoxFuture, EdgeSettings};
use mainstay_http::keys::KeysFace;
use mainstay_http::pages::{Health, PageSettings};
use mainstay_http::rest::{RestService, RestSettings, Streamed};
use mainstay_http::{HttpParts, HttpSettings, Running};
use mainstay_identity::oauth::Oauth;
use mainstay_identity::{RootSecret, SigningKeys, Verifier, VerifierParts, VerifierSettings};
use mainstay_records::query::{Request, Response};
use mainstay_records::{CursorKey, Records, RecordsParts, RecordsSettings, Together, find_pre_request};
use mainstay_sql::Catalog;
use mainstay_sql::catalog::RelationKind;
use mainstay_sql::privilege::{self, DefaultPrivileges};
use mainstay_sqlite::{SqliteParts, SqliteSettings, SqliteStore};
use mainstay_types::Session;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Everything that runs.
pub struct App {
    store: Arc<dyn RecordStore>,
    keys: Keys,
    verifier: Arc<Verifier>,
    oauth: Arc<Oauth>,
    ticking: [tokio::task::JoinHandle<()>; 2],
    running: Running,
    schemas: Vec<String>,
}

/// Makes the data directory, with words that help where it cannot be made.
pub fn make_data_dir(project: &Project) -> Result<()> {
    std::fs::create_dir_all(&project.data_dir).map_err(|error| {
        Problem::new(
            "MS020",
            format!("cannot make the data directory `{}`: {error}", project.data_dir.display()),
        )
        .with_hint("`[store] data_dir` in mainstay.toml moves it to a place where this user may write")
    })
}

/// The record store of a project.
pub fn store(project: &Project, env: Env) -> Result<Arc<dyn RecordStore>> {
    make_data_dir(project)?;
    let chosen = &project.settings.store;
    let mut settings = SqliteSettings::new(&project.data_dir);
    settings.queue_length_max = chosen.queue_length_max;
    settings.changes_age = match chosen.change_retention_days {
        0 => Duration::MAX,
        days => Duration::from_secs(u64::from(days) * 24 * 3_600),
    };
    settings.default_privileges = DefaultPrivileges {
        mode: match project.settings.auth.default_privileges {
            DefaultMode::Guarded => privilege::DefaultMode::Guarded,
            DefaultMode::All => privilege::DefaultMode::All,
        },
        schemas: project.settings.rest.schemas.clone(),
    };
    let place = format!("data directory: {}; database file: main.db", project.data_dir.display());
    let named =
        |problem: Problem| if problem.details().is_none() { problem.with_details(place) } else { problem };
    Ok(Arc::new(SqliteStore::open(settings, SqliteParts { env }).map_err(named)?))
}

/// Fails while another process holds the data directory.
pub fn lock_free(data_dir: &Path) -> Result<()> {
    // Opening takes the lock, and dropping gives it back.
    SqliteStore::open(SqliteSettings::new(data_dir), SqliteParts { env: crate::world::machine() }).map(drop)
}

/// Listeners of one address, one for each thread that serves.
pub fn listeners(address: &str, threads: usize) -> std::io::Result<Vec<TcpListener>> {
    let wrong = |_| std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no address with a port");
    let address: SocketAddr = address.parse().map_err(wrong)?;
    // Listeners that share a port would share it with another Mainstay too: one that does not share finds it out.
    drop(TcpListener::bind(address)?);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    edge::bind(address, if threads == 0 { cores } else { threads })
}

/// Builds and starts everything on listeners that are bound already.
pub fn build(project: &Project, env: Env, listeners: Vec<TcpListener>, dev: bool) -> Result<App> {
    let settings = &project.settings;
    let store = store(project, env.clone())?;
    let address = listeners.first().and_then(|listener| listener.local_addr().ok());
    let secret = secrets::secret(project, &env)?;
    let keys = secrets::keys(&secret)?;
    let records = mainstay_records::build(
        records_settings(project, &secret)?,
        RecordsParts { store: store.clone(), env: env.clone() },
    );
    let backups = StoreBackups::new(project, store.clone(), env.clone());
    let anonymous_role = settings.auth.anonymous_role.clone();
    let signing =
        SigningKeys::in_store(tokens::key_settings(&settings.auth), &secret, env.clone(), store.clone());
    let signing = Arc::new(signing?);
    let verifier = Arc::new(Verifier::new(
        VerifierSettings {
            audiences: vec![oauth::audience(settings, address)],
            ..tokens::verifier_settings(&settings.auth)?
        },
        VerifierParts {
            keys: Arc::clone(&signing),
            fetch: Some(tokens::fetch(&settings.auth)?),
            env: env.clone(),
        },
    ));
    let key_face = KeysFace::new(Arc::clone(&signing), verifier.clone(), anonymous_role);
    let (identity, auth) = auth::face(
        project,
        auth::Shared {
            store: store.clone(),
            env: env.clone(),
            root: &secret,
            keys: Arc::clone(&signing),
            verifier: verifier.clone(),
            address,
            dev,
        },
    )?;
    let users = Arc::new(identity);
    let shared = oauth::Shared {
        store: store.clone(),
        env,
        root: &secret,
        keys: signing,
        verifier: verifier.clone(),
        users,
    };
    let oauth = oauth::build(settings, project.name(), address, shared)?;
    let doors = Arc::new(Doors { verifier: verifier.clone(), oauth: Arc::clone(&oauth) });
    let mut faces = oauth::faces(&oauth, &doors, &project.settings);
    faces.push((mainstay_http::auth::MOUNT.to_owned(), Arc::new(auth)));
    faces.push((mainstay_http::keys::MOUNT.to_owned(), Arc::new(key_face)));
    let face = mainstay_http::build(
        http_settings(project, dev.then_some(&keys)),
        HttpParts {
            service: Arc::new(Service(records)),
            authenticate: doors,
            health: Some(Arc::new(StoreHealth(store.clone()))),
            backups: Some(Arc::new(backups)),
            faces,
        },
    );
    let failed = |error| Problem::internal(format!("cannot serve: {error}"));
    let running = face.serve(listeners).map_err(failed)?;
    let ticking =
        [tokio::spawn(tokens::tick(verifier.clone())), tokio::spawn(oauth::look_after(Arc::clone(&oauth)))];
    Ok(App { store, keys, verifier, oauth, ticking, running, schemas: settings.rest.schemas.clone() })
}

fn records_settings(project: &Project, secret: &RootSecret) -> Result<RecordsSettings> {
    let settings = &project.settings;
    Ok(RecordsSettings {
        schemas: settings.rest.schemas.clone(),
        rows_max: rows_max(project),
        aggregates_enabled: settings.rest.aggregates,
        tx_rollback_allowed: settings.rest.tx_rollback,
        cursor_key: Some(CursorKey(secret.derive("mainstay: cursors of pages")?)),
        pre_request: settings.rest.pre_request.clone(),
        unfiltered_writes_refused: settings.rest.guard_unfiltered_writes,
        statement_timeout: Duration::from_millis(settings.rest.statement_timeout_ms),
        stream_timeout: Duration::from_secs(settings.rest.stream_timeout_seconds),
        ..RecordsSettings::default()
    })
}

/// Fails where the function that shall run before each request is missing.
pub fn check_pre_request(project: &Project, catalog: &Catalog) -> Result<()> {
    let Some(name) = &project.settings.rest.pre_request else { return Ok(()) };
    let rest = RestSettings::default();
    let path: Vec<String> =
        project.settings.rest.schemas.iter().chain(&rest.extra_search_path).cloned().collect();
    find_pre_request(catalog, name, &path).map(drop)
}

fn rows_max(project: &Project) -> Option<u64> {
    Some(project.settings.rest.rows_max).filter(|rows| *rows > 0)
}

fn http_settings(project: &Project, keys: Option<&Keys>) -> HttpSettings {
    let settings = &project.settings;
    HttpSettings {
        edge: EdgeSettings {
            threads: settings.server.threads,
            connections_max: settings.server.connections_max,
            body_bytes_max: settings.server.body_bytes_max,
            ..EdgeSettings::default()
        },
        rest: RestSettings {
            schemas: settings.rest.schemas.clone(),
            rows_max: rows_max(project),
            tx_override: settings.rest.tx_rollback,
            tx_rollback: settings.rest.tx_rollback && settings.rest.tx_rollback_default,
            anonymous_role: settings.auth.anonymous_role.clone(),
            idempotency_age: Duration::from_secs(u64::from(settings.rest.idempotency_hours) * 3_600),
            import_bytes_max: settings.rest.import_bytes_max,
            compress_bytes_min: settings.rest.compress_bytes_min,
            batch_requests_max: settings.rest.batch_requests_max,
            plan_enabled: settings.rest.plan_enabled,
            server_timing: settings.rest.server_timing,
            cors_origins: settings.rest.cors_origins.clone(),
            openapi: match settings.rest.openapi_mode {
                OpenApiMode::FollowPrivileges => mainstay_http::rest::OpenApiMode::FollowPrivileges,
                OpenApiMode::IgnorePrivileges => mainstay_http::rest::OpenApiMode::IgnorePrivileges,
                OpenApiMode::Disabled => mainstay_http::rest::OpenApiMode::Disabled,
            },
            title: project.name(),
            ..RestSettings::default()
        },
        pages: PageSettings {
            dev: keys.is_some(),
            title: project.name(),
            public_url: String::new(),
            anon_key: keys.map(|keys| keys.anon.clone()),
            service_key: keys.map(|keys| keys.service_role.clone()),
        },
    }
}

/// The records service as the port that REST declares.
struct Service(Records);

impl RestService for Service {
    fn run(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin(self.0.run(request))
    }

    fn run_at_once(&self, request: &Request) -> Option<Result<Response>> {
        self.0.run_at_once(request)
    }

    fn catalog(&self) -> Arc<Catalog> {
        self.0.catalog()
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<Streamed>> {
        Box::pin(self.0.stream(request))
    }

    fn transact(&self, together: Arc<dyn Together>, session: Arc<Session>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.0.transact(together, session).await.map(drop) })
    }
}

/// Well while the store answers; the facts are those an operator asks for first.
struct StoreHealth(Arc<dyn RecordStore>);

impl Health for StoreHealth {
    fn health(&self) -> Result<serde_json::Value> {
        let status = self.0.status();
        Ok(serde_json::json!({
            "position": status.position.0,
            "durability": status.durability,
            "queue_length": status.queue_length,
            "queue_length_max": status.queue_length_max,
            "wal_bytes": status.wal_bytes,
            "database_bytes": status.database_bytes,
        }))
    }
}

impl App {
    pub fn store(&self) -> &dyn RecordStore {
        &*self.store
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Lets identity make and load its keys, as soon as its tables are there.
    pub async fn tick(&self) {
        self.verifier.tick().await;
        if let Err(problem) = self.oauth.start().await {
            tracing::warn!(error = %problem, details = problem.details(), "keys and grants");
        }
    }

    pub fn url(&self) -> String {
        self.running.addresses().first().map_or_else(String::new, |address| format!("http://{address}"))
    }

    /// Tables, views and functions of the exposed schemas.
    pub fn counts(&self) -> (usize, usize, usize) {
        let catalog = self.store.catalog();
        let exposed = |schema: &String| self.schemas.contains(schema);
        let relations = || {
            let served = catalog.relations.values().filter(|relation| !relation.is_partition());
            served.filter(|relation| exposed(&relation.name.schema))
        };
        let tables = relations().filter(|relation| matches!(relation.kind, RelationKind::Table)).count();
        let functions = catalog
            .functions
            .iter()
            .filter(|(name, _)| exposed(&name.schema))
            .map(|(_, all)| all.len())
            .sum();
        (tables, relations().count() - tables, functions)
    }

    /// Refuses what is new, finishes what is under way, closes the files.
    pub async fn close(self, within: Duration) -> Result<()> {
        self.running.drain(within).await;
        self.ticking.iter().for_each(tokio::task::JoinHandle::abort);
        if let Err(problem) = self.oauth.note_uses().await {
            tracing::warn!(error = %problem, "the last uses of API keys are lost");
        }
        self.store.close().await
    }
}
