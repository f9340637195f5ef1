//! `OPTIONS`: the methods that a relation or a function allows.

use super::{Resource, Rest};
use crate::edge::{Body, Response};
use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, HeaderValue};
use mainstay_base::{Problem, Result};
use mainstay_sql::Name;
use mainstay_sql::catalog::{Relation, RelationKind};
use mainstay_types::Volatility;

impl Rest {
    pub(super) fn options(&self, resource: &Resource<'_>, schema: &str) -> Result<Response> {
        let catalog = self.service.catalog();
        let allowed = match resource {
            Resource::Root => "OPTIONS,GET,HEAD",
            Resource::Relation(name) => {
                let found = catalog.relation(&Name::new(schema, &**name));
                let relation = found.filter(|relation| !relation.is_partition()).ok_or_else(|| {
                    let message = format!("Could not find the table '{schema}.{name}' in the schema cache");
                    Problem::new("PGRST205", message)
                })?;
                allowed_on(relation)
            }
            Resource::Function(name) => {
                let overloads = catalog.functions.get(&Name::new(schema, &**name)).ok_or_else(|| {
                    let message = format!("Could not find the function {schema}.{name} in the schema cache");
                    Problem::new("PGRST202", message)
                })?;
                let volatile = |volatility: Volatility| volatility == Volatility::Volatile;
                if overloads.iter().all(|function| volatile(function.volatility)) {
                    "OPTIONS,POST"
                } else {
                    "OPTIONS,GET,HEAD,POST"
                }
            }
        };
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        Ok(response)
    }
}

fn allowed_on(relation: &Relation) -> &'static str {
    match &relation.kind {
        RelationKind::Table if relation.primary_key().is_some() => "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE",
        RelationKind::Table | RelationKind::View { updatable: Some(_), .. } => {
            "OPTIONS,GET,HEAD,POST,PATCH,DELETE"
        }
        _ => "OPTIONS,GET,HEAD",
    }
}
