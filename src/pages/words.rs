//! The words on the pages, in the languages that people read: message catalogs (Project Fluent), one file a language.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::LazyLock;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use crate::http::words::cookie;
use crate::lifecycle::words::words;

words! {
    /// A language that the pages speak.
    pub enum Language {
        English = "en",
        German = "de",
    }
}

/// What a visitor chose, against what their browser says.
pub const COOKIE: &str = "remint-language";

type Catalog = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Catalog> = LazyLock::new(|| catalog(Language::English, include_str!("words/en.ftl")));
static GERMAN: LazyLock<Catalog> = LazyLock::new(|| catalog(Language::German, include_str!("words/de.ftl")));

fn catalog(language: Language, text: &str) -> Catalog {
    let resource = match FluentResource::try_new(text.to_owned()) {
        Ok(resource) => resource,
        Err((readable, errors)) => {
            tracing::error!(%language, ?errors, "a message catalog has errors");
            readable
        }
    };
    let mut catalog = FluentBundle::new_concurrent(vec![language.as_str().parse::<LanguageIdentifier>().unwrap_or_default()]);
    catalog.add_resource_overriding(resource);
    catalog
}

/// Speaks one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(pub Language);

impl Words {
    /// A message without arguments.
    pub fn say(self, id: &str) -> String {
        self.with(id, [])
    }

    /// A message with arguments.
    pub fn with<const N: usize>(self, id: &str, arguments: [(&str, FluentValue<'_>); N]) -> String {
        let catalog = self.catalog();
        let Some(pattern) = catalog.get_message(id).and_then(|message| message.value()) else {
            tracing::error!(language = %self.0, id, "a message that the catalog does not have");
            return id.to_owned();
        };
        let arguments: FluentArgs<'_> = arguments.into_iter().collect();
        catalog.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
    }

    /// The word for one of a vocabulary: `status-suspended`. What the catalog does not name is said as it is.
    pub fn word(self, vocabulary: &str, word: &str) -> String {
        let id = format!("{vocabulary}-{word}");
        if self.catalog().has_message(&id) { self.say(&id) } else { word.to_owned() }
    }

    /// Whether there is a word for it.
    pub fn has(self, vocabulary: &str, word: &str) -> bool {
        self.catalog().has_message(&format!("{vocabulary}-{word}"))
    }

    fn catalog(self) -> &'static Catalog {
        match self.0 {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }

    /// What a request asks for: the visitor's choice, else the first language of the browser that we speak, else English.
    pub fn of(headers: &HeaderMap) -> Self {
        let chosen = cookie(headers, COOKIE).and_then(|word| word.parse().ok());
        let preferred = || {
            let accepted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
            accepted.split(',').find_map(|range| range.split([';', '-']).next()?.trim().to_ascii_lowercase().parse().ok())
        };
        Self(chosen.or_else(preferred).unwrap_or(Language::English))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Words {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// Text for an argument.
pub fn text(value: &str) -> FluentValue<'_> {
    FluentValue::String(Cow::Borrowed(value))
}

/// A number for an argument: it chooses the plural.
pub fn number(value: usize) -> FluentValue<'static> {
    FluentValue::from(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fluent_bundle::FluentResource;

    use super::*;

    fn ids(text: &str) -> BTreeSet<String> {
        let resource = FluentResource::try_new(text.to_owned()).unwrap();
        let messages = resource.entries().filter_map(|entry| match entry {
            fluent_syntax::ast::Entry::Message(message) => Some(message.id.name.to_owned()),
            _ => None,
        });
        messages.collect()
    }

    #[test]
    fn every_language_has_every_message() {
        assert_eq!(ids(include_str!("words/en.ftl")), ids(include_str!("words/de.ftl")));
    }

    /// What the pages say is in the catalog, and what is in the catalog is said.
    #[test]
    fn every_message_that_a_page_says_is_there() {
        let known = ids(include_str!("words/en.ftl"));
        let mut said = BTreeSet::new();
        let mut folders = vec![std::path::PathBuf::from("src/pages")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("words.rs") {
                    let source = std::fs::read_to_string(path).unwrap();
                    for call in ["say(\"", ".with(\""] {
                        said.extend(source.split(call).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
                    }
                }
            }
        }
        let missing: Vec<_> = said.difference(&known).collect();
        assert!(missing.is_empty(), "not in the catalog: {missing:?}");
    }

    #[test]
    fn a_visitor_is_spoken_to_in_a_language_that_they_read() {
        let of = |accept: &str, chosen: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
            headers.insert(header::COOKIE, format!("other=1; {COOKIE}={chosen}").parse().unwrap());
            Words::of(&headers).0
        };
        assert_eq!(of("de-CH, de;q=0.9, en;q=0.8", ""), Language::German);
        assert_eq!(of("fr, de;q=0.5", ""), Language::German);
        assert_eq!(of("fr", ""), Language::English);
        assert_eq!(of("de", "en"), Language::English);
        assert_eq!(Words(Language::English).with("greeting-test", []), "greeting-test");
    }
}
