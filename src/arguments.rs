//! What the command line takes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use remint::lifecycle::actor::Role;
use remint::lifecycle::directory::{PolicyOid, Sid};
use remint::lifecycle::fasc_n::FascN;
use remint::server::database::DatabaseSection;
use remint::server::hsm::HsmSection;
use remint::server::init::{Foundation, Ports};
use remint::server::policy::Delivered;

/// Remote issuance and replacement of mobile smart cards.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    /// How the log on standard error is written; RUST_LOG says what of it.
    #[arg(long, global = true, value_enum, default_value_t, env = "REMINT_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// A line of text, or an object of JSON a line.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Subcommand)]
pub enum Command {
    /// Tell the story of a lost phone by running it, in a temporary folder on free ports of this machine.
    Demo(DemoArguments),
    /// Make a data folder: configuration, policy, keys, hierarchy, database.
    Init(Box<InitArguments>),
    /// Serve a data folder.
    Serve(Data),
    /// Bring the schema of the database up to date
    Migrate(Data),
    /// Renew the certificates of the server and of the signers of OCSP answers and deliveries, which last two years
    Renew(Data),
    /// Copy the database file of a data folder, whose server is stopped, to an empty PostgreSQL database, and check both
    Copy {
        #[command(flatten)]
        data: Data,
        /// The database: postgres://user@host/database?sslmode=verify-full&sslrootcert=ca.pem
        #[arg(long, value_name = "URL")]
        to: String,
        /// The file that holds its password: an absolute path, or one from the data folder.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Or the environment variable that holds it.
        #[arg(long, value_name = "NAME", conflicts_with = "password_file")]
        password_variable: Option<String>,
    },
    /// Back up a data folder as of one instant, while it is served
    Backup {
        #[command(flatten)]
        data: Data,
        /// The folder to make.
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        /// With the master key: whoever has the folder can sign then.
        #[arg(long)]
        with_master_key: bool,
    },
    /// Make a data folder of a backup, and verify all of it; or accept that a database is older than what was served
    Restore {
        /// The data folder: one that does not exist, or with --accept-loss the one that is there.
        #[command(flatten)]
        data: Data,
        /// The backup.
        #[arg(long, value_name = "FOLDER", required_unless_present = "accept_loss")]
        from: Option<PathBuf>,
        /// Go on from an older database: what was done since is lost.
        #[arg(long, conflicts_with = "from")]
        accept_loss: bool,
    },
    /// Add operators, and close their records.
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Add users.
    #[command(subcommand)]
    User(UserCommand),
    /// Export and verify the audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The keys that seal the users' private encryption keys.
    #[command(subcommand)]
    Escrow(EscrowCommand),
    /// Show what a policy says.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Write a CRL of the root, PEM, for verifiers that want a CRL of every authority; make another before it expires
    RootCrl {
        #[command(flatten)]
        data: Data,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// How long it may be relied upon.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: u16,
    },
    /// Check every invariant over the whole database, and that what is served says what is on record; exit status 1 when something diverges
    Check(Data),
}

#[derive(Subcommand)]
pub enum EscrowCommand {
    /// Make a new escrow key and seal everything in escrow anew under it; cut short, run it again
    Rotate(Data),
}

#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Print every setting with its meaning and where it comes from
    Explain {
        /// The policy of this data folder.
        #[arg(long, value_name = "DIR", conflicts_with = "profile")]
        data: Option<PathBuf>,
        /// A policy that is delivered: default or federal.
        #[arg(long, default_value = "default")]
        profile: Delivered,
    },
}

