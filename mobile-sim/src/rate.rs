//! Many who ask one OCSP responder as fast as it answers.
//!
//! It speaks as little HTTP as that takes, over plain sockets and blocking threads, so that the load costs little beside what it measures:
//! `Content-Length` alone, no chunks. Every answer is looked at, and some are verified; for one question that matters there is
//! [`crate::RelyingParty`].

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::certificate::Certificate;
use crate::encoding::b64;
use crate::error::Distrust;
use crate::relying_party::ocsp::Question;
use crate::relying_party::{StatusError, in_path};
use crate::trust::Chain;
use crate::wire::WireError;

/// One in so many answers is verified.
const VERIFIED: usize = 1000;
const LONGEST_ANSWER: usize = 64 * 1024;

/// What is asked, and how.
pub struct Rate {
    /// `http://host:port/path`
    pub url: String,
    /// Down to the issuing authority, in any order.
    pub authorities: Vec<Certificate>,
    /// Asked about in turn.
    pub serials: Vec<String>,
    /// By GET and without a nonce, rather than by POST with a fresh one each time.
    pub for_anybody: bool,
    pub connections: usize,
    pub duration: Duration,
}

/// What was answered.
pub struct Measured {
    /// Of each answer.
    pub latencies: Vec<Duration>,
    pub verified: usize,
    /// How many connections were opened in all.
    pub connections: usize,
    pub took: Duration,
}

impl Rate {
    /// Asks until the time is over.
    pub fn measure(&self) -> Result<Measured, StatusError> {
        let bad_url = || StatusError::BadUrl(self.url.clone());
        let rest = self.url.strip_prefix("http://").ok_or_else(bad_url)?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let chain = Chain::of_trusted(self.authorities.clone()).map_err(StatusError::BadAuthorities)?;
        let issuing = chain.authorities().first().ok_or_else(bad_url)?;
        let begun = Instant::now();
        let askers: Vec<_> = (0..self.connections).map(|number| Asker::new(self, host, path, issuing, number)).collect::<Result<_, _>>()?;
        let done: Vec<Result<Asker<'_>, StatusError>> = thread::scope(|scope| {
            let threads: Vec<_> = askers.into_iter().map(|asker| scope.spawn(|| asker.ask_until(begun + self.duration))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err(Distrust::because("a thread that failed").into())))
                .collect()
        });
        let mut measured = Measured { latencies: Vec::new(), verified: 0, connections: 0, took: begun.elapsed() };
        for asker in done {
            let asker = asker?;
            measured.latencies.extend(asker.latencies);
            measured.verified += asker.verified;
            measured.connections += asker.opened;
        }
        Ok(measured)
    }
}

/// One connection at a time.
struct Asker<'a> {
    host: &'a str,
    path: &'a str,
    issuing: &'a Certificate,
    questions: Vec<Question>,
    by_get: bool,
    connection: Option<BufReader<TcpStream>>,
    latencies: Vec<Duration>,
    verified: usize,
    opened: usize,
}

impl<'a> Asker<'a> {
    fn new(rate: &Rate, host: &'a str, path: &'a str, issuing: &'a Certificate, number: usize) -> Result<Self, Distrust> {
        let question = if rate.for_anybody { Question::for_anybody } else { Question::about };
        let mut questions = rate.serials.iter().map(|serial| question(serial, issuing)).collect::<Result<Vec<_>, _>>()?;
        let count = questions.len().max(1);
        questions.rotate_left(number % count);
        let by_get = rate.for_anybody;
        Ok(Self { host, path, issuing, questions, by_get, connection: None, latencies: Vec::new(), verified: 0, opened: 0 })
    }

    fn ask_until(mut self, end: Instant) -> Result<Self, StatusError> {
        let mut next = 0;
        while Instant::now() < end {
            self.ask(next % self.questions.len())?;
            next += 1;
        }
        Ok(self)
    }

    fn ask(&mut self, index: usize) -> Result<(), StatusError> {
        let broken = |host: &str, source| StatusError::Wire(WireError::Connect { authority: host.to_owned(), source });
        self.questions[index].renew()?;
        let message = self.message(&self.questions[index]);
        let begun = Instant::now();
        let answer = self.exchange(&message).map_err(|source| broken(self.host, source))?;
        self.latencies.push(begun.elapsed());
        let question = &self.questions[index];
        if !question.may_be_answered_by(&answer) {
            return Err(Distrust::because("an answer to another question, or none").into());
        }
        if self.latencies.len() % VERIFIED == 1 {
            question.judge(&answer, self.issuing, SystemTime::now())?;
            self.verified += 1;
        }
        Ok(())
    }

    fn message(&self, question: &Question) -> Vec<u8> {
        let Self { host, path, .. } = self;
        if self.by_get {
            let base = path.trim_end_matches('/');
            return format!("GET {base}/{} HTTP/1.1\r\nHost: {host}\r\n\r\n", in_path(&b64(&question.der))).into_bytes();
        }
        let (path, length) = (if path.is_empty() { "/" } else { path }, question.der.len());
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/ocsp-request\r\nContent-Length: {length}\r\n\r\n");
        [head.as_bytes(), &question.der].concat()
    }

    /// Over the connection that is open, or a new one where the responder closed it.
    fn exchange(&mut self, message: &[u8]) -> io::Result<Vec<u8>> {
        if self.connection.is_none() {
            let stream = TcpStream::connect(self.host)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            self.connection = Some(BufReader::with_capacity(16 * 1024, stream));
            self.opened += 1;
        }
        let Some(connection) = &mut self.connection else { return Err(io::ErrorKind::NotConnected.into()) };
        connection.get_mut().write_all(message)?;
        let (answer, is_kept) = read_answer(connection)?;
        if !is_kept {
            self.connection = None;
        }
        Ok(answer)
    }
}

/// The body of a reply with status 200, and whether the connection stays open.
fn read_answer(connection: &mut impl BufRead) -> io::Result<(Vec<u8>, bool)> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let (mut line, mut length, mut is_kept) = (String::new(), None, true);
    connection.read_line(&mut line)?;
    if line.split(' ').nth(1) != Some("200") {
        return Err(wrong("a status that is not 200"));
    }
    is_kept &= line.starts_with("HTTP/1.1");
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok().filter(|length| *length <= LONGEST_ANSWER);
        } else if name.eq_ignore_ascii_case("connection") {
            is_kept &= !value.trim().eq_ignore_ascii_case("close");
        }
    }
    let mut answer = vec![0; length.ok_or_else(|| wrong("no length that can be believed"))?];
    connection.read_exact(&mut answer)?;
    Ok((answer, is_kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_to_its_end_and_no_further() {
        let mut two = &b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nd"[..];
        assert_eq!(read_answer(&mut two).expect("a reply"), (b"abc".to_vec(), true));
        assert_eq!(read_answer(&mut two).expect("a reply"), (b"d".to_vec(), false));
        for torn in [
            "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
        ] {
            assert!(read_answer(&mut torn.as_bytes()).is_err(), "{torn}");
        }
    }
}
