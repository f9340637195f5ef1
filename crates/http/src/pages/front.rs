//! The front page and the frame of the API reference.

use super::PageSettings;
use super::calls::calls;
use super::html::Escaped;
use crate::rest::Rest;
use mainstay_sql::Catalog;
use mainstay_sql::catalog::{ArgumentMode, ConstraintKind, Function, Relation, RelationKind};
use mainstay_types::Type;
use std::fmt::Write;

/// The beginning of every page.
fn head(title: &str, scripts: &[&str]) -> String {
    let scripts: String =
        scripts.iter().map(|script| format!("<script src=\"/_mainstay/{script}\" defer></script>")).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title><link rel=\"stylesheet\" href=\"/_mainstay/style.css\">\
         <link rel=\"icon\" href=\"data:,\">{scripts}</head>\n",
        Escaped(title)
    )
}

fn title(settings: &PageSettings) -> &str {
    if settings.title.is_empty() { "Mainstay" } else { &settings.title }
}

pub(super) fn front(settings: &PageSettings, rest: &Rest, url: &str) -> String {
    let catalog = rest.catalog();
    let mut page = head(title(settings), &["front.js"]);
    let described = rest.is_described();
    let links = match described {
        true => format!(
            "<a href=\"/reference\">API reference</a><a href=\"{}/\">OpenAPI</a>",
            Escaped(&rest.settings().mount)
        ),
        false => String::new(),
    };
    // writing to a string cannot fail
    let _ = write!(
        page,
        "<body><header class=\"top\"><div><h1>{}</h1><span class=\"soft\">served by Mainstay</span>\
         <nav>{links}<a href=\"/health\">Health</a>{}</nav></div></header>\n<main class=\"page\">\n",
        Escaped(title(settings)),
        if settings.dev { "<a href=\"/auth/v1/inbox\">Inbox</a>" } else { "" }
    );
    page.push_str(&connect(settings, rest, url));
    if described {
        for schema in &rest.settings().schemas {
            page.push_str(&relations(&catalog, schema));
            page.push_str(&functions(&catalog, schema));
        }
        page.push_str(&calls(settings, rest, &catalog, url));
    }
    page.push_str("</main></body></html>\n");
    page
}

fn connect(settings: &PageSettings, rest: &Rest, url: &str) -> String {
    let mut rows =
        vec![("URL", "url", url.to_owned()), ("REST", "rest", format!("{url}{}", rest.settings().mount))];
    if settings.dev {
        if let Some(key) = &settings.anon_key {
            rows.push(("anon key", "anon-key", key.clone()));
        }
        if let Some(key) = &settings.service_key {
            rows.push(("service key", "service-key", key.clone()));
        }
    }
    let mut html = String::from("<section class=\"card\"><h2>Connect</h2><dl class=\"keys\">");
    for (name, id, value) in rows {
        let _ = write!(
            html,
            "<dt>{name}</dt><dd class=\"mono\" id=\"{id}\">{}</dd><button type=\"button\" data-copy=\"{id}\">Copy</button>",
            Escaped(&value)
        );
    }
    html.push_str("</dl>");
    if settings.dev && settings.service_key.is_some() {
        html.push_str("<p class=\"soft\">The service key passes every policy: keep it on servers.</p>");
    }
    html.push_str("</section>\n");
    html
}

