//! Evidence as the secure hardware of a phone gives it, under a root that everybody has the key of: for development, and for tests of a server that
//! trusts this root (`mobile-sim evidence-root`). It has the shape of the real thing: a statement about the key, version 300, TEE, signed by a key of
//! the batch, which the root signed.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SubjectPublicKeyInfo,
};
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::certificate::pem;
use crate::encoding::from_b64;
use crate::error::Distrust;
use crate::key::Key;

/// The simulator's root key, PKCS#8. It is public: whoever trusts it trusts anybody.
const ROOT_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgoFgOJixAK1kMhVXUMGc2Z8tU3R73gqXdN9WFYda8D1uhRANCAARav0UyJYwDaacNMCufI6JmgYPHN7fN47kVnpOeLDhpI1pCzuiKZst+4is0hXnWxLYUFw3rRsqKUvRsgxWXlZui";

const KEY_DESCRIPTION: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 1, 17];
/// The same as the type of a statement in a bundle, and id-aa-evidence as the attribute that carries it.
const STATEMENT_TYPE: [u8; 12] = [0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x01, 0x11];
pub(crate) const ATTRIBUTE: &[u64] = &[1, 2, 840, 113549, 1, 9, 16, 2, 59];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;

/// The certificate of the simulator's root, PEM.
pub fn simulator_root() -> Result<String, Distrust> {
    Ok(pem("CERTIFICATE", root()?.1.der()))
}

/// The SET OF values of the attribute: evidence for a key, made for this challenge.
pub(crate) fn for_key(key: &Key, challenge: &[u8]) -> Result<Vec<u8>, Distrust> {
    let (root_issuer, root) = root()?;
    let batch_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let batch_params = authority("Simulated TEE");
    let batch = batch_params.signed_by(&batch_key, &root_issuer).map_err(failed)?;
    let mut leaf = CertificateParams::default();
    leaf.distinguished_name = named("Android Keystore Key");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.custom_extensions = vec![CustomExtension::from_oid_content(KEY_DESCRIPTION, description(challenge))];
    let spki = key.spki().map_err(|error| Distrust::because(error.to_string()))?;
    let spki = SubjectPublicKeyInfo::from_der(&spki).map_err(failed)?;
    let leaf = leaf.signed_by(&spki, &Issuer::new(batch_params, batch_key)).map_err(failed)?;
    let chain = tlv(SEQUENCE, &[leaf.der(), batch.der(), root.der()].map(|der| der.as_ref()).concat());
    let statement = tlv(SEQUENCE, &[&STATEMENT_TYPE[..], &chain].concat());
    Ok(tlv(SET, &tlv(SEQUENCE, &tlv(SEQUENCE, &statement))))
}

fn root() -> Result<(Issuer<'static, KeyPair>, rcgen::Certificate), Distrust> {
    let der = from_b64(ROOT_KEY.as_bytes())?;
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der), &PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let params = authority("Remint simulator root: for development only");
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((Issuer::new(params, key), certificate))
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn failed(error: rcgen::Error) -> Distrust {
    Distrust::because(format!("no evidence can be made: {error}"))
}

/// KeyDescription, version 300: a P-256 key, generated in the TEE of a locked phone, which signs for its authenticated user.
fn description(challenge: &[u8]) -> Vec<u8> {
    let package = tlv(SEQUENCE, &[tlv(OCTETS, b"org.example.card"), tlv(INTEGER, &[1])].concat());
    let application = tlv(SEQUENCE, &[tlv(SET, &package), tlv(SET, &tlv(OCTETS, &[0x5a; 32]))].concat());
    let software = tlv(SEQUENCE, &tagged(709, &tlv(OCTETS, &application)));
    let boot = [tlv(OCTETS, &[0x11; 32]), vec![0x01, 0x01, 0xff], tlv(ENUMERATED, &[0]), tlv(OCTETS, &[0x22; 32])].concat();
    let hardware = [
        tagged(1, &tlv(SET, &tlv(INTEGER, &[2]))),
        tagged(2, &tlv(INTEGER, &[3])),
        tagged(3, &tlv(INTEGER, &[0x01, 0x00])),
        tagged(5, &tlv(SET, &tlv(INTEGER, &[4]))),
        tagged(10, &tlv(INTEGER, &[1])),
        tagged(504, &tlv(INTEGER, &[2])),
        tagged(702, &tlv(INTEGER, &[0])),
        tagged(704, &tlv(SEQUENCE, &boot)),
        tagged(705, &tlv(INTEGER, &[0x02, 0x71, 0x00])),
        tagged(706, &tlv(INTEGER, &[0x03, 0x17, 0x0b])),
    ];
    let parts = [
        tlv(INTEGER, &[0x01, 0x2c]),
        tlv(ENUMERATED, &[1]),
        tlv(INTEGER, &[0x01, 0x2c]),
        tlv(ENUMERATED, &[1]),
        tlv(OCTETS, challenge),
        tlv(OCTETS, b""),
        software,
        tlv(SEQUENCE, &hardware.concat()),
    ];
    tlv(SEQUENCE, &parts.concat())
}

/// `[number] EXPLICIT`.
fn tagged(number: u16, content: &[u8]) -> Vec<u8> {
    let identifier = match number {
        0..31 => vec![0xa0 | number as u8],
        31..128 => vec![0xbf, number as u8],
        _ => vec![0xbf, 0x80 | (number >> 7) as u8, number as u8 & 0x7f],
    };
    [identifier, length(content.len()), content.to_vec()].concat()
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    [vec![tag], length(content.len()), content.to_vec()].concat()
}

fn length(length: usize) -> Vec<u8> {
    match length {
        0..0x80 => vec![length as u8],
        0x80..0x100 => vec![0x81, length as u8],
        _ => vec![0x82, (length >> 8) as u8, length as u8],
    }
}
