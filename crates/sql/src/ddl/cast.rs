//! `CREATE CAST` and `DROP CAST`, from and to domains: PostgreSQL keeps such casts and never uses them, and REST reads
//! from them in which form values of a domain come in and go out.

use super::Draft;
use super::depend::Object;
use super::tree::{items, required};
use crate::catalog::{Cast, CastEnd, Name};
use mainstay_base::{Problem, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{CoercionContext, CreateCastStmt, Node, ObjectType, TypeName};

impl Draft<'_> {
    pub(super) fn create_cast(&mut self, statement: &CreateCastStmt) -> Result<()> {
        let source = self.cast_end(required(statement.sourcetype.as_ref())?)?;
        let target = self.cast_end(required(statement.targettype.as_ref())?)?;
        let domain_side = match (&source, &target) {
            (CastEnd::Domain(_), _) => "source",
            (_, CastEnd::Domain(_)) => "target",
            _ => return Err(Problem::needs_postgres("a cast between types that are no domains")),
        };
        let Some(function) = &statement.func else {
            return Err(Problem::needs_postgres("a cast of a domain without a function"));
        };
        let (name, index) = self.find_function(function, ObjectType::ObjectFunction)?;
        let found = required(self.catalog.functions.get(&name).and_then(|overloads| overloads.get(index)))?;
        let mut inputs = found.arguments.iter().filter(|argument| argument.default.is_none());
        let (first, more) = (inputs.next(), inputs.next());
        let fits =
            first.is_some_and(|argument| self.is_end(&source, &argument.ty.ty, argument.domain.as_ref()));
        if !fits || more.is_some() {
            let words = "argument of cast function must match or be binary-coercible from source data type";
            return Err(Problem::new("42P17", words));
        }
        if !self.is_end(&target, &found.returns.ty.ty, found.returns.domain.as_ref()) || found.returns.set {
            let words =
                "return data type of cast function must match or be binary-coercible to target data type";
            return Err(Problem::new("42P17", words));
        }
        if self.catalog.casts.iter().any(|cast| cast.source == source && cast.target == target) {
            let (from, to) = (self.end_name(&source), self.end_name(&target));
            let words = format!("cast from type {from} to type {to} already exists");
            return Err(Problem::new("42710", words));
        }
        if statement.context() != CoercionContext::CoercionImplicit {
            self.notice(format!("cast will be ignored because the {domain_side} data type is a domain"));
        }
        let implicit = statement.context() == CoercionContext::CoercionImplicit;
        self.catalog.casts.push(Cast { source, target, function: name, implicit });
        Ok(())
    }

    fn cast_end(&self, name: &TypeName) -> Result<CastEnd> {
        let resolved = self.resolve_type(name)?;
        Ok(match resolved.domain {
            Some(domain) => CastEnd::Domain(domain),
            None => CastEnd::Type(resolved.ty.ty),
        })
    }

    fn is_end(&self, end: &CastEnd, ty: &mainstay_types::Type, domain: Option<&Name>) -> bool {
        match end {
            CastEnd::Domain(name) => domain == Some(name),
            CastEnd::Type(other) => domain.is_none() && ty == other,
        }
    }

    fn end_name(&self, end: &CastEnd) -> String {
        match end {
            CastEnd::Domain(name) => name.to_string(),
            CastEnd::Type(ty) => self.catalog.types.type_name(ty),
        }
    }

    pub(super) fn describe_cast(&self, source: &CastEnd, target: &CastEnd) -> String {
        format!("cast from {} to {}", self.end_name(source), self.end_name(target))
    }

    /// The cast that `DROP CAST (a AS b)` means.
    pub(super) fn find_cast(&self, node: &Node) -> Result<Object> {
        let [source, target] = items(node) else { return Err(Problem::internal("DROP CAST without types")) };
        let end = |node: &Node| match node.node.as_ref() {
            Some(NodeEnum::TypeName(name)) => self.cast_end(name),
            _ => Err(Problem::internal("DROP CAST without types")),
        };
        let (source, target) = (end(source)?, end(target)?);
        if self.catalog.casts.iter().any(|cast| cast.source == source && cast.target == target) {
            return Ok(Object::Cast(source, target));
        }
        let (from, to) = (self.end_name(&source), self.end_name(&target));
        Err(Problem::new("42704", format!("cast from type {from} to type {to} does not exist")))
    }

    /// The casts that the test chooses, as objects.
    pub(super) fn casts(&self, test: impl Fn(&Cast) -> bool) -> Vec<Object> {
        let chosen = self.catalog.casts.iter().filter(|cast| test(cast));
        chosen.map(|cast| Object::Cast(cast.source.clone(), cast.target.clone())).collect()
    }

    /// The casts that are carried out by one overload.
    pub(super) fn casts_by(&self, name: &Name, index: usize) -> Vec<Object> {
        let function = self.catalog.functions.get(name).and_then(|overloads| overloads.get(index));
        let Some(argument) = function.and_then(|function| function.arguments.first()) else {
            return Vec::new();
        };
        self.casts(|cast| {
            cast.function == *name && self.is_end(&cast.source, &argument.ty.ty, argument.domain.as_ref())
        })
    }

    /// Functions whose signature names a domain.
    pub(super) fn functions_of_domain(&self, domain: &Name) -> Vec<Object> {
        let mut all = Vec::new();
        for (name, overloads) in &self.catalog.functions {
            for (index, function) in overloads.iter().enumerate() {
                let mut domains = function.arguments.iter().map(|argument| &argument.domain);
                if function.returns.domain.as_ref() == Some(domain)
                    || domains.any(|used| used.as_ref() == Some(domain))
                {
                    all.push(Object::Function(name.clone(), index));
                }
            }
        }
        all
    }

    /// Casts and signatures follow a domain to its new name.
    pub(super) fn move_domain_users(&mut self, from: &Name, to: &Name) {
        for cast in &mut self.catalog.casts {
            for end in [&mut cast.source, &mut cast.target] {
                if *end == CastEnd::Domain(from.clone()) {
                    *end = CastEnd::Domain(to.clone());
                }
            }
        }
        for function in self.catalog.functions.values_mut().flatten() {
            let mut domains = function.arguments.iter().map(|argument| &argument.domain);
            if function.returns.domain.as_ref() != Some(from)
                && !domains.any(|used| used.as_ref() == Some(from))
            {
                continue;
            }
            let function = std::sync::Arc::make_mut(function);
            let arguments = function.arguments.iter_mut().map(|argument| &mut argument.domain);
            for domain in arguments.chain([&mut function.returns.domain]) {
                if domain.as_ref() == Some(from) {
                    *domain = Some(to.clone());
                }
            }
        }
    }
}
