//! However much a list embeds, the store is asked one statement, and the embedded engine runs one of SQLite's for it.

mod support;

use mainstay_base::{Env, Result};
use mainstay_engine::{
    Applied, BoxFuture, Change, ChangeSink, ListenerId, Migrated, Migration, Plan, Position, Read, ReadNow,
    RecordStore, RowStream, Rows, StoreStatus, Transact, Transacted, Write, Written,
};
use mainstay_records::Records;
use mainstay_records::query::{Count, Request, Response};
use mainstay_sql::{Caller, Catalog, Name};
use mainstay_sqlite::{SqliteParts, SqliteSettings, SqliteStore};
use mainstay_types::ColumnType;
use std::sync::{Arc, Mutex};
use support::{StillWorld, records, request, run, settings};

/// Three customers with orders, of which each has lines, tags and a sheet of its own.
const SCHEMA: &str = r#"
create table customers (id int primary key, name text not null);
create table profiles (customer_id int primary key references customers (id), bio text);
create table orders (id int primary key, customer_id int references customers (id), total int not null);
create table lines (id int primary key, order_id int references orders (id), product text not null);
create table tags (id int primary key, label text not null);
create table order_tags (
  order_id int references orders (id), tag_id int references tags (id), primary key (order_id, tag_id));
create table employees (id int primary key, name text, manager_id int references employees (id));
create view large_orders as select id, customer_id, total from orders where total >= 20;
create function big_orders(customers) returns setof orders language sql stable
  as 'select * from orders where customer_id = $1.id and total >= 20';
create function buyer(orders) returns setof customers rows 1 language sql stable
  as 'select * from customers where id = $1.customer_id';
create function orders_from(floor int) returns setof orders language sql stable
  as 'select * from orders where total >= floor';
insert into customers values (1, 'ann'), (2, 'bob'), (3, 'cyd');
insert into profiles values (1, 'reads'), (2, 'swims');
insert into orders values (1, 1, 10), (2, 1, 20), (3, 2, 30);
insert into lines values (1, 1, 'pen'), (2, 1, 'ink'), (3, 2, 'cup'), (4, 3, 'hat');
insert into tags values (1, 'red'), (2, 'blue');
insert into order_tags values (1, 1), (1, 2), (3, 1);
insert into employees values (1, 'ceo', null), (2, 'cto', 1), (3, 'dev', 2);
"#;

/// The embedded store, with what it was asked to prepare and how many steps it was asked to run.
struct Counted {
    store: SqliteStore,
    prepared: Mutex<Vec<(String, Vec<ColumnType>)>>,
    steps: Mutex<usize>,
}

impl Counted {
    fn count(&self, steps: usize) {
        *self.steps.lock().unwrap() += steps;
    }
}

impl RecordStore for Counted {
    fn catalog(&self) -> Arc<Catalog> {
        self.store.catalog()
    }
    fn prepare_as(&self, sql: &str, parameters: &[ColumnType], caller: Caller<'_>) -> Result<Arc<Plan>> {
        self.prepared.lock().unwrap().push((sql.to_owned(), parameters.to_vec()));
        self.store.prepare_as(sql, parameters, caller)
    }
    fn read(&self, read: Read) -> BoxFuture<'_, Result<Vec<Rows>>> {
        self.count(read.steps.len());
        self.store.read(read)
    }
    fn read_now(&self, read: Read) -> ReadNow {
        ReadNow::NotNow(read)
    }
    fn stream(&self, read: Read) -> BoxFuture<'_, Result<Box<dyn RowStream>>> {
        self.count(read.steps.len());
        self.store.stream(read)
    }
    fn write(&self, write: Write) -> BoxFuture<'_, Result<Written>> {
        self.count(write.steps.len());
        self.store.write(write)
    }
    fn transact(&self, transact: Transact) -> BoxFuture<'_, Result<Transacted>> {
        self.store.transact(transact)
    }
    fn migrate(&self, migration: Migration) -> BoxFuture<'_, Result<Migrated>> {
        self.store.migrate(migration)
    }
    fn applied(&self) -> BoxFuture<'_, Result<Vec<Applied>>> {
        self.store.applied()
    }
    fn listen(&self, table: Option<Name>, sink: Arc<dyn ChangeSink>) -> Result<ListenerId> {
        self.store.listen(table, sink)
    }
    fn unlisten(&self, listener: ListenerId) {
        self.store.unlisten(listener);
    }
    fn changes_after(&self, after: Position, limit: u32) -> BoxFuture<'_, Result<Vec<Change>>> {
        self.store.changes_after(after, limit)
    }
    fn status(&self) -> StoreStatus {
        self.store.status()
    }
    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.store.close()
    }
}

