//! The commands that put a card into a virtual reader.

use std::path::Path;

use clap::Args;
use mobile_sim::Phone;
#[cfg(feature = "reader")]
use mobile_sim::piv::Secret;
use mobile_sim::piv::reader::{self, Port};
use mobile_sim::piv::{ManagementKey, Transport, phone, plastic};
#[cfg(feature = "reader")]
use mobile_sim::station::{self, CardError, Officer, channel};
#[cfg(feature = "reader")]
use mobile_sim::{DeviceFacts, DeviceKind, Faults, Outcome, PhoneError};

use crate::failure::Failure;

/// Below the ports that connections are given by chance.
const PORT: u16 = 29_700;
/// What cards come with from the factory: everybody knows these.
const FACTORY_PIN: &str = "123456";
const FACTORY_PUK: &str = "12345678";
const FACTORY_MANAGEMENT_KEY: &str = "010203040506070801020304050607080102030405060708";

#[derive(Args)]
pub struct CardArgs {
    /// Print what the PC/SC daemon must be told once, and end; needs no phone
    #[arg(long)]
    pub reader_configuration: bool,
    /// What unblocks the PIN, eight letters or digits; the first use sets it
    #[arg(long, env = "MOBILE_SIM_PUK", hide_env_values = true)]
    pub puk: Option<String>,
    /// Where the reader's driver connects to: this port of this machine, and the next one; 0 for any
    #[arg(long, default_value_t = PORT)]
    pub port: u16,
}

#[derive(Args)]
pub struct PlasticArgs {
    /// Where the reader's driver connects to: this port of this machine, and the next one; 0 for any
    #[arg(long, default_value_t = PORT)]
    pub port: u16,
    /// The PUK of a new card, eight letters or digits
    #[arg(long, default_value = FACTORY_PUK)]
    pub puk: String,
    /// The management key of a new card: AES, 32, 48 or 64 hexadecimal digits
    #[arg(long, default_value = FACTORY_MANAGEMENT_KEY, value_name = "DIGITS")]
    pub management_key: String,
}

#[derive(Args)]
pub struct PersonalizeArgs {
    /// The ticket, as the desk or the portal gave it: msc1:?…
    pub ticket: String,
    /// The eight digits that came by another way, where the server asks for them
    #[arg(long, value_name = "DIGITS")]
    pub code: Option<String>,
    /// Part of the name of the reader, which no other reader has in its name
    #[arg(long)]
    pub reader: String,
    /// The serial number of the card, as it is printed on it and in the stock
    #[arg(long)]
    pub serial: String,
    /// The model of the card
    #[arg(long, default_value = "PIV card")]
    pub model: String,
    /// What its owner calls it
    #[arg(long, default_value = "My card")]
    pub name: String,
    /// The PIN that the card shall have, six to eight digits; --pin is that of the workstation's folder, and should be another
    #[arg(long, env = "MOBILE_SIM_NEW_PIN", hide_env_values = true)]
    pub new_pin: String,
    /// The PUK that the card shall have, eight letters or digits
    #[arg(long, env = "MOBILE_SIM_PUK", hide_env_values = true)]
    pub puk: String,
    /// The policy of the server gives no encryption key to such cards: also for a card that takes no key from outside
    #[arg(long)]
    pub without_encryption_key: bool,
    /// The PIN that the card came with
    #[arg(long, default_value = FACTORY_PIN)]
    pub old_pin: String,
    /// The PUK that the card came with
    #[arg(long, default_value = FACTORY_PUK)]
    pub old_puk: String,
    /// The management key of the card: AES, 32, 48 or 64 hexadecimal digits; it stays
    #[arg(long, default_value = FACTORY_MANAGEMENT_KEY, env = "MOBILE_SIM_MANAGEMENT_KEY", hide_env_values = true, value_name = "DIGITS")]
    pub management_key: String,
}

/// Issues the card in a reader.
#[cfg(feature = "reader")]
pub async fn personalize(mut phone: Phone, args: &PersonalizeArgs) -> Result<(), Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::usage(error.to_string());
    let ticket = args.ticket.parse().map_err(|error: mobile_sim::invitation::InvitationError| usage(&error))?;
    let officer = Officer {
        management: ManagementKey::from_hex(&args.management_key).map_err(|error| usage(&error))?,
        old_pin: Secret::pin(&args.old_pin).map_err(|error| usage(&error))?,
        old_puk: Secret::puk(&args.old_puk).map_err(|error| usage(&error))?,
        pin: Secret::pin(&args.new_pin).map_err(|error| usage(&error))?,
        puk: Secret::puk(&args.puk).map_err(|error| usage(&error))?,
        gives_enc: !args.without_encryption_key,
    };
    let (model, serial, name) = (args.model.clone(), args.serial.clone(), args.name.clone());
    let device = DeviceFacts { kind: DeviceKind::SmartCard, model, serial, name };
    let channel = channel::pcsc::open(&args.reader).map_err(|gone| Failure::from(PhoneError::from(CardError::from(gone))))?;
    match station::personalize(&mut phone, channel, &officer, &ticket, args.code.as_deref(), &device, &Faults::default()).await? {
        Outcome::AlreadyIssued => println!("this card was issued already: nothing changed"),
        Outcome::Issued | Outcome::Signed => println!("issued\n\n{}", phone.card().to_string().trim_end()),
    }
    if args.management_key == FACTORY_MANAGEMENT_KEY {
        println!("\nthe card still has the management key of the factory: give it another one, or anybody who holds it can overwrite it");
    }
    Ok(())
}

#[cfg(not(feature = "reader"))]
pub async fn personalize(_phone: Phone, _args: &PersonalizeArgs) -> Result<(), Failure> {
    Err(Failure::usage(
        "this program was built without readers: cargo build -p mobile-sim --features reader (Debian package libpcsclite-dev)",
    ))
}

/// Shows a phone to computers as the card that it is, until it is stopped.
pub fn card(state: impl FnOnce() -> Result<Phone, Failure>, pin: Option<&str>, args: &CardArgs) -> Result<(), Failure> {
    if args.reader_configuration {
        print!("{}", reader::configuration(args.port));
        return Ok(());
    }
    let phone = state()?;
    let whose = phone.card().holder().unwrap_or_default();
    serve(phone::present(phone, pin.unwrap_or_default(), args.puk.as_deref())?, &format!("the card of {whose}"), args.port)
}

/// Plays a physical card.
pub fn plastic(folder: &Path, pin: Option<&str>, args: &PlasticArgs) -> Result<(), Failure> {
    let management = ManagementKey::from_hex(&args.management_key).map_err(|error| Failure::usage(error.to_string()))?;
    let card = plastic::present(folder, pin.unwrap_or(FACTORY_PIN), &args.puk, &management)?;
    serve(card, "a physical card", args.port)
}

fn serve(mut card: Transport, what: &str, port: u16) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("port {port} of this machine: {error}"));
    let open = Port::open(port).map_err(failed)?;
    println!(
        "{what} waits for its reader at {}; now start the PC/SC daemon anew. Ctrl-C takes the card away",
        open.address().map_err(failed)?
    );
    open.serve(&mut card).map_err(failed)
}
