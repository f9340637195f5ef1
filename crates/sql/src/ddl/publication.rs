//! Publications: which tables' changes are kept durably.

use super::Draft;
use super::tree::{boolean, def_elems, required, string};
use crate::catalog::Publication;
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterPublicationAction as Change, AlterPublicationStmt, CreatePublicationStmt, DropStmt, Node,
    PublicationObjSpecType as Kind, RenameStmt,
};

impl Draft<'_> {
    pub(super) fn create_publication(&mut self, statement: &CreatePublicationStmt) -> Result<()> {
        let name = &statement.pubname;
        if self.catalog.publications.contains_key(name) {
            return Err(Problem::new("42710", format!("publication \"{name}\" already exists")));
        }
        let mut publication = self.publication_objects(&statement.pubobjects)?;
        publication.all_tables = statement.for_all_tables;
        if !statement.options.is_empty() {
            self.publication_options(&statement.options);
        }
        self.catalog.publications.insert(name.clone(), publication);
        Ok(())
    }

    fn publication_options(&mut self, options: &[Node]) {
        let known = def_elems(options).all(|option| option.defname != "publish" || boolean(option));
        if known {
            self.notice("options of publications have no effect: all kinds of changes are published");
        }
    }

    fn publication_objects(&mut self, nodes: &[Node]) -> Result<Publication> {
        let mut publication = Publication::default();
        for node in nodes {
            let Some(NodeEnum::PublicationObjSpec(object)) = node.node.as_ref() else { continue };
            match Kind::try_from(object.pubobjtype) {
                Ok(Kind::PublicationobjTablesInSchema) => {
                    self.require_schema(&object.name)?;
                    publication.schemas.insert(object.name.clone());
                }
                Ok(Kind::PublicationobjTablesInCurSchema) => {
                    let schema = self.settings.search_path.first().cloned();
                    publication.schemas.insert(schema.unwrap_or_else(|| "public".to_owned()));
                }
                _ => {
                    let Some(table) = object.pubtable.as_deref() else { continue };
                    let relation = self.table(required(table.relation.as_ref())?, "a publication")?;
                    if table.where_clause.is_some() || !table.columns.is_empty() {
                        self.notice(format!(
                            "row filters and column lists of publications have no effect: all of \"{}\" is published",
                            relation.name
                        ));
                    }
                    publication.tables.insert(relation.name.clone());
                }
            }
        }
        Ok(publication)
    }

    pub(super) fn alter_publication(&mut self, statement: &AlterPublicationStmt) -> Result<()> {
        let name = &statement.pubname;
        let Some(mut publication) = self.catalog.publications.get(name).cloned() else {
            return Err(Problem::new("42704", format!("publication \"{name}\" does not exist")));
        };
        if statement.pubobjects.is_empty() {
            self.publication_options(&statement.options);
            return Ok(());
        }
        let named = self.publication_objects(&statement.pubobjects)?;
        match Change::try_from(statement.action) {
            Ok(Change::ApDropObjects) => {
                publication.tables.retain(|table| !named.tables.contains(table));
                publication.schemas.retain(|schema| !named.schemas.contains(schema));
            }
            Ok(Change::ApSetObjects) => publication = Publication { all_tables: false, ..named },
            _ => {
                if let Some(table) = named.tables.iter().find(|table| publication.tables.contains(*table)) {
                    return Err(Problem::new(
                        "42710",
                        format!("relation \"{}\" is already member of publication \"{name}\"", table.name),
                    ));
                }
                publication.tables.extend(named.tables);
                publication.schemas.extend(named.schemas);
            }
        }
        self.catalog.publications.insert(name.clone(), publication);
        Ok(())
    }

    pub(super) fn drop_publications(&mut self, statement: &DropStmt) -> Result<()> {
        for node in &statement.objects {
            let name = string(node).unwrap_or_default();
            if self.catalog.publications.remove(&name).is_none() {
                let words = format!("publication \"{name}\" does not exist");
                if !statement.missing_ok {
                    return Err(Problem::new("42704", words));
                }
                self.notice(format!("{words}, skipping"));
            }
        }
        Ok(())
    }

    pub(super) fn rename_publication(&mut self, statement: &RenameStmt) -> Result<()> {
        let from = statement.object.as_deref().and_then(string).unwrap_or_else(|| statement.subname.clone());
        match self.catalog.publications.remove(&from) {
            Some(publication) => {
                self.catalog.publications.insert(statement.newname.clone(), publication);
                Ok(())
            }
            None => Err(Problem::new("42704", format!("publication \"{from}\" does not exist"))),
        }
    }
}
