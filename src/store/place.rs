//! Where a database is: a file, or a PostgreSQL server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Where a database is.
#[derive(Clone)]
pub enum Place {
    /// SQLite: the file, which is made if there is none.
    File(PathBuf),
    /// PostgreSQL.
    Server(Box<PgConnectOptions>),
}

/// Shows what it is, never the password.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

/// `sqlite:…` or `postgres://user@host:port/database`, without a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "sqlite:{}", path.display()),
            Self::Server(server) => {
                let (user, port) = (server.get_username(), server.get_port());
                let host = server.get_socket().map_or_else(|| server.get_host().to_owned(), |socket| socket.display().to_string());
                write!(f, "postgres://{user}@{host}:{port}/{}", server.get_database().unwrap_or(user))
            }
        }
    }
}

/// Not a place that we would go to. Says nothing of what was found, in which there may be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPlace {
    #[error("expected: sqlite:<file> or postgres://<user>@<host>/<database>")]
    Scheme,
    #[error("not a PostgreSQL URL, expected: postgres://<user>@<host>:<port>/<database>?sslmode=verify-full&sslrootcert=<file>")]
    Url,
    #[error(
        "found: a password in the URL, which whoever lists the processes or reads a backup sees, expected: it in a file or an environment variable"
    )]
    Password,
    #[error("a database on another machine is reached over TLS, expected: ?sslmode=verify-full&sslrootcert=<the CA of the database, PEM>")]
    Unprotected,
}

impl Place {
    /// Reads `sqlite:<file>`, where a relative file is in `folder`, or `postgres://…`. A database on another machine must be reached over
    /// TLS, with the certificate of its CA at hand: whoever sits in between could take back a suspension.
    pub fn parse(url: &str, folder: &Path) -> Result<Self, NotAPlace> {
        if let Some(file) = url.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            return if file.is_empty() { Err(NotAPlace::Scheme) } else { Ok(Self::File(folder.join(file))) };
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(NotAPlace::Scheme);
        }
        let account = url.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?']).next().unwrap_or_default();
        if account.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) || url.contains("password=") {
            return Err(NotAPlace::Password);
        }
        let server = PgConnectOptions::from_str(url).map_err(|_| NotAPlace::Url)?.application_name("remint").disable_statement_logging();
        let is_near = server.get_socket().is_some() || matches!(server.get_host(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
        let is_pinned = matches!(server.get_ssl_mode(), PgSslMode::VerifyFull) && url.contains("sslrootcert=");
        if is_near || is_pinned { Ok(Self::Server(Box::new(server))) } else { Err(NotAPlace::Unprotected) }
    }

    /// With a password that is kept elsewhere.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        match self {
            Self::File(_) => self,
            Self::Server(server) => Self::Server(Box::new(server.password(password))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<String, NotAPlace> {
        Place::parse(url, Path::new("/data")).map(|place| place.to_string())
    }

    #[test]
    fn a_file_is_in_the_folder_unless_it_says_otherwise() {
        assert_eq!(parse("sqlite:remint.db").unwrap(), "sqlite:/data/remint.db");
        assert_eq!(parse("sqlite://remint.db").unwrap(), "sqlite:/data/remint.db");
        assert_eq!(parse("sqlite:///var/lib/remint.db").unwrap(), "sqlite:/var/lib/remint.db");
        assert_eq!(parse("sqlite:"), Err(NotAPlace::Scheme));
    }

    #[test]
    fn another_machine_is_reached_over_tls_only() {
        assert_eq!(parse("postgres://remint@db.example.org/remint"), Err(NotAPlace::Unprotected));
        assert_eq!(parse("postgres://remint@db.example.org/remint?sslmode=require"), Err(NotAPlace::Unprotected));
        assert_eq!(parse("postgres://remint@db.example.org/remint?sslmode=verify-full"), Err(NotAPlace::Unprotected));
        let pinned = parse("postgres://remint@db.example.org/remint?sslmode=verify-full&sslrootcert=ca.pem");
        assert_eq!(pinned.unwrap(), "postgres://remint@db.example.org:5432/remint");
        assert_eq!(parse("postgres://remint@localhost:5433/house").unwrap(), "postgres://remint@localhost:5433/house");
        assert!(parse("postgres://remint@localhost/house?host=/run/postgresql").unwrap().contains("/run/postgresql"));
    }

    #[test]
    fn a_password_is_shown_to_nobody() {
        let url = "postgres://remint:geheim@localhost/house";
        assert_eq!(Place::parse(url, Path::new("/")).unwrap_err(), NotAPlace::Password);
        assert_eq!(parse("postgres://remint@localhost/house?password=geheim").unwrap_err(), NotAPlace::Password);
        let place = Place::parse("postgres://remint@localhost/house", Path::new("/")).unwrap().with_password("geheim");
        assert!(!format!("{place:?} {place}").contains("geheim"));
        assert_eq!(parse("mysql://root:geheim@localhost/house").unwrap_err(), NotAPlace::Scheme);
    }
}
