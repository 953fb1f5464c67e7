//! The command line of the simulated phone. Everything it does is in the library.

mod arguments;
mod failure;
mod reader_commands;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use arguments::{Cli, Command, FleetArgs, IssueArgs, RateArgs, StatusArgs, Until};
use clap::Parser;
use failure::Failure;
use mobile_sim::alarm;
use mobile_sim::certificate::Certificate;
use mobile_sim::fleet::{Fleet, FleetError, Pace, Report, percentile_ms};
use mobile_sim::rate::{Measured, Rate};
use mobile_sim::wire::Client;
use mobile_sim::{
    Card, DeviceFacts, Faults, Identity, Invitation, Outcome, Phone, PhoneError, RelyingParty, Status, Synced, UpdateOutcome, evidence,
    export,
};
use tokio::task::JoinHandle;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(status) => status,
        Err(failure) => {
            eprintln!("error: {}", failure.text);
            ExitCode::from(failure.ending as u8)
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let (state, pin) = (cli.state.as_deref(), cli.pin.as_deref());
    match cli.command {
        Command::Issue(args) => issue(open(state, pin)?, args).await?,
        Command::Sync { faults } => tell(&open(state, pin)?.sync(&faults.into()).await?),
        Command::Show => println!("{}", card(state)?.to_string().trim_end()),
        Command::Export { folder, private_keys: true } => open(state, pin)?.export(folder, true)?,
        Command::Export { folder, private_keys: false } => {
            export::certificates(&card(state)?, &folder).map_err(|error| Failure::unwritable(&folder, error))?
        }
        Command::EvidenceRoot => print!("{}", evidence::simulator_root().map_err(|error| Failure::usage(error.to_string()))?),
        Command::GiveUp => open(state, pin)?.give_up(&Faults::default()).await?,
        Command::ChangePin { new } => open(state, pin)?.change_pin(&new)?,
        Command::Card(args) => reader_commands::card(|| open(state, pin), pin, &args)?,
        Command::Plastic(args) => reader_commands::plastic(folder(state)?, pin, &args)?,
        Command::Personalize(args) => reader_commands::personalize(open(state, pin)?, &args).await?,
        Command::Status(args) => status(&args).await?,
        Command::Fleet(args) => return fleet(args).await,
        Command::Rate(args) => rate(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn open(state: Option<&Path>, pin: Option<&str>) -> Result<Phone, Failure> {
    let pin = pin.ok_or_else(|| Failure::usage("give the PIN with --pin or MOBILE_SIM_PIN"))?;
    Ok(Phone::open(folder(state)?, pin)?)
}

fn card(state: Option<&Path>) -> Result<Card, Failure> {
    Card::read(folder(state)?)?.ok_or_else(|| Failure::usage("there is no card in this state folder"))
}

fn folder(state: Option<&Path>) -> Result<&Path, Failure> {
    state.ok_or_else(|| Failure::usage("give the state folder with --state"))
}

async fn issue(mut phone: Phone, args: IssueArgs) -> Result<(), Failure> {
    let invitation: Invitation = args.invitation.parse().map_err(|error| Failure::usage(format!("{error}")))?;
    if args.evidence {
        phone = phone.showing_evidence();
    }
    if args.restart {
        phone.discard_unfinished()?;
    }
    let serial = args.serial.or_else(|| phone.device().map(|device| device.serial.clone()));
    let device = DeviceFacts { kind: args.kind, model: args.model, serial: serial.unwrap_or_else(made_up_serial), name: args.name };
    let stop_before_confirming = matches!(args.until, Some(Until::Signed));
    let faults = Faults { stop_before_confirming, ..args.faults.into() };
    match phone.issue(&invitation, args.code.as_deref(), &device, &faults).await? {
        Outcome::Issued => println!("issued\n\n{}", phone.card().to_string().trim_end()),
        Outcome::AlreadyIssued => println!("this card was issued already: nothing changed"),
        Outcome::Signed => println!("signed, not confirmed: run again without --until to continue"),
    }
    Ok(())
}

fn made_up_serial() -> String {
    // Seeded anew by the standard library in each process; it need not be secret, only different.
    use std::hash::{BuildHasher, RandomState};
    format!("SIM-{:016X}", RandomState::new().hash_one("serial"))
}

fn tell(synced: &Synced) {
    if synced.before != synced.now {
        println!("state: {} (was {})", synced.now.state, synced.before.state);
    }
    match &synced.update {
        UpdateOutcome::None if synced.before == synced.now => println!("nothing new: {}", synced.now.state),
        UpdateOutcome::None => {}
        UpdateOutcome::Collected => println!("new encryption key collected, not confirmed"),
        UpdateOutcome::Done { former, current } => {
            println!("new encryption certificate: {current}");
            if let Some(former) = former.as_ref().filter(|former| *former != current) {
                println!("the former one reads old mail only: {former}");
            }
        }
    }
}

async fn status(args: &StatusArgs) -> Result<(), Failure> {
    let asker = RelyingParty::new(&args.url, &authorities(&args.ca)?)?;
    let crl = asker.crl().await?;
    for file in &args.certificates {
        let asked = certificates(file)?.swap_remove(0);
        let (by_ocsp, by_crl) = (asker.ocsp(&asked).await?, crl.status_of(&asked.serial()));
        println!("{}\n  serial: {}\n  OCSP:   {by_ocsp}\n  CRL:    {by_crl} (number {})", asked.subject(), asked.serial(), crl.number);
        if by_ocsp != by_crl && by_ocsp != Status::Unknown {
            println!("  they differ: the change is newer than this CRL");
        }
    }
    Ok(())
}

fn rate(args: &RateArgs) -> Result<(), Failure> {
    let asked = args.certificates.iter().map(|file| Ok(certificates(file)?.swap_remove(0).serial())).collect::<Result<_, Failure>>()?;
    let Measured { mut latencies, verified, connections, took } = Rate {
        url: args.url.clone(),
        authorities: authorities(&args.ca)?,
        serials: asked,
        for_anybody: args.for_anybody,
        connections: args.connections,
        duration: Duration::from_secs(args.seconds),
    }
    .measure()?;
    latencies.sort_unstable();
    let [p50, p99] = [0.5, 0.99].map(|share| percentile_ms(&latencies, share));
    println!("answers:      {} in {:.2} s, {verified} of them verified", latencies.len(), took.as_secs_f64());
    println!("answers/s:    {:.0}", latencies.len() as f64 / took.as_secs_f64());
    println!("latency ms:   p50 {p50:.2}, p99 {p99:.2}");
    println!("connections:  {} at a time, {connections} in all", args.connections);
    Ok(())
}

fn authorities(files: &[PathBuf]) -> Result<Vec<Certificate>, Failure> {
    let mut authorities = Vec::new();
    for file in files {
        authorities.extend(certificates(file)?);
    }
    Ok(authorities)
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, Failure> {
    let content = fs::read(file).map_err(|error| Failure::unreadable(file, error))?;
    Certificate::read_all(&content).map_err(|error| Failure::unreadable(file, error))
}

async fn fleet(args: FleetArgs) -> Result<ExitCode, Failure> {
    let operator = fs::read(&args.operator).map_err(|error| Failure::unreadable(&args.operator, error))?;
    let fleet = Fleet {
        desk: args.desk.strip_prefix("https://").unwrap_or(&args.desk).trim_end_matches('/').to_owned(),
        operator: Identity::from_p12(&operator, &args.operator_password).map_err(|error| Failure::usage(error.to_string()))?,
        roots_pem: fs::read_to_string(&args.ca).map_err(|error| Failure::unreadable(&args.ca, error))?,
        phones: args.phones,
        pace: args.per_second.map_or(Pace::AtATime(args.concurrency), |rate| Pace::PerSecond { rate, retries: args.retries }),
    };
    let prepared = fleet.prepare().await?;
    match fleet.pace {
        Pace::AtATime(count) => println!("phones:       {}, {count} at a time", args.phones),
        Pace::PerSecond { rate, .. } => println!("phones:       {}, {rate} a second", args.phones),
    }
    println!("preparation:  {:.2} s, for {} users and invitations; not counted below", prepared.took.as_secs_f64(), prepared.len());
    if args.hold {
        return hold(&fleet.hold(prepared).await?);
    }
    let report = fleet.issue(prepared).await?;
    print(&report);
    if let Some(url) = &args.status {
        lose(&fleet, &report, url, &args).await?;
    }
    Ok(if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Enter ends the phones. Until then they go on, on other threads.
fn hold(phones: &[Result<JoinHandle<()>, PhoneError>]) -> Result<ExitCode, Failure> {
    let open = || phones.iter().flatten().filter(|phone| !phone.is_finished()).count();
    println!("open:         {} sessions; Enter ends them", open());
    let mut failures = phones.iter().filter_map(|phone| phone.as_ref().err()).peekable();
    if let Some(failure) = failures.peek() {
        println!("  not open, for instance: {failure}");
    }
    std::io::stdin().read_line(&mut String::new()).map_err(|error| Failure::usage(error.to_string()))?;
    println!("still open:   {}", open());
    Ok(if failures.next().is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn lose(fleet: &Fleet, report: &Report, url: &str, args: &FleetArgs) -> Result<(), Failure> {
    let desk = Client::new(&fleet.desk, &fleet.roots_pem, Some(fleet.operator.clone())).map_err(FleetError::from)?;
    let relying_party = RelyingParty::new(url, &report.authorities)?;
    let alarms = alarm::raise(&desk, &relying_party, &report.issued[..args.lose.min(report.issued.len())], args.crl).await?;
    let line = |name: &str, times: &[Duration]| {
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| percentile_ms(times, share));
        println!("{name} p50 {p50:.2}, p95 {p95:.2}, p99 {p99:.2}");
    };
    println!("lost:         {}, OCSP still said good: {} times", alarms.known.len(), alarms.late);
    line("operator's answer, ms:          ", &alarms.answered);
    line("from it until OCSP says so, ms: ", &alarms.known);
    if args.crl {
        line("from it until a CRL says so, ms:", &alarms.listed);
    }
    Ok(())
}

fn print(report: &Report) {
    println!("issued:       {} in {:.2} s", report.latencies.len(), report.issuing.as_secs_f64());
    println!("failures:     {}", report.failures.values().sum::<usize>());
    println!("issuances/s:  {:.1}", report.issued_per_second());
    let [p50, p95, p99, p999] = [0.5, 0.95, 0.99, 0.999].map(|share| report.percentile_ms(share));
    println!("latency ms:   p50 {p50:.1}, p95 {p95:.1}, p99 {p99:.1}, p99.9 {p999:.1}");
    for (message, times) in &report.messages {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| percentile_ms(times, share));
        println!("  {message:<12}p50 {p50:.1}, p99 {p99:.1}, p99.9 {p999:.1}");
    }
    println!("turned away:  {} times; done in each tenth of the time: {:?}", report.turned_away, report.in_each_tenth);
    for (failure, count) in &report.failures {
        println!("  {count} x {failure}");
    }
}
