use super::*;
use crate::catalog::{ConstraintKind, RelationKind};

mod partitions;

/// Plans a script on a fresh catalog; every statement must be accepted.
#[track_caller]
fn plan(text: &str) -> PlannedMigration {
    let planned = plan_migration(&Catalog::fresh(), text).unwrap();
    if let Some(problem) = planned.first_problem() {
        panic!("{problem} ({:?}) in {text}", problem.details());
    }
    planned
}

/// The problem of the last statement; those before it must be accepted.
#[track_caller]
fn refused(text: &str) -> Problem {
    let planned = plan_migration(&Catalog::fresh(), text).unwrap();
    let (last, before) = planned.statements.split_last().unwrap();
    for statement in before {
        assert!(statement.outcome.is_ok(), "{:?}", statement.outcome);
    }
    last.outcome.clone().unwrap_err()
}

#[track_caller]
fn refuses(text: &str, code: &str, message: &str) {
    let problem = refused(text);
    assert_eq!((problem.code(), problem.message()), (code, message), "{text}");
    assert!(problem.place().is_some(), "no place: {text}");
}

/// The SQLite statements of the last statement.
fn last_sql(planned: &PlannedMigration) -> Vec<String> {
    let actions = planned.statements.last().unwrap().outcome.as_ref().unwrap();
    let mut all = Vec::new();
    for action in actions {
        match action {
            Action::Execute(sql) => all.push(sql.clone()),
            Action::Rebuild { statements, .. } => all.extend(statements.iter().cloned()),
            _ => {}
        }
    }
    all
}

fn relation(planned: &PlannedMigration, name: &str) -> Arc<Relation> {
    planned.catalog.relations.get(&Name::public(name)).unwrap().clone()
}

fn constraint_names(planned: &PlannedMigration, table: &str) -> Vec<String> {
    let mut names: Vec<String> =
        relation(planned, table).constraints.iter().map(|constraint| constraint.name.clone()).collect();
    names.sort();
    names
}

fn view_text(planned: &PlannedMigration, name: &str) -> String {
    texts::view_query(&relation(planned, name)).unwrap().to_owned()
}

const SHOP: &str = "
    create table customers (id bigint generated always as identity primary key, email text not null unique);
    create table orders (id serial primary key, customer_id bigint not null references customers on delete cascade,
        total numeric(10,2) check (total >= 0), note text);
    create view big as select id, total from orders where total > 100;";

/// Names as the server gave them for the same statements.
#[test]
fn names_are_postgresqls() {
    let planned = plan(
        "create table a (id bigserial primary key, b_c int check (b_c > 0), b_c2 int unique);
         create table a_b (c int check (c > 0), id smallserial, primary key (id, c));
         create table t2k (p int, q int, primary key (p, q));
         create table t1 (x int references a, y int references a(b_c2), z int, unique (x, y), unique (z),
            check (x > y), check (x > 0 and y > 0), check (z > 0), check (1 = 1), check (z > 1),
            foreign key (x, y) references t2k (p, q));
         create index on t1 (z); create index on t1 (z); create index on t1 (lower(z::text), (x + y));
         create index on t1 (x) include (y);
         create table a_very_long_table_name_that_goes_on_and_on_for_ever_more
            (a_very_long_column_name_that_goes_on_and_on_for_ever int unique);",
    );
    assert_eq!(constraint_names(&planned, "a"), ["a_b_c2_key", "a_b_c_check", "a_pkey"]);
    assert_eq!(constraint_names(&planned, "a_b"), ["a_b_c_check1", "a_b_pkey"]);
    assert_eq!(
        constraint_names(&planned, "t1"),
        [
            "t1_check",
            "t1_check1",
            "t1_check2",
            "t1_x_fkey",
            "t1_x_y_fkey",
            "t1_x_y_key",
            "t1_y_fkey",
            "t1_z_check",
            "t1_z_check1",
            "t1_z_key",
        ]
    );
    let indexes: Vec<String> =
        relation(&planned, "t1").indexes.iter().map(|index| index.name.clone()).collect();
    assert_eq!(indexes[2..], ["t1_z_idx", "t1_z_idx1", "t1_lower_expr_idx", "t1_x_y_idx"]);
    assert_eq!(
        constraint_names(&planned, "a_very_long_table_name_that_goes_on_and_on_for_ever_more"),
        ["a_very_long_table_name_that_g_a_very_long_column_name_that__key"]
    );
    assert!(planned.catalog.sequences.contains_key(&Name::public("a_id_seq")));
}

