//! A filter as written and as `sql::policy` rewrites it pass the same rows, on the engine and on PostgreSQL, where NULLs
//! are in every column.

use super::embedded::Embedded;
use super::number;
use mainstay_sql::Name;
use mainstay_sql::{parse, policy};
use mainstay_testkit::generate::Generator;
use mainstay_testkit::policies::filter_of_memberships;
use mainstay_testkit::postgres::{Cluster, Outcome};

const SCHEMA: &str = "
create table m (a int, b int, c int, who int);
create index on m (who); create index on m (c);
create table n (a int, m int, who int);
create index on n (who);
create table t (id int primary key, a int, b int, flag boolean);
create function me() returns int language sql stable as $$ select 1 $$;
insert into m select nullif(x, 3), nullif(y, 3), nullif(z, 2), nullif((x + y * z) % 4, 3)
  from generate_series(1, 3) x, generate_series(1, 3) y, generate_series(0, 2) z where (x * 7 + y * 5 + z * 3) % 4 < 2;
insert into n select nullif(x, 2), nullif(y, 1), nullif((x + y) % 3, 2)
  from generate_series(1, 3) x, generate_series(1, 3) y where (x + 2 * y) % 3 > 0;
insert into t select x * 12 + y * 3 + z, nullif(x, 0), nullif(y, 0), case z when 0 then null else z = 1 end
  from generate_series(0, 4) x, generate_series(0, 3) y, generate_series(0, 2) z;
";

#[test]
fn a_rewritten_filter_passes_the_same_rows() {
    let cluster = Cluster::start();
    let mut session = cluster.database("rewrite");
    session.execute(SCHEMA).expect("the schema on PostgreSQL");
    let embedded = Embedded::open();
    embedded.apply(SCHEMA).expect("the schema");
    let catalog = mainstay_engine::RecordStore::catalog(&embedded.store);
    let table = catalog.relation(&Name::public("t")).expect("the table");
    let mut generator = Generator::new(number("MAINSTAY_POLICY_SEED", 1));
    let (mut changed, mut passed) = (0, 0);
    for _ in 0..number("MAINSTAY_POLICY_FILTERS", 150) {
        let filter = filter_of_memberships(&mut generator);
        let node = parse::expression(&filter).expect("parses");
        let written = parse::deparse_expression(&node).expect("prints");
        let rewritten = policy::rewrite(&catalog, table, &node);
        let rewritten = parse::deparse_expression(&rewritten).expect("prints");
        changed += u32::from(rewritten.contains(" IN (SELECT") && written != rewritten);
        let query = |filter: &str| format!("select id from t where {filter} order by id");
        let Outcome::Rows { rows: expected, .. } = session.query(&query(&written)) else {
            panic!("PostgreSQL refuses {written}");
        };
        passed += u32::from(!expected.is_empty() && expected.len() < 60);
        let Outcome::Rows { rows: theirs, .. } = session.query(&query(&rewritten)) else {
            panic!("PostgreSQL refuses {rewritten}");
        };
        assert_eq!(theirs, expected, "on PostgreSQL:\n{written}\n{rewritten}");
        for text in [&written, &rewritten] {
            let ours = embedded.act("postgres", "", &query(text), &[]).map(|acted| acted.rows);
            assert_eq!(
                ours.as_ref(),
                Ok(&expected),
                "on the embedded engine:\n{text}\nas written: {written}"
            );
        }
    }
    assert!(
        changed > 30 && passed > 30,
        "{changed} filters were rewritten, {passed} pass some rows and not others"
    );
}
