//! Golden texts of the shapes that matter, and PostgreSQL's words for what is wrong.

mod fixture;

use super::{compile, lower_constant_expression, lower_row_expression};
use crate::catalog::Name;
use fixture::shop;
use mainstay_types::{ColumnType, Type};

#[track_caller]
fn check(sql: &str, expected: &[&str]) {
    let compiled = compile(&shop(), sql, &[], &[]).unwrap_or_else(|problem| panic!("{sql}: {problem}"));
    let texts: Vec<String> =
        compiled.steps.iter().map(|step| step.text.replace('\u{1f}', "=").replace('\u{1e}', ",")).collect();
    assert_eq!(texts, expected, "{sql}");
}

#[track_caller]
fn check_types(sql: &str, expected: &[Type]) {
    let compiled = compile(&shop(), sql, &[], &[]).unwrap_or_else(|problem| panic!("{sql}: {problem}"));
    let types: Vec<Type> = compiled.parameters.into_iter().map(|ty| ty.ty).collect();
    assert_eq!(types, expected, "{sql}");
}

/// Code, message and the text from the place on.
#[track_caller]
fn refuse(sql: &str, code: &str, message: &str, at: &str) {
    let problem = match compile(&shop(), sql, &[], &[]) {
        Ok(compiled) => panic!("{sql} was accepted: {:?}", compiled.steps),
        Err(problem) => problem,
    };
    let place = problem.place().map(|place| place.offset);
    let rest = place.and_then(|offset| sql.get(offset..)).unwrap_or_default();
    assert_eq!((problem.code(), problem.message()), (code, message), "{sql}");
    assert!(at.is_empty() && place.is_none() || !at.is_empty() && rest.starts_with(at), "{sql}: {rest:?}");
}