#[test]
fn a_table_lies_in_sqlite_with_its_constraints_named() {
    let planned = plan(SHOP);
    let orders = planned.statements[1].outcome.as_ref().unwrap();
    let sql: Vec<&String> = orders
        .iter()
        .filter_map(|action| match action {
            Action::Execute(sql) => Some(sql),
            _ => None,
        })
        .collect();
    assert_eq!(sql.len(), 1);
    for part in [
        "\"id\" INTEGER,",
        "\"customer_id\" INTEGER NOT NULL",
        "\"total\" TEXT COLLATE \"pg_numeric\"",
        "CONSTRAINT \"orders_total_check\" CHECK (",
        "CONSTRAINT \"orders_pkey\" PRIMARY KEY (\"id\")",
        "CONSTRAINT \"orders_customer_id_fkey\" FOREIGN KEY (\"customer_id\") REFERENCES \"customers\" (\"id\") ON DELETE CASCADE",
        ") STRICT",
    ] {
        assert!(sql[0].contains(part), "{part} is not in {}", sql[0]);
    }
    assert!(matches!(orders[0], Action::CreateSequence(_)));
    let id = relation(&planned, "orders").columns[0].clone();
    assert_eq!(id.default.as_deref(), Some("nextval('orders_id_seq')"));
}

#[test]
fn columns_are_added_in_place_where_sqlite_can() {
    let planned = plan(&format!("{SHOP} alter table orders add column flag text default 'x';"));
    let sql = last_sql(&planned);
    assert_eq!(sql[0], "ALTER TABLE \"orders\" ADD COLUMN \"flag\" TEXT");
    assert!(sql[1].starts_with("UPDATE \"orders\" SET \"flag\" = "));
    assert!(!planned.needs_foreign_keys_off());
    let planned = plan(&format!("{SHOP} alter table orders add column flag boolean not null default false;"));
    assert!(planned.needs_foreign_keys_off());
    let sql = last_sql(&planned);
    assert!(
        sql.iter()
            .any(|sql| sql.starts_with("INSERT INTO \"_mainstay_new_orders\"") && sql.contains(", 0 FROM"))
    );
    let planned = plan(&format!("{SHOP} alter table orders drop column note;"));
    assert_eq!(last_sql(&planned), ["ALTER TABLE \"orders\" DROP COLUMN \"note\""]);
}

#[test]
fn unique_constraints_and_indexes_come_and_go_without_a_rebuild() {
    let planned = plan(&format!("{SHOP} alter table orders add constraint one_note unique (note);"));
    assert!(!planned.needs_foreign_keys_off());
    assert_eq!(last_sql(&planned), ["CREATE UNIQUE INDEX \"one_note\" ON \"orders\" (\"note\")"]);
    let planned = plan(&format!(
        "{SHOP} alter table orders add unique (note); alter table orders drop constraint orders_note_key;"
    ));
    assert_eq!(last_sql(&planned), ["DROP INDEX \"orders_note_key\""]);
}

#[test]
fn existing_rows_are_asked_before_a_constraint_holds() {
    let planned = plan(&format!("{SHOP} alter table orders add constraint low check (total < 10);"));
    let actions = planned.statements.last().unwrap().outcome.as_ref().unwrap();
    let asked = actions.iter().any(|action| {
        matches!(action, Action::Verify { problem, .. } if problem.code() == "23514"
            && problem.message() == "check constraint \"low\" of relation \"orders\" is violated by some row")
    });
    assert!(asked);
}

#[test]
fn renames_reach_every_text() {
    let planned = plan(&format!(
        "{SHOP}
         alter table orders enable row level security;
         create policy p on orders using (orders.total > 5);
         alter table orders rename column total to amount;
         alter table orders rename to purchases;"
    ));
    assert_eq!(
        view_text(&planned, "big"),
        "SELECT id, amount AS total FROM purchases orders WHERE amount > 100"
    );
    let purchases = relation(&planned, "purchases");
    assert_eq!(purchases.policies[0].using.as_deref(), Some("purchases.amount > 5"));
    let check = purchases.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::Check { expression } => Some(expression.clone()),
        _ => None,
    });
    assert_eq!(check.as_deref(), Some("amount >= 0"));
    let big = relation(&planned, "big");
    assert_eq!(big.origins[1], Some((Name::public("purchases"), "amount".to_owned())));
    assert_eq!(big.columns[1].name, "total");
}

