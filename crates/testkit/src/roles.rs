//! The part of the suite about plans that were bound for a role.

use super::record_store::{
    TIMEOUT, build_shop, problem_of, read_of, session, step, sure, transaction, write_of,
};
use mainstay_base::Result;
use mainstay_engine::{BoxFuture, Format, Plan, ReadNow, RecordStore, Transaction, Write};
use mainstay_sql::Caller;
use mainstay_types::Session;
use std::sync::Arc;

async fn is_refused_on_every_path(store: &dyn RecordStore, plan: &Arc<Plan>, session: &Arc<Session>) {
    let read = || {
        let mut read = read_of(&[(plan, Vec::new())], Format::JsonArray);
        read.session = session.clone();
        read
    };
    assert_eq!(problem_of(store.read(read()).await).code(), "42501");
    match store.read_now(read()) {
        ReadNow::Done(outcome) => assert_eq!(problem_of(outcome).code(), "42501"),
        ReadNow::NotNow(_) => {}
    }
    assert_eq!(problem_of(store.stream(read()).await).code(), "42501");
    let write = Write { session: session.clone(), ..write_of(vec![step(plan, Vec::new())]) };
    assert_eq!(problem_of(store.write(write).await).code(), "42501");
    let (plan, session) = (plan.clone(), session.clone());
    let work = move |transaction: Arc<dyn Transaction>| -> BoxFuture<'static, Result<()>> {
        let (plan, session) = (plan.clone(), session.clone());
        Box::pin(async move {
            let mut read = read_of(&[(&plan, Vec::new())], Format::JsonArray);
            read.session = session.clone();
            assert_eq!(problem_of(transaction.read(read).await).code(), "42501");
            let write = Write { session, timeout: TIMEOUT, ..write_of(vec![step(&plan, Vec::new())]) };
            assert_eq!(problem_of(transaction.write(write).await).code(), "42501");
            Ok(())
        })
    };
    sure(store.transact(transaction(work)).await);
}

pub async fn a_plan_is_of_the_role_it_was_bound_for(store: &dyn RecordStore) {
    build_shop(store).await;
    let caller = Caller { role: Some("service_role"), search_path: &[] };
    let plan = sure(store.prepare_as("SELECT count(*) FROM notes", &[], caller));
    is_refused_on_every_path(store, &plan, &session()).await;
    let nobody = Arc::new(Session::default());
    is_refused_on_every_path(store, &plan, &nobody).await;
    let mut read = read_of(&[(&plan, Vec::new())], Format::JsonArray);
    read.session = Arc::new(Session { role: "service_role".to_owned(), ..Session::default() });
    assert_eq!(sure(store.read(read).await).first().map(|rows| rows.count), Some(1));
}
