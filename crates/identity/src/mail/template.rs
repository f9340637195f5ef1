//! Templates with GoTrue's variables: `{{ .ConfirmationURL }}`, `{{ .Data.name }}`. Values are escaped for HTML.

use serde_json::Value;

pub(super) struct Variables<'a> {
    pub texts: Vec<(&'static str, &'a str)>,
    /// The user's own data.
    pub data: &'a Value,
}

/// The text with its variables filled in, or what it says that there is not.
pub(super) fn render(template: &str, variables: &Variables<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(template.len() + 256);
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at]);
        let inside = &rest[at + 2..];
        let end = inside.find("}}").ok_or("a `{{` has no `}}`")?;
        let name = inside[..end].trim_matches(|c: char| c.is_whitespace() || c == '-');
        let path = name.strip_prefix('.').ok_or_else(|| format!("`{{{{ {name} }}}}` is not a variable"))?;
        out.push_str(&escaped(&value(path, variables)?));
        rest = &inside[end + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

fn value(path: &str, variables: &Variables<'_>) -> Result<String, String> {
    if let Some((_, text)) = variables.texts.iter().find(|(name, _)| *name == path) {
        return Ok((*text).to_owned());
    }
    let unknown = || format!("there is no variable `.{path}`");
    let found = path
        .strip_prefix("Data.")
        .ok_or_else(unknown)?
        .split('.')
        .try_fold(variables.data, |data, key| data.get(key));
    Ok(match found {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    })
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The `<title>` of a page: the subject of a message. One line.
pub(super) fn title(html: &str) -> Option<String> {
    let (_, after) = html.split_once("<title>")?;
    let (title, _) = after.split_once("</title>")?;
    let words: Vec<&str> = title.split_whitespace().collect();
    let mut title = words.join(" ");
    for (entity, c) in [("&lt;", "<"), ("&gt;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        title = title.replace(entity, c);
    }
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_filled_in_and_escaped() {
        let data = json!({"name": "<b>Ada</b>", "team": {"size": 3}});
        let variables = Variables { texts: vec![("Token", "123456")], data: &data };
        let text = "<title>Your code\n is {{ .Token }}</title>{{.Data.name}} {{- .Data.team.size -}} {{ .Data.none }}!";
        let html = render(text, &variables).expect("renders");
        assert_eq!(html, "<title>Your code\n is 123456</title>&lt;b&gt;Ada&lt;/b&gt; 3 !");
        assert_eq!(title(&html).as_deref(), Some("Your code is 123456"));
        assert_eq!(render("{{ .Tokn }}", &variables), Err("there is no variable `.Tokn`".into()));
        assert_eq!(render("{{ if .Token }}", &variables), Err("`{{ if .Token }}` is not a variable".into()));
        assert!(render("{{ .Token", &variables).is_err());
    }
}