#[test]
fn a_view_writes_its_stars_out_and_knows_its_origins() {
    let planned = plan(&format!(
        "{SHOP} create view all_orders as select o.*, c.email from orders o join customers c on c.id = o.customer_id;
         create view mine as select * from customers;
         alter table customers add column late text;"
    ));
    assert_eq!(
        view_text(&planned, "all_orders"),
        "SELECT o.id, o.customer_id, o.total, o.note, c.email FROM orders o JOIN customers c ON c.id = o.customer_id"
    );
    let view = relation(&planned, "all_orders");
    assert_eq!(view.origins[4], Some((Name::public("customers"), "email".to_owned())));
    assert!(matches!(&view.kind, RelationKind::View { updatable: None, .. }));
    let mine = relation(&planned, "mine");
    assert_eq!(mine.columns.len(), 2);
    assert!(
        matches!(&mine.kind, RelationKind::View { updatable: Some(base), .. } if base.name == "customers")
    );
}

#[test]
fn what_others_depend_on_is_not_dropped() {
    let problem = refused(&format!("{SHOP} drop table orders;"));
    assert_eq!(problem.code(), "2BP01");
    assert_eq!(problem.message(), "cannot drop table orders because other objects depend on it");
    assert_eq!(problem.details(), Some("view big depends on table orders"));
    assert_eq!(problem.hint(), Some("Use DROP ... CASCADE to drop the dependent objects too."));
    let problem = refused(&format!("{SHOP} drop table customers;"));
    assert_eq!(
        problem.details(),
        Some("constraint orders_customer_id_fkey on table orders depends on table customers")
    );
    let planned = plan(&format!("{SHOP} drop table customers, orders cascade;"));
    assert!(planned.catalog.relations.is_empty());
    assert!(planned.catalog.sequences.is_empty());
    assert_eq!(last_sql(&planned), ["DROP TABLE \"orders\"", "DROP TABLE \"customers\""]);
}

#[test]
fn problems_have_postgresqls_code_and_words() {
    refuses("create table a (x int); create table a (y int)", "42P07", "relation \"a\" already exists");
    refuses("create table a (x int, x text)", "42701", "column \"x\" specified more than once");
    refuses("create table a (x nonsense)", "42704", "type \"nonsense\" does not exist");
    refuses(
        "create table a (x int primary key, y int primary key)",
        "42P16",
        "multiple primary keys for table \"a\" are not allowed",
    );
    refuses("create table a (x int, primary key (y))", "42703", "column \"y\" named in key does not exist");
    refuses("create table a (x int references b)", "42P01", "relation \"b\" does not exist");
    refuses(
        "create table b (id uuid primary key); create table a (x int references b)",
        "42804",
        "foreign key constraint \"a_x_fkey\" cannot be implemented",
    );
    refuses(
        "create table b (id int); create table a (x int references b (id))",
        "42830",
        "there is no unique constraint matching given keys for referenced table \"b\"",
    );
    refuses("alter table nope add column x int", "42P01", "relation \"nope\" does not exist");
    refuses(
        &format!("{SHOP} alter table orders drop column nope"),
        "42703",
        "column \"nope\" of relation \"orders\" does not exist",
    );
    refuses("drop table nope", "42P01", "table \"nope\" does not exist");
    refuses("create type e as enum ('a', 'a')", "23505", "enum label \"a\" used more than once");
    refuses("create policy p on nope using (true)", "42P01", "relation \"nope\" does not exist");
    refuses("grant select on nope to anon", "42P01", "relation \"nope\" does not exist");
    refuses("do $$ begin end $$", "0A000", "a DO block needs the PostgreSQL engine");
    refuses(
        "create table a (x int, \"X\" int)",
        "0A000",
        "a second column that differs only in case (\"X\" beside \"x\") needs the PostgreSQL engine",
    );
    refuses("create table sqlite_x (a int)", "42939", "the name \"sqlite_x\" is reserved");
    refuses("create extension postgis", "0A000", "the extension \"postgis\" needs the PostgreSQL engine");
}

#[test]
fn a_statement_with_a_problem_changes_nothing() {
    let text =
        "create table a (x int); alter table a add column y int, add column x int; create table b (z int);";
    let planned = plan_migration(&Catalog::fresh(), text).unwrap();
    assert!(planned.statements[1].outcome.is_err());
    assert_eq!(relation(&planned, "a").columns.len(), 1);
    assert_eq!(relation(&planned, "b").columns.len(), 1);
}

