//! Every rule broken once: what we sign is taken apart, one piece of it is made wrong, and lint must say which rule that breaks.

use super::*;
use crate::lifecycle::credential::Slot;
use crate::pki::certificate::{CertifyError, Draft, Period};
use crate::pki::crl::{CrlEntry, CrlReason, Edition, Entries, Scope, sign_crl};
use crate::pki::extension;
use crate::pki::key::SigningKey;
use crate::pki::name;
use crate::pki::ocsp::{OcspRequest, Status, sign_response};
use crate::pki::profile::Profiles;
use crate::pki::testing::{Workshop, ana, days};
use const_oid::db::rfc5280::ID_KP_CLIENT_AUTH;
use x509_cert::ext::pkix::KeyUsages;
use x509_parser::asn1_rs::Any;

const SEQUENCE: u8 = 0x30;
const EXTENSIONS: u8 = 0xa3;

/// The content of one value.
fn content(der: &[u8]) -> &[u8] {
    Any::from_der(der).unwrap().1.data
}

/// The values that stand one after the other in a constructed one.
fn parts(der: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut parts) = (content(der), Vec::new());
    while !rest.is_empty() {
        let (after, _) = Any::from_der(rest).unwrap();
        parts.push(rest[..rest.len() - after.len()].to_vec());
        rest = after;
    }
    parts
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ 0..0x80 => vec![short as u8],
        middle @ 0x80..0x100 => vec![0x81, middle as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag], &length[..], content].concat()
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

/// The first part of something signed.
fn to_be_signed(der: &[u8]) -> Vec<u8> {
    parts(der).remove(0)
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).expect("what is to be replaced");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// An extension, by the last octets of an OID below 2.5.29 or a whole OID.
fn extension_of(oid: &[u8], is_critical: bool, value: &[u8]) -> Vec<u8> {
    let oid = if oid.len() == 1 { [0x55, 0x1d, oid[0]].to_vec() } else { oid.to_vec() };
    let critical = if is_critical { vec![1, 1, 0xff] } else { Vec::new() };
    sequence(&[tlv(6, &oid), critical, tlv(4, value)])
}

/// A TBSCertificate with its pieces: version, serial, algorithm, issuer, validity, subject, key, extensions.
struct Piecemeal {
    fields: Vec<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
}

impl Piecemeal {
    fn of(tbs: &[u8]) -> Self {
        let mut fields = parts(tbs);
        let extensions = parts(content(&fields.pop().unwrap()));
        Self { fields, extensions }
    }

    fn whole(mut self) -> Vec<u8> {
        self.fields.push(tlv(EXTENSIONS, &sequence(&self.extensions)));
        sequence(&self.fields)
    }

    /// The place of the extension below 2.5.29.
    fn place(&self, oid: u8) -> usize {
        let mark = [6, 3, 0x55, 0x1d, oid];
        self.extensions.iter().position(|extension| extension.windows(5).any(|window| window == mark)).expect("the extension")
    }

    fn set(&mut self, oid: u8, is_critical: bool, value: &[u8]) {
        let place = self.place(oid);
        self.extensions[place] = extension_of(&[oid], is_critical, value);
    }
}

/// An `auth` certificate taken apart, and the issuer's certificate.
fn auth(shop: &Workshop) -> Vec<u8> {
    to_be_signed(&shop.certify(Profiles::built_in().unwrap().get(Slot::Auth), &ana()).1)
}

type Break = fn(&mut Piecemeal);

