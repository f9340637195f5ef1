//! Text into HTML.

use std::fmt;

/// Shows text so that it is text in HTML, also within quoted attributes.
pub(crate) struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            let mut characters = special.chars();
            f.write_str(match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                _ => "&#39;",
            })?;
            rest = characters.as_str();
        }
        f.write_str(rest)
    }
}

/// A text with a heading and a button that copies it.
pub(super) fn snippet(id: &str, heading: &str, text: &str) -> String {
    format!(
        "<div class=\"snippet\"><div class=\"bar\"><h3>{heading}</h3><button type=\"button\" data-copy=\"{id}\">Copy</button>\
         </div><pre id=\"{id}\" tabindex=\"0\">{}</pre></div>",
        Escaped(text)
    )
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn markup_in_names_is_text() {
        assert_eq!(Escaped("<b a=\"1\">'&é").to_string(), "&lt;b a=&quot;1&quot;&gt;&#39;&amp;é");
    }
}
