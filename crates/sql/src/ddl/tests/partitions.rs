//! Partitioned tables: the views that partitions are, the triggers of their root, and what is refused.

use super::*;
use crate::partition::{Bound, Limit};

const CARS: &str = "create table cars (name text not null, year int not null, primary key (name, year))
        partition by list (year);
    create table cars_old partition of cars for values in (1981, 1997);
    create table cars_new partition of cars for values in (2021);";

const SALES: &str = "create table sales (day date, shop int, sum int) partition by range (day, shop);
    create table sales_may partition of sales for values from ('2021-05-01', minvalue) to ('2021-06-01', 10);
    create table sales_rest partition of sales default;";

#[test]
fn a_partition_is_a_view_that_checks_its_rows() {
    let planned = plan(CARS);
    let old = relation(&planned, "cars_old");
    assert_eq!(old.partition_root(), Some(&Name::public("cars")));
    assert_eq!(
        view_text(&planned, "cars_old"),
        "SELECT \"name\", \"year\" FROM \"public\".\"cars\" WHERE (\"year\" IN ('1981', '1997'))"
    );
    assert!(matches!(&old.kind, RelationKind::View { check_option: true, .. }));
    let planned = plan(SALES);
    assert_eq!(
        relation(&planned, "sales_may").partition_bound(),
        Some(&Bound::Range {
            from: vec![Limit::Value("2021-05-01".to_owned()), Limit::Minimum],
            to: vec![Limit::Value("2021-06-01".to_owned()), Limit::Value("10".to_owned())],
        })
    );
    let may = "(\"day\" IS NOT NULL AND \"shop\" IS NOT NULL AND \"day\" >= '2021-05-01' AND \
               (\"day\" < '2021-06-01' OR \"day\" = '2021-06-01' AND \"shop\" < '10'))";
    assert_eq!(
        view_text(&planned, "sales_rest"),
        format!("SELECT \"day\", \"shop\", \"sum\" FROM \"public\".\"sales\" WHERE ({may}) IS NOT TRUE")
    );
}

#[test]
fn a_partition_comes_and_goes_without_a_copy_of_the_table() {
    let planned = plan(&format!("{CARS} create table cars_next partition of cars for values in (2022);"));
    let sql = last_sql(&planned);
    let verbs: Vec<&str> = sql.iter().map(|sql| sql.split('"').next().unwrap().trim_end()).collect();
    assert_eq!(verbs, ["DROP TRIGGER", "DROP TRIGGER", "CREATE TRIGGER", "CREATE TRIGGER"]);
    let planned = plan(&format!("{CARS} drop table cars_old;"));
    assert!(last_sql(&planned)[0].starts_with("DELETE FROM \"cars\" WHERE "), "{:?}", last_sql(&planned));
    // A default partition takes every row: nothing is left to refuse.
    let planned = plan(&format!("{CARS} create table cars_rest partition of cars default;"));
    assert_eq!(last_sql(&planned).len(), 2);
}

#[test]
fn partitions_follow_their_table() {
    let planned = plan(&format!(
        "{CARS} create view v as select year, name from cars_old;
        alter table cars add column brand text;
        alter table cars rename column year to built;
        create schema side; alter table cars set schema side; alter table side.cars rename to vehicles;
        alter table cars_old rename to cars_ancient;"
    ));
    assert_eq!(
        view_text(&planned, "cars_ancient"),
        "SELECT \"name\", \"built\", \"brand\" FROM \"side\".\"vehicles\" WHERE (\"built\" IN ('1981', '1997'))"
    );
    let columns: Vec<String> =
        relation(&planned, "cars_ancient").columns.iter().map(|column| column.name.clone()).collect();
    assert_eq!(columns, ["name", "built", "brand"]);
    assert_eq!(view_text(&planned, "v"), "SELECT built AS year, name FROM cars_ancient cars_old");
    let planned = plan(&format!("{CARS} drop table cars;"));
    assert!(planned.catalog.relations.is_empty());
}

