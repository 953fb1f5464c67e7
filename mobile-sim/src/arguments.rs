//! The words of the command line, and what they mean to somebody who reads `--help` first.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mobile_sim::{DeviceKind, Faults, Message};

use crate::reader_commands::{CardArgs, PersonalizeArgs, PlasticArgs};

const EXAMPLES: &str = "\
Examples:
  export MOBILE_SIM_PIN=123456
  mobile-sim --state phone issue 'msc1:?h=…'       get the card that the help desk sent an invitation for
  mobile-sim --state phone show                    look at it
  mobile-sim --state phone sync                    hear that it is suspended, or get a new encryption key
  mobile-sim --state phone export certificates     take its certificates out, with ca.pem, for other programs
  mobile-sim status --url http://localhost:8080 --ca certificates/ca.pem certificates/auth.pem
                                                   ask as anybody can whether it is still good

Exit status: 0 done; 1 refused by the server; 2 wrong usage, PIN or file; 3 no answer, or not now: run again to continue;
4 the server is not to be believed.";

/// A phone that receives a mobile smart card from Remint.
///
/// Its keys and its progress are in one folder, sealed under the PIN of the card. A command that was interrupted, even killed,
/// continues when it is run again.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Cli {
    /// The folder of the phone, made where it is missing
    #[arg(long, global = true, value_name = "FOLDER", help_heading = "The phone")]
    pub state: Option<PathBuf>,
    /// The PIN of the card, six to eight digits; the first use sets it
    #[arg(long, global = true, env = "MOBILE_SIM_PIN", hide_env_values = true, help_heading = "The phone")]
    pub pin: Option<String>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Get the card of an invitation; run again to continue after an interruption
    #[command(after_help = "\
Examples:
  mobile-sim --state phone --pin 123456 issue 'msc1:?h=…'
  mobile-sim --state phone --pin 123456 issue 'msc1:?h=…' --code 12345678 --name \"Ana's phone\"
  mobile-sim --state phone --pin 123456 issue 'msc1:?h=…' --lose-reply m6      then the same again without it

Quote the invitation: a shell reads & and ? otherwise.")]
    Issue(IssueArgs),
    /// Ask the server for news, and collect a new encryption key if there is one
    #[command(after_help = "Example:\n  mobile-sim --state phone --pin 123456 sync")]
    Sync {
        #[command(flatten)]
        faults: FaultArgs,
    },
    /// Show the card, as the server last described it; needs no PIN
    #[command(after_help = "Example:\n  mobile-sim --state phone show")]
    Show,
    /// Write the certificates as PEM: one file a slot, and ca.pem with the authorities
    #[command(after_help = "\
Examples:
  mobile-sim --state phone export certificates
  mobile-sim --state phone --pin 123456 export everything --private-keys")]
    Export {
        /// Where to write, made where it is missing
        folder: PathBuf,
        /// Write the private keys too, unprotected; needs the PIN
        #[arg(long)]
        private_keys: bool,
    },
    /// Print the root of the simulated hardware, PEM, for certs/evidence/roots.pem of a development server; everybody has its key
    EvidenceRoot,
    /// Give up an issuance before its end: what was signed in it is revoked
    #[command(after_help = "Example:\n  mobile-sim --state phone --pin 123456 give-up")]
    GiveUp,
    /// Seal the phone under another PIN
    #[command(after_help = "Example:\n  mobile-sim --state phone --pin 123456 change-pin 87654321")]
    ChangePin {
        /// Six to eight digits
        new: String,
    },
    /// Put the phone into a virtual reader: a PIV card for browsers, mail programs, ssh and logon
    #[command(after_help = "\
The reader is that of Debian's vsmartcard-vpcd. Its driver connects to this program, once, when the PC/SC daemon starts: start the card first.
A wrong PIN is counted, also across runs; sync cannot run meanwhile, as the card holds the phone.

Examples:
  mobile-sim card --reader-configuration > /etc/reader.conf.d/vpcd      once, as root
  mobile-sim --state phone --pin 123456 card                            then: systemctl restart pcscd
  pkcs11-tool --list-objects")]
    Card(CardArgs),
    /// Play a physical card in a virtual reader, blank at first, kept in the state folder
    #[command(after_help = "\
A new card has the secrets of the factory unless told otherwise: PIN 123456, PUK 12345678 and the management key that is shown below.

Example:
  mobile-sim --state blank-card plastic")]
    Plastic(PlasticArgs),
    /// Issue the physical card in a reader: any PIV card that makes keys and takes one from outside
    #[command(after_help = "\
The card makes its own keys and signs its own requests; the encryption key comes from the server, goes onto the card, and is kept nowhere else.
Refused before anything is written: a card that is somebody's, another management key, too few places. A card that was pulled out is taken up
again by the same command.

Example:
  mobile-sim --state card-0A31-7702 --pin 975310 personalize 'msc1:?h=…' --reader Yubico --serial 0A31-7702 \
      --new-pin 246810 --puk 13572468")]
    Personalize(PersonalizeArgs),
    /// Ask whether certificates are still good, by OCSP and by CRL, as anybody can; needs no phone
    #[command(after_help = "\
Every answer is verified under the authorities before it is shown. OCSP tells of a change at once, a CRL with its next issue.
Only OCSP knows a certificate that was never issued.

Example:
  mobile-sim status --url http://localhost:8080 --ca certificates/ca.pem certificates/auth.pem certificates/sign.pem")]
    Status(StatusArgs),
    /// Measure a server: issue cards to many phones at once
    #[command(after_help = "\
