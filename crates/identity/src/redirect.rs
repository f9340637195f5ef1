//! Where a browser may be sent after a flow: the site itself and what the allow-list names, and nothing else.

use crate::settings::IdentitySettings;

/// The first of the addresses that is allowed, else the site.
pub(crate) fn choose(settings: &IdentitySettings, asked: &[Option<&str>]) -> String {
    let allowed = asked.iter().flatten().find(|url| allowed(settings, url));
    allowed.map_or_else(|| settings.site_url.clone(), |url| (*url).to_owned())
}

/// Whether a browser may be sent there.
pub fn allowed(settings: &IdentitySettings, url: &str) -> bool {
    let Some(parts) = Parts::of(url) else { return false };
    if let Some(site) = Parts::of(&settings.site_url)
        && site.web()
        && (parts.scheme.as_str(), parts.host.as_str()) == (site.scheme.as_str(), site.host.as_str())
        && (parts.port == site.port || is_loopback(&parts.host))
    {
        return true;
    }
    // RFC 8252 section 7.3: a native application listens on a loopback address, on any port.
    if parts.scheme == "http"
        && (is_loopback_literal(&parts.host) || settings.local_redirects && parts.host == "localhost")
    {
        return true;
    }
    let without_fragment = url.split('#').next().unwrap_or_default();
    settings.redirect_urls.iter().any(|pattern| matches(pattern.as_bytes(), without_fragment.as_bytes()))
}

fn is_loopback_literal(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()) || host == "[::1]"
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || is_loopback_literal(host)
}

struct Parts {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Parts {
    /// Stricter than browsers: what two readers could take for two hosts is no address here.
    fn of(url: &str) -> Option<Parts> {
        let strange =
            |c: char| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '<' | '>' | '"' | '`');
        if url.len() > 2_048 || url.chars().any(strange) {
            return None;
        }
        let (scheme, rest) = url.split_once(':')?;
        let scheme = scheme.to_ascii_lowercase();
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(named) {
            return None;
        }
        if matches!(scheme.as_str(), "javascript" | "data" | "vbscript" | "file" | "blob" | "about") {
            return None;
        }
        let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
            _ => (authority, None),
        };
        let host = host.to_ascii_lowercase();
        let parts = Parts { scheme, host, port };
        (!parts.web() || parts.plain_host()).then_some(parts)
    }

    fn web(&self) -> bool {
        matches!(self.scheme.as_str(), "http" | "https")
    }

    /// A name or an address in the usual form: no user before it, no number that some readers take for an address.
    fn plain_host(&self) -> bool {
        if self.host == "[::1]" {
            return true;
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        !self.host.is_empty()
            && self.host.chars().all(plain)
            && (!self.host.chars().all(|c| c.is_ascii_digit() || c == '.')
                || self.host.parse::<std::net::Ipv4Addr>().is_ok())
    }
}

/// Glob with the separators `.` and `/`: `*` and `?` stay between two of them, `**` does not, `\` quotes.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let separator = |byte: u8| matches!(byte, b'.' | b'/');
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|at| matches(rest, &text[at..])),
        [b'*', rest @ ..] => {
            let reach = text.iter().position(|byte| separator(*byte)).unwrap_or(text.len());
            (0..=reach).any(|at| matches(rest, &text[at..]))
        }
        [b'?', rest @ ..] => {
            text.split_first().is_some_and(|(byte, text)| !separator(*byte) && matches(rest, text))
        }
        [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
            text.split_first().is_some_and(|(first, text)| first == byte && matches(rest, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(patterns: &[&str]) -> IdentitySettings {
        IdentitySettings {
            site_url: "https://shop.example.com".into(),
            redirect_urls: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
            ..IdentitySettings::default()
        }
    }

    #[test]
    fn the_site_and_the_list_are_allowed() {
        let settings =
            settings(&["https://*.example.org/**", "com.example.app://sign-in", "https://one.test/a?b"]);
        for url in [
            "https://shop.example.com",
            "https://shop.example.com/welcome?x=1#top",
            "https://a.example.org/b/c",
            "com.example.app://sign-in",
            "https://one.test/a\u{3f}b".trim(),
            "http://127.0.0.1:9999/callback",
            "http://[::1]:9999/",
        ] {
            assert!(allowed(&settings, url), "{url}");
        }
    }

    #[test]
    fn nothing_else_is() {
        let settings = settings(&["https://*.example.org/**"]);
        for url in [
            "",
            "/welcome",
            "//evil.test",
            "http://shop.example.com",
            "https://shop.example.com.evil.test",
            "https://shop.example.com:8443",
            "https://shop.example.com@evil.test",
            "https://evil.test\\@shop.example.com",
            "https://evil.test/https://shop.example.com",
            "https://a.b.example.org/",
            "https://evil.test#.example.org/",
            "https://evil.test?.example.org/",
            "javascript://shop.example.com/%0aalert(1)",
            "data:text/html,x",
            "https://2130706433/",
            "http://localhost:3000/",
            "https://shop.example.com\n.evil.test",
        ] {
            assert!(!allowed(&settings, url), "{url}");
        }
    }

    #[test]
    fn the_site_is_the_fallback() {
        let settings = settings(&[]);
        assert_eq!(choose(&settings, &[None, Some("https://evil.test/")]), "https://shop.example.com");
        assert_eq!(
            choose(&settings, &[Some("https://evil.test/"), Some("https://shop.example.com/a")]),
            "https://shop.example.com/a"
        );
    }
}
