//! Small applications made from a seed (tables, roles, grants, policies, views, functions, rows) and statements that
//! their roles run, so that who may see and do what can be compared with PostgreSQL.
//!
//! The roles are [`ROLES`]; PostgreSQL needs [`POSTGRES_PRELUDE`] once a cluster and [`POSTGRES_RESET`] before each
//! application.

mod filters;
mod memberships;
mod schema;
mod statements;

use crate::generate::Generator;

pub use memberships::filter_of_memberships;

/// Who runs statements. `r_boss` is a member of others, `r_lone` does not inherit.
pub const ROLES: [&str; 6] = ["anon", "authenticated", "service_role", "r_staff", "r_boss", "r_lone"];

/// The roles and functions that the embedded engine has by itself.
pub const POSTGRES_PRELUDE: &str = "
create role anon; create role authenticated; create role service_role bypassrls;
create schema auth;
create function auth.uid() returns uuid language sql stable as $$
  select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
create function auth.role() returns text language sql stable as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;
create function auth.email() returns text language sql stable as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email' $$;
create function auth.jwt() returns jsonb language sql stable as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
";

/// Takes an application away.
pub const POSTGRES_RESET: &str = "
reset role; drop schema if exists public cascade;
drop owned by anon, authenticated, service_role;
do $$ begin
  if exists (select 1 from pg_roles where rolname = 'r_staff') then
    drop owned by r_staff, r_boss, r_lone; drop role r_staff, r_boss, r_lone;
  end if;
end $$;
create schema public; grant usage on schema public to public;
grant usage on schema auth to anon, authenticated, service_role;
grant execute on all functions in schema auth to public;
";

/// What shows the state of an application's tables.
pub const STATE: [&str; 3] =
    ["select * from org order by 1", "select * from member order by 1, 2, 3", "select * from doc order by 1"];

/// One application and what its roles run.
pub struct Application {
    /// Statements of the migration.
    pub schema: Vec<String>,
    pub cases: Vec<Case>,
}

/// A statement, run by a role with claims.
#[derive(Clone, Debug)]
pub struct Case {
    pub role: &'static str,
    /// JSON, or nothing for a request without a token.
    pub claims: String,
    pub statement: String,
}

impl Application {
    /// The application of a seed.
    pub fn new(seed: u64, cases: usize) -> Application {
        let mut make = Maker { random: Generator::new(seed), definer: false };
        // The first numbers of neighbouring seeds are alike.
        for _ in 0..8 {
            make.random.below(2);
        }
        let schema = make.schema();
        let cases = (0..cases).map(|_| make.case()).collect();
        Application { schema, cases }
    }
}

struct Maker {
    random: Generator,
    /// Whether the functions of the application run as their owner.
    definer: bool,
}

impl Maker {
    fn one_in(&mut self, chances: usize) -> bool {
        self.random.below(chances) == 0
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        self.random.pick(choices)
    }

    fn user(&mut self) -> String {
        format!("'00000000-0000-0000-0000-00000000000{}'", 1 + self.random.below(4))
    }

    fn or_null(&mut self, chances: usize, value: String) -> String {
        if self.one_in(chances) { "null".to_owned() } else { value }
    }
}
