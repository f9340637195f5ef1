//! What this crate derives from a catalog, made once for each version of it.

use crate::fuzzy;
use crate::problems;
use crate::relationships::{Relationships, row_argument};
use mainstay_base::Result;
use mainstay_sql::Name;
use mainstay_sql::catalog::{Catalog, Function, Relation};
use mainstay_types::{Type, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) struct Schema {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) relationships: Relationships,
    /// Functions of one row, by the type of the row: what can be asked for like a column.
    of_row: HashMap<TypeId, Vec<Arc<Function>>>,
    /// Whether any function could leave settings (`response.headers`) behind: such calls must run as writes.
    pub(crate) functions_set_config: bool,
}

impl Schema {
    pub(crate) fn of(catalog: Arc<Catalog>, exposed: &[String]) -> Schema {
        let mut of_row: HashMap<TypeId, Vec<Arc<Function>>> = HashMap::new();
        let mut functions_set_config = false;
        for function in catalog.functions.values().flatten() {
            functions_set_config |= function.body.contains("set_config");
            if let Some(Type::Composite(id)) = row_argument(function) {
                of_row.entry(*id).or_default().push(function.clone());
            }
        }
        let relationships = Relationships::of(&catalog, exposed);
        Schema { catalog, relationships, of_row, functions_set_config }
    }

    /// The relation of a request, or PGRST205 with a near miss.
    pub(crate) fn relation(&self, schema: &str, name: &str) -> Result<&Arc<Relation>> {
        let wanted = Name::new(schema, name);
        self.catalog.relation(&wanted).ok_or_else(|| {
            let names: Vec<&str> = self
                .catalog
                .relations
                .keys()
                .filter(|relation| relation.schema == schema)
                .map(|relation| relation.name.as_str())
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
