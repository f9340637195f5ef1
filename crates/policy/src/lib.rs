//! Decides conditions of row policies over rows in memory, without a query.
//!
//! Hidden here: how a typed expression is evaluated (what the session fixes is computed once, when it is known).
//! Not here: SQL text and overloads (`sql`), what values mean (`types`), which policies apply to whom.
//! Invariant: only TRUE lets a row pass; NULL and an error do not. What a row alone cannot decide is refused at once.
//! Start reading at [`Predicate::compile`], then [`Decider::passes`].

mod evaluate;

use evaluate::evaluate;
use mainstay_base::Result;
use mainstay_sql::Catalog;
use mainstay_sql::catalog::Relation;
use mainstay_sql::typed::{self, Call, Expression};
use mainstay_types::{Context, Value};

/// A condition over the rows of one relation, compiled once for a catalog.
#[derive(Clone)]
pub struct Predicate {
    expression: Expression,
}

impl Predicate {
    /// Compiles a boolean expression over a row of `relation`. One that needs a query (a subquery, a function that is
    /// more than an expression) is refused with 0A000, which says what and where.
    pub fn compile(catalog: &Catalog, relation: &Relation, text: &str) -> Result<Predicate> {
        typed::condition(catalog, relation, text).map(|expression| Predicate { expression })
    }

    /// The predicate for a session and a moment: what no row changes is computed here, once.
    pub fn decider(&self, context: Context) -> Decider {
        Decider { expression: fold(&self.expression, &context), context }
    }
}

/// A predicate for one session.
pub struct Decider {
    expression: Expression,
    context: Context,
}

impl Decider {
    /// Whether the row passes. `row` holds the relation's columns in their order, in storage form.
    pub fn passes(&self, row: &[Value]) -> bool {
        matches!(self.decide(row), Ok(Some(true)))
    }

    /// TRUE, FALSE or NULL, or why it has none of these.
    pub fn decide(&self, row: &[Value]) -> Result<Option<bool>> {
        evaluate::truth(&self.expression, row, &self.context)
    }

    /// The answer for every row, where the session alone decides.
    pub fn constant(&self) -> Option<Option<bool>> {
        match &self.expression {
            Expression::Constant(value) => Some(evaluate::as_truth(value.as_ref())),
            _ => None,
        }
    }
}

/// The expression with every part that uses no column replaced by its value. A part that fails stays: it may stand where
/// no row comes to it.
fn fold(expression: &Expression, context: &Context) -> Expression {
    let mut folded = expression.clone();
    fold_in_place(&mut folded, context);
    folded
}

/// Answers whether the expression uses a column.
fn fold_in_place(expression: &mut Expression, context: &Context) -> bool {
    let all = |parts: &mut [Expression]| {
        parts.iter_mut().fold(false, |uses, part| fold_in_place(part, context) | uses)
    };
    let uses = match expression {
        Expression::Column(_) => return true,
        Expression::Constant(_) => return false,
        Expression::And(parts) | Expression::Or(parts) | Expression::Coalesce(parts) => all(parts),
        Expression::Not(part)
        | Expression::IsNull(part)
        | Expression::Is(part, _)
        | Expression::Cast(part, ..) => fold_in_place(part, context),
        Expression::Compare(_, _, sides) | Expression::Distinct(_, sides) => all(&mut **sides),
        Expression::Call(call) => {
            let Call { arguments, .. } = &mut **call;
            all(arguments)
        }
        Expression::Case(arms, otherwise) => {
            let mut uses = fold_in_place(otherwise, context);
            for (condition, value) in arms {
                uses |= fold_in_place(condition, context) | fold_in_place(value, context);
            }
            uses
        }
    };
    if !uses && let Ok(value) = evaluate(expression, &[], context) {
        *expression = Expression::Constant(value.into_owned());
    }
    uses
}
