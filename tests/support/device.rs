//! A device without a wire: it generates real keys and calls the workflows as its messages would. What the wire adds (TLS, EST, CMS) is
//! tested with the real phone; here the key that an envelope holds is taken from escrow.

use std::collections::BTreeMap;

use rcgen::{Attribute, CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use remint::lifecycle::acts::enroll::is_generated_on_device;
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::credential::Slot;
use remint::lifecycle::ids::{DeviceId, Serial, SessionId, TicketId, UserId};
use remint::pki::escrow::Owner;
use remint::pki::key::{SigningKey, Spki};
use remint::pki::proof::{ProofKey, Transcript};
use remint::workflows::AtWork;
use remint::workflows::confirm_issuance::{Confirm, Confirmed, ProvedSlot, confirm_issuance, signed_message};
use remint::workflows::deliver_encryption_key::{deliver_encryption_key, deliver_history};
use remint::workflows::enroll_credential::enroll_credential;
use remint::workflows::failure::Failure;
use remint::workflows::identify::Bearer;
use remint::workflows::invitation::Invitation;
use remint::workflows::open_session::{OpenSession, SessionOpened, Shown, open_session};
use remint::workflows::sync_device::sync_device;
use remint::workflows::world::World;

/// `asymmDecryptKeyIdentifier` (RFC 7030 §4.4.1.2).
const DECRYPT_KEY_IDENTIFIER: &[u64] = &[1, 2, 840, 113549, 1, 9, 16, 2, 54];

/// A P-256 key of a device.
pub struct DeviceKey {
    pair: KeyPair,
    signing: SigningKey,
}

impl DeviceKey {
    pub fn generate() -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let signing = SigningKey::from_pkcs8(pair.serialized_der()).unwrap();
        Self { pair, signing }
    }

    pub fn spki(&self) -> &Spki {
        self.signing.spki()
    }

    /// The private key as a phone holds it.
    pub fn for_phone(&self) -> mobile_sim::key::Key {
        mobile_sim::key::Key::from_pkcs8(self.pair.serialized_der()).unwrap()
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.signing.sign(message).unwrap()
    }

    /// A request with this common name, if any.
    pub fn csr(&self, common_name: Option<&str>) -> Vec<u8> {
        self.params(common_name).serialize_request(&self.pair).unwrap().der().to_vec()
    }

    /// A request that says to which key the answer is to be encrypted.
    pub fn transport_csr(&self) -> Vec<u8> {
        self.csr_naming(&self.spki().subject_key_identifier())
    }

    /// The same with any identifier of 20 bytes.
    pub fn csr_naming(&self, identifier: &[u8; 20]) -> Vec<u8> {
        let values = [&[0x31, 22, 0x04, 20], identifier.as_slice()].concat();
        let attribute = Attribute { oid: DECRYPT_KEY_IDENTIFIER, values };
        self.params(None).serialize_request_with_attributes(&self.pair, vec![attribute]).unwrap().der().to_vec()
    }

    /// A certificate that nobody else signed.
    pub fn self_signed(&self, common_name: &str) -> Vec<u8> {
        self.params(Some(common_name)).self_signed(&self.pair).unwrap().der().to_vec()
    }

    fn params(&self, common_name: Option<&str>) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = common_name {
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
        }
        params
    }
}

/// The parts of an invitation's URI that a device uses.
pub struct Secret {
    pub ticket: TicketId,
    pub secret: [u8; 16],
    pub code: Option<String>,
}

impl Secret {
    pub fn of(invitation: &Invitation) -> Self {
        Self::read(&invitation.uri, invitation.code.as_ref().map(|code| code.as_str()))
    }

    pub fn read(uri: &str, code: Option<&str>) -> Self {
        use base64::Engine;
        let part = |name: &str| -> [u8; 16] {
            let value = uri.split(['?', '&']).find_map(|part| part.strip_prefix(&format!("{name}="))).unwrap();
            base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(value).unwrap().try_into().unwrap()
        };
        Self { ticket: TicketId(uuid::Uuid::from_bytes(part("i"))), secret: part("c"), code: code.map(str::to_owned) }
    }
}

/// A device in the middle of a session.
pub struct Device {
    pub facts: DeviceFacts,
    session_key: DeviceKey,
    keys: BTreeMap<Slot, DeviceKey>,
    transport: DeviceKey,
    pub session: Option<InSession>,
}

/// What a device knows of its session.
pub struct InSession {
    pub id: SessionId,
    pub user: UserId,
    pub device: DeviceId,
    plan: Vec<Slot>,
    challenge: [u8; 32],
    proved: Vec<ProvedSlot>,
    bearer: Bearer,
}

impl InSession {
    /// Who confirms: the new `auth`, or the one that the update was begun by.
    async fn confirming(&self, world: &World) -> Bearer {
        let Some(auth) = self.proved.iter().find(|proved| proved.slot == Slot::Auth) else { return self.bearer };
        let found = world.store.credential_by_serial(auth.serial).await.unwrap().expect("a credential");
        Bearer::Auth { user: self.user, device: self.device, credential: found.credential }
    }
}

