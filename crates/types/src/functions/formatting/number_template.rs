//! Templates for numbers, taken apart.

use mainstay_base::{Problem, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `9`
    Digit,
    /// `0`
    Zero,
    /// `.` or `D`
    Point,
    /// `,` or `G`
    Group,
    Currency,
    Minus,
    Plus,
    /// `SG`
    Either,
    /// `S`
    Sign,
    Brackets,
    Roman {
        lower: bool,
    },
    Ordinal {
        lower: bool,
    },
    Shift,
    Scientific,
    /// `FM`
    Fill,
    /// `B`, `C`, `SP`: known and without effect.
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Field(Field),
    Literal(char),
}

/// What the fields of a template say together.
#[derive(Default)]
pub(super) struct Template {
    pub(super) nodes: Vec<Node>,
    /// Digits before the point, behind it, and behind `V`.
    pub(super) whole: usize,
    pub(super) fraction: usize,
    pub(super) shift: usize,
    pub(super) has_point: bool,
    pub(super) fill: bool,
    /// The first and the last `0`, counted in digits.
    pub(super) first_zero: Option<usize>,
    pub(super) last_zero: usize,
    /// Where `S` stands: before so many digits, or behind all.
    pub(super) sign: Option<SignPlace>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) brackets: bool,
    pub(super) roman: Option<bool>,
    pub(super) scientific: bool,
    has_shift: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignPlace {
    Before { digits: usize },
    Behind,
}

static FIELDS: &[(&str, Field)] = &[
    (",", Field::Group),
    (".", Field::Point),
    ("0", Field::Zero),
    ("9", Field::Digit),
    ("B", Field::Ignored),
    ("C", Field::Ignored),
    ("D", Field::Point),
    ("EEEE", Field::Scientific),
    ("FM", Field::Fill),
    ("G", Field::Group),
    ("L", Field::Currency),
    ("MI", Field::Minus),
    ("PL", Field::Plus),
    ("PR", Field::Brackets),
    ("RN", Field::Roman { lower: false }),
    ("SG", Field::Either),
    ("SP", Field::Ignored),
    ("S", Field::Sign),
    ("TH", Field::Ordinal { lower: false }),
    ("V", Field::Shift),
];

fn field(text: &str) -> Option<(Field, usize)> {
    FIELDS.iter().find_map(|(name, field)| {
        let written = text.get(..name.len())?;
        let lower = written != *name;
        if lower && written != name.to_ascii_lowercase() {
            return None;
        }
        let field = match field {
            Field::Roman { .. } => Field::Roman { lower },
            Field::Ordinal { .. } => Field::Ordinal { lower },
            other => *other,
        };
        Some((field, name.len()))
    })
}

pub(super) fn parse(template: &str) -> Result<Template> {
    let mut result = Template::default();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        if let Some((field, length)) = field(rest) {
            result.add(field)?;
            result.nodes.push(Node::Field(field));
            rest = rest.get(length..).unwrap_or("");
            continue;
        }
        rest = rest.get(first.len_utf8()..).unwrap_or("");
        match first {
            '"' => {
                let end = rest.find('"').unwrap_or(rest.len());
                let (quoted, behind) = rest.split_at(end);
                result.nodes.extend(quoted.chars().map(Node::Literal));
                rest = behind.get(1..).unwrap_or("");
            }
            '\\' if rest.starts_with('"') => {
                result.nodes.push(Node::Literal('"'));
                rest = rest.get(1..).unwrap_or("");
            }
            c => result.nodes.push(Node::Literal(c)),
        }
    }
    Ok(result)
}

fn refused(message: &str) -> Problem {
    Problem::new("42601", message)
}

impl Template {
    fn add(&mut self, field: Field) -> Result<()> {
        if self.scientific && field != Field::Scientific {
            return Err(refused("\"EEEE\" must be the last pattern used"));
        }
        let other_sign = self.minus || self.plus || self.brackets;
        match field {
            Field::Digit | Field::Zero if self.brackets => {
                let digit = if field == Field::Digit { '9' } else { '0' };
                return Err(refused(&format!("\"{digit}\" must be ahead of \"PR\"")));
            }
            Field::Digit if self.has_shift => self.shift += 1,
            Field::Digit if self.has_point => self.fraction += 1,
            Field::Digit => self.whole += 1,
            Field::Zero => {
                if self.has_point {
                    self.fraction += 1;
                } else {
                    self.first_zero.get_or_insert(self.whole);
                    self.whole += 1;
                }
                self.last_zero = self.whole + self.fraction;
            }
            Field::Point if self.has_point => return Err(refused("multiple decimal points")),
            Field::Point | Field::Shift if self.has_shift || (field == Field::Shift && self.has_point) => {
                return Err(refused("cannot use \"V\" and decimal point together"));
            }
            Field::Point => self.has_point = true,
            Field::Shift => self.has_shift = true,
            Field::Fill => self.fill = true,
            Field::Sign if self.sign.is_some() => return Err(refused("cannot use \"S\" twice")),
            Field::Sign if other_sign => {
                return Err(refused("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
            }
            Field::Sign => {
                let place = SignPlace::Before { digits: self.whole };
                self.sign = Some(if self.has_point { SignPlace::Behind } else { place });
            }
            Field::Minus | Field::Plus | Field::Either if self.sign.is_some() => {
                let name = match field {
                    Field::Minus => "MI",
                    Field::Plus => "PL",
                    _ => "SG",
                };
                return Err(refused(&format!("cannot use \"S\" and \"{name}\" together")));
            }
            Field::Minus => self.minus = true,
            Field::Plus => self.plus = true,
            Field::Either => (self.minus, self.plus) = (true, true),
            Field::Brackets if self.sign.is_some() || self.plus || self.minus => {
                return Err(refused("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
            }
            Field::Brackets => self.brackets = true,
            Field::Roman { lower } => self.roman = Some(lower),
            Field::Scientific if self.scientific => return Err(refused("cannot use \"EEEE\" twice")),
            Field::Scientific => {
                if self.fill || other_sign || self.sign.is_some() || self.roman.is_some() || self.has_shift {
                    return Err(refused("\"EEEE\" is incompatible with other formats").with_details(
                        "\"EEEE\" may only be used together with digit and decimal point patterns.",
                    ));
                }
                self.scientific = true;
            }
            Field::Group | Field::Currency | Field::Ordinal { .. } | Field::Ignored => {}
        }
        Ok(())
    }
}