First one user and one invitation for each phone are made at the desk; then the clock starts. Users and phones stay on the server.
Each phone at work holds at most two connections, so that 32 at a time need about 100 open files.
Exit status 1 when a card was not issued; why, and how often, is listed.

Example:
  mobile-sim fleet --desk https://localhost:9443 --operator operator.p12 --ca root.pem --phones 1000 --concurrency 32")]
    Fleet(FleetArgs),
    /// Measure an OCSP responder: ask as fast as it answers
    #[command(after_help = "\
Each connection has one question under way, and is kept as long as the responder keeps it. Every answer is looked at (successful, with the
nonce that was sent), and one in a thousand is verified. The load is made on the same cores if the responder is on this machine.
Exit status 4 when an answer was wrong.

Examples:
  mobile-sim rate --url http://localhost:8080/ocsp --ca certificates/ca.pem certificates/auth.pem
  mobile-sim rate --url http://localhost:8080/ocsp --ca certificates/ca.pem --for-anybody certificates/auth.pem")]
    Rate(RateArgs),
}

#[derive(Args)]
pub struct IssueArgs {
    /// The invitation, as it came: msc1:?…
    pub invitation: String,
    /// The eight digits that came by another way, where the server asks for them
    #[arg(long, value_name = "DIGITS")]
    pub code: Option<String>,
    /// What the invitation is for
    #[arg(long, default_value = "mobile-smart-card")]
    pub kind: DeviceKind,
    /// The serial number of the device; made up when it is not given
    #[arg(long)]
    pub serial: Option<String>,
    /// The model of the device
    #[arg(long, default_value = "Simulated phone", default_value_if("kind", "smart-card", "Simulated card"))]
    pub model: String,
    /// What its owner calls it
    #[arg(long, default_value = "My phone", default_value_if("kind", "smart-card", "My card"))]
    pub name: String,
    /// Show evidence for each key, by simulated hardware that only a development server believes
    #[arg(long)]
    pub evidence: bool,
    /// Forget an unfinished issuance first; the server is not told
    #[arg(long)]
    pub restart: bool,
    /// Stop in good order when everything is signed, before confirming
    #[arg(long)]
    pub until: Option<Until>,
    #[command(flatten)]
    pub faults: FaultArgs,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Until {
    Signed,
}

#[derive(Args)]
#[command(next_help_heading = "Faults, for tests (a message is m1, m2, m4-auth, m4-sign, m5, m5h, m6 or m8; several with commas)")]
pub struct FaultArgs {
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
pub struct StatusArgs {
    /// Where the status is: http://host:port
    #[arg(long)]
    pub url: String,
    /// The certificates of the issuing authority and the root, PEM; as one file, or given several times
    #[arg(long, required = true, value_name = "FILE")]
    pub ca: Vec<PathBuf>,
    /// The certificates to ask about, PEM or DER; the first one of each file counts
    #[arg(required = true, value_name = "CERTIFICATE")]
    pub certificates: Vec<PathBuf>,
}

#[derive(Args)]
pub struct RateArgs {
    /// The responder: http://host:port/path
    #[arg(long)]
    pub url: String,
    /// The certificates of the issuing authority and the root, PEM; as one file, or given several times
    #[arg(long, required = true, value_name = "FILE")]
    pub ca: Vec<PathBuf>,
    /// Ask by GET and without a nonce, what a cache might answer
    #[arg(long)]
    pub for_anybody: bool,
    /// How many connections
    #[arg(long, default_value_t = 32, value_name = "COUNT")]
    pub connections: usize,
    /// How long
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub seconds: u64,
    /// The certificates to ask about in turn, PEM or DER; the first one of each file counts
    #[arg(required = true, value_name = "CERTIFICATE")]
    pub certificates: Vec<PathBuf>,
}

#[derive(Args)]
pub struct FleetArgs {
    /// The desk listener: https://host:port
    #[arg(long, value_name = "URL")]
    pub desk: String,
    /// The operator's certificate and key, PKCS#12
    #[arg(long, value_name = "FILE")]
    pub operator: PathBuf,
    /// The password of that file
    #[arg(long, default_value = "", env = "MOBILE_SIM_OPERATOR_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub operator_password: String,
    /// What the desk's certificate chains to, PEM
    #[arg(long, value_name = "FILE")]
    pub ca: PathBuf,
    /// How many phones to issue
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    pub phones: usize,
    /// Afterwards lose so many of them, one after the other, and measure how fast OCSP says so
    #[arg(long, default_value_t = 0, requires = "status", value_name = "COUNT")]
    pub lose: usize,
    /// The status listener, for --lose: http://host:port
    #[arg(long, value_name = "URL")]
    pub status: Option<String>,
    /// For --lose: wait each time for a CRL that lists it, too
    #[arg(long, requires = "status")]
    pub crl: bool,
    /// How many of them at a time
    #[arg(long, default_value_t = 8, value_name = "COUNT")]
    pub concurrency: usize,
    /// Instead, so many of them a second, however many are under way
    #[arg(long, conflicts_with = "concurrency", value_name = "RATE")]
    pub per_second: Option<f64>,
    /// Instead, open a session for each, keep its connection, and wait for Enter: what do so many sessions cost the server?
    #[arg(long, conflicts_with_all = ["per_second", "lose"])]
    pub hold: bool,
    /// With --per-second: how often a phone that is turned away comes again, when it was told to
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    pub retries: usize,
}
