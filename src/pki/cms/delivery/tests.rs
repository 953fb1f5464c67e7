use proptest::prelude::*;

use super::*;
use crate::pki::cms::ContentInfo;
use crate::pki::judge::{Counting, Court, TestAuthority, serial};

/// A delivery signer, a phone with its transport key, and a key to deliver.
struct Delivery {
    court: Court,
    signer_cert: Vec<u8>,
    signer: SigningKey,
    transport: SigningKey,
    key: Zeroizing<Vec<u8>>,
}

impl Delivery {
    fn new() -> Self {
        let authority = TestAuthority::new();
        let signer = SigningKey::generate().unwrap();
        let signer_cert = authority.certify("Delivery Signer", serial(0x41), signer.spki(), &[]);
        let transport = SigningKey::generate().unwrap();
        let court = Court::new();
        court.pem_file("ca.pem", "CERTIFICATE", &authority.certificate);
        court.pem_file("transport.key", "PRIVATE KEY", &transport.to_pkcs8().unwrap());
        // openssl finds the recipient by the subject key identifier of a certificate, which it hashes as method 1 says
        court.accepts("req -x509 -new -key transport.key -subj /CN=T -addext subjectKeyIdentifier=hash -out transport.pem");
        let key = SigningKey::generate().unwrap().to_pkcs8().unwrap();
        Self { court, signer_cert, signer, transport, key }
    }

    fn envelope(&self, entropy: &dyn Entropy) -> Vec<u8> {
        deliver_key(&self.key, self.transport.spki(), &self.signer_cert, &self.signer, entropy).unwrap()
    }

    /// Lets openssl open the envelope; leaves what was in it as `signed.der`, a whole CMS message.
    fn open(&self, envelope: &[u8]) -> String {
        self.court.file("envelope.der", envelope);
        let words = self
            .court
            .accepts("cms -decrypt -in envelope.der -inform DER -recip transport.pem -inkey transport.key -binary -out content.der");
        let signed = content_info(ID_SIGNED_DATA, &self.court.read("content.der")).unwrap();
        self.court.file("signed.der", &signed);
        words
    }
}

/// The parts of an envelope that everybody sees: the wrapped content key and the encrypted content.
fn wrapped_key(envelope: &[u8]) -> Vec<u8> {
    let info = ContentInfo::from_der(envelope).unwrap();
    let enveloped: EnvelopedData = info.content.decode_as().unwrap();
    match enveloped.recip_infos.0.as_slice() {
        [RecipientInfo::Kari(recipient)] => recipient.recipient_enc_keys[0].enc_key.as_bytes().to_vec(),
        other => panic!("one recipient by key agreement, not {other:?}"),
    }
}

#[test]
fn openssl_opens_the_envelope_verifies_the_signer_and_finds_the_key() {
    let delivery = Delivery::new();
    delivery.open(&delivery.envelope(&Counting::new()));
    let words = delivery.court.accepts("cms -verify -in signed.der -inform DER -CAfile ca.pem -binary -out package.der");
    assert!(words.contains("Verification successful") || words.contains("CMS Verification successful"), "{words}");
    let package = delivery.court.read("package.der");
    let keys: Vec<AnyRef<'_>> = Vec::from_der(&package).unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].to_der().unwrap(), *delivery.key);

    delivery.court.file("delivered.der", &keys[0].to_der().unwrap());
    delivery.court.accepts("pkey -in delivered.der -inform DER -pubout -outform DER -out delivered.pub");
    let expected = SigningKey::from_pkcs8(&delivery.key).unwrap();
    assert_eq!(delivery.court.read("delivered.pub"), expected.spki().as_der());
}

