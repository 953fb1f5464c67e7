//! Words: JSON bodies, the header of HTTP Basic, lists of devices, and what a directory knows.

use serde_json::json;

use super::altered::{INPUTS, altered, anything};
use crate::parsers;
use crate::support::wire_device::{b64, b64u};

const ID: &str = "0190f1e0-7c5a-7d3e-8a4b-1c2d3e4f5a6b";

#[test]
fn an_altered_opening_is_refused_or_makes_sense() {
    let device = json!({ "kind": "mobile-smart-card", "model": "Pixel 11", "serial": "R5CT30ABCDE", "name": "Ana's phone" });
    let body =
        json!({ "invitation": b64u(&[1; 16]), "csr": b64(&[2; 64]), "device": device, "nonce": b64u(&[3; 16]), "proof": b64u(&[4; 32]) });
    let taken = altered(&[body.to_string().into_bytes()], parsers::session_opening, anything);
    assert!(taken > 0, "another name is a name");
}

#[test]
fn an_altered_confirmation_is_refused_or_makes_sense() {
    let slot = |slot: &str| json!({ "slot": slot, "serial": "4A".repeat(20), "signature": b64u(&[5; 70]) });
    let body = json!({ "slots": [slot("auth"), slot("sign"), slot("enc")], "transport_signature": b64u(&[6; 70]) });
    altered(&[body.to_string().into_bytes()], parsers::confirmation, anything);
}

#[test]
fn an_altered_body_of_the_desk_is_refused_or_one_of_them() {
    let directory = json!({ "sid": "S-1-5-21-3623811015-3361044348-30300820-1013",
        "fasc_n": "D4E739DA739CED39CE739D836858210842108421C84210C3EB", "policies": ["2.16.840.1.101.3.2.1.3.40"] });
    let seeds = [
        json!({ "name": "Ana Ruiz", "email": "ana@example.org", "upn": "ana@corp.example.org", "directory": directory }),
        json!({ "kind": "mobile-smart-card", "mode": "remote" }),
        json!({ "target": ID, "reason": "lost", "mode": "remote" }),
        json!({ "kind": "smart-card", "serial": "0A31-7702", "model": "PIV card 4.2" }),
    ];
    let seeds = seeds.map(|body| body.to_string().into_bytes());
    altered(&seeds, |bytes| Some(parsers::desk_body(bytes)).filter(|kinds| *kinds > 0), anything);
}

#[test]
fn an_altered_basic_header_is_refused_or_names_an_invitation() {
    let header = |password: String| format!("Basic {}", b64(format!("{}:{password}", b64u(&[1; 16])).as_bytes())).into_bytes();
    altered(&[header(b64u(&[2; 16])), header(format!("{}.12345678", b64u(&[2; 16])))], parsers::basic_header, anything);
}

#[test]
fn an_altered_list_of_devices_is_refused_or_a_list() {
    let quoted = "kind,serial,model\r\nsmart-card,\"0A31-\"\"7702\",\"PIV, 4.2\"\r\nsmart-card,0A31-7703,\r\n";
    let plain = "\u{feff}kind,serial\nsmart-card,0A31-7702\nsmart-card,0A31-7703\n";
    let taken = altered(&[quoted.into(), plain.into()], parsers::stock_list, anything);
    assert!(taken > *INPUTS / 20, "another serial is a serial: {taken}");
}

#[test]
fn an_altered_word_of_a_directory_is_refused_or_written_as_it_came() {
    let words =
        ["D4E739DA739CED39CE739D836858210842108421C84210C3EB", "S-1-5-21-3623811015-3361044348-30300820-1013", "2.16.840.1.101.3.2.1.3.40"];
    altered(&words.map(|word| word.as_bytes().to_vec()), parsers::directory_word, anything);
}
