//! M3 and M4: requests for certificates that are refused.

use mobile_sim::wire::Request;

use crate::support::device::DeviceKey;
use crate::support::live::Live;
use crate::support::no::Untouched;
use crate::support::openssl::openssl;
use crate::support::wire_device::{WireDevice, b64};

/// A PKCS#10 request as openssl makes it.
async fn request_by_openssl(arguments: &[&str]) -> Vec<u8> {
    let always = ["req", "-new", "-nodes", "-keyout", "/dev/null", "-outform", "DER"];
    openssl(&[&always, arguments].concat(), b"").await
}

const P256: &str = "ec_paramgen_curve:P-256";

#[tokio::test]
async fn a_request_that_is_not_on_p_256_with_sha_256_is_refused() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let house = Untouched::now(&live).await;
    let found: &[(&[&str], &str)] = &[
        (&["-subj", "/", "-newkey", "rsa:2048"], "found: RSA 2048, expected: EC P-256"),
        (&["-subj", "/", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "found: EC P-384, expected: EC P-256"),
        (&["-subj", "/", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "found: EC secp256k1, expected: EC P-256"),
        (&["-subj", "/", "-newkey", "ed25519"], "found: Ed25519, expected: EC P-256"),
        (&["-subj", "/", "-newkey", "ec", "-pkeyopt", P256, "-sha384"], "found: ecdsa-with-SHA384, expected: ecdsa-with-SHA256"),
    ];
    for (arguments, words) in found {
        let reply = device.enroll("auth", &request_by_openssl(arguments).await).await;
        house.refuses(&arguments.join(" "), &reply, 400, "bad-csr", &[words]).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn a_request_names_the_user_or_nobody() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let house = Untouched::now(&live).await;
    let two = "found: several common names, expected: an empty subject, or one with one common name";
    for (subject, words) in [
        ("/CN=Ben Ruiz", "found: CN=Ben Ruiz, expected: the user's name, or none"),
        ("/CN=ana ruiz", "found: CN=ana ruiz, expected: the user's name, or none"),
        ("/CN=Ana Ruiz/CN=Ben Ruiz", two),
    ] {
        let csr = request_by_openssl(&["-subj", subject, "-newkey", "ec", "-pkeyopt", P256]).await;
        house.refuses(subject, &device.enroll("auth", &csr).await, 400, "bad-csr", &[words]).await;
    }
    let key = DeviceKey::generate();
    assert_eq!(device.enroll("auth", &key.csr(Some("Ana Ruiz"))).await.status, 200);
    live.stop().await;
}

#[tokio::test]
async fn a_request_whose_key_is_not_held_is_refused() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let house = Untouched::now(&live).await;
    let right = DeviceKey::generate().csr(None);
    let mut altered = right.clone();
    *altered.last_mut().unwrap() ^= 1;
    let mut other_key = right.clone();
    let point = right.windows(3).position(|bytes| bytes == [0x03, 0x42, 0x00]).unwrap() + 4;
    other_key.splice(point..point + 64, DeviceKey::generate().spki().point()[1..].iter().copied());
    for (what, csr) in [("an altered signature", altered), ("the signature of another key", other_key)] {
        let words = ["found: a signature that does not verify", "expected: a signature by the key in the request"];
        house.refuses(what, &device.enroll("auth", &csr).await, 400, "bad-csr", &words).await;
    }
    let longer = [right.as_slice(), b"\0"].concat();
    for (what, csr) in [("a cut request", &right[..right.len() - 1]), ("a byte behind", &longer), ("nothing", &[])] {
        let words = ["found: bytes that are not PKCS#10", "expected: one certification request"];
        house.refuses(what, &device.enroll("auth", csr).await, 400, "bad-csr", &words).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn noise_up_to_the_limit_is_no_request_and_beyond_it_is_too_large() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let house = Untouched::now(&live).await;
    let post = |body: Vec<u8>| Request::post("/.well-known/est/auth/simpleenroll").with_body("application/pkcs10", body);
    let limit = 64 * 1024;
    for (what, body, words) in [
        ("bytes", noise(limit), ["found: a body that is not base64", "expected: the base64 of a PKCS#10 request"]),
        ("base64", b64(&noise(limit / 4 * 3)).into_bytes(), ["found: 49152 bytes", "expected: at most 16384"]),
    ] {
        assert_eq!(body.len(), limit);
        let reply = device.bootstrap.send(post(body.clone())).await.unwrap();
        house.refuses(what, &reply, 400, "bad-csr", &words).await;
        let reply = device.bootstrap.send(post([body.as_slice(), b"A"].concat())).await.unwrap();
        house.refuses(&format!("{what}, one more"), &reply, 413, "too-large", &["expected: at most 65536 bytes"]).await;
    }
    live.stop().await;
}

/// Bytes that repeat, and mean nothing.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index * index / 7 + 0x80) % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_key_is_certified_once_and_was_nothing_else_before() {
    let live = Live::start().await;
    let (mut other, ben) = WireDevice::of_new_user(&live, "Ben").await;
    other.provision(&live, &ben).await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let auth = DeviceKey::generate();
    assert_eq!(device.enroll("auth", &auth.csr(None)).await.status, 200);
    assert_eq!(device.collect(&device.transport_key.transport_csr()).await.status, 200);
    let house = Untouched::now(&live).await;
    for (what, key) in [
        ("the key of another slot", &auth),
        ("the key of another device", other.key_of("sign")),
        ("the transport key of another device", &other.transport_key),
        ("the session key", &device.session_key),
        ("the transport key", &device.transport_key),
    ] {
        let words = ["found: a key that has been seen before", "expected: a fresh key for each slot"];
        house.refuses(what, &device.enroll("sign", &key.csr(None)).await, 409, "key-seen-before", &words).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn a_slot_takes_one_key_and_gives_it_the_same_certificate_again() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let key = DeviceKey::generate();
    let first = device.enroll("auth", &key.csr(None)).await;
    let house = Untouched::now(&live).await;
    assert_eq!(device.enroll("auth", &key.csr(None)).await.body, first.body, "byte for byte, though the request is signed afresh");
    house.holds("the same key again").await;
    let reply = device.enroll("auth", &DeviceKey::generate().csr(None)).await;
    house.refuses("another key", &reply, 409, "slot-taken", &["found: another key in auth", "required: the key that was enrolled"]).await;
    live.stop().await;
}

#[tokio::test]
async fn there_are_no_slots_but_those_of_the_plan() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let (house, csr) = (Untouched::now(&live).await, DeviceKey::generate().csr(None));
    let not_planned = "required: a slot of the plan whose key the device generates";
    let expected = "expected one of: auth, sign, enc, card-auth";
    for (slot, words) in
        [("card-auth", not_planned), ("enc", not_planned), ("Auth", expected), ("auth%0d%0aX", expected), ("%ff", expected)]
    {
        house.refuses(slot, &device.enroll(slot, &csr).await, 404, "unknown-slot", &[words]).await;
        if words == expected {
            let reply = device.bootstrap.get(&format!("/.well-known/est/{slot}/csrattrs")).await.unwrap();
            house.refuses(slot, &reply, 404, "unknown-slot", &[words]).await;
        }
    }
    live.stop().await;
}

#[tokio::test]
async fn a_session_that_has_ended_enrolls_nothing() {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let invited = live.initial(&user, mobile_sim::DeviceKind::MobileSmartCard).await;
    let device = WireDevice::open(&live, &invited).await;
    live.cancel(&invited.request).await;
    let (house, key) = (Untouched::now(&live).await, DeviceKey::generate());
    let words = ["found: canceled", "required: a session at work"];
    house.refuses("M4", &device.enroll("auth", &key.csr(None)).await, 410, "canceled", &words).await;
    house.refuses("M5", &device.collect(&key.transport_csr()).await, 410, "canceled", &words).await;
    live.stop().await;
}
