//! Which coding a client wants (`Accept-Encoding`, RFC 9110).

use hyper::header::HeaderValue;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Zstd,
    Brotli,
    Gzip,
}

impl Coding {
    /// Of codings that a client likes equally the first is taken: the one that costs least for what it saves.
    const ALL: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

    pub fn name(self) -> &'static str {
        match self {
            Coding::Zstd => "zstd",
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
        }
    }
}

/// The coding that the client likes best, if it likes any.
pub(super) fn choose(accepted: &HeaderValue) -> Option<Coding> {
    let text = accepted.to_str().ok()?;
    let quality = |name: &str| {
        let found = text.split(',').find_map(|item| {
            let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
            let coding = coding.trim();
            let named = coding.eq_ignore_ascii_case(name)
                || (name == "gzip" && coding.eq_ignore_ascii_case("x-gzip"));
            named.then(|| quality_of(parameters))
        });
        let any = || {
            text.split(',').find_map(|item| {
                let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
                (coding.trim() == "*").then(|| quality_of(parameters))
            })
        };
        found.or_else(any).unwrap_or(0.0)
    };
    let mut best: Option<(Coding, f32)> = None;
    for coding in Coding::ALL {
        let quality = quality(coding.name());
        if quality > best.map_or(0.0, |(_, best)| best) {
            best = Some((coding, quality));
        }
    }
    best.map(|(coding, _)| coding)
}

fn quality_of(parameters: &str) -> f32 {
    let quality = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("q="));
    quality.map_or(1.0, |number| number.trim().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_likes_best() {
        let choose = |text: &str| super::choose(&HeaderValue::from_str(text).expect("a header"));
        assert_eq!(choose("gzip, deflate, br"), Some(Coding::Brotli));
        assert_eq!(choose("gzip, deflate, br, zstd"), Some(Coding::Zstd));
        assert_eq!(choose("br;q=0.5, GZIP;q=0.8"), Some(Coding::Gzip));
        assert_eq!(choose("*"), Some(Coding::Zstd));
        assert_eq!(choose("zstd;q=0, *;q=0.1"), Some(Coding::Brotli));
        assert_eq!((choose("identity"), choose("gzip;q=0"), choose("")), (None, None, None));
    }
}