#[derive(Subcommand)]
pub enum AuditCommand {
    /// Verify every entry, every chain, and the whole against signed checkpoints; exit status 1 when a fault is found
    Verify {
        /// The data folder.
        #[arg(long, value_name = "DIR", required_unless_present = "log", conflicts_with_all = ["log", "ca"])]
        data: Option<PathBuf>,
        /// Instead of a data folder: an exported log.
        #[arg(long, value_name = "FILE", requires = "ca")]
        log: Option<PathBuf>,
        /// The root certificate, PEM, for --log.
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
        /// Checkpoints that were kept elsewhere, one a line; several times for several files.
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
    },
    /// Write the whole log as JSON lines
    Export {
        #[command(flatten)]
        data: Data,
        /// The file to write; standard output if not given.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Args)]
pub struct DemoArguments {
    /// End when the story is told, with status 0 only if every check held.
    #[arg(long)]
    pub exit: bool,
    /// Leave certificates, the CRL and the devices' certificates in this folder.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Keep the private keys in a SoftHSM token of its own; the module, if it is not where Debian puts it.
    #[arg(long, value_name = "MODULE", num_args = 0..=1, default_missing_value = "/usr/lib/softhsm/libsofthsm2.so")]
    pub hsm: Option<PathBuf>,
}

#[derive(Args, Clone)]
pub struct Data {
    /// The data folder.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

#[derive(Args, Clone)]
pub struct InitArguments {
    #[command(flatten)]
    pub data: Data,
    /// The name or IP address by which phones, operators and relying parties reach this machine.
    #[arg(long, default_value = "localhost")]
    pub host: String,
    /// The IP address to bind.
    #[arg(long, default_value = "127.0.0.1")]
    pub bind: String,
    /// O of every certificate.
    #[arg(long, default_value = "")]
    pub organization: String,
    /// The policy to begin with: default or federal.
    #[arg(long, default_value = "default")]
    pub policy: Delivered,
    #[arg(long, default_value_t = 8443, value_parser = clap::value_parser!(u16).range(1..))]
    pub devices_port: u16,
    #[arg(long, default_value_t = 9443, value_parser = clap::value_parser!(u16).range(1..))]
    pub desk_port: u16,
    #[arg(long, default_value_t = 7443, value_parser = clap::value_parser!(u16).range(1..))]
    pub portal_port: u16,
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    pub status_port: u16,
    /// Serve metrics for Prometheus on this port of this machine; off if not given.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub metrics_port: Option<u16>,
    /// Remember everything in this database: postgres://user@host/database?sslmode=verify-full&sslrootcert=ca.pem; it must be empty.
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// The file that holds the password of the database: an absolute path, or one from the data folder.
    #[arg(long, value_name = "FILE", requires = "database_url")]
    pub database_password_file: Option<PathBuf>,
    /// Or the environment variable that holds it.
    #[arg(long, value_name = "NAME", requires = "database_url", conflicts_with = "database_password_file")]
    pub database_password_variable: Option<String>,
    /// Keep the private keys in a token: the PKCS#11 module of the HSM.
    #[arg(long, value_name = "FILE", requires = "hsm_token")]
    pub hsm_module: Option<PathBuf>,
    /// The label of the token.
    #[arg(long, value_name = "LABEL", requires = "hsm_module")]
    pub hsm_token: Option<String>,
    /// The file that holds the PIN of the token's user.
    #[arg(long, value_name = "FILE", requires = "hsm_module")]
    pub hsm_pin_file: Option<PathBuf>,
    /// Or the environment variable that holds it.
    #[arg(long, value_name = "NAME", requires = "hsm_module", conflicts_with = "hsm_pin_file")]
    pub hsm_pin_variable: Option<String>,
    /// Stand below a root that the organization has: make all that goes without it, and write a request for its authority to this file.
    #[arg(long, value_name = "FILE")]
    pub csr: Option<PathBuf>,
    /// The issuing CA's name in the request, RFC 4514: CN=Remint issuing CA,OU=Devices,DC=example,DC=org.
    #[arg(long, value_name = "NAME", requires = "csr", conflicts_with = "organization")]
    pub issuing_name: Option<String>,
    /// Then: take the answer, the issuing CA's certificate and those above it, PEM in any order, and complete the data folder.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["csr", "organization", "host", "bind", "policy", "devices_port", "desk_port",
        "portal_port", "status_port", "metrics_port", "database_url", "hsm_module"])]
    pub install_chain: Option<PathBuf>,
    /// The root's certificate, PEM, if it is not with the others.
    #[arg(long, value_name = "FILE", requires = "install_chain")]
    pub root: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum OperatorCommand {
    /// Add an operator, and write their key and certificate to a PKCS#12 file for a browser or curl.
    Add {
        #[command(flatten)]
        data: Data,
        name: String,
        /// help-desk, validation-officer, issuance-officer or auditor; several times for several.
        #[arg(long, required = true)]
        role: Vec<Role>,
        /// The file to write; it must not exist.
        #[arg(long, value_name = "FILE.p12")]
        out: PathBuf,
        /// The password of the file; one is made and printed if none is given.
        #[arg(long, env = "REMINT_P12_PASSWORD", hide_env_values = true)]
        password: Option<String>,
    },
    /// Close an operator's record and revoke the certificates.
    End {
        #[command(flatten)]
        data: Data,
        name: String,
    },
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Add a user to the directory.
    Add {
        #[command(flatten)]
        data: Data,
        name: String,
        #[arg(long)]
        email: String,
        /// User principal name, for smart card logon; the e-mail address if not given.
        #[arg(long)]
        upn: Option<String>,
        /// The SID of their account in a Windows domain.
        #[arg(long)]
        sid: Option<Sid>,
        /// The FASC-N of the credential that they carry, 50 hexadecimal digits.
        #[arg(long)]
        fasc_n: Option<FascN>,
        /// A certificate policy that they fulfil; more than once for more.
        #[arg(long)]
        policy: Vec<PolicyOid>,
    },
    /// Give a user an initial password of the portal, and print it
    Password {
        #[command(flatten)]
        data: Data,
        /// The e-mail address or UPN.
        login: String,
    },
}

impl InitArguments {
    /// What the installation is to be like.
    pub fn foundation(&self) -> Foundation {
        let asked = self.clone();
        let ports = Ports {
            devices: asked.devices_port,
            desk: asked.desk_port,
            portal: asked.portal_port,
            status: asked.status_port,
            metrics: asked.metrics_port,
        };
        let database = asked.database_url.map(|url| DatabaseSection {
            url,
            password_file: asked.database_password_file,
            password_variable: asked.database_password_variable,
        });
        let (pin_file, pin_variable) = (asked.hsm_pin_file, asked.hsm_pin_variable);
        let hsm = asked.hsm_module.zip(asked.hsm_token).map(|(module, token)| HsmSection { module, token, pin_file, pin_variable });
        Foundation { organization: asked.organization, host: asked.host, bind: asked.bind, ports, policy: asked.policy, database, hsm }
    }
}
