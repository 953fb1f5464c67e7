//! What must come of every act on every thing, written by hand from docs/lifecycle.md: not read off the product.
//!
//! A cell is `done`, or the code of the refusal; after a slash, the words in which the state found is told where they are not the state
//! itself. Everybody whose role is not that of the act gets `not-permitted` instead, whatever the thing is.

use mobile_sim::wire::Request;
use serde_json::{Value, json};

use super::scene::{PHONE, Scene, Thing};

/// Acts on a request. A new ticket is for somebody else in each mode: `invited by`.
const REQUESTS: &str = "
thing                | state             | invited by       | cancel             | approve     | reject      | bind                          | unbind      | invitations
awaiting             | awaiting-approval | issuance-officer | done               | done        | done        | not-approved                  | wrong-state | not-approved
local                | approved          | issuance-officer | done               | wrong-state | wrong-state | done                          | wrong-state | done
remote               | approved          | help-desk        | done               | wrong-state | wrong-state | wrong-state/mobile-smart-card | wrong-state | done
tablet's             | approved          | the user         | done               | wrong-state | wrong-state | wrong-state/mobile-app        | wrong-state | not-permitted
for the portal       | approved          | the user         | done               | wrong-state | wrong-state | done                          | wrong-state | not-permitted
by the user          | approved          | the user         | done               | wrong-state | wrong-state | done                          | wrong-state | not-permitted
bound                | bound             | issuance-officer | done               | wrong-state | wrong-state | wrong-state                   | done        | done
a replacement, bound | bound             | issuance-officer | done               | wrong-state | wrong-state | wrong-state                   | done        | done
card at work         | issuing           | issuance-officer | done               | wrong-state | wrong-state | wrong-state                   | wrong-state | done
phone at work        | issuing           | help-desk        | done               | wrong-state | wrong-state | wrong-state                   | wrong-state | done
issued               | issued            | issuance-officer | wrong-state        | wrong-state | wrong-state | wrong-state                   | wrong-state | wrong-state
rejected             | rejected          | issuance-officer | wrong-state        | wrong-state | wrong-state | wrong-state                   | wrong-state | wrong-state
canceled             | canceled          | issuance-officer | wrong-state        | wrong-state | wrong-state | wrong-state                   | wrong-state | wrong-state
update               | approved          | help-desk        | wrong-state/update | wrong-state | wrong-state | wrong-state/update            | wrong-state | wrong-state/update
nothing              | no such request   | both             | unknown            | unknown     | unknown     | unknown                       | unknown     | unknown
";

/// Acts on a device. `remote` submits in a mode that does not fit a card.
const DEVICES: &str = "
thing           | state          | submit          | forgotten       | remote          | suspend     | resume                    | terminate    | returned
available       | available      | not-replaceable | not-replaceable | not-replaceable | wrong-state | wrong-state               | wrong-state  | wrong-state
assigned        | assigned       | not-replaceable | not-replaceable | not-replaceable | wrong-state | wrong-state               | wrong-state  | wrong-state
enrolling       | assigned       | not-replaceable | not-replaceable | not-replaceable | wrong-state | wrong-state               | wrong-state  | wrong-state
active          | active         | done            | done            | wrong-mode      | done        | wrong-state/not suspended | done         | wrong-state
suspended       | suspended      | done            | done            | wrong-mode      | wrong-state | done                      | done         | wrong-state
lost            | invalid        | open-request    | open-request    | wrong-mode      | done        | wrong-state/not suspended | done         | wrong-state
forgotten       | invalid        | open-request    | open-request    | wrong-mode      | done        | wrong-state/not suspended | open-request | wrong-state
terminated      | terminated     | not-replaceable | not-replaceable | not-replaceable | wrong-state | wrong-state               | wrong-state  | wrong-state
stand-in        | active         | done            | stand-in        | wrong-mode      | done        | wrong-state/not suspended | done         | wrong-state
original        | invalid        | done            | stand-in        | wrong-mode      | done        | wrong-state/not suspended | done         | wrong-state/stand-in is in use
lapsed original | invalid        | done            | stand-in        | wrong-mode      | done        | wrong-state/not suspended | done         | done
lapsed stand-in | terminated     | not-replaceable | not-replaceable | not-replaceable | wrong-state | wrong-state               | wrong-state  | wrong-state
nothing         | no such device | unknown         | unknown         | unknown         | unknown     | unknown                   | unknown      | unknown
";

/// Acts on a single credential.
const CREDENTIALS: &str = "
thing                 | state              | suspend                | resume
reserved              | reserved           | wrong-state/not issued | wrong-state/not issued
signed                | signed             | wrong-state/not issued | wrong-state/not issued
active                | active             | done                   | wrong-state/not suspended
suspended             | suspended          | wrong-state            | done
of a suspended device | suspended          | done                   | wrong-state/not suspended
of a lost device      | suspended          | done                   | wrong-state/not suspended
revoked               | revoked            | wrong-state            | wrong-state
nothing               | no such credential | unknown                | unknown
";

