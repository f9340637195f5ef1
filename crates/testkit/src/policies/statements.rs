//! What callers run.

use super::{Case, Maker, ROLES};

impl Maker {
    pub(super) fn case(&mut self) -> Case {
        let role = ROLES[self.random.below(ROLES.len())];
        let claims = match self.random.below(6) {
            0 => String::new(),
            1 => format!(r#"{{"role": "{role}"}}"#),
            _ => {
                let user = self.user().replace('\'', "\"");
                let org = self.random.below(5);
                let email = self.pick(&["boss@example.com", "staff@example.com"]);
                format!(r#"{{"sub": {user}, "role": "{role}", "org": {org}, "email": "{email}"}}"#)
            }
        };
        Case { role, claims, statement: self.statement() }
    }

    fn statement(&mut self) -> String {
        match self.random.below(12) {
            0..=3 => self.select(),
            4..=6 => self.insert(),
            7 | 8 => self.update(),
            9 => self.delete(),
            10 => self.through_a_view(),
            _ => self
                .pick(&[
                    "select * from visible_docs()",
                    "select doc_count()",
                    "select who(), current_user",
                    "select is_member(1), is_member(2)",
                    "select my_orgs()",
                    "select id, is_member(id) from org",
                ])
                .to_owned(),
        }
    }

    fn select(&mut self) -> String {
        let table = self.pick(&["doc", "doc", "doc", "org", "member"]);
        let filter = self.question(table);
        match self.random.below(9) {
            0 => format!("select * from {table}"),
            1 => format!("select count(*) from {table}"),
            2 => format!("select count(*) from {table} where {filter}"),
            3 => "select id, note from doc".to_owned(),
            4 => "select d.id, o.name, d.score from doc d left join org o on o.id = d.org".to_owned(),
            5 => "select o.id, (select count(*) from doc d where d.org = o.id) from org o".to_owned(),
            6 => "select org, sum(score), max(note) from doc group by org".to_owned(),
            7 => "select id from doc d where exists (select 1 from member m where m.org = d.org and m.level > 1)".to_owned(),
            _ => format!("select * from {table} where {filter}"),
        }
    }

    fn document(&mut self) -> String {
        let id = self.pick(&["3", "101", "102", "103"]);
        let org = self.random.below(6).to_string();
        let org = self.or_null(6, org);
        let user = self.user();
        let owner = if self.one_in(2) { "auth.uid()".to_owned() } else { self.or_null(5, user) };
        let public = self.pick(&["true", "false", "null"]);
        let score = self.pick(&["1", "4", "5", "200"]);
        let note = self.pick(&["'a1'", "'b'", "null", "'b1'", "'too long'"]);
        format!("({id}, {org}, {owner}, {public}, {score}, {note})")
    }

    fn insert(&mut self) -> String {
        let returning = self.pick(&["", "", " returning id", " returning *"]);
        match self.random.below(9) {
            0 => {
                let user = self.user();
                let org = self.random.below(5);
                format!("insert into member values ({user}, {org}, 1){returning}")
                    .replace("returning id", "returning org")
            }
            1 => {
                let user = self.user();
                format!("insert into org values (7, 'o7', {user}){returning}")
            }
            2 => format!("insert into doc (id, org, owner) values (104, 2, auth.uid()){returning}"),
            3 => format!(
                "insert into doc select id + 100, org, owner, public, score, null from doc where score > 2{returning}"
            ),
            4 => format!("insert into doc values {} on conflict do nothing{returning}", self.document()),
            5 | 6 => {
                let set = self.pick(&[
                    "note = 'up'",
                    "score = excluded.score",
                    "org = excluded.org, owner = excluded.owner",
                    "note = excluded.note where doc.score > 1",
                ]);
                format!(
                    "insert into doc values {} on conflict (id) do update set {set}{returning}",
                    self.document()
                )
            }
            7 => format!("insert into doc values {}, {}{returning}", self.document(), self.document()),
            _ => format!("insert into doc values {}{returning}", self.document()),
        }
    }

    fn update(&mut self) -> String {
        let returning = self.pick(&["", "", " returning id", " returning *"]);
        let filter = match self.question("doc") {
            filter if self.one_in(4) => format!(" where {filter} and id < 6"),
            filter if self.one_in(3) => format!(" where {filter}"),
            _ => self.pick(&["", " where id = 3", " where id < 5"]).to_owned(),
        };
        let user = self.user();
        let set = match self.random.below(9) {
            0 => format!("owner = {user}"),
            1 => "org = 2".to_owned(),
            2 => "public = not public".to_owned(),
            3 => "score = score + 1".to_owned(),
            4 => "note = null".to_owned(),
            5 => "note = 'a1'".to_owned(),
            6 => "score = 200".to_owned(),
            7 => "org = org + 1".to_owned(),
            _ => "note = 'x'".to_owned(),
        };
        match self.random.below(6) {
            0 => format!("update member set level = 3 where org = 2{returning}")
                .replace("returning id", "returning level"),
            1 => format!("update org set owner = auth.uid(){returning}"),
            2 => "update doc set note = 'j' from member m where m.org = doc.org and m.level > 1".to_owned(),
            _ => format!("update doc set {set}{filter}{returning}"),
        }
    }

    fn delete(&mut self) -> String {
        let returning = self.pick(&["", "", " returning id", " returning *"]);
        match self.random.below(5) {
            0 => "delete from doc".to_owned(),
            1 => "delete from member where level > 0".to_owned(),
            2 => format!("delete from org where id = 4{returning}"),
            3 => "delete from doc using member m where m.org = doc.org and m.user_id = auth.uid()".to_owned(),
            _ => format!("delete from doc where {}{returning}", self.question("doc")),
        }
    }

    fn through_a_view(&mut self) -> String {
        self.pick(&[
            "select * from v_doc",
            "select * from v_both",
            "select count(*) from v_doc where score > 1",
            "insert into v_doc values (105, 1, auth.uid(), true, 5)",
            "update v_doc set score = 3 where id < 4 returning id, score",
            "update v_doc set org = 3",
            "delete from v_doc where public",
            "select v.id from v_doc v join doc d on d.id = v.id",
        ])
        .to_owned()
    }
}
