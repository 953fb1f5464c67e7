//! The story: Ana loses her phone. After each step a table says what is true, and the ledger whether it must be.

use std::collections::BTreeMap;
use std::time::Duration;

use mobile_sim::certificate::Certificate;
use mobile_sim::mail::encrypt_mail;
use mobile_sim::relying_party::Status;
use mobile_sim::{DeviceFacts, DeviceKind, Faults, Invitation, Phone, UpdateOutcome};
use serde_json::{Value, json};

use super::ledger::Ledger;
use super::stage::{PIN, Stage, invitation, text};
use crate::server::ServerError;

/// How long the CRL may take to follow, before the story gives up waiting.
const CRL_PATIENCE: Duration = Duration::from_secs(20);

const MAIL: &[u8] = b"Dear Ana, the keys to the summer house are under the third flower pot. Bo";

/// The phones at the end of the story.
pub struct Phones {
    pub phone_1: Phone,
    pub phone_2: Phone,
    pub tablet_1: Phone,
}

/// Tells it.
pub async fn tell(stage: &Stage, ledger: &mut Ledger) -> Result<Phones, ServerError> {
    let mut cast = Cast::default();

    step(1, "Ana has a mobile smart card on phone-1, and mobile app certificates on tablet-1 that share her encryption credential.");
    let ana = stage.post("/api/users", &json!({ "name": "Ana Ruiz", "email": "ana@example.org", "upn": "ana@corp.example.org" })).await?;
    let ana = text(&ana["id"])?;
    let phone_1 = issue(stage, "phone-1", DeviceKind::MobileSmartCard, stage.invite(&ana, "mobile-smart-card", "remote").await?).await?;
    let tablet_1 = issue(stage, "tablet-1", DeviceKind::MobileApp, stage.invite(&ana, "mobile-app", "self-enrollment").await?).await?;
    cast.learn(&phone_1);
    cast.learn(&tablet_1);
    let mail = encrypt_mail(&certificate(&phone_1, "enc")?, MAIL).map_err(ServerError::new)?;
    tell!("  Bo sends Ana a mail, encrypted to her certificate.");
    cast.wait_for_crl(stage, "auth-2", &Status::Good).await?;
    cast.show(stage, &ana).await?;
    ledger.check("both devices are active", cast.devices(stage, &ana).await? == ["phone-1 active", "tablet-1 active"]);
    ledger.check("phone-1 and tablet-1 share one encryption credential", serial(&phone_1, "enc")? == serial(&tablet_1, "enc")?);
    for name in ["auth-1", "sign-1", "enc-1", "auth-2", "sign-2"] {
        ledger.check(&format!("OCSP says good for {name}"), cast.ocsp(stage, name).await? == Status::Good);
    }

    step(2, "Phone-1 is lost. Ana calls the help desk; Omar submits a replacement. At once the phone is invalid.");
    let target = device_id(&stage.get(&format!("/api/users/{ana}")).await?, "phone-1")?;
    let submitted = stage.post("/api/replacements", &json!({ "target": target, "reason": "lost", "mode": "remote" })).await?;
    for name in ["auth-1", "sign-1", "enc-1"] {
        ledger.check(&format!("the very next OCSP answer says on hold for {name}"), cast.ocsp(stage, name).await? == Status::Hold);
    }
    for name in ["auth-2", "sign-2"] {
        ledger.check(&format!("the tablet's own {name} stays good"), cast.ocsp(stage, name).await? == Status::Good);
    }
    cast.wait_for_crl(stage, "enc-1", &Status::Hold).await?;
    cast.show(stage, &ana).await?;
    ledger.check("phone-1 is invalid, the tablet active", cast.devices(stage, &ana).await? == ["phone-1 invalid", "tablet-1 active"]);
    for name in ["auth-1", "sign-1", "enc-1"] {
        ledger.check(&format!("the CRL lists {name} as on hold"), cast.crl(stage, name).await? == Status::Hold);
    }

    step(3, "Ana has bought phone-2. The invitation reaches her, Omar reads her the code: phone-2 generates its keys and is issued.");
    let phone_2 = issue(stage, "phone-2", DeviceKind::MobileSmartCard, invitation(&submitted)?).await?;
    cast.learn(&phone_2);
    cast.wait_for_crl(stage, "enc-1", &compromised()).await?;
    cast.show(stage, &ana).await?;
    let expected = ["phone-1 terminated", "tablet-1 active", "phone-2 active"];
    ledger.check("phone-1 is terminated, phone-2 active", cast.devices(stage, &ana).await? == expected);
    for name in ["auth-1", "sign-1", "enc-1"] {
        let is_revoked = cast.ocsp(stage, name).await? == compromised() && cast.crl(stage, name).await? == compromised();
        ledger.check(&format!("OCSP and CRL say revoked, key compromise, for {name}"), is_revoked);
    }
    for name in ["auth-3", "sign-3", "enc-2"] {
        ledger.check(&format!("OCSP says good for the new {name}"), cast.ocsp(stage, name).await? == Status::Good);
    }

    step(4, "The tablet syncs, and receives the new encryption credential.");
    let mut tablet_1 = tablet_1;
    let synced = tablet_1.sync(&Faults::default()).await.map_err(ServerError::new)?;
    cast.show(stage, &ana).await?;
    ledger.check("the tablet had an update, and carried it out", matches!(synced.update, UpdateOutcome::Done { .. }));
    ledger.check("phone-2 and tablet-1 share the new encryption credential", serial(&phone_2, "enc")? == serial(&tablet_1, "enc")?);
    let nothing_left = tablet_1.sync(&Faults::default()).await.map_err(ServerError::new)?;
    ledger.check("asked again, there is nothing left to update", nothing_left.update == UpdateOutcome::None);

    step(5, "Old mail stays readable: the encryption key of the lost phone lives on, to decrypt only.");
    for (name, phone) in [("phone-2", &phone_2), ("tablet-1", &tablet_1)] {
        let read = phone.decrypt(&mail).map_err(ServerError::new)?;
        ledger.check(&format!("{name} reads the mail that Bo sent before the loss"), read.as_slice() == MAIL);
    }
    Ok(Phones { phone_1, phone_2, tablet_1 })
}

