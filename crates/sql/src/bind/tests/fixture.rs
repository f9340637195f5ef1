//! A small shop: what the tests bind against.

use crate::catalog::{
    Argument, ArgumentMode, Catalog, Column, Constraint, ConstraintKind, Function, Identity, Name, Relation,
    RelationKind, Returns,
};
use mainstay_types::context::{CompositeType, EnumType};
use mainstay_types::{ColumnType, Modifier, Registry, Type, TypeId, Volatility};
use std::sync::Arc;

pub const STATUS: TypeId = TypeId(1);

fn column(name: &str, ty: impl Into<ColumnType>) -> Column {
    Column {
        name: name.to_owned(),
        ty: ty.into(),
        domain: None,
        not_null: false,
        default: None,
        generated: None,
        identity: None,
        sequence: None,
        comment: None,
    }
}

fn needed(column: Column) -> Column {
    Column { not_null: true, ..column }
}

fn defaulted(column: Column, text: &str) -> Column {
    Column { default: Some(text.to_owned()), ..column }
}

fn constraint(name: &str, kind: ConstraintKind) -> Constraint {
    Constraint { name: name.to_owned(), kind, deferrable: false, initially_deferred: false, comment: None }
}

fn primary(table: &str, columns: &[&str]) -> Constraint {
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    constraint(&format!("{table}_pkey"), ConstraintKind::PrimaryKey { columns })
}

fn unique(table: &str, column: &str) -> Constraint {
    let kind = ConstraintKind::Unique { columns: vec![column.to_owned()], nulls_not_distinct: false };
    constraint(&format!("{table}_{column}_key"), kind)
}

fn varchar(length: u32) -> ColumnType {
    ColumnType { ty: Type::Varchar, modifier: Modifier::Length(length) }
}

fn add(
    catalog: &mut Catalog,
    types: &mut Registry,
    name: &str,
    kind: RelationKind,
    columns: Vec<Column>,
    constraints: Vec<Constraint>,
) {
    let id = catalog.take_id();
    let row_type = TypeId(catalog.take_id());
    let fields = columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect();
    types
        .composites
        .insert(row_type, CompositeType { schema: "public".to_owned(), name: name.to_owned(), fields });
    let relation = Relation {
        id,
        name: Name::public(name),
        kind,
        columns,
        constraints,
        indexes: Vec::new(),
        triggers: Vec::new(),
        policies: Vec::new(),
        row_security: false,
        force_row_security: false,
        comment: None,
        owner: None,
        row_type,
        origins: Vec::new(),
        partitioning: None,
    };
    catalog.relations.insert(Name::public(name), Arc::new(relation));
}

fn function(catalog: &mut Catalog, name: &str, arguments: Vec<Argument>, returns: Returns, body: &str) {
    let function = Function {
        name: Name::public(name),
        arguments,
        returns,
        language: "sql".to_owned(),
        body: body.to_owned(),
        volatility: Volatility::Stable,
        strict: false,
        security_definer: false,
        owner: None,
        settings: Vec::new(),
        comment: None,
        definition: String::new(),
    };
    catalog.functions.entry(Name::public(name)).or_default().push(Arc::new(function));
}

fn argument(name: &str, ty: Type) -> Argument {
    Argument { name: name.to_owned(), ty: ty.into(), domain: None, mode: ArgumentMode::In, default: None }
}

fn returns(ty: Type, set: bool) -> Returns {
    Returns { ty: ty.into(), domain: None, set }
}

/// Users, orders with lines, a view over both, an enum, some functions.
pub fn shop() -> Catalog {
    let mut catalog = Catalog::fresh();
    let mut types = Registry::default();
    types.enums.insert(
        STATUS,
        EnumType {
            schema: "public".to_owned(),
            name: "status".to_owned(),
            labels: ["open", "paid", "sent"].map(str::to_owned).to_vec(),
        },
    );
    catalog.type_names.insert(Name::public("status"), STATUS);
    let mut id = needed(column("id", Type::Int8));
    id.identity = Some(Identity::ByDefault);
    id.sequence = Some(Name::public("users_id_seq"));
    add(
        &mut catalog,
        &mut types,
        "users",
        RelationKind::Table,
        vec![
            id,
            needed(column("name", Type::Text)),
            column("email", varchar(40)),
            defaulted(needed(column("active", Type::Bool)), "true"),
            column("tags", Type::array(Type::Text)),
            column("data", Type::Jsonb),
        ],
        vec![primary("users", &["id"]), unique("users", "email")],
    );
    let mut order_id = needed(column("id", Type::Int4));
    order_id.identity = Some(Identity::Always);
    order_id.sequence = Some(Name::public("orders_id_seq"));
    let mut doubled = column("doubled", Type::Numeric);
    doubled.generated = Some("total * 2".to_owned());
    add(
        &mut catalog,
        &mut types,
        "orders",
        RelationKind::Table,
        vec![
            order_id,
            needed(column("user_id", Type::Int8)),
            defaulted(needed(column("status", Type::Enum(STATUS))), "'open'"),
            column(
                "total",
                ColumnType { ty: Type::Numeric, modifier: Modifier::Numeric { precision: 10, scale: 2 } },
            ),
            defaulted(needed(column("created", Type::TimestampTz)), "now()"),
            column("code", Type::Uuid),
            doubled,
        ],
        vec![primary("orders", &["id"])],
    );
    add(
        &mut catalog,
        &mut types,
        "lines",
        RelationKind::Table,
        vec![
            needed(column("order_id", Type::Int4)),
            needed(column("position", Type::Int4)),
            column("product", Type::Text),
            column("amount", Type::Float8),
        ],
        vec![primary("lines", &["order_id", "position"])],
    );
    add(
        &mut catalog,
        &mut types,
        "paid_orders",
        RelationKind::View {
            query: "SELECT o.id, o.user_id, u.name FROM orders o JOIN users u ON u.id = o.user_id WHERE o.status = 'paid'"
                .to_owned(),
            updatable: None,
            security_invoker: false,
            check_option: false,
            check_local: false,
        },
        vec![column("id", Type::Int4), column("user_id", Type::Int8), column("name", Type::Text)],
        Vec::new(),
    );
    let users =
        catalog.relation(&Name::public("users")).map(|relation| relation.row_type).unwrap_or(TypeId(0));
    catalog.types = Arc::new(types);
    function(
        &mut catalog,
        "add_one",
        vec![argument("n", Type::Int4)],
        returns(Type::Int4, false),
        "SELECT n + 1",
    );
    function(
        &mut catalog,
        "order_count",
        vec![argument("", Type::Composite(users))],
        returns(Type::Int8, false),
        "SELECT count(*) FROM orders o WHERE o.user_id = $1.id",
    );
    function(
        &mut catalog,
        "active_users",
        vec![argument("prefix", Type::Text)],
        returns(Type::Composite(users), true),
        "SELECT * FROM users WHERE active AND name LIKE prefix || '%'",
    );
    function(
        &mut catalog,
        "rename_user",
        vec![argument("who", Type::Int8), argument("new_name", Type::Text)],
        returns(Type::Composite(users), true),
        "UPDATE users SET name = new_name WHERE id = who RETURNING *",
    );
    catalog
}
