//! What relying parties are told: of the certificates that somebody asks about, for OCSP, and of all that are not good, for a CRL.
//!
//! Nothing is remembered between questions. One task reads: it takes the questions that are waiting, and answers them with one
//! statement that begins after all of them were asked. So under load many share one way to the database and back, and each still hears
//! everything that was committed before it asked.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::column::{Millis, time_if_any, unreadable};
use super::crl::{Listed, service_standing};
use super::error::{Outage, StoreError};
use super::sql::{Readers, Row, Text, query};
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

macro_rules! not_issued {
    ($many:literal) => {
        concat!(
            "SELECT ",
            $many,
            " AS many, max(not_after) AS last FROM ( \
             SELECT serial, not_before, not_after, revoked_at, revocation_reason FROM credentials \
             WHERE state <> 'issued' AND (not_after, serial) > (?1, ?2) ORDER BY not_after, serial LIMIT ?3) AS page"
        )
    };
}
/// Unconfirmed and revoked credentials that have not expired, so many after one, read off their index alone; in one row, as a million rows
/// one by one take many times as long. With the last time, to go on from. A serial that was reserved and never signed is no certificate,
/// and never expires: listing it would make the CRL grow for ever.
pub(super) const NOT_ISSUED: Text = Text {
    sqlite: not_issued!("group_concat(hex(serial) || ' ' || coalesce(revoked_at || ' ' || revocation_reason, not_before), char(10))"),
    postgres: not_issued!(
        "string_agg(encode(serial, 'hex') || ' ' || coalesce(revoked_at || ' ' || revocation_reason, not_before::text), chr(10) \
         ORDER BY not_after, serial)"
    ),
};

/// How many go in one row.
const MANY: i64 = 8192;

/// What else is not expired and not good: held credentials, and revoked service certificates.
pub(super) const NOT_GOOD: &str = "\
    SELECT serial, state, reserved_at, key_id, not_before, not_after, issued_at, revoked_at, revocation_reason, held_since \
    FROM (SELECT credential_id, min(since) AS held_since FROM holds WHERE credential_id IS NOT NULL GROUP BY credential_id) AS held \
    JOIN credentials ON credentials.id = held.credential_id WHERE state = 'issued' AND not_after > ?1 \
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
pub(super) async fn answer_questions(mut waiting: mpsc::Receiver<Question>, readers: Readers) {
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

async fn look_up(readers: &Readers, serials: &[Serial]) -> Result<Standings, StoreError> {
    let mut found = Standings::with_capacity(serials.len());
    for asked in serials.chunks(PLACES) {
        // a place that is left over asks for the last one again
        let last = asked.last().copied();
        let asking = (0..PLACES).fold(query(OF_SERIALS), |asking, place| asking.bind(asked.get(place).copied().or(last)));
        for row in asking.fetch_all(readers).await? {
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
        let mut reading = self.readers.snapshot().await?; // all as of one moment
        let mut found = Vec::new();
        let (mut not_after, mut serial) = (now.as_millisecond() + 1, Vec::new());
        loop {
            let page = query(NOT_ISSUED).bind(not_after).bind(&serial).bind(MANY).fetch_one(&mut reading).await?;
            let Some(many) = page.try_get::<Option<String>>("many")? else { break };
            (not_after, serial) = (page.try_get("last")?, last(&many)?);
            found.extend(many.lines().filter_map(packed));
        }
        for row in query(NOT_GOOD).bind(Millis(now)).fetch_all(&mut reading).await? {
            found.extend(listed(&row)?);
        }
        Ok(found)
    }
}

/// Nothing where this row is not what we write; anything else that goes wrong goes wrong for all.
fn listed(row: &Row) -> Result<Option<Listed>, sqlx::Error> {
    match row.try_get("serial").and_then(|serial| Ok(Listed { serial, standing: read(row)? })) {
        Ok(listed) => Ok(Some(listed)),
        Err(error @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))) => {
            cannot_list(&error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// One of many.
fn packed(line: &str) -> Option<Listed> {
    let listed = read_packed(line);
    if listed.is_none() {
        cannot_list(line);
    }
    listed
}

fn read_packed(line: &str) -> Option<Listed> {
    let mut words = line.split(' ');
    let serial = words.next()?.parse().ok()?;
    let at = Timestamp::from_millisecond(words.next()?.parse().ok()?).ok()?;
    let standing = match words.next() {
        None => Standing::OnHold { since: at },
        Some(reason) => Standing::Revoked { at, reason: reason.parse().ok()? },
    };
    Some(Listed { serial, standing })
}

fn cannot_list(found: &str) {
    tracing::error!(found, "a certificate that is not good cannot be listed; run remint check");
}

/// The serial at the end of a page.
fn last(many: &str) -> Result<Vec<u8>, StoreError> {
    let hex = many.lines().next_back().and_then(|line| line.split(' ').next()).unwrap_or_default();
    let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect::<Option<_>>();
    bytes.ok_or_else(|| unreadable("a credential", hex).into())
}

fn read(row: &Row) -> Result<Standing, sqlx::Error> {
    if row.word("state")? == "service" {
        return Ok(service_standing(certificate::read_revoked(row)?));
    }
    Ok(Standing::of(&credential::read_state(row)?, time_if_any(row, "held_since")?))
}
