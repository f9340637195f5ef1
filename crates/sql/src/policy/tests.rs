//! The forms that are changed and those that are left, and what the report says.

use super::{report, rewrite};
use crate::catalog::{Catalog, Name};
use crate::{ddl, parse};

fn world(more: &str) -> Catalog {
    let text = format!(
        "CREATE TABLE member (user_id uuid, org int, team int, PRIMARY KEY (user_id, org));
         CREATE INDEX ON member (team);
         CREATE TABLE team (id int PRIMARY KEY, owner uuid, org int);
         CREATE INDEX ON team (owner);
         CREATE TABLE doc (id int PRIMARY KEY, org int, team int, author uuid, note text, public bool);
         CREATE FUNCTION me() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT current_setting('my.id', true)::uuid $$;
         CREATE FUNCTION dice() RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT 4 $$;
         {more}"
    );
    let planned = ddl::plan_migration(&Catalog::fresh(), &text).expect("parses");
    for statement in &planned.statements {
        if let Err(problem) = &statement.outcome {
            panic!("{problem}");
        }
    }
    planned.catalog
}

#[track_caller]
fn check(filter: &str, expected: &str) {
    let catalog = world("");
    let relation = catalog.relation(&Name::public("doc")).expect("the table");
    let node = parse::expression(filter).expect("parses");
    let changed = rewrite(&catalog, relation, &node);
    assert_eq!(parse::deparse_expression(&changed).expect("prints"), expected, "{filter}");
}

#[track_caller]
fn same(filter: &str) {
    // As the printer writes it.
    let printed = parse::deparse_expression(&parse::expression(filter).expect("parses")).expect("prints");
    check(filter, &printed);
}

#[test]
fn a_membership_is_computed_once() {
    check(
        "EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.user_id = me())",
        "doc.org IN (SELECT m.org FROM member m WHERE m.user_id = (SELECT me()))",
    );
    check(
        "public OR EXISTS (SELECT * FROM member WHERE member.user_id = me() AND doc.org = member.org LIMIT 1)",
        "public OR doc.org IN (SELECT member.org FROM member WHERE member.user_id = (SELECT me()))",
    );
    check(
        "EXISTS (SELECT DISTINCT m.org FROM member m WHERE user_id = me() AND m.org = doc.org AND m.team = doc.team)",
        "(doc.org, doc.team) IN (SELECT m.org, m.team FROM member m WHERE user_id = (SELECT me()))",
    );
    // `note` is no column of `member`: it means the document's.
    check(
        "EXISTS (SELECT 1 FROM team t JOIN member m ON m.team = t.id WHERE t.id = doc.team AND m.user_id = me())",
        "doc.team IN (SELECT t.id FROM team t JOIN member m ON m.team = t.id WHERE m.user_id = (SELECT me()))",
    );
}

#[test]
fn a_membership_within_a_membership_is_too() {
    check(
        "EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND EXISTS (SELECT 1 FROM team t WHERE t.id = m.team AND t.owner = me()))",
        "doc.org IN (SELECT m.org FROM member m WHERE m.team IN (SELECT t.id FROM team t WHERE t.owner = (SELECT me())))",
    );
    // Under NOT the outer one stays, and the filter of its subquery is a filter all the same.
    check(
        "NOT EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND EXISTS (SELECT 1 FROM team t WHERE t.id = m.team AND t.owner = me()))",
        "NOT EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.team IN (SELECT t.id FROM team t WHERE t.owner = (SELECT me())))",
    );
}

#[test]
fn what_is_not_the_same_or_does_not_pay_stays() {
    // Where NULL and FALSE differ.
    same("NOT EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.team = 1)");
    same("(EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.team = 1)) IS FALSE");
    same("(EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.team = 1)) = public");
    same("CASE WHEN public THEN EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.team = 1) END");
    // An aggregate makes a row of nothing; a limit of zero takes every one.
    same("EXISTS (SELECT count(*) FROM member m WHERE m.org = doc.org AND m.team = 1)");
    same("EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.team = 1 LIMIT 0)");
    same("EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.team = 1 OFFSET 1)");
    same(
        "EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.team = 1 GROUP BY m.org HAVING count(*) > 1)",
    );
    // Other ties to the row outside.
    same("EXISTS (SELECT 1 FROM member m WHERE m.org > doc.org AND m.team = 1)");
    same("EXISTS (SELECT 1 FROM member m WHERE (m.org = doc.org OR doc.public) AND m.team = 1)");
    same("EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.team = dice())");
    same(
        "EXISTS (SELECT 1 FROM member m LEFT JOIN team t ON t.id = doc.team WHERE m.org = doc.org AND m.team = 1)",
    );
    // All of `member` would be read for one document.
    same("EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org)");
    same("EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.team > 1)");
    // An inner name hides the outer one.
    same("EXISTS (SELECT 1 FROM doc WHERE doc.org = doc.team AND id = 1)");
    same("EXISTS (SELECT 1 FROM member m WHERE m.org = m.org AND m.team = 1)");
}

