use super::*;

#[test]
fn the_front_page_shows_what_is_served_and_keys_in_development_alone() {
    let mut settings = settings();
    settings.pages.anon_key = Some("the-anon-key".to_owned());
    settings.pages.service_key = Some("the-service-key".to_owned());
    let closed = serve(settings.clone(), |_| Ok(query::Response::default()));
    let page = closed.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.body.contains("orders") && page.body.contains("place_order(amount integer)"));
    assert!(page.body.contains("http://test/rest/v1"));
    assert!(!page.body.contains("the-anon-key") && !page.body.contains("the-service-key"));
    settings.pages.dev = true;
    let open = serve(settings, |_| Ok(query::Response::default()));
    let page = open.get("/");
    assert!(page.body.contains("the-anon-key") && page.body.contains("the-service-key"));
    let reference = open.get("/reference");
    assert!(
        reference.body.contains("data-mount=\"/rest/v1\"") && !reference.body.contains("the-service-key")
    );
}

#[test]
fn pages_run_nothing_inline_and_load_nothing_from_elsewhere() {
    let server = rows("[]", 0);
    for path in ["/", "/reference"] {
        let page = server.get(path);
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        let links = page.body.split(['"']).filter(|text| text.starts_with("http") || text.starts_with("//"));
        assert_eq!(links.count(), 0, "{path}");
        assert!(
            !page.body.contains(" onclick")
                && !page.body.contains("<script>")
                && !page.body.contains("<style")
        );
    }
    for path in ["/_mainstay/style.css", "/_mainstay/front.js", "/_mainstay/reference.js"] {
        assert_eq!(server.get(path).status, 200);
    }
}

#[test]
fn health_is_short() {
    let server = rows("[]", 0);
    let answer = server.get("/health");
    assert_eq!((answer.status, answer.body.as_str()), (200, "{\"status\":\"ok\"}"));
}

#[test]
fn the_root_describes_the_api() {
    let server = rows("[]", 0);
    let answer = server.send("GET", "/rest/v1/", &[("Accept", "application/openapi+json")], "");
    assert_eq!(answer.header("content-type"), Some("application/openapi+json; charset=utf-8"));
    let document: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(server.get("/rest/v1").status, 200);
    assert_eq!(server.send("POST", "/rest/v1/", &[], "{}").status, 405);
}

#[test]
fn the_description_is_negotiated() {
    let server = rows("[]", 0);
    for accept in ["application/json", "*/*", "text/html, application/json;q=0.9", "application/openapi+json"]
    {
        let answer = server.send("GET", "/rest/v1/", &[("Accept", accept)], "");
        assert_eq!(
            answer.header("content-type"),
            Some("application/openapi+json; charset=utf-8"),
            "{accept}"
        );
    }
    let answer = server.send("GET", "/rest/v1/", &[("Accept", "text/csv")], "");
    assert!(answer.status == 406 && answer.body.contains("PGRST107"), "{answer:?}");
    let answer = server.send("HEAD", "/rest/v1/", &[], "");
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
}

#[test]
fn the_description_can_be_turned_off() {
    let mut closed = settings();
    closed.rest.openapi = crate::rest::OpenApiMode::Disabled;
    let server = serve(closed, |_| Ok(query::Response { body: "[]".into(), ..query::Response::default() }));
    for path in ["/rest/v1/", "/reference"] {
        let answer = server.get(path);
        assert!(answer.status == 404 && answer.body.contains("PGRST126"), "{path} {answer:?}");
    }
    let front = server.get("/");
    assert!(front.status == 200 && !front.body.contains("orders"), "{front:?}");
    assert!(rows("[]", 0).get("/").body.contains("orders"));
    assert_eq!(server.get("/rest/v1/orders").status, 200);
}