#[test]
fn the_envelope_says_what_rfc_5753_and_rfc_7030_ask_for() {
    let delivery = Delivery::new();
    delivery.open(&delivery.envelope(&Counting::new()));
    let printed = |name: &str| delivery.court.accepts(&format!("cms -cmsout -print -noout -in {name} -inform DER"));
    let squeezed = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let envelope = squeezed(printed("envelope.der"));
    for expected in [
        "contentType: pkcs7-envelopedData",
        "d.envelopedData: version: 2 originatorInfo: <ABSENT> recipientInfos: d.kari: version: 3 d.originatorKey: algorithm: algorithm: id-ecPublicKey",
        "ukm: <ABSENT> keyEncryptionAlgorithm: algorithm: dhSinglePass-stdDH-sha256kdf-scheme",
        "d.rKeyId: subjectKeyIdentifier:",
        "contentType: pkcs7-signedData",
        "algorithm: aes-256-cbc",
    ] {
        assert!(envelope.contains(expected), "{expected}\nnot in\n{envelope}");
    }
    let signed = squeezed(printed("signed.der"));
    for expected in [
        "d.signedData: version: 3 digestAlgorithms: algorithm: sha256 (2.16.840.1.101.3.4.2.1) parameter: <ABSENT>",
        "eContentType: undefined (2.16.840.1.101.2.1.2.78.5)",
        "d.issuerAndSerialNumber: issuer: O=Example, CN=Test Issuing CA",
        "object: contentType (1.2.840.113549.1.9.3)",
        "object: messageDigest (1.2.840.113549.1.9.4)",
        "subject: O=Example, CN=Delivery Signer",
        "algorithm: ecdsa-with-SHA256",
    ] {
        assert!(signed.contains(expected), "{expected}\nnot in\n{signed}");
    }
}

#[test]
fn openssl_refuses_the_envelope_with_another_key_and_an_altered_package() {
    let delivery = Delivery::new();
    let envelope = delivery.envelope(&Counting::new());
    delivery.open(&envelope);

    let mut altered = delivery.court.read("signed.der");
    let digits = altered.windows(4).position(|bytes| bytes == [0x02, 0x01, 0x01, 0x04]).unwrap();
    altered[digits + 10] ^= 1;
    delivery.court.file("signed.der", &altered);
    delivery.court.refuses("cms -verify -in signed.der -inform DER -CAfile ca.pem -binary -out package.der");

    let stranger = SigningKey::generate().unwrap();
    delivery.court.pem_file("transport.key", "PRIVATE KEY", &stranger.to_pkcs8().unwrap());
    delivery.court.refuses("cms -decrypt -in envelope.der -inform DER -inkey transport.key -binary -out content.der");
}

/// The attack on the builder of the `cms` crate 0.3.0-rc.0, which wraps the content key under 32 zero bytes.
#[test]
fn the_content_key_is_not_wrapped_under_a_key_that_anybody_knows() {
    let delivery = Delivery::new();
    let wrapped = wrapped_key(&delivery.envelope(&Counting::new()));
    let unwraps = |kek: &[u8; 32], wrapped: &[u8]| AesKek::new(&AES_256, kek).unwrap().unwrap(wrapped, &mut [0; 32]).is_ok();
    let from_nothing = key_encryption_key(&[0; 32], &plain(ID_AES_256_WRAP)).unwrap();
    let from_empty = key_encryption_key(&[], &plain(ID_AES_256_WRAP)).unwrap();
    for kek in [[0; 32], *from_nothing, *from_empty] {
        assert!(!unwraps(&kek, &wrapped));
        assert!(unwraps(&kek, &wrap(&[7; 32], &kek).unwrap()), "the attack works where it should");
    }
}

#[test]
fn two_envelopes_of_the_same_key_differ() {
    let delivery = Delivery::new();
    let entropy = Counting::new();
    let envelopes = [delivery.envelope(&entropy), delivery.envelope(&entropy)];
    assert_ne!(envelopes[0], envelopes[1]);
    assert_ne!(wrapped_key(&envelopes[0]), wrapped_key(&envelopes[1]));
    // also when the entropy repeats itself: the ephemeral key is the library's own
    assert_ne!(wrapped_key(&delivery.envelope(&Counting::new())), wrapped_key(&delivery.envelope(&Counting::new())));
}

