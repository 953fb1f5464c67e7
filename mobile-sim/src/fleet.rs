//! Many phones at once, to measure a server: each with its own TLS connections, session, keys, certificates and confirmation.
//!
//! Users and invitations are prepared through the desk API before the clock starts. What is timed is everything that a phone does,
//! the making of its keys included. The phones forget everything: disks are not what is measured. The desk's connections are closed
//! before the phones begin, and a phone holds two connections at most, so that open files do not limit what can be measured.
//!
//! So many at a time, each as soon as another one is done, measure what a server can do; so many a second, whatever it does, measure what
//! becomes of those who come: their time counts from when they came.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};

use crate::alarm::Losable;
use crate::certificate::Certificate;
use crate::device::{DeviceFacts, DeviceKind};
use crate::error::PhoneError;
use crate::identity::Identity;
use crate::invitation::Invitation;
use crate::message::Faults;
use crate::phone::{Outcome, Phone, new_opening};
use crate::session::{self, Introduction};
use crate::state::Opening;
use crate::station::holder::Holder;
use crate::stopwatch::Stopwatch;
use crate::trust::{self, Server};
use crate::wire::{Client, Connection, Reply, Request, WireError};

/// What to run.
pub struct Fleet {
    /// `host:port` of the desk listener.
    pub desk: String,
    pub operator: Identity,
    /// What the desk's certificate must chain to, PEM.
    pub roots_pem: String,
    pub phones: usize,
    pub pace: Pace,
}

/// When the next phone begins.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// When one of so many is done.
    AtATime(usize),
    /// So many a second, evenly. Who is turned away comes again when told to, so many times.
    PerSecond { rate: f64, retries: usize },
}

/// Phones that have their invitations, and nothing more.
pub struct Prepared {
    recruits: Vec<Recruit>,
    /// How long the desk took for the users and their invitations.
    pub took: Duration,
}

impl Prepared {
    pub fn len(&self) -> usize {
        self.recruits.len()
    }

    pub fn is_empty(&self) -> bool {
        self.recruits.is_empty()
    }
}

/// What came of the issuances.
#[derive(Debug, Default)]
pub struct Report {
    pub issuing: Duration,
    /// How long each whole issuance took, shortest first.
    pub latencies: Vec<Duration>,
    /// How long each message took that was answered well, shortest first; the connection is open before.
    pub messages: BTreeMap<String, Vec<Duration>>,
    /// What was issued, for those who go on to lose it.
    pub issued: Vec<Losable>,
    /// The chain that the phones were shown.
    pub authorities: Vec<Certificate>,
    /// How often a phone was told to come again later.
    pub turned_away: usize,
    /// How many were done in each tenth of the time.
    pub in_each_tenth: [usize; 10],
    /// How often each failure occurred.
    pub failures: BTreeMap<String, usize>,
}

impl Report {
    pub fn issued_per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.issuing.as_secs_f64().max(f64::EPSILON)
    }

    /// The latency that the given share of issuances did not exceed, in milliseconds (nearest rank).
    pub fn percentile_ms(&self, share: f64) -> f64 {
        percentile_ms(&self.latencies, share)
    }
}

/// The duration that the given share of `sorted` did not exceed, in milliseconds (nearest rank).
pub fn percentile_ms(sorted: &[Duration], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
}

