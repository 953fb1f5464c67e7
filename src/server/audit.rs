//! `remint audit`: the log exported and verified, for whoever has the data folder or a copy of the log.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use der::DecodePem;
use x509_cert::Certificate;

use super::config::Config;
use super::jobs::CHECKPOINTS;
use super::{ServerError, database};
use crate::store::Store;
use crate::workflows::verify_audit::{Verdict, Verifier, read_exported, verify_database};

/// How many entries are read in one go.
const PAGE: u32 = 1000;

/// Writes the whole log, a JSON object a line, oldest first; gives how many entries.
pub async fn export(data: &Path, out: Option<&Path>) -> Result<u64, ServerError> {
    let store = open(data).await?;
    let mut out: Box<dyn Write> = match out {
        None => Box::new(BufWriter::new(io::stdout())),
        Some(path) => Box::new(BufWriter::new(named(path, File::create(path))?)),
    };
    let (mut after, mut count) = (0, 0);
    loop {
        let lines = store.audit_lines(after, PAGE).await?;
        let Some(last) = lines.last() else { break };
        after = last.seq;
        for line in &lines {
            writeln!(out, "{}", line.text())?;
            count += 1;
        }
    }
    out.flush()?;
    store.close().await;
    Ok(count)
}

/// Verifies the log of a data folder, against the checkpoints of its own file, and those that were kept elsewhere.
pub async fn verify_data(data: &Path, checkpoints: &[PathBuf]) -> Result<Verdict, ServerError> {
    let root = certificate(&data.join("ca/root.pem"))?;
    let own = Some(data.join(CHECKPOINTS)).filter(|file| file.exists());
    let kept = read_checkpoints(checkpoints.iter().chain(&own))?;
    let store = open(data).await?;
    let verdict = verify_database(&store, &root, &kept).await?;
    store.close().await;
    Ok(verdict)
}

/// Verifies an exported log against checkpoints.
pub fn verify_log(log: &Path, ca: &Path, checkpoints: &[PathBuf]) -> Result<Verdict, ServerError> {
    let root = certificate(ca)?;
    let kept = read_checkpoints(checkpoints.iter())?;
    let mut verifier = Verifier::new(&[&kept], &root);
    for (number, line) in (1..).zip(BufReader::new(named(log, File::open(log))?).lines()) {
        let line = named(log, line)?;
        let bad = || ServerError::new(format!("{}:{number}: expected: a line of an exported audit log", log.display()));
        verifier.take(&read_exported(&line).ok_or_else(bad)?);
    }
    Ok(verifier.finish())
}

async fn open(data: &Path) -> Result<Store, ServerError> {
    database::open(data, &Config::load(data)?).await
}

fn read_checkpoints<'f>(files: impl Iterator<Item = &'f PathBuf>) -> Result<Vec<String>, ServerError> {
    let mut lines = Vec::new();
    for path in files {
        let text = named(path, std::fs::read_to_string(path))?;
        lines.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
    }
    Ok(lines)
}

fn certificate(path: &Path) -> Result<Vec<u8>, ServerError> {
    use der::Encode;
    let pem = named(path, std::fs::read(path))?;
    let certificate = Certificate::from_pem(&pem);
    let certificate = certificate.map_err(|_| ServerError::new(format!("{}: expected: the root certificate, PEM", path.display())))?;
    certificate.to_der().map_err(ServerError::new)
}

fn named<T>(path: &Path, outcome: io::Result<T>) -> Result<T, ServerError> {
    outcome.map_err(|error| ServerError::new(format!("{}: {error}", path.display())))
}

/// The verdict, for a person.
pub fn told(verdict: &Verdict) -> String {
    let Verdict { entries, chains, checkpoints, attested, unchained, faults } = verdict;
    let mut lines = vec![format!("entries: {entries}, chains: {chains}, checkpoints: {checkpoints}")];
    if *unchained > 0 {
        lines.push(format!("entries from before there was a chain, which nothing protects: {unchained}"));
    }
    lines.push(match attested {
        Some(seq) => format!("attested by a checkpoint: up to entry {seq}"),
        None => "attested by a checkpoint: nothing; without one, a log that was cut off at its end may pass".to_owned(),
    });
    lines.extend(faults.iter().map(|fault| format!("FAULT {fault}")));
    lines.push(if faults.is_empty() { "no fault found".to_owned() } else { format!("{} faults found", faults.len()) });
    lines.join("\n")
}
