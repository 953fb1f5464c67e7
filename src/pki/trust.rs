//! Trust in client certificates: whether one was made by us, is good now, and is meant for clients.
//!
//! TLS proves that the client holds the key, and accepts any certificate, so that a refusal can be said in words. This is what judges
//! the certificate, on every request. It knows no status: whether it is revoked or held is in the database, under its serial.

use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use jiff::Timestamp;
use x509_parser::certificate::TbsCertificate;
use x509_parser::prelude::{FromDer, X509Version};
use x509_parser::time::ASN1Time;

use super::authority::Authority;
use super::key::Spki;
use super::signed::Signed;
use crate::lifecycle::ids::Serial;

/// Which of our authorities signed a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// Of a user, a device or an operator.
    Issuing,
    /// Of a session.
    Enrollment,
}

/// A client certificate of ours, good at the time that was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    pub issuer: Issuer,
    pub serial: Serial,
    pub spki: Spki,
    pub not_after: Timestamp,
}

/// Why a client certificate is not accepted. The client must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientFault {
    #[error("a certificate that is not X.509 v3 in DER, on P-256, signed with ECDSA and SHA-256")]
    Malformed,
    #[error("a certificate of another authority")]
    ForeignIssuer,
    #[error("a certificate that names our authority, which did not sign it")]
    BadSignature,
    #[error("a certificate that is not yet good, from: {not_before}")]
    NotYetValid { not_before: Timestamp },
    #[error("a certificate that has expired, at: {not_after}")]
    Expired { not_after: Timestamp },
    #[error("a certificate that is not for clients: it lacks the extended key usage clientAuth")]
    NotForClients,
}

impl Authority {
    /// Judges the certificate that a TLS client has proved to hold the key of.
    pub fn judge_client(&self, der: &[u8], now: Timestamp) -> Result<ClientCertificate, ClientFault> {
        let (signed, certificate) = read(der).ok_or(ClientFault::Malformed)?;
        let spki = Spki::from_der(certificate.public_key().raw).ok_or(ClientFault::Malformed)?;

        let (issuer, ca) = [(Issuer::Issuing, self.issuing_ca()), (Issuer::Enrollment, self.enrollment_ca())]
            .into_iter()
            .find(|(_, ca)| ca.subject_der == certificate.issuer().as_raw())
            .ok_or(ClientFault::ForeignIssuer)?;
        if !signed.is_by(ca.key.spki()) {
            return Err(ClientFault::BadSignature);
        }
        // From here on the certificate says what we wrote.
        let serial = Serial::from_bytes(certificate.raw_serial()).ok_or(ClientFault::Malformed)?;
        let (not_before, not_after) = period(&certificate).ok_or(ClientFault::Malformed)?;
        if now < not_before {
            return Err(ClientFault::NotYetValid { not_before });
        }
        // RFC 5280 §4.1.2.5 includes the last second. Our choice: that instant is already too late, in every layer.
        if now >= not_after {
            return Err(ClientFault::Expired { not_after });
        }
        if !is_for_clients(&certificate) {
            return Err(ClientFault::NotForClients);
        }
        Ok(ClientCertificate { issuer, serial, spki, not_after })
    }
}

/// Whether `issuer` signed exactly these bytes.
pub(super) fn is_signed_by(der: &[u8], issuer: &Spki) -> bool {
    Signed::read(der).is_some_and(|signed| signed.is_by(issuer))
}

/// X.509 v3 with one signature algorithm inside and outside (RFC 5280 §4.1.1.2).
fn read(der: &[u8]) -> Option<(Signed<'_>, TbsCertificate<'_>)> {
    let signed = Signed::read(der)?;
    let (rest, certificate) = TbsCertificate::from_der(signed.content).ok()?;
    let algorithm = &certificate.signature;
    let is_ours = rest.is_empty()
        && certificate.version() == X509Version::V3
        && algorithm.algorithm.as_bytes() == ECDSA_WITH_SHA_256.as_bytes()
        && algorithm.parameters.is_none();
    is_ours.then_some((signed, certificate))
}

fn period(certificate: &TbsCertificate<'_>) -> Option<(Timestamp, Timestamp)> {
    let validity = certificate.validity();
    let time = |time: ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    Some((time(validity.not_before)?, time(validity.not_after)?))
}

