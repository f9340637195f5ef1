//! Queries made from a seed: typed expressions and selects over the tables of `tests/differential/schema.sql`.
//!
//! Expressions are well-typed most of the time, so that values are compared, not only errors.

/// A small generator of random numbers (xorshift64*): the same seed gives the same queries everywhere.
pub struct Generator {
    state: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Numeric,
    Float,
    Text,
    Bool,
    Date,
    Timestamp,
    Interval,
    IntArray,
    Json,
}

const KINDS: [Kind; 10] = [
    Kind::Int,
    Kind::Numeric,
    Kind::Float,
    Kind::Text,
    Kind::Bool,
    Kind::Date,
    Kind::Timestamp,
    Kind::Interval,
    Kind::IntArray,
    Kind::Json,
];

impl Generator {
    pub fn new(seed: u64) -> Self {
        Generator { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn kind(&mut self) -> Kind {
        KINDS[self.below(KINDS.len())]
    }

    /// One condition over a row of `people`.
    pub fn condition(&mut self) -> String {
        let depth = 1 + self.below(3);
        self.expression(Kind::Bool, depth)
    }

    /// One query with an order that is fixed.
    pub fn query(&mut self) -> String {
        match self.below(6) {
            0 => {
                let (first, second) = (self.kind(), self.kind());
                format!("select {} as a, {} as b", self.constant(first, 3), self.constant(second, 3))
            }
            1 => {
                let kind = self.kind();
                let filter = self.expression(Kind::Bool, 2);
                format!("select id, {} as x from people where {filter} order by id", self.expression(kind, 3))
            }
            2 => {
                let kind = self.pick(&["mood", "active", "length(name)", "height > 150", "born is null"]);
                let value = self.numeric_expression(2);
                format!(
                    "select {kind} as k, count(*) as n, sum({value}) as s, min(name) as m from people group by 1 order by 1 nulls last"
                )
            }
            3 => {
                let join = self.pick(&["join", "left join"]);
                let kind = self.kind();
                format!(
                    "select people.id, pets.id as pet, {} as x from people {join} pets on pets.owner = people.id order by people.id, pets.id",
                    self.expression(kind, 2)
                        .replace(" id ", " people.id ")
                        .replace("(id", "(people.id")
                        .replace(" name ", " people.name ")
                        .replace("(name", "(people.name")
                )
            }
            4 => {
                let kind = self.kind();
                let direction = self.pick(&["asc", "desc", "asc nulls first", "desc nulls last"]);
                format!(
                    "select id, x from (select id, {} as x from people) as inner_rows order by x {direction}, id",
                    self.ordered(kind)
                )
            }
            _ => {
                let kind = self.kind();
                format!(
                    "select id, (select count(*) from pets where owner = people.id and weight > {}) as n, {} as x from people order by id",
                    self.below(8),
                    self.expression(kind, 2)
                )
            }
        }
    }

    /// Kinds whose order is defined in both.
    fn ordered(&mut self, kind: Kind) -> String {
        let kind = if kind == Kind::Json { Kind::Numeric } else { kind };
        self.expression(kind, 2)
    }

    fn numeric_expression(&mut self, depth: usize) -> String {
        let kind = if self.below(2) == 0 { Kind::Int } else { Kind::Numeric };
        self.expression(kind, depth)
    }

    fn constant(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 || self.below(4) == 0 {
            return self.literal(kind);
        }
        self.operation(kind, depth, false)
    }

    fn expression(&mut self, kind: Kind, depth: usize) -> String {
        match (depth, self.below(5)) {
            (0, 0..=2) | (_, 0) => self.column(kind),
            (0, _) | (_, 1) => self.literal(kind),
            _ => self.operation(kind, depth, true),
        }
    }

    fn column(&mut self, kind: Kind) -> String {
        let columns: &[&str] = match kind {
            Kind::Int => {
                &["people.id", "length(people.name)", "coalesce(people.manager, 0)", "people.manager"]
            }
            Kind::Numeric => &["people.height"],
            Kind::Float => &["people.score"],
            Kind::Text => &["people.name", "people.email", "people.code", "people.mood::text"],
            Kind::Bool => &["people.active", "(people.manager is null)"],
            Kind::Date => &["people.born"],
            Kind::Timestamp => &["people.seen::timestamp", "people.born::timestamp"],
            Kind::Interval => &["(people.seen::timestamp - timestamp '2024-01-01')"],
            Kind::IntArray => &["array[people.id, people.manager]"],
            Kind::Json => &["people.data", "to_jsonb(people.name)", "(people.data -> 'age')"],
        };
        self.pick(columns).to_owned()
    }

    fn literal(&mut self, kind: Kind) -> String {
        let choices: &[&str] = match kind {
            Kind::Int => &["0", "1", "-7", "42", "2147483647", "null::int", "100"],
            Kind::Numeric => {
                &["0.0", "1.50", "-3.14159", "1000000.001", "null::numeric", "0.10", "99999999999999999999.5"]
            }
            Kind::Float => &[
                "0::float8",
                "1.5::float8",
                "-2.25::float8",
                "1e10::float8",
                "null::float8",
                "'NaN'::float8",
            ],
            Kind::Text => {
                &["''", "'abc'", "'Hello World'", "'été'", "null::text", "'  pad '", "'a,b'", "'100%'"]
            }
            Kind::Bool => &["true", "false", "null::bool"],
            Kind::Date => &["date '2024-02-29'", "date '1999-12-31'", "null::date", "date '2000-01-01'"],
            Kind::Timestamp => {
                &["timestamp '2024-02-29 12:34:56.789'", "timestamp '1970-01-01 00:00:00'", "null::timestamp"]
            }
            Kind::Interval => &[
                "interval '1 day'",
                "interval '1 mon -3 days 04:05:06'",
                "interval '90 minutes'",
                "null::interval",
                "interval '2 years'",
            ],
            Kind::IntArray => &["array[1, 2, 3]", "'{}'::int[]", "array[null, 5]", "null::int[]"],
            Kind::Json => &[
                "'{\"a\": 1, \"b\": [1, 2.50, null]}'::jsonb",
                "'[]'::jsonb",
                "'\"x\"'::jsonb",
                "null::jsonb",
                "'{\"b\": {\"a\": true}, \"age\": 7}'::jsonb",
            ],
        };
        self.pick(choices).to_owned()
    }

    fn part(&mut self, kind: Kind, depth: usize, columns: bool) -> String {
        if columns { self.expression(kind, depth - 1) } else { self.constant(kind, depth - 1) }
    }

    fn operation(&mut self, kind: Kind, depth: usize, columns: bool) -> String {
        let templates: &[(&str, &[Kind])] = match kind {
            Kind::Int => &[
                ("({} + {})", &[Kind::Int, Kind::Int]),
                ("({} - {})", &[Kind::Int, Kind::Int]),
                ("({} * {})", &[Kind::Int, Kind::Int]),
                ("({} / {})", &[Kind::Int, Kind::Int]),
                ("({} % {})", &[Kind::Int, Kind::Int]),
                ("length({})", &[Kind::Text]),
                ("abs({})", &[Kind::Int]),
                ("(- {})", &[Kind::Int]),
                ("coalesce({}, {})", &[Kind::Int, Kind::Int]),
                ("case when {} then {} else {} end", &[Kind::Bool, Kind::Int, Kind::Int]),
                ("extract(day from {})::int", &[Kind::Date]),
                ("({} - {})", &[Kind::Date, Kind::Date]),
                ("cardinality({})", &[Kind::IntArray]),
                ("greatest({}, {})", &[Kind::Int, Kind::Int]),
                ("nullif({}, {})", &[Kind::Int, Kind::Int]),
                ("({})[1]", &[Kind::IntArray]),
                ("strpos({}, {})", &[Kind::Text, Kind::Text]),
                ("({})::int", &[Kind::Numeric]),
            ],
            Kind::Numeric => &[
                ("({} + {})", &[Kind::Numeric, Kind::Int]),
                ("({} * {})", &[Kind::Numeric, Kind::Numeric]),
                ("({} / {})", &[Kind::Numeric, Kind::Numeric]),
                ("({} - {})", &[Kind::Int, Kind::Numeric]),
                ("round({}, 2)", &[Kind::Numeric]),
                ("trunc({})", &[Kind::Numeric]),
                ("ceil({})", &[Kind::Numeric]),
                ("({})::numeric", &[Kind::Int]),
                ("({})::numeric(12,3)", &[Kind::Numeric]),
                ("mod({}, {})", &[Kind::Numeric, Kind::Numeric]),
                ("extract(epoch from {})", &[Kind::Interval]),
                ("least({}, {})", &[Kind::Numeric, Kind::Numeric]),
                ("sign({})", &[Kind::Numeric]),
            ],
            Kind::Float => &[
                ("({} + {})", &[Kind::Float, Kind::Float]),
                ("({} * {})", &[Kind::Float, Kind::Int]),
                ("({} / {})", &[Kind::Float, Kind::Float]),
                ("round({})", &[Kind::Float]),
                ("abs({})", &[Kind::Float]),
                ("({})::float8", &[Kind::Numeric]),
                ("floor({})", &[Kind::Float]),
            ],
            Kind::Text => &[
                ("({} || {})", &[Kind::Text, Kind::Text]),
                ("upper({})", &[Kind::Text]),
                ("substr({}, 2, 3)", &[Kind::Text]),
                ("({})::text", &[Kind::Int]),
                ("({})::text", &[Kind::Numeric]),
                ("({})::text", &[Kind::Date]),
                ("({})::text", &[Kind::Interval]),
                ("({})::text", &[Kind::Bool]),
                ("({})::text", &[Kind::Float]),
                ("({})::text", &[Kind::IntArray]),
                ("({})::text", &[Kind::Json]),
                ("replace({}, 'a', 'bb')", &[Kind::Text]),
                ("coalesce({}, {})", &[Kind::Text, Kind::Text]),
                ("lpad({}, 8, '*')", &[Kind::Text]),
                ("left({}, {})", &[Kind::Text, Kind::Int]),
                ("to_char({}, 'YYYY-MM-DD')", &[Kind::Timestamp]),
                ("trim({})", &[Kind::Text]),
                ("({} ->> 'a')", &[Kind::Json]),
                ("reverse({})", &[Kind::Text]),
                ("concat({}, {})", &[Kind::Text, Kind::Int]),
                ("md5({})", &[Kind::Text]),
            ],
            Kind::Bool => &[
                ("({} < {})", &[Kind::Int, Kind::Int]),
                ("({} = {})", &[Kind::Numeric, Kind::Int]),
                ("({} >= {})", &[Kind::Text, Kind::Text]),
                ("({} <> {})", &[Kind::Date, Kind::Date]),
                ("({} and {})", &[Kind::Bool, Kind::Bool]),
                ("({} or {})", &[Kind::Bool, Kind::Bool]),
                ("(not {})", &[Kind::Bool]),
                ("({} is null)", &[Kind::Text]),
                ("({} is distinct from {})", &[Kind::Int, Kind::Int]),
                ("({} in ({}, {}))", &[Kind::Int, Kind::Int, Kind::Int]),
                ("({} between {} and {})", &[Kind::Int, Kind::Int, Kind::Int]),
                ("({} like '%a%')", &[Kind::Text]),
                ("({} ilike 'h%')", &[Kind::Text]),
                ("({} = any({}))", &[Kind::Int, Kind::IntArray]),
                ("({} @> {})", &[Kind::IntArray, Kind::IntArray]),
                ("({} @> {})", &[Kind::Json, Kind::Json]),
                ("({} ? 'a')", &[Kind::Json]),
                ("({} > {})", &[Kind::Interval, Kind::Interval]),
                ("({} < {})", &[Kind::Timestamp, Kind::Date]),
                ("({} = {})", &[Kind::Float, Kind::Int]),
                ("({} is true)", &[Kind::Bool]),
            ],
            Kind::Date => &[
                ("({} + {} % 1000)", &[Kind::Date, Kind::Int]),
                ("({})::date", &[Kind::Timestamp]),
                ("coalesce({}, {})", &[Kind::Date, Kind::Date]),
                ("date_trunc('month', {})::date", &[Kind::Timestamp]),
            ],
            Kind::Timestamp => &[
                ("({} + {})", &[Kind::Timestamp, Kind::Interval]),
                ("({} - {})", &[Kind::Date, Kind::Interval]),
                ("({})::timestamp", &[Kind::Date]),
                ("date_trunc('hour', {})", &[Kind::Timestamp]),
            ],
            Kind::Interval => &[
                ("({} + {})", &[Kind::Interval, Kind::Interval]),
                ("({} * ({} % 10))", &[Kind::Interval, Kind::Int]),
                ("({} - {})", &[Kind::Timestamp, Kind::Timestamp]),
                ("age({}, {})", &[Kind::Timestamp, Kind::Timestamp]),
                ("justify_hours({})", &[Kind::Interval]),
            ],
            Kind::IntArray => &[
                ("array[{}, {}]", &[Kind::Int, Kind::Int]),
                ("({} || {})", &[Kind::IntArray, Kind::Int]),
                ("array_remove({}, {})", &[Kind::IntArray, Kind::Int]),
                ("({} || {})", &[Kind::IntArray, Kind::IntArray]),
            ],
            Kind::Json => &[
                ("jsonb_build_object('k', {}, 't', {})", &[Kind::Int, Kind::Text]),
                ("to_jsonb({})", &[Kind::Numeric]),
                ("to_jsonb({})", &[Kind::IntArray]),
                ("to_jsonb({})", &[Kind::Timestamp]),
                ("({} -> 'b')", &[Kind::Json]),
                ("({} || {})", &[Kind::Json, Kind::Json]),
                ("jsonb_build_array({}, {})", &[Kind::Date, Kind::Bool]),
            ],
        };
        let (template, kinds) = templates[self.below(templates.len())];
        let mut parts = template.split("{}");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for (part, kind) in parts.zip(kinds) {
            out.push_str(&self.part(*kind, depth, columns));
            out.push_str(part);
        }
        out
    }
}
