//! Conditions: filters on fields, `and`/`or` over them, and whether an embed is empty.

use super::tree::Node;
use super::{Builder, Source, field::Scope, field::Typed, qualified};
use crate::query::{Condition, Filter, IsTest, LiteralId, Logic, Operator, Quantifier, Test, TextSearch};
use mainstay_base::Result;
use mainstay_sql::Name;
use mainstay_types::Type;

impl Builder<'_> {
    /// What the rows of a node must satisfy: its conditions, and that inner embeds have rows.
    pub(crate) fn node_conditions(&mut self, node: &Node<'_>) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for condition in &node.query.conditions {
            all.push(self.condition(&node.scope, Some(node), condition)?);
        }
        for child in node.embeds.iter().filter(|child| child.is_inner()) {
            all.push(format!("EXISTS (SELECT 1 {})", child.from));
        }
        Ok(all)
    }

    /// `node` gives the embeds that a filter may name; a write's own filters have none.
    pub(crate) fn condition(
        &mut self,
        scope: &Scope,
        node: Option<&Node<'_>>,
        condition: &Condition,
    ) -> Result<String> {
        match condition {
            Condition::Filter(filter) => {
                if let Some(sql) = node.and_then(|node| embed_test(node, filter)) {
                    return Ok(sql);
                }
                self.filter(scope, filter)
            }
            Condition::Logic { negated, operator, conditions } => {
                let mut parts = Vec::with_capacity(conditions.len());
                for condition in conditions {
                    parts.push(self.condition(scope, node, condition)?);
                }
                let (word, none) = match operator {
                    Logic::And => (" AND ", "true"),
                    Logic::Or => (" OR ", "false"),
                };
                let joined = if parts.is_empty() { none.to_owned() } else { parts.join(word) };
                Ok(if *negated { format!("NOT ({joined})") } else { format!("({joined})") })
            }
        }
    }

    fn filter(&mut self, scope: &Scope, filter: &Filter) -> Result<String> {
        let field = self.field(scope, &filter.field)?;
        if let Test::Is(test) = &filter.test {
            let not = if filter.negated { "NOT " } else { "" };
            return Ok(match (test, filter.negated) {
                (IsTest::Null, true) | (IsTest::NotNull, false) => format!("{} IS NOT NULL", field.sql),
                (IsTest::Null, false) | (IsTest::NotNull, true) => format!("{} IS NULL", field.sql),
                (IsTest::True, _) => format!("{} IS {not}TRUE", field.sql),
                (IsTest::False, _) => format!("{} IS {not}FALSE", field.sql),
                (IsTest::Unknown, _) => format!("{} IS {not}UNKNOWN", field.sql),
            });
        }
        let parser = self.representation(scope, &filter.field).and_then(|found| found.from_text.as_ref());
        let test = self.test(&field, &filter.test, parser);
        Ok(if filter.negated { format!("NOT ({test})") } else { test })
    }

    /// `parser` makes a value of the field's domain of a text.
    fn test(&mut self, field: &Typed, test: &Test, parser: Option<&Name>) -> String {
        let sql = &field.sql;
        match test {
            Test::Compare { operator, quantifier, value } => {
                let ty = operand_type(*operator, &field.ty);
                let parser = parser.filter(|_| !is_pattern(*operator));
                let operand = self.operand(ty, *quantifier, *value, parser);
                format!("{sql} {} {operand}", operator_sql(*operator))
            }
            Test::In(value) => {
                let array = self.operand(field.ty.clone(), Some(Quantifier::Any), *value, parser);
                format!("{sql} = {array}")
            }
            Test::IsDistinct(value) => {
                let value = self.operand(field.ty.clone(), None, *value, parser);
                format!("{sql} IS DISTINCT FROM {value}")
            }
            Test::TextSearch { operator, language, value } => {
                self.text_search(field, *operator, *language, *value)
            }
            Test::Is(_) => "true".to_owned(),
        }
    }

    fn operand(
        &mut self,
        ty: Type,
        quantifier: Option<Quantifier>,
        value: LiteralId,
        parser: Option<&Name>,
    ) -> String {
        let ty = if parser.is_some() { Type::Text } else { ty };
        let Some(quantifier) = quantifier else {
            let literal = self.literal(&ty, value);
            return match parser {
                Some(parser) => format!("{}({literal})", qualified(parser)),
                None => literal,
            };
        };
        let word = if quantifier == Quantifier::Any { "ANY" } else { "ALL" };
        let array = self.parameter(Type::array(ty), Source::Literal(value));
        match parser {
            Some(parser) => {
                let parser = qualified(parser);
                format!("{word}(SELECT {parser}(\"_v\") FROM unnest({array}) AS \"_u\"(\"_v\"))")
            }
            None => format!("{word}({array})"),
        }
    }

    fn text_search(
        &mut self,
        field: &Typed,
        operator: TextSearch,
        language: Option<LiteralId>,
        value: LiteralId,
    ) -> String {
        let language = match language {
            Some(id) => format!("{}, ", self.literal(&Type::RegConfig, id)),
            None => String::new(),
        };
        let value = self.literal(&Type::Text, value);
        let document = match field.ty {
            Type::TsVector => field.sql.clone(),
            _ => format!("to_tsvector({language}{})", field.sql),
        };
        let function = match operator {
            TextSearch::ToTsquery => "to_tsquery",
            TextSearch::Plain => "plainto_tsquery",
            TextSearch::Phrase => "phraseto_tsquery",
            TextSearch::Web => "websearch_to_tsquery",
        };
        format!("{document} @@ {function}({language}{value})")
    }
}

/// `posts=is.null`: whether an embed has no rows.
fn embed_test(node: &Node<'_>, filter: &Filter) -> Option<String> {
    let Test::Is(test @ (IsTest::Null | IsTest::NotNull)) = &filter.test else { return None };
    if !filter.field.path.is_empty() {
        return None;
    }
    let child = node.embeds.iter().find(|child| child.output_name() == filter.field.name)?;
    let empty = (*test == IsTest::Null) != filter.negated;
    let not = if empty { "NOT " } else { "" };
    Some(format!("{not}EXISTS (SELECT 1 {})", child.from))
}

/// The type that a literal beside the operator is read as: the field's own, but patterns are text.
fn operand_type(operator: Operator, field: &Type) -> Type {
    match (operator, field) {
        (operator, Type::Citext) if is_pattern(operator) => Type::Citext,
        (operator, _) if is_pattern(operator) => Type::Text,
        (_, field) => field.clone(),
    }
}

fn is_pattern(operator: Operator) -> bool {
    matches!(operator, Operator::Like | Operator::ILike | Operator::Match | Operator::IMatch)
}

fn operator_sql(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "=",
        Operator::NotEqual => "<>",
        Operator::Greater => ">",
        Operator::GreaterEqual => ">=",
        Operator::Less => "<",
        Operator::LessEqual => "<=",
        Operator::Like => "LIKE",
        Operator::ILike => "ILIKE",
        Operator::Match => "~",
        Operator::IMatch => "~*",
        Operator::Contains => "@>",
        Operator::ContainedBy => "<@",
        Operator::Overlaps => "&&",
        Operator::StrictlyLeft => "<<",
        Operator::StrictlyRight => ">>",
        Operator::NotExtendsRight => "&<",
        Operator::NotExtendsLeft => "&>",
        Operator::Adjacent => "-|-",
    }
}
