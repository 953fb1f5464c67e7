//! How the words of the lifecycle are columns: ids, serials and key ids as bytes, times as milliseconds, words as they are spelled.

use std::str::FromStr;

use jiff::Timestamp;
use sqlx::error::BoxDynError;
use uuid::Uuid;

use super::sql::{Bindable, Cell, Column, Row, Value};
use crate::lifecycle::actor::Role;
use crate::lifecycle::change::Carried;
use crate::lifecycle::credential::{KeyId, RevocationReason, Slot};
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::directory::Sid;
use crate::lifecycle::fasc_n::FascN;
use crate::lifecycle::ids::{CredentialId, DeviceId, OperatorId, RecoveryId, RequestId, Serial, SessionId, TicketId, UserId};
use crate::lifecycle::reason::{EndReason, Reason};
use crate::lifecycle::request::Mode;

/// A column of the kind `$kind` for a `$name`: how it is written, and how it is read.
macro_rules! column {
    ($name:ty, $kind:ident, $keep:expr, $read:expr) => {
        impl Bindable for $name {
            const NOTHING: Value = Value::$kind(None);

            fn value(&self) -> Value {
                Value::$kind(Some(($keep)(self)))
            }
        }

        impl Column for $name {
            fn read(cell: Cell<'_>) -> Result<Self, BoxDynError> {
                ($read)(cell)
            }
        }
    };
}

macro_rules! id_columns {
    ($($name:ty),+) => { $(column!($name, Id, |id: &$name| id.0, |cell: Cell<'_>| cell.id().map(Self));)+ };
}

macro_rules! word_columns {
    ($($name:ty),+) => { $(column!($name, Text, |word: &$name| word.as_str().to_owned(), |cell: Cell<'_>| Ok(Self::from_str(cell.text()?)?));)+ };
}

macro_rules! number_columns {
    ($($name:ty),+) => { $(column!($name, Integer, |number: &$name| i64::from(*number), |cell: Cell<'_>| Ok(cell.integer()?.try_into()?));)+ };
}

column!(Uuid, Id, |id: &Uuid| *id, Cell::id);
column!(bool, Truth, |truth: &bool| *truth, Cell::truth);
column!(i64, Integer, |number: &i64| *number, Cell::integer);
number_columns!(u16, u32);
column!(String, Text, String::clone, |cell: Cell<'_>| cell.text().map(str::to_owned));
column!(Vec<u8>, Bytes, Vec::clone, |cell: Cell<'_>| cell.bytes().map(<[u8]>::to_vec));

id_columns!(UserId, DeviceId, CredentialId, RequestId, TicketId, SessionId, OperatorId, RecoveryId);
word_columns!(Slot, RevocationReason, Carried, DeviceKind, Mode, Reason, EndReason, Role);

column!(Serial, Bytes, |serial: &Serial| serial.as_bytes().to_vec(), |cell: Cell<'_>| {
    Self::from_bytes(cell.bytes()?).ok_or_else(|| "not a serial of ours".into())
});
column!(KeyId, Bytes, |key: &KeyId| key.0.to_vec(), |cell: Cell<'_>| {
    cell.bytes()?.try_into().map(Self).map_err(|_| "not a key id: expected 32 bytes".into())
});
column!([u8; 32], Bytes, |digest: &[u8; 32]| digest.to_vec(), |cell: Cell<'_>| {
    cell.bytes()?.try_into().map_err(|_| "expected 32 bytes".into())
});
column!(Sid, Text, Sid::to_string, |cell: Cell<'_>| Ok(cell.text()?.parse()?));
column!(FascN, Bytes, |number: &FascN| number.as_bytes().to_vec(), |cell: Cell<'_>| {
    let bytes = cell.bytes()?.try_into().map_err(|_| "not a FASC-N: expected 25 bytes")?;
    Ok(Self::from_bytes(bytes)?)
});

/// A time, kept as Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Millis(pub Timestamp);

column!(Millis, Integer, |time: &Millis| time.0.as_millisecond(), |cell: Cell<'_>| {
    Ok(Self(Timestamp::from_millisecond(cell.integer()?)?))
});

/// The time in a column.
pub(super) fn time(row: &Row, column: &str) -> Result<Timestamp, sqlx::Error> {
    row.try_get::<Millis>(column).map(|time| time.0)
}

/// The time in a column that may be empty.
pub(super) fn time_if_any(row: &Row, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.try_get::<Option<Millis>>(column)?.map(|time| time.0))
}

/// A word that the constraints of the schema do not let in.
pub(super) fn unreadable(what: &'static str, found: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what}: {found:?}").into())
}