fn step(number: u32, what: &str) {
    tell!("\n{number}. {what}");
}

fn compromised() -> Status {
    Status::Revoked { reason: "keyCompromise".to_owned() }
}

/// A phone redeems its invitation and goes all the way.
async fn issue(
    stage: &Stage,
    name: &str,
    kind: DeviceKind,
    (invitation, code): (Invitation, Option<String>),
) -> Result<Phone, ServerError> {
    let facts = DeviceFacts { kind, model: "Simulated".to_owned(), serial: format!("SIM-{name}"), name: name.to_owned() };
    let mut phone = Phone::open(stage.phone_folder(name), PIN).map_err(ServerError::new)?;
    phone.issue(&invitation, code.as_deref(), &facts, &Faults::default()).await.map_err(ServerError::new)?;
    Ok(phone)
}

fn certificate(phone: &Phone, slot: &str) -> Result<Certificate, ServerError> {
    phone.card().certificate(slot).cloned().ok_or_else(|| ServerError::new(format!("expected: a certificate in {slot}")))
}

fn serial(phone: &Phone, slot: &str) -> Result<String, ServerError> {
    Ok(certificate(phone, slot)?.serial())
}

fn device_id(user: &Value, name: &str) -> Result<String, ServerError> {
    let devices = user["devices"].as_array().into_iter().flatten();
    let found = devices.into_iter().find(|device| device["name"] == name);
    text(&found.ok_or_else(|| ServerError::new(format!("expected: a device {name}")))?["id"])
}

/// The credentials of the story by the names that it gives them: auth-1, sign-1, enc-1 and so on, as they appear.
#[derive(Default)]
struct Cast {
    names: BTreeMap<String, String>,
    certificates: Vec<(String, Certificate)>,
}