#[test]
fn every_rule_of_a_certificate_is_looked_at() {
    let shop = Workshop::new();
    let (tbs, issuer) = (auth(&shop), shop.authority.issuing_certificate().to_vec());
    certificate(&tbs, &issuer).unwrap();
    assert_eq!(certificate(&Piecemeal::of(&tbs).whole(), &issuer), Ok(()), "taken apart and put together it is the same");
    let broken: &[(&str, Break)] = &[
        ("version 3", |it| it.fields[0] = replaced(&it.fields[0], &[2, 1, 2], &[2, 1, 1])),
        ("a serial of 20 octets", |it| it.fields[1] = tlv(2, &[0x41; 20])),
        ("a serial of 20 octets", |it| it.fields[1] = tlv(2, &content(&it.fields[1])[..19])),
        ("a serial of 20 octets", |it| it.fields[1][2] |= 0x80),
        ("ecdsa-with-SHA256", |it| it.fields[2] = replaced(&it.fields[2], &[4, 3, 2], &[4, 3, 3])),
        ("ecdsa-with-SHA256", |it| it.fields[2] = sequence(&[parts(&it.fields[2]).remove(0), vec![5, 0]])),
        ("the issuer's own name", |it| it.fields[3] = replaced(&it.fields[3], b"issuing", b"Issuing")),
        ("UTCTime until 2049", |it| it.fields[4] = sequence(&[parts(&it.fields[4]).remove(0), tlv(0x18, b"20281121120000Z")])),
        ("begins before it ends", |it| it.fields[4] = sequence(&[tlv(0x17, b"300101000000Z"), parts(&it.fields[4]).remove(1)])),
        ("ends before the issuer's", |it| it.fields[4] = sequence(&[parts(&it.fields[4]).remove(0), tlv(0x17, b"370101000000Z")])),
        ("a name that is not empty", |it| it.fields[5] = sequence(&[])),
        ("no empty attribute", |it| it.fields[5] = sequence(&[tlv(0x31, &sequence(&[tlv(6, &[0x55, 4, 3]), tlv(0xc, b"")]))])),
        ("at most 64", |it| it.fields[5] = sequence(&[tlv(0x31, &sequence(&[tlv(6, &[0x55, 4, 3]), tlv(0xc, &[b'x'; 65])]))])),
        ("uncompressed key on P-256", |it| it.fields[6] = replaced(&it.fields[6], &[3, 1, 7], &[3, 1, 6])),
        ("no unique identifiers", |it| it.fields.push(tlv(0x81, &[0, 1]))),
        ("extensions (§4.1.2.9)", |it| it.extensions.clear()),
        ("each extension once", |it| it.extensions.push(it.extensions[0].clone())),
        ("nobody here knows", |it| it.extensions.push(extension_of(&[0x2b, 6, 1, 4, 1, 99, 1], false, &[5, 0]))),
        ("can be read", |it| it.set(15, true, &[4, 1, 0])),
        ("a key usage (§4.2.1.3)", |it| drop(it.extensions.remove(it.place(15)))),
        ("a bit set", |it| it.set(15, true, &[3, 2, 7, 0])),
        ("no keyCertSign", |it| it.set(15, true, &[3, 2, 2, 0x84])),
        ("as critical", |it| it.set(15, false, &[3, 2, 7, 0x80])),
        ("as critical", |it| it.extensions.push(extension_of(&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x19, 2], true, &sequence(&[])))),
        ("basic constraints of an authority", |it| it.extensions.push(extension_of(&[19], true, &sequence(&[])))),
        ("an authority that signs", |it| it.extensions.push(extension_of(&[19], true, &sequence(&[vec![1, 1, 0xff], vec![2, 1, 0]])))),
        ("purposes, each once", |it| it.set(37, false, &sequence(&[]))),
        ("purposes, each once", |it| it.set(37, false, &sequence(&vec![tlv(6, &[0x2b, 6, 1, 5, 5, 7, 3, 2]); 2]))),
        ("means all of them", |it| it.set(37, false, &sequence(&[tlv(6, &[0x55, 0x1d, 37, 0])]))),
        ("ocsp-nocheck with", |it| it.set(37, false, &sequence(&[tlv(6, &[0x2b, 6, 1, 5, 5, 7, 3, 9])]))),
        ("hosts in a TLS server's", |it| it.set(37, false, &sequence(&[tlv(6, &[0x2b, 6, 1, 5, 5, 7, 3, 1])]))),
        ("hosts in a TLS server's", |it| it.set(17, false, &sequence(&[tlv(0x82, b"example.org")]))),
        ("policies, each once", |it| it.extensions.push(extension_of(&[32], false, &sequence(&[])))),
        ("names that say something", |it| it.set(17, false, &sequence(&[]))),
        ("names that say something", |it| it.set(17, false, &sequence(&[tlv(0x81, b"")]))),
        ("as critical", |it| it.set(17, true, &sequence(&[tlv(0x81, b"ana@example.org")]))),
        ("the identifier of its own key", |it| it.set(14, false, &tlv(4, &[7; 20]))),
        ("the identifier of its own key", |it| drop(it.extensions.remove(it.place(14)))),
        ("key identifier of the issuer", |it| it.set(35, false, &sequence(&[tlv(0x80, &[7; 20])]))),
        ("key identifier of the issuer", |it| drop(it.extensions.remove(it.place(35)))),
        ("by its key alone", |it| {
            let own = content(content(&parts(&it.extensions[it.place(35)])[1])).to_vec();
            it.set(35, false, &sequence(&[own, tlv(0x82, &[1])]));
        }),
        ("http:// URLs (§4.2.1.13", |it| {
            it.set(31, false, &sequence(&[sequence(&[tlv(0xa0, &tlv(0xa0, &tlv(0x86, b"https://a.org/c")))])]));
        }),
        ("http:// URLs (§4.2.1.13", |it| it.set(31, false, &sequence(&[]))),
        ("can be read", |it| it.set(31, false, &[5, 0])),
    ];
    for (index, (rule, make_wrong)) in broken.iter().enumerate() {
        let mut it = Piecemeal::of(&tbs);
        make_wrong(&mut it);
        let found = certificate(&it.whole(), &issuer).expect_err(&format!("{index}: {rule}"));
        assert!(found.rule.contains(rule), "{index}: {rule}: {found}");
    }
    let long = [&tbs[..], &[0]].concat();
    assert!(certificate(&long, &issuer).unwrap_err().rule.contains("nothing behind it"));
    let leaf = shop.authority.ocsp_signer().1;
    let below_a_leaf = Piecemeal::of(&tbs);
    assert!(certificate(&below_a_leaf.whole(), leaf).is_err(), "a leaf signs nothing");
}