#[test]
fn stable_values_are_computed_once() {
    check("author = me()", "author = (SELECT me())");
    check("me() = author AND NOT public", "(SELECT me()) = author AND NOT public");
    check(
        "org = (current_setting('request.jwt.claims', true)::jsonb ->> 'org')::int OR author IN (me(), NULL)",
        "org = (SELECT (current_setting('request.jwt.claims', true)::jsonb ->> 'org')::int) OR author IN ((SELECT me()), NULL)",
    );
    check("coalesce(author, me()) = author", "COALESCE(author, (SELECT me())) = author");
    same("org = dice()");
    same("upper(note) = upper('x')");
    same("author = (SELECT me())");
}

#[track_caller]
fn check_report(more: &str, expected: &[&str]) {
    let catalog = world(more);
    let found: Vec<String> = report(&catalog, &["public".to_owned()])
        .iter()
        .filter(|finding| finding.table.name == "doc" || finding.table.name == "x")
        .map(ToString::to_string)
        .collect();
    assert_eq!(found, expected, "{more}");
}

#[test]
fn the_report_names_tables_without_protection() {
    check_report("", &["table \"doc\" has no row security"]);
    check_report(
        "ALTER TABLE doc ENABLE ROW LEVEL SECURITY",
        &["table \"doc\" has row security and no policy: nobody sees a row of it"],
    );
    check_report(
        "CREATE POLICY p ON doc USING (public)",
        &["table \"doc\" has policies, but row security is not enabled: they do nothing"],
    );
    check_report(
        "ALTER TABLE doc ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON doc AS RESTRICTIVE FOR SELECT USING (public)",
        &["table \"doc\" has only restrictive policies for SELECT: they take away, and nothing gives"],
    );
    check_report(
        "CREATE SCHEMA hidden; CREATE TABLE hidden.x (a int); ALTER TABLE doc ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON doc USING (public)",
        &[],
    );
}

#[test]
fn the_report_names_policies_that_pass_nothing() {
    let never = |using: &str, reason: &str| {
        check_report(
            &format!("ALTER TABLE doc ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON doc USING ({using})"),
            &[&format!("policy \"p\" on table \"doc\" passes no row: {reason}")],
        );
    };
    never("false", "its USING is always false");
    never("public AND 1 = 2", "its USING is always false");
    never("author = NULL", "its USING is always NULL");
    never("NOT (true OR public)", "its USING is always false");
    check_report(
        "ALTER TABLE doc ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON doc USING (public OR false)",
        &[],
    );
}

#[test]
fn the_report_names_columns_without_an_index() {
    let of = |using: &str, columns: &[&str]| {
        let lines: Vec<String> = columns
            .iter()
            .map(|column| {
                let (table, column) = column.split_once('.').expect("table.column");
                format!("policy \"p\" on table \"doc\" compares \"{table}\".\"{column}\", with which no index begins")
            })
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        check_report(
            &format!("ALTER TABLE doc ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON doc USING ({using})"),
            &lines,
        );
    };
    of("author = me()", &["doc.author"]);
    of("id = 4 OR author = me()", &["doc.author"]);
    of("id = 4 AND author = me()", &[]);
    of("public = true", &[]);
    of("org IN (SELECT org FROM member WHERE user_id = me())", &["doc.org"]);
    of("EXISTS (SELECT 1 FROM team t WHERE t.org = me()::text::int AND t.owner IS NULL)", &["team.org"]);
    of("EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org AND m.user_id = me())", &[]);
}
