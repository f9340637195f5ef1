//! The embedded engine beside PostgreSQL: the same statements, the same values, types, order, errors and JSON.
//!
//! Cases: `tests/differential/expressions.sql` (one select list a line), `queries.sql` (statements), `scripts.sql`
//! (changes of the schema among statements), and expressions made from a seed. A difference that is meant stands in `tests/differential/differences.txt` with its reason; one
//! that stands there and no longer differs fails too.

use mainstay_engine::{
    Column, Format, Migration, Plan, PlanKind, Read, RecordStore, Rows, Step, Write, WriteStep,
};
use mainstay_sqlite::{SqliteParts, SqliteSettings, SqliteStore};
use mainstay_testkit::generate::Generator;
use mainstay_testkit::postgres::{Cluster, Failure, Outcome, Session};
use mainstay_testkit::world::machine;
use mainstay_types::{Context, Value, value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn file(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/differential");
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The embedded side.
struct Embedded {
    store: SqliteStore,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Embedded {
    fn open() -> Embedded {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = SqliteSettings::new(folder.path());
        let store = SqliteStore::open(settings, SqliteParts { env: machine() }).expect("opens");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Embedded { store, runtime, _folder: folder }
    }

    fn migrate(&self, text: &str) {
        self.apply(text).unwrap_or_else(|problem| {
            panic!("schema.sql: {problem} {:?} {:?}", problem.details(), problem.place());
        });
    }

    fn apply(&self, text: &str) -> mainstay_base::Result<()> {
        let migration =
            Migration { name: "schema".into(), text: text.into(), keep_going: false, record: false };
        self.runtime.block_on(self.store.migrate(migration)).map(|_| ())
    }

    fn run(&self, plan: &Arc<Plan>, format: Format) -> mainstay_base::Result<Rows> {
        let timeout = Duration::from_secs(10);
        match plan.kind {
            PlanKind::Read => {
                let steps = vec![Step { plan: plan.clone(), values: Vec::new(), format }];
                let read = Read { steps, session: Arc::default(), timeout };
                self.runtime.block_on(self.store.read(read)).map(|mut rows| rows.remove(0))
            }
            PlanKind::Write => {
                let step =
                    WriteStep { plan: plan.clone(), value_sets: vec![Vec::new()], format, expect: None };
                let write = Write { steps: vec![step], session: Arc::default(), timeout, rollback: false };
                self.runtime.block_on(self.store.write(write)).map(|mut written| written.results.remove(0))
            }
        }
    }

    fn query(&self, query: &str) -> (Outcome, Vec<String>) {
        let attempt = || {
            let plan = self.store.prepare(query, &[])?;
            let rows = self.run(&plan, Format::Values)?;
            Ok::<_, mainstay_base::Problem>((plan, rows))
        };
        let (plan, rows) = match attempt() {
            Ok(both) => both,
            Err(problem) => return (Outcome::Failed(failure(&problem)), Vec::new()),
        };
        let context = self.context();
        let types = plan.columns.iter().map(|column| context.registry.type_name(&column.ty)).collect();
        let text = |(value, column): (&Value, &Column)| {
            (!value.is_null()).then(|| {
                let mut out = String::new();
                value::output(&column.ty, value.as_ref(), &context, &mut out);
                out
            })
        };
        let values =
            rows.values.iter().map(|row| row.iter().zip(&plan.columns).map(text).collect()).collect();
        let json = match plan.kind {
            PlanKind::Read => self
                .run(&plan, Format::JsonLines)
                .map(|rows| String::from_utf8_lossy(&rows.body).lines().map(str::to_owned).collect())
                .unwrap_or_default(),
            PlanKind::Write => Vec::new(),
        };
        (Outcome::Rows { types, rows: values }, json)
    }

    fn context(&self) -> Context {
        Context {
            env: machine(),
            registry: self.store.catalog().types.clone(),
            session: Arc::default(),
            overrides: Arc::default(),
            transaction_time: 0,
            statement_time: 0,
        }
    }
}

fn failure(problem: &mainstay_base::Problem) -> Failure {
    Failure {
        code: problem.code().to_owned(),
        message: problem.message().to_owned(),
        details: problem.details().map(str::to_owned),
    }
}

/// The same type, modifiers aside.
fn same_type(theirs: &str, ours: &str) -> bool {
    // `interval day` has a modifier in words.
    if theirs.starts_with("interval") && ours == "interval" {
        return true;
    }
    // Without a length `format_type` quotes it, since `bit` alone means `bit(1)`; messages do not.
    let theirs = &theirs.replace("\"bit\"", "bit");
    let plain = |name: &str| match (name.find('('), name.find(')')) {
        (Some(open), Some(close)) if open < close => format!("{}{}", &name[..open], &name[close + 1..]),
        _ => name.to_owned(),
    };
    plain(theirs) == plain(ours)
}

/// What differs, in words; `None` where nothing does.
fn difference(theirs: &Outcome, ours: &Outcome) -> Option<String> {
    match (theirs, ours) {
        (Outcome::Failed(their), Outcome::Failed(our)) => (their.code != our.code
            || their.message != our.message)
            .then(|| format!("error {} {} / {} {}", their.code, their.message, our.code, our.message)),
        (Outcome::Failed(failed), Outcome::Rows { rows, .. }) => {
            Some(format!("error {} {} / {rows:?}", failed.code, failed.message))
        }
        (Outcome::Rows { rows, .. }, Outcome::Failed(failed)) => {
            Some(format!("{rows:?} / error {} {}", failed.code, failed.message))
        }
        (Outcome::Rows { types, rows }, Outcome::Rows { types: our_types, rows: our_rows }) => {
            if rows != our_rows {
                return Some(format!("{} / {}", show(rows, our_rows), show(our_rows, rows)));
            }
            let same = types.len() == our_types.len()
                && types.iter().zip(our_types).all(|(left, right)| same_type(left, right));
            (!same).then(|| format!("types {types:?} / {our_types:?}"))
        }
    }
}

/// The fields of the first row that differs.
fn show(rows: &[Vec<Option<String>>], other: &[Vec<Option<String>>]) -> String {
    if rows.len() != other.len() {
        return format!("{} rows {:?}", rows.len(), rows.iter().take(4).collect::<Vec<_>>());
    }
    let Some((row, against)) = rows.iter().zip(other).find(|(left, right)| left != right) else {
        return "equal".into();
    };
    let differing = row.iter().zip(against).enumerate().filter(|(_, (left, right))| left != right);
    let fields: Vec<String> = differing
        .map(|(index, (left, _))| format!("{}: {}", index + 1, left.as_deref().unwrap_or("NULL")))
        .collect();
    fields.join("; ")
}

struct Comparison {
    embedded: Embedded,
    session: Session,
    /// What is meant to differ: the case, and why.
    meant: BTreeMap<String, String>,
    differences: Vec<String>,
    compared: usize,
}

impl Comparison {
    fn start(cluster: &Cluster, database: &str) -> Comparison {
        Comparison::over(cluster, database, "schema.sql")
    }

    fn over(cluster: &Cluster, database: &str, schema: &str) -> Comparison {
        let mut session = cluster.database(database);
        let extensions = "create extension pgcrypto; create extension citext; create extension pg_trgm; create extension unaccent;";
        session.execute(extensions).expect("extensions of the Debian package postgresql-15");
        session.execute(&file(schema)).expect("schema.sql on PostgreSQL");
        let embedded = Embedded::open();
        embedded.migrate(&format!("{extensions}\n{}", file(schema)));
        let meant = file("differences.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(" -- "))
            .map(|(case, reason)| (case.trim().to_owned(), reason.to_owned()))
            .collect();
        Comparison { embedded, session, meant, differences: Vec::new(), compared: 0 }
    }

    fn compare(&mut self, case: &str, statement: &str) {
        let theirs = self.session.query(statement);
        let (ours, json) = self.embedded.query(statement);
        let found = difference(&theirs, &ours).or_else(|| self.json_difference(statement, &json));
        self.note(case, found);
    }

    /// A line of a script: statements that change the schema, else one statement as any other. Details count too.
    fn follow(&mut self, line: &str) {
        let word = line.split_whitespace().next().unwrap_or_default();
        if !matches!(word, "create" | "alter" | "drop" | "set" | "truncate") {
            let (theirs, ours) = (self.session.query(line), self.embedded.query(line).0);
            let details = match (&theirs, &ours) {
                (Outcome::Failed(their), Outcome::Failed(our)) if their.details != our.details => {
                    Some(format!("details {:?} / {:?}", their.details, our.details))
                }
                _ => None,
            };
            return self.note(line, difference(&theirs, &ours).or(details));
        }
        let theirs = self.session.execute(line);
        self.session.execute("reset all; set client_min_messages = error").expect("settings are as before");
        let ours = self.embedded.apply(line).map_err(|problem| failure(&problem));
        let words = |outcome: &Result<(), Failure>| match outcome {
            Ok(()) => "done".to_owned(),
            Err(failed) => format!("error {} {} {:?}", failed.code, failed.message, failed.details),
        };
        let differ = (theirs != ours).then(|| format!("{} / {}", words(&theirs), words(&ours)));
        self.note(line, differ);
    }

    fn note(&mut self, case: &str, found: Option<String>) {
        self.compared += 1;
        let case = case.trim_end_matches(';');
        match (found, self.meant.get(case)) {
            (Some(_), Some(_)) | (None, None) => {}
            (Some(what), None) => self.differences.push(format!("{case}\n    {what}")),
            (None, Some(_)) => {
                self.differences.push(format!("{case}\n    stands in differences.txt and does not differ"));
            }
        }
    }

    fn json_difference(&mut self, statement: &str, ours: &[String]) -> Option<String> {
        if ours.is_empty() {
            return None;
        }
        let wrapped =
            format!("select row_to_json(json_of) from ({}) json_of", statement.trim_end_matches(';'));
        // A statement that cannot stand in FROM was compared by its values alone.
        let Outcome::Rows { rows, .. } = self.session.query(&wrapped) else { return None };
        let theirs: Vec<&str> = rows.iter().filter_map(|row| row.first()?.as_deref()).collect();
        let differing = theirs.iter().zip(ours).find(|(left, right)| *left != *right);
        differing.map(|(left, right)| format!("JSON {left} / {right}"))
    }

    #[track_caller]
    fn finish(self) {
        let shown = self.differences.join("\n");
        assert!(
            self.differences.is_empty(),
            "{} of {} cases differ (PostgreSQL / embedded):\n{shown}",
            self.differences.len(),
            self.compared
        );
    }
}

#[test]
fn expressions_agree() {
    let cluster = Cluster::start();
    let mut comparison = Comparison::start(&cluster, "expressions");
    for line in file("expressions.sql").lines().filter(|line| !line.starts_with("--") && !line.is_empty()) {
        for part in split_top_level(line) {
            comparison.compare(part.trim(), &format!("select {}", part.trim()));
        }
    }
    comparison.finish();
}

#[test]
fn statements_agree() {
    let cluster = Cluster::start();
    let mut comparison = Comparison::start(&cluster, "statements");
    for line in file("queries.sql").lines().filter(|line| !line.starts_with("--") && !line.is_empty()) {
        comparison.compare(line.trim_end_matches(';'), line);
    }
    comparison.finish();
}

/// Views, functions and statements that write, over a schema of their own.
#[test]
fn shop_statements_agree() {
    let cluster = Cluster::start();
    let mut comparison = Comparison::over(&cluster, "shop", "shop_schema.sql");
    for line in file("shop.sql").lines().filter(|line| !line.starts_with("--") && !line.is_empty()) {
        comparison.compare(line.trim_end_matches(';'), line);
    }
    comparison.finish();
}

/// Schemas that change between statements, line by line, with the details of errors.
#[test]
fn scripts_agree() {
    let cluster = Cluster::start();
    let mut comparison = Comparison::over(&cluster, "scripts", "shop_schema.sql");
    for line in file("scripts.sql").lines().filter(|line| !line.starts_with("--") && !line.is_empty()) {
        comparison.follow(line);
    }
    comparison.finish();
}

/// What may stand in an index depends on this.
#[test]
fn volatilities_agree() {
    use mainstay_types::registry::{Kind, natives};
    let cluster = Cluster::start();
    let mut session = cluster.database("volatilities");
    let types = "array_to_string(array(select format_type(t, null) from unnest(p.proargtypes) with ordinality u(t, n) order by n), ',')";
    let operands = "concat_ws(',', format_type(nullif(o.oprleft, 0), null), format_type(o.oprright, null))";
    let query = format!(
        "select 'function ' || p.proname || '(' || {types} || ')', p.provolatile from pg_proc p union all \
         select 'operator ' || o.oprname || '(' || {operands} || ')', p.provolatile from pg_operator o join pg_proc p on p.oid = o.oprcode"
    );
    let Outcome::Rows { rows, .. } = session.query(&query) else { panic!("pg_proc cannot be read") };
    let theirs: BTreeMap<String, String> =
        rows.into_iter().filter_map(|row| Some((row.first()?.clone()?, row.get(1)?.clone()?))).collect();
    let registry = mainstay_types::Registry::default();
    let mut compared = 0;
    let mut differences = Vec::new();
    for native in natives() {
        let word = if native.kind == Kind::Operator { "operator" } else { "function" };
        let args: Vec<String> = native.args.iter().map(|ty| registry.type_name(&ty.to_type())).collect();
        let call = format!("{word} {}({})", native.name, args.join(","));
        let Some(known) = theirs.get(&call) else { continue };
        compared += 1;
        let ours = format!("{:?}", native.volatility).to_lowercase();
        if !ours.starts_with(known) {
            differences.push(format!("{call}: {known} / {ours}"));
        }
    }
    assert!(compared > 400, "{compared} functions and operators were found in PostgreSQL");
    assert!(differences.is_empty(), "{compared} compared, these differ:\n{}", differences.join("\n"));
}

#[test]
fn generated_queries_agree() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let cluster = Cluster::start();
    let mut comparison = Comparison::start(&cluster, "generated");
    let mut generator = Generator::new(number("MAINSTAY_DIFFERENTIAL_SEED", 1));
    for _ in 0..number("MAINSTAY_DIFFERENTIAL_CASES", 600) {
        let query = generator.query();
        comparison.compare(&query, &query);
    }
    comparison.finish();
}

/// The comma-separated parts of a select list, so that each is a case of its own.
fn split_top_level(line: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start, mut quote) = (Vec::new(), 0_i32, 0, None::<u8>);
    let bytes = line.as_bytes();
    for (index, &byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(' | b'[') => depth += 1,
            (None, b')' | b']') => depth -= 1,
            (None, b',') if depth == 0 => {
                parts.push(&line[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&line[start..]);
    parts
}
