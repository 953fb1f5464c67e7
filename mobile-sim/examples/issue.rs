//! Issues a mobile smart card: `cargo run -p mobile-sim --example issue -- 'msc1:?…' 12345678`
//!
//! Run it again after an error: it continues where it stopped.

use mobile_sim::{DeviceFacts, DeviceKind, Faults, Invitation, Outcome, Phone};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let invitation: Invitation = arguments.next().ok_or("give the invitation")?.parse()?;
    let code = arguments.next();

    // keys and certificates are kept in this folder, sealed under the PIN
    let mut phone = Phone::open("example-phone", "123456")?;
    let device = DeviceFacts {
        kind: DeviceKind::MobileSmartCard,
        model: "Example".to_owned(),
        serial: "EX-0001".to_owned(),
        name: "My phone".to_owned(),
    };

    // M1, M2, M4 for each slot, M5, M5h, M6
    match phone.issue(&invitation, code.as_deref(), &device, &Faults::default()).await? {
        Outcome::Issued => println!("{}", phone.card()),
        Outcome::AlreadyIssued | Outcome::Signed => println!("nothing to do"),
    }

    // M8: is there a newer encryption key?
    let synced = phone.sync(&Faults::default()).await?;
    println!("state: {}", synced.now.state);
    Ok(())
}
