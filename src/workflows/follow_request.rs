//! Following a request: whether what relying parties are told agrees already with what was decided, asked and verified as they do it.

use jiff::Timestamp;

use super::answer_status::answer_status;
use super::failure::{Failure, broken};
use super::publish_crl::latest_crl;
use super::world::World;
use crate::lifecycle::hold::{Cause, Held};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{RequestId, Serial};
use crate::pki::ocsp::MAX_CERTIFICATES;
use crate::pki::published::{Said, ask, read_answer, read_crl};

/// What is published of the credentials that a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// How many there are.
    pub credentials: usize,
    /// OCSP says of each that it is not good.
    pub by_ocsp: bool,
    /// The newest CRL lists each; since when it does so.
    pub by_crl: Option<(u64, Timestamp)>,
}

/// Asks what is published of every credential that a request holds; nothing where it holds none.
pub async fn heard(world: &World, held: &Holdings, request: RequestId) -> Result<Option<Heard>, Failure> {
    let serials: Vec<Serial> = held
        .holds
        .of(Cause::Replacement(request))
        .filter_map(|hold| match hold.on {
            Held::Credential(credential) => held.credentials.get(&credential).map(|credential| credential.serial),
            Held::Device(_) => None,
        })
        .collect();
    if serials.is_empty() {
        return Ok(None);
    }
    let heard = Heard { credentials: serials.len(), by_ocsp: by_ocsp(world, &serials).await?, by_crl: by_crl(world, &serials).await? };
    Ok(Some(heard))
}

async fn by_ocsp(world: &World, serials: &[Serial]) -> Result<bool, Failure> {
    let issuer = world.authority.issuing_certificate();
    for asked in serials.chunks(MAX_CERTIFICATES) {
        let question = ask(issuer, asked).map_err(|_| broken("a certificate of the issuing CA"))?;
        let Ok(answer) = read_answer(&answer_status(world, &question).await.der, issuer) else { return Ok(false) };
        if !asked.iter().all(|serial| matches!(answer.get(serial), Some(Said::NotGood { .. }))) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn by_crl(world: &World, serials: &[Serial]) -> Result<Option<(u64, Timestamp)>, Failure> {
    let Some(latest) = latest_crl(world).await? else { return Ok(None) };
    let Ok(crl) = read_crl(&latest.der, world.authority.issuing_certificate()) else { return Ok(None) };
    let lists_all = serials.iter().all(|serial| crl.listed.contains_key(serial));
    Ok(lists_all.then_some((crl.number, latest.this_update)))
}
