//! Every other act on a device, a credential or a request: what it would do, then the button, then where it can be seen.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::{Visitor, user_path};
use crate::http::problem::Problem;
use crate::http::words::{Queried, Segments, id, parse};
use crate::lifecycle::hold::Held;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId, RequestId};
use crate::lifecycle::reason::Termination;
use crate::lifecycle::request::{Request, RequestState};
use crate::pages::asked::{Check, Choice, back, check, done, radio};
use crate::pages::form::Filled;
use crate::pages::parts::{request_title, slot};
use crate::pages::visit::Visit;
use crate::pages::words::Words;
use crate::workflows::approve_request::{ApproveRequest, RejectRequest};
use crate::workflows::bind_device::{BindDevice, UnbindDevice};
use crate::workflows::cancel_request::CancelRequest;
use crate::workflows::errand::Errand;
use crate::workflows::failure::Failure;
use crate::workflows::invite_again::InviteAgain;
use crate::workflows::look_up_user::{look_up_credential, look_up_device, look_up_request};
use crate::workflows::suspend::{Resume, Suspend};
use crate::workflows::take_back_original::TakeBackOriginal;
use crate::workflows::terminate_device::TerminateDevice;
use crate::workflows::world::World;

/// What a form says, or the address of a page behind its question mark.
pub type Fields = HashMap<String, String>;

/// More blank cards are not offered to choose from: one can be looked for by its serial.
const OFFERED: u32 = 200;

fn device_errand(act: &str, device: DeviceId, fields: &Fields) -> Result<Box<dyn Errand + Send>, Problem> {
    Ok(match act {
        "suspend" => Box::new(Suspend { what: Held::Device(device) }),
        "resume" => Box::new(Resume { what: Held::Device(device) }),
        "returned" => Box::new(TakeBackOriginal { original: device }),
        "terminate" => Box::new(TerminateDevice { device, reason: parse("reason", field(fields, "reason"))? }),
        _ => return Err(no_such_act()),
    })
}

fn credential_errand(act: &str, credential: CredentialId) -> Result<Box<dyn Errand + Send>, Problem> {
    let what = Held::Credential(credential);
    Ok(match act {
        "suspend" => Box::new(Suspend { what }),
        "resume" => Box::new(Resume { what }),
        _ => return Err(no_such_act()),
    })
}

fn request_errand(act: &str, request: RequestId, fields: &Fields) -> Result<Box<dyn Errand + Send>, Problem> {
    let because = fields.get("because").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(match act {
        "cancel" => Box::new(CancelRequest { request }),
        "approve" => Box::new(ApproveRequest { request }),
        "reject" => Box::new(RejectRequest { request, because }),
        "invite" => Box::new(InviteAgain { request }),
        "bind" => Box::new(BindDevice { request, device: id("device", field(fields, "device"))? }),
        "unbind" => Box::new(UnbindDevice { request, device: id("device", field(fields, "device"))? }),
        _ => return Err(no_such_act()),
    })
}

fn no_such_act() -> Problem {
    Problem::new("unknown", "no such act")
}

fn field<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.get(name).map_or("", String::as_str)
}

/// What an act on a device would do; for its end, first why.
pub async fn on_device(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segments(device, act): Segments,
    Queried(fields): Queried<Fields>,
) -> Result<Response, Problem> {
    let (words, device) = (visitor.words, id::<DeviceId>("device", &device)?);
    let held = look_up_device(&world, &visitor.caller, device).await?;
    let named = held.devices.get(&device).map_or("?", |device| device.name.as_str());
    let title = format!("{}: {named}", words.word("act-device", &act));
    if act == "terminate" && !fields.contains_key("reason") {
        return Ok(ask(&visitor, &held, &title, why(words)));
    }
    let errand = device_errand(&act, device, &fields)?;
    let carried: Vec<_> = fields.get("reason").map(|reason| ("reason", reason.as_str())).into_iter().collect();
    confirm(&world, &visitor, &held, &title, &carried, html! {}, errand.as_ref()).await
}

