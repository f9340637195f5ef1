//! Arrays and rows as values: constructors, elements, and how their parts stand in JSON.

use super::bound::{Bound, Form, quote_text};
use super::coerce::Coercion;
use super::errors::Located;
use super::scope::Binder;
use super::types::common_type;
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, StorageClass, Type, TypeId};

impl Binder<'_> {
    /// A value as an element of the JSON array that stores arrays and rows.
    pub fn json_item(&self, bound: &Bound) -> String {
        match &bound.ty.ty {
            Type::Bool => {
                format!("json(CASE {} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)", bound.operand())
            }
            Type::Record => format!("json({})", bound.sql),
            ty if is_plain_item(ty) => bound.sql.clone(),
            ty => format!("pg_cast({}, {})", bound.sql, quote_text(&format!("{}>text", ty.symbol()))),
        }
    }

    /// What `json_each.value` or `->>` gives for an element, as the element's storage form.
    pub fn item_to_value(&self, sql: String, ty: &Type) -> String {
        if is_plain_item(ty) && !matches!(ty, Type::Float4 | Type::Float8) || *ty == Type::Bool {
            return sql;
        }
        match ty {
            Type::Record => sql,
            ty => format!("pg_cast({sql}, {})", quote_text(&format!("text>{}", ty.symbol()))),
        }
    }

    /// A value on its way through JSON within one statement: stored forms travel as they are.
    pub fn carried(&self, bound: &Bound) -> String {
        if bound.ty.ty.storage().class == StorageClass::Blob {
            format!("CASE WHEN {0} IS NOT NULL THEN hex({0}) END", bound.operand())
        } else {
            bound.sql.clone()
        }
    }

    /// What [`Binder::carried`] sent, taken out again.
    pub fn arrived(&self, sql: String, ty: &Type) -> String {
        match ty {
            Type::Uuid | Type::Bytea => format!("unhex({sql})"),
            _ => sql,
        }
    }

    /// `ARRAY[…]` of elements that have the element type.
    pub fn array_of(&mut self, elements: Vec<Bound>, element: &Type) -> Bound {
        let items: Vec<String> = elements.iter().map(|bound| self.json_item(bound)).collect();
        let mut bound =
            Bound::plain(format!("json_array({})", items.join(", ")), Type::array(element.clone()))
                .over(&elements)
                .not_null();
        bound.form = Form::Elements(elements);
        bound
    }

    /// Binds the elements of an array constructor to their common type.
    pub fn array_from(&mut self, elements: Vec<Bound>, at: Option<usize>) -> Result<Bound> {
        let parts: Vec<&Bound> = elements.iter().collect();
        let common = common_type(self, "ARRAY", &parts)?;
        if let Type::Array(inner) = &common {
            // Constructors nest: PostgreSQL's arrays of arrays have the type of the innermost elements.
            let inner = (**inner).clone();
            let mut sql = Vec::with_capacity(elements.len());
            let mut cast = Vec::with_capacity(elements.len());
            for element in elements {
                let element = self.coerce(element, &Type::array(inner.clone()).into(), Coercion::Implicit)?;
                sql.push(format!("json({})", element.sql));
                cast.push(element);
            }
            let text = format!("json_array({})", sql.join(", "));
            return Ok(Bound::plain(text, Type::array(inner)).over(&cast).not_null().at(at));
        }
        let wanted = ColumnType::from(common.clone());
        let mut cast = Vec::with_capacity(elements.len());
        for element in elements {
            cast.push(self.coerce(element, &wanted, Coercion::Implicit)?);
        }
        Ok(self.array_of(cast, &common).at(at))
    }

    /// A row of fields as a value of an anonymous row type.
    pub fn row_of(&self, fields: Vec<(String, Bound)>, present: Option<String>, ty: Type) -> Bound {
        let items: Vec<String> = fields.iter().map(|(_, bound)| self.json_item(bound)).collect();
        let array = format!("json_array({})", items.join(", "));
        let nullable = present.is_some();
        let sql = match &present {
            Some(present) => format!("CASE WHEN {present} THEN {array} END"),
            None => array,
        };
        let mut bound = Bound::plain(sql, ty).over(fields.iter().map(|(_, bound)| bound));
        bound.nullable = nullable;
        bound.form = Form::Row { fields, present };
        bound
    }

    /// A row constructor as a value of a named row type.
    pub fn row_as(&mut self, bound: Bound, id: TypeId, how: Coercion) -> Result<Bound> {
        let Form::Row { fields, present } = bound.form.clone() else { return Ok(bound) };
        let wanted = self.fields_of(&Type::Composite(id)).unwrap_or_default();
        let name = self.type_name(&Type::Composite(id));
        if wanted.len() != fields.len() {
            let details = if fields.len() < wanted.len() {
                "Input has too few columns."
            } else {
                "Input has too many columns."
            };
            return Err(Problem::new("42846", format!("cannot cast type record to {name}"))
                .with_details(details)
                .placed(bound.place));
        }
        let mut cast = Vec::with_capacity(fields.len());
        for ((_, field), (name, ty)) in fields.into_iter().zip(wanted) {
            cast.push((name, self.coerce(field, &ty, how)?));
        }
        Ok(self.row_of(cast, present, Type::Composite(id)).at(bound.place))
    }

    /// Names and types of a row type's fields.
    pub fn fields_of(&self, ty: &Type) -> Option<Vec<(String, ColumnType)>> {
        let Type::Composite(id) = ty else { return None };
        if let Some(composite) = self.catalog.types.composites.get(id) {
            return Some(composite.fields.clone());
        }
        let relation = self.catalog.relations.values().find(|relation| relation.row_type == *id)?;
        Some(relation.columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect())
    }

    /// `row.field` of a value that is a row.
    pub fn field(&mut self, row: &Bound, name: &str, at: Option<usize>) -> Result<Option<Bound>> {
        if let Form::Row { fields, .. } = &row.form {
            if let Some((_, bound)) = fields.iter().find(|(field, _)| field == name) {
                return Ok(Some(bound.clone().at(at)));
            }
            return Ok(None);
        }
        let Some(fields) = self.fields_of(&row.ty.ty) else { return Ok(None) };
        let Some(index) = fields.iter().position(|(field, _)| field == name) else { return Ok(None) };
        let Some((_, ty)) = fields.into_iter().nth(index) else { return Ok(None) };
        let item = format!("({} ->> {index})", row.operand());
        Ok(Some(Bound::plain(self.item_to_value(item, &ty.ty), ty).over([row]).at(at)))
    }

    /// `array[index]…` with one subscript for each dimension.
    pub fn element(&mut self, array: &Bound, indices: Vec<Bound>, at: Option<usize>) -> Result<Bound> {
        let Type::Array(element) = array.ty.ty.clone() else {
            return Err(Problem::new(
                "42804",
                format!(
                    "cannot subscript type {} because it does not support subscripting",
                    self.type_name(&array.ty.ty)
                ),
            )
            .placed(at));
        };
        let mut cast = Vec::new();
        for index in indices {
            let place = index.place;
            if !self.can_coerce(&index, &Type::Int4, Coercion::Assignment) {
                return Err(Problem::new("42804", "array subscript must have type integer").placed(place));
            }
            cast.push(self.coerce(index, &Type::Int4.into(), Coercion::Assignment)?);
        }
        let constants: Option<Vec<i64>> = cast.iter().map(Self::constant_integer).collect();
        let sql = match (constants.as_deref(), cast.as_slice()) {
            (Some([index]), _) if *index >= 1 => format!("({} ->> {})", array.operand(), index - 1),
            (Some(indices), _) if indices.iter().all(|index| *index >= 1) => {
                let path: String = indices.iter().map(|index| format!("[{}]", index - 1)).collect();
                format!("({} ->> '${path}')", array.operand())
            }
            (Some(_), _) => "NULL".to_owned(),
            (None, [index]) => {
                let text = index.operand();
                format!("CASE WHEN {text} >= 1 THEN {} ->> ({text} - 1) END", array.operand())
            }
            (None, many) => {
                let tests: Vec<String> =
                    many.iter().map(|index| format!("{} >= 1", index.operand())).collect();
                let path: Vec<String> =
                    many.iter().map(|index| format!("'[' || ({} - 1) || ']'", index.operand())).collect();
                format!(
                    "CASE WHEN {} THEN {} ->> ('$' || {}) END",
                    tests.join(" AND "),
                    array.operand(),
                    path.join(" || ")
                )
            }
        };
        let mut bound =
            Bound::plain(self.item_to_value(sql, &element), (*element).clone()).over([array]).at(at);
        for index in &cast {
            bound.absorb(index);
        }
        bound.nullable = true;
        bound.atom = !bound.sql.starts_with("CASE");
        Ok(bound)
    }

    /// `array[low:high]`; a missing bound is the array's own.
    pub fn slice(
        &mut self,
        array: &Bound,
        low: Option<Bound>,
        high: Option<Bound>,
        at: Option<usize>,
    ) -> Result<Bound> {
        if !matches!(array.ty.ty, Type::Array(_)) {
            return Err(Problem::new(
                "42804",
                format!(
                    "cannot subscript type {} because it does not support subscripting",
                    self.type_name(&array.ty.ty)
                ),
            )
            .placed(at));
        }
        let mut tests = Vec::new();
        let mut parts = vec![array.clone()];
        for (bound, operator) in [(low, ">="), (high, "<=")] {
            if let Some(bound) = bound {
                let bound = self.coerce(bound, &Type::Int4.into(), Coercion::Assignment)?;
                tests.push(format!("key + 1 {operator} {}", bound.operand()));
                parts.push(bound);
            }
        }
        let filter = if tests.is_empty() { String::new() } else { format!(" WHERE {}", tests.join(" AND ")) };
        let sql = format!(
            "CASE WHEN {} IS NOT NULL THEN (SELECT json_group_array({JSON_EACH_ITEM}) FROM json_each({}){filter}) END",
            array.operand(),
            array.sql
        );
        Ok(Bound::plain(sql, array.ty.clone()).over(&parts).at(at).loose())
    }
}

/// `json_each` tells booleans and nested values by their type alone: this makes the element again.
pub(super) const JSON_EACH_ITEM: &str = "CASE type WHEN 'true' THEN json('true') WHEN 'false' THEN json('false') \
     WHEN 'array' THEN json(value) ELSE value END";

/// Whether the storage form of a value is also its form within a JSON array.
pub(super) fn is_plain_item(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Int2
            | Type::Int4
            | Type::Int8
            | Type::Oid
            | Type::Float4
            | Type::Float8
            | Type::Numeric
            | Type::Text
            | Type::Varchar
            | Type::Bpchar
            | Type::Citext
            | Type::Name
            | Type::Json
            | Type::Jsonb
            | Type::Enum(_)
            | Type::Interval
            | Type::TimeTz
            | Type::MacAddr
            | Type::Bit
            | Type::VarBit
            | Type::Xml
            | Type::TsVector
            | Type::TsQuery
            | Type::Inet
            | Type::Cidr
            | Type::Range(_)
            | Type::Unknown
    )
}