struct Shop {
    records: Records,
    store: Arc<Counted>,
    runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(self.store.close());
    }
}

impl Shop {
    fn open() -> Shop {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let parts = SqliteParts { env: Env::new(StillWorld) };
        let store = SqliteStore::open(SqliteSettings::new(directory.path()), parts).unwrap();
        let store = Arc::new(Counted { store, prepared: Mutex::default(), steps: Mutex::default() });
        let migration = Migration { name: "1".into(), text: SCHEMA.into(), keep_going: false, record: true };
        runtime.block_on(store.migrate(migration)).unwrap();
        let records = records(store.clone(), settings());
        Shop { records, store, runtime, _directory: directory }
    }

    /// What a request answers, and how many statements SQLite ran for it.
    #[track_caller]
    fn ask(&self, request: Request) -> (Response, usize) {
        self.store.prepared.lock().unwrap().clear();
        *self.store.steps.lock().unwrap() = 0;
        let response = run(&self.records, request).unwrap();
        let prepared = self.store.prepared.lock().unwrap();
        let asked = *self.store.steps.lock().unwrap();
        assert_eq!(asked, prepared.len(), "each statement is planned once and run once");
        let catalog = self.store.catalog();
        let compiled = |(sql, types): &(String, Vec<ColumnType>)| {
            mainstay_sql::compile(&catalog, sql, types, &[]).unwrap().steps.len()
        };
        (response, prepared.iter().map(compiled).sum())
    }

    #[track_caller]
    fn asks(&self, statements: usize, request: Request, expected: &str) {
        let (response, counted) = self.ask(request);
        assert_eq!(String::from_utf8_lossy(&response.body), expected);
        assert_eq!(counted, statements, "{expected}");
    }

    #[track_caller]
    fn gets_in_one(&self, url: &str, expected: &str) {
        self.asks(1, request("GET", url, ""), expected);
    }
}

#[test]
fn embeds_of_every_cardinality() {
    let shop = Shop::open();
    shop.gets_in_one(
        "orders?select=id,customers(name)&order=id",
        r#"[{"id":1,"customers":{"name":"ann"}},{"id":2,"customers":{"name":"ann"}},{"id":3,"customers":{"name":"bob"}}]"#,
    );
    shop.gets_in_one(
        "customers?select=name,orders(id)&order=id&orders.order=id.desc",
        r#"[{"name":"ann","orders":[{"id":2},{"id":1}]},{"name":"bob","orders":[{"id":3}]},{"name":"cyd","orders":[]}]"#,
    );
    shop.gets_in_one(
        "customers?select=id,profiles(bio)&order=id",
        r#"[{"id":1,"profiles":{"bio":"reads"}},{"id":2,"profiles":{"bio":"swims"}},{"id":3,"profiles":null}]"#,
    );
    shop.gets_in_one(
        "profiles?select=bio,customers(name)&order=customer_id",
        r#"[{"bio":"reads","customers":{"name":"ann"}},{"bio":"swims","customers":{"name":"bob"}}]"#,
    );
    shop.gets_in_one(
        "orders?select=id,tags(label)&order=id&tags.order=id",
        r#"[{"id":1,"tags":[{"label":"red"},{"label":"blue"}]},{"id":2,"tags":[]},{"id":3,"tags":[{"label":"red"}]}]"#,
    );
}

