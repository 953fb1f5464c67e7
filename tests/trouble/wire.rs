//! A bad wire between phones and a server: it cuts connections off in the middle of a question or of an answer, and it hands what a phone has
//! long given up to the server later, when the phone has come through by another way. It understands nothing of what it carries.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::random::Dice;
use crate::support::relay::redirected;

/// What becomes of a connection, after so many bytes.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Passes,
    /// The question is cut off: both ends are told.
    CutsQuestion(usize),
    /// The answer is cut off.
    CutsAnswer(usize),
    /// The phone is cut off, and the rest of its question waits.
    Delays(usize),
}

/// What the wire holds back: the server's end of a connection, and what is still to be said there.
type Late = (TcpStream, Vec<u8>);

#[derive(Clone)]
pub struct BadWire {
    address: String,
    late: Arc<Mutex<Vec<Late>>>,
    spoilt: Arc<Mutex<usize>>,
}

impl BadWire {
    /// Before a server. The same seed, the same fates in the order of the connections.
    pub async fn before(server: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("localhost:{}", listener.local_addr().unwrap().port());
        let wire = Self { address, late: Arc::default(), spoilt: Arc::default() };
        let (carrying, server, mut dice) = (wire.clone(), server.to_owned(), Dice(seed));
        tokio::spawn(async move {
            while let Ok((phone, _)) = listener.accept().await {
                let (fate, wire) = (fate(&mut dice), carrying.clone());
                if !matches!(fate, Fate::Passes) {
                    *carrying.spoilt.lock().unwrap() += 1;
                }
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(async move { wire.carry(phone, server, fate).await });
            }
        });
        wire
    }

    /// The same invitation, by way of this wire.
    pub fn redirect(&self, invitation: &str) -> String {
        redirected(invitation, &self.address)
    }

    /// How many connections were spoilt.
    pub fn spoilt(&self) -> usize {
        *self.spoilt.lock().unwrap()
    }

    /// Hands over what was held back, and waits until the server has done with it; gives how many times it answered.
    pub async fn deliver_late(&self) -> usize {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        let mut answered = 0;
        for (mut server, rest) in late {
            let said = server.write_all(&rest).await.is_ok() && server.shutdown().await.is_ok();
            let mut answer = Vec::new();
            let _ = server.read_to_end(&mut answer).await;
            answered += usize::from(said && !answer.is_empty());
        }
        answered
    }

    async fn carry(self, mut phone: TcpStream, mut server: TcpStream, fate: Fate) {
        let (mut asked, mut answered) = (0, 0);
        let (mut question, mut answer) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            let passed_on = tokio::select! {
                read = phone.read(&mut question) => match read {
                    Ok(length) if length > 0 => {
                        let end = match fate {
                            Fate::CutsQuestion(after) | Fate::Delays(after) if asked + length > after => after.saturating_sub(asked),
                            _ => length,
                        };
                        asked += length;
                        let handed_over = server.write_all(&question[..end]).await;
                        if end < length {
                            if matches!(fate, Fate::Delays(_)) {
                                self.late.lock().unwrap().push((server, question[end..length].to_vec()));
                            }
                            return;
                        }
                        handed_over
                    }
                    _ => return,
                },
                read = server.read(&mut answer) => match read {
                    Ok(length) if length > 0 => {
                        let end = match fate {
                            Fate::CutsAnswer(after) if answered + length > after => after.saturating_sub(answered),
                            _ => length,
                        };
                        answered += length;
                        let handed_over = phone.write_all(&answer[..end]).await;
                        if end < length {
                            return;
                        }
                        handed_over
                    }
                    _ => return,
                },
            };
            if passed_on.is_err() {
                return;
            }
        }
    }
}

/// Every second connection is spoilt. A handshake takes 1 to 3 thousand bytes each way, a message and its answer as many again.
fn fate(dice: &mut Dice) -> Fate {
    let mut bytes = |most| usize::try_from(dice.roll(most)).unwrap();
    match bytes(6) {
        0 => Fate::CutsQuestion(bytes(6000)),
        1 => Fate::CutsAnswer(bytes(9000)),
        2 => Fate::Delays(bytes(6000)),
        _ => Fate::Passes,
    }
}
