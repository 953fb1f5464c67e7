//! Letters: what people must hear of, read off the changes of an act and written in its transaction. No act writes its own: whatever ends a
//! device, suspends or restores it, opens or closes a request, is told here, to the address of record as it was before.
//!
//! A letter never holds a password, or the code of an invitation. What is secret and sent is an invitation, where the policy allows it, and
//! the code of the second step of signing in, which is of no use without the browser that asked for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::invitation::Invitation;
use super::world::World;
use crate::lifecycle::change::Change;
use crate::lifecycle::device::{Device, DeviceStatus};
use crate::lifecycle::hold::{Cause, Held};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{DeviceId, RequestId, UserId};
use crate::lifecycle::request::{Purpose, Request, RequestState};
use crate::lifecycle::words::words;
use crate::store::commit::Write;
use crate::store::outbox::NewLetter;

words! {
    /// What a letter tells (docs/letters.md).
    pub enum LetterKind {
        Invitation = "invitation",
        /// A replacement was submitted: the device is invalid.
        Suspended = "suspended",
        /// To the officers: a request awaits approval.
        ApprovalNeeded = "approval-needed",
        Approved = "approved",
        Rejected = "rejected",
        Canceled = "canceled",
        Issued = "issued",
        /// A device must be synced once.
        UpdateWaiting = "update-waiting",
        /// A device was terminated, or a stand-in lapsed.
        Ended = "ended",
        /// The help desk suspended a device or a credential.
        Held = "held",
        /// The help desk resumed it, or an original is back.
        Released = "released",
        /// To the officers: a user says of a request that it was not them.
        Disputed = "disputed",
        /// The code of the second step of signing in at the portal.
        SignInCode = "sign-in-code",
        /// Officers got at the user's private encryption keys.
        Recovered = "recovered",
    }
}

/// What is sealed of a letter.
#[derive(Serialize, Deserialize)]
pub struct Text {
    pub subject: String,
    pub body: String,
}

/// A letter, before it is sealed.
struct Letter {
    kind: LetterKind,
    request: Option<RequestId>,
    text: Text,
}

/// The letters of an act: `before`, and what it makes of it.
pub fn letters_of(world: &World, before: &Holdings, writes: &[Write]) -> Result<Vec<Write>, Failure> {
    let changes: Vec<&Change> =
        writes.iter().filter_map(|write| if let Write::Change(change) = write { Some(change) } else { None }).collect();
    if !changes.iter().any(|change| is_news(before, change)) {
        return Ok(Vec::new());
    }
    let mut after = before.clone();
    changes.iter().for_each(|change| after.apply(change));
    let act = Act { before, after: &after, changes: &changes };
    let user = before.user.id;
    let mut letters = Vec::new();
    for letter in act.to_the_user(world) {
        letters.push(sealed(world, user, &before.user.email, letter)?);
    }
    if let (Some(officers), Some(letter)) = (&world.mail.officers, act.to_the_officers()) {
        letters.push(sealed(world, user, officers, letter)?);
    }
    Ok(letters)
}

/// The letter that brings an invitation, if the policy sends them: never its code.
pub fn invitation_letter(world: &World, held: &Holdings, request: RequestId, invitation: &Invitation) -> Result<Option<Write>, Failure> {
    if !world.policy.invitation.by_mail {
        return Ok(None);
    }
    let body = format!(
        "you are invited to issue your credentials onto a phone.\n\nOpen this on the new phone, before {}:\n\n{}\n\n{}\
         Nobody else can use it without the code; do not pass it on.",
        invitation.expires_at,
        invitation.uri.as_str(),
        if invitation.code.is_some() { "The help desk reads you a code of eight digits by another way. " } else { "" },
    );
    let text = Text { subject: "Your invitation".to_owned(), body: greeted(held, &body, world) };
    sealed(world, held.user.id, &held.user.email, Letter { kind: LetterKind::Invitation, request: Some(request), text }).map(Some)
}

