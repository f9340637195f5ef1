//! `mainstay policy test` and what `doctor` says of policies.

mod support;

use support::App;

const APP: &str = "
create table notes (id int primary key, owner uuid, body text);
alter table notes enable row level security;
create policy mine on notes to authenticated using (owner = auth.uid());
create table plain (id int primary key);
";
const SEED: &str = "insert into notes values
  (1, '00000000-0000-0000-0000-00000000000a', 'ann'), (2, '00000000-0000-0000-0000-00000000000b', 'bob');";

fn test(name: &str, what: &str, expect: &str) -> String {
    format!(
        "[[test]]\nname = \"{name}\"\nwho = {{ role = \"authenticated\", claims = {{ sub = \"00000000-0000-0000-0000-00000000000a\" }} }}\nwhat = \"{what}\"\nexpect = {expect}\n"
    )
}

#[test]
fn a_project_tests_its_policies() {
    let app = App::with(APP);
    app.write("seed.sql", SEED);
    app.write(
        "policies/notes.toml",
        &[
            test("her own", "select * from notes", "{ rows = 1 }"),
            test("not his", "update notes set body = 'x' where id = 2", "{ rows = 0 }"),
            test("not as him", "insert into notes values (3, null, 'x')", "{ refused = '42501' }"),
        ]
        .concat(),
    );
    let folder = app.path().display().to_string();
    let (code, out, errors) = app.run(&["policy", "test", &folder]);
    assert_eq!(code, 0, "{out}{errors}");
    for line in [
        "ok    notes.toml: her own",
        "ok    notes.toml: not his",
        "ok    notes.toml: not as him",
        "look  table \"plain\" has no row security",
        "look  policy \"mine\" on table \"notes\" compares \"notes\".\"owner\", with which no index begins",
        "CREATE INDEX ON notes (owner)",
        "3 tests: 0 failed; 2 to look at.",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    let (_, out, _) = app.run(&["doctor", &folder]);
    assert!(out.contains("table \"plain\" has no row security"), "{out}");
    assert!(out.contains("CREATE INDEX ON notes (owner)"), "{out}");

    app.write("policies/wrong.toml", &test("sees all", "select * from notes", "{ rows = 2 }"));
    let (code, out, _) = app.run(&["policy", "test", &folder]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("FAIL  wrong.toml: sees all\n      expected 2 rows, there are 1"), "{out}");

    app.write("policies/wrong.toml", "[[test]]\nname = 1\n");
    let (code, _, errors) = app.run(&["policy", "test", &folder]);
    assert!(code == 1 && errors.contains("wrong.toml"), "{errors}");
}

#[test]
fn the_shop_passes_its_own() {
    let app = App::with("");
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/shop");
    let (code, out, errors) = app.run(&["policy", "test", shop]);
    assert_eq!(code, 0, "{out}{errors}");
    assert!(out.contains("ok    shop.toml: a customer does not become staff"), "{out}");
    assert!(out.contains("0 failed; 0 to look at."), "{out}");
}
