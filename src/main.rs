//! The command line: arguments, run, exit code.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use remint::demo::soft_hsm;
use remint::lifecycle::actor::Role;
use remint::lifecycle::directory::{Attributes, PolicyOid, Sid};
use remint::lifecycle::fasc_n::FascN;
use remint::pki::key::random;
use remint::pki::pkcs12::p12;
use remint::server::clock::{SystemClock, SystemEntropy};
use remint::server::config::Config;
use remint::server::hsm::HsmSection;
use remint::server::init::{Foundation, Ports, init};
use remint::server::policy::{self, Delivered};
use remint::server::{Server, ServerError, Sockets, audit, check, escrow, house, own_root, root_crl, told_to_stop, write_private};
use remint::workflows::add_operator::{add_operator, end_operator};
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::publish_crl::publish_crl;
use remint::workflows::rotate_escrow::rotate_escrow;
use remint::workflows::set_password::give_initial_password;
use remint::workflows::world::World;

/// Remote issuance and replacement of mobile smart cards.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell the story of a lost phone by running it, in a temporary folder on free ports of this machine.
    Demo(DemoArguments),
    /// Make a data folder: configuration, policy, keys, hierarchy, database.
    Init(InitArguments),
    /// Serve a data folder.
    Serve(Data),
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
enum EscrowCommand {
    /// Make a new escrow key and seal everything in escrow anew under it; cut short, run it again
    Rotate(Data),
}

#[derive(Subcommand)]
enum PolicyCommand {
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
enum AuditCommand {
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
struct DemoArguments {
    /// End when the story is told, with status 0 only if every check held.
    #[arg(long)]
    exit: bool,
    /// Leave certificates, the CRL and the devices' certificates in this folder.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Keep the private keys in a SoftHSM token of its own; the module, if it is not where Debian puts it.
    #[arg(long, value_name = "MODULE", num_args = 0..=1, default_missing_value = "/usr/lib/softhsm/libsofthsm2.so")]
    hsm: Option<PathBuf>,
}

#[derive(Args)]
struct Data {
    /// The data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

#[derive(Args)]
struct InitArguments {
    #[command(flatten)]
    data: Data,
    /// The name or IP address by which phones, operators and relying parties reach this machine.
    #[arg(long, default_value = "localhost")]
    host: String,
    /// The IP address to bind.
    #[arg(long, default_value = "127.0.0.1")]
    bind: String,
    /// O of every certificate.
    #[arg(long, default_value = "")]
    organization: String,
    /// The policy to begin with: default or federal.
    #[arg(long, default_value = "default")]
    policy: Delivered,
    #[arg(long, default_value_t = 8443, value_parser = clap::value_parser!(u16).range(1..))]
    devices_port: u16,
    #[arg(long, default_value_t = 9443, value_parser = clap::value_parser!(u16).range(1..))]
    desk_port: u16,
    #[arg(long, default_value_t = 7443, value_parser = clap::value_parser!(u16).range(1..))]
    portal_port: u16,
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    status_port: u16,
    /// Serve metrics for Prometheus on this port of this machine; off if not given.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    metrics_port: Option<u16>,
    /// Keep the private keys in a token: the PKCS#11 module of the HSM.
    #[arg(long, value_name = "FILE", requires = "hsm_token")]
    hsm_module: Option<PathBuf>,
    /// The label of the token.
    #[arg(long, value_name = "LABEL", requires = "hsm_module")]
    hsm_token: Option<String>,
    /// The file that holds the PIN of the token's user.
    #[arg(long, value_name = "FILE", requires = "hsm_module")]
    hsm_pin_file: Option<PathBuf>,
    /// Or the environment variable that holds it.
    #[arg(long, value_name = "NAME", requires = "hsm_module", conflicts_with = "hsm_pin_file")]
    hsm_pin_variable: Option<String>,
    /// Stand below a root that the organization has: make all that goes without it, and write a request for its authority to this file.
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// The issuing CA's name in the request, RFC 4514: CN=Remint issuing CA,OU=Devices,DC=example,DC=org.
    #[arg(long, value_name = "NAME", requires = "csr", conflicts_with = "organization")]
    issuing_name: Option<String>,
    /// Then: take the answer, the issuing CA's certificate and those above it, PEM in any order, and complete the data folder.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["csr", "organization", "host", "bind", "policy", "devices_port", "desk_port",
        "portal_port", "status_port", "metrics_port", "hsm_module"])]
    install_chain: Option<PathBuf>,
    /// The root's certificate, PEM, if it is not with the others.
    #[arg(long, value_name = "FILE", requires = "install_chain")]
    root: Option<PathBuf>,
}