/// clientAuth by name: not the absence of purposes, and not "any purpose".
fn is_for_clients(certificate: &TbsCertificate<'_>) -> bool {
    matches!(certificate.extended_key_usage(), Ok(Some(purposes)) if purposes.value.client_auth)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::lifecycle::credential::Slot;
    use crate::lifecycle::ids::SessionId;
    use crate::pki::encoding;
    use crate::pki::key::SigningKey;
    use crate::pki::profile::Profiles;
    use crate::pki::testing::{Workshop, ana, days, device};

    fn auth(shop: &Workshop) -> Vec<u8> {
        shop.certify(Profiles::built_in().unwrap().get(Slot::Auth), &ana()).1
    }

    #[test]
    fn certificates_of_users_and_sessions_are_accepted_each_by_its_issuer() {
        let shop = Workshop::new();
        let judged = shop.authority.judge_client(&auth(&shop), shop.now).unwrap();
        assert_eq!(judged.issuer, Issuer::Issuing);

        let (key, serial, end) = (SigningKey::generate().unwrap(), shop.serial(), shop.now + days(1));
        let bootstrap = shop.authority.certify_session(key.spki(), SessionId(device()), serial, shop.now, end).unwrap();
        let expected = ClientCertificate {
            issuer: Issuer::Enrollment,
            serial,
            spki: key.spki().clone(),
            not_after: Timestamp::from_second(end.as_second()).unwrap(),
        };
        assert_eq!(shop.authority.judge_client(&bootstrap, shop.now), Ok(expected));
    }

    #[test]
    fn a_certificate_is_good_from_its_first_second_to_the_one_before_its_last() {
        let shop = Workshop::new();
        let certificate = auth(&shop);
        let end = shop.authority.judge_client(&certificate, shop.now).unwrap().not_after;
        let (start, second) = (Timestamp::from_second(shop.now.as_second()).unwrap(), SignedDuration::from_secs(1));
        let judge = |now| shop.authority.judge_client(&certificate, now).map(|_| ());
        assert_eq!(judge(start - second), Err(ClientFault::NotYetValid { not_before: start }));
        assert_eq!(judge(start), Ok(()));
        assert_eq!(judge(end - second), Ok(()));
        assert_eq!(judge(end), Err(ClientFault::Expired { not_after: end }));
    }

    #[test]
    fn certificates_that_are_not_for_clients_are_refused() {
        let (shop, profiles) = (Workshop::new(), Profiles::built_in().unwrap());
        let others = [Slot::Sign, Slot::Enc, Slot::CardAuth].map(|slot| shop.certify(profiles.get(slot), &ana()).1);
        let own = [&shop.authority.server.certificate, &shop.authority.delivery_signer().1.to_vec()].map(Clone::clone);
        for certificate in others.iter().chain(&own) {
            assert_eq!(shop.authority.judge_client(certificate, shop.now), Err(ClientFault::NotForClients));
        }
    }

    #[test]
    fn a_certificate_of_another_installation_of_the_same_names_is_refused() {
        let (ours, theirs) = (Workshop::new(), Workshop::new());
        assert_eq!(ours.authority.judge_client(&auth(&theirs), ours.now), Err(ClientFault::BadSignature));
        let strangers = Workshop::at(ours.now, "Another Org");
        assert_eq!(ours.authority.judge_client(&auth(&strangers), ours.now), Err(ClientFault::ForeignIssuer));
        let root = ours.authority.root_certificate();
        assert_eq!(ours.authority.judge_client(root, ours.now), Err(ClientFault::ForeignIssuer));
    }

    #[test]
    fn a_certificate_of_one_authority_does_not_pass_for_the_others() {
        let shop = Workshop::new();
        // Signed by the enrollment key, under the name of the issuing CA.
        let genuine = auth(&shop);
        let content = Signed::read(&genuine).unwrap().content;
        let forged = encoding::sign(content, &shop.authority.enrollment_ca().key).unwrap();
        assert_eq!(shop.authority.judge_client(&forged, shop.now), Err(ClientFault::BadSignature));
    }

    #[test]
    fn no_certificate_with_an_altered_cut_or_added_byte_is_accepted() {
        let shop = Workshop::new();
        let certificate = auth(&shop);
        for index in 0..certificate.len() {
            for bit in [1, 0x80] {
                let mut altered = certificate.clone();
                altered[index] ^= bit;
                assert!(shop.authority.judge_client(&altered, shop.now).is_err(), "byte {index} ^ {bit:#x}");
            }
            assert_eq!(shop.authority.judge_client(&certificate[..index], shop.now), Err(ClientFault::Malformed));
        }
        let longer = [&certificate[..], &[0]].concat();
        assert_eq!(shop.authority.judge_client(&longer, shop.now), Err(ClientFault::Malformed));
    }
}