/// The letter to the officers that a recovery awaits one of them, if anybody is to be written to. Why it was asked is not for the mail.
pub fn recovery_asked_letter(world: &World, held: &Holdings) -> Result<Option<Write>, Failure> {
    let Some(officers) = &world.mail.officers else { return Ok(None) };
    let body = format!("A recovery of encryption keys awaits the approval of a validation officer.\n\nUser: {}\n", held.user.name);
    let text = Text { subject: "A recovery awaits approval".to_owned(), body };
    sealed(world, held.user.id, officers, Letter { kind: LetterKind::ApprovalNeeded, request: None, text }).map(Some)
}

/// The letter to the user whose keys were handed to an officer. By whom and why is on the audit log, which the help desk can have asked.
pub fn recovered_letter(world: &World, held: &Holdings, keys: usize) -> Result<Write, Failure> {
    let body = format!(
        "two officers of your organization have recovered your private encryption keys ({keys}) at {}.\n\n\
         With them, what was encrypted to you can be read. Nothing of your devices and certificates has changed. \
         Who asked for it and why is on record.",
        world.now(),
    );
    let text = Text { subject: "Your encryption keys were recovered".to_owned(), body: greeted(held, &body, world) };
    sealed(world, held.user.id, &held.user.email, Letter { kind: LetterKind::Recovered, request: None, text })
}

/// The letter to the officers that a user disputes a request, if anybody is to be written to.
pub fn disputed_letter(world: &World, held: &Holdings, request: &Request) -> Result<Option<Write>, Failure> {
    let Some(officers) = &world.mail.officers else { return Ok(None) };
    let body = format!(
        "A user says that a request was not theirs. Speak with them, and cancel it if that is so.\n\nUser: {}\nRequest: {}\nState: {}\n",
        held.user.name,
        request.id,
        request.state.as_str(),
    );
    let text = Text { subject: "A request is disputed".to_owned(), body };
    sealed(world, held.user.id, officers, Letter { kind: LetterKind::Disputed, request: Some(request.id), text }).map(Some)
}

/// The letter with the code of the second step of signing in.
pub fn sign_in_letter(world: &World, held: &Holdings, code: &str, until: Timestamp) -> Result<Write, Failure> {
    let body = format!(
        "somebody signs in at the portal with your password. If it is you, enter this code there before {until}:\n\n    {code}\n\n\
         Nobody of the help desk ever asks you for it. If it is not you, somebody knows your password: set another one.",
    );
    let text = Text { subject: "Your code for signing in".to_owned(), body: greeted(held, &body, world) };
    sealed(world, held.user.id, &held.user.email, Letter { kind: LetterKind::SignInCode, request: None, text })
}

fn sealed(world: &World, user: UserId, recipient: &str, letter: Letter) -> Result<Write, Failure> {
    let id = world.fresh_id();
    let text = serde_json::to_vec(&letter.text).map_err(|error| Failure::Unavailable(error.into()))?;
    let sealed = world.master.seal(world.entropy.as_ref(), &sealing_label(id), &text)?;
    let (kind, recipient) = (letter.kind.as_str(), recipient.to_owned());
    Ok(Write::Letter(NewLetter { id, kind, user, request: letter.request, recipient, at: world.now(), sealed }))
}

/// Binds a sealed letter to its row.
pub fn sealing_label(letter: uuid::Uuid) -> String {
    format!("letter:{letter}")
}

/// Whether anybody must hear of a change: most steps of a session are nobody's news.
fn is_news(before: &Holdings, change: &Change) -> bool {
    match change {
        Change::RequestOpened(_) | Change::DeviceIssued { .. } => true,
        Change::RequestMoved { to: RequestState::Rejected { .. } | RequestState::Canceled { .. }, .. } => true,
        Change::RequestMoved { request, to: RequestState::Approved } => {
            before.requests.get(request).is_some_and(|request| request.state == RequestState::AwaitingApproval)
        }
        Change::DeviceTerminated { device, .. } => before.devices.get(device).is_some_and(Device::is_in_use),
        Change::HoldPlaced { hold, .. } | Change::HoldLifted { hold } => match hold.cause {
            Cause::HelpDeskDevice(_) | Cause::HelpDeskCredential(_) => true,
            Cause::Replacement(_) => matches!(hold.on, Held::Device(_)),
        },
        _ => false,
    }
}