#[test]
fn every_rule_of_a_profile_is_looked_at() {
    let shop = Workshop::new();
    let (tbs, profiles) = (auth(&shop), Profiles::built_in().unwrap());
    by_profile(&tbs, profiles.get(Slot::Auth)).unwrap();
    let upn = |it: &mut Piecemeal| it.set(17, false, &sequence(&[tlv(0x81, b"ana@example.org")]));
    let account: Break = |it| it.extensions.push(extension_of(&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x19, 2], false, &sequence(&[])));
    let broken: &[(&str, Break)] = &[
        ("the key usage", |it| it.set(15, true, &[3, 2, 6, 0xc0])),
        ("the purposes", |it| it.set(37, false, &sequence(&[tlv(6, &[0x2b, 6, 1, 5, 5, 7, 3, 2])]))),
        ("purposes as critical", |it| {
            let value = content(&parts(&it.extensions[it.place(37)])[1]).to_vec();
            it.set(37, true, &value);
        }),
        ("no policy", |it| it.extensions.push(extension_of(&[32], false, &sequence(&[sequence(&[tlv(6, &[0x55, 0x1d, 32, 0])])])))),
        ("no alternative name", upn),
        ("no longer good", |it| it.fields[4] = sequence(&[tlv(0x17, b"200101000000Z"), parts(&it.fields[4]).remove(1)])),
        ("where to ask", |it| drop(it.extensions.remove(it.place(31)))),
        ("never makes an authority", |it| it.extensions.push(extension_of(&[19], true, &sequence(&[vec![1, 1, 0xff], vec![2, 1, 0]])))),
    ];
    for (rule, make_wrong) in broken {
        let mut it = Piecemeal::of(&tbs);
        make_wrong(&mut it);
        let found = by_profile(&it.whole(), profiles.get(Slot::Auth)).expect_err(rule);
        assert!(found.rule.contains(rule), "{rule}: {found}");
    }
    let mut it = Piecemeal::of(&to_be_signed(&shop.certify(profiles.get(Slot::Sign), &ana()).1));
    account(&mut it);
    assert!(by_profile(&it.whole(), profiles.get(Slot::Sign)).unwrap_err().rule.contains("no Windows account"));
}

#[test]
fn nothing_is_signed_that_lint_finds_fault_with() {
    let (shop, key) = (Workshop::new(), SigningKey::generate().unwrap());
    let twice = || extension::purposes(vec![ID_KP_CLIENT_AUTH; 2], false).unwrap();
    let refused = shop.authority.issuing_ca().sign(Draft {
        serial: shop.serial(),
        subject: name::common("Ana").unwrap(),
        spki: key.spki(),
        period: Period { not_before: shop.now, not_after: shop.now + days(1) },
        extensions: vec![extension::key_usage(KeyUsages::DigitalSignature).unwrap(), twice()],
    });
    let refused = refused.unwrap_err();
    assert_eq!(refused.to_string(), "lint stopped a signature, expected: purposes, each once (§4.2.1.12)");
    assert!(matches!(refused, CertifyError::Unfit(_)));
}

/// A TBSCertList with one entry: version, algorithm, issuer, this and next update, entries, extensions.
fn list(shop: &Workshop) -> Vec<u8> {
    let entry = CrlEntry { serial: shop.serial(), since: shop.now, reason: CrlReason::Hold };
    let (issuer, key) = (shop.authority.issuing_certificate(), shop.authority.issuing_key());
    let edition = Edition { number: 258, this_update: shop.now, next_update: shop.now + days(1) };
    let entries = Entries::of(vec![entry]).unwrap();
    to_be_signed(&sign_crl(issuer, key, &edition, &Scope::Full { delta_url: None }, &entries).unwrap())
}

