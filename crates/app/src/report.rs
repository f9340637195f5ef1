//! Problems as a person reads them in a terminal: what, where (with a caret), why, what to do.

use mainstay_base::Problem;
use std::fmt::Write as _;
use std::io::IsTerminal;

/// A text with a name, so that a problem's place can be shown.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub path: &'a str,
    pub text: &'a str,
}

/// Line and column (both from 1, the column in characters) of a byte offset.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The problem in full, ready for standard error.
pub fn render(problem: &Problem, source: Option<Source<'_>>, colour: bool) -> String {
    let (red, bold, dim, plain) =
        if colour { ("\x1b[31m", "\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "", "") };
    let mut out = format!(
        "{red}{bold}error{plain}{bold}: {}{plain} {dim}[{}]{plain}\n",
        problem.message(),
        problem.code()
    );
    if let Some(source) = source {
        match problem.place() {
            Some(place) => write_excerpt(&mut out, source, place.offset, red, dim, plain),
            None => {
                let _ = writeln!(out, "  {dim}-->{plain} {}", source.path);
            }
        }
    }
    for (label, text) in [("details", problem.details()), ("hint", problem.hint())] {
        if let Some(text) = text {
            let _ = writeln!(out, "  {dim}{label}:{plain} {text}");
        }
    }
    out
}

fn write_excerpt(out: &mut String, source: Source<'_>, offset: usize, red: &str, dim: &str, plain: &str) {
    let (line, column) = line_and_column(source.text, offset);
    let content = source.text.lines().nth(line - 1).unwrap_or_default();
    // A very long line (a data dump) is cut around the place.
    let first = column.saturating_sub(60);
    let shown: String = content.chars().skip(first).take(140).collect::<String>().replace('\t', " ");
    let margin = line.to_string().len();
    let _ = writeln!(out, "{:margin$} {dim}-->{plain} {}:{line}:{column}", "", source.path);
    let _ = writeln!(out, "{:margin$} {dim}|{plain}", "");
    let _ = writeln!(out, "{dim}{line} |{plain} {shown}");
    let _ =
        writeln!(out, "{:margin$} {dim}|{plain} {:caret$}{red}^{plain}", "", "", caret = column - 1 - first);
}

/// Whether standard error shows colours (`NO_COLOR` turns them off: no-color.org).
pub fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints a problem to standard error.
pub fn print(problem: &Problem, source: Option<Source<'_>>) {
    eprint!("{}", render(problem, source, colour()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_place() {
        let text = "create table a (id int);\ncreate tabel b ();\n";
        let problem =
            Problem::new("42601", "syntax error at or near \"tabel\"").at(32).with_hint("write `table`");
        let shown = render(&problem, Some(Source { path: "migrations/1.sql", text }), false);
        assert_eq!(
            shown,
            "error: syntax error at or near \"tabel\" [42601]\n  --> migrations/1.sql:2:8\n  |\n2 | create tabel b ();\n  |        ^\n  hint: write `table`\n"
        );
    }

    #[test]
    fn a_place_within_a_character_is_no_panic() {
        assert_eq!(line_and_column("é\nü", 4), (2, 1));
        assert_eq!(line_and_column("", 99), (1, 1));
    }
}
