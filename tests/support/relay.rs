//! A wire between phones and the server that a test can hold: it passes on what it does not understand, as TLS keeps the words from it,
//! and on command cuts the server off in the middle of a message.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::process::Installation;

/// When the server is to be killed, counted from the next bytes that a phone sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As soon as they have been handed to it.
    OnArrival,
    /// As soon as it has begun to write its database, or has begun to answer; of the answer nothing is passed on.
    OnFirstEffect,
}

/// Listens for as long as the test runs, also while the server is down.
#[derive(Clone)]
pub struct Relay {
    address: String,
    order: Arc<Mutex<Option<Order>>>,
}

impl Relay {
    pub async fn before(installation: &Arc<Installation>) -> Self {
        Self::before_all(std::slice::from_ref(installation)).await
    }

    /// Before several servers: each connection goes to the next one that is there.
    pub async fn before_all(installations: &[Arc<Installation>]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("localhost:{}", listener.local_addr().unwrap().port());
        let order = Arc::new(Mutex::new(None));
        let (installations, orders) = (installations.iter().map(Arc::downgrade).collect::<Vec<_>>(), Arc::clone(&order));
        tokio::spawn(async move {
            for turn in 0.. {
                let Ok((phone, _)) = listener.accept().await else { return };
                // Where no server is up, the phone finds its connection closed.
                for place in 0..installations.len() {
                    let Some(installation) = installations[(turn + place) % installations.len()].upgrade() else { return };
                    if let Ok(server) = TcpStream::connect(installation.devices_address()).await {
                        phone.set_nodelay(true).unwrap();
                        server.set_nodelay(true).unwrap();
                        tokio::spawn(converse(phone, server, Arc::clone(&orders), installation));
                        break;
                    }
                }
            }
        });
        Self { address, order }
    }

    /// The same invitation, by way of this relay.
    pub fn redirect(&self, invitation: &str) -> String {
        redirected(invitation, &self.address)
    }

    pub fn order(&self, order: Order) {
        *self.order.lock().unwrap() = Some(order);
    }
}

/// An invitation that leads to another address.
pub fn redirected(invitation: &str, address: &str) -> String {
    let host = invitation.split(['?', '&']).find(|part| part.starts_with("h=")).expect("a host in the invitation");
    invitation.replacen(host, &format!("h={address}"), 1)
}

async fn converse(phone: TcpStream, server: TcpStream, orders: Arc<Mutex<Option<Order>>>, installation: Arc<Installation>) {
    let (mut from_phone, mut to_phone) = phone.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut question, mut answer) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let passed_on = tokio::select! {
            asked = from_phone.read(&mut question) => match asked {
                Ok(length) if length > 0 => {
                    let order = orders.lock().unwrap().take();
                    let before = order.map(|_| written(&installation));
                    let handed_over = to_server.write_all(&question[..length]).await;
                    if let Some(order) = order {
                        return cut_off(order, before.flatten(), from_server, to_phone, &installation).await;
                    }
                    handed_over
                }
                _ => return,
            },
            answered = from_server.read(&mut answer) => match answered {
                Ok(length) if length > 0 => to_phone.write_all(&answer[..length]).await,
                _ => return,
            },
        };
        if passed_on.is_err() {
            return;
        }
    }
}

/// Kills the server at the ordered moment. The phone's connection ends with it, when `_to_phone` is dropped.
async fn cut_off(
    order: Order,
    before: Option<Written>,
    mut from_server: OwnedReadHalf,
    _to_phone: OwnedWriteHalf,
    installation: &Installation,
) {
    let begun = async {
        while written(installation) == before {
            tokio::task::yield_now().await;
        }
    };
    match order {
        Order::OnArrival => {}
        Order::OnFirstEffect => tokio::select! {
            () = begun => {}
            _ = from_server.read_u8() => {}
        },
    }
    installation.kill();
}

type Written = (u64, SystemTime);

/// How much has been written to the database's log, and when.
fn written(installation: &Installation) -> Option<Written> {
    let log: PathBuf = installation.data().join("remint.db-wal");
    let found = std::fs::metadata(log).ok()?;
    Some((found.len(), found.modified().ok()?))
}