#[derive(Subcommand)]
enum OperatorCommand {
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
enum UserCommand {
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

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).init();
    match run(Arguments::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("remint: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode, ServerError> {
    match command {
        Command::Demo(DemoArguments { exit, keep, hsm }) => {
            let token = hsm.as_deref().and_then(soft_hsm::token_made);
            return match (&hsm, &token) {
                (Some(_), None) => soft_hsm::with_token().await,
                _ => remint::demo::run(exit, keep.as_deref(), token).await,
            };
        }
        Command::Init(arguments) => found(arguments).await?,
        Command::Serve(Data { data }) => serve(&data).await?,
        Command::Operator(OperatorCommand::Add { data, name, role, out, password }) => {
            let world = open(&data.data).await?;
            hire(&world, &name, role.into_iter().collect(), &out, password).await?;
        }
        Command::Operator(OperatorCommand::End { data, name }) => {
            let world = open(&data.data).await?;
            end_operator(&world, &name).await?;
            publish_crl(&world).await?;
            println!("{name}: record closed, certificates revoked");
        }
        Command::RootCrl { data, out, days } => {
            let pem = root_crl::root_crl(&data.data, days, &SystemClock)?;
            std::fs::write(&out, pem).map_err(|source| ServerError::new(format!("{}: {source}", out.display())))?;
            println!("{}: may be relied upon for {days} days", out.display());
        }
        Command::Check(Data { data }) => {
            let checked = match check::check(&data).await {
                Ok(checked) => checked,
                Err(error) => {
                    eprintln!("remint: the check could not be made: {error}");
                    return Ok(ExitCode::from(2));
                }
            };
            println!("{}", check::told(&checked));
            return Ok(if checked.report.divergences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Escrow(EscrowCommand::Rotate(Data { data })) => {
            let world = open(&data).await?;
            let rotation = rotate_escrow(&world).await?;
            world.store.close().await;
            println!("{}", escrow::told(&rotation)?);
        }
        Command::Policy(PolicyCommand::Explain { data, profile }) => {
            let settings = match data {
                Some(data) => policy::explain(&data.join("certs/policy.toml"))?,
                None => policy::settings_of(profile),
            };
            println!("{}", policy::told(&settings));
        }
        Command::Audit(AuditCommand::Verify { data, log, ca, checkpoint }) => {
            let verdict = match (data, log, ca) {
                (Some(data), _, _) => audit::verify_data(&data, &checkpoint).await?,
                (None, Some(log), Some(ca)) => audit::verify_log(&log, &ca, &checkpoint)?,
                (None, _, _) => return Err(ServerError::new("expected: --data, or --log with --ca")),
            };
            println!("{}", audit::told(&verdict));
            return Ok(if verdict.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Audit(AuditCommand::Export { data, out }) => {
            let count = audit::export(&data.data, out.as_deref()).await?;
            eprintln!("{count} entries");
        }
        Command::User(UserCommand::Password { data, login }) => give_password(&open(&data.data).await?, &login).await?,
        Command::User(UserCommand::Add { data, name, email, upn, sid, fasc_n, policy }) => {
            let world = open(&data.data).await?;
            let upn = upn.unwrap_or_else(|| email.clone());
            let attributes = Attributes { sid, fasc_n, policies: policy.into_iter().collect() };
            let user = create_user(&world, &administrator(), NewUser { name, email, upn, attributes }).await?;
            println!("{}", user.id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn give_password(world: &World, login: &str) -> Result<(), ServerError> {
    let found = world.store.portal_user(login).await?;
    let (user, _) = found.ok_or_else(|| ServerError::new(format!("{login}: expected: the e-mail address or UPN of a user")))?;
    let password = give_initial_password(world, &administrator(), user.id).await?;
    println!("{}: {}", user.email, password.as_str());
    println!("it signs in once, within 72 hours; then a password of their own is asked for");
    Ok(())
}

async fn open(data: &Path) -> Result<World, ServerError> {
    house::open(data, &Config::load(data)?).await
}

async fn found(arguments: InitArguments) -> Result<(), ServerError> {
    let InitArguments {
        data: Data { data },
        host,
        bind,
        organization,
        policy,
        devices_port,
        desk_port,
        portal_port,
        status_port,
        metrics_port,
        hsm_module,
        hsm_token,
        hsm_pin_file,
        hsm_pin_variable,
        csr,
        issuing_name,
        install_chain,
        root,
    } = arguments;
    let ports = Ports { devices: devices_port, desk: desk_port, portal: portal_port, status: status_port, metrics: metrics_port };
    let master = house::master_from_environment();
    let pin = (hsm_pin_file, hsm_pin_variable);
    let hsm = hsm_module.zip(hsm_token).map(|(module, token)| HsmSection { module, token, pin_file: pin.0, pin_variable: pin.1 });
    let foundation = Foundation { organization, host, bind, ports, policy, hsm };
    if let Some(chain) = install_chain {
        own_root::install(&data, &chain, root.as_deref(), master.as_deref(), &SystemClock, &SystemEntropy).await?;
    } else if let Some(csr) = csr {
        own_root::ask(&data, &foundation, issuing_name.as_deref(), &csr, master.as_deref(), &SystemEntropy)?;
        println!("made {}, all but what the organization's root must sign: {}", data.display(), csr.display());
        println!("next: remint init --data {} --install-chain CHAIN.pem", data.display());
        return Ok(());
    } else {
        init(&data, &foundation, master.as_deref(), &SystemClock, &SystemEntropy).await?;
    }
    println!("made {}", data.display());
    match master {
        Some(_) => println!("private keys are sealed under the master key of {}", house::MASTER_KEY_VARIABLE),
        None => println!("private keys are sealed under {}: keep a copy of it elsewhere", data.join("master.key").display()),
    }
    println!("root certificate: {}", data.join("ca/root.pem").display());
    println!("next: remint operator add --data {} NAME --role help-desk --out NAME.p12", data.display());
    Ok(())
}

async fn serve(data: &Path) -> Result<(), ServerError> {
    let config = Config::load(data)?;
    // what is wrong with the folder is said before any port is bound
    let world = Server::open(data, &config).await?;
    let server = Server::serve(world, &config, Sockets::bind(&config).await?)?;
    println!("devices  https://{}", config.devices.address);
    println!("desk     https://{}", config.desk.address);
    if let Some(portal) = &config.portal {
        println!("portal   https://{}", portal.address);
    }
    println!("status   {}", config.status.url);
    println!("ready");
    told_to_stop().await?;
    server.stop().await;
    Ok(())
}

async fn hire(world: &World, name: &str, roles: BTreeSet<Role>, out: &Path, password: Option<String>) -> Result<(), ServerError> {
    if out.exists() {
        return Err(ServerError::new(format!("{}: it exists, expected: a new file", out.display())));
    }
    let made = password.is_none();
    let password = password.unwrap_or_else(|| random::<12>(&SystemEntropy).iter().map(|byte| format!("{byte:02x}")).collect());
    let identity = add_operator(world, name, roles, None).await?;
    let file = p12(&identity.key, &identity.certificate, world.authority.chain(), name, &password).map_err(ServerError::new)?;
    write_private(out, &file)?;
    println!("{name}: {}", out.display());
    if made {
        println!("password: {password}");
    }
    Ok(())
}