impl Device {
    pub fn new(facts: DeviceFacts) -> Self {
        Self { facts, session_key: DeviceKey::generate(), keys: BTreeMap::new(), transport: DeviceKey::generate(), session: None }
    }

    /// M2, with the exporter of a connection that there is not.
    pub async fn open(&mut self, world: &World, secret: &Secret) -> Result<(), Failure> {
        let opened = open_session(world, &self.open_message(secret)).await?;
        let SessionOpened { session, plan, .. } = opened;
        self.session = Some(InSession {
            id: session.id,
            user: session.user,
            device: session.device,
            plan,
            challenge: session.challenge,
            proved: Vec::new(),
            bearer: Bearer::Session { user: session.user, session: session.id },
        });
        Ok(())
    }

    pub fn open_message(&self, secret: &Secret) -> OpenSession {
        let (exporter, nonce) = ([7; 32], [9; 16]);
        let key = ProofKey::derive(&secret.secret, secret.code.as_deref(), secret.ticket.0.as_bytes()).unwrap();
        let transcript =
            Transcript { exporter: &exporter, invitation: secret.ticket.0.as_bytes(), session_key: self.session_key.spki(), nonce: &nonce };
        OpenSession {
            invitation: secret.ticket,
            csr: self.session_key.csr(None),
            shown: Shown::Proof { device: self.facts.clone(), nonce, proof: key.prove(&transcript), exporter },
            source: "127.0.0.1".to_owned(),
        }
    }

    /// M8: begins the device's open update; `false` if there is none.
    pub async fn sync(&mut self, world: &World, auth: Bearer) -> Result<bool, Failure> {
        let synced = sync_device(world, auth, "127.0.0.1").await?;
        let Some(session) = synced.update else { return Ok(false) };
        self.transport = DeviceKey::generate();
        self.session = Some(InSession {
            id: session.id,
            user: session.user,
            device: session.device,
            plan: vec![Slot::Enc],
            challenge: session.challenge,
            proved: Vec::new(),
            bearer: auth,
        });
        Ok(true)
    }

    /// M4, M5 and M5h: everything that stops short of the confirmation.
    pub async fn provision(&mut self, world: &World) -> Result<(), Failure> {
        let session = self.session.as_mut().expect("a session");
        let device = AtWork { bearer: session.bearer, source: "127.0.0.1".to_owned() };
        let message = signed_message(&session.challenge);
        session.proved.clear();
        for slot in session.plan.clone() {
            let (serial, signature) = if is_generated_on_device(slot) {
                let key = self.keys.entry(slot).or_insert_with(DeviceKey::generate);
                let certificate = enroll_credential(world, &device, slot, &key.csr(None)).await?;
                (serial_of(&certificate), key.sign(&message))
            } else {
                let delivery = deliver_encryption_key(world, &device, &self.transport.transport_csr()).await?;
                let key = escrowed(world, session.user, delivery.serial).await;
                deliver_history(world, &device, session.id).await?;
                (delivery.serial, key.sign(&message).unwrap())
            };
            session.proved.push(ProvedSlot { slot, serial, signature });
        }
        Ok(())
    }

    /// M6, again from M5 if the keys have changed.
    pub async fn confirm(&mut self, world: &World) -> Result<Confirmed, Failure> {
        match self.confirm_once(world).await {
            Err(failure) if failure.code() == "keys-changed" => {
                self.provision(world).await?;
                self.confirm_once(world).await
            }
            settled => settled,
        }
    }

    pub async fn confirm_once(&self, world: &World) -> Result<Confirmed, Failure> {
        let session = self.session.as_ref().expect("a session");
        let device = AtWork { bearer: session.confirming(world).await, source: "127.0.0.1".to_owned() };
        let has_transport = session.plan.contains(&Slot::Enc);
        let message = Confirm {
            session: session.id,
            slots: session.proved.clone(),
            transport_signature: has_transport.then(|| self.transport.sign(&signed_message(&session.challenge))),
        };
        confirm_issuance(world, &device, &message).await
    }
}

/// The serial in a certificate.
pub fn serial_of(certificate: &[u8]) -> Serial {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).unwrap();
    Serial::from_bytes(parsed.raw_serial()).unwrap()
}

/// The private key of an `enc`, from escrow.
pub async fn escrowed(world: &World, user: UserId, serial: Serial) -> SigningKey {
    let found = world.store.credential_by_serial(serial).await.unwrap().unwrap();
    let kept = world.store.escrowed(found.credential).await.unwrap().unwrap();
    SigningKey::from_pkcs8(&world.escrow.open(kept.key, Owner { user, serial }, &kept.sealed).unwrap()).unwrap()
}
