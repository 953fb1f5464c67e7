//! The words of strangers, read by themselves, without a connection or a world behind them. For whoever tries what becomes of words that are
//! wrong (tests/bad_input/mutated, fuzz): each reads by the very functions that its listener reads by.

use std::str;

use super::body::json;
use super::desk::bodies::{InitialIssuanceBody, NewUserBody, ReplacementBody};
use super::desk::stock::NewStockBody;
pub use super::est::BasicCredentials;
pub use super::problem::Problem;
use super::provisioning::{ConfirmBody, OpenBody};
use crate::lifecycle::ids::{SessionId, UserId};
use crate::workflows::confirm_issuance::Confirm;
use crate::workflows::create_user::NewUser;
use crate::workflows::open_session::OpenSession;
use crate::workflows::request_initial_issuance::RequestInitialIssuance;
use crate::workflows::stock::NewStock;
use crate::workflows::submit_replacement::SubmitReplacement;

/// The body of M2, as if over a connection whose exporter is all zeros.
pub fn session_opening(body: &[u8]) -> Result<OpenSession, Problem> {
    json::<OpenBody>(body)?.message(Some([0; 32]), "192.0.2.1".to_owned())
}

/// The body of M6.
pub fn confirmation(body: &[u8], session: SessionId) -> Result<Confirm, Problem> {
    json::<ConfirmBody>(body)?.message(session)
}

/// The value of the header `Authorization` of M2′.
pub fn basic_credentials(header: &[u8]) -> Option<BasicCredentials> {
    BasicCredentials::read(str::from_utf8(header).ok()?)
}

/// What the desk asks: a new user.
pub fn new_user(body: &[u8]) -> Result<NewUser, Problem> {
    json::<NewUserBody>(body)?.parsed()
}

/// What the desk asks: a first device of a user.
pub fn initial_issuance(body: &[u8], user: UserId) -> Result<RequestInitialIssuance, Problem> {
    json::<InitialIssuanceBody>(body)?.errand(user)
}

/// What the desk and the portal ask: a replacement.
pub fn replacement(body: &[u8]) -> Result<SubmitReplacement, Problem> {
    json::<ReplacementBody>(body)?.errand()
}

/// What the desk asks: a device more in stock.
pub fn new_stock(body: &[u8]) -> Result<NewStock, Problem> {
    json::<NewStockBody>(body)?.parsed()
}