#[test]
fn triggers_are_refused_but_known_to_those_who_go_on() {
    let text = "create table a (x int);
        create function f() returns trigger language plpgsql as $$ begin return new; end $$;
        create trigger t before insert on a for each row execute function f();";
    assert_eq!(refused(text).code(), "0A000");
    let options = Options { keep_going: true };
    let planned = plan_migration_with(&Catalog::fresh(), text, options).unwrap();
    assert!(planned.statements[2].outcome.is_err());
    assert_eq!(relation(&planned, "a").triggers[0].name, "t");
}

#[test]
fn a_dump_of_pg_dump_is_understood() {
    let planned = plan(
        "\\restrict x
SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
SET default_table_access_method = heap;
CREATE TABLE public.items (id integer NOT NULL, name text DEFAULT 'none'::text, at timestamp with time zone DEFAULT now() NOT NULL);
ALTER TABLE public.items OWNER TO postgres;
CREATE SEQUENCE public.items_id_seq AS integer START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;
ALTER SEQUENCE public.items_id_seq OWNED BY public.items.id;
ALTER TABLE ONLY public.items ALTER COLUMN id SET DEFAULT nextval('public.items_id_seq'::regclass);
COPY public.items (id, name, at) FROM stdin;
1\tit's\t2024-01-01 00:00:00+00
2\t\\N\t2024-01-02 00:00:00+00
\\.
SELECT pg_catalog.setval('public.items_id_seq', 2, true);
ALTER TABLE ONLY public.items ADD CONSTRAINT items_pkey PRIMARY KEY (id);
CREATE INDEX items_name_idx ON public.items USING btree (name);
\\unrestrict x
",
    );
    let items = relation(&planned, "items");
    assert_eq!(items.columns[0].default.as_deref(), Some("nextval('public.items_id_seq')"));
    assert_eq!(items.columns[0].sequence, Some(Name::public("items_id_seq")));
    assert_eq!(items.primary_key(), Some(["id".to_owned()].as_slice()));
    let all: Vec<&Action> =
        planned.statements.iter().flat_map(|statement| statement.outcome.as_ref().unwrap()).collect();
    assert!(all.iter().any(|action| matches!(action, Action::SetSequence { next: 3, .. })));
    assert!(all.iter().any(|action| matches!(action, Action::Data(_))));
}

#[test]
fn access_is_kept_in_the_catalog() {
    let planned = plan(
        "create table a (x int, y text);
         create role editor; grant editor to authenticated;
         grant select, update (y) on a to editor; revoke all on all tables in schema public from anon;
         alter default privileges in schema public grant select on tables to anon;
         create policy own on a for update to authenticated using (x > 0) with check (x > 1);
         create publication supabase_realtime for table a;
         comment on column a.y is 'words';",
    );
    assert!(planned.catalog.roles["authenticated"].member_of.contains("editor"));
    let objects: Vec<&str> = planned.catalog.grants.iter().map(|grant| grant.object.as_str()).collect();
    assert_eq!(objects, ["ROLE", "TABLE", "COLUMN", "TABLE", "DEFAULT TABLE"]);
    assert_eq!(planned.catalog.grants[2].columns, ["y"]);
    assert_eq!(relation(&planned, "a").policies[0].check.as_deref(), Some("x > 1"));
    assert!(planned.catalog.is_published(&Name::public("a")));
    assert_eq!(relation(&planned, "a").columns[1].comment.as_deref(), Some("words"));
}

#[test]
fn types_of_the_user_are_kept_and_guarded() {
    let planned = plan(
        "create type mood as enum ('sad', 'ok'); alter type mood add value 'meh' before 'ok';
         create domain price as numeric(8,2) default 1 check (value > 0);
         create table a (m mood default 'sad', p price);
         alter type mood rename value 'sad' to 'blue';",
    );
    let a = relation(&planned, "a");
    assert_eq!(a.columns[0].default.as_deref(), Some("'blue'"));
    assert_eq!(a.columns[1].default.as_deref(), Some("1"));
    let id = planned.catalog.type_names[&Name::public("mood")];
    assert_eq!(planned.catalog.types.enums[&id].labels, ["blue", "meh", "ok"]);
    assert!(last_sql(&planned).iter().any(|sql| sql.contains("COLLATE BINARY = 'sad'")));
    let problem = refused("create type mood as enum ('a'); create table a (m mood); drop type mood;");
    assert_eq!(problem.details(), Some("column m of table a depends on type mood"));
}