pub async fn do_on_device(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segments(device, act): Segments,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Problem> {
    let errand = device_errand(&act, id("device", &device)?, &fields)?;
    done(&world, &visitor, field(&fields, "token"), errand).await
}

pub async fn on_credential(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segments(credential, act): Segments,
) -> Result<Response, Problem> {
    let (words, credential) = (visitor.words, id::<CredentialId>("credential", &credential)?);
    let held = look_up_credential(&world, &visitor.caller, credential).await?;
    let named = held.credentials.get(&credential).map_or_else(String::new, |credential| slot(words, credential.slot));
    let title = format!("{}: {named}", words.word("act-credential", &act));
    confirm(&world, &visitor, &held, &title, &[], html! {}, credential_errand(&act, credential)?.as_ref()).await
}

pub async fn do_on_credential(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segments(credential, act): Segments,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Problem> {
    let errand = credential_errand(&act, id("credential", &credential)?)?;
    done(&world, &visitor, field(&fields, "token"), errand).await
}

/// What an act on a request would do; to bind a card, first which.
pub async fn on_request(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segments(request, act): Segments,
    Queried(mut fields): Queried<Fields>,
) -> Result<Response, Problem> {
    let (words, request) = (visitor.words, id::<RequestId>("request", &request)?);
    let held = look_up_request(&world, &visitor.caller, request).await?;
    let request = held.requests.get(&request).ok_or(Failure::missing("request"))?;
    let title = format!("{}: {}", words.word("act-request", &act), request_title(words, &held, request));
    if act == "bind" && !fields.contains_key("device") {
        return Ok(ask(&visitor, &held, &title, which_card(&world, words, request).await?));
    }
    if act == "unbind" {
        let RequestState::Bound { device } = &request.state else {
            return Err(Problem::new("not-bound", "found: a request without a device, expected: a bound one"));
        };
        fields.insert("device".to_owned(), device.to_string());
    }
    let errand = request_errand(&act, request.id, &fields)?;
    let carried: Vec<_> = fields.get("device").map(|device| ("device", device.as_str())).into_iter().collect();
    let more = if act == "reject" {
        because(words)
    } else {
        html! {}
    };
    confirm(&world, &visitor, &held, &title, &carried, more, errand.as_ref()).await
}

pub async fn do_on_request(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segments(request, act): Segments,
    Filled(fields): Filled<Fields>,
) -> Result<Response, Problem> {
    let errand = request_errand(&act, id("request", &request)?, &fields)?;
    done(&world, &visitor, field(&fields, "token"), errand).await
}

/// A page that asks for one more thing before the effects are told.
fn ask(visitor: &Visitor, held: &Holdings, title: &str, question: Markup) -> Response {
    let words = visitor.words;
    let body = html! {
        (back(visitor, held))
        h1 { (title) }
        form method="get" {
            (question)
            button.primary { (words.say("continue")) }
            " " a.leave href=(user_path(held.user.id)) { (words.say("leave-it")) }
        }
    };
    visitor.page("/users", title, body).into_response()
}

fn why(words: Words) -> Markup {
    html! {
        fieldset {
            legend { (words.say("terminate-why")) }
            @for reason in Termination::ALL {
                (radio("reason", &ending(words, reason.as_str()), false))
            }
        }
    }
}

fn ending(words: Words, value: &'static str) -> Choice {
    Choice { value, label: words.word("reason", value), hint: words.word("terminate-hint", value) }
}

/// The blank cards of the kind that is asked for.
async fn which_card(world: &World, words: Words, request: &Request) -> Result<Markup, Failure> {
    let cards = world.store.stock(None, OFFERED).await?;
    let fitting: Vec<_> = cards.iter().filter(|card| card.kind == request.kind).collect();
    Ok(html! {
        label for="device" { (words.say("bind-which")) }
        @if fitting.is_empty() { p { (words.say("bind-none")) } }
        select #device name="device" required {
            @for card in fitting { option value=(card.id) { (card.serial) " · " (card.model) } }
        }
    })
}

fn because(words: Words) -> Markup {
    html! {
        label for="because" { (words.say("reject-because")) }
        p.hint #because-hint { (words.say("reject-because-hint")) }
        textarea #because name="because" rows="3" maxlength="500" aria-describedby="because-hint" {}
    }
}

/// What would happen, and the button.
async fn confirm(
    world: &World,
    visitor: &Visitor,
    held: &Holdings,
    title: &str,
    fields: &[(&str, &str)],
    more: Markup,
    errand: &dyn Errand,
) -> Result<Response, Problem> {
    let button = visitor.words.word("button", errand.name());
    check(world, visitor, held, Check { title, answers: &[], fields, more, button: &button }, errand).await
}
