//! Scopes: sets of words.

use super::problems::invalid_scope;
use mainstay_base::Result;
use std::fmt;

/// What this server understands itself. A client may have words of its own beside these; policies see them in the token.
pub(super) const KNOWN: [&str; 5] = ["openid", "profile", "email", "phone", "offline_access"];

/// A set of scopes, in the order in which they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope(Vec<String>);

impl Scope {
    pub fn parse(text: &str) -> Result<Scope> {
        let mut words: Vec<String> = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            // RFC 6749 section 3.3
            let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            if !word.bytes().all(allowed) || words.len() >= 100 {
                return Err(invalid_scope("`scope` is no list of words"));
            }
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        Ok(Scope(words))
    }

    /// What a request asks for within what is allowed: nothing said is all of it, and nothing more is ever given.
    pub fn within(asked: Option<&str>, allowed: &Scope) -> Result<Scope> {
        let Some(asked) = asked else { return Ok(allowed.clone()) };
        let asked = Scope::parse(asked)?;
        match asked.0.iter().find(|word| !allowed.has(word)) {
            Some(word) => Err(invalid_scope(format!("the scope `{word}` is not this client's"))),
            None => Ok(asked),
        }
    }

    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|known| known == word)
    }

    pub fn covers(&self, other: &Scope) -> bool {
        other.0.iter().all(|word| self.has(word))
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Without some words.
    pub fn without(&self, gone: &[&str]) -> Scope {
        Scope(self.0.iter().filter(|word| !gone.contains(&word.as_str())).cloned().collect())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_beyond_what_is_allowed() {
        let allowed = Scope::parse("openid email  openid").expect("parses");
        assert_eq!(allowed.to_string(), "openid email");
        assert_eq!(Scope::within(None, &allowed).expect("all"), allowed);
        assert_eq!(Scope::within(Some("email"), &allowed).expect("less").to_string(), "email");
        assert_eq!(Scope::within(Some("email admin"), &allowed).expect_err("more").code(), "invalid_scope");
        assert_eq!(Scope::parse("a\u{e9}").expect_err("not ascii").code(), "invalid_scope");
    }
}