impl Cast {
    /// Names the credentials of a phone that have no name yet.
    fn learn(&mut self, phone: &Phone) {
        let card = phone.card();
        for slot in ["auth", "sign", "enc"] {
            let Some(certificate) = card.certificate(slot) else { continue };
            if !self.names.contains_key(&certificate.serial()) {
                let number = self.certificates.iter().filter(|(name, _)| name.starts_with(slot)).count() + 1;
                let name = format!("{slot}-{number}");
                self.names.insert(certificate.serial(), name.clone());
                self.certificates.push((name, certificate.clone()));
            }
        }
    }

    fn certificate(&self, name: &str) -> Result<&Certificate, ServerError> {
        let found = self.certificates.iter().find(|(known, _)| known == name);
        found.map(|(_, certificate)| certificate).ok_or_else(|| ServerError::new(format!("expected: a credential {name}")))
    }

    async fn ocsp(&self, stage: &Stage, name: &str) -> Result<Status, ServerError> {
        stage.relying_party.ocsp(self.certificate(name)?).await.map_err(ServerError::new)
    }

    async fn crl(&self, stage: &Stage, name: &str) -> Result<Status, ServerError> {
        let crl = stage.relying_party.crl().await.map_err(ServerError::new)?;
        Ok(crl.status_of(&self.certificate(name)?.serial()))
    }

    /// The CRL follows a moment later: waits until it says so.
    async fn wait_for_crl(&self, stage: &Stage, name: &str, expected: &Status) -> Result<(), ServerError> {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        let follows = async {
            loop {
                ticks.tick().await;
                if self.crl(stage, name).await? == *expected {
                    return Ok(());
                }
            }
        };
        let late = |_| ServerError::new(format!("the CRL did not follow within {} seconds", CRL_PATIENCE.as_secs()));
        tokio::time::timeout(CRL_PATIENCE, follows).await.map_err(late)?
    }

    /// The devices with their states, as the desk sees them, in the order in which they came.
    async fn devices(&self, stage: &Stage, user: &str) -> Result<Vec<String>, ServerError> {
        let user = stage.get(&format!("/api/users/{user}")).await?;
        let devices = user["devices"].as_array().into_iter().flatten();
        devices.map(|device| Ok(format!("{} {}", text(&device["name"])?, text(&device["status"])?))).collect()
    }

    /// A table of what is true now: devices as the desk sees them, credentials as relying parties are told.
    async fn show(&self, stage: &Stage, user: &str) -> Result<(), ServerError> {
        let held = stage.get(&format!("/api/users/{user}")).await?;
        tell!("\n    {:<10} {:<12} carries", "device", "state");
        for device in held["devices"].as_array().into_iter().flatten() {
            tell!("    {:<10} {:<12} {}", text(&device["name"])?, text(&device["status"])?, self.carried(device, &held));
        }
        tell!("\n    {:<10} {:<26} CRL", "credential", "OCSP");
        let crl = stage.relying_party.crl().await.map_err(ServerError::new)?;
        for (name, certificate) in &self.certificates {
            let ocsp = self.ocsp(stage, name).await?;
            tell!("    {name:<10} {:<26} {}", ocsp.to_string(), crl.status_of(&certificate.serial()));
        }
        tell!();
        Ok(())
    }

    fn carried(&self, device: &Value, held: &Value) -> String {
        let serial_of = |id: &Value| {
            let credentials = held["credentials"].as_array().into_iter().flatten();
            credentials.into_iter().find(|credential| credential["id"] == *id).and_then(|credential| credential["serial"].as_str())
        };
        let mut carried: Vec<String> = device["carries"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|carry| {
                let name = self.names.get(serial_of(&carry["credential"])?)?;
                Some(if carry["carried"] == "history" { format!("{name} (history)") } else { name.clone() })
            })
            .collect();
        carried.sort();
        carried.join(", ")
    }
}
