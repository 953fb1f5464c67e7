//! The stage: a house made from nothing, its server, the operator Omar with his certificate, and a relying party.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use mobile_sim::certificate::Certificate;
use mobile_sim::relying_party::RelyingParty;
use mobile_sim::wire::{Client, Request};
use mobile_sim::{Identity, Invitation};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::door::Door;
use crate::lifecycle::actor::Role;
use crate::pki::pkcs12::p12;
use crate::server::clock::{SystemClock, SystemEntropy};
use crate::server::config::Config;
use crate::server::hsm::HsmSection;
use crate::server::init::{Foundation, Ports, init};
use crate::server::policy::Delivered;
use crate::server::{MAIL, Server, ServerError, Sockets, write_private};
use crate::workflows::add_operator::add_operator;

/// The password of the operator's file: a demonstration has no secrets worth one.
pub const PASSWORD: &str = "remint";
/// The password that every user sets at the portal.
pub const PORTAL_PASSWORD: &str = "a demonstration of 2026";
/// The PIN of every phone.
pub const PIN: &str = "123456";

/// How long a letter may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that the story needs.
pub struct Stage {
    folder: TempDir,
    server: Server,
    pub config: Config,
    /// The desk API, as Omar reaches it.
    pub desk: Client,
    /// The portal API, as users reach it.
    portal: Client,
    /// Somebody who relies on our certificates, and asks before they do.
    pub relying_party: RelyingParty,
    /// Root and issuing CA, PEM.
    pub chain: String,
    root: String,
}

impl Stage {
    /// Makes the house on free ports, starts it, and hires Omar.
    pub async fn set(hsm: Option<HsmSection>) -> Result<Self, ServerError> {
        let folder = tempfile::Builder::new().prefix("remint-demo-").permissions(std::fs::Permissions::from_mode(0o700)).tempdir()?;
        let dir = folder.path().join("data");
        let (devices, desk, portal, status) = (free().await?, free().await?, free().await?, free().await?);
        let ports = Ports {
            devices: devices.local_addr()?.port(),
            desk: desk.local_addr()?.port(),
            portal: portal.local_addr()?.port(),
            status: status.local_addr()?.port(),
            metrics: None,
        };
        let sockets = Sockets { devices, desk, portal: Some(portal), status, metrics: None };
        let foundation = Foundation {
            organization: "Remint demo".to_owned(),
            host: "localhost".to_owned(),
            bind: "127.0.0.1".to_owned(),
            ports,
            policy: Delivered::Default,
            database: None,
            hsm,
        };
        init(&dir, &foundation, None, &SystemClock, &SystemEntropy).await?;
        let config = Config::load(&dir)?;
        let server = Server::start(&dir, &config, sockets).await?;

        let omar = add_operator(&server.world, "omar", [Role::HelpDesk].into(), None).await?;
        let file = p12(&omar.key, &omar.certificate, server.world.authority.chain(), "omar", PASSWORD).map_err(ServerError::new)?;
        write_private(&folder.path().join("omar.p12"), &file)?;

        let root = std::fs::read_to_string(dir.join("ca/root.pem"))?;
        let chain = root.clone() + &std::fs::read_to_string(dir.join("ca/issuing.pem"))?;
        let identity = Identity::from_p12(&file, PASSWORD).map_err(ServerError::new)?;
        let desk = Client::new(config.desk.address.clone(), &root, Some(identity)).map_err(ServerError::new)?;
        let authorities = Certificate::read_all(chain.as_bytes()).map_err(ServerError::new)?;
        let relying_party = RelyingParty::new(&config.status.url, &authorities).map_err(ServerError::new)?;
        if let Some(hsm) = &config.hsm {
            tell!("Its private keys are in the token {}, by {}.", hsm.token, hsm.module.display());
        }
        tell!("A house in {}, served on this machine:", folder.path().display());
        tell!("  devices https://{}   desk https://{}   status {}", config.devices.address, config.desk.address, config.status.url);
        tell!("  portal  https://{}", config.portal.as_ref().map_or("none", |portal| &portal.address));
        let portal = config.portal.as_ref().map(|portal| portal.address.clone()).unwrap_or_default();
        let portal = Client::new(portal, &root, None).map_err(ServerError::new)?;
        Ok(Self { folder, server, config, desk, portal, relying_party, chain, root })
    }

