//! `LIMIT` and `OFFSET` from parameters: numbers as they are, NULL for none, negative ones refused.

mod support;

use mainstay_engine::{Format, RecordStore};
use mainstay_sqlite::SqliteStore;
use mainstay_types::{Type, Value};
use support::{Directory, read, settings};

#[test]
fn a_parameter_limits_as_in_postgresql() {
    let directory = Directory::new();
    let store = SqliteStore::open(settings(&directory), support::parts()).expect("the store opens");
    let types = [Type::Int8.into(), Type::Int8.into()];
    let text = "SELECT n FROM generate_series(1, 5) AS n ORDER BY n LIMIT $1 OFFSET $2";
    let plan = store.prepare(text, &types).expect("it is a query");
    let rows = |limit: Value, offset: Value| {
        let rows = read(&store, &plan, vec![limit, offset], Format::JsonValues);
        rows.map(|rows| String::from_utf8(rows.body).expect("UTF-8"))
            .map_err(|problem| format!("{} {}", problem.code(), problem.message()))
    };
    assert_eq!(rows(Value::Integer(2), Value::Integer(1)).as_deref(), Ok("[2,3]"));
    assert_eq!(rows(Value::Integer(0), Value::Integer(0)).as_deref(), Ok("[]"));
    assert_eq!(rows(Value::Null, Value::Null).as_deref(), Ok("[1,2,3,4,5]"));
    assert_eq!(rows(Value::Integer(-1), Value::Null), Err("2201W LIMIT must not be negative".to_owned()));
    assert_eq!(rows(Value::Null, Value::Integer(-1)), Err("2201X OFFSET must not be negative".to_owned()));
}