/// Why a fleet could not start.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error("desk: {0}")]
    Wire(#[from] WireError),
    #[error("desk: refused: status {status}: {body}")]
    Refused { status: u16, body: String },
    #[error("desk: {0}")]
    Invitation(#[from] crate::invitation::InvitationError),
    #[error("a worker ended before its work")]
    Worker,
}

/// A phone about to be issued.
struct Recruit {
    invitation: Invitation,
    code: Option<String>,
    device: DeviceFacts,
}

impl Fleet {
    /// Makes a user and an invitation for every phone.
    pub async fn prepare(&self) -> Result<Prepared, FleetError> {
        let started = Instant::now();
        let recruits = self.recruit_all().await?;
        Ok(Prepared { recruits, took: started.elapsed() })
    }

    /// Issues every phone. Invitations can be used once, and so can what was prepared.
    pub async fn issue(&self, prepared: Prepared) -> Result<Report, FleetError> {
        let (started, stopwatch) = (Instant::now(), Arc::new(Stopwatch::default()));
        let results = match self.pace {
            Pace::AtATime(concurrency) => {
                let watched = Arc::clone(&stopwatch);
                in_parallel(prepared.recruits, concurrency, move |recruit| issue(recruit, 0, watched.on_a_phone())).await?
            }
            Pace::PerSecond { rate, retries } => {
                in_turn(prepared.recruits, rate, |recruit| issue(recruit, retries, stopwatch.on_a_phone())).await?
            }
        };
        let mut report = Report { issuing: started.elapsed(), messages: stopwatch.take(), ..Report::default() };
        for Issuance { ended_at, took, turned_away, outcome } in results {
            report.turned_away += turned_away;
            match outcome {
                Ok(phone) => {
                    report.latencies.push(took);
                    let tenth = (ended_at - started).as_secs_f64() / report.issuing.as_secs_f64() * 10.0;
                    report.in_each_tenth[(tenth as usize).min(9)] += 1;
                    let card = phone.card();
                    if let (Some(auth), Some(standing)) = (card.certificate("auth"), &card.standing) {
                        report.issued.push(Losable { device: standing.device.clone(), auth: auth.clone() });
                    }
                    report.authorities = card.authorities;
                }
                Err(failure) => *report.failures.entry(failure).or_default() += 1,
            }
        }
        report.latencies.sort_unstable();
        Ok(report)
    }

    /// Opens the session of every phone, and goes no further. What each gives ends with its connection, which is kept.
    pub async fn hold(&self, prepared: Prepared) -> Result<Vec<Result<JoinHandle<()>, PhoneError>>, FleetError> {
        in_parallel(prepared.recruits, self.desks(), |recruit| async move { open(&recruit).await }).await
    }

    async fn recruit_all(&self) -> Result<Vec<Recruit>, FleetError> {
        let mut mark = [0; 4];
        aws_lc_rs::rand::fill(&mut mark).map_err(|_| FleetError::Worker)?;
        let mark = crate::encoding::hex(&mark).to_lowercase();
        let mut desks = Vec::new();
        for _ in 0..self.desks() {
            desks.push(Arc::new(Client::new(&self.desk, &self.roots_pem, Some(self.operator.clone()))?));
        }
        let turns = desks.iter().cycle().take(self.phones).enumerate();
        let turns = turns.map(|(number, desk)| (desk.clone(), format!("{mark}-{number:05}"))).collect();
        let recruited = in_parallel(turns, self.desks(), |(desk, name)| async move { recruit(&desk, &name).await });
        recruited.await?.into_iter().collect()
    }
}

impl Fleet {
    /// How many operators prepare at a time.
    fn desks(&self) -> usize {
        match self.pace {
            Pace::AtATime(concurrency) => concurrency.max(1),
            Pace::PerSecond { .. } => 16,
        }
    }
}

#[derive(Deserialize)]
struct User {
    id: String,
}

#[derive(Deserialize)]
struct Requested {
    invitation: Invited,
}

#[derive(Deserialize)]
struct Invited {
    uri: String,
    code: Option<String>,
}

async fn recruit(desk: &Client, name: &str) -> Result<Recruit, FleetError> {
    let user = json!({ "name": format!("Fleet {name}"), "email": format!("fleet-{name}@example.org"), "upn": format!("fleet-{name}@example.org") });
    let user: User = created(desk.post_json("/api/users", &user).await?)?;
    let path = format!("/api/users/{}/initial-issuances", user.id);
    let requested: Requested = created(desk.post_json(&path, &json!({ "kind": "mobile-smart-card", "mode": "remote" })).await?)?;
    let device = DeviceFacts {
        kind: DeviceKind::MobileSmartCard,
        model: "Simulated phone".to_owned(),
        serial: format!("FLEET-{name}"),
        name: format!("Fleet phone {name}"),
    };
    Ok(Recruit { invitation: requested.invitation.uri.parse()?, code: requested.invitation.code, device })
}

pub(crate) fn created<T: serde::de::DeserializeOwned>(reply: Reply) -> Result<T, FleetError> {
    if reply.status == 201 {
        Ok(reply.json()?)
    } else {
        Err(FleetError::Refused { status: reply.status, body: crate::error::presentable(&reply.text()) })
    }
}

/// How long a phone waits that got no answer, the first time; then longer each time.
const UNTOLD: Duration = Duration::from_secs(2);

/// What became of one phone.
struct Issuance {
    ended_at: Instant,
    took: Duration,
    turned_away: usize,
    outcome: Result<Phone, String>,
}

async fn issue(recruit: Recruit, retries: usize, faults: Faults) -> Issuance {
    let started = Instant::now();
    let mut phone = Phone::in_memory();
    let mut turned_away = 0;
    let outcome = loop {
        match phone.issue(&recruit.invitation, recruit.code.as_deref(), &recruit.device, &faults).await {
            Ok(Outcome::Issued) => break Ok(phone),
            Ok(Outcome::AlreadyIssued | Outcome::Signed) => break Err("not issued".to_owned()),
            Err(error) if error.is_transient() && turned_away < retries => {
                turned_away += 1;
                tokio::time::sleep(error.wait().unwrap_or(UNTOLD * turned_away.min(15) as u32)).await;
            }
            Err(error) => break Err(error.to_string()),
        }
    };
    Issuance { ended_at: Instant::now(), took: started.elapsed(), turned_away, outcome }
}

/// How often a phone that only keeps its connection asks something. The server closes one that is silent for 15 seconds.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// M1 and M2; then the phone asks for the chain again and again, on the same connection, until that ends.
async fn open(recruit: &Recruit) -> Result<JoinHandle<()>, PhoneError> {
    let Recruit { invitation, code, device } = recruit;
    let faults = Faults::default();
    let (mut connection, chain) = trust::meet(&invitation.authority, &invitation.pin, &faults).await?;
    let authority = invitation.authority.clone();
    let opening = Opening { chain: Some(chain.clone()), ..new_opening(invitation)? };
    let who = Introduction { invitation, code: code.as_deref(), device };
    session::open(&mut connection, &opening, Server { authority, chain }, &who, &Holder::Own, &faults).await?;
    Ok(tokio::spawn(stay(connection)))
}

async fn stay(mut connection: Connection) {
    loop {
        tokio::time::sleep(SIGN_OF_LIFE).await;
        match connection.send(Request::get("/.well-known/est/cacerts")).await {
            Ok(reply) if reply.status == 200 => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// Does `work` on so many items a second, however many are under way; the results are in no order.
async fn in_turn<T, R, F>(items: Vec<T>, per_second: f64, work: impl Fn(T) -> F) -> Result<Vec<R>, FleetError>
where
    R: Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    let mut at_work = JoinSet::new();
    let started = tokio::time::Instant::now();
    for (number, item) in items.into_iter().enumerate() {
        tokio::time::sleep_until(started + Duration::from_secs_f64(number as f64 / per_second)).await;
        at_work.spawn(work(item));
    }
    let mut results = Vec::with_capacity(at_work.len());
    while let Some(done) = at_work.join_next().await {
        results.push(done.map_err(|_| FleetError::Worker)?);
    }
    Ok(results)
}

/// Does `work` on every item, `concurrency` of them at a time; the results are in no order.
async fn in_parallel<T, R, F>(
    items: Vec<T>,
    concurrency: usize,
    work: impl Fn(T) -> F + Send + Sync + 'static,
) -> Result<Vec<R>, FleetError>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Future<Output = R> + Send,
{
    let mut results = Vec::with_capacity(items.len());
    let (queue, work) = (Arc::new(Mutex::new(items.into_iter())), Arc::new(work));
    let mut workers = JoinSet::new();
    for _ in 0..concurrency.max(1) {
        let (queue, work) = (queue.clone(), work.clone());
        workers.spawn(async move {
            let mut done = Vec::new();
            while let Some(item) = next(&queue) {
                done.push(work(item).await);
            }
            done
        });
    }
    while let Some(done) = workers.join_next().await {
        results.extend(done.map_err(|_| FleetError::Worker)?);
    }
    Ok(results)
}

fn next<T>(queue: &Mutex<std::vec::IntoIter<T>>) -> Option<T> {
    queue.lock().ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_item_is_worked_on_once() {
        let mut doubled = in_parallel((0..100).collect(), 7, |n: i32| async move { n * 2 }).await.expect("done");
        doubled.sort_unstable();
        assert_eq!(doubled, (0..100).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let latencies = (1..=100).map(Duration::from_millis).collect();
        let issuing = Duration::from_secs(2);
        let report = Report { issuing, latencies, ..Report::default() };
        assert_eq!([0.5, 0.95, 0.99, 1.0].map(|share| report.percentile_ms(share)), [50.0, 95.0, 99.0, 100.0]);
        assert_eq!(report.issued_per_second(), 50.0);
    }
}