#[test]
fn a_row_by_its_key_is_a_plain_comparison() {
    check(
        "SELECT id, name FROM users WHERE id = $1",
        &[r#"SELECT "users"."id", "users"."name" FROM "users" WHERE "users"."id" = ?1"#],
    );
    check_types("SELECT id FROM users WHERE id = $1 AND email = $2", &[Type::Int8, Type::Text]);
}

#[test]
fn nulls_are_ordered_as_in_postgresql_where_there_can_be_any() {
    check(
        "SELECT id FROM users WHERE active ORDER BY email DESC, email, id DESC LIMIT $1",
        &[concat!(
            r#"SELECT "users"."id" FROM "users" WHERE "users"."active" ORDER BY "users"."email" DESC NULLS FIRST, "#,
            r#""users"."email" NULLS LAST, "users"."id" DESC LIMIT CASE WHEN ?1 >= 0 THEN ?1 ELSE coalesce("pg:pg_limit(int8)"(?1), -1) END"#
        )],
    );
}

#[test]
fn a_subquery_by_key_is_not_guarded_against_a_second_row() {
    check(
        "SELECT (SELECT u.email FROM users u WHERE u.id = o.user_id) FROM orders o",
        &[
            r#"SELECT (SELECT "u"."email" FROM "users" AS "u" WHERE "u"."id" = "o"."user_id") FROM "orders" AS "o""#,
        ],
    );
}

#[test]
fn an_embed_goes_to_the_aggregate_field_by_field() {
    check(
        "SELECT coalesce(json_agg(x), '[]') FROM (SELECT o.id, o.total FROM orders o WHERE o.user_id = 3) x",
        &[concat!(
            r#"SELECT coalesce("pg_json_rows"('id=int4,total=numeric', "x"."id", "x"."total"), '[]') "#,
            r#"FROM (SELECT "o"."id", "o"."total" FROM "orders" AS "o" WHERE "o"."user_id" = 3) AS "x""#
        )],
    );
}

#[test]
fn membership_in_an_array_reads_its_json() {
    check(
        "SELECT id FROM orders WHERE id = ANY($1) AND code = ANY($2) AND status IN ('open', 'paid')",
        &[concat!(
            r#"SELECT "orders"."id" FROM "orders" WHERE "orders"."id" IN (SELECT value FROM json_each(?1)) AND "#,
            r#""orders"."code" IN (SELECT pg_cast(value, 'text>uuid') FROM json_each(?2)) AND "#,
            r#""orders"."status" IN ('open', 'paid')"#
        )],
    );
}

#[test]
fn a_function_is_put_in_place_of_its_call() {
    check(
        "SELECT * FROM active_users('a') AS x WHERE x.id > 3",
        &[concat!(
            r#"SELECT "x"."id", "x"."name", "x"."email", "x"."active", "x"."tags", "x"."data" FROM "#,
            r#"(SELECT "users"."id", "users"."name", "users"."email", "users"."active", "users"."tags", "#,
            r#""users"."data" FROM "users" WHERE "users"."active" AND "#,
            r#""pg:~~(text,text)"("users"."name", "pg:||(text,text)"('a', '%'))) AS "x" WHERE "x"."id" > 3"#
        )
        .replace(r#""pg:||(text,text)"('a', '%')"#, "('a' || '%')")
        .as_str()],
    );
    check(
        "SELECT u.order_count FROM users u",
        &[
            r#"SELECT (SELECT count(*) FROM "orders" AS "o" WHERE "o"."user_id" = "u"."id") FROM "users" AS "u""#,
        ],
    );
}

#[test]
fn a_function_that_writes_takes_a_step_of_its_own() {
    let compiled = compile(&shop(), "SELECT name FROM rename_user($1, $2)", &[], &[]).expect("compiles");
    let [first, second] = compiled.steps.as_slice() else { panic!("{:?}", compiled.steps) };
    assert!(first.text.starts_with(r#"UPDATE "users" SET "name" = ?2 WHERE "users"."id" = ?1 RETURNING "#));
    let scratch = first.into.as_ref().expect("rows for the next step");
    assert!(second.text.contains(&format!("temp.\"{}\"", scratch.table)));
    assert!(compiled.writes && compiled.tables.contains(&Name::public("users")));
}

#[test]
fn an_insert_writes_every_default() {
    check(
        "INSERT INTO users (name, email) VALUES ($1, $2) RETURNING id",
        &[concat!(
            r#"INSERT INTO "users" ("name", "email", "id", "active") VALUES (?1, ?2, "#,
            r#""pg:nextval(text)"('"public"."users_id_seq"'), 1) RETURNING "users"."id""#
        )],
    );
    check(
        "INSERT INTO users (id, name) SELECT order_id, product FROM lines ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        &[concat!(
            r#"INSERT INTO "users" ("id", "name", "active") SELECT "lines"."order_id", "lines"."product", 1 "#,
            r#"FROM "lines" WHERE 1 ON CONFLICT ("id") DO UPDATE SET "name" = "excluded"."name""#
        )],
    );
}

#[test]
fn a_rowid_is_never_null() {
    check("UPDATE users SET id = $1", &[r#"UPDATE "users" SET "id" = "pg_not_null"(?1, 'id', 'users')"#]);
}

#[test]
fn deleting_with_other_tables_finds_the_rows_by_a_join() {
    check(
        "DELETE FROM users u USING orders o WHERE o.user_id = u.id RETURNING u.id",
        &[concat!(
            r#"DELETE FROM "users" WHERE _rowid_ IN (SELECT "target"._rowid_ FROM "users" AS "target", "#,
            r#""orders" AS "o" WHERE "o"."user_id" = "target"."id") RETURNING "users"."id""#
        )],
    );
}

#[test]
fn columns_of_a_check_stand_alone() {
    let catalog = shop();
    let lines = catalog.relation(&Name::public("lines")).expect("lines");
    let lowered =
        lower_row_expression(&catalog, lines, "position > 0 AND lines.amount < 10", Some(&Type::Bool.into()));
    assert_eq!(lowered, Ok((r#""position" > 0 AND "amount" < 10.0"#.to_owned(), Type::Bool)));
    let default = lower_constant_expression(&catalog, "'7'", Some(&ColumnType::from(Type::Int4)));
    assert_eq!(default, Ok(("7".to_owned(), Type::Int4)));
}

#[test]
fn names_that_are_not_there_are_refused_in_postgresqls_words() {
    refuse("SELECT nme FROM users", "42703", "column \"nme\" does not exist", "nme");
    refuse("SELECT users.foo FROM users", "42703", "column users.foo does not exist", "users.foo");
    refuse("SELECT * FROM nothing", "42P01", "relation \"nothing\" does not exist", "nothing");
    refuse("SELECT x.id FROM users", "42P01", "missing FROM-clause entry for table \"x\"", "x.id");
    refuse("SELECT id FROM users, orders", "42702", "column reference \"id\" is ambiguous", "id");
    refuse("SELECT foo(1, 'x')", "42883", "function foo(integer, unknown) does not exist", "foo");
    refuse("SELECT id = 'x'::text FROM users", "42883", "operator does not exist: bigint = text", "=");
    refuse(
        "INSERT INTO users (nam) VALUES ('x')",
        "42703",
        "column \"nam\" of relation \"users\" does not exist",
        "nam",
    );
}

#[test]
fn types_that_do_not_fit_are_refused_in_postgresqls_words() {
    refuse("SELECT 'abc'::int", "22P02", "invalid input syntax for type integer: \"abc\"", "'abc'");
    refuse(
        "SELECT id FROM orders WHERE status = 'bad'",
        "22P02",
        "invalid input value for enum status: \"bad\"",
        "'bad'",
    );
    refuse("SELECT 1 WHERE 1", "42804", "argument of WHERE must be type boolean, not type integer", "1");
    refuse(
        "UPDATE users SET active = 3",
        "42804",
        "column \"active\" is of type boolean but expression is of type integer",
        "3",
    );
    refuse(
        "SELECT CASE WHEN true THEN 1 ELSE true END",
        "42804",
        "CASE types boolean and integer cannot be matched",
        "1",
    );
    refuse("SELECT (SELECT 1, 2)", "42601", "subquery must return only one column", "(SELECT");
}

#[test]
fn groups_and_aggregates_are_kept_apart() {
    refuse(
        "SELECT name, count(*) FROM users",
        "42803",
        "column \"users.name\" must appear in the GROUP BY clause or be used in an aggregate function",
        "name",
    );
    refuse(
        "SELECT 1 FROM users WHERE count(*) > 1",
        "42803",
        "aggregate functions are not allowed in WHERE",
        "count",
    );
    check(
        "SELECT u.name, count(*) FROM users u GROUP BY u.id",
        &[r#"SELECT "u"."name", count(*) FROM "users" AS "u" GROUP BY "u"."id""#],
    );
}

#[test]
fn identity_columns_guard_their_values() {
    refuse(
        "INSERT INTO orders (id, user_id) VALUES (1, 3)",
        "428C9",
        "cannot insert a non-DEFAULT value into column \"id\"",
        "",
    );
    refuse("UPDATE orders SET doubled = 1", "428C9", "column \"doubled\" can only be updated to DEFAULT", "");
}
