//! The frame around every page: head, navigation, language, and the headers that keep a page to itself.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::words::{Language, Words};

/// A page, before its frame is drawn.
pub struct Page {
    pub words: Words,
    pub title: String,
    /// Where a visitor can go; empty for a visitor whom we do not know.
    pub nav: Vec<Link>,
    /// Who is here: shown beside the navigation.
    pub who: Option<String>,
    /// Whether there is a session to end: at the desk the certificate is all there is.
    pub may_sign_out: bool,
    pub body: Markup,
}

/// A link of the navigation.
pub struct Link {
    pub to: &'static str,
    pub text: String,
    /// Whether this page is there.
    pub is_here: bool,
}

/// Nothing but what we serve ourselves is loaded, and nobody frames us.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

impl Page {
    fn markup(&self) -> Markup {
        let words = self.words;
        html! {
            (DOCTYPE)
            html lang=(words.0.as_str()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " – Remint" }
                    link rel="icon" href=(assets::ICON.path());
                    link rel="stylesheet" href=(assets::STYLE.path());
                    script src=(assets::SCRIPT.path()) defer {}
                }
                body {
                    a.skip href="#main" { (words.say("skip-to-content")) }
                    header.top {
                        div.bar {
                            a.name href="/" { "Remint" }
                            @if let Some(who) = &self.who { span.who { bdi { (who) } } }
                            @if self.may_sign_out {
                                form method="post" action="/sign-out" { button.plain { (words.say("sign-out")) } }
                            }
                        }
                        @if !self.nav.is_empty() {
                            nav aria-label=(words.say("navigation")) {
                                ul {
                                    @for link in &self.nav {
                                        li { a href=(link.to) aria-current=[link.is_here.then_some("page")] { (link.text) } }
                                    }
                                }
                            }
                        }
                    }
                    main #main tabindex="-1" { (self.body) }
                    footer {
                        form method="post" action="/language" {
                            @for language in Language::ALL.iter().filter(|language| **language != words.0) {
                                button.plain name="language" value=(language) lang=(language) { (own_name(*language)) }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The same form again, with what is wrong at its top.
    pub fn again(self) -> Response {
        self.with_status(StatusCode::UNPROCESSABLE_ENTITY)
    }

    pub fn with_status(self, status: StatusCode) -> Response {
        let mut response = (status, Html(self.markup().into_string())).into_response();
        protect(response.headers_mut());
        response
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        self.with_status(StatusCode::OK)
    }
}

fn own_name(language: Language) -> &'static str {
    match language {
        Language::English => "English",
        Language::German => "Deutsch",
    }
}

/// A page is for who asked for it, and says to other sites nothing of where it was.
fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
