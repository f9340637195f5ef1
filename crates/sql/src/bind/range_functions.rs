//! Functions in FROM, and set-returning functions in the select list.

use super::bound::{Bound, Form, quote, quote_text};
use super::calls::{call_native, type_list};
use super::coerce::Coercion;
use super::errors::{Located, place, syntax};
use super::functions::Arguments;
use super::overloads::{Callable, Target};
use super::scope::{Binder, Clause, Source, SourceColumn};
use super::types::strings;
use mainstay_base::{Problem, Result};
use mainstay_types::registry::{Body, Native};
use mainstay_types::{ColumnType, Type};
use pg_query::protobuf::{Alias, FuncCall, RangeFunction};
use pg_query::{Node, NodeEnum};

/// A table-valued call: its text without an alias, and its columns given the alias.
struct Rows {
    text: String,
    columns: Vec<SourceColumn>,
    ordinality: String,
    scalar: bool,
    row_type: Type,
}

impl Binder<'_> {
    pub fn range_function(&mut self, range: &RangeFunction) -> Result<String> {
        let [item] = range.functions.as_slice() else {
            return Err(Problem::needs_postgres("ROWS FROM with several functions"));
        };
        let Some(NodeEnum::List(item)) = &item.node else {
            return Err(Problem::internal("a function in FROM without a call"));
        };
        let Some(call) = item.items.first() else {
            return Err(Problem::internal("a function in FROM without a call"));
        };
        let definitions = match item.items.get(1).and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::List(list)) if !list.items.is_empty() => &list.items,
            _ => &range.coldeflist,
        };
        let alias = range.alias.as_ref();
        match &call.node {
            Some(NodeEnum::FuncCall(call)) => {
                self.function_source(call, range.ordinality, definitions, alias)
            }
            _ => {
                // `FROM current_date AS d` and the like: one row with one value.
                let bound = self.within(Clause::From, |binder| binder.expr(call))?;
                let bound = self.settle(bound)?;
                let name = super::output_names::output_name(call);
                self.value_source(bound, &name, alias, range.ordinality)
            }
        }
    }

    fn function_source(
        &mut self,
        call: &FuncCall,
        ordinality: bool,
        definitions: &[Node],
        alias: Option<&Alias>,
    ) -> Result<String> {
        let at = place(call.location);
        let parts = strings(&call.funcname);
        let name = parts.last().copied().unwrap_or_default();
        let schema = parts.len().checked_sub(2).and_then(|index| parts.get(index).copied());
        let definitions = self.definition_list(definitions)?;
        let source_name = alias.map_or(name, |alias| alias.aliasname.as_str()).to_owned();
        let arguments = self.within(Clause::From, |binder| binder.arguments(call))?;
        let from_uses: Vec<_> =
            arguments.values.iter().flat_map(|value| value.uses.iter().cloned()).collect();
        let id = self.scope().id;
        self.scope().from_uses.extend(from_uses.into_iter().filter(|used| used.scope != id));
        if name == "unnest" && arguments.values.len() > 1 {
            return self.unnest_many(arguments, ordinality, &source_name, alias, at);
        }
        if let Some(rows) = self.json_records(schema, name, &arguments, &definitions, &source_name, at)? {
            return self.add_rows(rows, &source_name, alias, ordinality, at);
        }
        let target = self.find_callable(schema, name, &arguments).placed(at)?;
        if let Callable::User(function) = &target.callable {
            let function = std::sync::Arc::clone(function);
            let values = self.user_arguments(&function, arguments, &target.types)?;
            return self.inline_source(&function, values, &source_name, alias, ordinality, &definitions, at);
        }
        let Callable::Native(native) = &target.callable else {
            return Err(Problem::internal("neither a native nor a user's function"));
        };
        let native: &'static Native = native;
        if !matches!(native.body, Body::Rows { .. }) {
            let args = self.coerce_all(arguments.values, &target.types)?;
            let bound = call_native(self, native, args, &target.types, &target.returns, arguments.spread)?;
            return self.value_source(bound, name, alias, ordinality);
        }
        let emit = self.emit_name(&source_name);
        let rows = self.native_rows(native, arguments, &target, &emit)?;
        let mut rows = rows;
        // A function that returns plain values names its column like the source.
        if rows.scalar
            && alias.is_some()
            && rows.columns.first().is_some_and(|column| column.name == name)
            && let Some(column) = rows.columns.first_mut()
        {
            column.name.clone_from(&source_name);
        }
        self.add_rows(rows, &source_name, alias, ordinality, at)
    }

    /// A set-returning native as a table of SQLite.
    fn native_rows(
        &mut self,
        native: &'static Native,
        arguments: Arguments,
        target: &Target,
        emit: &str,
    ) -> Result<Rows> {
        let Body::Rows { columns, .. } = native.body else {
            return Err(Problem::internal("a function without rows in FROM"));
        };
        let args = self.coerce_all(arguments.values, &target.types)?;
        let quoted = quote(emit);
        if native.name == "unnest" {
            let element = target.returns.clone();
            let array = args.first().map(|bound| bound.sql.clone()).unwrap_or_default();
            let sql = self.item_to_value(format!("{quoted}.value"), &element);
            return Ok(Rows {
                text: format!("json_each({array})"),
                columns: vec![SourceColumn::new("unnest", element, sql)],
                ordinality: format!("{quoted}.key + 1"),
                scalar: true,
                row_type: Type::Record,
            });
        }
        if args.len() > 8 {
            return Err(Problem::needs_postgres(format!("{} with more than eight arguments", native.name)));
        }
        let mut texts = vec![quote_text(&native.symbol()), type_list(&args, &target.types, &target.returns)];
        texts.extend(args.iter().map(|bound| bound.sql.clone()));
        let mut out = Vec::with_capacity(columns.len());
        for (index, (name, ty)) in columns.iter().enumerate() {
            let ty = match ty.to_type() {
                open if open.is_pseudo() => match (&open, &target.returns) {
                    (Type::AnyElement, Type::Array(element)) => (**element).clone(),
                    _ => target.returns.clone(),
                },
                fixed => fixed,
            };
            out.push(SourceColumn::new(*name, ty, format!("{quoted}.\"c{index}\"")));
        }
        Ok(Rows {
            text: format!("\"pg_rows\"({})", texts.join(", ")),
            scalar: out.len() == 1 && !matches!(target.returns, Type::Record),
            columns: out,
            ordinality: format!("{quoted}.\"ord\""),
            row_type: Type::Record,
        })
    }

    fn add_rows(
        &mut self,
        mut rows: Rows,
        name: &str,
        alias: Option<&Alias>,
        ordinality: bool,
        at: Option<usize>,
    ) -> Result<String> {
        let emit = self.emit_name(name);
        if ordinality {
            let mut column = SourceColumn::new("ordinality", Type::Int8, rows.ordinality.clone());
            column.nullable = false;
            column.atom = !rows.ordinality.contains('+');
            rows.columns.push(column);
            rows.scalar = false;
        }
        let source = Source {
            alias: name.to_owned(),
            schema: None,
            emit: emit.clone(),
            columns: rows.columns,
            relation: None,
            row_type: rows.row_type,
            nullable: false,
            hidden: false,
            scalar: rows.scalar,
        };
        self.add_renamed(source, alias, at)?;
        Ok(format!("{} AS {}", rows.text, quote(&emit)))
    }

    /// One value as a table of one row.
    fn value_source(
        &mut self,
        bound: Bound,
        name: &str,
        alias: Option<&Alias>,
        ordinality: bool,
    ) -> Result<String> {
        let at = bound.place;
        let source_name = alias.map_or(name, |alias| alias.aliasname.as_str()).to_owned();
        let emit = self.emit_name(&source_name);
        let quoted = quote(&emit);
        // As an element of an array, so that the value may come from items before it.
        let fields = match &bound.form {
            Form::Row { fields, .. } => Some(fields.clone()),
            _ => None,
        };
        let rows = match fields {
            Some(fields) => {
                let items: Vec<String> = fields.iter().map(|(_, field)| self.carried(field)).collect();
                let columns = fields
                    .iter()
                    .enumerate()
                    .map(|(index, (name, field))| {
                        let item = format!("({quoted}.value ->> {index})");
                        SourceColumn::new(name, field.ty.clone(), self.arrived(item, &field.ty.ty))
                    })
                    .collect();
                Rows {
                    text: format!("json_each(json_array(json_array({})))", items.join(", ")),
                    columns,
                    ordinality: "1".to_owned(),
                    scalar: false,
                    row_type: bound.ty.ty.clone(),
                }
            }
            None => {
                let sql = self.arrived(format!("{quoted}.value"), &bound.ty.ty);
                Rows {
                    text: format!("json_each(json_array({}))", self.carried(&bound)),
                    columns: vec![SourceColumn::new(&source_name, bound.ty.clone(), sql)],
                    ordinality: "1".to_owned(),
                    scalar: true,
                    row_type: Type::Record,
                }
            }
        };
        self.add_rows(rows, &source_name, alias, ordinality, at)
    }

    /// `unnest(a, b, …)`: the arrays side by side, as long as the longest.
    fn unnest_many(
        &mut self,
        arguments: Arguments,
        ordinality: bool,
        name: &str,
        alias: Option<&Alias>,
        at: Option<usize>,
    ) -> Result<String> {
        let emit = self.emit_name(name);
        let quoted = quote(&emit);
        let mut columns = Vec::new();
        let mut longest: Option<String> = None;
        for value in arguments.values {
            let Type::Array(element) = value.ty.ty.clone() else {
                let ty = self.type_name(&value.ty.ty);
                return Err(Problem::new("42883", format!("function unnest({ty}) does not exist")).placed(at));
            };
            let item = format!("({} ->> {quoted}.key)", value.operand());
            let mut column =
                SourceColumn::new("unnest", (*element).clone(), self.item_to_value(item, &element));
            column.uses = value.uses.clone();
            columns.push(column);
            longest = Some(match longest {
                None => value.sql.clone(),
                Some(before) => format!(
                    "CASE WHEN coalesce(json_array_length({before}), 0) >= coalesce(json_array_length({}), 0) THEN \
                     {before} ELSE {} END",
                    value.sql, value.sql
                ),
            });
        }
        let rows = Rows {
            text: format!("json_each({})", longest.unwrap_or_else(|| "'[]'".to_owned())),
            columns,
            ordinality: format!("{quoted}.key + 1"),
            scalar: false,
            row_type: Type::Record,
        };
        self.add_rows(rows, name, alias, ordinality, at)
    }

    /// `json_to_record`, `json_to_recordset`, `json_populate_record` and `json_populate_recordset`, also of jsonb.
    fn json_records(
        &mut self,
        schema: Option<&str>,
        name: &str,
        arguments: &Arguments,
        definitions: &[(String, ColumnType)],
        source_name: &str,
        at: Option<usize>,
    ) -> Result<Option<Rows>> {
        if !matches!(schema, None | Some("pg_catalog")) {
            return Ok(None);
        }
        let (populate, set) = match name {
            "json_to_record" | "jsonb_to_record" => (false, false),
            "json_to_recordset" | "jsonb_to_recordset" => (false, true),
            "json_populate_record" | "jsonb_populate_record" => (true, false),
            "json_populate_recordset" | "jsonb_populate_recordset" => (true, true),
            _ => return Ok(None),
        };
        let mut values = arguments.values.iter();
        let base = if populate { values.next().cloned() } else { None };
        let (Some(document), None) = (values.next().cloned(), values.next()) else {
            return Err(self.no_function(schema, name, arguments).placed(at));
        };
        let ty = if name.starts_with("jsonb") { Type::Jsonb } else { Type::Json };
        if !document.is_unknown() && document.ty.ty != ty {
            return Err(self.no_function(schema, name, arguments).placed(at));
        }
        let document = self.coerce(document, &ty.into(), Coercion::Implicit)?;
        let row_type = base.as_ref().map_or(Type::Record, |base| base.ty.ty.clone());
        let fields = match &base {
            Some(base) if definitions.is_empty() => self.fields_of(&base.ty.ty).ok_or_else(|| {
                Problem::new("42804", format!("first argument of {name} must be a row type")).placed(at)
            })?,
            _ => definitions.to_vec(),
        };
        if fields.is_empty() {
            return Err(
                syntax("a column definition list is required for functions returning \"record\"").placed(at)
            );
        }
        let emit = self.emit_name(source_name);
        let object = format!("{}.value", quote(&emit));
        let mut columns = Vec::with_capacity(fields.len());
        for (field, ty) in fields {
            let mut value = self.json_member(&object, &field, &ty)?;
            if let Some(Bound { form: Form::Row { fields, .. }, .. }) = &base
                && let Some((_, default)) = fields.iter().find(|(name, _)| *name == field)
                && !default.is_null_constant()
            {
                let test = format!("json_type({object}, {}) IS NULL", json_path(&field));
                value.sql = format!("CASE WHEN {test} THEN {} ELSE {} END", default.sql, value.sql);
                value.atom = false;
            }
            let mut column = SourceColumn::new(field, value.ty.clone(), value.sql.clone());
            column.atom = value.atom;
            columns.push(column);
        }
        let text = if set {
            format!("json_each({})", document.sql)
        } else {
            format!("json_each(json_array(json({})))", document.sql)
        };
        Ok(Some(Rows {
            text,
            columns,
            ordinality: format!("{}.key + 1", quote(&emit)),
            scalar: false,
            row_type,
        }))
    }

    /// A member of a JSON object as a value of a type, as `json_populate_record` makes it.
    fn json_member(&mut self, object: &str, name: &str, ty: &ColumnType) -> Result<Bound> {
        let raw = format!("({object} -> {})", json_path(name));
        let types = quote_text(&format!("json,{}", ty.ty.symbol()));
        let plain = ColumnType::from(ty.ty.clone());
        let value = Bound::plain(format!("\"pg:pg_from_json(json)\"({raw}, {types})"), plain);
        self.coerce(value, ty, Coercion::Assignment)
    }

    /// `SELECT unnest(a) FROM t`: the rows become an item of FROM.
    pub fn rows_in_select_list(
        &mut self,
        native: &'static Native,
        name: &str,
        arguments: Arguments,
        target: &Target,
        at: Option<usize>,
    ) -> Result<Bound> {
        let scope = self.scope();
        if scope.clause != Clause::Targets || scope.aggregate_depth > 0 {
            return Err(Problem::new(
                "0A000",
                format!("set-returning functions are not allowed in {}", scope.clause.words()),
            )
            .placed(at));
        }
        if !scope.row_functions.items.is_empty() {
            return Err(
                Problem::needs_postgres("more than one set-returning function in a select list").placed(at)
            );
        }
        let emit = self.emit_name(name);
        let values = self.coerce_all(arguments.values, &target.types)?;
        let arguments = Arguments { values: self.marked(values), ..arguments };
        let rows = self.native_rows(native, arguments, target, &emit)?;
        let text = format!("{} AS {}", rows.text, quote(&emit));
        let columns = rows.columns;
        let source = Source {
            alias: String::new(),
            schema: None,
            emit,
            columns: columns.clone(),
            relation: None,
            row_type: Type::Record,
            nullable: false,
            hidden: true,
            scalar: rows.scalar,
        };
        let level = self.scopes.len().saturating_sub(1);
        let scope = self.scope();
        let index = scope.sources.len();
        scope.sources.push(source);
        scope.row_functions.items.push(text);
        if rows.scalar {
            return self
                .column_of(level, index, 0, at)
                .ok_or_else(|| Problem::internal("a set-returning function without a column"));
        }
        self.whole_row(level, index, at)
    }
}

/// A JSON path to one member, quoted as SQLite reads it.
fn json_path(name: &str) -> String {
    quote_text(&format!("$.\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
}
