//! A small shop for tests: its catalog, made by hand, and a store that only writes down what it is asked.

#![allow(dead_code)]

use mainstay_base::{Env, Problem, Result, World};
use mainstay_engine::{
    Applied, BoxFuture, Change, ChangeSink, Format, ListenerId, Migrated, Migration, Plan, PlanKind,
    Position, Read, ReadNow, RecordStore, Rows, StoreStatus, Write, Written,
};
use mainstay_http::grammar::{Reading, read};
use mainstay_records::query::{
    Action, Answer, CallTarget, Insert, Payload, Request, Response, Return, Shape, Update,
};
use mainstay_records::{Records, RecordsParts, RecordsSettings, build};
use mainstay_sql::Caller;
use mainstay_sql::catalog::{
    Action as KeyAction, Argument, ArgumentMode, Catalog, Column, Constraint, ConstraintKind, Function, Name,
    Relation, RelationKind, Returns,
};
use mainstay_types::context::CompositeType;
use mainstay_types::{ColumnType, EnumType, Type, TypeId, Value, Volatility};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub struct StillWorld;

impl World for StillWorld {
    fn unix_micros(&self) -> i64 {
        1_700_000_000_000_000
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// What a step was asked to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub sql: String,
    pub values: Vec<Vec<Value>>,
    pub format: Format,
    pub wrote: bool,
}

/// A store that answers with `answers` and remembers what it was asked.
pub struct Scribe {
    catalog: Mutex<Arc<Catalog>>,
    pub asked: Mutex<Vec<Asked>>,
    pub prepared: Mutex<usize>,
    /// For each step to come: its rows.
    pub answers: Mutex<Vec<Rows>>,
    /// Problems that the next runs fail with.
    pub failures: Mutex<Vec<Problem>>,
}

impl Scribe {
    pub fn new(catalog: Catalog) -> Arc<Scribe> {
        Arc::new(Scribe {
            catalog: Mutex::new(Arc::new(catalog)),
            asked: Mutex::default(),
            prepared: Mutex::default(),
            answers: Mutex::default(),
            failures: Mutex::default(),
        })
    }

    pub fn replace_catalog(&self, change: impl FnOnce(&mut Catalog)) {
        let mut current = self.catalog.lock().unwrap();
        let mut next = Catalog::clone(&current);
        next.version += 1;
        change(&mut next);
        *current = Arc::new(next);
    }

    fn answer(&self) -> Rows {
        let mut answers = self.answers.lock().unwrap();
        if answers.is_empty() { Rows::default() } else { answers.remove(0) }
    }

    fn fail(&self) -> Result<()> {
        match self.failures.lock().unwrap().pop() {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }
}

fn sql_of(plan: &Plan) -> String {
    plan.native.downcast_ref::<String>().cloned().unwrap_or_default()
}

impl RecordStore for Scribe {
    fn catalog(&self) -> Arc<Catalog> {
        self.catalog.lock().unwrap().clone()
    }

    fn prepare_as(&self, sql: &str, parameters: &[ColumnType], _: Caller<'_>) -> Result<Arc<Plan>> {
        *self.prepared.lock().unwrap() += 1;
        let is_change = ["INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|word| sql.starts_with(word));
        let calls_change = sql.contains("\"take_stock\"");
        Ok(Arc::new(Plan {
            role: None,
            catalog_version: self.catalog().version,
            kind: if is_change || calls_change { PlanKind::Write } else { PlanKind::Read },
            columns: Vec::new(),
            parameters: parameters.to_vec(),
            native: Box::new(sql.to_owned()),
        }))
    }

    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Rows>>> {
        let outcome = self.fail().map(|()| {
            read.steps
                .into_iter()
                .map(|step| {
                    let values = vec![step.values];
                    let asked = Asked { sql: sql_of(&step.plan), values, format: step.format, wrote: false };
                    self.asked.lock().unwrap().push(asked);
                    self.answer()
                })
                .collect()
        });
        Box::pin(async move { outcome })
    }

    /// At once nothing is written down, and no step has rows: for measuring what comes before the store.
    fn read_now(&self, read: Read) -> ReadNow {
        ReadNow::Done(Ok(read.steps.iter().map(|_| Rows::default()).collect()))
    }

    fn write(&self, write: Write) -> BoxFuture<'_, Result<Written>> {
        let outcome = self.fail().map(|()| Written {
            results: write
                .steps
                .into_iter()
                .map(|step| {
                    let values = step.value_sets;
                    let asked = Asked { sql: sql_of(&step.plan), values, format: step.format, wrote: true };
                    self.asked.lock().unwrap().push(asked);
                    self.answer()
                })
                .collect(),
            ..Written::default()
        });
        Box::pin(async move { outcome })
    }

