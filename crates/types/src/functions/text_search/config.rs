//! Configurations: which dictionary a token goes through. `simple` and the Snowball languages.

use super::super::string::case::lower;
use super::tokens::Class;
use crate::context::Context;
use mainstay_base::{Problem, Result};
use rust_stemmers::{Algorithm, Stemmer};
use std::collections::HashSet;
use std::sync::LazyLock;

/// Longer tokens are not stemmed.
const STEMMED_BYTES_MAX: usize = 1000;

struct Language {
    name: &'static str,
    algorithm: Option<Algorithm>,
    /// A word a line, as PostgreSQL ships them.
    stop_words: &'static str,
}

const fn language(name: &'static str, algorithm: Algorithm, stop_words: &'static str) -> Language {
    Language { name, algorithm: Some(algorithm), stop_words }
}

const ENGLISH: usize = 1;

static LANGUAGES: &[Language] = &[
    Language { name: "simple", algorithm: None, stop_words: "" },
    language("english", Algorithm::English, include_str!("stop/english.stop")),
    language("arabic", Algorithm::Arabic, ""),
    language("danish", Algorithm::Danish, include_str!("stop/danish.stop")),
    language("dutch", Algorithm::Dutch, include_str!("stop/dutch.stop")),
    language("finnish", Algorithm::Finnish, include_str!("stop/finnish.stop")),
    language("french", Algorithm::French, include_str!("stop/french.stop")),
    language("german", Algorithm::German, include_str!("stop/german.stop")),
    language("greek", Algorithm::Greek, ""),
    language("hungarian", Algorithm::Hungarian, include_str!("stop/hungarian.stop")),
    language("italian", Algorithm::Italian, include_str!("stop/italian.stop")),
    language("norwegian", Algorithm::Norwegian, include_str!("stop/norwegian.stop")),
    language("portuguese", Algorithm::Portuguese, include_str!("stop/portuguese.stop")),
    language("romanian", Algorithm::Romanian, ""),
    language("russian", Algorithm::Russian, include_str!("stop/russian.stop")),
    language("spanish", Algorithm::Spanish, include_str!("stop/spanish.stop")),
    language("swedish", Algorithm::Swedish, include_str!("stop/swedish.stop")),
    language("tamil", Algorithm::Tamil, ""),
    language("turkish", Algorithm::Turkish, include_str!("stop/turkish.stop")),
];

static STOP_WORDS: LazyLock<Vec<HashSet<&'static str>>> = LazyLock::new(|| {
    let words = |language: &Language| language.stop_words.lines().map(str::trim).collect();
    LANGUAGES.iter().map(words).collect()
});

/// A text search configuration, ready to use.
pub(super) struct Config {
    language: usize,
    stemmer: Option<Stemmer>,
    /// Russian texts have English words in them; those are stemmed as English.
    ascii_stemmer: Option<Stemmer>,
}

impl Config {
    pub(super) fn named(name: &str) -> Result<Config> {
        let plain = name.strip_prefix("pg_catalog.").unwrap_or(name).trim_matches('"');
        let language = LANGUAGES.iter().position(|language| language.name == plain).ok_or_else(|| {
            Problem::new("42704", format!("text search configuration \"{name}\" does not exist"))
        })?;
        let stemmer =
            |index: usize| LANGUAGES.get(index).and_then(|language| language.algorithm).map(Stemmer::create);
        let russian = LANGUAGES.get(language).is_some_and(|language| language.name == "russian");
        Ok(Config {
            language,
            stemmer: stemmer(language),
            ascii_stemmer: if russian { stemmer(ENGLISH) } else { None },
        })
    }

    /// `default_text_search_config`.
    pub(super) fn default_name(context: &Context) -> String {
        const SETTING: &str = "default_text_search_config";
        let overridden = context.overrides.lock().ok().and_then(|settings| settings.get(SETTING).cloned());
        overridden
            .or_else(|| context.session.settings.get(SETTING).cloned())
            .unwrap_or_else(|| "english".to_owned())
    }

    /// The lexeme of a token; `None` is a stop word.
    pub(super) fn lexeme(&self, class: Class, token: &str) -> Option<String> {
        let word = lower(token);
        let ascii = matches!(class, Class::AsciiWord | Class::AsciiHword | Class::HwordAsciiPart);
        let stemmed = ascii || matches!(class, Class::Word | Class::Hword | Class::HwordPart);
        let (Some(stemmer), true) = (&self.stemmer, stemmed) else { return Some(word) };
        if word.len() > STEMMED_BYTES_MAX {
            return Some(word);
        }
        let (language, stemmer) = match &self.ascii_stemmer {
            Some(english) if ascii => (ENGLISH, english),
            _ => (self.language, stemmer),
        };
        if STOP_WORDS.get(language).is_some_and(|words| words.contains(word.as_str())) {
            return None;
        }
        Some(stemmer.stem(&word).into_owned())
    }
}