    /// Where a phone keeps its state.
    pub fn phone_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What Omar posts to the desk; anything but success breaks the story off.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ServerError> {
        let reply = self.desk.post_json(path, body).await.map_err(ServerError::new)?;
        if !(200..300).contains(&reply.status) {
            return Err(ServerError::new(format!("POST {path}: {}: {}", reply.status, reply.text())));
        }
        reply.json().map_err(ServerError::new)
    }

    /// What Omar sees at the desk.
    pub async fn get(&self, path: &str) -> Result<Value, ServerError> {
        let reply = self.desk.get(path).await.map_err(ServerError::new)?;
        reply.json().map_err(ServerError::new)
    }

    /// An initial issuance for a user; for self-enrollment, the user fetches the ticket at the portal.
    pub async fn invite(&self, user: &str, kind: &str, mode: &str) -> Result<(Invitation, Option<String>), ServerError> {
        let opened = self.post(&format!("/api/users/{user}/initial-issuances"), &json!({ "kind": kind, "mode": mode })).await?;
        if opened["invitation"].is_null() {
            let request = text(&opened["request"]["id"])?;
            return self.fetch_ticket(user, &request).await;
        }
        invitation(&opened)
    }

    /// The user signs in at the portal with the initial password that Omar gives, sets their own, and takes the ticket of a request.
    async fn fetch_ticket(&self, user: &str, request: &str) -> Result<(Invitation, Option<String>), ServerError> {
        let initial = text(&self.post(&format!("/api/users/{user}/portal-password"), &json!({})).await?["password"])?;
        let login = text(&self.get(&format!("/api/users/{user}")).await?["user"]["email"])?;
        let (cookie, _) = self.at_portal("/api/sign-in", None, &json!({ "login": login, "password": initial })).await?;
        let code = self.code_of_the_letter().await?;
        let (cookie, _) = self.at_portal("/api/sign-in/code", cookie, &json!({ "code": code })).await?;
        let change = json!({ "current": initial, "new": PORTAL_PASSWORD });
        let (cookie, _) = self.at_portal("/api/password", cookie, &change).await?;
        let (_, ticket) = self.at_portal(&format!("/api/requests/{request}/ticket"), cookie, &json!({})).await?;
        invitation(&ticket)
    }

