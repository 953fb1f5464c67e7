//! What relying parties are told: of the certificates that somebody asks about, for OCSP, and of all that are not good, for a CRL.
//!
//! Nothing is remembered between questions. One task reads: it takes the questions that are waiting, and answers them with one
//! statement that begins after all of them were asked. So under load many share one way to the database and back, and each still hears
//! everything that was committed before it asked.

use std::collections::HashMap;

use std::future::ready;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use tokio::sync::{mpsc, oneshot};

use super::column::{Millis, time_if_any};
use super::crl::{Listed, service_standing};
use super::error::{Outage, StoreError};
use super::{Store, certificate, credential};
use crate::lifecycle::holdings::Standing;
use crate::lifecycle::ids::Serial;

/// How many serials one statement asks about.
const PLACES: usize = 32;

macro_rules! places {
    () => {
        "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
          ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32)"
    };
}

/// Credentials with the time of their oldest hold, and service certificates, by their serials.
pub(super) const OF_SERIALS: &str = concat!(
    "SELECT serial, state, reserved_at, key_id, not_before, not_after, issued_at, revoked_at, revocation_reason, \
       (SELECT min(since) FROM holds WHERE coalesce(device_id, credential_id) = credentials.id) AS held_since \
     FROM credentials WHERE serial IN ",
    places!(),
    " UNION ALL \
     SELECT serial, 'service', NULL, NULL, NULL, not_after, NULL, revoked_at, revocation_reason, NULL \
     FROM service_certificates WHERE serial IN ",
    places!()
);

/// Every certificate that is not expired and not good: unconfirmed and revoked credentials, held ones, and revoked service certificates.
/// A serial that was reserved and never signed is no certificate, and never expires: listing it would make the CRL grow for ever.
pub(super) const NOT_GOOD: &str = "\
    SELECT serial, state, reserved_at, key_id, not_before, not_after, issued_at, revoked_at, revocation_reason, NULL AS held_since \
    FROM credentials WHERE state <> 'issued' AND not_after > ?1 \
    UNION ALL \
    SELECT serial, state, reserved_at, key_id, not_before, not_after, issued_at, revoked_at, revocation_reason, min(since) \
    FROM holds CROSS JOIN credentials ON credentials.id = holds.credential_id \
    WHERE state = 'issued' AND not_after > ?1 GROUP BY credentials.id \
    UNION ALL \
    SELECT serial, 'service', NULL, NULL, NULL, not_after, NULL, revoked_at, revocation_reason, NULL \
    FROM service_certificates WHERE revoked_at IS NOT NULL AND not_after > ?1";

/// Of each certificate that is on record, how it stands; or that its row cannot be read.
type Standings = HashMap<Serial, Result<Standing, StoreError>>;

/// A question that waits.
pub(super) struct Question {
    serials: Vec<Serial>,
    answer: oneshot::Sender<Result<Vec<Option<Standing>>, StoreError>>,
}

/// Answers questions until nobody is left to ask.
pub(super) async fn answer_questions(mut waiting: mpsc::Receiver<Question>, readers: SqlitePool) {
    let mut together = Vec::with_capacity(PLACES);
    while waiting.recv_many(&mut together, PLACES).await > 0 {
        let serials: Vec<Serial> = together.iter().flat_map(|question| &question.serials).copied().collect();
        let found = look_up(&readers, &serials).await;
        for Question { serials, answer } in together.drain(..) {
            let told = found.as_ref().map_err(Clone::clone);
            let _ = answer.send(told.and_then(|found| serials.iter().map(|serial| found.get(serial).cloned().transpose()).collect()));
        }
    }
}

async fn look_up(readers: &SqlitePool, serials: &[Serial]) -> Result<Standings, StoreError> {
    let mut found = Standings::with_capacity(serials.len());
    for asked in serials.chunks(PLACES) {
        // a place that is left over asks for the last one again
        let last = asked.last().copied();
        let query = (0..PLACES).fold(sqlx::query(OF_SERIALS), |query, place| query.bind(asked.get(place).copied().or(last)));
        for row in query.fetch_all(readers).await? {
            found.insert(row.try_get("serial")?, read(&row).map_err(StoreError::from));
        }
    }
    Ok(found)
}

impl Store {
    /// The standing of each of these certificates of ours, in the order asked; nothing where a serial is not on record. An expired one
    /// keeps the standing that it had.
    pub async fn standings(&self, serials: Vec<Serial>) -> Result<Vec<Option<Standing>>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.questions.try_send(Question { serials, answer }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => Outage::Closed.into(),
        })?;
        answered.await.unwrap_or_else(|_| Err(Outage::Closed.into()))
    }

    /// Every unexpired certificate whose standing is not good. A row that cannot be read keeps no other from being listed: it is left out
    /// and told, here to the log, and by the check.
    pub async fn not_good(&self, now: Timestamp) -> Result<Vec<Listed>, StoreError> {
        // one row at a time: there may be a million of them
        let found = sqlx::query(NOT_GOOD).bind(Millis(now)).fetch(&self.readers);
        Ok(found.try_filter_map(|row| ready(Ok(listed(&row)))).try_collect().await?)
    }
}

fn listed(row: &SqliteRow) -> Option<Listed> {
    let listed = row.try_get("serial").and_then(|serial| Ok(Listed { serial, standing: read(row)? }));
    listed.inspect_err(|error| tracing::error!(%error, "a certificate that is not good cannot be listed; run remint check")).ok()
}

fn read(row: &SqliteRow) -> Result<Standing, sqlx::Error> {
    if row.try_get::<&str, _>("state")? == "service" {
        return Ok(service_standing(certificate::read_revoked(row)?));
    }
    Ok(Standing::of(&credential::read_state(row)?, time_if_any(row, "held_since")?))
}