#[test]
fn computed_relationships_self_references_and_views() {
    let shop = Shop::open();
    shop.gets_in_one(
        "customers?select=id,big_orders(id,total)&order=id&limit=2",
        r#"[{"id":1,"big_orders":[{"id":2,"total":20}]},{"id":2,"big_orders":[{"id":3,"total":30}]}]"#,
    );
    shop.gets_in_one(
        "orders?select=id,buyer(name)&id=gt.1&order=id",
        r#"[{"id":2,"buyer":{"name":"ann"}},{"id":3,"buyer":{"name":"bob"}}]"#,
    );
    shop.gets_in_one(
        "employees?select=name,boss:manager_id(name),team:employees(name)&order=id",
        r#"[{"name":"ceo","boss":null,"team":[{"name":"cto"}]},{"name":"cto","boss":{"name":"ceo"},"team":[{"name":"dev"}]},{"name":"dev","boss":{"name":"cto"},"team":[]}]"#,
    );
    shop.gets_in_one(
        "large_orders?select=id,customers(name),lines(product)&order=id",
        r#"[{"id":2,"customers":{"name":"ann"},"lines":[{"product":"cup"}]},{"id":3,"customers":{"name":"bob"},"lines":[{"product":"hat"}]}]"#,
    );
    shop.gets_in_one(
        "customers?select=id,large_orders(id)&order=id&limit=1",
        r#"[{"id":1,"large_orders":[{"id":2}]}]"#,
    );
}

#[test]
fn spreads_nesting_and_embeds_that_filter() {
    let shop = Shop::open();
    shop.gets_in_one(
        "orders?select=id,...customers(buyer:name)&order=id&limit=2",
        r#"[{"id":1,"buyer":"ann"},{"id":2,"buyer":"ann"}]"#,
    );
    shop.gets_in_one(
        "customers?select=id,...orders(totals:total)&order=id&orders.order=id",
        r#"[{"id":1,"totals":[10, 20]},{"id":2,"totals":[30]},{"id":3,"totals":[]}]"#,
    );
    shop.gets_in_one(
        "customers?select=name,orders(id,lines(product,orders(total,tags(label))))&id=eq.2",
        r#"[{"name":"bob","orders":[{"id":3,"lines":[{"product":"hat","orders":{"total":30,"tags":[{"label":"red"}]}}]}]}]"#,
    );
    shop.gets_in_one(
        "customers?select=name,orders!inner(id,lines!inner(product))&orders.lines.product=eq.cup&orders.total=gt.10",
        r#"[{"name":"ann","orders":[{"id":2,"lines":[{"product":"cup"}]}]}]"#,
    );
    shop.gets_in_one("customers?select=name,orders!inner()&orders.total=gt.20", r#"[{"name":"bob"}]"#);
    shop.gets_in_one("customers?select=name,orders()&orders=is.null", r#"[{"name":"cyd"}]"#);
    shop.gets_in_one(
        "orders?select=id,customers()&order=customers(name).desc,id&limit=2",
        r#"[{"id":3},{"id":1}]"#,
    );
    shop.gets_in_one(
        "customers?select=name,orders(total.sum())&order=id&limit=1",
        r#"[{"name":"ann","orders":[{"sum":30}]}]"#,
    );
    shop.gets_in_one(
        "rpc/orders_from?floor=30&select=id,customers(name),lines(product)",
        r#"[{"id":3,"customers":{"name":"bob"},"lines":[{"product":"hat"}]}]"#,
    );
}

/// The count is a statement of its own, in the same snapshot, and only where a limit can hide rows.
#[test]
fn a_count_is_the_second_statement() {
    let shop = Shop::open();
    let counted = |url: &str| {
        let mut request = request("GET", url, "");
        request.shape.count = Some(Count::Exact);
        request
    };
    let page = counted("customers?select=name,orders(id)&order=id&limit=1");
    let (response, statements) = shop.ask(page);
    assert_eq!((response.rows, response.total, statements), (1, Some(3), 2));
    let all = counted("customers?select=name,orders!inner(id)&orders.total=gt.10");
    let (response, statements) = shop.ask(all);
    assert_eq!((response.rows, response.total, statements), (2, Some(2), 1));
}