    fn stream(&self, _read: Read) -> BoxFuture<'_, Result<Box<dyn mainstay_engine::RowStream>>> {
        Box::pin(async { Err(Problem::internal("not asked here")) })
    }

    fn transact(
        &self,
        _transact: mainstay_engine::Transact,
    ) -> BoxFuture<'_, Result<mainstay_engine::Transacted>> {
        Box::pin(async { Err(Problem::internal("not asked here")) })
    }

    fn migrate(&self, _: Migration) -> BoxFuture<'_, Result<Migrated>> {
        Box::pin(async { Err(Problem::internal("a scribe has no migrations")) })
    }
    fn applied(&self) -> BoxFuture<'_, Result<Vec<Applied>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn listen(&self, _: Option<Name>, _: Arc<dyn ChangeSink>) -> Result<ListenerId> {
        Ok(ListenerId(0))
    }
    fn unlisten(&self, _: ListenerId) {}
    fn changes_after(&self, _: Position, _: u32) -> BoxFuture<'_, Result<Vec<Change>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn status(&self) -> StoreStatus {
        StoreStatus::default()
    }
    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

pub fn settings() -> RecordsSettings {
    RecordsSettings { aggregates_enabled: true, tx_rollback_allowed: true, ..RecordsSettings::default() }
}

pub fn records(store: Arc<dyn RecordStore>, settings: RecordsSettings) -> Records {
    build(settings, RecordsParts { store, env: Env::new(StillWorld) })
}

/// A request from a method and a URL's path with its query string (`GET`, `projects?id=eq.1`).
pub fn request(method: &str, url: &str, body: &str) -> Request {
    let (target, query) = url.split_once('?').unwrap_or((url, ""));
    let call = target.strip_prefix("rpc/");
    let is_read = matches!(method, "GET" | "HEAD");
    let reading = Reading { call: call.is_some() && is_read, legacy_target_names: false };
    let mut parsed = read(query, reading).unwrap();
    let (limit, offset) = (parsed.limit, parsed.offset);
    parsed.query.limit = limit.map(|limit| parsed.literal(limit.to_string()));
    parsed.query.offset = offset.map(|offset| parsed.literal(offset.to_string()));
    let update = Update { columns: parsed.columns.clone(), missing_default: false };
    let action = match (method, call) {
        (_, Some(_)) => Action::Call(CallTarget {
            read_only: is_read,
            arguments: parsed.arguments.clone(),
            single_argument: false,
        }),
        ("POST", None) => Action::Insert(Insert {
            columns: parsed.columns.clone(),
            on_conflict: parsed.on_conflict.clone(),
            resolution: None,
            missing_default: false,
        }),
        ("PATCH", None) => Action::Update(update),
        ("PUT", None) => Action::Replace(update),
        ("DELETE", None) => Action::Delete,
        _ => Action::Read,
    };
    Request {
        schema: "public".to_owned(),
        target: call.unwrap_or(target).to_owned(),
        shape: Shape {
            action,
            query: parsed.query,
            returning: if is_read { Return::Minimal } else { Return::Representation },
            count: None,
            answer: if method == "HEAD" { Answer::Nothing } else { Answer::Array },
            nulls_stripped: false,
        },
        literals: parsed.literals,
        payload: if body.is_empty() { Payload::None } else { Payload::Json(body.as_bytes().to_vec()) },
        session: Arc::new(mainstay_types::Session { role: "postgres".into(), ..Default::default() }),
        max_affected: None,
        rollback: false,
        offset: 0,
        after: None,
        limit: None,
        explain: None,
    }
}

pub fn run(records: &Records, request: Request) -> Result<Response> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(records.run(request))
}

/// Runs a request against a scribe and returns what the store was asked.
pub fn asked(request: Request) -> Result<Vec<Asked>> {
    asked_with(settings(), request)
}

