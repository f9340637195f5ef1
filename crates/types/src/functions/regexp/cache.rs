//! Compiled expressions: a statement asks for the same few once a row.

use super::engine::Regexp;
use super::translate::Flags;
use mainstay_base::Result;
use std::cell::RefCell;
use std::rc::Rc;

/// How many expressions a thread keeps.
const KEPT_MAX: usize = 32;

struct Entry {
    pattern: String,
    flags: Flags,
    regexp: Rc<Regexp>,
}

thread_local! {
    static KEPT: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// The expression, from the cache where it is there. The last one asked for stands first.
pub(super) fn regexp(pattern: &str, flags: Flags) -> Result<Rc<Regexp>> {
    let found = KEPT.with_borrow_mut(|kept| {
        let at = kept.iter().position(|entry| entry.flags == flags && entry.pattern == pattern)?;
        if let Some(head) = kept.get_mut(..=at) {
            head.rotate_right(1);
        }
        kept.first().map(|entry| Rc::clone(&entry.regexp))
    });
    if let Some(found) = found {
        return Ok(found);
    }
    let regexp = Rc::new(Regexp::compile(pattern, flags)?);
    KEPT.with_borrow_mut(|kept| {
        kept.truncate(KEPT_MAX - 1);
        kept.insert(0, Entry { pattern: pattern.to_owned(), flags, regexp: Rc::clone(&regexp) });
    });
    Ok(regexp)
}
