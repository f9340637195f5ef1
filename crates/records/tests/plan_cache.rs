//! When a plan is used again.

mod support;

use mainstay_base::Problem;
use support::{Scribe, records, request, run, settings, shop};

#[test]
fn requests_that_differ_in_literals_share_a_plan() {
    let scribe = Scribe::new(shop());
    let records = records(scribe.clone(), settings());
    for id in 1..=5 {
        run(&records, request("GET", &format!("customers?id=eq.{id}&select=id"), "")).unwrap();
    }
    assert_eq!(*scribe.prepared.lock().unwrap(), 1);
    run(&records, request("GET", "customers?id=gt.1&select=id", "")).unwrap();
    assert_eq!(*scribe.prepared.lock().unwrap(), 2);
}

#[test]
fn a_new_catalog_means_new_plans() {
    let scribe = Scribe::new(shop());
    let records = records(scribe.clone(), settings());
    run(&records, request("GET", "customers", "")).unwrap();
    scribe.replace_catalog(|catalog| {
        let name = mainstay_sql::Name::public("customers");
        let mut relation = (**catalog.relation(&name).unwrap()).clone();
        relation.columns.truncate(1);
        catalog.relations.insert(name, relation.into());
    });
    run(&records, request("GET", "customers", "")).unwrap();
    let last = scribe.asked.lock().unwrap().last().unwrap().sql.clone();
    assert_eq!(last, r#"SELECT "customers"."id" AS "id" FROM "public"."customers" AS "customers""#);
}

#[test]
fn a_plan_that_the_catalog_outlived_is_made_again_once() {
    let scribe = Scribe::new(shop());
    let records = records(scribe.clone(), settings());
    scribe.failures.lock().unwrap().push(Problem::new("MS001", "the catalog has changed"));
    run(&records, request("GET", "customers", "")).unwrap();
    assert_eq!(*scribe.prepared.lock().unwrap(), 2);
}
