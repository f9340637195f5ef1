//! Which relations can be embedded in which: foreign keys, junctions, views over both, and functions of a row.
//!
//! The rules are PostgREST's, so that a request that is unambiguous there is unambiguous here.

mod references;
mod views;

use crate::fuzzy;
use crate::problems;
use mainstay_base::Result;
use mainstay_sql::Name;
use mainstay_sql::catalog::{ArgumentMode, Catalog, ConstraintKind, Function, Relation};
use mainstay_types::{Type, TypeId};
use std::collections::{BTreeSet, HashMap};
use views::ViewColumns;

pub use references::{Reference, references};
pub(crate) use views::key_columns;

/// Pairs of columns: of the relation the relationship starts from, and of the one it leads to.
pub(crate) type ColumnPairs = Vec<(String, String)>;

/// The order decides in which order an ambiguity is listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Relationship {
    pub(crate) table: Name,
    pub(crate) foreign: Name,
    pub(crate) is_self: bool,
    pub(crate) cardinality: Cardinality,
    pub(crate) table_is_view: bool,
    pub(crate) foreign_is_view: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cardinality {
    OneToMany {
        constraint: String,
        columns: ColumnPairs,
    },
    ManyToOne {
        constraint: String,
        columns: ColumnPairs,
    },
    /// `is_parent` where the other side has the foreign key.
    OneToOne {
        constraint: String,
        columns: ColumnPairs,
        is_parent: bool,
    },
    ManyToMany(Junction),
    /// A function of a row of `table` that returns rows of `foreign`.
    Computed {
        function: Name,
        to_one: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Junction {
    pub(crate) table: Name,
    pub(crate) source_constraint: String,
    pub(crate) target_constraint: String,
    /// Column of the source, column of the junction.
    pub(crate) source: ColumnPairs,
    /// Column of the target, column of the junction.
    pub(crate) target: ColumnPairs,
}

impl Relationship {
    pub(crate) fn is_to_one(&self) -> bool {
        matches!(
            self.cardinality,
            Cardinality::ManyToOne { .. }
                | Cardinality::OneToOne { .. }
                | Cardinality::Computed { to_one: true, .. }
        )
    }

    fn constraint(&self) -> Option<&str> {
        match &self.cardinality {
            Cardinality::OneToMany { constraint, .. }
            | Cardinality::ManyToOne { constraint, .. }
            | Cardinality::OneToOne { constraint, .. } => Some(constraint),
            _ => None,
        }
    }

    /// The one pair of columns that joins, where it is one.
    fn single_pair(&self) -> Option<(&str, &str)> {
        match &self.cardinality {
            Cardinality::OneToMany { columns, .. }
            | Cardinality::ManyToOne { columns, .. }
            | Cardinality::OneToOne { columns, .. } => match columns.as_slice() {
                [(own, other)] => Some((own, other)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a request for `target!hint` means this relationship.
    fn answers(&self, target: &str, hint: Option<&str>) -> bool {
        if let Cardinality::Computed { function, .. } = &self.cardinality {
            return target == function.name;
        }
        let named = target == self.foreign.name;
        let own_column = |name: &str| self.single_pair().is_some_and(|(own, _)| own == name);
        let other_column = |name: &str| self.single_pair().is_some_and(|(_, other)| other == name);
        let to_many = matches!(self.cardinality, Cardinality::OneToMany { .. });
        let to_one = matches!(self.cardinality, Cardinality::ManyToOne { .. });
        match (self.is_self, hint) {
            // One foreign key makes two relationships: the table's name means the children, the column the parent.
            (true, None) => (named && to_many) || (own_column(target) && to_one),
            (true, Some(hint)) => named && to_many && other_column(hint),
            (false, None) => {
                named || (!self.foreign_is_view && (self.constraint() == Some(target) || own_column(target)))
            }
            (false, Some(hint)) => {
                named
                    && (self.constraint() == Some(hint)
                        || own_column(hint)
                        || other_column(hint)
                        || matches!(&self.cardinality, Cardinality::ManyToMany(j) if j.table.name == hint))
            }
        }
    }
}

/// What is derived from one catalog. Made once for each version of it.
#[derive(Debug, Default)]
pub(crate) struct Relationships {
    by_origin: HashMap<Name, Vec<Relationship>>,
    relation_of_row: HashMap<TypeId, Name>,
}

impl Relationships {
    pub(crate) fn of(catalog: &Catalog, exposed: &[String]) -> Relationships {
        let relation_of_row: HashMap<TypeId, Name> =
            catalog.relations.values().map(|relation| (relation.row_type, relation.name.clone())).collect();
        let views = ViewColumns::of(catalog);
        let mut all = foreign_keys(catalog);
        all = views.extend(all);
        all = with_junctions(catalog, all);
        all = with_inverses(all);
        let computed = computed(catalog, &relation_of_row);
        // A function named like a relation stands in for what the foreign keys say about the two.
        let overridden: BTreeSet<(&Name, &Name)> = computed
            .iter()
            .filter_map(|relationship| match &relationship.cardinality {
                Cardinality::Computed { function, .. } => Some((&relationship.table, function)),
                _ => None,
            })
            .collect();
        all.retain(|relationship| !overridden.contains(&(&relationship.table, &relationship.foreign)));
        all.extend(computed);
        let is_exposed = |name: &Name| exposed.contains(&name.schema);
        let mut by_origin: HashMap<Name, Vec<Relationship>> = HashMap::new();
        for relationship in all {
            let hidden =
                matches!(&relationship.cardinality, Cardinality::ManyToMany(j) if !is_exposed(&j.table));
            if is_exposed(&relationship.table) && is_exposed(&relationship.foreign) && !hidden {
                by_origin.entry(relationship.table.clone()).or_default().push(relationship);
            }
        }
        by_origin.values_mut().for_each(|list| {
            list.sort();
            list.dedup();
        });
        Relationships { by_origin, relation_of_row }
    }

    /// The relation whose rows have this type.
    pub(crate) fn relation_of_row(&self, ty: TypeId) -> Option<&Name> {
        self.relation_of_row.get(&ty)
    }

    /// The relationship that `origin?select=target!hint(*)` means.
    pub(crate) fn find(&self, origin: &Name, target: &str, hint: Option<&str>) -> Result<&Relationship> {
        let known = self.by_origin.get(origin);
        let found: Vec<&Relationship> = known
            .into_iter()
            .flatten()
            .filter(|relationship| relationship.schema() == origin.schema)
            .filter(|relationship| relationship.answers(target, hint))
            .collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(problems::no_relationship(
                &origin.name,
                target,
                hint,
                &origin.schema,
                self.near(origin, target),
            )),
            several => Err(problems::ambiguous_relationship(&origin.name, target, several)),
        }
    }

    fn near(&self, origin: &Name, target: &str) -> Option<String> {
        let suggest =
            |near: &str, instead: &str| format!("Perhaps you meant '{near}' instead of '{instead}'.");
        match self.by_origin.get(origin) {
            Some(known) => {
                let names: BTreeSet<&str> =
                    known.iter().map(|relationship| relationship.foreign.name.as_str()).collect();
                // A likeness of one means that the name is right and the hint is wrong.
                fuzzy::ranked(target, names.iter().copied(), fuzzy::LIKENESS_MIN)
                    .into_iter()
                    .find(|(score, _)| *score < 1.0)
                    .map(|(_, near)| suggest(near, target))
            }
            None => {
                let names: BTreeSet<&str> = self
                    .by_origin
                    .keys()
                    .filter(|name| name.schema == origin.schema)
                    .map(|name| name.name.as_str())
                    .collect();
                fuzzy::best(&origin.name, names.iter().copied(), fuzzy::LIKENESS_MIN)
                    .map(|near| suggest(near, &origin.name))
            }
        }
    }
}

impl Relationship {
    /// The schema in which a request must be to see the relationship.
    fn schema(&self) -> &str {
        match &self.cardinality {
            Cardinality::Computed { function, .. } => &function.schema,
            _ => &self.foreign.schema,
        }
    }
}

fn foreign_keys(catalog: &Catalog) -> Vec<Relationship> {
    let mut found = Vec::new();
    for relation in catalog.relations.values() {
        for constraint in &relation.constraints {
            let ConstraintKind::ForeignKey { columns, target, target_columns, .. } = &constraint.kind else {
                continue;
            };
            let Some(foreign) = catalog.relation(target) else { continue };
            let targets: Vec<String> = if target_columns.is_empty() {
                foreign.primary_key().unwrap_or_default().to_vec()
            } else {
                target_columns.clone()
            };
            let pairs: ColumnPairs = columns.iter().cloned().zip(targets).collect();
            let name = constraint.name.clone();
            let cardinality = if is_unique(relation, columns) {
                Cardinality::OneToOne { constraint: name, columns: pairs, is_parent: false }
            } else {
                Cardinality::ManyToOne { constraint: name, columns: pairs }
            };
            found.push(Relationship {
                table: relation.name.clone(),
                foreign: target.clone(),
                is_self: relation.name == *target,
                cardinality,
                table_is_view: false,
                foreign_is_view: false,
            });
        }
    }
    found
}

/// Whether exactly these columns are a primary key or a unique constraint.
fn is_unique(relation: &Relation, columns: &[String]) -> bool {
    let wanted: BTreeSet<&String> = columns.iter().collect();
    relation.constraints.iter().any(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns, .. } => {
            columns.iter().collect::<BTreeSet<_>>() == wanted
        }
        _ => false,
    })
}

fn flipped(pairs: &ColumnPairs) -> ColumnPairs {
    pairs.iter().map(|(own, other)| (other.clone(), own.clone())).collect()
}

/// Adds many-to-many: a relation whose primary key contains two foreign keys joins the two it refers to.
fn with_junctions(catalog: &Catalog, mut all: Vec<Relationship>) -> Vec<Relationship> {
    let mut by_table: HashMap<&Name, Vec<&Relationship>> = HashMap::new();
    for relationship in &all {
        if matches!(relationship.cardinality, Cardinality::ManyToOne { .. }) {
            by_table.entry(&relationship.table).or_default().push(relationship);
        }
    }
    let mut added = Vec::new();
    for (table, references) in &by_table {
        let Some(relation) = catalog.relation(table) else { continue };
        let key: BTreeSet<String> = key_columns(catalog, relation).into_iter().collect();
        for first in references {
            for second in references {
                let (
                    Cardinality::ManyToOne { constraint: one, columns: source },
                    Cardinality::ManyToOne { constraint: two, columns: target },
                ) = (&first.cardinality, &second.cardinality)
                else {
                    continue;
                };
                if one == two || !source.iter().chain(target).all(|(own, _)| key.contains(own)) {
                    continue;
                }
                added.push(Relationship {
                    table: first.foreign.clone(),
                    foreign: second.foreign.clone(),
                    is_self: first.foreign == second.foreign,
                    cardinality: Cardinality::ManyToMany(Junction {
                        table: (*table).clone(),
                        source_constraint: one.clone(),
                        target_constraint: two.clone(),
                        source: flipped(source),
                        target: flipped(target),
                    }),
                    table_is_view: first.foreign_is_view,
                    foreign_is_view: second.foreign_is_view,
                });
            }
        }
    }
    all.extend(added);
    all
}

fn with_inverses(mut all: Vec<Relationship>) -> Vec<Relationship> {
    let inverses: Vec<Relationship> = all
        .iter()
        .filter_map(|relationship| {
            let cardinality = match &relationship.cardinality {
                Cardinality::ManyToOne { constraint, columns } => {
                    Cardinality::OneToMany { constraint: constraint.clone(), columns: flipped(columns) }
                }
                Cardinality::OneToOne { constraint, columns, is_parent } => Cardinality::OneToOne {
                    constraint: constraint.clone(),
                    columns: flipped(columns),
                    is_parent: !is_parent,
                },
                _ => return None,
            };
            Some(Relationship {
                table: relationship.foreign.clone(),
                foreign: relationship.table.clone(),
                is_self: relationship.is_self,
                cardinality,
                table_is_view: relationship.foreign_is_view,
                foreign_is_view: relationship.table_is_view,
            })
        })
        .collect();
    all.extend(inverses);
    all
}

/// Functions of one row that return rows of a relation.
fn computed(catalog: &Catalog, relation_of_row: &HashMap<TypeId, Name>) -> Vec<Relationship> {
    let relation = |ty: &Type| match ty {
        Type::Composite(id) => relation_of_row.get(id),
        _ => None,
    };
    catalog
        .functions
        .values()
        .flatten()
        .filter_map(|function| {
            let argument = row_argument(function)?;
            let (table, foreign) = (relation(argument)?, relation(&function.returns.ty.ty)?);
            Some(Relationship {
                table: table.clone(),
                foreign: foreign.clone(),
                is_self: table == foreign,
                cardinality: Cardinality::Computed {
                    function: function.name.clone(),
                    to_one: !function.returns.set || says_one_row(&function.definition),
                },
                table_is_view: false,
                foreign_is_view: false,
            })
        })
        .collect()
}

/// The type of a function's argument where it has exactly one and it is a row.
pub(crate) fn row_argument(function: &Function) -> Option<&Type> {
    match function.arguments.as_slice() {
        [argument] if argument.mode == ArgumentMode::In && matches!(argument.ty.ty, Type::Composite(_)) => {
            Some(&argument.ty.ty)
        }
        _ => None,
    }
}

/// `ROWS 1` before the body declares a set that is at most one row.
pub fn says_one_row(definition: &str) -> bool {
    let words: Vec<String> = definition.split_whitespace().map(str::to_lowercase).collect();
    words
        .windows(2)
        .any(|pair| matches!(pair, [rows, one] if rows == "rows" && one.trim_end_matches(';') == "1"))
}
