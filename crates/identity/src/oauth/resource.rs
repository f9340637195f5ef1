//! Resource indicators (RFC 8707): for which API a token is. Each access token is for exactly one.

use super::Oauth;
use super::client::Client;
use super::problems::invalid_target;
use mainstay_base::Result;

/// An absolute URI without fragment.
pub(super) fn is_resource(uri: &str) -> bool {
    let scheme = uri.split_once(':').map(|(scheme, rest)| (scheme, !rest.is_empty()));
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    matches!(scheme, Some((scheme, true)) if is_scheme(scheme))
        && !uri.contains('#')
        && uri.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Oauth {
    /// The APIs that a request names, all of them known to this server and open to the client.
    pub(super) fn resources(&self, client: &Client, asked: &[String]) -> Result<Vec<String>> {
        if asked.is_empty() {
            return Ok(vec![self.settings.audience.clone()]);
        }
        for uri in asked {
            let known = *uri == self.settings.audience
                || self.settings.resources.contains(uri)
                || client.resources.contains(uri);
            if !known {
                return Err(invalid_target(format!(
                    "the resource `{uri}` is unknown or not for this client"
                )));
            }
        }
        Ok(asked.to_vec())
    }

    /// The one audience of a token: what the token request names, within what was granted.
    pub(super) fn audience(granted: &[String], asked: &[String]) -> Result<String> {
        match (asked, granted) {
            ([], [only, ..]) => Ok(only.clone()),
            ([one], _) if granted.contains(one) => Ok(one.clone()),
            ([one], _) => Err(invalid_target(format!("the resource `{one}` was not granted"))),
            _ => Err(invalid_target("a token is for one resource: name one")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_9700_2_3_a_token_has_one_audience_of_those_granted() {
        let (a, b) = ("https://a.example".to_owned(), "https://b.example".to_owned());
        let granted = [a.clone(), b.clone()];
        assert_eq!(Oauth::audience(&granted, &[]).as_deref(), Ok(a.as_str()));
        assert_eq!(Oauth::audience(&granted, std::slice::from_ref(&b)).as_deref(), Ok(b.as_str()));
        for asked in [vec![a, b], vec!["https://c.example".to_owned()]] {
            assert_eq!(Oauth::audience(&granted, &asked).expect_err("refused").code(), "invalid_target");
        }
    }

    #[test]
    fn a_resource_is_an_absolute_uri() {
        assert!(is_resource("https://a.example/x?y") && is_resource("urn:a:b"));
        assert!(!is_resource("/x") && !is_resource("https://a.example/#f") && !is_resource("https:"));
    }
}
