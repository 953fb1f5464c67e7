//! The command line: arguments, run, exit code.

mod arguments;

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use arguments::{
    Arguments, AuditCommand, Command, Data, DemoArguments, EscrowCommand, InitArguments, LogFormat, OperatorCommand, PolicyCommand,
    UserCommand,
};
use clap::Parser;
use remint::demo::soft_hsm;
use remint::lifecycle::actor::Role;
use remint::lifecycle::directory::Attributes;
use remint::pki::key::random;
use remint::pki::pkcs12::p12;
use remint::server::clock::{SystemClock, SystemEntropy};
use remint::server::config::Config;
use remint::server::database::DatabaseSection;
use remint::server::init::init;
use remint::server::policy;
use remint::server::traces::{Sending, Traces};
use remint::server::{
    Server, ServerError, Sockets, audit, backup, check, database, escrow, house, moving, own_root, renew, root_crl, told_to_stop,
    write_private,
};
use remint::workflows::add_operator::{add_operator, end_operator};
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::publish_crl::publish_crl;
use remint::workflows::rotate_escrow::rotate_escrow;
use remint::workflows::set_password::give_initial_password;
use remint::workflows::world::World;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Says a line to whoever asked. Where nobody reads on (`| head`), there is nothing more to do.
macro_rules! say {
    ($($words:tt)*) => {
        if writeln!(std::io::stdout(), $($words)*).is_err() {
            std::process::exit(1);
        }
    };
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    let Arguments { command, log_format } = Arguments::parse();
    // where no line can be written (a full disk), the work goes on: to complain of it there would end it
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let lines = match log_format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let (traces, sending) = match traces_of(&command) {
        Ok(traces) => traces.unzip(),
        Err(error) => return failed(&error),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces.map(|traces| traces.with_filter(LevelFilter::INFO))).init();
    let ended = run(command).await;
    if let Some(sending) = sending {
        sending.end().await;
    }
    ended.unwrap_or_else(|error| failed(&error))
}

fn failed(error: &ServerError) -> ExitCode {
    eprintln!("remint: {error}");
    ExitCode::FAILURE
}

