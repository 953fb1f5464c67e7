//! What is published against what is on record: OCSP of every certificate, and the CRL as a whole.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Bytes, Published, Report};
use jiff::Timestamp;

use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::holdings::{Holdings, Standing};
use crate::lifecycle::ids::{Serial, UserId};
use crate::pki::crl::Shard;
use crate::pki::ocsp::MAX_CERTIFICATES;
use crate::pki::published::{PublishedCrl, Said, ask, read_answer, read_crl};
use crate::store::certificate::ServiceCertificate;
use crate::store::crl::service_standing;
use crate::workflows::answer_status::answer_status;
use crate::workflows::failure::{Failure, broken};
use crate::workflows::publish_crl::latest_crl;
use crate::workflows::publish_shard::shard_crl;
use crate::workflows::world::World;

/// How often the CRL is looked at again, and after how long, where it differs: it follows a change within a second.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// What is published, as the status listener of this process serves it, or would.
pub struct InProcess<'w> {
    world: &'w World,
    is_serving: bool,
}

impl<'w> InProcess<'w> {
    /// In a server.
    pub fn serving(world: &'w World) -> Self {
        Self { world, is_serving: true }
    }

    /// Where nobody serves.
    pub fn alone(world: &'w World) -> Self {
        Self { world, is_serving: false }
    }
}

impl Published for InProcess<'_> {
    fn crl(&self) -> Bytes<'_> {
        Box::pin(async {
            let latest = latest_crl(self.world).await.map_err(|failure| failure.to_string())?;
            latest.map(|crl| crl.der).ok_or_else(|| "no CRL has been published".to_owned())
        })
    }

    fn delta_crl(&self) -> Bytes<'_> {
        Box::pin(async {
            let latest = latest_crl(self.world).await.map_err(|failure| failure.to_string())?;
            latest.and_then(|crl| crl.delta).ok_or_else(|| "no delta CRL has been published".to_owned())
        })
    }

    fn shard_crl(&self, shard: Shard) -> Bytes<'_> {
        Box::pin(async move {
            let list = shard_crl(self.world, shard).await.map_err(|failure| failure.to_string())?;
            list.map(|list| list.to_vec()).ok_or_else(|| "no CRL has been published".to_owned())
        })
    }

    fn ocsp<'a>(&'a self, question: &'a [u8]) -> Bytes<'a> {
        Box::pin(async move { Ok(answer_status(self.world, question).await.der) })
    }

    fn follows(&self) -> bool {
        self.is_serving
    }
}

/// What is to be said of a certificate that stands so.
fn said_of(standing: Standing) -> Said {
    match standing {
        Standing::Good => Said::Good,
        Standing::OnHold { since } => Said::NotGood { since: since.as_second(), reason: 6 },
        Standing::Revoked { at, reason } => Said::NotGood { since: at.as_second(), reason: code(reason) },
    }
}

/// RFC 5280 §5.3.1.
fn code(reason: RevocationReason) -> u8 {
    match reason {
        RevocationReason::KeyCompromise => 1,
        RevocationReason::Superseded => 4,
        RevocationReason::CessationOfOperation => 5,
    }
}

fn expected_of(held: &Holdings) -> BTreeMap<Serial, Said> {
    held.credentials.values().map(|credential| (credential.serial, said_of(held.standing(credential)))).collect()
}

/// OCSP of everything that a user holds. What differs is looked at again together with the record, in case it changed in between.
pub async fn check_user(
    world: &World,
    published: &dyn Published,
    user: UserId,
    held: &Holdings,
    report: &mut Report,
) -> Result<(), Failure> {
    let expected = expected_of(held);
    report.certificates += expected.len() as u64;
    let mut differing = differences(world, published, &expected).await?;
    for _ in 0..LOOKS {
        if differing.is_empty() {
            return Ok(());
        }
        let Some(again) = world.store.holdings_on_file(user).await? else { return Ok(()) };
        let expected: BTreeMap<Serial, Said> =
            expected_of(&again.holdings).into_iter().filter(|(serial, _)| differing.iter().any(|(other, _)| other == serial)).collect();
        differing = differences(world, published, &expected).await?;
    }
    for (serial, what) in differing {
        report.diverges(format!("invariant 12: user {user}: OCSP of {serial}: {what}"));
    }
    Ok(())
}

