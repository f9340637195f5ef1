//! The function that runs before each request's statement, in its transaction: it may refuse the request, look at
//! `request.*` and leave settings for what comes after it.
//!
//! A read takes it as its first step, and looks in its last one at what was set for the answer; a write gets its
//! settings from the store.

use crate::call::first_change;
use crate::plan::{Statement, qualified, quoted};
use crate::problems;
use crate::query::Request;
use crate::schema::leaves_settings;
use crate::service::Service;
use mainstay_base::{Problem, Result};
use mainstay_engine::{Format, Plan, PlanKind, Rows, Step, WriteStep};
use mainstay_sql::catalog::Function;
use mainstay_sql::{Catalog, Name};
use mainstay_types::Value;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// What a statement may set for the answer.
const ANSWERS: [&str; 2] = ["response.headers", "response.status"];

/// What statements set: names and values.
pub(crate) type Settings = Vec<(String, String)>;

/// The plans of the function, for each exposed schema (names without a schema are looked for along its path) one for
/// each role.
pub(crate) type Known = RwLock<HashMap<String, HashMap<String, Arc<PreRequest>>>>;

pub(crate) struct PreRequest {
    plan: Arc<Plan>,
    /// Reads what the function set for the answer; absent where it sets nothing.
    answers: Option<Arc<Plan>>,
    /// Why a request that only reads is refused: the function may write.
    refused: Option<Problem>,
}

impl PreRequest {
    pub fn may_write(&self) -> bool {
        self.refused.is_some()
    }

    pub fn refused(&self) -> Option<Problem> {
        self.refused.clone()
    }

    pub fn step(&self) -> Step {
        Step { plan: self.plan.clone(), values: Vec::new(), format: Format::Nothing }
    }

    pub fn write_step(&self) -> WriteStep {
        let value_sets = vec![Vec::new()];
        WriteStep { plan: self.plan.clone(), value_sets, format: Format::Nothing, expect: None }
    }

    /// Whether the function may set something for the answer.
    pub fn sets_answers(&self) -> bool {
        self.answers.is_some()
    }

    /// Puts the function in front of a read.
    pub fn before(&self, steps: Vec<Step>) -> Result<Vec<Step>> {
        if let Some(problem) = &self.refused {
            return Err(problem.clone());
        }
        let answers = self.answers.iter().map(|plan| Step {
            plan: plan.clone(),
            values: Vec::new(),
            format: Format::Values,
        });
        Ok(std::iter::once(self.step()).chain(steps).chain(answers).collect())
    }

    /// Takes what [`PreRequest::before`] added out of the results.
    pub fn after(&self, mut results: Vec<Rows>) -> (Vec<Rows>, Settings) {
        let answers = self.answers.as_ref().and_then(|_| results.pop());
        results.drain(..results.len().min(1));
        let row = answers.and_then(|rows| rows.values.into_iter().next()).unwrap_or_default();
        let settings = ANSWERS.iter().zip(row).filter_map(|(name, value)| match value {
            Value::Text(text) if !text.is_empty() => Some(((*name).to_owned(), text)),
            _ => None,
        });
        (results, settings.collect())
    }
}

impl Service {
    /// The function in front of a request, where the settings name one.
    pub(crate) fn pre_request(&self, request: &Request) -> Result<Option<Arc<PreRequest>>> {
        let Some(name) = &self.settings.pre_request else { return Ok(None) };
        let schema = self.schema();
        {
            let known = self.pre_requests.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(plans) = known.get(&request.schema).and_then(|roles| roles.get(&request.session.role))
                && plans.plan.catalog_version == schema.catalog.version
            {
                return Ok(Some(plans.clone()));
            }
        }
        let function = find(&schema.catalog, name, &request.session.search_path)?;
        let prepare = |sql: String| {
            self.prepare(&schema, request, Statement { sql, parameters: Vec::new() }).map(|made| made.plan)
        };
        let plan = prepare(format!("SELECT {}()", qualified(&function.name)))?;
        let answers = match leaves_settings(function) {
            true => {
                let calls =
                    ANSWERS.map(|name| format!("current_setting('{name}', true) AS {}", quoted(name)));
                Some(prepare(format!("SELECT {}", calls.join(", ")))?)
            }
            false => None,
        };
        let refused =
            (plan.kind == PlanKind::Write).then(|| problems::read_only(first_change(&function.body)));
        let made = Arc::new(PreRequest { plan, answers, refused });
        let mut known = self.pre_requests.write().unwrap_or_else(PoisonError::into_inner);
        let roles = known.entry(request.schema.clone()).or_default();
        roles.insert(request.session.role.clone(), made.clone());
        Ok(Some(made))
    }
}

/// Finds the function of `[rest] pre_request`: `schema.function`, or a name to look for along a path.
pub fn find<'c>(catalog: &'c Catalog, name: &str, path: &[String]) -> Result<&'c Function> {
    let names: Vec<Name> = match name.split_once('.') {
        Some((schema, name)) => vec![Name::new(schema, name)],
        None => path.iter().map(|schema| Name::new(schema.as_str(), name)).collect(),
    };
    let functions = || names.iter().filter_map(|name| catalog.functions.get(name)).flatten();
    let callable = |function: &&Arc<Function>| {
        let all = &function.arguments;
        all.iter().all(|argument| crate::call::is_output(argument.mode) || argument.default.is_some())
    };
    let found = functions().find(callable);
    found.map(|function| &**function).ok_or_else(|| {
        let words = match functions().next() {
            Some(_) => format!("function {name}, which runs before each request, takes arguments"),
            None => format!("function {name}(), which should run before each request, does not exist"),
        };
        Problem::new("42883", words)
            .with_hint("make it in a migration, or mend `[rest] pre_request` (\"schema.function\")")
    })
}
