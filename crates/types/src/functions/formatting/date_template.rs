//! Templates for dates and times, taken apart.

/// A field of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `AD`, `B.C.`: with or without points.
    Era {
        points: bool,
    },
    /// `AM`, `p.m.`
    Meridiem {
        points: bool,
    },
    Century,
    DayName,
    DayNameShort,
    DayOfYear,
    IsoDayOfYear,
    Day,
    Weekday,
    IsoWeekday,
    /// `FF1` … `FF6`
    Fraction(u8),
    /// `FX`
    Exact,
    Hour24,
    Hour12,
    IsoWeek,
    /// `IYYY` … `I`: that many digits.
    IsoYear(u8),
    Julian,
    Minute,
    Month,
    MonthName,
    MonthNameShort,
    Millisecond,
    Offset,
    Quarter,
    Roman,
    SecondOfDay,
    Second,
    ZoneHour,
    ZoneMinute,
    ZoneName,
    Microsecond,
    WeekOfYear,
    WeekOfMonth,
    /// `Y,YYY`
    YearComma,
    /// `YYYY` … `Y`
    Year(u8),
}

/// How letters are written: as the template writes the field's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Capital,
    Lower,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Field {
        field: Field,
        /// As it is written.
        name: String,
        case: Case,
        /// `FM`: no blanks and no zeros in front.
        fill: bool,
        /// `TH` or `th`
        ordinal: Option<Case>,
    },
    /// A blank or a punctuation mark, which input matches loosely.
    Separator(char),
    /// A character that stands for itself.
    Literal(char),
}

/// Longer names stand before shorter ones with the same beginning. The names are in capitals; a template may have
/// them in small letters too, and names of days and months with a capital.
static FIELDS: &[(&str, Field)] = &[
    ("A.D.", Field::Era { points: true }),
    ("A.M.", Field::Meridiem { points: true }),
    ("AD", Field::Era { points: false }),
    ("AM", Field::Meridiem { points: false }),
    ("B.C.", Field::Era { points: true }),
    ("BC", Field::Era { points: false }),
    ("CC", Field::Century),
    ("DAY", Field::DayName),
    ("DDD", Field::DayOfYear),
    ("DD", Field::Day),
    ("DY", Field::DayNameShort),
    ("D", Field::Weekday),
    ("FF1", Field::Fraction(1)),
    ("FF2", Field::Fraction(2)),
    ("FF3", Field::Fraction(3)),
    ("FF4", Field::Fraction(4)),
    ("FF5", Field::Fraction(5)),
    ("FF6", Field::Fraction(6)),
    ("FX", Field::Exact),
    ("HH24", Field::Hour24),
    ("HH12", Field::Hour12),
    ("HH", Field::Hour12),
    ("IDDD", Field::IsoDayOfYear),
    ("ID", Field::IsoWeekday),
    ("IW", Field::IsoWeek),
    ("IYYY", Field::IsoYear(4)),
    ("IYY", Field::IsoYear(3)),
    ("IY", Field::IsoYear(2)),
    ("I", Field::IsoYear(1)),
    ("J", Field::Julian),
    ("MI", Field::Minute),
    ("MM", Field::Month),
    ("MONTH", Field::MonthName),
    ("MON", Field::MonthNameShort),
    ("MS", Field::Millisecond),
    ("OF", Field::Offset),
    ("P.M.", Field::Meridiem { points: true }),
    ("PM", Field::Meridiem { points: false }),
    ("Q", Field::Quarter),
    ("RM", Field::Roman),
    ("SSSSS", Field::SecondOfDay),
    ("SSSS", Field::SecondOfDay),
    ("SS", Field::Second),
    ("TZH", Field::ZoneHour),
    ("TZM", Field::ZoneMinute),
    ("TZ", Field::ZoneName),
    ("US", Field::Microsecond),
    ("WW", Field::WeekOfYear),
    ("W", Field::WeekOfMonth),
    ("Y,YYY", Field::YearComma),
    ("YYYY", Field::Year(4)),
    ("YYY", Field::Year(3)),
    ("YY", Field::Year(2)),
    ("Y", Field::Year(1)),
];

fn is_name(field: Field) -> bool {
    matches!(field, Field::DayName | Field::DayNameShort | Field::MonthName | Field::MonthNameShort)
}

/// The field at the beginning of a text, with the case it is written in.
fn field(text: &str) -> Option<(Field, &'static str, Case)> {
    FIELDS.iter().find_map(|(name, field)| {
        let written = text.get(..name.len())?;
        let is_name = is_name(*field);
        let case = if written == *name {
            Case::Upper
        } else if !written.eq_ignore_ascii_case(name) {
            return None;
        } else if written.chars().all(|c| !c.is_ascii_uppercase()) {
            Case::Lower
        } else if is_name
            && written.starts_with(|c: char| c.is_ascii_uppercase())
            && written.chars().skip(1).all(|c| c.is_ascii_lowercase())
        {
            Case::Capital
        } else {
            return None;
        };
        Some((*field, *name, case))
    })
}

pub(super) fn parse(template: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (mut fill, mut translated) = (false, false);
        let mut behind = rest;
        while let Some(after) = ["FM", "fm", "TM", "tm"].iter().find_map(|prefix| behind.strip_prefix(prefix))
        {
            let is_fill = behind.starts_with(['F', 'f']);
            fill |= is_fill;
            // A translated name has no blanks behind it.
            translated |= !is_fill;
            behind = after;
        }
        if let Some((field, name, case)) = field(behind) {
            rest = behind.get(name.len()..).unwrap_or("");
            let mut ordinal = None;
            for (suffix, case) in [("TH", Case::Upper), ("th", Case::Lower)] {
                if let Some(after) = rest.strip_prefix(suffix) {
                    ordinal = Some(case);
                    rest = after;
                    break;
                }
            }
            rest = rest.strip_prefix("SP").unwrap_or(rest);
            let is_name = is_name(field) || field == Field::Roman;
            let name = behind.get(..name.len()).unwrap_or("").to_owned();
            nodes.push(Node::Field { field, name, case, fill: fill || (translated && is_name), ordinal });
            continue;
        }
        if behind.len() < rest.len() {
            // A prefix that no field follows disappears.
            rest = behind;
            continue;
        }
        rest = literal(rest, &mut nodes);
    }
    nodes
}

/// Takes quoted text or one character.
fn literal<'a>(text: &'a str, nodes: &mut Vec<Node>) -> &'a str {
    let mut chars = text.chars();
    match chars.next() {
        Some('"') => {
            while let Some(c) = chars.next() {
                match c {
                    '"' => break,
                    '\\' => nodes.extend(chars.next().map(Node::Literal)),
                    c => nodes.push(Node::Literal(c)),
                }
            }
        }
        Some('\\') if chars.as_str().starts_with('"') => {
            chars.next();
            nodes.push(Node::Literal('"'));
        }
        Some(c) if is_separator(c) || c.is_whitespace() => nodes.push(Node::Separator(c)),
        Some(c) => nodes.push(Node::Literal(c)),
        None => {}
    }
    chars.as_str()
}

/// A printing ASCII character that is neither letter nor digit.
pub(super) fn is_separator(c: char) -> bool {
    c.is_ascii_punctuation()
}
