//! The command line of the simulated phone. Everything it does is in the library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mobile_sim::fleet::{Fleet, Report};
use mobile_sim::{
    Card, DeviceFacts, DeviceKind, Faults, Identity, Invitation, Message, Outcome, Phone, PhoneError, Synced, UpdateOutcome, export,
};

/// A phone that receives a mobile smart card from Remint.
///
/// Exit status: 0 done; 1 refused by the server; 2 wrong usage, PIN or state folder; 3 no answer, or not now: run again to continue;
/// 4 the server is not to be believed.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The folder in which the phone keeps its keys and progress
    #[arg(long, global = true)]
    state: Option<PathBuf>,
    /// The PIN of the card, six to eight digits
    #[arg(long, global = true, env = "MOBILE_SIM_PIN", hide_env_values = true)]
    pin: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Issue the card of an invitation; run again to continue after an interruption
    Issue(IssueArgs),
    /// Ask the server for news, and collect a new encryption key if there is one
    Sync {
        #[command(flatten)]
        faults: FaultArgs,
    },
    /// Show the card; needs no PIN
    Show,
    /// Write the certificates as PEM
    Export {
        folder: PathBuf,
        /// Write the private keys too; needs the PIN
        #[arg(long)]
        private_keys: bool,
    },
    /// Give up the session that is open: what was signed in it is revoked
    GiveUp,
    /// Seal the phone under another PIN
    ChangePin { new: String },
    /// Issue many phones at once against a server, and measure it
    Fleet(FleetArgs),
}

#[derive(Args)]
struct IssueArgs {
    /// The invitation: msc1:?…
    invitation: String,
    /// The eight digits that came by the second channel
    #[arg(long)]
    code: Option<String>,
    #[arg(long, default_value = "mobile-smart-card")]
    kind: DeviceKind,
    /// The serial number of the device; made up when it is not given
    #[arg(long)]
    serial: Option<String>,
    #[arg(long, default_value = "Simulated phone")]
    model: String,
    #[arg(long, default_value = "My phone")]
    name: String,
    /// Discard an unfinished issuance first
    #[arg(long)]
    restart: bool,
    /// Stop in good order when everything is signed, before confirming
    #[arg(long)]
    until: Option<Until>,
    #[command(flatten)]
    faults: FaultArgs,
}

#[derive(Clone, Copy, ValueEnum)]
enum Until {
    Signed,
}

#[derive(Args)]
#[command(next_help_heading = "Faults, for tests (a message is m1, m2, m4-auth, m4-sign, m5, m5h, m6 or m8; several with commas)")]
struct FaultArgs {
    /// Send these messages and throw their replies away
    #[arg(long, value_delimiter = ',', value_name = "MESSAGE")]
    lose_reply: Vec<Message>,
    /// Abort the process right before these messages
    #[arg(long, value_delimiter = ',', value_name = "MESSAGE")]
    die_before_sending: Vec<Message>,
    /// Abort the process when the reply to these has arrived and is not stored yet
    #[arg(long, value_delimiter = ',', value_name = "MESSAGE")]
    die_after: Vec<Message>,
}

impl From<FaultArgs> for Faults {
    fn from(args: FaultArgs) -> Self {
        Self {
            lose_reply: args.lose_reply.into_iter().collect(),
            die_before_sending: args.die_before_sending.into_iter().collect(),
            die_after: args.die_after.into_iter().collect(),
            ..Self::default()
        }
    }
}

#[derive(Args)]
struct FleetArgs {
    /// The desk listener: https://host:port
    #[arg(long)]
    desk: String,
    /// The operator's certificate and key, PKCS#12
    #[arg(long)]
    operator: PathBuf,
    #[arg(long, default_value = "", env = "MOBILE_SIM_OPERATOR_PASSWORD", hide_env_values = true)]
    operator_password: String,
    /// What the desk's certificate chains to, PEM
    #[arg(long)]
    ca: PathBuf,
    #[arg(long, default_value_t = 100)]
    phones: usize,
    #[arg(long, default_value_t = 8)]
    concurrency: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(status(&error))
        }
    }
}

