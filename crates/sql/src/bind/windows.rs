//! `OVER (…)`: partitions, orders and frames.

use super::bound::Bound;
use super::coerce::Coercion;
use super::errors::{Located, place};
use super::ordering::direction;
use super::scope::{Binder, Clause};
use mainstay_base::{Problem, Result};
use mainstay_types::Type;
use pg_query::NodeEnum;
use pg_query::protobuf::WindowDef;

// Bits of `frame_options`, from PostgreSQL's parsenodes.h.
const NONDEFAULT: i32 = 0x0_0001;
const RANGE: i32 = 0x0_0002;
const ROWS: i32 = 0x0_0004;
const GROUPS: i32 = 0x0_0008;
const START_UNBOUNDED_PRECEDING: i32 = 0x0_0020;
const END_UNBOUNDED_FOLLOWING: i32 = 0x0_0100;
const START_CURRENT_ROW: i32 = 0x0_0200;
const END_CURRENT_ROW: i32 = 0x0_0400;
const START_OFFSET_PRECEDING: i32 = 0x0_0800;
const END_OFFSET_PRECEDING: i32 = 0x0_1000;
const START_OFFSET_FOLLOWING: i32 = 0x0_2000;
const END_OFFSET_FOLLOWING: i32 = 0x0_4000;
const EXCLUDE_CURRENT_ROW: i32 = 0x0_8000;
const EXCLUDE_GROUP: i32 = 0x1_0000;
const EXCLUDE_TIES: i32 = 0x2_0000;

impl Binder<'_> {
    /// The window as text, and what it uses.
    pub fn window_text(&mut self, window: &WindowDef) -> Result<(String, Bound)> {
        let clause = Clause::Window;
        let mut uses = Bound::plain("", Type::Void);
        let base = if window.name.is_empty() { &window.refname } else { &window.name };
        let named = match base.as_str() {
            "" => None,
            name => Some(self.named_window(name, place(window.location))?),
        };
        let mut parts = Vec::new();
        let partition = match &named {
            Some(named) if !named.partition_clause.is_empty() => &named.partition_clause,
            _ => &window.partition_clause,
        };
        let order = match &named {
            Some(named) if !named.order_clause.is_empty() => &named.order_clause,
            _ => &window.order_clause,
        };
        let framed = match &named {
            Some(named) if !window.name.is_empty() => named,
            _ => window,
        };
        if !partition.is_empty() {
            let mut texts = Vec::new();
            for node in partition {
                let bound = self.within(clause, |binder| binder.expr(node))?;
                let bound = self.settle(bound)?;
                texts.push(bound.collated());
                uses.absorb(&bound);
            }
            parts.push(format!("PARTITION BY {}", texts.join(", ")));
        }
        let mut order_type = None;
        if !order.is_empty() {
            let mut texts = Vec::new();
            for node in order {
                let Some(NodeEnum::SortBy(sort)) = &node.node else { continue };
                let bound = self.within(clause, |binder| binder.optional(sort.node.as_deref()))?;
                let bound = self.settle(bound)?;
                order_type.get_or_insert_with(|| bound.ty.ty.clone());
                texts.push(format!("{}{}", bound.collated(), direction(sort, &bound)?));
                uses.absorb(&bound);
            }
            parts.push(format!("ORDER BY {}", texts.join(", ")));
        }
        let frame = self.frame(framed, order_type.as_ref())?;
        if !frame.is_empty() {
            parts.push(frame);
        }
        Ok((format!("({})", parts.join(" ")), uses))
    }

    fn named_window(&mut self, name: &str, at: Option<usize>) -> Result<WindowDef> {
        let found =
            self.scope().windows.iter().find(|(other, _)| other == name).map(|(_, window)| window.clone());
        let window = found
            .ok_or_else(|| Problem::new("42704", format!("window \"{name}\" does not exist")).placed(at))?;
        if window.refname.is_empty() {
            return Ok(window);
        }
        // A window may be built on another one.
        let base = self.named_window(&window.refname.clone(), at)?;
        let mut merged = window;
        merged.partition_clause = base.partition_clause;
        if merged.order_clause.is_empty() {
            merged.order_clause = base.order_clause;
        }
        Ok(merged)
    }

    fn frame(&mut self, window: &WindowDef, order_type: Option<&Type>) -> Result<String> {
        let options = window.frame_options;
        if options & NONDEFAULT == 0 {
            return Ok(String::new());
        }
        let unit = if options & ROWS != 0 {
            "ROWS"
        } else if options & GROUPS != 0 {
            "GROUPS"
        } else {
            "RANGE"
        };
        let by_value = options & RANGE != 0
            && options
                & (START_OFFSET_PRECEDING
                    | START_OFFSET_FOLLOWING
                    | END_OFFSET_PRECEDING
                    | END_OFFSET_FOLLOWING)
                != 0;
        if by_value
            && !order_type.is_some_and(|ty| matches!(ty, Type::Int2 | Type::Int4 | Type::Int8 | Type::Float8))
        {
            return Err(
                Problem::needs_postgres("RANGE with an offset over this type").placed(place(window.location))
            );
        }
        let start = self.limit_of_frame(
            window.start_offset.as_deref(),
            options,
            [START_UNBOUNDED_PRECEDING, START_CURRENT_ROW, START_OFFSET_PRECEDING, START_OFFSET_FOLLOWING],
            "UNBOUNDED PRECEDING",
        )?;
        let end = self.limit_of_frame(
            window.end_offset.as_deref(),
            options,
            [END_UNBOUNDED_FOLLOWING, END_CURRENT_ROW, END_OFFSET_PRECEDING, END_OFFSET_FOLLOWING],
            "UNBOUNDED FOLLOWING",
        )?;
        let exclude = match options {
            options if options & EXCLUDE_CURRENT_ROW != 0 => " EXCLUDE CURRENT ROW",
            options if options & EXCLUDE_GROUP != 0 => " EXCLUDE GROUP",
            options if options & EXCLUDE_TIES != 0 => " EXCLUDE TIES",
            _ => "",
        };
        Ok(format!("{unit} BETWEEN {start} AND {end}{exclude}"))
    }

    fn limit_of_frame(
        &mut self,
        offset: Option<&pg_query::Node>,
        options: i32,
        [unbounded, current, preceding, following]: [i32; 4],
        unbounded_words: &str,
    ) -> Result<String> {
        if options & unbounded != 0 {
            return Ok(unbounded_words.to_owned());
        }
        if options & current != 0 {
            return Ok("CURRENT ROW".to_owned());
        }
        let word = if options & preceding != 0 {
            "PRECEDING"
        } else if options & following != 0 {
            "FOLLOWING"
        } else {
            return Ok("CURRENT ROW".to_owned());
        };
        let bound = self.within(Clause::Limit, |binder| binder.optional(offset))?;
        let bound = self.coerce(bound, &Type::Int8.into(), Coercion::Implicit)?;
        Ok(format!("{} {word}", bound.sql))
    }
}
