//! `remint check`, and the check that a running server makes of itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::config::Config;
use super::jobs::{failed, stopped};
use super::{ServerError, house};
use crate::pki::crl::Shard;
use crate::workflows::check_house::{self, InProcess, Published, Report, check_house};
use crate::workflows::world::{LastCheck, World};

/// When a server checks itself first, and how often then.
const FIRST: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(3600);
/// How long an answer may take, and how long it may be: a CRL of a million entries.
const PATIENCE: Duration = Duration::from_secs(10);
const LIMIT: usize = 64 * 1024 * 1024;

/// What `remint check` found, and whether a running server was asked for what it serves.
pub struct Checked {
    pub report: Report,
    pub at: jiff::Timestamp,
    pub asked_server: bool,
}

/// Checks a data folder: against the running server if there is one, else against what this process would serve.
pub async fn check(data: &Path) -> Result<Checked, ServerError> {
    let config = Config::load(data)?;
    let world = house::open_to_write(data, &config).await?;
    let served = OverHttp { address: config.status.listen.clone() };
    let asked_server = is_served(&config).await;
    let at = world.now();
    let report = if asked_server { check_house(&world, &served).await? } else { check_house(&world, &InProcess::alone(&world)).await? };
    world.store.close().await;
    Ok(Checked { report, at, asked_server })
}

/// Whether a server of this configuration runs on this machine.
pub async fn is_served(config: &Config) -> bool {
    TcpStream::connect(&config.status.listen).await.is_ok()
}

/// What a world that nobody serves diverges in, first of all.
pub async fn first_divergence(world: &World) -> Result<Option<String>, ServerError> {
    Ok(check_house(world, &InProcess::alone(world)).await?.divergences.into_iter().next())
}

/// The report, for a person.
pub fn told(checked: &Checked) -> String {
    let served = match checked.asked_server {
        true => "what is published was asked of the running server",
        false => "no server runs: what is published was answered by this program itself",
    };
    format!("{served}\n{}", check_house::told(&checked.report, checked.at))
}

/// A server checks itself, and remembers what it found for its health page.
pub async fn check_at_intervals(world: Arc<World>, mut stop: watch::Receiver<bool>) {
    let _forgetting = Forgetting(Arc::clone(&world));
    let mut rest = FIRST;
    loop {
        tokio::select! {
            () = sleep(rest) => {}
            () = stopped(&mut stop) => return,
        }
        rest = EVERY;
        // It only reads: a stop need not wait for its end, which a large house takes minutes to reach.
        tokio::select! {
            () = check_once(&world) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// What a server found is not what it says for ever: another one checks now.
struct Forgetting(Arc<World>);

impl Drop for Forgetting {
    fn drop(&mut self) {
        self.0.forget_check();
    }
}

/// One check of the running server's own house.
pub async fn check_once(world: &World) {
    match check_house(world, &InProcess::serving(world)).await {
        Ok(report) => {
            for divergence in &report.divergences {
                tracing::error!(divergence, "the check found a divergence");
            }
            world.remember_check(LastCheck { at: world.now(), divergences: report.divergences.len() });
        }
        Err(failure) => {
            tracing::error!(failure = ?failure, "the check could not be made");
            failed("check-house");
        }
    }
}

/// What a server serves, asked as a relying party asks.
struct OverHttp {
    /// `host:port` of the status listener.
    address: String,
}

impl OverHttp {
    async fn fetch(&self, request: Request<Full<Bytes>>) -> Result<Vec<u8>, String> {
        let stream = TcpStream::connect(&self.address).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let driving = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LIMIT).collect().await.map_err(|error| error.to_string())?.to_bytes();
        driving.abort();
        if status.is_success() { Ok(body.to_vec()) } else { Err(format!("status {status}")) }
    }

    async fn list(&self, name: String) -> Result<Vec<u8>, String> {
        self.patiently(Request::get(format!("/crl/{name}")).header("host", &self.address).body(Full::default())).await
    }

    async fn patiently(&self, request: http::Result<Request<Full<Bytes>>>) -> Result<Vec<u8>, String> {
        let request = request.map_err(|error| error.to_string())?;
        timeout(PATIENCE, self.fetch(request)).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }
}

impl Published for OverHttp {
    fn crl(&self) -> check_house::Bytes<'_> {
        Box::pin(self.list("issuing.crl".to_owned()))
    }

    fn delta_crl(&self) -> check_house::Bytes<'_> {
        Box::pin(self.list("issuing-delta.crl".to_owned()))
    }

    fn shard_crl(&self, shard: Shard) -> check_house::Bytes<'_> {
        Box::pin(self.list(shard.to_string()))
    }

    fn ocsp<'a>(&'a self, question: &'a [u8]) -> check_house::Bytes<'a> {
        Box::pin(async move {
            let request = Request::post("/ocsp").header("host", &self.address).header("content-type", "application/ocsp-request");
            self.patiently(request.body(Full::from(question.to_vec()))).await
        })
    }

    fn follows(&self) -> bool {
        true
    }
}
