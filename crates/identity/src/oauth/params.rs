//! The parameters of a request: each once, except where a specification lets one be repeated.

use super::problems::invalid_request;
use mainstay_base::Result;

/// Names and values as they came, decoded. Those without a value count as missing (RFC 6749 section 3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Params {
        Params(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The value of a parameter that may be there once.
    pub fn get(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.all(name);
        let first = values.next();
        match values.next() {
            Some(_) => Err(invalid_request(format!("`{name}` is there more than once"))),
            None => Ok(first),
        }
    }

    pub fn owned(&self, name: &str) -> Result<Option<String>> {
        Ok(self.get(name)?.map(str::to_owned))
    }

    pub fn required(&self, name: &str) -> Result<&str> {
        self.get(name)?.ok_or_else(|| invalid_request(format!("`{name}` is missing")))
    }

    /// All values of a parameter that may be repeated.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let name = name.to_owned();
        self.0.iter().filter(move |(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// The resources that a request names (RFC 8707 lets it name several).
    pub(super) fn resources(&self) -> Vec<String> {
        self.all("resource").map(str::to_owned).collect()
    }

    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused_and_an_empty_one_is_missing() {
        let pairs = [("a", "1"), ("a", "2"), ("b", ""), ("resource", "x:y"), ("resource", "x:z")];
        let params = Params::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(params.get("a").expect_err("twice").code(), "invalid_request");
        assert_eq!(params.get("b"), Ok(None));
        assert_eq!(params.required("c").expect_err("missing").message(), "`c` is missing");
        assert_eq!(params.resources(), ["x:y", "x:z"]);
    }
}
