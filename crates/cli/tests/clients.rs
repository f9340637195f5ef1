//! The ecosystem's own clients, unchanged, against a running server. `cargo xtask test` installs them.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{App, Server, run};

fn installed(part: &str) -> PathBuf {
    let folder = std::env::var_os("MAINSTAY_TEST_CLIENTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients"), PathBuf::from);
    let path = folder.join(part);
    assert!(
        path.exists(),
        "`{}` is missing: run `cargo xtask test`, which installs the clients",
        path.display()
    );
    path
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(name)
}

#[track_caller]
fn passes(command: &mut Command, server: &Server) {
    command
        .env("MAINSTAY_URL", &server.url)
        .env("MAINSTAY_ANON_KEY", &server.anon)
        .env("MAINSTAY_SERVICE_KEY", &server.service_role);
    let (code, out, errors) = run(command);
    assert_eq!(code, 0, "{out}\n{errors}");
}

const APP: &str = "
create type mood as enum ('sad', 'ok', 'happy');
create table authors (id int generated always as identity primary key, name text not null unique, mood mood not null default 'ok');
create table books (
  id int generated always as identity primary key,
  author_id int not null references authors (id) on delete cascade,
  title text not null,
  price numeric(8, 2),
  tags text[] not null default '{}',
  meta jsonb not null default '{}',
  published date
);
create table labels (id int primary key, name text not null);
create table book_labels (book_id int references books (id) on delete cascade, label_id int references labels (id), primary key (book_id, label_id));
create function add(a int, b int) returns int language sql immutable as 'select a + b';
create function books_of(author text) returns setof books language sql stable as $$ select b.* from books b join authors a on a.id = b.author_id where a.name = author $$;
";

/// Node resolves packages from the script's place, so the script is copied beside them.
fn node(name: &str) -> Command {
    let modules = installed("node/node_modules");
    let copy = modules.parent().expect("a parent").join(name);
    std::fs::copy(script(name), &copy).expect("copies the script");
    let mut command = Command::new("node");
    command.arg("--test").arg(copy);
    command
}

#[test]
fn supabase_js_works_unchanged() {
    let app = App::with(APP);
    let server = app.dev();
    passes(&mut node("supabase.test.mjs"), &server);
}

const NOTES: &str = "
create table notes (
  id int generated always as identity primary key,
  owner uuid not null default auth.uid() references auth.users (id) on delete cascade,
  body text not null
);
alter table notes enable row level security;
create policy \"own notes\" on notes using (owner = auth.uid()) with check (owner = auth.uid());
";

#[test]
fn supabase_js_signs_people_in_unchanged() {
    let app = App::with(NOTES);
    app.write("mainstay.toml", "[auth]\nanonymous_users = true\n");
    let server = app.dev();
    passes(&mut node("auth.test.mjs"), &server);
}

#[test]
fn postgrest_py_works_unchanged() {
    let app = App::with(APP);
    let server = app.dev();
    passes(Command::new(installed("python/bin/python")).arg(script("postgrest_test.py")), &server);
}

/// Somebody to sign in, and a function that tells who calls.
const PEOPLE: &str = "
insert into auth.users (id, email, encrypted_password, email_confirmed_at, role, aud) values
  ('0b54a2c1-9a5e-4a6e-8a3f-111111111111', 'ann@example.com', crypt('correct horse', gen_salt('bf', 6)), now(),
   'authenticated', 'authenticated');
create function whoami() returns json language sql stable as $$ select json_build_object(
  'role', auth.jwt() ->> 'role', 'sub', auth.jwt() ->> 'sub', 'client', auth.jwt() ->> 'client_id') $$;
";

#[test]
fn openid_client_is_content() {
    installed("node/node_modules/openid-client");
    let app = App::with(PEOPLE);
    let server = app.dev();
    passes(&mut node("openid.test.mjs"), &server);
}

#[test]
fn authlib_is_content() {
    let app = App::with(PEOPLE);
    let server = app.dev();
    passes(Command::new(installed("python/bin/python")).arg(script("authlib_test.py")), &server);
}

#[test]
fn the_openapi_document_is_valid() {
    let app = App::shop();
    let server = app.dev();
    passes(Command::new(installed("python/bin/python")).arg(script("openapi_test.py")), &server);
}

#[test]
fn the_pages_work_in_a_browser() {
    installed("node/node_modules/playwright-core");
    let app = App::shop();
    let server = app.dev();
    passes(node("pages.test.mjs").env("CHROMIUM", "/usr/bin/chromium"), &server);
}

