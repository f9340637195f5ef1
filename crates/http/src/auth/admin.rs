//! What a service key may ask.

use super::AuthFace;
use super::input::Input;
use super::reply::{no_such_path, ok};
use crate::edge::Response;
use crate::grammar::encoded;
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue, LINK};
use mainstay_base::{Problem, Result};
use mainstay_identity::admin::events::Page;
use mainstay_identity::admin::links::LinkRequest;
use mainstay_identity::admin::users::AdminUser;
use mainstay_identity::{Caller, Uuid, user_json};
use serde::Deserialize;
use serde_json::{Map, Value, json};

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
const PAGE_ROWS_MAX: i64 = 1_000;

/// Fails unless the token is a service key; gives who the audit log shall name.
fn administrator(face: &AuthFace, input: &Input) -> Result<Caller> {
    let actor = face.claims(input)?;
    if !matches!(actor.role.as_str(), "service_role" | "supabase_admin") {
        return Err(Problem::new("not_admin", "User not allowed").with_status(403));
    }
    Ok(Caller { role: actor.role.clone(), ..input.caller.clone() })
}

fn id_of(text: &str, what: &str) -> Result<Uuid> {
    text.parse()
        .map_err(|()| Problem::new("validation_failed", format!("{what} must be an UUID")).with_status(404))
}

pub(super) async fn route(face: &AuthFace, input: Input, path: &[&str]) -> Result<Response> {
    let caller = administrator(face, &input)?;
    let identity = face.identity();
    match (&input.method, path) {
        (&Method::GET, ["users"]) => {
            let page = page(&input)?;
            let (users, count) = identity.list_users(page).await?;
            let users: Vec<Value> = users.iter().map(user_json).collect();
            paged(&input, page, count, &json!({"users": users, "aud": "authenticated"}))
        }
        (&Method::POST, ["users"]) => ok(&user_json(&identity.create_user(input.body()?, &caller).await?)),
        (&Method::GET, ["users", id]) => ok(&user_json(&identity.get_user(id_of(id, "user_id")?).await?)),
        (&Method::PUT, ["users", id]) => {
            let change: AdminUser = input.body()?;
            ok(&user_json(&identity.change_user(id_of(id, "user_id")?, change, &caller).await?))
        }
        (&Method::DELETE, ["users", id]) => {
            let how: Deletion = input.body()?;
            identity.delete_user(id_of(id, "user_id")?, how.should_soft_delete, &caller).await?;
            ok(&json!({}))
        }
        (&Method::GET, ["users", id, "factors"]) => {
            ok(&json!(identity.factors_of(id_of(id, "user_id")?).await?))
        }
        (&Method::DELETE, ["users", id, "factors", factor]) => {
            let (user, factor) = (id_of(id, "user_id")?, id_of(factor, "factor_id")?);
            ok(&json!(identity.delete_factor(user, factor, &caller).await?))
        }
        (&Method::PUT, ["users", id, "factors", factor]) => {
            let (user, factor) = (id_of(id, "user_id")?, id_of(factor, "factor_id")?);
            let rename: Rename = input.body()?;
            ok(&json!(identity.rename_factor(user, factor, &rename.friendly_name, &caller).await?))
        }
        (&Method::POST, ["generate_link"]) => generate_link(face, &input, &caller).await,
        (&Method::GET, ["audit"]) => {
            let page = page(&input)?;
            let (entries, count) = identity.audit_log(page).await?;
            paged(&input, page, count, &json!(entries))
        }
        _ => Err(no_such_path()),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Deletion {
    should_soft_delete: bool,
}

#[derive(Deserialize)]
struct Rename {
    friendly_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Invitation {
    email: String,
    data: Map<String, Value>,
}

pub(super) async fn invite(face: &AuthFace, input: Input) -> Result<Response> {
    let caller = administrator(face, &input)?;
    let invitation: Invitation = input.body()?;
    let landing = input.landing(face);
    let user = face.identity().invite(&invitation.email, invitation.data, &landing, &caller).await?;
    ok(&user_json(&user))
}

async fn generate_link(face: &AuthFace, input: &Input, caller: &Caller) -> Result<Response> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Wish {
        redirect_to: Option<String>,
    }
    let request: LinkRequest = input.body()?;
    let wish: Wish = input.body()?;
    let landing = match wish.redirect_to {
        Some(url) => face.identity().landing(&[Some(&url), input.query("redirect_to")]),
        None => input.landing(face),
    };
    ok(&face.identity().generate_link(request, &landing, caller).await?)
}

fn page(input: &Input) -> Result<Page> {
    let number = |name: &str, otherwise: i64| match input.query(name).filter(|text| !text.is_empty()) {
        None => Ok(otherwise),
        Some(text) => text.parse::<u32>().map(i64::from).map_err(|_| {
            Problem::new("validation_failed", format!("Bad Pagination Parameters: {name} is no number"))
                .with_status(400)
        }),
    };
    let size = match number("per_page", 50)? {
        ..=0 => 50,
        size => size.min(PAGE_ROWS_MAX),
    };
    Ok(Page { number: number("page", 1)?.max(1), size })
}

/// A page, with the headers that say which ones there are.
fn paged(input: &Input, page: Page, count: i64, body: &Value) -> Result<Response> {
    let pages = (count + page.size - 1) / page.size;
    let path = input.uri.split('?').next().unwrap_or_default();
    let link = |number: i64, rel: &str| {
        let number = number.to_string();
        format!("<{path}?page={}&per_page={}>; rel=\"{rel}\"", encoded(&number), page.size)
    };
    let mut links = Vec::new();
    if pages > page.number {
        links.push(link(page.number + 1, "next"));
    }
    links.push(link(pages, "last"));
    let mut response = ok(body)?;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&links.join(", ")) {
        headers.insert(LINK, value);
    }
    headers.insert(TOTAL, HeaderValue::from(count));
    Ok(response)
}
