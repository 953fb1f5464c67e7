//! Where letters are delivered to: a mail server (see `smtp`), or a folder of `.eml` files (RFC 5322), from where one can take them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lettre::message::header::ContentType;
use lettre::{Address, Message, message::Mailbox};

use super::config::Config;
use super::smtp::Smtp;
use super::{MAIL, ServerError};
use crate::workflows::deliver_letters::{Envelope, Post, Posted};
use crate::workflows::world::World;

/// A folder of letters, one file each, named by the letter's id: what is delivered twice is there once.
pub struct Folder(PathBuf);

impl Folder {
    /// The folder is made where it is missing; nobody else on the machine may look into it.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    fn keep(&self, envelope: &Envelope) -> Result<(), String> {
        use std::os::unix::fs::PermissionsExt;
        let failed = |error: std::io::Error| format!("{}: {error}", self.0.display());
        fs::create_dir_all(&self.0).map_err(failed)?;
        fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        let text = written(envelope)?.formatted();
        let path = self.0.join(format!("{}.eml", envelope.id));
        let unfinished = path.with_extension("tmp");
        replace(&unfinished, &path, &text).map_err(failed)
    }
}

impl Post for Folder {
    fn deliver<'a>(&'a self, envelope: &'a Envelope) -> Posted<'a> {
        Box::pin(async move { self.keep(envelope) })
    }
}

/// One of the two.
pub enum Delivery {
    Folder(Folder),
    Smtp(Smtp),
}

impl Delivery {
    /// As the configuration says: a mail server, or the folder `mail` of the data folder.
    pub fn of(config: &Config, world: &World) -> Result<Self, ServerError> {
        for (name, given) in [("from", &config.mail.from), ("officers", &config.mail.officers)] {
            if let Some(text) = given.as_ref().filter(|text| text.parse::<Address>().is_err()) {
                return Err(ServerError::new(format!("remint.toml, [mail] {name}: found: {text:?}, expected: an e-mail address")));
            }
        }
        match &config.mail.smtp {
            Some(smtp) => Ok(Self::Smtp(Smtp::new(smtp, config.own_host())?)),
            None => Ok(Self::Folder(Folder::at(world.folder.join(MAIL)))),
        }
    }
}

impl Post for Delivery {
    fn deliver<'a>(&'a self, envelope: &'a Envelope) -> Posted<'a> {
        match self {
            Self::Folder(folder) => folder.deliver(envelope),
            Self::Smtp(smtp) => smtp.deliver(envelope),
        }
    }
}

/// The file is there whole, or not at all.
fn replace(unfinished: &Path, path: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(unfinished)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

/// The letter as RFC 5322 has it. Addresses that are none are an error, not a header.
pub(super) fn written(envelope: &Envelope) -> Result<Message, String> {
    let address =
        |text: &str| text.parse::<Address>().map(|address| Mailbox::new(None, address)).map_err(|error| format!("{text:?}: {error}"));
    let millis = u64::try_from(envelope.written_at.as_millisecond()).unwrap_or_default();
    let domain = envelope.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    Message::builder()
        .from(address(&envelope.from)?)
        .to(address(&envelope.to)?)
        .subject(&envelope.subject)
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
        .message_id(Some(format!("<{}@{domain}>", envelope.id)))
        .header(ContentType::TEXT_PLAIN)
        .body(envelope.body.clone())
        .map_err(|error| error.to_string())
}
