//! Filters of a table `t (a, b, flag)` through memberships `m (a, b, c, who)` and `n (a, m, who)`.

use crate::generate::Generator;

/// A filter with subqueries in every position: under AND, OR, NOT, CASE and IS.
pub fn filter_of_memberships(random: &mut Generator) -> String {
    condition(random, 2)
}

fn condition(random: &mut Generator, depth: usize) -> String {
    if depth == 0 || random.below(3) == 0 {
        return match random.below(8) {
            0 => "t.flag".to_owned(),
            1 => "a = me()".to_owned(),
            2 => "b > 1".to_owned(),
            _ => exists(random),
        };
    }
    let part = condition(random, depth - 1);
    let other = condition(random, depth - 1);
    match random.below(10) {
        0..=2 => format!("({part}) and ({other})"),
        3..=5 => format!("({part}) or ({other})"),
        6 => format!("not ({part})"),
        7 => format!("({part}) is not true"),
        8 => format!("case when {part} then {other} end"),
        _ => format!("(({part}) = ({other}))"),
    }
}

fn exists(random: &mut Generator) -> String {
    let target = random.pick(&["1", "*", "m.a", "null", "count(*)"]);
    let tie = random.pick(&[
        "m.a = t.a",
        "t.a = m.a",
        "m.b = t.b",
        "m.a = t.a and m.b = t.b",
        "t.b = m.a",
        "m.a >= t.a",
        "m.a = t.a and t.flag",
    ]);
    let rest = match random.below(7) {
        0 => "m.who = 1".to_owned(),
        1 => "m.who = me()".to_owned(),
        2 => "who = me() and m.b > 1".to_owned(),
        3 => "m.c = 1 and (m.b is null or m.who = 2)".to_owned(),
        4 => "m.who = me() and not exists (select 1 from n where n.m = m.b and n.who = 1)".to_owned(),
        5 => "m.c in (select n.a from n where n.who = me())".to_owned(),
        _ => "exists (select 1 from n where n.m = m.c and n.who = me())".to_owned(),
    };
    let tail = random.pick(&["", "", "", " limit 1", " offset 1"]);
    let item = random.pick(&["m", "m", "m left join n on n.m = m.c", "m join n on n.a = m.b"]);
    let rest = if item == "m" {
        rest
    } else {
        rest.replace("who = me() and m.b", "m.who = me() and m.b").replace("m.m.", "m.")
    };
    format!("exists (select {target} from {item} where {tie} and {rest}{tail})")
}
