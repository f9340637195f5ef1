//! Privileges and row policies, by what each role sees and may do.

mod support;

use mainstay_base::Problem;
use mainstay_engine::{Format, Migration, Read, RecordStore, Step, Write, WriteStep};
use mainstay_sql::Caller;
use mainstay_sqlite::SqliteStore;
use mainstay_types::Session;
use std::sync::Arc;
use std::time::Duration;
use support::{Directory, settings};

const ANN: &str = "00000000-0000-0000-0000-00000000000a";
const BOB: &str = "00000000-0000-0000-0000-00000000000b";

/// A store that answers as roles and users.
struct World {
    store: SqliteStore,
    _directory: Directory,
}

impl World {
    fn new(sql: &str) -> World {
        let directory = Directory::new();
        let store = SqliteStore::open(settings(&directory), support::parts()).expect("the store opens");
        let world = World { store, _directory: directory };
        world.migrate(sql);
        world
    }

    fn migrate(&self, sql: &str) {
        let name = format!("m{}", self.store.catalog().version);
        let migration = Migration { name, text: sql.to_owned(), keep_going: false, record: true };
        if let Err(problem) = support::block_on(self.store.migrate(migration)) {
            panic!("{problem}");
        }
    }

    fn session(role: &str, user: &str) -> Arc<Session> {
        let claims = format!(r#"{{"role":"{role}","sub":"{user}"}}"#);
        let settings = [("request.jwt.claims".to_owned(), claims)].into();
        Arc::new(Session { role: role.to_owned(), settings, ..Session::default() })
    }

    /// Runs a statement of any kind as a role and user.
    fn run(&self, role: &str, user: &str, sql: &str) -> Result<String, Problem> {
        let caller = Caller { role: Some(role), search_path: &[] };
        let plan = self.store.prepare_as(sql, &[], caller)?;
        let session = World::session(role, user);
        let timeout = Duration::from_secs(10);
        let rows = if plan.kind == mainstay_engine::PlanKind::Read {
            let steps = vec![Step { plan, values: Vec::new(), format: Format::JsonArray }];
            support::block_on(self.store.read(Read { steps, session, timeout }))?
        } else {
            let step =
                WriteStep { plan, value_sets: vec![Vec::new()], format: Format::JsonArray, expect: None };
            let write = Write { steps: vec![step], session, timeout, rollback: false };
            support::block_on(self.store.write(write))?.results
        };
        let rows = rows.into_iter().next().unwrap_or_default();
        let body = String::from_utf8_lossy(&rows.body).into_owned();
        Ok(if body == "[]" && rows.count > 0 { format!("{} rows", rows.count) } else { body })
    }

    #[track_caller]
    fn sees(&self, role: &str, user: &str, sql: &str, expected: &str) {
        match self.run(role, user, sql) {
            Ok(body) => assert_eq!(body, expected, "{role}: {sql}"),
            Err(problem) => panic!("{role}: {sql}: {} {problem}", problem.code()),
        }
    }

    #[track_caller]
    fn refuses(&self, role: &str, user: &str, sql: &str, code: &str, message: &str) -> Problem {
        match self.run(role, user, sql) {
            Ok(body) => panic!("{role}: {sql} gave {body}"),
            Err(problem) => {
                assert_eq!((problem.code(), problem.message()), (code, message), "{role}: {sql}");
                problem
            }
        }
    }
}

const NOTES: &str = "
    CREATE TABLE notes (id int PRIMARY KEY, owner uuid NOT NULL DEFAULT auth.uid(), title text UNIQUE, public bool DEFAULT false);
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON notes TO authenticated USING (owner = auth.uid());
    CREATE POLICY shown ON notes FOR SELECT USING (public);
    INSERT INTO notes VALUES (1, '00000000-0000-0000-0000-00000000000a', 'a', false),
        (2, '00000000-0000-0000-0000-00000000000b', 'b', false), (3, '00000000-0000-0000-0000-00000000000b', 'c', true);
";

fn ids(list: &[i32]) -> String {
    let each: Vec<String> = list.iter().map(|id| format!("{{\"id\":{id}}}")).collect();
    format!("[{}]", each.join(","))
}

const LIST: &str = "SELECT id FROM notes ORDER BY id";

#[test]
fn each_role_sees_what_policies_show() {
    let world = World::new(NOTES);
    world.sees("anon", "", LIST, &ids(&[3]));
    world.sees("authenticated", ANN, LIST, &ids(&[1, 3]));
    world.sees("authenticated", BOB, LIST, &ids(&[2, 3]));
    world.sees("service_role", "", LIST, &ids(&[1, 2, 3]));
    world.sees("postgres", "", LIST, &ids(&[1, 2, 3]));
    world.sees("authenticated", ANN, "SELECT count(*) FROM notes", "[{\"count\":2}]");
    world.sees("authenticated", ANN, "SELECT max(id) FROM notes", "[{\"max\":3}]");
    world.sees(
        "anon",
        "",
        "SELECT (SELECT count(*) FROM notes n WHERE n.id = notes.id) AS c FROM notes",
        "[{\"c\":1}]",
    );
    world.migrate("CREATE POLICY few ON notes AS RESTRICTIVE USING (id < 3)");
    world.sees("anon", "", LIST, "[]");
    world.sees("authenticated", BOB, LIST, &ids(&[2]));
    world.migrate("DROP POLICY shown ON notes; DROP POLICY own ON notes");
    world.sees("authenticated", BOB, LIST, "[]");
}

#[test]
fn a_table_without_row_security_is_nobodys_until_it_is_granted() {
    let world = World::new(
        "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 2); CREATE VIEW v AS SELECT a FROM t",
    );
    let problem = world.refuses("anon", "", "SELECT a FROM t", "42501", "permission denied for table t");
    assert!(problem.hint().is_some_and(|hint| hint.contains("GRANT SELECT ON t TO anon")));
    world.refuses(
        "authenticated",
        ANN,
        "INSERT INTO t VALUES (1, 1)",
        "42501",
        "permission denied for table t",
    );
    world.refuses("anon", "", "SELECT a FROM v", "42501", "permission denied for view v");
    world.sees("service_role", "", "SELECT a FROM v", "[{\"a\":1}]");
    world.migrate("GRANT SELECT (a), UPDATE (b) ON t TO anon; GRANT SELECT ON v TO authenticated");
    world.sees("anon", "", "SELECT a FROM t", "[{\"a\":1}]");
    world.sees("anon", "", "SELECT count(*) FROM t", "[{\"count\":1}]");
    for refused in [
        "SELECT b FROM t",
        "SELECT * FROM t",
        "SELECT t FROM t",
        "SELECT a FROM t WHERE b > 0",
        "SELECT a FROM t ORDER BY b",
    ] {
        world.refuses("anon", "", refused, "42501", "permission denied for table t");
    }
    world.sees("anon", "", "UPDATE t SET b = a", "1 rows");
    world.refuses("anon", "", "UPDATE t SET b = b + 1", "42501", "permission denied for table t");
    world.refuses("anon", "", "UPDATE t SET a = 1", "42501", "permission denied for table t");
    world.refuses("anon", "", "DELETE FROM t", "42501", "permission denied for table t");
    // A view runs as its owner.
    world.sees("authenticated", ANN, "SELECT a FROM v", "[{\"a\":1}]");
    world.migrate("REVOKE ALL ON t FROM anon; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true)");
    world.refuses("anon", "", "SELECT a FROM t", "42501", "permission denied for table t");
    world.sees("authenticated", ANN, "SELECT a FROM t", "[{\"a\":1}]");
}

#[test]
fn rows_are_checked_before_they_are_written() {
    let world = World::new(NOTES);
    let violated = "new row violates row-level security policy for table \"notes\"";
    world.sees(
        "authenticated",
        ANN,
        "INSERT INTO notes (id, title) VALUES (4, 'd') RETURNING id",
        &ids(&[4]),
    );
    let theirs = format!("INSERT INTO notes (id, owner, title) VALUES (5, '{BOB}', 'b')");
    // Not the unique title, of which nothing may be known.
    world.refuses("authenticated", ANN, &theirs, "42501", violated);
    world.refuses("anon", "", "INSERT INTO notes (id, owner) VALUES (6, NULL)", "42501", violated);
    world.sees("authenticated", ANN, "UPDATE notes SET title = 'z' WHERE id IN (1, 2, 3)", "1 rows");
    let away = format!("UPDATE notes SET owner = '{BOB}' WHERE id = 1");
    world.refuses("authenticated", ANN, &away, "42501", violated);
    world.sees("authenticated", ANN, "DELETE FROM notes WHERE id IN (2, 4)", "1 rows");
    world.sees("service_role", "", LIST, &ids(&[1, 2, 3]));
    // The row in the way is another's.
    let upsert =
        "INSERT INTO notes (id, title) VALUES (2, 'x') ON CONFLICT (id) DO UPDATE SET title = excluded.title";
    let hidden = "new row violates row-level security policy (USING expression) for table \"notes\"";
    world.refuses("authenticated", ANN, upsert, "42501", hidden);
    world.sees("authenticated", BOB, upsert, "1 rows");
    world.migrate("CREATE POLICY short ON notes AS RESTRICTIVE FOR INSERT WITH CHECK (length(title) < 9)");
    let named = "new row violates row-level security policy \"short\" for table \"notes\"";
    world.refuses(
        "authenticated",
        ANN,
        "INSERT INTO notes (id, title) VALUES (7, 'much too long')",
        "42501",
        named,
    );
}

#[test]
fn errors_do_not_show_what_is_hidden() {
    let world = World::new(NOTES);
    let problem = world.refuses(
        "authenticated",
        ANN,
        "INSERT INTO notes (id, title) VALUES (8, 'b')",
        "23505",
        "duplicate key value violates unique constraint \"notes_title_key\"",
    );
    assert_eq!(problem.details(), None);
}

#[test]
fn owners_and_forced_tables() {
    let world = World::new(NOTES);
    world.migrate("CREATE ROLE keeper; GRANT authenticated TO keeper; ALTER TABLE notes OWNER TO keeper");
    world.sees("keeper", ANN, LIST, &ids(&[1, 2, 3]));
    world.migrate("ALTER TABLE notes FORCE ROW LEVEL SECURITY");
    world.sees("keeper", ANN, LIST, &ids(&[1, 3]));
    world.refuses("nobody", "", LIST, "22023", "role \"nobody\" does not exist");
}

#[test]
fn views_and_functions_run_as_whom_they_say() {
    let world = World::new(NOTES);
    world.migrate(
        "CREATE VIEW all_notes AS SELECT id FROM notes; GRANT SELECT ON all_notes TO anon;
         CREATE VIEW my_notes WITH (security_invoker) AS SELECT id FROM notes;
         CREATE FUNCTION mine() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM notes';
         CREATE FUNCTION total() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT count(*) FROM notes';
         CREATE FUNCTION who() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT current_user::text';
         CREATE FUNCTION hidden() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE EXECUTE ON FUNCTION hidden() FROM public",
    );
    world.sees("anon", "", "SELECT count(*) FROM all_notes", "[{\"count\":3}]");
    world.sees("anon", "", "SELECT id FROM my_notes", &ids(&[3]));
    world.sees(
        "authenticated",
        ANN,
        "SELECT mine(), total(), who()",
        "[{\"mine\":2,\"total\":3,\"who\":\"postgres\"}]",
    );
    world.refuses("anon", "", "SELECT hidden()", "42501", "permission denied for function hidden");
}

#[test]
fn memberships_and_recursion() {
    let world = World::new(
        "CREATE TABLE members (org int, member uuid, PRIMARY KEY (org, member));
         CREATE TABLE docs (id int PRIMARY KEY, org int);
         ALTER TABLE members ENABLE ROW LEVEL SECURITY; ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
         CREATE POLICY me ON members FOR SELECT USING (member = auth.uid());
         CREATE POLICY team ON docs USING (EXISTS (SELECT FROM members m WHERE m.org = docs.org AND m.member = auth.uid()));
         INSERT INTO members VALUES (1, '00000000-0000-0000-0000-00000000000a');
         INSERT INTO docs VALUES (1, 1), (2, 2)",
    );
    world.sees("authenticated", ANN, "SELECT id FROM docs", &ids(&[1]));
    world.sees("authenticated", BOB, "SELECT id FROM docs", "[]");
    world.sees("authenticated", ANN, "INSERT INTO docs VALUES (3, 1)", "1 rows");
    let violated = "new row violates row-level security policy for table \"docs\"";
    world.refuses("authenticated", ANN, "INSERT INTO docs VALUES (4, 2)", "42501", violated);
    world.refuses("authenticated", ANN, "UPDATE docs SET org = 2 WHERE id = 1", "42501", violated);
    world.migrate("CREATE POLICY peers ON members FOR SELECT USING (org IN (SELECT org FROM members))");
    let endless = "infinite recursion detected in policy for relation \"members\"";
    world.refuses("authenticated", ANN, "SELECT org FROM members", "42P17", endless);
}

#[test]
fn a_filter_that_fails_meets_no_hidden_row() {
    let world = World::new(
        "CREATE TABLE t (id int PRIMARY KEY, owner uuid, n int); CREATE INDEX ON t (n, id);
         CREATE TABLE one (id int PRIMARY KEY);
         ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE one ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON t USING (owner = auth.uid()); CREATE POLICY p ON one USING (true);
         CREATE VIEW v WITH (security_invoker) AS SELECT id, n FROM t;
         CREATE FUNCTION f() RETURNS SETOF t LANGUAGE sql STABLE AS 'SELECT * FROM t';
         INSERT INTO one VALUES (1), (2);
         INSERT INTO t VALUES (1, '00000000-0000-0000-0000-00000000000a', 1), (2, '00000000-0000-0000-0000-00000000000b', 0)",
    );
    let reads = [
        "SELECT id FROM t WHERE 1 / n > 0",
        "SELECT id FROM t WHERE 1 / n > 0 ORDER BY n",
        "SELECT id FROM t WHERE n < 5 AND 1 / n > 0",
        "SELECT s.id FROM (SELECT * FROM t) s WHERE 1 / s.n > 0",
        "SELECT id FROM v WHERE 1 / n > 0",
        "SELECT id FROM f() WHERE 1 / n > 0",
        "WITH c AS (SELECT * FROM t) SELECT id FROM c WHERE 1 / n > 0",
        "SELECT b.id FROM t a JOIN t b ON 1 / b.n > 0 AND a.id = b.id",
        "SELECT v.id FROM one JOIN v ON 1 / v.n > 0 AND v.id = one.id",
        "SELECT id FROM one WHERE EXISTS (SELECT 1 FROM t WHERE 1 / n > 0 AND t.id = one.id)",
        "SELECT id FROM one WHERE id IN (SELECT t.id FROM t WHERE 1 / n > 0)",
    ];
    let policies = [
        "owner = auth.uid()",
        "EXISTS (SELECT 1 FROM one WHERE one.id = t.id AND one.id = 1 AND t.owner = auth.uid())",
    ];
    for policy in policies {
        world.migrate(&format!("ALTER POLICY p ON t USING ({policy})"));
        for read in reads {
            world.sees("authenticated", ANN, read, &ids(&[1]));
        }
        let left = "SELECT one.id, t.n FROM one LEFT JOIN t ON t.id = one.id WHERE coalesce(1 / t.n, 0) < 9 ORDER BY one.id";
        world.sees("authenticated", ANN, left, r#"[{"id":1,"n":1},{"id":2,"n":null}]"#);
        world.sees("authenticated", ANN, "UPDATE t SET n = n WHERE 1 / n > 0", "1 rows");
        world.sees("authenticated", ANN, "DELETE FROM t WHERE 1 / n > 5", "[]");
    }
    world.refuses("service_role", "", reads[0], "22012", "division by zero");
}

#[test]
fn names_of_settings_and_arrays_of_hidden_rows_do_not_fail_either() {
    let world = World::new(
        "CREATE TABLE t (id int PRIMARY KEY, team int, setting text, list int[]);
         CREATE TABLE m (team int, least int); CREATE INDEX ON m (team);
         GRANT SELECT ON m TO authenticated; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON t USING (EXISTS (SELECT 1 FROM m WHERE m.team = t.team AND m.least > t.id));
         INSERT INTO m VALUES (1, 5);
         INSERT INTO t VALUES (1, 1, 'request.jwt.claims', '{1}'), (2, 2, 'a secret', '{{1,2}}')",
    );
    for filter in ["current_setting(setting) IS NOT NULL", "cardinality(list || '{5}'::int[]) > 0"] {
        world.sees("authenticated", ANN, &format!("SELECT id FROM t WHERE {filter}"), &ids(&[1]));
    }
}

#[test]
fn a_policy_uses_an_index() {
    let world = World::new(NOTES);
    world.migrate("CREATE INDEX by_owner ON notes (owner); DROP POLICY shown ON notes");
    let caller = Caller { role: Some("authenticated"), search_path: &[] };
    let plan = world.store.prepare_as("SELECT id FROM notes WHERE title <> 'x'", &[], caller).expect("binds");
    let lines = support::block_on(world.store.explain(plan)).expect("explains");
    let text: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    assert!(text.iter().any(|line| line.contains("by_owner") && line.contains("owner=?")), "{text:?}");
}

#[test]
fn a_read_by_key_with_a_policy_is_a_read_at_once() {
    let world = World::new(NOTES);
    let caller = Caller { role: Some("authenticated"), search_path: &[] };
    let plan = world.store.prepare_as("SELECT id FROM notes WHERE id = 1", &[], caller).expect("binds");
    let steps = vec![Step { plan, values: Vec::new(), format: Format::JsonArray }];
    let read =
        Read { steps, session: World::session("authenticated", ANN), timeout: Duration::from_secs(10) };
    match world.store.read_now(read) {
        mainstay_engine::ReadNow::Done(rows) => {
            assert_eq!(rows.map(|rows| rows[0].body.clone()), Ok(ids(&[1]).into_bytes()));
        }
        mainstay_engine::ReadNow::NotNow(_) => panic!("it waits for another thread"),
    }
}

#[test]
fn what_a_table_or_a_view_names_needs_no_privileges_of_its_writer() {
    let world = World::new(
        "create role writer;
         create schema hidden;
         create table hidden.articles (id int generated by default as identity primary key, body text);
         create view articles as select id, body from hidden.articles;
         create table counted (id int generated by default as identity primary key, body text);
         create table numbered (id serial primary key, body text);
         grant select, insert on articles, counted, numbered to writer;",
    );
    for table in ["articles", "counted"] {
        let sql = format!("insert into {table} (body) values ('a') returning id");
        world.sees("writer", ANN, &sql, r#"[{"id":1}]"#);
    }
    // The sequence of a serial column is an object of its own, as in PostgreSQL.
    let refused =
        world.run("writer", ANN, "insert into numbered (body) values ('a')").expect_err("no sequence");
    assert_eq!(refused.message(), "permission denied for sequence numbered_id_seq");
    let hidden = world.run("writer", ANN, "select body from hidden.articles").expect_err("no schema");
    assert_eq!(hidden.message(), "permission denied for schema hidden");
}