/// OCSP of the certificates that are nobody's credential.
pub async fn check_services(
    world: &World,
    published: &dyn Published,
    services: &[ServiceCertificate],
    report: &mut Report,
) -> Result<(), Failure> {
    let expected: BTreeMap<Serial, Said> =
        services.iter().map(|service| (service.serial, said_of(service_standing(service.revoked)))).collect();
    report.certificates += expected.len() as u64;
    for (serial, what) in differences(world, published, &expected).await? {
        report.diverges(format!("invariant 12: service certificate {serial}: OCSP: {what}"));
    }
    Ok(())
}

/// The serials of which OCSP says something else than is expected, and what.
async fn differences(
    world: &World,
    published: &dyn Published,
    expected: &BTreeMap<Serial, Said>,
) -> Result<Vec<(Serial, String)>, Failure> {
    let issuer = world.authority.issuing_certificate();
    let serials: Vec<Serial> = expected.keys().copied().collect();
    let mut differing = Vec::new();
    for asked in serials.chunks(MAX_CERTIFICATES) {
        let question = ask(issuer, asked).map_err(|_| broken("a certificate of the issuing CA"))?;
        let answer = published.ocsp(&question).await.and_then(|der| read_answer(&der, issuer).map_err(|fault| fault.to_string()));
        match answer {
            Err(fault) => differing.extend(asked.iter().map(|serial| (*serial, format!("the answer: {fault}")))),
            Ok(answer) => differing.extend(asked.iter().filter_map(|serial| {
                let (found, expected) = (answer.get(serial), expected.get(serial));
                (!agrees(found, expected, world.now()))
                    .then(|| (*serial, format!("found: {}, expected: {}", words(found), words(expected))))
            })),
        }
    }
    Ok(differing)
}

/// Whether what is said is what is to be said. Of what is on record for the future, as a clock was set back, it is not said since when.
fn agrees(found: Option<&Said>, expected: Option<&Said>, now: Timestamp) -> bool {
    match (found, expected) {
        (Some(Said::NotGood { reason: found, .. }), Some(Said::NotGood { since, reason })) if *since > now.as_second() => found == reason,
        _ => found == expected,
    }
}

fn words(said: Option<&Said>) -> String {
    match said {
        None => "nothing".to_owned(),
        Some(Said::Good) => "good".to_owned(),
        Some(Said::Unknown) => "unknown".to_owned(),
        Some(Said::NotGood { since, reason: 6 }) => format!("on hold since {since}"),
        Some(Said::NotGood { since, reason }) => format!("revoked since {since}, reason {reason}"),
    }
}

/// The CRL: every certificate that is not good, and no other. A difference counts if it was there at every
/// look: where something happens all the time, the list is always a moment behind, each time by something else.
pub async fn check_crl(world: &World, published: &dyn Published, report: &mut Report) -> Result<(), Failure> {
    let mut faults: Option<Vec<String>> = None;
    if latest_crl(world).await?.is_none() && world.store.not_good(world.now()).await?.is_empty() {
        return Ok(()); // it was never served, and there is nothing to say
    }
    for look in 0..if published.follows() { LOOKS } else { 1 } {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let issuer = world.authority.issuing_certificate();
        let read = |fetched: Result<Vec<u8>, String>| fetched.and_then(|der| read_crl(&der, issuer).map_err(|fault| fault.to_string()));
        let found = match read(published.crl().await) {
            Err(fault) => vec![fault],
            Ok(crl) => {
                report.crl_number = crl.number;
                let mut faults = faulty_crl(world, &crl).await?;
                match read(published.delta_crl().await) {
                    Err(fault) => faults.push(format!("the delta: {fault}")),
                    Ok(delta) => faults.extend(faulty_delta(&crl, &delta)),
                }
                for shard in world.authority.shards().all() {
                    match read(published.shard_crl(shard).await) {
                        Err(fault) => faults.push(format!("{shard}: {fault}")),
                        Ok(list) => faults.extend(faulty_shard(&crl, shard, &list)),
                    }
                }
                faults
            }
        };
        if still_there(&mut faults, found).is_empty() {
            return Ok(());
        }
    }
    for fault in faults.unwrap_or_default() {
        report.diverges(format!("invariant 12: the CRL: {fault}"));
    }
    Ok(())
}

