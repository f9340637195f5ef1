//! Statements that take several steps: data-modifying CTEs and functions that write.

use super::bound::{Bound, Carried, quote};
use super::errors::{Located, place, relocated};
use super::from::unique_names;
use super::function_body::output_fields;
use super::query::{Core, Query, QueryColumn};
use super::scope::{Binder, Cte, SourceColumn};
use crate::catalog::{Function, Name};
use crate::parse::Statement;
use crate::plan::{CompiledStep, NewRows, Scratch};
use mainstay_base::{Problem, Result};
use mainstay_types::{StorageClass, Type, Value, Volatility};
use pg_query::NodeEnum;
use pg_query::protobuf::{CommonTableExpr, VariableSetKind, VariableSetStmt};

/// One statement, lowered.
pub(super) struct Lowered {
    pub text: String,
    /// What it returns; empty where it returns nothing.
    pub columns: Vec<QueryColumn>,
    pub target: Option<Name>,
    pub parameter_columns: Vec<(String, usize)>,
    pub new_rows: Option<NewRows>,
}

impl Lowered {
    /// A query that changes nothing.
    pub fn reading(text: String, columns: Vec<QueryColumn>) -> Lowered {
        Lowered { text, columns, target: None, parameter_columns: Vec::new(), new_rows: None }
    }

    pub fn step(self, into: Option<Scratch>, counts: bool) -> CompiledStep {
        CompiledStep {
            text: self.text,
            into,
            counts,
            target: self.target,
            parameter_columns: self.parameter_columns,
            new_rows: self.new_rows,
        }
    }
}