const COLOR: &str = r#"create domain color as int;
     create domain instant as int;
     create function "json"(color) returns json language sql immutable as $$ select to_json('#' || to_hex($1)) $$;
     create function "json"(instant) returns json language sql immutable as $$ select to_json($1 * 1000) $$;
     create function color(text) returns color language sql immutable as $$ select length($1)::color $$;
     create cast (color as json) with function "json"(color) as implicit;
     create cast (text as color) with function color(text) as implicit;"#;

#[test]
fn casts_of_domains_are_kept_and_follow_their_parts() {
    let planned = plan(&format!(
        "{COLOR} alter domain color rename to colour; alter function color(text) rename to hue;"
    ));
    let casts: Vec<(&str, bool)> =
        planned.catalog.casts.iter().map(|cast| (cast.function.name.as_str(), cast.implicit)).collect();
    assert_eq!(casts, [("json", true), ("hue", true)]);
    assert_eq!(planned.catalog.casts[0].source, crate::catalog::CastEnd::Domain(Name::public("colour")));
    let planned = plan(&format!(
        r#"{COLOR} drop cast (color as json); drop function "json"(color); drop domain color cascade;"#
    ));
    assert!(planned.catalog.casts.is_empty());
    assert_eq!(planned.catalog.functions[&Name::public("json")].len(), 1, "that of the other domain stays");
    let problem = refused(&format!(r#"{COLOR} drop function "json"(color);"#));
    assert_eq!(problem.details(), Some("cast from color to json depends on function json(integer)"));
    let problem = refused(&format!(
        r#"{COLOR} create cast (instant as json) with function "json"(color) as implicit;"#
    ));
    assert_eq!(problem.code(), "42P17");
    let problem = refused(&format!(r#"{COLOR} create cast (color as json) with function "json"(color);"#));
    assert_eq!(problem.message(), "cast from type color to type json already exists");
    assert_eq!(refused("create cast (int as text) with function f(int);").code(), "0A000");
}

/// No text makes the planner panic: a script with pieces of it cut out, doubled and exchanged.
#[test]
fn no_text_makes_the_planner_panic() {
    let script = "create table a (id serial primary key, b text check (b <> ''), c int references a on delete set null);
        create view v as select *, (select max(c) from a x) m from a where b like 'x%'; create index on a (lower(b));
        alter table a rename column b to d; alter table a alter c type text using c::text; drop view if exists v cascade;
        create type e as enum ('p','q'); alter table a add column z e[] default '{p}'; alter type e rename value 'p' to 'r';
        create function f(x int default 1) returns table (y int) language sql as $$ select x $$; drop function f(int);
        create policy p on a for all to public using (id in (select id from a)); alter table a drop column id cascade;
        copy a from stdin;\n1\tx\n\\.\ngrant all on a to anon; truncate a cascade; comment on table a is 'x'; drop table a;";
    let words: Vec<&str> = script.split_inclusive([' ', '(', ')', ',', ';']).collect();
    let mut seed = 7u64;
    let mut random = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % bound
    };
    for _ in 0..150 {
        let mut mutated: Vec<&str> = words.clone();
        for _ in 0..1 + random(4) {
            let (at, other) = (random(mutated.len()), random(words.len()));
            match random(3) {
                0 => drop(mutated.remove(at)),
                1 => mutated.insert(at, words[other]),
                _ => mutated[at] = words[other],
            }
        }
        let text = mutated.concat();
        // Most mutations break the grammar; statement by statement, the others are planned all the same.
        let _ = plan_migration(&Catalog::fresh(), &text);
        for statement in text.split_inclusive(';') {
            let catalog =
                plan_migration(&Catalog::fresh(), "create table a (id serial primary key, b text, c int)");
            let _ = plan_migration(&catalog.unwrap().catalog, statement);
        }
    }
}

#[test]
fn a_cast_names_an_index_only_where_nothing_within_does() {
    // The names that PostgreSQL 15 gives.
    let planned = plan(
        "create table t (a int, b text);
         create index on t ((case when a > 0 then b else 'x'::text end));
         create index on t (('1'::int + a));
         create index on t ((('1'::text)::varchar));
         create index on t ((b::varchar));",
    );
    let names: Vec<String> = relation(&planned, "t").indexes.iter().map(|index| index.name.clone()).collect();
    assert_eq!(names, ["t_case_idx", "t_expr_idx", "t_varchar_idx", "t_b_idx"]);
}
