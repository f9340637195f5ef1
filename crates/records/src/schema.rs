//! What this crate derives from a catalog, made once for each version of it.

use crate::fuzzy;
use crate::problems;
use crate::relationships::{Relationships, row_argument};
use mainstay_base::Result;
use mainstay_sql::Name;
use mainstay_sql::catalog::{CastEnd, Catalog, Column, Function, Relation};
use mainstay_types::{Type, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

/// The functions that give a domain's values another form outside: made of `CREATE CAST … AS IMPLICIT`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Representation {
    /// For answers.
    pub(crate) to_json: Option<Name>,
    /// For bodies.
    pub(crate) from_json: Option<Name>,
    /// For filters.
    pub(crate) from_text: Option<Name>,
}

pub(crate) struct Schema {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) relationships: Relationships,
    /// Functions of one row, by the type of the row: what can be asked for like a column.
    of_row: HashMap<TypeId, Vec<Arc<Function>>>,
    /// By domain.
    representations: HashMap<Name, Representation>,
    /// Whether any function could leave settings (`response.headers`) behind: such calls must run as writes.
    pub(crate) functions_set_config: bool,
}

impl Schema {
    pub(crate) fn of(catalog: Arc<Catalog>, exposed: &[String]) -> Schema {
        let mut of_row: HashMap<TypeId, Vec<Arc<Function>>> = HashMap::new();
        let mut functions_set_config = false;
        for function in catalog.functions.values().flatten() {
            functions_set_config |= leaves_settings(function);
            if let Some(Type::Composite(id)) = row_argument(function) {
                of_row.entry(*id).or_default().push(function.clone());
            }
        }
        let relationships = Relationships::of(&catalog, exposed);
        let representations = representations(&catalog);
        Schema { catalog, relationships, of_row, representations, functions_set_config }
    }

    /// How values of a column come in and go out, where its domain says so.
    pub(crate) fn representation(&self, column: &Column) -> Option<&Representation> {
        self.representations.get(column.domain.as_ref()?)
    }

    /// The relation of a request, or PGRST205 with a near miss.
    pub(crate) fn relation(&self, schema: &str, name: &str) -> Result<&Arc<Relation>> {
        let wanted = Name::new(schema, name);
        self.catalog.relation(&wanted).filter(|relation| !relation.is_partition()).ok_or_else(|| {
            let names: Vec<&str> = self
                .catalog
                .relations
                .values()
                .filter(|relation| relation.name.schema == schema && !relation.is_partition())
                .map(|relation| relation.name.name.as_str())
                .collect();
            let near = fuzzy::best(name, names.iter().copied(), fuzzy::LIKENESS_MIN_NAME);
            problems::table_not_found(schema, name, near)
        })
    }

    /// The function that computes `name` from a row of this type: the first that the schemas have.
    pub(crate) fn computed_column<'a>(
        &self,
        row: TypeId,
        schemas: impl Iterator<Item = &'a str>,
        name: &str,
    ) -> Option<&Arc<Function>> {
        let of_row = self.of_row.get(&row)?;
        let mut schemas = schemas;
        schemas.find_map(|schema| {
            of_row.iter().find(|function| {
                function.name.name == name && function.name.schema == schema && !function.returns.set
            })
        })
    }
}

/// Whether a function may leave settings behind: `response.headers` and the like.
pub(crate) fn leaves_settings(function: &Function) -> bool {
    let body = function.body.to_ascii_lowercase();
    body.contains("set_config") || body.contains("set local")
}

fn representations(catalog: &Catalog) -> HashMap<Name, Representation> {
    let mut made: HashMap<Name, Representation> = HashMap::new();
    for cast in catalog.casts.iter().filter(|cast| cast.implicit) {
        let function = Some(cast.function.clone());
        match (&cast.source, &cast.target) {
            (CastEnd::Domain(domain), CastEnd::Type(Type::Json)) => {
                made.entry(domain.clone()).or_default().to_json = function;
            }
            (CastEnd::Type(Type::Json), CastEnd::Domain(domain)) => {
                made.entry(domain.clone()).or_default().from_json = function;
            }
            (CastEnd::Type(Type::Text), CastEnd::Domain(domain)) => {
                made.entry(domain.clone()).or_default().from_text = function;
            }
            _ => {}
        }
    }
    made
}