/// An act, as its letters are read off it.
struct Act<'a> {
    before: &'a Holdings,
    after: &'a Holdings,
    changes: &'a [&'a Change],
}

impl Act<'_> {
    /// One notice that says it all, and one letter for each device that waits for an update: that asks for something.
    fn to_the_user(&self, world: &World) -> Vec<Letter> {
        let notice = self.notice().map(|(kind, request, subject, lines)| {
            let lines: Vec<String> = lines.into_iter().chain(self.how_devices_stand()).collect();
            let text = Text { subject: subject.to_owned(), body: greeted(self.before, &lines.join("\n"), world) };
            Letter { kind, request, text }
        });
        let updates = self.opened().filter_map(|request| match request.purpose {
            Purpose::Update { device } => {
                let body = format!(
                    "the encryption key that {} shares was replaced.\n\nOpen its app once and let it sync, so that it can read new mail.",
                    self.name(device)
                );
                let text = Text { subject: "A device waits for its update".to_owned(), body: greeted(self.before, &body, world) };
                Some(Letter { kind: LetterKind::UpdateWaiting, request: Some(request.id), text })
            }
            Purpose::Initial { .. } | Purpose::Replacement { .. } => None,
        });
        notice.into_iter().chain(updates).collect()
    }

    fn to_the_officers(&self) -> Option<Letter> {
        let request = self.opened().find(|request| request.state == RequestState::AwaitingApproval)?;
        let body = format!(
            "A request awaits the approval of a validation officer.\n\nRequest: {}\nUser: {}\nKind: {}\nPurpose: {}\n",
            request.id,
            self.before.user.name,
            request.kind,
            request.purpose_word()
        );
        let text = Text { subject: "A request awaits approval".to_owned(), body };
        Some(Letter { kind: LetterKind::ApprovalNeeded, request: Some(request.id), text })
    }

    /// The most important thing that happened, and what to say of it.
    fn notice(&self) -> Option<(LetterKind, Option<RequestId>, &'static str, Vec<String>)> {
        self.issued().or_else(|| self.request_news()).or_else(|| self.ended()).or_else(|| self.held())
    }

    fn issued(&self) -> Option<(LetterKind, Option<RequestId>, &'static str, Vec<String>)> {
        self.changes.iter().find_map(|change| match change {
            Change::DeviceIssued { device, stand_in, .. } => {
                let mut lines = vec![format!("{} was issued to you and is active.", self.name(*device))];
                lines.extend(stand_in.map(|mark| format!("It is temporary and ends at {}.", mark.until)));
                Some((LetterKind::Issued, None, "A device was issued to you", lines))
            }
            _ => None,
        })
    }

    fn request_news(&self) -> Option<(LetterKind, Option<RequestId>, &'static str, Vec<String>)> {
        let submitted = self.opened().find_map(|request| {
            let (reason, line) = request.replacement()?;
            let lines = vec![
                format!("{} was reported {reason}. It is invalid from now on, and what it carries is suspended.", self.name(line.target)),
                match request.state {
                    RequestState::AwaitingApproval => "The replacement waits for the approval of an officer.".to_owned(),
                    _ => "Its replacement can be issued.".to_owned(),
                },
            ];
            Some((LetterKind::Suspended, Some(request.id), "A device of yours was reported", lines))
        });
        submitted.or_else(|| self.changes.iter().find_map(|change| self.request_closed(change)))
    }

    fn request_closed(&self, change: &Change) -> Option<(LetterKind, Option<RequestId>, &'static str, Vec<String>)> {
        let Change::RequestMoved { request, to } = change else { return None };
        let about = self.before.requests.get(request).filter(|request| request.mode().is_some())?;
        let what = self.about(about);
        let (kind, subject, line) = match to {
            RequestState::Approved if about.state == RequestState::AwaitingApproval => {
                (LetterKind::Approved, "A request was approved", format!("{what} was approved."))
            }
            RequestState::Rejected { .. } => {
                (LetterKind::Rejected, "A request was rejected", format!("{what} was rejected. What it had suspended is restored."))
            }
            RequestState::Canceled { .. } => {
                (LetterKind::Canceled, "A request was canceled", format!("{what} was canceled. What it had suspended is restored."))
            }
            _ => return None,
        };
        Some((kind, Some(*request), subject, vec![line]))
    }

    fn ended(&self) -> Option<(LetterKind, Option<RequestId>, &'static str, Vec<String>)> {
        let ended: Vec<String> = self
            .changes
            .iter()
            .filter_map(|change| match change {
                Change::DeviceTerminated { device, reason, .. } => {
                    Some(format!("{} was terminated: {reason}. It can never be used again.", self.name(*device)))
                }
                _ => None,
            })
            .collect();
        (!ended.is_empty()).then_some((LetterKind::Ended, None, "A device of yours was terminated", ended))
    }

    fn held(&self) -> Option<(LetterKind, Option<RequestId>, &'static str, Vec<String>)> {
        self.changes.iter().find_map(|change| match change {
            Change::HoldPlaced { hold, .. } => {
                let line = format!("The help desk suspended {}.", self.held_thing(hold.cause)?);
                Some((LetterKind::Held, None, "The help desk suspended something of yours", vec![line]))
            }
            Change::HoldLifted { hold } => {
                let thing = match (hold.cause, hold.on) {
                    (Cause::Replacement(_), Held::Device(device)) => self.name(device),
                    (cause, _) => self.held_thing(cause)?,
                };
                Some((LetterKind::Released, None, "Something of yours is restored", vec![format!("The help desk restored {thing}.")]))
            }
            _ => None,
        })
    }

    fn held_thing(&self, cause: Cause) -> Option<String> {
        match cause {
            Cause::HelpDeskDevice(device) => Some(self.name(device)),
            Cause::HelpDeskCredential(credential) => {
                let credential = self.before.credentials.get(&credential)?;
                Some(format!("your {} credential {}", credential.slot, credential.serial))
            }
            Cause::Replacement(_) => None,
        }
    }

    fn opened(&self) -> impl Iterator<Item = &Request> {
        self.changes.iter().filter_map(|change| if let Change::RequestOpened(request) = change { Some(request) } else { None })
    }

    fn about(&self, request: &Request) -> String {
        match request.replacement() {
            Some((_, line)) => format!("The replacement of {}", self.name(line.target)),
            None => format!("The issuance of a {}", request.kind),
        }
    }

    fn name(&self, device: DeviceId) -> String {
        let device = self.after.devices.get(&device).or_else(|| self.before.devices.get(&device));
        device
            .map_or_else(|| "a device".to_owned(), |device| format!("{:?} ({}, serial number {})", device.name, device.kind, device.serial))
    }

    /// What the user has from now on.
    fn how_devices_stand(&self) -> Vec<String> {
        let in_use = self.after.devices_in_use().map(|device| {
            let stands = match self.after.device_status(device) {
                DeviceStatus::Active => "works",
                DeviceStatus::Suspended => "is suspended by the help desk",
                DeviceStatus::Invalid => "is invalid",
                DeviceStatus::Available | DeviceStatus::Assigned | DeviceStatus::Terminated => "is not in use",
            };
            format!("- {} {stands}", self.name(device.id))
        });
        let lines: Vec<String> = in_use.collect();
        if lines.is_empty() { Vec::new() } else { ["".to_owned(), "Your devices now:".to_owned()].into_iter().chain(lines).collect() }
    }
}

/// The letter around what it tells: whom it greets, and what to do if it was somebody else.
fn greeted(held: &Holdings, told: &str, world: &World) -> String {
    let (name, help_desk) = (&held.user.name, &world.mail.help_desk);
    format!("Dear {name},\n\n{told}\n\nThis was not you, or you did not expect it? Tell the help desk at once: {help_desk}.\n")
}
