//! The query tree: what a request asks of a relation, with its literals set aside.
//!
//! Two requests of one *shape* differ in their literals alone, so the tree (which has none) is the key of the plan
//! cache, and literals are parameters. [`LiteralId`] points into [`Request::literals`].

use mainstay_types::Session;
use std::sync::Arc;

/// Where a literal of the request stands in [`Literals`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LiteralId(pub u32);

/// The texts of a request that are values: never part of a plan.
pub type Literals = Vec<String>;

/// A read of rows of a relation or of what a function returns.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Query {
    pub select: Vec<SelectItem>,
    pub conditions: Vec<Condition>,
    pub order: Vec<OrderTerm>,
    pub limit: Option<LiteralId>,
    pub offset: Option<LiteralId>,
    // ranges, orders and conditions of embeds stand in the embed
}

/// One item of `select=`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SelectItem {
    /// `*`
    All,
    Field(SelectField),
    Embed(Embed),
}

/// `alias:column->path::cast.aggregate()::cast`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SelectField {
    pub field: Field,
    pub alias: Option<String>,
    pub cast: Option<String>,
    pub aggregate: Option<Aggregate>,
    /// The cast behind the aggregate.
    pub aggregate_cast: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    Sum,
    Avg,
    Count,
    Max,
    Min,
}

/// A column, or a place within a JSON, array or composite column: `data->tags->0`, `data->>name`.
/// `count()` without a column is a field with an empty name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    pub name: String,
    pub path: Vec<PathStep>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathStep {
    pub key: PathKey,
    /// `->>` instead of `->`.
    pub as_text: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathKey {
    Name(String),
    Index(i32),
}

/// `alias:relation!hint!inner(select…)` or, with `spread`, `...relation(select…)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Embed {
    pub relation: String,
    pub alias: Option<String>,
    pub hint: Option<String>,
    pub join: Option<Join>,
    pub spread: bool,
    pub query: Query,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Join {
    Inner,
    Left,
}

/// One element of the conjunction that a request's filters make.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    Filter(Filter),
    Logic { negated: bool, operator: Logic, conditions: Vec<Condition> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Logic {
    And,
    Or,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    pub field: Field,
    pub negated: bool,
    pub test: Test,
}

/// What a filter compares with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    Compare {
        operator: Operator,
        quantifier: Option<Quantifier>,
        value: LiteralId,
    },
    /// `in.(…)`: the literal is a PostgreSQL array text (`{a,"b,c"}`), so that any number of elements is one shape.
    In(LiteralId),
    Is(IsTest),
    IsDistinct(LiteralId),
    TextSearch {
        operator: TextSearch,
        language: Option<LiteralId>,
        value: LiteralId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    /// `*` already replaced by `%` in the literal.
    Like,
    ILike,
    Match,
    IMatch,
    Contains,
    ContainedBy,
    Overlaps,
    StrictlyLeft,
    StrictlyRight,
    NotExtendsRight,
    NotExtendsLeft,
    Adjacent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    Any,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IsTest {
    Null,
    NotNull,
    True,
    False,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextSearch {
    ToTsquery,
    Plain,
    Phrase,
    Web,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderTerm {
    /// Set for `order=relation(column)`: orders the parent by a column of a to-one embed.
    pub relation: Option<String>,
    pub field: Field,
    pub direction: Option<Direction>,
    pub nulls: Option<NullsOrder>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    Ascending,
    Descending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NullsOrder {
    First,
    Last,
}

/// What a request does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Read,
    Insert(Insert),
    Update(Update),
    /// `PUT`: one row by its primary key.
    Replace(Update),
    Delete,
    /// A function by name. `arguments` come from the query string (GET) or the body (POST).
    Call(CallTarget),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Insert {
    /// `columns=`; `None` means the keys of the body.
    pub columns: Option<Vec<String>>,
    pub on_conflict: Option<Vec<String>>,
    pub resolution: Option<Resolution>,
    /// `Prefer: missing=default`: absent keys take the column's default instead of NULL.
    pub missing_default: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution {
    Merge,
    Ignore,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Update {
    pub columns: Option<Vec<String>>,
    pub missing_default: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallTarget {
    /// GET and HEAD: the function must not write.
    pub read_only: bool,
    /// Names of the arguments given in the query string, each with its literals (several for a variadic argument).
    pub arguments: Vec<(String, Vec<LiteralId>)>,
    /// The body is one argument (`Content-Type: text/plain`, `application/octet-stream`, or
    /// `Prefer: params=single-object`), not an object of arguments.
    pub single_argument: bool,
}

/// `Prefer: return=…`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Return {
    #[default]
    Minimal,
    HeadersOnly,
    Representation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Count {
    Exact,
    Planned,
    Estimated,
}

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Answer {
    #[default]
    Array,
    /// `application/vnd.pgrst.object+json`: exactly one row, else PGRST116.
    Object,
    Csv,
    /// `application/x-ndjson`: one object on each line.
    Lines,
    /// `application/geo+json` is refused; text and octets take one column.
    Raw,
    /// Nothing but headers (`HEAD`, `return=minimal`).
    Nothing,
}

/// The body of a write or a call.
#[derive(Clone, Debug, Default)]
pub enum Payload {
    #[default]
    None,
    /// JSON text: an object, an array of objects, or for calls any value.
    Json(Vec<u8>),
    /// CSV text with a header line; `NULL` unquoted is NULL.
    Csv(Vec<u8>),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
    /// Raw bytes for a single-argument call.
    Raw(Vec<u8>),
    /// The same, said to be XML.
    Xml(Vec<u8>),
}

/// A whole request to `records`, as a face has understood it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The schema by profile header, or the first exposed one.
    pub schema: String,
    /// The relation or the function.
    pub target: String,
    pub shape: Shape,
    pub literals: Literals,
    pub payload: Payload,
    pub session: Arc<Session>,
    /// `Prefer: max-affected=n` with `handling=strict`.
    pub max_affected: Option<u64>,
    /// `Prefer: tx=rollback`.
    pub rollback: bool,
    /// The `Range` header or limit/offset of the top level as numbers, to make `Content-Range` from.
    pub offset: u64,
    pub limit: Option<u64>,
    /// The answer is how the request would be carried out; nothing runs.
    pub explain: Option<Explain>,
    /// `after=`: the cursor of a page by key, empty for the first one.
    pub after: Option<String>,
}

/// The form in which a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    Json,
    Text,
}

/// The part of a request that decides its plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    pub action: Action,
    pub query: Query,
    pub returning: Return,
    pub count: Option<Count>,
    pub answer: Answer,
    pub nulls_stripped: bool,
}

/// What the service answers; the face makes a status and headers of it.
#[derive(Debug, Default)]
pub struct Response {
    pub body: Vec<u8>,
    /// Rows in the body, or affected where the body is empty.
    pub rows: u64,
    /// All rows that match, where a count was asked for.
    pub total: Option<u64>,
    /// The cursor of the next page, where pages by key were asked for and there is one.
    pub next: Option<String>,
    /// For an insert of one row with `return=headers-only`: the query string that names it (`id=eq.7`, parts
    /// percent-encoded and joined by `&`), for `Location`.
    pub location: Option<String>,
    /// Upsert or PUT: whether a row was made (201) or changed (200).
    pub created: bool,
    /// The position of the write.
    pub position: Option<mainstay_engine::Position>,
    /// For calls: what the function returns, so that the face can choose a content type.
    pub scalar: bool,
    /// For calls: the function returns `void`, which is answered with 204 and no body.
    pub returns_void: bool,
    /// `response.headers`, `response.status`: set by statements.
    pub settings: Vec<(String, String)>,
}