/// A folder below the modules, so that the compiler and Node find them as in a project.
fn project(script_name: &str) -> tempfile::TempDir {
    let modules = installed("node/node_modules");
    installed("node/node_modules/typescript");
    let folder = tempfile::tempdir_in(modules.parent().expect("a parent")).expect("a folder");
    std::fs::copy(script(script_name), folder.path().join(script_name)).expect("copies the client");
    folder
}

/// Compiles a file of a project strictly, and gives the lines on which the compiler found something.
fn compile(folder: &Path, name: &str) -> (Vec<usize>, String) {
    let mut compiler = Command::new("node");
    compiler.arg(installed("node/node_modules/typescript/bin/tsc")).current_dir(folder).args([
        "--strict",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--module",
        "esnext",
        "--moduleResolution",
        "bundler",
        "--lib",
        "es2022,dom,dom.iterable",
        name,
    ]);
    let (code, out, errors) = run(&mut compiler);
    let lines: Vec<usize> = out
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('(')?.split(',').next()?.parse().ok())
        .collect();
    assert_eq!(code == 0, lines.is_empty(), "{out}{errors}");
    (lines, out)
}

/// Compiles a file beside the types that `mainstay types` makes of the shop.
fn compile_with_types(name: &str) -> (Vec<usize>, String) {
    let folder = project(name);
    let mut command = support::binary();
    command.args(["types", "typescript"]).arg(support::shop()).arg("--out");
    let (code, out, errors) = run(command.arg(folder.path().join("database.types.ts")));
    assert_eq!((code, out.as_str()), (0, ""), "{errors}");
    compile(folder.path(), name)
}

/// A project with the types that openapi-typescript makes of what the server describes to the service role.
fn openapi_project(server: &Server, name: &str) -> tempfile::TempDir {
    let folder = project(name);
    let document = server.send("GET", "/rest/v1/", &[("apikey", &server.service_role)], None);
    assert_eq!(document.status, 200, "{document:?}");
    std::fs::write(folder.path().join("openapi.json"), &document.body).expect("writes the document");
    let mut generator = Command::new("node");
    generator
        .arg(installed("node/node_modules/openapi-typescript/bin/cli.js"))
        .current_dir(folder.path())
        .args(["openapi.json", "-o", "api.types.ts"]);
    let (code, out, errors) = run(&mut generator);
    assert_eq!(code, 0, "{out}{errors}");
    folder
}

/// What the compiler finds is what the file marks, and each mark has a mistake below it.
#[track_caller]
fn assert_refused(name: &str, marks: usize, (lines, out): (Vec<usize>, String)) {
    let text = std::fs::read_to_string(script(name)).expect("reads the client");
    let wanted: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with("// must fail"))
        // Lines count from one, and the mistake is on the next.
        .map(|(index, _)| index + 2)
        .collect();
    assert_eq!(wanted.len(), marks);
    assert_eq!(lines, wanted, "{out}");
}

#[test]
fn a_typed_client_of_the_shop_compiles() {
    let (lines, out) = compile_with_types("shop.types.ts");
    assert!(lines.is_empty(), "{out}");
}

#[test]
fn mistakes_in_a_typed_client_are_type_errors() {
    assert_refused("shop.types.fail.ts", 9, compile_with_types("shop.types.fail.ts"));
}

#[test]
fn a_client_typed_by_the_openapi_document_compiles_and_works() {
    let app = App::shop();
    let server = app.dev();
    let folder = openapi_project(&server, "openapi.client.ts");
    let (lines, out) = compile(folder.path(), "openapi.client.ts");
    assert!(lines.is_empty(), "{out}");
    passes(Command::new("node").arg("--test").arg(folder.path().join("openapi.client.js")), &server);
}

#[test]
fn mistakes_in_a_client_typed_by_the_openapi_document_are_type_errors() {
    let app = App::shop();
    let server = app.dev();
    let folder = openapi_project(&server, "openapi.fail.ts");
    assert_refused("openapi.fail.ts", 15, compile(folder.path(), "openapi.fail.ts"));
}

#[test]
fn types_name_what_is_wrong() {
    let app = App::with(APP);
    let (code, out, errors) = app.run(&["types", "typescript", "--schema", "shpo"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(errors.contains("schema \"shpo\" does not exist"), "{errors}");
    let (code, out, errors) = app.run(&["types", "typescript"]);
    assert_eq!(code, 0, "{errors}");
    for words in ["export type Database = {", "mood: \"sad\" | \"ok\" | \"happy\"", "tags: string[]"] {
        assert!(out.contains(words), "{words} is missing in {out}");
    }
}
