//! Redirect URIs: which may be registered, and which of a request is a registered one.

use super::problems::invalid_redirect_uri;
use mainstay_base::Result;

/// The parts of a URI that the rules look at.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    /// Path and query.
    rest: &'a str,
}

fn parts(uri: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = uri.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if authority.contains('@') {
        return None;
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((inner, after)) => (authority.get(..inner.len() + 2)?, after),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits,
        None if port.is_empty() => "",
        _ => return None,
    };
    Some(Parts { scheme, host, port, rest })
}

/// Loopback by its literal: `localhost` may resolve to something else (RFC 8252 section 8.3).
fn is_loopback(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "[::1]")
}

/// Whether other programs on the user's machine could claim the URI: what comes there proves no client.
pub(super) fn is_native(uri: &str) -> bool {
    match parts(uri) {
        Some(parts) => is_loopback(parts.host) || !matches!(parts.scheme, "http" | "https"),
        None => true,
    }
}

/// Whether a client may have the URI: absolute, without fragment and wildcard; `http` on this machine alone; a scheme of
/// an application's own only in the form of a reversed domain name (RFC 8252 section 7.1).
pub(super) fn check(uri: &str) -> Result<()> {
    let refused = |why: &str| Err(invalid_redirect_uri(format!("`{uri}` {why}")));
    if uri.len() > 2_000
        || uri.bytes().any(|byte| byte <= b' ' || byte >= 0x7f || b"\"<>\\^`{|}".contains(&byte))
    {
        return refused("is no URI");
    }
    if uri.contains('#') {
        return refused("has a fragment");
    }
    if uri.contains('*') {
        return refused("has a wildcard: name each address");
    }
    let (scheme, _) = uri.split_once(':').unwrap_or_default();
    match scheme {
        "https" | "http" => {
            let Some(parts) = parts(uri).filter(|parts| !parts.host.is_empty()) else {
                return refused("has no host, or a user name");
            };
            if scheme == "http" && !is_loopback(parts.host) && parts.host != "localhost" {
                return refused("is not encrypted: use https");
            }
            if parts.rest.split(['/', '?']).any(|segment| segment == "." || segment == "..") {
                return refused("has dots as a segment of its path");
            }
            Ok(())
        }
        _ if is_reversed_domain(scheme) => Ok(()),
        _ => refused("has a scheme that is neither https nor a reversed domain name (com.example.app)"),
    }
}

fn is_reversed_domain(scheme: &str) -> bool {
    let character = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let part = |part: &str| !part.is_empty() && part.bytes().all(character);
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.contains('.')
        && scheme.split('.').all(part)
}

/// Whether the URI of a request is a registered one: the same characters (RFC 9700 section 2.1). Only the port of a
/// loopback literal may differ, which a native application takes as it finds it.
pub(super) fn is_registered(registered: &[String], asked: &str) -> bool {
    registered.iter().any(|known| known == asked || differ_by_loopback_port(known, asked))
}

fn differ_by_loopback_port(known: &str, asked: &str) -> bool {
    match (parts(known), parts(asked)) {
        (Some(known), Some(asked)) => {
            known.scheme == "http"
                && asked.scheme == "http"
                && is_loopback(known.host)
                && known.host == asked.host
                && known.rest == asked.rest
                && asked.port.parse::<u16>().is_ok_and(|port| port > 0)
        }
        _ => false,
    }
}

/// The source that a page's policy must name so that a form's answer may lead there.
pub fn source(uri: &str) -> Option<String> {
    match parts(uri) {
        Some(parts) if matches!(parts.scheme, "http" | "https") => {
            let colon = if parts.port.is_empty() { "" } else { ":" };
            Some(format!("{}://{}{colon}{}", parts.scheme, parts.host, parts.port))
        }
        _ => uri.split_once(':').map(|(scheme, _)| format!("{scheme}:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn registered(known: &str, asked: &str) -> bool {
        check(known).expect("may be registered");
        is_registered(&[known.to_owned()], asked)
    }

    #[test]
    fn rfc_9700_2_1_redirect_uris_are_compared_as_text() {
        let known = "https://app.example/cb?a=1";
        assert!(registered(known, known));
        for other in [
            "https://app.example/cb",
            "https://app.example/cb?a=1&b=2",
            "https://app.example/cb/",
            "https://APP.example/cb?a=1",
            "https://app.example:443/cb?a=1",
            "https://app.example/x/../cb?a=1",
            "https://app.example.evil/cb?a=1",
            "https://app.example@evil/cb?a=1",
            "http://app.example/cb?a=1",
        ] {
            assert!(!registered(known, other), "{other}");
        }
    }

    #[test]
    fn rfc_8252_7_3_only_the_port_of_a_loopback_literal_varies() {
        assert!(registered("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"));
        assert!(registered("http://127.0.0.1:1/cb", "http://127.0.0.1:51004/cb"));
        assert!(registered("http://[::1]/cb", "http://[::1]:9/cb"));
        assert!(!registered("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb2"));
        assert!(!registered("http://127.0.0.1/cb", "http://127.0.0.1:51004@evil.example/cb"));
        assert!(!registered("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb"));
        assert!(!registered("http://127.0.0.1/cb", "http://[::1]:9/cb"));
        assert!(!registered("http://localhost:3000/cb", "http://localhost:3001/cb"));
        assert!(!registered("https://app.example/cb", "https://app.example:8443/cb"));
    }

    #[test]
    fn what_may_not_be_registered() {
        for uri in [
            "http://app.example/cb",
            "https://app.example/cb#x",
            "https://*.example/cb",
            "https://user@app.example/cb",
            "https:///cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/cb",
            "https://app.example/a b",
            "https://app.example/x/../cb",
            "",
        ] {
            assert_eq!(check(uri).expect_err(uri).code(), "invalid_redirect_uri");
        }
        check("com.example.app:/cb").expect("a native application");
    }

    #[test]
    fn a_policy_names_the_origin() {
        assert_eq!(source("https://app.example:8443/cb?x").as_deref(), Some("https://app.example:8443"));
        assert_eq!(source("http://[::1]:9/cb").as_deref(), Some("http://[::1]:9"));
        assert_eq!(source("com.example.app:/cb").as_deref(), Some("com.example.app:"));
        assert!(is_native("com.example.app:/cb") && is_native("http://127.0.0.1/cb"));
        assert!(!is_native("https://app.example/cb"));
    }
}
