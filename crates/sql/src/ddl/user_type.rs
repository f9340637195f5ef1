//! Composite types, domains and schemas.

use super::Draft;
use super::tree::{at, cascade, range_parts, required, strings};
use crate::catalog::{Domain, Name, Schema};
use mainstay_base::{Problem, Result};
use mainstay_types::context::CompositeType;
use mainstay_types::{ColumnType, TypeId};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    self, AlterDomainStmt, AlterTableStmt, AlterTableType as At, CompositeTypeStmt, ConstrType,
    CreateDomainStmt, CreateSchemaStmt, Node,
};
use std::sync::Arc;

impl Draft<'_> {
    pub(super) fn create_composite(&mut self, statement: &CompositeTypeStmt) -> Result<()> {
        let name = self.creation_name(&range_parts(required(statement.typevar.as_ref())?))?;
        self.require_free_type(&name)?;
        self.require_free(&name)?;
        let mut fields: Vec<(String, ColumnType)> = Vec::new();
        for node in &statement.coldeflist {
            let Some(NodeEnum::ColumnDef(definition)) = node.node.as_ref() else { continue };
            if fields.iter().any(|(field, _)| *field == definition.colname) {
                let words = format!("column \"{}\" specified more than once", definition.colname);
                return Err(at(Problem::new("42701", words), definition.location));
            }
            let ty =
                self.resolve_column_type(&definition.colname, required(definition.type_name.as_ref())?)?;
            fields.push((definition.colname.clone(), ty.ty));
        }
        let id = self.new_type_id();
        let one = CompositeType { schema: name.schema.clone(), name: name.name.clone(), fields };
        Arc::make_mut(&mut self.catalog.types).composites.insert(id, one);
        self.catalog.type_names.insert(name, id);
        Ok(())
    }

    pub(super) fn composite(&self, parts: &[String]) -> Result<(Name, TypeId)> {
        let name = self.lookup(parts, |catalog, name| {
            catalog.type_names.get(name).is_some_and(|id| catalog.types.composites.contains_key(id))
        });
        let found = name.and_then(|name| self.catalog.type_names.get(&name).map(|id| (name.clone(), *id)));
        found.ok_or_else(|| Problem::new("42P01", format!("relation \"{}\" does not exist", parts.join("."))))
    }

    /// `ALTER TYPE … ADD/DROP/ALTER ATTRIBUTE`: only while no column holds the type, as its values would change.
    pub(super) fn alter_composite(&mut self, statement: &AlterTableStmt) -> Result<()> {
        let parts = range_parts(required(statement.relation.as_ref())?);
        let (name, id) = self.composite(&parts)?;
        let users = self.dependents(&super::depend::Object::Type(name.clone()));
        let held = users.iter().find(|user| matches!(user, super::depend::Object::Column(..)));
        if let Some(user) = held {
            return Err(Problem::needs_postgres(format!(
                "ALTER TYPE of \"{name}\", which {} holds,",
                self.describe_object(user)
            )));
        }
        let mut fields =
            self.catalog.types.composites.get(&id).map(|one| one.fields.clone()).unwrap_or_default();
        for node in &statement.cmds {
            let Some(NodeEnum::AlterTableCmd(command)) = node.node.as_ref() else { continue };
            let definition = match command.def.as_ref().and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::ColumnDef(definition)) => Some(definition),
                _ => None,
            };
            let ty = match definition.and_then(|definition| definition.type_name.as_ref()) {
                Some(written) => Some(self.resolve_column_type(&command.name, written)?.ty),
                None => None,
            };
            let missing = || {
                let words =
                    format!("column \"{}\" of relation \"{}\" does not exist", command.name, name.name);
                Problem::new("42703", words)
            };
            match (At::try_from(command.subtype), definition, ty) {
                (Ok(At::AtAddColumn), Some(definition), Some(ty)) => {
                    fields.push((definition.colname.clone(), ty));
                }
                (Ok(At::AtDropColumn), ..) => {
                    let before = fields.len();
                    fields.retain(|(field, _)| *field != command.name);
                    if fields.len() == before && !command.missing_ok {
                        return Err(missing());
                    }
                }
                (Ok(At::AtAlterColumnType), _, Some(ty)) => {
                    let field = fields.iter_mut().find(|(field, _)| *field == command.name);
                    field.ok_or_else(missing)?.1 = ty;
                }
                (Ok(At::AtChangeOwner), ..) => {}
                _ => return Err(Problem::needs_postgres("ALTER TYPE of this kind")),
            }
        }
        if let Some(one) = Arc::make_mut(&mut self.catalog.types).composites.get_mut(&id) {
            one.fields = fields;
        }
        Ok(())
    }

    pub(super) fn create_domain(&mut self, statement: &CreateDomainStmt) -> Result<()> {
        let name = self.creation_name(&strings(&statement.domainname))?;
        self.require_free_type(&name)?;
        let resolved = self.resolve_column_type(&name.name, required(statement.type_name.as_ref())?)?;
        if let Some(collate) = &statement.coll_clause {
            super::column::check_collation(&strings(&collate.collname), collate.location)?;
        }
        let parent = resolved.domain.as_ref().and_then(|parent| self.catalog.domains.get(parent)).cloned();
        let mut domain = Domain {
            name: name.clone(),
            base: resolved.ty,
            not_null: parent.as_ref().is_some_and(|parent| parent.not_null),
            default: parent.as_ref().and_then(|parent| parent.default.clone()),
            checks: parent.map(|parent| parent.checks).unwrap_or_default(),
            comment: None,
        };
        for node in &statement.constraints {
            if let Some(NodeEnum::Constraint(constraint)) = node.node.as_ref() {
                self.domain_constraint(&mut domain, constraint)
                    .map_err(|problem| at(problem, constraint.location))?;
            }
        }
        self.catalog.domains.insert(name, domain);
        Ok(())
    }

    fn domain_constraint(&mut self, domain: &mut Domain, constraint: &protobuf::Constraint) -> Result<()> {
        match ConstrType::try_from(constraint.contype).unwrap_or(ConstrType::Undefined) {
            ConstrType::ConstrNull => domain.not_null = false,
            ConstrType::ConstrNotnull => domain.not_null = true,
            ConstrType::ConstrDefault => {
                let node = required(constraint.raw_expr.as_deref())?;
                domain.default = self.default_text(node, &domain.base)?;
            }
            ConstrType::ConstrCheck => {
                let node = required(constraint.raw_expr.as_deref())?;
                let others: Vec<String> = domain.checks.iter().map(|(name, _)| name.clone()).collect();
                let name = if constraint.conname.is_empty() {
                    let (schema, domain_name) = (&domain.name.schema, &domain.name.name);
                    self.choose_constraint_name(schema, domain_name, None, "check", &others)
                } else {
                    constraint.conname.clone()
                };
                if others.contains(&name) {
                    let words =
                        format!("constraint \"{name}\" for domain \"{}\" already exists", domain.name.name);
                    return Err(Problem::new("42710", words));
                }
                let text = self.expression_text(None, node)?;
                self.lower(&self.domain_row(domain), &text, &super::physical::boolean())?;
                domain.checks.push((name, text));
            }
            _ => return Err(Problem::needs_postgres("this kind of constraint on a domain")),
        }
        Ok(())
    }

    /// A table of one column `value`, to bind a domain's checks against.
    fn domain_row(&self, domain: &Domain) -> crate::catalog::Relation {
        crate::catalog::Relation {
            id: 0,
            name: domain.name.clone(),
            kind: crate::catalog::RelationKind::Table,
            columns: vec![crate::catalog::Column {
                name: "value".to_owned(),
                ty: domain.base.clone(),
                domain: None,
                not_null: false,
                default: None,
                generated: None,
                identity: None,
                sequence: None,
                comment: None,
            }],
            constraints: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            policies: Vec::new(),
            row_security: false,
            force_row_security: false,
            comment: None,
            owner: None,
            row_type: TypeId(0),
            origins: Vec::new(),
            partitioning: None,
        }
    }

    pub(super) fn alter_domain(&mut self, statement: &AlterDomainStmt) -> Result<()> {
        let parts = strings(&statement.type_name);
        let name = self
            .lookup(&parts, |catalog, name| catalog.domains.contains_key(name))
            .ok_or_else(|| Problem::new("42704", format!("type \"{}\" does not exist", parts.join("."))))?;
        let Some(mut domain) = self.catalog.domains.get(&name).cloned() else { return Ok(()) };
        let tables = self.tables_of_domain(&name);
        let mut reshapes = Vec::new();
        for table in &tables {
            reshapes.push(self.begin_reshape(table)?);
        }
        match statement.subtype.as_str() {
            "T" => {
                domain.default = match statement.def.as_deref() {
                    Some(node) => self.default_text(node, &domain.base)?,
                    None => None,
                };
            }
            "N" => domain.not_null = false,
            "O" => domain.not_null = true,
            "C" => {
                if let Some(NodeEnum::Constraint(constraint)) =
                    statement.def.as_ref().and_then(|n| n.node.as_ref())
                {
                    self.domain_constraint(&mut domain, constraint)?;
                }
            }
            "X" => {
                let before = domain.checks.len();
                domain.checks.retain(|(check, _)| *check != statement.name);
                if domain.checks.len() == before {
                    let words = format!(
                        "constraint \"{}\" of domain \"{}\" does not exist",
                        statement.name, name.name
                    );
                    if !statement.missing_ok {
                        return Err(Problem::new("42704", words));
                    }
                    self.notice(format!("{words}, skipping"));
                }
                let _ = cascade(statement.behavior);
            }
            "V" => {}
            _ => return Err(Problem::needs_postgres("ALTER DOMAIN of this kind")),
        }
        self.catalog.domains.insert(name, domain);
        for reshape in &reshapes {
            self.finish_reshape(reshape)?;
        }
        Ok(())
    }

    fn tables_of_domain(&self, domain: &Name) -> Vec<Name> {
        let uses = |relation: &crate::catalog::Relation| {
            relation.is_table()
                && relation.columns.iter().any(|column| column.domain.as_ref() == Some(domain))
        };
        self.catalog.relations.iter().filter(|(_, r)| uses(r)).map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn rename_domain_constraint(&mut self, statement: &protobuf::RenameStmt) -> Result<()> {
        let parts = statement.object.as_deref().map(super::tree::dotted).unwrap_or_default();
        let name = self
            .lookup(&parts, |catalog, name| catalog.domains.contains_key(name))
            .ok_or_else(|| Problem::new("42704", format!("type \"{}\" does not exist", parts.join("."))))?;
        let tables = self.tables_of_domain(&name);
        let mut reshapes = Vec::new();
        for table in &tables {
            reshapes.push(self.begin_reshape(table)?);
        }
        let checks = self.catalog.domains.get_mut(&name).map(|domain| &mut domain.checks);
        let check =
            checks.and_then(|checks| checks.iter_mut().find(|(check, _)| *check == statement.subname));
        let Some(check) = check else {
            let words =
                format!("constraint \"{}\" of domain \"{}\" does not exist", statement.subname, name.name);
            return Err(Problem::new("42704", words));
        };
        check.0.clone_from(&statement.newname);
        for reshape in &reshapes {
            self.finish_reshape(reshape)?;
        }
        Ok(())
    }

    pub(super) fn create_schema(&mut self, statement: &CreateSchemaStmt) -> Result<()> {
        let name = match (&statement.schemaname, &statement.authrole) {
            (name, Some(role)) if name.is_empty() => super::role::role_name(role),
            (name, _) => name.clone(),
        };
        if name.starts_with("pg_") {
            return Err(Problem::new("42939", format!("unacceptable schema name \"{name}\""))
                .with_details("The prefix \"pg_\" is reserved for system schemas."));
        }
        if self.catalog.schemas.contains_key(&name) {
            let words = format!("schema \"{name}\" already exists");
            if !statement.if_not_exists {
                return Err(Problem::new("42P06", words));
            }
            self.notice(format!("{words}, skipping"));
            return Ok(());
        }
        if name.contains('.') {
            return Err(Problem::needs_postgres(format!("a schema's name with a dot in it (\"{name}\")")));
        }
        self.catalog.schemas.insert(name.clone(), Schema::default());
        // Elements stand in the new schema.
        let path = std::mem::replace(&mut self.settings.search_path, vec![name]);
        let result = self.schema_elements(&statement.schema_elts);
        self.settings.search_path = path;
        result
    }

    fn schema_elements(&mut self, elements: &[Node]) -> Result<()> {
        for element in elements {
            self.execute(required(element.node.as_ref())?)?;
        }
        Ok(())
    }
}