pub fn asked_with(settings: RecordsSettings, request: Request) -> Result<Vec<Asked>> {
    let scribe = Scribe::new(shop());
    run(&records(scribe.clone(), settings), request)?;
    let asked = scribe.asked.lock().unwrap().clone();
    Ok(asked)
}

/// The first statement of a request.
pub fn statement(method: &str, url: &str, body: &str) -> String {
    let asked = asked(request(method, url, body)).unwrap();
    asked.into_iter().next().map(|asked| asked.sql).unwrap_or_default()
}

pub fn problem(method: &str, url: &str, body: &str) -> Problem {
    asked(request(method, url, body)).unwrap_err()
}

// ---- the catalog ----------------------------------------------------------------------------------------------

pub const STATUS: TypeId = TypeId(1);

/// Customers have orders and one profile, orders have lines of products, products have tags through a junction,
/// employees have a manager.
pub fn shop() -> Catalog {
    let mut catalog = Catalog { version: 1, ..Catalog::fresh() };
    let mut types = (*catalog.types).clone();
    let labels = ["open", "paid", "sent"].map(str::to_owned).to_vec();
    types.enums.insert(STATUS, EnumType { schema: "public".into(), name: "status".into(), labels });
    catalog.types = Arc::new(types);
    catalog.type_names.insert(Name::public("status"), STATUS);
    let money = Type::Numeric;
    Table::new("customers")
        .column("id", Type::Int4)
        .column("name", Type::Text)
        .key(&["id"])
        .into(&mut catalog);
    Table::new("profiles")
        .column("customer_id", Type::Int4)
        .column("data", Type::Jsonb)
        .key(&["customer_id"])
        .refers("profiles_customer_id_fkey", "customer_id", "customers")
        .into(&mut catalog);
    Table::new("orders")
        .column("id", Type::Int4)
        .column("customer_id", Type::Int4)
        .column("status", Type::Enum(STATUS))
        .column("total", money.clone())
        .column("placed", Type::TimestampTz)
        .key(&["id"])
        .refers("orders_customer_id_fkey", "customer_id", "customers")
        .into(&mut catalog);
    Table::new("products")
        .column("id", Type::Int4)
        .column("name", Type::Text)
        .column("price", money)
        .column("words", Type::array(Type::Text))
        .column("document", Type::TsVector)
        .key(&["id"])
        .into(&mut catalog);
    Table::new("tags").column("id", Type::Int4).column("label", Type::Text).key(&["id"]).into(&mut catalog);
    Table::new("product_tags")
        .column("product_id", Type::Int4)
        .column("tag_id", Type::Int4)
        .key(&["product_id", "tag_id"])
        .refers("product_tags_product_id_fkey", "product_id", "products")
        .refers("product_tags_tag_id_fkey", "tag_id", "tags")
        .into(&mut catalog);
    Table::new("employees")
        .column("id", Type::Int4)
        .column("name", Type::Text)
        .column("manager_id", Type::Int4)
        .key(&["id"])
        .refers("employees_manager_id_fkey", "manager_id", "employees")
        .into(&mut catalog);
    Table::new("transfers")
        .column("id", Type::Int4)
        .column("from_id", Type::Int4)
        .column("to_id", Type::Int4)
        .key(&["id"])
        .refers("transfers_from_id_fkey", "from_id", "customers")
        .refers("transfers_to_id_fkey", "to_id", "customers")
        .into(&mut catalog);
    Table::new("open_orders")
        .column("order_id", Type::Int4)
        .column("customer", Type::Int4)
        .view("orders", &["id", "customer_id"])
        .into(&mut catalog);
    functions(&mut catalog);
    catalog
}