#[test]
fn every_rule_of_a_crl_is_looked_at() {
    let shop = Workshop::new();
    let (tbs, issuer) = (list(&shop), shop.authority.issuing_certificate());
    crl(&tbs, issuer).unwrap();
    let fields = parts(&tbs);
    let [number, authority] = [1, 0].map(|place| parts(content(&fields[6])).remove(place));
    let with = |extensions: &[&Vec<u8>]| tlv(0xa0, &sequence(&extensions.iter().map(|one| (*one).clone()).collect::<Vec<_>>()));
    let delta = extension_of(&[27], false, &[2, 1, 1]);
    let unknown = extension_of(&[0x2b, 6, 1, 4, 1, 99, 1], false, &[5, 0]);
    let zero = extension_of(&[20], false, &[2, 1, 0]);
    let foreign = extension_of(&[35], false, &sequence(&[tlv(0x80, &[7; 20])]));
    let broken = [
        ("version 2", 0, tlv(2, &[0])),
        ("ecdsa-with-SHA256", 1, replaced(&fields[1], &[4, 3, 2], &[4, 3, 3])),
        ("the issuer's own name", 2, replaced(&fields[2], b"issuing", b"Issuing")),
        ("UTCTime until 2049", 3, tlv(0x18, b"20261122120000Z")),
        ("a next update after", 4, fields[3].clone()),
        ("no list of entries", 5, sequence(&[])),
        ("a CRL number", 6, with(&[&authority])),
        ("a number above zero", 6, with(&[&authority, &zero])),
        ("an authority key identifier", 6, with(&[&number])),
        ("the subject key identifier", 6, with(&[&number, &foreign])),
        ("each extension once", 6, with(&[&authority, &number, &number])),
        ("nobody here knows", 6, with(&[&authority, &number, &unknown])),
        ("as critical", 6, with(&[&authority, &number, &delta])),
        ("extensions at its end", 6, tlv(0xa1, content(&fields[6]))),
    ];
    for (rule, place, part) in broken {
        let mut wrong = fields.clone();
        wrong[place] = part;
        let found = crl(&sequence(&wrong), issuer).expect_err(rule);
        assert!(found.rule.contains(rule), "{rule}: {found}");
    }
    let mut endless = fields.clone();
    endless.remove(4);
    assert!(crl(&sequence(&endless), issuer).is_err(), "no nextUpdate");
    let mut empty = fields;
    empty.remove(5);
    crl(&sequence(&empty), issuer).unwrap();
}

/// A ResponseData about one revoked certificate, with a nonce: responder, time, answers, extensions.
fn answer(shop: &Workshop) -> Vec<u8> {
    let (key, certificate) = shop.authority.ocsp_signer();
    let request = OcspRequest::read(&crate::pki::published::ask(shop.authority.issuing_certificate(), &[shop.serial()]).unwrap()).unwrap();
    let request = OcspRequest { nonce: Some(vec![9; 32]), ..request };
    let status = [Status::Hold { since: shop.now }];
    let response = sign_response(certificate, key, &request, &status, shop.now, shop.now, Some(shop.now + days(1))).unwrap();
    let basic = content(&parts(content(&parts(&response)[1]))[1]).to_vec();
    to_be_signed(&basic)
}

#[test]
fn every_rule_of_an_ocsp_answer_is_looked_at() {
    let shop = Workshop::new();
    let data = answer(&shop);
    ocsp(&data).unwrap();
    let fields = parts(&data);
    let one = parts(&parts(&fields[2])[0]);
    let told = |place: usize, part: Vec<u8>| {
        let mut one = one.clone();
        one[place] = part;
        sequence(&[sequence(&one)])
    };
    let late = || tlv(0x18, b"20270101000000Z");
    let broken = [
        ("the responder named", 0, tlv(0xa1, content(&fields[0]))),
        ("the responder named", 0, tlv(0xa2, &tlv(4, &[7; 19]))),
        ("GeneralizedTime", 1, tlv(0x17, b"261122120000Z")),
        ("GeneralizedTime", 1, tlv(0x18, b"20261122120000.5Z")),
        ("at least one answer", 2, sequence(&[])),
        ("what certificate", 2, told(0, sequence(&[]))),
        ("good, revoked or unknown", 2, told(1, vec![0x83, 0])),
        ("say no more", 2, told(1, vec![0x80, 1, 0])),
        ("has happened", 2, told(1, tlv(0xa1, &late()))),
        ("not of the future", 2, told(2, late())),
        ("after this one", 2, told(3, tlv(0xa0, &one[2]))),
        ("nothing but nextUpdate", 2, told(3, tlv(0xa1, content(&one[3])))),
        ("no list of extensions", 3, tlv(0xa1, &sequence(&[]))),
        ("nothing but extensions", 3, tlv(0xa2, content(&fields[3]))),
        ("a nonce", 3, tlv(0xa1, &sequence(&[sequence(&[tlv(6, &[0x2b, 6]), tlv(4, &tlv(4, &[]))])]))),
    ];
    for (rule, place, part) in broken {
        let mut wrong = fields.clone();
        wrong[place] = part;
        let found = ocsp(&sequence(&wrong)).expect_err(rule);
        assert!(found.rule.contains(rule), "{rule}: {found}");
    }
}
