//! A database server, some servers of ours over it, and people whose phones reach the next of them with each connection.

use std::sync::Arc;

use mobile_sim::Faults;
use remint::server::config::Config;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::cluster::Cluster;
use crate::support::outcome::Aftermath;
use crate::support::process::{Installation, until};
use crate::support::relay::Relay;
use crate::support::relying_party::crl;
use crate::support::stage::{Handset, Invited, Person, Stage, done};

pub struct Town {
    pub servers: Vec<Arc<Installation>>,
    pub stage: Stage,
    pub cluster: Arc<Cluster>,
}

impl Town {
    pub async fn of(servers: usize) -> Self {
        let cluster = Cluster::start();
        let url = cluster.database("town").await;
        let first = Installation::planned(tempfile::tempdir().unwrap(), &[]);
        first.init(&["--database-url", &url]).unwrap_or_else(|said| panic!("remint init: {said}"));
        first.hire("hana");
        let mut all = vec![Arc::new(first)];
        for _ in 1..servers {
            all.push(Arc::new(all[0].another()));
        }
        all.iter().for_each(|server| server.start());
        let relay = Relay::before_all(&all).await;
        Self { stage: Stage::of(Arc::clone(&all[0]), relay), servers: all, cluster: Arc::new(cluster) }
    }

    pub async fn people(&self, count: usize) -> Vec<Person> {
        let mut people = Vec::new();
        for _ in 0..count {
            people.push(self.stage.person().await);
        }
        people
    }

    /// The operator tries one server after the other until one takes it. Asked twice, it is the same request.
    pub async fn submit(&self, person: &Person) -> Invited {
        let mut lost_answer = false;
        until("a server that takes the request", async || {
            for server in &self.servers {
                let desk = server.desk("hana");
                match person.try_to_submit(&desk).await {
                    Ok(reply) if reply.status < 300 => return Some(self.stage.invited(&done(&reply))),
                    // the answer of a server that died on the way to the operator: the request stands, and a new invitation goes out
                    Ok(reply) if lost_answer && reply.status == 409 => {
                        return self.stage.invited_again(&desk, person).await;
                    }
                    Ok(_) => {}
                    Err(_) => lost_answer = true,
                }
            }
            None
        })
        .await
    }

    /// The tablet runs again until it has what is new.
    pub async fn sync(&self, tablet: &Handset) {
        until("an updated tablet", async || match tablet.sync(&Faults::default()).await {
            Ok(_) => Some(()),
            Err(error) if error.is_transient() => None,
            Err(error) => panic!("{error:?}"),
        })
        .await;
    }

    /// The number of the newest list.
    pub async fn newest_list(&self) -> Option<u64> {
        crl(&self.servers[0]).await.map(|(number, _)| number)
    }

    /// Every server stops; the check and the audit log find nothing.
    pub async fn close_and_check(&self) -> Aftermath {
        let [first, others @ ..] = self.servers.as_slice() else { unreachable!() };
        others.iter().for_each(|server| assert!(server.stop().success()));
        Aftermath::checked(first).await
    }
}

impl Installation {
    pub fn database_url(&self) -> String {
        Config::load(&self.data()).unwrap().database.unwrap().url
    }
}

/// The serials that a CRL lists, in capital hexadecimal digits.
pub fn listed(der: &[u8]) -> Vec<String> {
    let (_, crl) = x509_parser::parse_x509_crl(der).unwrap();
    let digits = |serial: &[u8]| serial.iter().map(|byte| format!("{byte:02X}")).collect();
    crl.iter_revoked_certificates().map(|entry| digits(entry.raw_serial())).collect()
}

pub async fn execute(url: &str, statement: &'static str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}
