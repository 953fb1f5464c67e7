//! An invitation on a page: as a QR code, as text, and the code that goes another way.

use maud::{Markup, PreEscaped, html};
use qrcode::QrCode;
use qrcode::render::svg;

use super::parts::at;
use super::words::Words;
use crate::workflows::invitation::Invitation;

/// The code in two groups, as it is read out.
pub fn code(code: &str) -> Markup {
    html! { p.code { (code.get(..4).unwrap_or_default()) " " (code.get(4..).unwrap_or_default()) } }
}

/// To be scanned, or copied.
pub fn ticket(words: Words, invitation: &Invitation) -> Markup {
    html! {
        (qr(words, &invitation.uri))
        label for="uri" { (words.say("invitation-text")) }
        textarea #uri readonly rows="4" { (*invitation.uri) }
        p.quiet { (words.say("step-ticket-open")) " " (at(invitation.expires_at)) }
    }
}

fn qr(words: Words, uri: &str) -> Markup {
    let Ok(code) = QrCode::new(uri) else { return html! {} };
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
    let drawn = drawn.find("<svg").and_then(|from| drawn.get(from..)).unwrap_or_default();
    html! { div.qr role="img" aria-label=(words.say("invitation-qr")) { (PreEscaped(drawn)) } }
}
