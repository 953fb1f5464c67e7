//! Evidence in a whole issuance, by the simulator's hardware, which a development server trusts and no other.

use mobile_sim::{DeviceKind, Faults, Outcome, Phone, evidence};

use crate::support::live::{Live, facts};
use crate::support::openssl::openssl;

const POLICY: &str = "1.3.6.1.4.1.32473.7";

/// A server that asks phones for evidence so; whether it trusts the simulator.
async fn live(rule: &str, trusts: bool) -> Live {
    Live::with_house(|house| {
        let edit = |file: &str, change: &dyn Fn(String) -> String| {
            let path = house.join("certs").join(file);
            std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
        };
        edit("policy.toml", &|policy| policy.replace("evidence = \"none\"", &format!("evidence = \"{rule}\"")));
        edit("profiles/auth.toml", &|profile| {
            profile.replace("policies_with_evidence = []", &format!("policies_with_evidence = [\"{POLICY}\"]"))
        });
        if trusts {
            edit("evidence/roots.pem", &|roots| roots + &evidence::simulator_root().unwrap());
        }
    })
    .await
}

async fn issue(live: &Live, name: &str, phone: &mut Phone) -> Result<Outcome, String> {
    let kind = DeviceKind::MobileSmartCard;
    let invited = live.initial(&live.create_user(name).await, kind).await;
    let issued = phone.issue(&invited.invitation(), invited.code.as_deref(), &facts(kind), &Faults::default()).await;
    issued.map_err(|error| format!("{} {error}", error.code().unwrap_or_default()))
}

async fn policies_of(phone: &Phone) -> String {
    let pem = phone.card().certificate("auth").unwrap().pem();
    String::from_utf8(openssl(&["x509", "-noout", "-ext", "certificatePolicies"], pem.as_bytes()).await).unwrap()
}

#[tokio::test]
async fn a_required_evidence_that_holds_is_on_the_record_and_in_the_certificate() {
    let live = live("required", true).await;
    let mut phone = Phone::in_memory().showing_evidence();
    assert_eq!(issue(&live, "Ana", &mut phone).await, Ok(Outcome::Issued));
    assert!(policies_of(&phone).await.contains(POLICY));
    let enrolled = live.audit().await.into_iter().find(|line| line.act == "enroll").unwrap();
    assert_eq!(enrolled.details["evidence"]["level"], "trusted-environment");
    live.stop().await;
}

#[tokio::test]
async fn a_required_evidence_that_is_missing_or_of_a_foreign_root_gives_no_certificate() {
    let live = live("required", false).await;
    for (name, mut phone, found) in
        [("Ana", Phone::in_memory(), "no evidence"), ("Bo", Phone::in_memory().showing_evidence(), "configured root")]
    {
        let refused = issue(&live, name, &mut phone).await.unwrap_err();
        assert!(refused.starts_with("evidence-refused") && refused.contains(found), "{refused}");
    }
    assert!(live.audit().await.iter().all(|line| line.act != "enroll"));
    live.stop().await;
}

#[tokio::test]
async fn a_recorded_evidence_is_judged_and_nobody_is_turned_away() {
    let live = live("recorded", false).await;
    let mut phone = Phone::in_memory().showing_evidence();
    assert_eq!(issue(&live, "Ana", &mut phone).await, Ok(Outcome::Issued));
    assert!(!policies_of(&phone).await.contains(POLICY));
    let enrolled = live.audit().await.into_iter().find(|line| line.act == "enroll").unwrap();
    assert_eq!(enrolled.details["evidence"]["level"], "none");
    assert!(enrolled.details["evidence"]["reason"].as_str().unwrap().contains("configured root"));
    live.stop().await;
}
