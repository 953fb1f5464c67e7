//! The virtual reader: the driver `vsmartcard-vpcd` connects to us, so that nothing of it listens, and we listen on this machine alone.
//!
//! The driver has two slots, on two ports in a row, and connects to each once, when the PC/SC daemon starts: version 3.3 ends the daemon when a port
//! is closed, or becomes so. So the card waits first and the daemon comes second, and in the second slot lies a card that knows nothing.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use rustix::net::sockopt::set_tcp_quickack;
use vpicc::{Connection, VSmartCard};

use super::Transport;

/// Answer to reset (ISO 7816-3 §8): T=1, historical bytes that say that the card joins chained commands and takes extended lengths
/// (ISO 7816-4 §12.1.1.9).
const ATR: [u8; 11] = [0x3B, 0x95, 0x13, 0x81, 0x01, 0x80, 0x73, 0xFF, 0x01, 0xC0, 0xCB];
/// Of the card that knows nothing: no historical bytes.
const ATR_OF_NOTHING: [u8; 4] = [0x3B, 0x80, 0x01, 0x81];
const NOT_FOUND: [u8; 2] = [0x6A, 0x82];

/// What the PC/SC daemon must be told, once, in a file of its reader configuration.
pub fn configuration(port: u16) -> String {
    let driver = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
    format!("FRIENDLYNAME \"mobile-sim\"\nDEVICENAME   127.0.0.1:{port}\nLIBPATH      {driver}\nCHANNELID    {port}\n")
}

/// Where a card waits for its reader.
pub struct Port {
    card: TcpListener,
    nothing: TcpListener,
}

impl Port {
    /// That port and the next one, on this machine alone; 0 for any two that are free.
    pub fn open(port: u16) -> io::Result<Self> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let mut attempts = 0;
        loop {
            let card = bind(port)?;
            let next = card.local_addr()?.port().checked_add(1).ok_or(io::ErrorKind::AddrInUse)?;
            attempts += 1;
            match bind(next) {
                Ok(nothing) => return Ok(Self { card, nothing }),
                Err(_) if port == 0 && attempts < 100 => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.card.local_addr()
    }

    /// Serves the card to one reader after the other, until the port breaks.
    pub fn serve(&self, card: &mut Transport) -> io::Result<()> {
        let nothing = self.nothing.try_clone()?;
        thread::spawn(move || lie(&nothing, &mut Nothing));
        lie(&self.card, &mut InReader(card))
    }
}

/// A card lies there for one reader after the other.
fn lie(port: &TcpListener, card: &mut impl VSmartCard) -> io::Result<()> {
    loop {
        let (stream, _) = port.accept()?;
        stream.set_nodelay(true)?;
        let wire = stream.try_clone()?;
        let mut connection = Connection::from(stream);
        // It ends when the reader is gone, or says what no reader says.
        while connection.poll(card).is_ok() {
            // The driver sends a command in two pieces, and the second only when the first is acknowledged: at once, or each command takes 40 ms.
            set_tcp_quickack(&wire, true).ok();
        }
        card.reset();
    }
}

struct Nothing;

impl VSmartCard for Nothing {
    fn atr(&self) -> &[u8] {
        &ATR_OF_NOTHING
    }

    fn execute(&mut self, _command: &[u8]) -> Vec<u8> {
        NOT_FOUND.to_vec()
    }
}

struct InReader<'a>(&'a mut Transport);

impl VSmartCard for InReader<'_> {
    fn atr(&self) -> &[u8] {
        &ATR
    }

    fn power_on(&mut self) {
        self.0.reset();
    }

    fn power_off(&mut self) {
        self.0.reset();
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn execute(&mut self, command: &[u8]) -> Vec<u8> {
        self.0.answer(command)
    }
}

#[cfg(test)]
mod tests {
    use super::{ATR, ATR_OF_NOTHING};

    #[test]
    fn the_check_bytes_of_the_atrs_are_right() {
        for atr in [&ATR[..], &ATR_OF_NOTHING] {
            assert_eq!(atr[1..].iter().fold(0, |sum, byte| sum ^ byte), 0);
        }
    }
}
