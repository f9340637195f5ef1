use super::*;
use mainstay_records::query::*;

fn parsed(query: &str) -> Parsed {
    read(query, Reading { call: false, legacy_target_names: true })
        .unwrap_or_else(|p| panic!("{query}: {p} {p:?}"))
}

fn problem(query: &str) -> (String, String) {
    let problem = read(query, Reading::default()).expect_err(query);
    (problem.message().to_owned(), problem.details().unwrap_or_default().to_owned())
}

fn only_filter(query: &str) -> (Filter, Vec<String>) {
    let parsed = parsed(query);
    match parsed.query.conditions.first() {
        Some(Condition::Filter(filter)) => (filter.clone(), parsed.literals),
        other => panic!("{query}: {other:?}"),
    }
}

#[test]
fn a_request_without_a_query_selects_all() {
    assert_eq!(parsed("").query.select, [SelectItem::All]);
    assert_eq!(parsed("a=eq.1").query.select, [SelectItem::All]);
    assert!(parsed("select=").query.select.is_empty());
}

#[test]
fn literals_are_not_part_of_the_shape() {
    let (one, other) = (parsed("id=eq.1&name=like.*x*&limit=3"), parsed("id=eq.2&name=like.y*&limit=9"));
    assert_eq!(one.query, other.query);
    assert_eq!(one.literals, ["1", "%x%"]);
    assert_eq!((one.limit, other.limit), (Some(3), Some(9)));
}

#[test]
fn select_reads_aliases_casts_paths_embeds_and_aggregates() {
    let select = parsed(
        "select=*,full:first-name::text,data->tags->>0,n:count(),total.sum()::text,\
         who:users!fk!inner(id,...team(name)),posts!left()",
    )
    .query
    .select;
    let [all, aliased, json, count, sum, who, posts] = select.as_slice() else { panic!("{select:?}") };
    assert_eq!(*all, SelectItem::All);
    let SelectItem::Field(aliased) = aliased else { panic!("{aliased:?}") };
    assert_eq!((aliased.alias.as_deref(), aliased.field.name.as_str()), (Some("full"), "first-name"));
    assert_eq!(aliased.cast.as_deref(), Some("text"));
    let SelectItem::Field(json) = json else { panic!("{json:?}") };
    assert_eq!(
        json.field.path,
        [
            PathStep { key: PathKey::Name("tags".into()), as_text: false },
            PathStep { key: PathKey::Index(0), as_text: true }
        ]
    );
    let SelectItem::Field(count) = count else { panic!("{count:?}") };
    assert_eq!((count.field.name.as_str(), count.aggregate), ("", Some(Aggregate::Count)));
    let SelectItem::Field(sum) = sum else { panic!("{sum:?}") };
    assert_eq!((sum.aggregate, sum.aggregate_cast.as_deref()), (Some(Aggregate::Sum), Some("text")));
    let SelectItem::Embed(who) = who else { panic!("{who:?}") };
    assert_eq!(
        (who.relation.as_str(), who.alias.as_deref(), who.hint.as_deref()),
        ("users", Some("who"), Some("fk"))
    );
    assert_eq!(who.join, Some(Join::Inner));
    assert!(matches!(&who.query.select[1], SelectItem::Embed(team) if team.spread));
    let SelectItem::Embed(posts) = posts else { panic!("{posts:?}") };
    assert!(posts.query.select.is_empty() && posts.join == Some(Join::Left));
}