impl Binder<'_> {
    /// One statement of any kind that returns rows or changes them.
    pub fn statement(&mut self, node: &NodeEnum) -> Result<Lowered> {
        match node {
            NodeEnum::SelectStmt(select) => {
                let mut query = self.query(select)?;
                query.settle(self)?;
                let columns = query.columns();
                let text = query.render(super::query::Naming::None);
                Ok(Lowered::reading(text, columns))
            }
            NodeEnum::InsertStmt(insert) => self.insert(insert),
            NodeEnum::UpdateStmt(update) => self.update(update),
            NodeEnum::DeleteStmt(delete) => self.delete(delete),
            NodeEnum::VariableSetStmt(set) if !self.frames.is_empty() => self.set_variable(set),
            NodeEnum::MergeStmt(_) => Err(Problem::needs_postgres("MERGE")),
            NodeEnum::CallStmt(_) => Err(Problem::needs_postgres("CALL")),
            NodeEnum::DoStmt(_) => Err(Problem::needs_postgres("DO")),
            NodeEnum::ExplainStmt(_) => Err(Problem::needs_postgres("EXPLAIN")),
            NodeEnum::CopyStmt(_) => Err(Problem::needs_postgres("COPY")),
            _ => Err(Problem::new("0A000", "this statement belongs in a migration")),
        }
    }

    /// `SET` and `SET LOCAL` in the body of a function.
    fn set_variable(&mut self, set: &VariableSetStmt) -> Result<Lowered> {
        let value = match set.kind() {
            VariableSetKind::VarSetValue => crate::ddl::setting(set),
            VariableSetKind::VarSetDefault | VariableSetKind::VarReset => String::new(),
            _ => return Err(Problem::needs_postgres("this form of SET in a function")),
        };
        if set.name == "search_path" {
            return Err(Problem::needs_postgres("SET search_path in the body of a function")
                .with_hint("write it as a clause of CREATE FUNCTION: `SET search_path = …`"));
        }
        let local = Bound::constant(Value::Integer(i64::from(set.is_local)), Type::Bool);
        let values = vec![Bound::unknown_text(&set.name), Bound::unknown_text(&value), local];
        let names = vec![String::new(); values.len()];
        let arguments = super::functions::Arguments { values, names, spread: false };
        let call = self.call_by_name(Some("pg_catalog"), "set_config", arguments, None)?;
        Ok(Lowered::reading(format!("SELECT {}", call.sql), Vec::new()))
    }

    /// `WITH x AS (INSERT …)`: the statement runs first, its rows wait in a temporary table.
    pub fn modifying_cte(&mut self, cte: &CommonTableExpr, statement: &NodeEnum) -> Result<()> {
        let at = place(cte.location);
        if self.scopes.len() != 1 {
            return Err(Problem::new(
                "0A000",
                "WITH clause containing a data-modifying statement must be at the top level",
            )
            .placed(at));
        }
        self.changes.within_step = true;
        let lowered = self.statement(statement)?;
        self.changes.within_step = false;
        let with_keys = match statement {
            NodeEnum::InsertStmt(insert) => super::before::updates(insert),
            _ => true,
        };
        if let Some(target) = &lowered.target {
            self.note_change(target, with_keys);
        }
        let names: Vec<String> =
            super::types::strings(&cte.aliascolnames).into_iter().map(str::to_owned).collect();
        self.write_step(lowered, &cte.ctename, &names)
    }

    /// Adds a step whose rows later steps read under a name.
    fn write_step(&mut self, lowered: Lowered, name: &str, renamed: &[String]) -> Result<()> {
        self.writes = true;
        let mut columns = lowered.columns.clone();
        for (column, name) in columns.iter_mut().zip(renamed) {
            column.name.clone_from(name);
        }
        let returns_nothing = columns.is_empty();
        let (scratch, sources) = self.scratch(name, &columns);
        let emit = scratch.table.clone();
        let into = (!returns_nothing).then_some(scratch);
        self.steps.push(lowered.step(into, false));
        let cte = Cte { name: name.to_owned(), emit, columns: sources, scratch: true, returns_nothing };
        self.scope().ctes.push(cte);
        Ok(())
    }

    /// A temporary table for rows with these columns.
    pub fn scratch(&mut self, name: &str, columns: &[QueryColumn]) -> (Scratch, Vec<SourceColumn>) {
        let number = self.take_id();
        let shape: Vec<String> = columns
            .iter()
            .map(|column| match column.ty.ty.storage().class {
                StorageClass::Integer => "i",
                StorageClass::Float => "f",
                StorageClass::Text => "t",
                StorageClass::Blob => "b",
            })
            .map(str::to_owned)
            .collect();
        // Tables of one name always have the same columns, so that they may stay for the next statement.
        let collations: Vec<String> = columns
            .iter()
            .filter_map(|column| column.ty.ty.storage().collation)
            .map(|c| c.into_owned())
            .collect();
        let table = format!("_mainstay_{name}_{number}_{}_{}", shape.join(""), collations.join("_"));
        let names = unique_names(columns.iter().map(|column| column.name.as_str()));
        let mut definitions = Vec::with_capacity(columns.len());
        let mut sources = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let storage = column.ty.ty.storage();
            let collation = storage.collation.as_ref().map(|name| format!(" COLLATE {}", quote(name)));
            let sql = format!("\"c{index}\"");
            definitions.push(format!("{sql}{}", collation.unwrap_or_default()));
            let mut source =
                SourceColumn::new(names.get(index).cloned().unwrap_or_default(), column.ty.clone(), sql);
            source.collation = Carried::Column(storage.collation.map(|name| name.into_owned()));
            source.nullable = column.nullable;
            source.origin = column.origin.clone();
            source.domain.clone_from(&column.domain);
            sources.push(source);
        }
        let quoted = quote(&table);
        let parameters: Vec<String> = (1..=columns.len()).map(|index| format!("?{index}")).collect();
        let scratch = Scratch {
            create: format!("CREATE TEMP TABLE IF NOT EXISTS {quoted} ({})", definitions.join(", ")),
            insert: format!("INSERT INTO temp.{quoted} VALUES ({})", parameters.join(", ")),
            clear: format!("DELETE FROM temp.{quoted}"),
            table,
        };
        (scratch, sources)
    }

    /// A function that writes: its statements become steps, and its result is read from a temporary table.
    pub fn query_by_steps(
        &mut self,
        function: &Function,
        statements: &[Statement],
        arguments: Vec<(String, Bound)>,
        at: Option<usize>,
    ) -> Result<Query> {
        let once = self.scopes.len() == 1 && self.scopes.first().is_some_and(|scope| scope.outermost);
        let fixed = arguments.iter().all(|(_, value)| value.uses.is_empty());
        let in_place =
            matches!(self.scope().clause, super::scope::Clause::From | super::scope::Clause::Targets)
                && (self.scope().clause == super::scope::Clause::From || !self.scope().has_from);
        if !once || !fixed || !in_place {
            return Err(Problem::needs_postgres(format!(
                "function {} (which writes) anywhere but as the statement's only call",
                function.name
            ))
            .placed(at));
        }
        let returns_nothing = function.returns.ty.ty == Type::Void;
        let Some((last, before)) = statements.split_last() else {
            return Ok(self.empty_query(function));
        };
        let arguments = self.computed_by_step(arguments);
        for statement in before {
            self.function_step(function, statement, &arguments, None, at)?;
        }
        if let NodeEnum::SelectStmt(select) = &last.node
            && !super::function_body::writes(select)
        {
            let query = self
                .with_frame(function, arguments.clone(), |binder| {
                    binder.scope().has_from = false;
                    binder.subquery(select)
                })
                .map_err(|problem| relocated(problem, at))?;
            // What gives other values each time must not run more often than the call.
            if query.volatility != Volatility::Volatile {
                return self.declared(function, query, at);
            }
        }
        let wanted = (!returns_nothing).then_some(());
        match self.function_step(function, last, &arguments, wanted, at)? {
            Some(query) => self.declared(function, query, at),
            None => Ok(self.empty_query(function)),
        }
    }

    /// One statement of a body. With `read`, the query that reads its rows comes back.
    fn function_step(
        &mut self,
        function: &Function,
        statement: &Statement,
        arguments: &[(String, Bound)],
        read: Option<()>,
        at: Option<usize>,
    ) -> Result<Option<Query>> {
        let scopes = std::mem::take(&mut self.scopes);
        let (first, outer) = (self.steps.len(), std::mem::take(&mut self.changes));
        let lowered = self.with_frame(function, arguments.to_vec(), |binder| {
            // Each statement is one of its own: its CTEs may write.
            let isolated = std::mem::take(&mut binder.scopes);
            binder.outermost = true;
            let lowered = binder.statement(&statement.node);
            binder.scopes = isolated;
            lowered
        });
        self.scopes = scopes;
        self.finish_changes(first, outer);
        let lowered = lowered.map_err(|problem| relocated(problem, at))?;
        if read.is_none() || lowered.columns.is_empty() {
            self.steps.push(lowered.step(None, false));
            return Ok(None);
        }
        // Only the writer has temporary tables.
        self.writes = true;
        let columns = lowered.columns.clone();
        let (scratch, sources) = self.scratch(&function.name.name, &columns);
        let text = format!("temp.{}", quote(&scratch.table));
        self.steps.push(lowered.step(Some(scratch), false));
        let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        let list: Vec<String> = sources.iter().map(|source| source.sql.clone()).collect();
        let mut out = columns;
        for (column, source) in out.iter_mut().zip(&sources) {
            column.collation = source.collation.clone();
        }
        let sql = format!("SELECT {} FROM {text} ORDER BY rowid", list.join(", "));
        Ok(Some(Query::new(Core::Wrapped { sql, columns: out, names })))
    }

    /// What a function returns whose last statement returns nothing.
    fn empty_query(&mut self, function: &Function) -> Query {
        let fields = output_fields(self, function)
            .unwrap_or_else(|| vec![(function.name.name.clone(), function.returns.ty.clone())]);
        let targets = fields
            .into_iter()
            .map(|(name, ty)| super::query::Target { name, bound: Bound { ty, ..Bound::null() } })
            .collect();
        let tail = if function.returns.set { " WHERE 0".to_owned() } else { String::new() };
        let mut query = Query::new(Core::Select { distinct: false, targets, tail, has_where: true });
        query.one_row = !function.returns.set;
        query
    }
}
