//! What a reader sends to the phone's card: some ten commands in a row, of which up to three places are altered.

use super::altered::{altered, anything};
use crate::parsers;

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<char> = digits.chars().filter(char::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

/// Commands in a row, each behind its length.
fn row(commands: &[&str]) -> Vec<u8> {
    let framed = commands.iter().map(|command| hex(command)).map(|command| [&(command.len() as u16).to_be_bytes()[..], &command].concat());
    framed.collect::<Vec<_>>().concat()
}

const SELECT: &str = "00A404000BA00000030800001000010000";
const VERIFY: &str = "0020008008 313233343536FFFF";
const WRONG_PIN: &str = "0020008008 363534333231FFFF";
const CERTIFICATE: &str = "00CB3FFF055C035FC10500";
const SIGN: &str = "0087119A26 7C24 8200 8120 0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20";

#[test]
fn however_commands_are_altered_no_secret_is_passed_by() {
    let sign_9c = SIGN.replace("119A", "119C");
    let chained = ["1087119A10 7C24 8200 8120 0102030405060708090A", "0087119A16 0B0C0D0E0F101112131415161718191A1B1C1D1E1F20"];
    let seeds = [
        row(&[SELECT, "00CB3FFF035C017E", "00200080", VERIFY, "00200080", CERTIFICATE, "00C00000 00", "00C0000080"]),
        row(&[SELECT, VERIFY, SIGN, "0020FF80", WRONG_PIN, "00200080"]),
        row(&[SELECT, VERIFY, &sign_9c, VERIFY, CERTIFICATE, "00C0000000"]),
        row(&[SELECT, VERIFY, CERTIFICATE, &sign_9c, "00200080"]),
        row(&[SELECT, WRONG_PIN, WRONG_PIN, "002C008010 3837363534333231 363534333231FFFF", WRONG_PIN, VERIFY]),
        row(&[SELECT, "0024008010 313233343536FFFF 363534333231FFFF", WRONG_PIN, "0024008110 3837363534333231 3132333435363738"]),
        row(&[SELECT, VERIFY, chained[0], chained[1], "", SELECT, "00200080"]),
        row(&[
            SELECT,
            "00870C9B047C028000",
            "0087009B047C028100",
            "00870C9B047C028100",
            "00870C9B147C12 8210 00112233445566778899AABBCCDDEEFF",
        ]),
        row(&[
            SELECT,
            "0047009A05AC03800111",
            "00DB3FFF0A5C035FC1055303700100",
            "00FE119A220620 0101010101010101010101010101010101010101010101010101010101010101",
        ]),
    ];
    altered(&seeds, parsers::card_commands, anything);
}
