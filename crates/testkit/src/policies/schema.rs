//! Tables, rows, roles, grants, policies, views and functions.

use super::Maker;

const TABLES: [&str; 3] = ["org", "member", "doc"];

impl Maker {
    pub(super) fn schema(&mut self) -> Vec<String> {
        let mut out = self.roles();
        out.extend(self.tables());
        out.extend(self.rows());
        out.extend(self.functions());
        out.extend(self.views());
        out.extend(self.grants());
        for table in TABLES {
            out.extend(self.policies(table));
        }
        out
    }

    fn roles(&mut self) -> Vec<String> {
        let bypass = if self.one_in(6) { " bypassrls" } else { "" };
        let mut out = vec![
            "create role r_staff".to_owned(),
            format!("create role r_boss{bypass}"),
            "create role r_lone noinherit".to_owned(),
            "grant usage on schema auth to r_staff, r_boss, r_lone".to_owned(),
        ];
        for (role, member) in [("r_staff", "r_boss"), ("r_staff", "r_lone"), ("authenticated", "r_boss")] {
            if self.one_in(2) {
                out.push(format!("grant {role} to {member}"));
            }
        }
        out
    }

    fn tables(&mut self) -> Vec<String> {
        let key = if self.one_in(3) { "" } else { ", primary key (user_id, org)" };
        let owner = self.pick(&["", " default auth.uid()"]);
        let org = self.pick(&["int", "int references org (id)", "bigint"]);
        let note = self.pick(&["text", "text unique", "text check (length(note) < 6)"]);
        let score = self.pick(&["int", "int check (score < 100)", "int not null default 1"]);
        let mut out = vec![
            "create table org (id int primary key, name text, owner uuid)".to_owned(),
            format!("create table member (user_id uuid, org int, level int{key})"),
            format!(
                "create table doc (id int primary key, org {org}, owner uuid{owner}, public boolean, score {score}, note {note})"
            ),
        ];
        for index in ["member (user_id)", "member (org)", "doc (org)", "doc (owner)", "org (owner)"] {
            if self.one_in(2) {
                out.push(format!("create index on {index}"));
            }
        }
        for table in TABLES {
            if self.one_in(5) {
                let owner = self.pick(&["r_staff", "r_boss", "r_lone"]);
                out.push(format!("alter table {table} owner to {owner}"));
            }
        }
        out
    }

    fn rows(&mut self) -> Vec<String> {
        let mut orgs = Vec::new();
        for id in 1..=4 {
            let user = self.user();
            let owner = self.or_null(4, user);
            let name = self.or_null(5, format!("'o{id}'"));
            orgs.push(format!("({id}, {name}, {owner})"));
        }
        let mut members = Vec::new();
        for user in 1..=4 {
            for org in 1..=4 {
                if self.one_in(2) {
                    let level = self.random.below(4).to_string();
                    let level = self.or_null(4, level);
                    members.push(format!("('00000000-0000-0000-0000-00000000000{user}', {org}, {level})"));
                }
            }
        }
        members.push("('00000000-0000-0000-0000-000000000009', 1, 1)".to_owned());
        let mut docs = Vec::new();
        for id in 1..=9 {
            let org = (1 + self.random.below(4)).to_string();
            let org = self.or_null(5, org);
            let user = self.user();
            let owner = self.or_null(5, user);
            let public = self.pick(&["true", "false", "null"]);
            let score = self.random.below(6);
            let note = self.or_null(5, format!("'a{id}'"));
            docs.push(format!("({id}, {org}, {owner}, {public}, {score}, {note})"));
        }
        vec![
            format!("insert into org values {}", orgs.join(", ")),
            format!("insert into member values {}", members.join(", ")),
            format!("insert into doc values {}", docs.join(", ")),
        ]
    }

    fn functions(&mut self) -> Vec<String> {
        self.definer = self.one_in(2);
        let definer = if self.definer { " security definer" } else { "" };
        let strict = self.pick(&["", " strict"]);
        let mut out = vec![
            format!(
                "create function is_member(o int) returns boolean language sql stable{strict}{definer} as $$ select exists (select 1 from member where org = o and user_id = auth.uid()) $$"
            ),
            "create function is_member(o bigint) returns boolean language sql stable as $$ select is_member(o::int) $$"
                .to_owned(),
            format!(
                "create function my_orgs() returns setof int language sql stable{definer} as $$ select org from member where user_id = auth.uid() $$"
            ),
        ];
        let owned = self.pick(&["", " security definer"]);
        out.push(format!(
            "create function visible_docs() returns setof doc language sql stable{owned} as $$ select * from doc $$"
        ));
        out.push(format!(
            "create function doc_count() returns bigint language sql stable{owned} as $$ select count(*) from doc $$"
        ));
        out.push(format!(
            "create function who() returns text language sql stable{owned} as $$ select current_user::text $$"
        ));
        if self.one_in(4) {
            out.push("revoke execute on function doc_count() from public".to_owned());
            if self.one_in(2) {
                let role = self.pick(&["r_staff", "authenticated"]);
                out.push(format!("grant execute on function doc_count() to {role}"));
            }
        }
        out
    }