fn relations(catalog: &Catalog, schema: &str) -> String {
    let found: Vec<&Relation> = catalog
        .relations
        .iter()
        .filter(|(name, relation)| name.schema == schema && !relation.is_partition())
        .map(|(_, relation)| &**relation)
        .collect();
    let mut html =
        format!("<section class=\"card\"><h2>Tables and views in <code>{}</code></h2>", Escaped(schema));
    if found.is_empty() {
        html.push_str(
            "<p class=\"soft\">None yet. Write a migration that makes a table, and it is served.</p>",
        );
    }
    for relation in found {
        let kind = match relation.kind {
            RelationKind::Table => "table",
            RelationKind::View { .. } => "view",
            RelationKind::MaterializedView { .. } => "materialized view",
        };
        let comment = relation
            .comment
            .as_deref()
            .map_or_else(String::new, |comment| format!("<span class=\"soft\">{}</span>", Escaped(comment)));
        let open = if relation.is_table() && !relation.row_security {
            "<span class=\"tag\" title=\"No policy decides which rows a role may see: it is for the service key unless it is \
             granted\">no row security</span>"
        } else {
            ""
        };
        let _ = write!(
            html,
            "<details><summary><strong class=\"mono\">{}</strong><span class=\"soft\">{kind}, {}</span>\
             {comment}{open}</summary>{}</details>",
            Escaped(&relation.name.name),
            counted(relation.columns.len(), "column"),
            columns(catalog, relation)
        );
    }
    html.push_str("</section>\n");
    html
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn columns(catalog: &Catalog, relation: &Relation) -> String {
    let mut html = String::from(
        "<table class=\"fields\"><thead><tr><th>Column</th><th>Type</th><th></th></tr></thead><tbody>",
    );
    let key = relation.primary_key().unwrap_or_default();
    for column in &relation.columns {
        let mut notes: Vec<String> = Vec::new();
        if key.contains(&column.name) {
            notes.push("primary key".to_owned());
        }
        if column.not_null && !key.contains(&column.name) {
            notes.push("not null".to_owned());
        }
        if column.generated.is_some() {
            notes.push("generated".to_owned());
        } else if let Some(default) = &column.default {
            notes.push(format!("default {default}"));
        }
        for constraint in &relation.constraints {
            if let ConstraintKind::ForeignKey { columns, target, .. } = &constraint.kind
                && columns.contains(&column.name)
            {
                notes.push(format!("references {target}"));
            }
        }
        notes.extend(column.comment.clone());
        let _ = write!(
            html,
            "<tr><td class=\"mono\">{}</td><td class=\"mono\">{}</td><td class=\"soft\">{}</td></tr>",
            Escaped(&column.name),
            Escaped(&catalog.types.type_name(&column.ty.ty)),
            Escaped(&notes.join(" · "))
        );
    }
    html.push_str("</tbody></table>");
    html
}

fn functions(catalog: &Catalog, schema: &str) -> String {
    let found: Vec<&Function> = catalog
        .functions
        .iter()
        .filter(|(name, _)| name.schema == schema)
        .flat_map(|(_, overloads)| overloads.iter().map(|function| &**function))
        .filter(|function| function.returns.ty.ty != Type::Trigger)
        .collect();
    if found.is_empty() {
        return String::new();
    }
    let mut html = format!("<section class=\"card\"><h2>Functions in <code>{}</code></h2>", Escaped(schema));
    html.push_str("<table class=\"functions\"><tbody>");
    for function in found {
        let arguments: Vec<String> = function
            .arguments
            .iter()
            .filter(|argument| !matches!(argument.mode, ArgumentMode::Out | ArgumentMode::Table))
            .map(|argument| {
                let ty = catalog.types.type_name(&argument.ty.ty);
                if argument.name.is_empty() { ty } else { format!("{} {ty}", argument.name) }
            })
            .collect();
        let returns = catalog.types.type_name(&function.returns.ty.ty);
        let set = if function.returns.set { "setof " } else { "" };
        let _ = write!(
            html,
            "<tr><td class=\"mono\">{}({})</td><td class=\"mono\">{set}{}</td><td class=\"soft\">{}</td></tr>",
            Escaped(&function.name.name),
            Escaped(&arguments.join(", ")),
            Escaped(&returns),
            Escaped(function.comment.as_deref().unwrap_or_default())
        );
    }
    html.push_str("</tbody></table></section>\n");
    html
}

pub(super) fn reference(settings: &PageSettings, rest: &Rest) -> String {
    let key = if settings.dev { settings.anon_key.as_deref().unwrap_or_default() } else { "" };
    let mut page = head(&format!("{} API reference", title(settings)), &["front.js", "reference.js"]);
    let _ = write!(
        page,
        "<body data-mount=\"{}\" data-key=\"{}\"><header class=\"top wide\"><div><h1>{}</h1><span class=\"soft\">API reference</span>\
         <nav><a href=\"/\">Front page</a><a href=\"{}/\">OpenAPI</a></nav></div></header>\n\
         <div class=\"layout\"><aside><form id=\"key-form\"><label>Key<input id=\"key\" type=\"password\" autocomplete=\"off\" \
         placeholder=\"anon, service or user token\"></label></form>\
         <input id=\"search\" type=\"search\" placeholder=\"Search\" aria-label=\"Search\">\
         <nav id=\"operations\" aria-label=\"Operations\"></nav></aside>\n\
         <main id=\"operation\"><noscript>The reference needs JavaScript; the OpenAPI document does not.</noscript>\
         </main></div></body></html>\n",
        Escaped(&rest.settings().mount),
        Escaped(key),
        Escaped(title(settings)),
        Escaped(&rest.settings().mount)
    );
    page
}