#[test]
fn keys_and_columns_of_the_key_are_guarded_as_in_postgresql() {
    let lacks = "unique constraint on partitioned table must include all partitioning columns";
    refuses("create table t (a int primary key, b int) partition by list (b)", "0A000", lacks);
    refuses(&format!("{SALES} alter table sales add unique (day)"), "0A000", lacks);
    refuses(
        "create table t (a int) partition by list (z)",
        "42703",
        "column \"z\" named in partition key does not exist",
    );
    refuses(
        &format!("{CARS} alter table cars drop column year"),
        "42P16",
        "cannot drop column \"year\" because it is part of the partition key of relation \"cars\"",
    );
    refuses(
        &format!("{CARS} alter table cars_old add column x int"),
        "42809",
        "cannot add column to a partition",
    );
    refuses(&format!("{CARS} drop view cars_old"), "42809", "\"cars_old\" is not a view");
    let problem = refused(&format!("{CARS} create view v as select name from cars_old; drop table cars;"));
    assert_eq!(problem.details(), Some("view v depends on table cars_old"));
}

#[test]
fn bounds_that_meet_or_hold_nothing_are_refused() {
    let refuses_bound = |bound: &str, code: &str, message: &str| {
        refuses(&format!("{CARS} create table more partition of cars {bound}"), code, message);
    };
    refuses_bound(
        "for values in (2020, 2021)",
        "42P17",
        "partition \"more\" would overlap partition \"cars_new\"",
    );
    refuses_bound("for values in ('x')", "22P02", "invalid input syntax for type integer: \"x\"");
    refuses_bound(
        "for values in ('3'::text)",
        "42804",
        "specified value cannot be cast to type integer for column \"year\"",
    );
    refuses_bound("for values from (1) to (2)", "42P16", "invalid bound specification for a list partition");
    let refuses_range = |bound: &str, code: &str, message: &str| {
        refuses(&format!("{SALES} create table more partition of sales for values {bound}"), code, message);
    };
    refuses_range(
        "from ('2021-05-31', 7) to ('2021-07-01', maxvalue)",
        "42P17",
        "partition \"more\" would overlap partition \"sales_may\"",
    );
    refuses_range(
        "from ('2021-05-31', 7) to ('2021-05-31', 7)",
        "42P17",
        "empty range bound specified for partition \"more\"",
    );
    refuses_range(
        "from (minvalue, 1) to ('2021-01-01', 1)",
        "42804",
        "every bound following MINVALUE must also be MINVALUE",
    );
}

#[test]
fn what_only_postgresql_can_divide_is_refused_by_name() {
    let refuses_what = |text: &str, what: &str| {
        refuses(&format!("{CARS} {text}"), "0A000", &format!("{what} needs the PostgreSQL engine"));
    };
    refuses_what("create table t (a int) partition by hash (a)", "PARTITION BY HASH");
    refuses_what("create table t (a int) partition by range ((a + 1))", "an expression as partition key");
    refuses_what(
        "create table p partition of cars for values in (1) partition by list (name)",
        "a partition that is partitioned itself",
    );
    refuses_what(
        "create table p partition of cars (check (name <> '')) for values in (1)",
        "a constraint of a partition",
    );
    refuses_what(
        "create table p partition of cars for values in (extract(year from now())::int)",
        "an expression as the bound of a partition",
    );
    refuses_what("create index on cars_old (name)", "an index of a partition");
    refuses_what("create policy p on cars_old using (true)", "a policy of a partition");
    refuses_what(
        "alter table cars_old enable row level security",
        "ALTER TABLE … ENABLE ROW SECURITY of a partition",
    );
    refuses_what("alter table cars detach partition cars_old", "ALTER TABLE … DETACH PARTITION");
    refuses_what("alter table only cars add column x int", "ALTER TABLE ONLY of a table with partitions");
    refuses_what("create view v as select * from only cars", "ONLY of a partitioned table");
    refuses_what(
        "create table r (name text, year int, foreign key (name, year) references cars_old (name, year))",
        "the key of a partition",
    );
}
