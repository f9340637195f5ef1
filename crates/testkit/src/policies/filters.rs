//! Conditions over the three tables: what policies are made of, and what callers ask for.

use super::Maker;

const ORG: [&str; 8] = [
    "owner = auth.uid()",
    "owner <> auth.uid()",
    "is_member(id)",
    "id in (select my_orgs())",
    "exists (select 1 from member m where m.org = org.id and m.user_id = auth.uid())",
    "name is not null",
    "id > 1",
    "(auth.jwt() ->> 'org')::int = id",
];

const MEMBER: [&str; 9] = [
    "user_id = auth.uid()",
    "level > 1",
    "org = 1",
    "exists (select 1 from org o where o.id = member.org and o.owner = auth.uid())",
    "is_member(org)",
    "org in (select my_orgs())",
    "(auth.jwt() ->> 'org')::int = org",
    "user_id is not null",
    "org in (select o.id from org o where o.owner = auth.uid())",
];

const DOC: [&str; 19] = [
    "owner = auth.uid()",
    "owner <> auth.uid()",
    "public",
    "not public",
    "score > 3",
    "score is null",
    "note like 'a%'",
    "is_member(org)",
    "org in (select my_orgs())",
    "org in (select org from member where user_id = auth.uid())",
    "org not in (select org from member where user_id = auth.uid())",
    "org in (select m.org from member m where m.level > 1)",
    "exists (select 1 from member m where m.org = doc.org and m.user_id = auth.uid())",
    "exists (select 1 from member m where m.org = doc.org and m.user_id = auth.uid() and m.level > 1)",
    "not exists (select 1 from member m where m.org = doc.org and m.user_id = auth.uid())",
    "exists (select 1 from org o where o.id = doc.org and o.owner = auth.uid())",
    "exists (select 1 from member m join org o on o.id = m.org where o.id = doc.org and m.user_id = auth.uid())",
    "(auth.jwt() ->> 'org')::int = org",
    "score = (select max(d.level) from member d where d.org = doc.org)",
];

const ANY: [&str; 7] = [
    "true",
    "false",
    "auth.role() = 'authenticated'",
    "current_user = 'r_staff'",
    "auth.uid() is not null",
    "current_setting('request.jwt.claims', true) like '%boss%'",
    "auth.email() = 'boss@example.com'",
];

impl Maker {
    /// A condition that a policy of the table may have.
    pub(super) fn rule(&mut self, table: &str) -> String {
        match self.random.below(10) {
            0 => self.pick(&ANY).to_owned(),
            1 | 2 => format!("{} and {}", self.atom(table), self.atom(table)),
            3 | 4 => format!("{} or {}", self.atom(table), self.atom(table)),
            5 => format!("not ({})", self.atom(table)),
            _ => self.atom(table),
        }
    }

    fn atom(&mut self, table: &str) -> String {
        if self.one_in(8) {
            return self.pick(&ANY).to_owned();
        }
        match table {
            "org" => self.pick(&ORG),
            "member" => self.pick(&MEMBER),
            _ => self.pick(&DOC),
        }
        .to_owned()
    }

    /// A condition that a caller asks with; the last ones fail for some rows, which must not be hidden ones.
    pub(super) fn question(&mut self, table: &str) -> String {
        let choices: &[&str] = match table {
            "org" => &["id = 1", "id > 2", "name like 'o%'", "owner is null", "1 / (id - 3) >= 0"],
            "member" => {
                &["org = 2", "level is null", "level > 0", "user_id is not null", "1 / (level - 2) >= 0"]
            }
            _ => &[
                "id = 3",
                "id in (1, 2, 5, 8)",
                "org = 2",
                "public",
                "score > 2",
                "score is null",
                "note = 'a1'",
                "owner = auth.uid()",
                "1 / (score - 3) >= 0",
                "10 / score > 1",
                "note::int > 0",
            ],
        };
        self.pick(choices).to_owned()
    }
}