    fn views(&mut self) -> Vec<String> {
        let options =
            self.pick(&["", " with (security_invoker = true)", " with (security_invoker = true)", ""]);
        let filter = self.pick(&["", " where score > 1", " where public"]);
        let check = if filter.is_empty() { "" } else { self.pick(&["", " with check option"]) };
        let mut out = vec![
            format!(
                "create view v_doc{options} as select id, org, owner, public, score from doc{filter}{check}"
            ),
            "create view v_both as select d.id, o.name from doc d left join org o on o.id = d.org".to_owned(),
        ];
        if self.one_in(2) {
            out.push("alter view v_both set (security_invoker = true)".to_owned());
        }
        if self.one_in(4) {
            let owner = self.pick(&["r_staff", "r_boss"]);
            out.push(format!("alter view v_doc owner to {owner}"));
        }
        out
    }

    fn grants(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        for relation in ["org", "member", "doc", "v_doc", "v_both"] {
            out.push(format!("revoke all on {relation} from anon, authenticated"));
            out.push(format!("grant all on {relation} to service_role"));
            for role in ["anon", "authenticated", "r_staff", "r_boss", "r_lone", "public"] {
                let choices: &[&str] = match (role, relation) {
                    ("public", _) => &["", "", "", "", "", "select"],
                    (_, "doc") => &[
                        "all",
                        "all",
                        "all",
                        "select, insert, update, delete",
                        "select",
                        "select (id, org, note)",
                        "select (id, score), insert (id, org, owner), update (note, org)",
                        "select, update (note)",
                        "insert",
                        "",
                    ],
                    (_, "v_doc" | "v_both") => &["all", "all", "select", ""],
                    _ => &["all", "all", "all", "select", "select", "select (id)", ""],
                };
                let privileges = self.pick(choices);
                let privileges = if relation == "member" {
                    privileges.replace("(id)", "(org)")
                } else {
                    privileges.to_owned()
                };
                if !privileges.is_empty() {
                    out.push(format!("grant {privileges} on {relation} to {role}"));
                }
            }
        }
        if !self.definer {
            // PostgreSQL asks for what a function reads when it is called, the embedded engine when it is prepared:
            // they differ where no row comes to a call.
            out.push("grant select on member to public".to_owned());
        }
        if self.one_in(3) {
            let what = self.pick(&["select", "update", "delete", "insert", "all"]);
            let role = self.pick(&["r_staff", "authenticated", "public"]);
            out.push(format!("revoke {what} on doc from {role}"));
        }
        out
    }

    fn policies(&mut self, table: &str) -> Vec<String> {
        let mut out = Vec::new();
        if !self.one_in(if table == "doc" { 8 } else { 2 }) {
            out.push(format!("alter table {table} enable row level security"));
            if self.one_in(4) {
                out.push(format!("alter table {table} force row level security"));
            }
        }
        let count = self.random.below(if table == "doc" { 5 } else { 3 });
        for number in 0..count {
            let kind = self.pick(&["", "", "", " as restrictive"]);
            let command = self.pick(&["all", "all", "select", "select", "insert", "update", "delete"]);
            let roles = self.pick(&[
                "",
                "",
                "",
                " to public",
                " to authenticated",
                " to anon, authenticated",
                " to r_staff",
                " to r_boss, r_lone",
            ]);
            let using = self.rule(table);
            let check = self.rule(table);
            let clauses = match command {
                "insert" => format!("with check ({check})"),
                "select" | "delete" => format!("using ({using})"),
                _ => match self.random.below(3) {
                    0 => format!("using ({using}) with check ({check})"),
                    _ => format!("using ({using})"),
                },
            };
            out.push(format!("create policy p{number} on {table}{kind} for {command}{roles} {clauses}"));
        }
        out
    }
}