#[test]
fn a_list_becomes_an_array_text() {
    let (filter, literals) = only_filter("id=not.in.(1,\"a,\\\"b\",,null,x y)");
    assert!(filter.negated);
    assert!(matches!(filter.test, Test::In(_)));
    assert_eq!(literals, [r#"{1,"a,\"b","","null","x y"}"#]);
    assert_eq!(only_filter("id=in.()").1, ["{}"]);
}

#[test]
fn operators_carry_quantifiers_and_languages() {
    let (filter, literals) = only_filter("name=ilike(any).{a*,*b}");
    assert!(matches!(
        filter.test,
        Test::Compare { operator: Operator::ILike, quantifier: Some(Quantifier::Any), .. }
    ));
    assert_eq!(literals, ["{a%,%b}"]);
    let (filter, literals) = only_filter("body=wfts(english).the%20cat");
    assert!(matches!(filter.test, Test::TextSearch { operator: TextSearch::Web, language: Some(_), .. }));
    assert_eq!(literals, ["english", "the cat"]);
    assert!(matches!(only_filter("a=is.NULL").0.test, Test::Is(IsTest::Null)));
    assert!(matches!(only_filter("a=is.not_null").0.test, Test::Is(IsTest::NotNull)));
}

#[test]
fn trees_nest_and_negate() {
    let parsed = parsed(
        "or=(age.lt.18,not.and(age.gte.11,age.lte.17),name.in.(\"a,b\",c),tags.cs.{x,y})&not.and=(a.is.null)",
    );
    assert_eq!(parsed.literals, ["18", "11", "17", r#"{"a,b",c}"#, "{x,y}"]);
    let [
        Condition::Logic { negated: false, operator: Logic::Or, conditions },
        Condition::Logic { negated: true, .. },
    ] = parsed.query.conditions.as_slice()
    else {
        panic!("{:?}", parsed.query.conditions)
    };
    assert!(
        matches!(&conditions[1], Condition::Logic { negated: true, operator: Logic::And, conditions } if conditions.len() == 2)
    );
}

#[test]
fn a_path_leads_into_the_embed() {
    let parsed = parsed(
        "select=id,p:posts(title,comments(id))&posts.title=eq.x&p.order=title.desc.nullslast&p.limit=2\
         &p.comments.or=(id.eq.1,id.eq.2)&order=posts(title).asc,data->>k",
    );
    let Some(SelectItem::Embed(posts)) = parsed.query.select.get(1) else { panic!() };
    assert_eq!((posts.query.conditions.len(), posts.query.order.len()), (1, 1));
    assert_eq!(posts.query.limit.map(|id| parsed.literals[id.0 as usize].as_str()), Some("2"));
    assert_eq!(parsed.query.order[0].relation.as_deref(), Some("posts"));
    let Some(SelectItem::Embed(comments)) = posts.query.select.get(1) else { panic!() };
    assert_eq!(comments.query.conditions.len(), 1);
    let refused = read("select=p:posts(id)&posts.id=eq.1", Reading::default()).expect_err("new names");
    assert_eq!(refused.hint(), Some("Change 'posts' to 'p' in filters, orders or limits."));
    assert_eq!(read("x.id=eq.1", Reading::default()).expect_err("no embed").code(), "PGRST108");
}

#[test]
fn arguments_of_a_call_are_what_is_no_filter() {
    let parsed =
        read("a=1&b=eq.2&a=3&name=x.y", Reading { call: true, legacy_target_names: true }).expect("call");
    assert_eq!(parsed.query.conditions.len(), 1);
    let names: Vec<_> = parsed.arguments.iter().map(|(name, ids)| (name.as_str(), ids.len())).collect();
    assert_eq!(names, [("a", 2), ("name", 1)]);
}

#[test]
fn errors_have_postgrests_words() {
    let cases = [
        (
            "id=0",
            "\"failed to parse filter (0)\" (line 1, column 1)",
            "unexpected \"0\" expecting \"not\" or operator (eq, gt, ...)",
        ),
        (
            "id=noop.0",
            "\"failed to parse filter (noop.0)\" (line 1, column 1)",
            "unexpected \"o\" expecting \"not\" or operator (eq, gt, ...)",
        ),
        (
            "id=eq().value",
            "\"failed to parse filter (eq().value)\" (line 1, column 4)",
            "unexpected \")\" expecting operator (eq, gt, ...)",
        ),
        (
            "id=fts().value",
            "\"failed to parse filter (fts().value)\" (line 1, column 5)",
            "unexpected \")\" expecting operator (eq, gt, ...)",
        ),
        (
            "id=is().value",
            "\"failed to parse filter (is().value)\" (line 1, column 3)",
            "unexpected \"(\" expecting operator (eq, gt, ...)",
        ),
        (
            "order=id.asc.nullslasttt",
            "\"failed to parse order (id.asc.nullslasttt)\" (line 1, column 17)",
            "unexpected 't' expecting \",\" or end of input",
        ),
        (
            "order=id.descc",
            "\"failed to parse order (id.descc)\" (line 1, column 8)",
            "unexpected 'c' expecting delimiter (.), \",\" or end of input",
        ),
        (
            "order=id.ac",
            "\"failed to parse order (id.ac)\" (line 1, column 4)",
            "unexpected \"c\" expecting \"asc\", \"desc\", \"nullsfirst\" or \"nullslast\"",
        ),
        (
            "order=id.asc.smth34",
            "\"failed to parse order (id.asc.smth34)\" (line 1, column 8)",
            "unexpected \"s\" expecting \"nullsfirst\" or \"nullslast\"",
        ),
        (
            "or=()",
            "\"failed to parse logic tree (())\" (line 1, column 4)",
            "unexpected \")\" expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)",
        ),
        (
            "or=(id.in.1,2,id.eq.3)",
            "\"failed to parse logic tree ((id.in.1,2,id.eq.3))\" (line 1, column 10)",
            "unexpected \"1\" expecting \"(\"",
        ),
        (
            "or=)(",
            "\"failed to parse logic tree ()()\" (line 1, column 3)",
            "unexpected \")\" expecting \"(\"",
        ),
        (
            "select=name!hint",
            "\"failed to parse select parameter (name!hint)\" (line 1, column 5)",
            "unexpected '!' expecting letter, digit, \"-\", \"->>\", \"->\", \"::\", \".\", \")\", \",\" or end of input",
        ),
        (
            "select=data->>--34",
            "\"failed to parse select parameter (data->>--34)\" (line 1, column 9)",
            "unexpected \"-\" expecting digit",
        ),
        (
            "select=name::",
            "\"failed to parse select parameter (name::)\" (line 1, column 7)",
            "unexpected end of input expecting letter or digit",
        ),
        (
            "select=id,clients(name[])",
            "\"failed to parse select parameter (id,clients(name[]))\" (line 1, column 16)",
            "unexpected '[' expecting letter, digit, \"-\", \"->>\", \"->\", \"::\", \".\", \")\", \",\" or end of input",
        ),
    ];
    for (query, message, details) in cases {
        assert_eq!(problem(query), (message.to_owned(), details.to_owned()), "{query}");
    }
}

#[test]
fn everything_is_bounded() {
    let deep = format!("select={}{}", "a(".repeat(100), ")".repeat(100));
    assert_eq!(read(&deep, Reading::default()).expect_err("deep").code(), "PGRST100");
    let deep = format!("or={}a.eq.1{}", "(and".repeat(5000), ")".repeat(5000));
    assert!(read(&deep, Reading::default()).is_err());
    let many = vec!["a=eq.1"; 1001].join("&");
    assert!(read(&many, Reading::default()).is_err());
    let long = format!("a=eq.{}", "x".repeat(QUERY_BYTES_MAX));
    assert_eq!(read(&long, Reading::default()).expect_err("long").http_status(false), 414);
    assert_eq!(read("a=eq.%00", Reading::default()).expect_err("nul").http_status(false), 400);
    assert_eq!(read("a=eq.%ff", Reading::default()).expect_err("utf8").http_status(false), 400);
}

/// Pieces of the grammar in every order that a small generator finds: none may panic.
#[test]
fn no_text_panics() {
    const PIECES: &[&str] = &[
        "select", "=", "&", "(", ")", ",", ".", "a", "order", "or", "and", "not", "in", "is", "eq", "->",
        "->>", "\"", "\\", "::", ":", "!", "...", "*", "-", "1", "%", "%2", "%ff", "+", " ", "é", "{", "}",
        "limit", "null", "count()", "fts", "any", "columns", "\t", "\n",
    ];
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    for _ in 0..1_500 {
        let mut text = String::new();
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        for _ in 0..(state >> 60) + 1 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(PIECES[(state >> 33) as usize % PIECES.len()]);
        }
        fuzz_query(text.as_bytes());
        fuzz_query(format!("select={text}").as_bytes());
        fuzz_query(format!("or=({text})&order={text}&x=in.({text})").as_bytes());
    }
}
