//! Functions about the session, the system and values in general.

mod identity;
mod session;
mod values;

use super::define::function;
use crate::registry::{Body, Native, Ty};
use Ty::{Any, AnyElement, Bool, Int4, Int8, Jsonb, Name, Oid, Text, Uuid, Void};

const SESSION: &str = "Session information functions";
const SYSTEM: &str = "System functions";
const UUIDS: &str = "UUID functions";
const SEQUENCES: &str = "Sequence functions";
const CONDITIONS: &str = "Conditional and comparison functions";

/// Carried out by the engine, which keeps the state.
const fn engine(section: &'static str, name: &'static str, args: &'static [Ty], returns: Ty) -> Native {
    Native { body: Body::Engine, ..function(section, name, args, returns, values::never).volatile() }
}

pub(crate) static TABLE: &[Native] = &[
    function(UUIDS, "gen_random_uuid", &[], Uuid, identity::random).volatile(),
    function(UUIDS, "uuid_generate_v4", &[], Uuid, identity::random).volatile(),
    function(UUIDS, "uuidv4", &[], Uuid, identity::random).volatile(),
    function(UUIDS, "uuidv7", &[], Uuid, identity::by_time).volatile(),
    function(UUIDS, "uuid_nil", &[], Uuid, identity::nil),
    function(UUIDS, "uuid_send", &[Uuid], Ty::Bytea, identity::send),
    function(SESSION, "auth.uid", &[], Uuid, session::user_id).stable(),
    function(SESSION, "auth.jwt", &[], Jsonb, session::claims).stable(),
    function(SESSION, "auth.role", &[], Text, session::claimed_role).stable(),
    function(SESSION, "auth.email", &[], Text, session::email).stable(),
    function(SESSION, "current_user", &[], Name, session::role).stable(),
    function(SESSION, "user", &[], Name, session::role).stable(),
    function(SESSION, "current_role", &[], Name, session::role).stable(),
    function(SESSION, "session_user", &[], Name, session::session_user).stable(),
    function(SESSION, "current_database", &[], Name, session::database).stable(),
    function(SESSION, "current_catalog", &[], Name, session::database).stable(),
    function(SESSION, "current_schema", &[], Name, session::schema).stable(),
    function(SESSION, "current_schemas", &[Bool], Ty::ArrayOf(&Ty::Name), session::schemas).stable(),
    function(SESSION, "current_setting", &[Text], Text, session::setting).stable(),
    function(SESSION, "current_setting", &[Text, Bool], Text, session::setting).stable(),
    function(SESSION, "set_config", &[Text, Text, Bool], Text, session::set_config)
        .called_on_null()
        .volatile(),
    function(SESSION, "version", &[], Text, session::version).stable(),
    function(SESSION, "pg_backend_pid", &[], Int4, session::process).stable(),
    function(SESSION, "pg_is_in_recovery", &[], Bool, values::no).volatile(),
    function(SYSTEM, "pg_typeof", &[Any], Text, values::type_name).called_on_null().stable(),
    function(SYSTEM, "format_type", &[Oid, Int4], Text, values::format_type).called_on_null().stable(),
    function(SYSTEM, "obj_description", &[Oid, Name], Text, values::null).stable(),
    function(SYSTEM, "obj_description", &[Oid], Text, values::null).stable(),
    function(SYSTEM, "col_description", &[Oid, Int4], Text, values::null).stable(),
    function(SYSTEM, "pg_column_size", &[Any], Int4, values::size).stable(),
    function(SYSTEM, "pg_input_is_valid", &[Text, Text], Bool, values::is_valid).stable(),
    function(SYSTEM, "pg_sleep", &[Ty::Float8], Void, values::sleep).volatile(),
    // Writers follow one another, so a lock until the end of a transaction is held by whoever asks for it.
    function(SYSTEM, "pg_advisory_xact_lock", &[Int8], Void, values::void).volatile(),
    function(SYSTEM, "pg_advisory_xact_lock", &[Int4, Int4], Void, values::void).volatile(),
    function(SYSTEM, "pg_try_advisory_xact_lock", &[Int8], Bool, values::yes).volatile(),
    function(SYSTEM, "pg_try_advisory_xact_lock", &[Int4, Int4], Bool, values::yes).volatile(),
    engine(SYSTEM, "txid_current", &[], Int8).stable(),
    engine(SYSTEM, "pg_notify", &[Text, Text], Void),
    engine(SEQUENCES, "nextval", &[Text], Int8),
    engine(SEQUENCES, "currval", &[Text], Int8),
    engine(SEQUENCES, "lastval", &[], Int8),
    engine(SEQUENCES, "setval", &[Text, Int8], Int8),
    engine(SEQUENCES, "setval", &[Text, Int8, Bool], Int8),
    engine(SEQUENCES, "pg_get_serial_sequence", &[Text, Text], Text).stable(),
    function(CONDITIONS, "num_nulls", &[Any], Int4, values::count_nulls).with_variadic().called_on_null(),
    function(CONDITIONS, "num_nonnulls", &[Any], Int4, values::count_values).with_variadic().called_on_null(),
    function(CONDITIONS, "greatest", &[AnyElement], AnyElement, values::greatest)
        .with_variadic()
        .called_on_null(),
    function(CONDITIONS, "least", &[AnyElement], AnyElement, values::least).with_variadic().called_on_null(),
];
