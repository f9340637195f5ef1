use super::*;

fn place(problem: &Problem) -> Option<usize> {
    problem.place().map(|place| place.offset)
}

#[test]
fn statements_have_their_byte_places() {
    let text = "-- ü first\nselect 1 ;\n\n/* x */ create table ä (b int)";
    let all = statements(text).unwrap();
    let slices: Vec<&str> = all.iter().map(|s| &text[s.start..s.end]).collect();
    assert_eq!(slices, ["select 1", "create table ä (b int)"]);
    assert!(statements("").unwrap().is_empty());
    assert!(statements(" ; ; ").unwrap().is_empty());
}

#[test]
fn a_syntax_error_has_postgresqls_message_and_a_byte_place() {
    let problem = statements("select 'üü', frm from x where").unwrap_err();
    assert_eq!((problem.code(), problem.message()), ("42601", "syntax error at end of input"));
    let problem = statements("select 'üü' frm x;").unwrap_err();
    assert_eq!(problem.message(), "syntax error at or near \"x\"");
    assert_eq!(place(&problem), Some("select 'üü' frm ".len()));
    assert_eq!(statements("select 'a\0b'").unwrap_err().code(), "22021");
    let problem = statements("select 'abc").unwrap_err();
    assert_eq!(problem.message(), "unterminated quoted string at or near \"'abc\"");
}

#[test]
fn an_expression_keeps_its_places() {
    let node = expression("a + lower(b)").unwrap();
    let Some(NodeEnum::AExpr(sum)) = node.node else { panic!("not an operator") };
    assert_eq!(sum.location, 2);
    assert!(expression("a, b").is_err());
    assert!(expression("a from b").is_err());
    assert!(expression("a; select 1").is_err());
    assert!(expression("").is_err());
    assert_eq!(place(&expression("a + )").unwrap_err()), Some(4));
}

#[test]
fn what_is_written_back_is_what_was_read() {
    for text in
        ["a + 1 > 2", "lower(email) = ANY(ARRAY['a', 'b'])", "'x'::text", "CASE WHEN a THEN 1 ELSE 2 END"]
    {
        assert_eq!(deparse_expression(&expression(text).unwrap()).unwrap(), text);
    }
    assert_eq!(type_name("numeric(10, 2)[]").unwrap().typmods.len(), 2);
    assert!(type_name("numeric(10").is_err());
}

#[test]
fn depth_is_bounded_and_deep_texts_do_not_overflow_the_stack() {
    let nested = |depth: usize| format!("select {}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(statements(&nested(DEPTH_INLINE_MAX)).is_ok());
    assert!(statements(&nested(1_900)).is_ok());
    assert_eq!(statements(&nested(2_100)).unwrap_err().code(), "54001");
    let chained = |count: usize| format!("select 1{}", " + 1".repeat(count));
    assert!(statements(&chained(500)).is_ok());
    assert_eq!(statements(&chained(1_900)).unwrap_err().code(), "54001");
    assert_eq!(statements(&chained(100_000)).unwrap_err().code(), "54001");
    let selects = |depth: usize| format!("{}select 1{}", "select (".repeat(depth), ")".repeat(depth));
    assert!(statements(&selects(100)).is_ok());
    assert_eq!(statements(&selects(1_500)).unwrap_err().code(), "54001");
    let cases = "case when true then ".repeat(3_000);
    assert_eq!(statements(&format!("select {cases}")).unwrap_err().code(), "54001");
}

#[test]
fn psql_lines_and_copy_data_are_set_apart() {
    let text = "\\restrict abc\nSET x = 1;\nCOPY public.t (a, b) FROM stdin;\n1\tit's; \\N\n2\t$$\n\\.\n\nSELECT 1;\n\\unrestrict abc\n";
    let script = script(text).unwrap();
    assert_eq!(script.statements.len(), 3);
    assert_eq!(
        script.ignored.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>(),
        ["\\restrict abc", "\\unrestrict abc"]
    );
    let copy = script.copies[0];
    assert_eq!(&text[copy.start..copy.end], "1\tit's; \\N\n2\t$$\n");
    assert_eq!(copy.statement_end, script.statements[1].end);
    assert_eq!(&text[script.statements[2].start..script.statements[2].end], "SELECT 1");
}

#[test]
fn a_walk_meets_every_name() {
    let mut statement = statement(
        "with c as (select x from s.a) insert into b (y) select (select max(z) from d join e on e.i = d.i) from c \
         where exists (select 1 from f where v::mytype = 1) on conflict (y) do update set y = excluded.y returning y",
    )
    .unwrap();
    let mut ranges = Vec::new();
    let mut types = 0;
    for_each_node(&mut statement.node, &mut |visit| match visit {
        Visit::Range(range) => ranges.push(range.relname.clone()),
        Visit::Type(_) => types += 1,
        Visit::Node(_) => {}
    });
    assert_eq!((ranges.join(" ").as_str(), types), ("a b c d e f", 1));
}