/// Which of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Requests,
    Devices,
    Credentials,
}

/// One cell: an act on a thing, and what must come of it.
#[derive(Clone, Debug)]
pub struct Case {
    pub of: Of,
    pub thing: String,
    pub act: String,
    /// Who may.
    pub role: String,
    pub expected: Expected,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    Done,
    Refused { code: String, found: String },
}

/// Every cell, row by row.
pub fn rows() -> Vec<Vec<Case>> {
    let tables = [(Of::Requests, REQUESTS), (Of::Devices, DEVICES), (Of::Credentials, CREDENTIALS)];
    tables.into_iter().flat_map(|(of, table)| read(of, table)).collect()
}

fn read(of: Of, table: &str) -> Vec<Vec<Case>> {
    let mut lines = table.trim().lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let row = |cells: Vec<&str>| {
        assert_eq!(cells.len(), header.len(), "{cells:?}");
        let by = |column: &str| header.iter().position(|name| *name == column).map(|at| cells[at]);
        let (thing, state) = (cells[0].to_owned(), cells[1]);
        let acts = header.iter().zip(&cells).filter(|(act, _)| !["thing", "state", "invited by"].contains(act));
        let case = |(act, cell): (&&str, &&str)| Case {
            of,
            thing: thing.clone(),
            act: (*act).to_owned(),
            role: role_of(act, by("invited by")).to_owned(),
            expected: expected(cell, state),
        };
        acts.map(case).collect()
    };
    lines.map(row).collect()
}

fn expected(cell: &str, state: &str) -> Expected {
    let (code, words) = cell.split_once('/').unwrap_or((cell, ""));
    let found = match code {
        "done" => return Expected::Done,
        _ if !words.is_empty() => words,
        "open-request" => "open",
        "wrong-mode" => "remote",
        "stand-in" => "stand-in",
        "not-permitted" => "",
        _ => state,
    };
    Expected::Refused { code: code.to_owned(), found: found.to_owned() }
}

/// lifecycle.md §5.
fn role_of<'a>(act: &str, invited_by: Option<&'a str>) -> &'a str {
    match act {
        "cancel" | "submit" | "forgotten" | "remote" | "suspend" | "resume" | "terminate" | "returned" => "help-desk",
        "approve" | "reject" => "validation-officer",
        "bind" | "unbind" => "issuance-officer",
        "invitations" => invited_by.unwrap(),
        other => panic!("no such act: {other}"),
    }
}

impl Case {
    pub fn name(&self) -> String {
        format!("{} {} ({:?})", self.act, self.thing, self.of)
    }

    /// Whether somebody of this role may do it; of nothing, a ticket may be asked for by both.
    pub fn may(&self, role: &str) -> bool {
        role == self.role || (self.role == "both" && ["help-desk", "issuance-officer"].contains(&role))
    }

    pub async fn make(&self, scene: &Scene<'_>) -> Thing {
        match self.of {
            Of::Requests => scene.request(&self.thing).await,
            Of::Devices => scene.device(&self.thing).await,
            Of::Credentials => scene.credential(&self.thing).await,
        }
    }

    /// The act, as the audit log calls it.
    pub fn on_record(&self) -> &str {
        match self.act.as_str() {
            "forgotten" | "remote" => "submit",
            "invitations" => "invite",
            act => act,
        }
    }

    /// The path and body of the call.
    pub fn call(&self, thing: &Thing) -> (String, Option<Value>) {
        let id = thing.id.to_string();
        let mode = if thing.kind == PHONE || self.act == "remote" { "remote" } else { "local" };
        let reason = if self.act == "forgotten" { "forgotten" } else { "lost" };
        let body = match self.act.as_str() {
            "submit" | "forgotten" | "remote" => Some(json!({ "target": id, "reason": reason, "mode": mode })),
            "terminate" => Some(json!({ "reason": "retired" })),
            "reject" => Some(json!({ "because": "not seen in person" })),
            "bind" | "unbind" => Some(json!({ "device": thing.card.to_string() })),
            _ => None,
        };
        let place = match self.of {
            Of::Requests => "requests",
            Of::Devices => "devices",
            Of::Credentials => "credentials",
        };
        let is_submitted = ["submit", "forgotten", "remote"].contains(&self.act.as_str());
        let path = if is_submitted { "/api/replacements".to_owned() } else { format!("/api/{place}/{id}/{}", self.act) };
        (path, body)
    }
}

pub fn post(path: &str, body: Option<&Value>) -> Request {
    match body {
        Some(body) => Request::post(path).with_json(body).unwrap(),
        None => Request::post(path),
    }
}
