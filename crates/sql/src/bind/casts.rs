//! Casts as they are written, and the checks of the domains that they name.

use super::bound::{Bound, Form};
use super::coerce::Coercion;
use super::errors::place;
use super::scope::Binder;
use super::types::strings;
use mainstay_base::{Problem, Result};
use mainstay_types::{ColumnType, Type};
use pg_query::NodeEnum;
use pg_query::protobuf::{AConst, TypeCast, TypeName, a_const};

impl Binder<'_> {
    pub(super) fn type_cast(&mut self, cast: &TypeCast) -> Result<Bound> {
        let at = place(cast.location);
        let Some(name) = &cast.type_name else { return Err(Problem::internal("a cast without a type")) };
        let named = self.named_type(name)?;
        let target = named.ty.clone();
        let checks = named.domain.cloned();
        let bound = match cast.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
            // Only here may an array have no elements: the cast says of which type they are.
            Some(NodeEnum::AArrayExpr(array)) if matches!(target.ty, Type::Array(_)) => {
                let element = target.ty.element().cloned().unwrap_or(Type::Text);
                let elements = self.all(&array.elements)?;
                if elements.iter().any(|bound| matches!(bound.ty.ty, Type::Array(_))) {
                    let array = self.array_from(elements, place(array.location))?;
                    self.coerce(array, &target, Coercion::Explicit)?
                } else {
                    let wanted = ColumnType { ty: element.clone(), modifier: target.modifier };
                    let mut done = Vec::with_capacity(elements.len());
                    for bound in elements {
                        done.push(self.coerce(bound, &wanted, Coercion::Explicit)?);
                    }
                    self.array_of(done, &element)
                }
            }
            _ => {
                let bound = self.optional(cast.arg.as_deref())?;
                let bound = match (&bound.form, interval_unit(name)) {
                    (Form::UnknownText(text), Some(unit)) if text.trim().parse::<f64>().is_ok() => {
                        Bound::unknown_text(&format!("{} {unit}", text.trim())).at(bound.place)
                    }
                    _ => bound,
                };
                let place = bound.place;
                let bound = if place.is_none() { bound.at(at) } else { bound };
                self.coerce(bound, &target, Coercion::Explicit).map_err(|problem| {
                    if problem.code() == "42846" { super::errors::relocated(problem, at) } else { problem }
                })?
            }
        };
        let name = checks.as_ref().map(|domain| domain.name.clone());
        let bound = match checks {
            Some(domain) if domain.not_null || !domain.checks.is_empty() => {
                self.check_domain(bound, &domain)?
            }
            _ => bound,
        };
        Ok(Bound { domain: name, ..bound })
    }

    /// A value of a domain: fails at run time where it breaks a constraint.
    fn check_domain(&mut self, value: Bound, domain: &crate::catalog::Domain) -> Result<Bound> {
        let at = value.place;
        let (values, fence) =
            if self.in_schema_text() { (vec![value], None) } else { self.fence(vec![value], at)? };
        let value = values.into_iter().next().unwrap_or_else(Bound::null);
        let mut arms = Vec::new();
        if domain.not_null {
            let message = format!("domain {} does not allow null values", domain.name);
            arms.push(format!(
                "WHEN {} IS NULL THEN {}",
                value.operand(),
                Self::raise_text("23502", &message)
            ));
        }
        for (name, text) in &domain.checks {
            let node = crate::parse::expression(text)?;
            let before = self.domain_value.replace(value.clone());
            let check = self.in_isolation(|binder| binder.expr(&node));
            self.domain_value = before;
            let check = check?;
            let message = format!("value for domain {} violates check constraint \"{name}\"", domain.name);
            arms.push(format!("WHEN NOT {} THEN {}", check.operand(), Self::raise_text("23514", &message)));
        }
        let mut bound =
            Bound::plain(format!("CASE {} ELSE {} END", arms.join(" "), value.sql), value.ty.clone())
                .over([&value])
                .at(value.place);
        bound.atom = false;
        Ok(match fence {
            Some(fence) => fence.around(bound),
            None => bound,
        })
    }
}

/// The unit of `interval '1' day`: which fields the type's modifier names.
fn interval_unit(name: &TypeName) -> Option<&'static str> {
    if strings(&name.names).last() != Some(&"interval") {
        return None;
    }
    let mask = match name.typmods.first()?.node.as_ref()? {
        NodeEnum::AConst(AConst { val: Some(a_const::Val::Ival(mask)), .. }) => mask.ival,
        NodeEnum::Integer(mask) => mask.ival,
        _ => return None,
    };
    match mask {
        0x2 => Some("month"),
        0x4 => Some("year"),
        0x8 => Some("day"),
        0x400 => Some("hour"),
        0x800 => Some("minute"),
        0x1000 => Some("second"),
        _ => None,
    }
}