fn functions(catalog: &mut Catalog) {
    let row = |catalog: &Catalog, name: &str| {
        Type::Composite(catalog.relation(&Name::public(name)).unwrap().row_type)
    };
    let (customer, order) = (row(catalog, "customers"), row(catalog, "orders"));
    let make = |name: &str, arguments: Vec<Argument>, ty: Type, set: bool, volatility: Volatility| Function {
        name: Name::public(name),
        arguments,
        returns: Returns { ty: ty.into(), domain: None, set },
        language: "sql".into(),
        body: "select 1".into(),
        volatility,
        strict: false,
        security_definer: false,
        owner: None,
        settings: Vec::new(),
        comment: None,
        definition: String::new(),
    };
    let stable = Volatility::Stable;
    let all = [
        make("shout", vec![argument("", customer.clone())], Type::Text, false, stable),
        make("latest_order", vec![argument("", customer)], order.clone(), false, stable),
        make("add", vec![argument("a", Type::Int4), optional("b", Type::Int4)], Type::Int4, false, stable),
        make("orders_of", vec![argument("customer", Type::Int4)], order, true, stable),
        make("numbers", vec![], Type::Int4, true, stable),
        make("take_stock", vec![], Type::Void, false, Volatility::Volatile),
        make("echo", vec![argument("", Type::Json)], Type::Json, false, stable),
        make("same", vec![argument("a", Type::Int4)], Type::Int4, false, stable),
        make("same", vec![argument("a", Type::Text)], Type::Text, false, stable),
        make("joined", vec![variadic("words", Type::array(Type::Text))], Type::Text, false, stable),
    ];
    for function in all {
        catalog.functions.entry(function.name.clone()).or_default().push(Arc::new(function));
    }
}

fn argument(name: &str, ty: Type) -> Argument {
    Argument { name: name.into(), ty: ty.into(), domain: None, mode: ArgumentMode::In, default: None }
}

fn optional(name: &str, ty: Type) -> Argument {
    Argument { default: Some("1".into()), ..argument(name, ty) }
}

fn variadic(name: &str, ty: Type) -> Argument {
    Argument { mode: ArgumentMode::Variadic, ..argument(name, ty) }
}

struct Table {
    relation: Relation,
}

impl Table {
    fn new(name: &str) -> Table {
        Table {
            relation: Relation {
                id: 0,
                name: Name::public(name),
                kind: RelationKind::Table,
                columns: Vec::new(),
                constraints: Vec::new(),
                indexes: Vec::new(),
                triggers: Vec::new(),
                policies: Vec::new(),
                row_security: false,
                force_row_security: false,
                comment: None,
                owner: None,
                row_type: TypeId(0),
                origins: Vec::new(),
                partitioning: None,
            },
        }
    }

    fn column(mut self, name: &str, ty: Type) -> Table {
        self.relation.columns.push(Column {
            name: name.into(),
            ty: ty.into(),
            domain: None,
            not_null: false,
            default: None,
            generated: None,
            identity: None,
            sequence: None,
            comment: None,
        });
        self
    }

    fn constraint(mut self, name: &str, kind: ConstraintKind) -> Table {
        self.relation.constraints.push(Constraint {
            name: name.into(),
            kind,
            deferrable: false,
            initially_deferred: false,
            comment: None,
        });
        self
    }

    fn key(self, columns: &[&str]) -> Table {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        self.constraint("key", ConstraintKind::PrimaryKey { columns })
    }

    fn refers(self, name: &str, column: &str, target: &str) -> Table {
        self.constraint(
            name,
            ConstraintKind::ForeignKey {
                columns: vec![column.into()],
                target: Name::public(target),
                target_columns: vec!["id".into()],
                on_delete: KeyAction::NoAction,
                on_update: KeyAction::NoAction,
                match_full: false,
                set_columns: Vec::new(),
            },
        )
    }

    fn view(mut self, base: &str, columns: &[&str]) -> Table {
        self.relation.kind = RelationKind::View {
            query: String::new(),
            updatable: Some(Name::public(base)),
            security_invoker: false,
            check_option: false,
            check_local: false,
        };
        self.relation.origins =
            columns.iter().map(|column| Some((Name::public(base), (*column).to_owned()))).collect();
        self
    }

    fn into(mut self, catalog: &mut Catalog) {
        self.relation.id = catalog.take_id();
        self.relation.row_type = TypeId(catalog.take_id());
        let mut types = (*catalog.types).clone();
        types.composites.insert(
            self.relation.row_type,
            CompositeType {
                schema: self.relation.name.schema.clone(),
                name: self.relation.name.name.clone(),
                fields: self.relation.columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect(),
            },
        );
        catalog.types = Arc::new(types);
        catalog.relations.insert(self.relation.name.clone(), Arc::new(self.relation));
    }
}