#[test]
fn what_is_not_a_key_is_not_delivered_and_a_point_off_the_curve_receives_nothing() {
    let delivery = Delivery::new();
    let entropy = Counting::new();
    let deliver = |pkcs8: &[u8], recipient: &Spki| deliver_key(pkcs8, recipient, &delivery.signer_cert, &delivery.signer, &entropy);
    assert!(matches!(deliver(b"not a key", delivery.transport.spki()), Err(CmsError::Key(KeyError::Unreadable))));
    let mut spki = delivery.transport.spki().as_der().to_vec();
    spki[90] ^= 1;
    let off_the_curve = Spki::from_der(&spki).unwrap();
    assert!(matches!(deliver(&delivery.key, &off_the_curve), Err(CmsError::Recipient)));
}

proptest! {
    #[test]
    fn content_of_every_length_is_padded_as_aes_wants_it(length in 1usize..200) {
        let content = Zeroizing::new(vec![0x5a; length]);
        let encrypted = encrypt(ID_SIGNED_DATA, content, &[1; 32], &Counting::new()).unwrap();
        let bytes = encrypted.encrypted_content.unwrap();
        prop_assert_eq!(bytes.as_bytes().len(), (length / 16 + 1) * 16);
    }
}

/// Randomness that was drawn before.
struct Drawn(Vec<u8>);

impl Entropy for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
}

#[test]
fn the_key_encryption_key_the_wrap_and_the_encryption_are_those_of_the_published_vector() {
    use crate::pki::vectors::{b64, b64u, vectors};
    let vector = &vectors()["delivery"];
    let key_wrap = plain(ID_AES_256_WRAP);
    let shared_info = EccCmsSharedInfo { key_wrap: key_wrap.clone(), kek_bits: OctetString::new(KEK_BITS.to_be_bytes()).unwrap() };
    assert_eq!(shared_info.to_der().unwrap(), b64(vector, "shared_info_der"));
    let kek = key_encryption_key(&b64u(vector, "ecdh_secret"), &key_wrap).unwrap();
    assert_eq!(kek.as_slice(), b64u(vector, "key_encryption_key"));
    let content_key: [u8; 32] = b64u(vector, "content_key").try_into().unwrap();
    assert_eq!(wrap(&content_key, &kek).unwrap(), b64u(vector, "wrapped_content_key"));
    let content = Zeroizing::new(b64(vector, "content"));
    let encrypted = encrypt(ID_SIGNED_DATA, content, &content_key, &Drawn(b64u(vector, "iv"))).unwrap();
    assert_eq!(encrypted.encrypted_content.unwrap().as_bytes(), b64(vector, "encrypted_content"));
}

/// What everybody sees of an envelope, and what openssl makes of it with the recipient's key: the content key, by nothing of ours.
struct Unwrapped {
    content_key: Vec<u8>,
    iv: String,
    encrypted: Vec<u8>,
}

impl Delivery {
    fn unwrap(&self, envelope: &[u8]) -> Unwrapped {
        let info = ContentInfo::from_der(envelope).unwrap();
        let enveloped: EnvelopedData = info.content.decode_as().unwrap();
        let [RecipientInfo::Kari(recipient)] = enveloped.recip_infos.0.as_slice() else { panic!("one recipient by key agreement") };
        let OriginatorIdentifierOrKey::OriginatorKey(ephemeral) = &recipient.originator else { panic!("an ephemeral key") };
        let prefix = &self.transport.spki().as_der()[..26];
        self.court.file("ephemeral.der", &[prefix, ephemeral.public_key.raw_bytes()].concat());
        self.court.file("wrapped", recipient.recipient_enc_keys[0].enc_key.as_bytes());
        self.court.accepts("pkeyutl -derive -inkey transport.key -peerkey ephemeral.der -peerform DER -out secret");
        let key_wrap = plain(ID_AES_256_WRAP);
        let shared_info = EccCmsSharedInfo { key_wrap, kek_bits: OctetString::new(KEK_BITS.to_be_bytes()).unwrap() }.to_der().unwrap();
        let (secret, shared_info) = (hex(&self.court.read("secret")), hex(&shared_info));
        let derive = "kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt";
        self.court.accepts(&format!("{derive} hexsecret:{secret} -kdfopt hexinfo:{shared_info} -binary -out kek X963KDF"));
        let kek = hex(&self.court.read("kek"));
        self.court.accepts(&unwrapping(&kek));
        let content = &enveloped.encrypted_content;
        let iv: OctetString = content.content_enc_alg.parameters.as_ref().unwrap().decode_as().unwrap();
        Unwrapped {
            content_key: self.court.read("content.key"),
            iv: hex(iv.as_bytes()),
            encrypted: content.encrypted_content.as_ref().unwrap().as_bytes().to_vec(),
        }
    }