fn status(error: &PhoneError) -> u8 {
    match error {
        PhoneError::Refused { .. } => 1,
        PhoneError::Usage(_) | PhoneError::Storage(_) => 2,
        PhoneError::Busy { .. } | PhoneError::Unreachable { .. } => 3,
        PhoneError::Untrusted { .. } => 4,
    }
}

async fn run(cli: Cli) -> Result<ExitCode, PhoneError> {
    let (state, pin) = (cli.state.as_deref(), cli.pin.as_deref());
    match cli.command {
        Command::Issue(args) => issue(open(state, pin)?, args).await?,
        Command::Sync { faults } => tell(&open(state, pin)?.sync(&faults.into()).await?),
        Command::Show => println!("{}", card(state)?.to_string().trim_end()),
        Command::Export { folder, private_keys: true } => open(state, pin)?.export(folder, true)?,
        Command::Export { folder, private_keys: false } => export::certificates(&card(state)?, &folder)?,
        Command::GiveUp => open(state, pin)?.give_up(&Faults::default()).await?,
        Command::ChangePin { new } => open(state, pin)?.change_pin(&new)?,
        Command::Fleet(args) => return fleet(args).await,
    }
    Ok(ExitCode::SUCCESS)
}

fn open(state: Option<&Path>, pin: Option<&str>) -> Result<Phone, PhoneError> {
    Phone::open(folder(state)?, pin.ok_or_else(|| usage("give the PIN with --pin or MOBILE_SIM_PIN"))?)
}

fn card(state: Option<&Path>) -> Result<Card, PhoneError> {
    Card::read(folder(state)?)?.ok_or_else(|| usage("there is no card in this state folder"))
}

fn folder(state: Option<&Path>) -> Result<&Path, PhoneError> {
    state.ok_or_else(|| usage("give the state folder with --state"))
}

async fn issue(mut phone: Phone, args: IssueArgs) -> Result<(), PhoneError> {
    let invitation: Invitation = args.invitation.parse().map_err(|error| usage(format!("{error}")))?;
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

async fn fleet(args: FleetArgs) -> Result<ExitCode, PhoneError> {
    let operator = fs::read(&args.operator).map_err(|error| unreadable(&args.operator, &error))?;
    let fleet = Fleet {
        desk: args.desk.strip_prefix("https://").unwrap_or(&args.desk).trim_end_matches('/').to_owned(),
        operator: Identity::from_p12(&operator, &args.operator_password).map_err(|error| usage(error.to_string()))?,
        roots_pem: fs::read_to_string(&args.ca).map_err(|error| unreadable(&args.ca, &error))?,
        phones: args.phones,
        concurrency: args.concurrency,
    };
    let report = fleet.run().await.map_err(|error| usage(error.to_string()))?;
    print(&report, &args);
    Ok(if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &Report, args: &FleetArgs) {
    println!("phones:       {}, {} at a time", args.phones, args.concurrency);
    println!("preparation:  {:.2} s", report.preparation.as_secs_f64());
    println!("issued:       {} in {:.2} s", report.latencies.len(), report.issuing.as_secs_f64());
    println!("failures:     {}", report.failures.values().sum::<usize>());
    println!("issuances/s:  {:.1}", report.issued_per_second());
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| report.percentile_ms(share));
    println!("latency ms:   p50 {p50:.1}, p95 {p95:.1}, p99 {p99:.1}");
    for (failure, count) in &report.failures {
        println!("  {count} x {failure}");
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> PhoneError {
    usage(format!("cannot read {}: {error}", file.display()))
}

fn usage(text: impl Into<String>) -> PhoneError {
    PhoneError::Usage(text.into())
}