/// What a server that is about to start is to trace.
fn traces_of(command: &Command) -> Result<Option<(Traces, Sending)>, ServerError> {
    let Command::Serve(Data { data }) = command else { return Ok(None) };
    Config::load(data)?.traces.map(|section| Traces::to(&section)).transpose()
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
        Command::Init(arguments) => found(*arguments).await?,
        Command::Serve(Data { data }) => serve(&data).await?,
        Command::Copy { data, to, password_file, password_variable } => {
            say!("{}", moving::copy(&data.data, &DatabaseSection { url: to, password_file, password_variable }).await?);
        }
        Command::Backup { data, out, with_master_key } => say!("{}", backup::backup(&data.data, &out, with_master_key).await?),
        Command::Restore { data, from, .. } => match from {
            Some(from) => say!("{}", backup::restore(&from, &data.data).await?),
            None => say!("{}", backup::accept_loss(&data.data).await?),
        },
        Command::Renew(Data { data }) => say!("{}", renew::renew(&data).await?),
        Command::Migrate(Data { data }) => {
            let place = database::migrate(&data, &Config::load(&data)?).await?;
            say!("{place}: up to date");
        }
        Command::Operator(OperatorCommand::Add { data, name, role, out, password }) => {
            let world = open(&data.data).await?;
            hire(&world, &name, role.into_iter().collect(), &out, password).await?;
        }
        Command::Operator(OperatorCommand::End { data, name }) => {
            let world = open(&data.data).await?;
            end_operator(&world, &name).await?;
            publish_crl(&world).await?;
            say!("{name}: record closed, certificates revoked");
        }
        Command::RootCrl { data, out, days } => {
            let pem = root_crl::root_crl(&data.data, days, &SystemClock)?;
            std::fs::write(&out, pem).map_err(|source| ServerError::new(format!("{}: {source}", out.display())))?;
            say!("{}: may be relied upon for {days} days", out.display());
        }
        Command::Check(Data { data }) => {
            let checked = match check::check(&data).await {
                Ok(checked) => checked,
                Err(error) => {
                    eprintln!("remint: the check could not be made: {error}");
                    return Ok(ExitCode::from(2));
                }
            };
            say!("{}", check::told(&checked));
            return Ok(if checked.report.divergences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Escrow(EscrowCommand::Rotate(Data { data })) => {
            let world = open(&data).await?;
            let rotation = rotate_escrow(&world).await?;
            world.store.close().await;
            say!("{}", escrow::told(&rotation)?);
        }
        Command::Policy(PolicyCommand::Explain { data, profile }) => {
            let settings = match data {
                Some(data) => policy::explain(&data.join("certs/policy.toml"))?,
                None => policy::settings_of(profile),
            };
            say!("{}", policy::told(&settings));
        }
        Command::Audit(AuditCommand::Verify { data, log, ca, checkpoint }) => {
            let verdict = match (data, log, ca) {
                (Some(data), _, _) => audit::verify_data(&data, &checkpoint).await?,
                (None, Some(log), Some(ca)) => audit::verify_log(&log, &ca, &checkpoint)?,
                (None, _, _) => return Err(ServerError::new("expected: --data, or --log with --ca")),
            };
            say!("{}", audit::told(&verdict));
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
            say!("{}", user.id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn give_password(world: &World, login: &str) -> Result<(), ServerError> {
    let found = world.store.portal_user(login).await?;
    let (user, _) = found.ok_or_else(|| ServerError::new(format!("{login}: expected: the e-mail address or UPN of a user")))?;
    let password = give_initial_password(world, &administrator(), user.id).await?;
    say!("{}: {}", user.email, password.as_str());
    say!("it signs in once, within 72 hours; then a password of their own is asked for");
    Ok(())
}

async fn open(data: &Path) -> Result<World, ServerError> {
    house::open_to_write(data, &Config::load(data)?).await
}

async fn found(arguments: InitArguments) -> Result<(), ServerError> {
    let foundation = arguments.foundation();
    let InitArguments { data: Data { data }, csr, issuing_name, install_chain, root, .. } = arguments;
    let master = house::master_from_environment();
    if let Some(chain) = install_chain {
        own_root::install(&data, &chain, root.as_deref(), master.as_deref(), &SystemClock, &SystemEntropy).await?;
    } else if let Some(csr) = csr {
        own_root::ask(&data, &foundation, issuing_name.as_deref(), &csr, master.as_deref(), &SystemEntropy)?;
        say!("made {}, all but what the organization's root must sign: {}", data.display(), csr.display());
        say!("next: remint init --data {} --install-chain CHAIN.pem", data.display());
        return Ok(());
    } else {
        init(&data, &foundation, master.as_deref(), &SystemClock, &SystemEntropy).await?;
    }
    say!("made {}", data.display());
    match master {
        Some(_) => say!("private keys are sealed under the master key of {}", house::MASTER_KEY_VARIABLE),
        None => say!("private keys are sealed under {}: keep a copy of it elsewhere", data.join("master.key").display()),
    }
    say!("root certificate: {}", data.join("ca/root.pem").display());
    say!("next: remint operator add --data {} NAME --role help-desk --out NAME.p12", data.display());
    Ok(())
}

async fn serve(data: &Path) -> Result<(), ServerError> {
    let config = Config::load(data)?;
    // what is wrong with the folder is said before any port is bound
    let world = Server::open(data, &config).await?;
    let server = Server::serve(world, &config, Sockets::bind(&config).await?)?;
    say!("devices  https://{}", config.devices.address);
    say!("desk     https://{}", config.desk.address);
    if let Some(portal) = &config.portal {
        say!("portal   https://{}", portal.address);
    }
    say!("status   {}", config.status.url);
    say!("ready");
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
    // what cannot be written is told before a name is taken
    write_private(out, &[])?;
    let hired = add_operator(world, name, roles, None).await.map_err(ServerError::new);
    let file =
        hired.and_then(|hired| p12(&hired.key, &hired.certificate, world.authority.chain(), name, &password).map_err(ServerError::new));
    let written = file.and_then(|file| Ok(std::fs::write(out, file)?));
    if written.is_err() {
        let _ = std::fs::remove_file(out);
    }
    written?;
    say!("{name}: {}", out.display());
    if made {
        say!("password: {password}");
    }
    Ok(())
}