    /// The code of the second step, from the letter that the user finds in the mail.
    async fn code_of_the_letter(&self) -> Result<String, ServerError> {
        let mail = self.folder.path().join("data").join(MAIL);
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let found = async {
            loop {
                ticks.tick().await;
                let letters =
                    std::fs::read_dir(&mail).into_iter().flatten().filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
                let code = letters.filter(|letter| letter.contains("Subject: Your code for signing in")).find_map(|letter| {
                    letter
                        .lines()
                        .map(str::trim)
                        .find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()))
                        .map(str::to_owned)
                });
                if let Some(code) = code {
                    return code;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.map_err(|_| ServerError::new("the letter with the code did not come"))
    }

    /// What a browser posts to the portal, with its cookie; gives the cookie that comes back, and the answer.
    async fn at_portal(&self, path: &str, cookie: Option<String>, body: &Value) -> Result<(Option<String>, Value), ServerError> {
        let request = Request::post(path).with_json(body).map_err(ServerError::new)?;
        let request = cookie.into_iter().fold(request, |request, cookie| request.with_header("cookie", cookie));
        let reply = self.portal.send(request).await.map_err(ServerError::new)?;
        if !(200..300).contains(&reply.status) {
            return Err(ServerError::new(format!("POST {path}: {}: {}", reply.status, reply.text())));
        }
        let cookie = reply.header("set-cookie").and_then(|set| set.split(';').next()).map(str::to_owned);
        Ok((cookie, reply.json().unwrap_or_default()))
    }

    /// A way to look at the desk as Omar without importing his certificate.
    pub async fn door(&self) -> Result<Door, ServerError> {
        let file = std::fs::read(self.folder.path().join("omar.p12"))?;
        let omar = Identity::from_p12(&file, PASSWORD).map_err(ServerError::new)?;
        Door::open(&self.config.desk.address, &self.root, &omar).await
    }

    /// Stops the server and clears the stage.
    pub async fn strike(self) {
        self.server.stop().await;
    }

    /// How to go on by hand, also with the phone of this id.
    pub fn explain(&self, phone_2: &str, door: &str) {
        let folder = self.folder.path().display();
        let Config { desk, portal, .. } = &self.config;
        let portal = portal.as_ref().map_or("", |portal| &portal.address);
        tell!(
            "
It keeps serving until you press Ctrl-C; then the folder is deleted. Meanwhile, in another terminal:

  # the desk in a browser of this machine, as Omar, with nothing to import (a door of the demonstration, which passes on with his certificate)
  {door}
  # the same as it really is: import {folder}/omar.p12 (password {PASSWORD}) as a client certificate, {folder}/data/ca/root.pem as an authority
  https://{}/
  # try: find ana, look at her devices, replace phone-2, follow it, cancel it

  # the portal in a browser, as Ana (ana@example.org, password: {PORTAL_PASSWORD}); the code of the second step is in the newest letter of
  # {folder}/data/mail
  https://{portal}/

  # the desk API, as Omar
  curl --cacert {folder}/data/ca/root.pem --cert-type P12 --cert {folder}/omar.p12:{PASSWORD} https://{}/api/users?q=ana
  curl --cacert {folder}/data/ca/root.pem --cert-type P12 --cert {folder}/omar.p12:{PASSWORD} https://{}/api/openapi.json

  # the portal API, as Ana: password, then the code of the newest letter, then all that she holds
  curl --cacert {folder}/data/ca/root.pem -c {folder}/cookies https://{portal}/api/sign-in \\
       -H 'content-type: application/json' -d '{{\"login\":\"ana@example.org\",\"password\":\"{PORTAL_PASSWORD}\"}}'
  curl --cacert {folder}/data/ca/root.pem -b {folder}/cookies -c {folder}/cookies https://{portal}/api/sign-in/code \\
       -H 'content-type: application/json' -d \"{{\\\"code\\\":\\\"$(grep -hxE ' *[0-9]{{6}}\\s*' $(ls -t {folder}/data/mail/* | head -1) | tr -dc 0-9)\\\"}}\"
  curl --cacert {folder}/data/ca/root.pem -b {folder}/cookies https://{portal}/api/me

  # what phone-2 holds, what the lost phone-1 is told (a refusal), and the CRL
  cargo build --release --workspace
  target/release/mobile-sim --state {folder}/phone-2 show
  target/release/mobile-sim --state {folder}/phone-1 --pin {PIN} sync
  curl -s {}/crl/issuing.crl | openssl crl -inform DER -noout -text

  # lose phone-2 too, and issue to a new phone with the invitation and the code in the answer
  curl --cacert {folder}/data/ca/root.pem --cert-type P12 --cert {folder}/omar.p12:{PASSWORD} https://{}/api/replacements \\
       -H 'content-type: application/json' -d '{{\"target\":\"{phone_2}\",\"reason\":\"stolen\",\"mode\":\"remote\"}}'
  target/release/mobile-sim --state {folder}/phone-3 --pin {PIN} issue '<msc1:…>' --code <code>
",
            desk.address, desk.address, desk.address, self.config.status.url, desk.address
        );
    }
}

async fn free() -> Result<TcpListener, ServerError> {
    Ok(TcpListener::bind("127.0.0.1:0").await?)
}

/// The invitation and the code in an answer of the desk.
pub fn invitation(opened: &Value) -> Result<(Invitation, Option<String>), ServerError> {
    let uri = text(&opened["invitation"]["uri"])?;
    let code = opened["invitation"]["code"].as_str().map(ToOwned::to_owned);
    Ok((uri.parse().map_err(ServerError::new)?, code))
}

/// A text in an answer of the desk.
pub fn text(value: &Value) -> Result<String, ServerError> {
    value.as_str().map(ToOwned::to_owned).ok_or_else(|| ServerError::new(format!("expected: text, found: {value}")))
}