    /// What AES-256-CBC makes of the content under a key, by openssl; nothing, if the padding is none.
    fn decrypt(&self, unwrapped: &Unwrapped, key: &[u8]) -> Option<Vec<u8>> {
        self.court.file("encrypted", &unwrapped.encrypted);
        let verdict = self.court.ask(&format!("enc -d -aes-256-cbc -K {} -iv {} -in encrypted -out plain", hex(key), unwrapped.iv));
        verdict.accepted.then(|| self.court.read("plain"))
    }
}

fn unwrapping(kek: &str) -> String {
    format!("enc -d -id-aes256-wrap -K {kek} -iv A6A6A6A6A6A6A6A6 -in wrapped -out content.key")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn openssl_finds_another_content_key_in_each_delivery_and_neither_wrapped_under_zeros_nor_zero() {
    let delivery = Delivery::new();
    let entropy = Counting::new();
    let mut found: Vec<Vec<u8>> = Vec::new();
    for envelope in [delivery.envelope(&entropy), delivery.envelope(&entropy)] {
        let unwrapped = delivery.unwrap(&envelope);
        let content = delivery.decrypt(&unwrapped, &unwrapped.content_key).expect("the content opens under its key");
        assert_eq!(content[0], 0x30, "SignedData");
        // the attack: the wrap under zeros, and the content under zeros
        delivery.court.refuses(&unwrapping(&hex(&[0; 32])));
        assert_ne!(delivery.decrypt(&unwrapped, &[0; 32]).as_ref(), Some(&content));
        assert_ne!(unwrapped.content_key, [0; 32]);
        found.push(unwrapped.content_key);
    }
    assert_ne!(found[0], found[1]);
    // the attack works where it should
    delivery.court.file("wrapped", &wrap(&[7; 32], &[0; 32]).unwrap());
    delivery.court.accepts(&unwrapping(&hex(&[0; 32])));
    assert_eq!(delivery.court.read("content.key"), [7; 32]);
}

#[test]
fn broken_chance_lets_nothing_leave_under_a_content_key_of_zeros() {
    struct Zeros;
    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }
    let delivery = Delivery::new();
    let (recipient, signer_cert, signer) = (delivery.transport.spki(), &delivery.signer_cert, &delivery.signer);
    for hand_over in [deliver_key, recover_key] {
        let refused = hand_over(&delivery.key, recipient, signer_cert, signer, &Zeros);
        assert!(matches!(refused, Err(CmsError::Encryption)));
    }
}

/// Two commands, with nothing but the private key of the request.
#[test]
fn an_officer_opens_a_recovered_key_with_openssl_alone() {
    let delivery = Delivery::new();
    let (recipient, signer_cert, signer) = (delivery.transport.spki(), &delivery.signer_cert, &delivery.signer);
    let envelope = recover_key(&delivery.key, recipient, signer_cert, signer, &Counting::new()).unwrap();
    delivery.court.file("key.p7m", &envelope);
    delivery.court.accepts("cms -decrypt -inform DER -in key.p7m -inkey transport.key -binary -out signed.der");
    delivery.court.accepts("cms -verify -inform DER -in signed.der -CAfile ca.pem -purpose any -binary -out recovered.der");
    assert_eq!(delivery.court.read("recovered.der"), **delivery.key);
    delivery.court.accepts("pkey -in recovered.der -noout");
}
