//! The invitation: the `msc1:` URI that reaches the user, as a QR code or as text.
//!
//! It carries a secret that is spent once (M2), so it is neither stored nor shown. Its expiry is left to the server, whose clock
//! decides.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::encoding::array_from_b64u;

const SCHEME: &str = "msc1:?";
const LONGEST: usize = 300;

/// A parsed invitation.
#[derive(Clone)]
pub struct Invitation {
    /// `host:port` of the devices listener.
    pub authority: String,
    /// Names the invitation; not secret.
    pub id: [u8; 16],
    pub(crate) secret: Zeroizing<[u8; 16]>,
    /// SHA-256 of the SubjectPublicKeyInfo of the root certificate.
    pub pin: [u8; 32],
    /// When the server will no longer take it, in Unix seconds.
    pub expires_at_s: u64,
}

/// Why a text is not an invitation. Says what is wrong without repeating the text, which holds a secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvitationError {
    #[error("not an invitation: it does not start with {SCHEME}")]
    Scheme,
    #[error("not an invitation: longer than {LONGEST} characters")]
    TooLong,
    #[error("the invitation is incomplete: {0} is missing")]
    Missing(&'static str),
    #[error("the invitation is garbled: {0} is there twice")]
    Twice(&'static str),
    #[error("the invitation is garbled: it has a part that version 1 does not know")]
    Unknown,
    #[error("the invitation is garbled: {0} is not {1}")]
    Garbled(&'static str, &'static str),
}

impl FromStr for Invitation {
    type Err = InvitationError;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        let uri = uri.trim();
        if uri.len() > LONGEST {
            return Err(InvitationError::TooLong);
        }
        let query = uri.strip_prefix(SCHEME).ok_or(InvitationError::Scheme)?;
        let parts = Parts::read(query)?;
        Ok(Self {
            authority: host_and_port(parts.get("h")?)?.to_owned(),
            id: bytes("i", "16 bytes in base64url", parts.get("i")?)?,
            secret: Zeroizing::new(bytes("c", "16 bytes in base64url", parts.get("c")?)?),
            pin: bytes("p", "32 bytes in base64url", parts.get("p")?)?,
            expires_at_s: parts.get("x")?.parse().map_err(|_| InvitationError::Garbled("x", "a time in seconds"))?,
        })
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation").field("authority", &self.authority).field("expires_at_s", &self.expires_at_s).finish_non_exhaustive()
    }
}

const NAMES: [&str; 5] = ["h", "i", "c", "p", "x"];

/// The members of the query, each at most once, in any order.
struct Parts<'a>([Option<&'a str>; NAMES.len()]);

impl<'a> Parts<'a> {
    fn read(query: &'a str) -> Result<Self, InvitationError> {
        let mut values = [None; NAMES.len()];
        for part in query.split('&') {
            let (name, value) = part.split_once('=').ok_or(InvitationError::Unknown)?;
            let at = NAMES.iter().position(|known| *known == name).ok_or(InvitationError::Unknown)?;
            if values[at].replace(value).is_some() {
                return Err(InvitationError::Twice(NAMES[at]));
            }
        }
        Ok(Self(values))
    }

    fn get(&self, name: &'static str) -> Result<&'a str, InvitationError> {
        let at = NAMES.iter().position(|known| *known == name);
        at.and_then(|at| self.0[at]).filter(|value| !value.is_empty()).ok_or(InvitationError::Missing(name))
    }
}

fn host_and_port(text: &str) -> Result<&str, InvitationError> {
    crate::wire::host_of(text).map(|_| text).map_err(|_| InvitationError::Garbled("h", "host:port"))
}

fn bytes<const N: usize>(name: &'static str, wanted: &'static str, text: &str) -> Result<[u8; N], InvitationError> {
    array_from_b64u(text).map_err(|_| InvitationError::Garbled(name, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::b64u;

    fn uri() -> String {
        format!("msc1:?h=127.0.0.1:9443&i={}&c={}&p={}&x=1795600000", b64u(&[1; 16]), b64u(&[2; 16]), b64u(&[3; 32]))
    }

    #[test]
    fn the_invitation_of_the_published_vectors_is_read_as_they_say() {
        let vector = &crate::vectors::vectors()["invitation"];
        let field = |name| crate::vectors::b64u(vector, name);
        let invitation: Invitation = vector["uri"].as_str().expect("a text").parse().expect("valid");
        assert_eq!(invitation.authority, vector["host_and_port"].as_str().expect("a text"));
        let read = [&invitation.id[..], &invitation.secret[..], &invitation.pin[..]].map(<[u8]>::to_vec);
        assert_eq!(read, ["invitation", "secret", "pin"].map(field));
        assert_eq!(Some(invitation.expires_at_s), vector["expires_at_s"].as_u64());
    }

    #[test]
    fn an_invitation_is_read_whole() {
        let invitation: Invitation = uri().parse().expect("valid");
        assert_eq!(invitation.authority, "127.0.0.1:9443");
        assert_eq!((invitation.id, *invitation.secret, invitation.pin), ([1; 16], [2; 16], [3; 32]));
        assert_eq!(invitation.expires_at_s, 1_795_600_000);
    }

    #[test]
    fn the_host_is_read_literally_and_an_ipv6_address_in_brackets() {
        let at = |host: &str| uri().replace("127.0.0.1:9443", host).parse::<Invitation>().map(|invitation| invitation.authority);
        for host in ["[2001:db8::1]:8443", "[::1]:8443", "phones.example.org:8443"] {
            assert_eq!(at(host).as_deref(), Ok(host));
        }
        for host in ["2001:db8::1:8443", "[127.0.0.1]:8443", "[::1]", "127.0.0.1%3A9443", "%5B::1%5D:8443"] {
            assert_eq!(at(host), Err(InvitationError::Garbled("h", "host:port")), "{host}");
        }
    }

    #[test]
    fn a_bad_invitation_says_what_is_wrong() {
        use InvitationError as E;
        let changed = |from: &str, to: &str| uri().replace(from, to).parse::<Invitation>().expect_err("bad");
        assert_eq!("http://example.org".parse::<Invitation>().expect_err("bad"), E::Scheme);
        assert_eq!(changed("msc1:", "msc2:"), E::Scheme);
        assert_eq!(changed("&x=1795600000", ""), E::Missing("x"));
        assert_eq!(changed("x=1795600000", "x=soon"), E::Garbled("x", "a time in seconds"));
        assert_eq!(changed("&x=", "&x=1&x="), E::Twice("x"));
        assert_eq!(changed("&x=", "&y="), E::Unknown);
        assert_eq!(changed(":9443", ""), E::Garbled("h", "host:port"));
        assert_eq!(changed("&i=AQ", "&i="), E::Garbled("i", "16 bytes in base64url"));
        assert_eq!(changed("&x=", &format!("&z={}&x=", "z".repeat(300))), E::TooLong);
    }

    #[test]
    fn the_secret_is_not_in_its_debug_form() {
        let shown = format!("{:?}", uri().parse::<Invitation>().expect("valid"));
        assert!(!shown.contains(&b64u(&[2; 16])) && !shown.contains("[2, 2"));
    }
}
