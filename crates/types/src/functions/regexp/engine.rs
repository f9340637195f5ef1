//! Runs translated expressions.
//!
//! Rust's engines prefer the first alternative that matches, PostgreSQL prefers the longest match (or the shortest,
//! where the expression as a whole is non-greedy). Where the two can differ, the span is found by a simulation that
//! follows all alternatives, and the groups by the same expression held to that span.
//! Lookaround and back-references need a backtracking engine, which has a step limit.

use super::translate::{Flags, Translation, invalid, translate};
use mainstay_base::Result;
use regex_automata::meta;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

/// Larger programs are refused: their search would be slow and their memory large.
const PROGRAM_BYTES_MAX: usize = 8 << 20;
const BACKTRACK_STEPS_MAX: usize = 1_000_000;

#[derive(Clone, Debug)]
pub(super) struct Groups(Vec<Option<(usize, usize)>>);

impl Groups {
    pub(super) fn whole(&self) -> (usize, usize) {
        self.span(0).unwrap_or_default()
    }

    pub(super) fn span(&self, group: usize) -> Option<(usize, usize)> {
        self.0.get(group).copied().flatten()
    }

    pub(super) fn text<'a>(&self, text: &'a str, group: usize) -> Option<&'a str> {
        self.span(group).and_then(|(start, end)| text.get(start..end))
    }
}

enum Engine {
    Fast {
        regex: meta::Regex,
        /// Only where the preferred span can differ from the engine's.
        exact: Option<Exact>,
    },
    Backtracking(Box<fancy_regex::Regex>),
}

struct Exact {
    /// Follows all alternatives from a given start.
    simulation: PikeVM,
    /// The expression held to the end of what it is given.
    held: meta::Regex,
    shortest: bool,
}

pub(super) struct Regexp {
    engine: Engine,
    groups: usize,
}

fn too_complex() -> mainstay_base::Problem {
    invalid("regular expression is too complex")
}

fn build(pattern: &str) -> Result<meta::Regex> {
    meta::Regex::builder()
        .configure(meta::Config::new().nfa_size_limit(Some(PROGRAM_BYTES_MAX)))
        .build(pattern)
        .map_err(|_| too_complex())
}

impl Regexp {
    pub(super) fn compile(pattern: &str, flags: Flags) -> Result<Regexp> {
        let Translation { pattern, groups, backtracks, exact, shortest } = translate(pattern, flags)?;
        if backtracks {
            let regex = fancy_regex::RegexBuilder::new(&pattern)
                .backtrack_limit(BACKTRACK_STEPS_MAX)
                .delegate_size_limit(PROGRAM_BYTES_MAX)
                .build()
                .map_err(|_| too_complex())?;
            return Ok(Regexp { engine: Engine::Backtracking(Box::new(regex)), groups });
        }
        let regex = build(&pattern)?;
        let exact = if exact {
            let nfa = NFA::compiler()
                .configure(thompson::Config::new().nfa_size_limit(Some(PROGRAM_BYTES_MAX)))
                .syntax(syntax::Config::new())
                .build(&pattern)
                .map_err(|_| too_complex())?;
            let simulation = PikeVM::builder()
                .configure(PikeVM::config().match_kind(MatchKind::All))
                .build_from_nfa(nfa)
                .map_err(|_| too_complex())?;
            Some(Exact { simulation, held: build(&format!("(?:{pattern})\\z"))?, shortest })
        } else {
            None
        };
        Ok(Regexp { engine: Engine::Fast { regex, exact }, groups })
    }

    /// How many groups the expression captures, the whole match not counted.
    pub(super) fn group_count(&self) -> usize {
        self.groups
    }

    pub(super) fn is_match(&self, text: &str) -> Result<bool> {
        match &self.engine {
            Engine::Fast { regex, .. } => Ok(regex.is_match(text)),
            Engine::Backtracking(regex) => regex.is_match(text).map_err(|_| too_complex()),
        }
    }

    /// The first match that begins at `start` or later.
    pub(super) fn captures(&self, text: &str, start: usize) -> Result<Option<Groups>> {
        match &self.engine {
            Engine::Backtracking(regex) => {
                let found = regex.captures_from_pos(text, start).map_err(|_| too_complex())?;
                Ok(found.map(|found| {
                    Groups(
                        found.iter().map(|group| group.map(|group| (group.start(), group.end()))).collect(),
                    )
                }))
            }
            Engine::Fast { regex, exact } => {
                if start > text.len() {
                    return Ok(None);
                }
                let Some(groups) = search(regex, Input::new(text).range(start..)) else { return Ok(None) };
                Ok(Some(exact.as_ref().and_then(|exact| exact.correct(text, &groups)).unwrap_or(groups)))
            }
        }
    }
}

fn search(regex: &meta::Regex, input: Input<'_>) -> Option<Groups> {
    let mut captures = regex.create_captures();
    regex.search_captures(&input, &mut captures);
    let span = captures.get_match()?.span();
    let mut groups = vec![Some((span.start, span.end))];
    groups.extend(
        (1..captures.group_len()).map(|index| captures.get_group(index).map(|span| (span.start, span.end))),
    );
    Some(Groups(groups))
}

impl Exact {
    /// The groups over the span that PostgreSQL prefers; `None` where it is the one already found.
    fn correct(&self, text: &str, found: &Groups) -> Option<Groups> {
        let (start, end) = found.whole();
        let input = Input::new(text).range(start..).anchored(Anchored::Yes).earliest(self.shortest);
        let mut slots = [None, None];
        let mut cache = self.simulation.create_cache();
        self.simulation.search_slots(&mut cache, &input, &mut slots);
        let [_, Some(preferred)] = slots else { return None };
        let preferred = preferred.get();
        if preferred == end {
            return None;
        }
        let held = text.get(..preferred)?;
        search(&self.held, Input::new(held).range(start..).anchored(Anchored::Yes))
    }
}