/// What was there at every look so far.
fn still_there(faults: &mut Option<Vec<String>>, found: Vec<String>) -> &[String] {
    match faults {
        Some(faults) => faults.retain(|fault| found.contains(fault)),
        None => *faults = Some(found),
    }
    faults.as_deref().unwrap_or_default()
}

async fn faulty_crl(world: &World, crl: &PublishedCrl) -> Result<Vec<String>, Failure> {
    let now = world.now();
    let mut faults = Vec::new();
    if crl.next_update <= now {
        faults.push(format!("number {} expired at {}", crl.number, crl.next_update));
    }
    let on_record = world.store.not_good(now).await?;
    let expected: BTreeMap<Serial, Said> = on_record.into_iter().map(|listed| (listed.serial, said_of(listed.standing))).collect();
    for (serial, said) in &expected {
        if !agrees(crl.listed.get(serial), Some(said), now) {
            faults.push(format!("{serial}: found: {}, expected: {}", words(crl.listed.get(serial)), words(Some(said))));
        }
    }
    for serial in crl.listed.keys().filter(|serial| !expected.contains_key(serial)) {
        faults.push(format!("{serial}: found: {}, expected: nothing", words(crl.listed.get(serial))));
    }
    Ok(faults)
}

/// A delta must say of each certificate what the full list of its number says, or that it is listed no longer.
fn faulty_delta(crl: &PublishedCrl, delta: &PublishedCrl) -> Vec<String> {
    let mut faults = Vec::new();
    if delta.number != crl.number {
        return vec![format!("the delta: found: number {}, expected: {}", delta.number, crl.number)];
    }
    if delta.base.is_none_or(|base| base > crl.number) {
        faults.push(format!(
            "the delta: found: base {}, expected: at most {}",
            delta.base.map_or("none".to_owned(), |base| base.to_string()),
            crl.number
        ));
    }
    for (serial, said) in &delta.listed {
        let expected = crl.listed.get(serial);
        let is_removed = matches!(said, Said::NotGood { reason: 8, .. });
        if !(is_removed && expected.is_none()) && expected != Some(said) {
            faults.push(format!("the delta: {serial}: found: {}, expected: {}", words(Some(said)), words(expected)));
        }
    }
    faults
}

/// A shard must say of each of its certificates what the full list of its number says, and nothing of others.
fn faulty_shard(crl: &PublishedCrl, shard: Shard, list: &PublishedCrl) -> Option<String> {
    if list.number != crl.number {
        return Some(format!("{shard}: found: number {}, expected: {}", list.number, crl.number));
    }
    let theirs = crl.listed.iter().filter(|(serial, _)| shard.holds(serial));
    (!theirs.eq(list.listed.iter())).then(|| format!("{shard}: found: other certificates than the full list has of it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_at_every_look_counts() {
        let mut faults = None;
        let looks = [&["a lags", "b is wrong"][..], &["b is wrong", "c lags"], &["d lags", "b is wrong"]];
        for look in looks {
            still_there(&mut faults, look.iter().map(|fault| (*fault).to_owned()).collect());
        }
        assert_eq!(faults.as_deref(), Some(&["b is wrong".to_owned()][..]));
        assert!(still_there(&mut faults, vec!["e lags".to_owned()]).is_empty());
    }
}
