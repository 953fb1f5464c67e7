//! How the words of the lifecycle are columns: ids, serials and key ids as bytes, times as milliseconds, words as they are spelled.

use std::str::FromStr;

use jiff::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteRow, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Database, Decode, Encode, Row, Sqlite, Type};
use uuid::Uuid;

use crate::lifecycle::actor::Role;
use crate::lifecycle::change::Carried;
use crate::lifecycle::credential::{KeyId, RevocationReason, Slot};
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::directory::Sid;
use crate::lifecycle::fasc_n::FascN;
use crate::lifecycle::ids::{CredentialId, DeviceId, OperatorId, RecoveryId, RequestId, Serial, SessionId, TicketId, UserId};
use crate::lifecycle::reason::{EndReason, Reason};
use crate::lifecycle::request::Mode;

type Buffer = <Sqlite as Database>::ArgumentBuffer;

/// A column of type `$kept` for each `$name`: how it is written, and how it is read.
macro_rules! column {
    ($name:ty, as $kept:ty, $keep:expr, $read:expr) => {
        impl Type<Sqlite> for $name {
            fn type_info() -> SqliteTypeInfo {
                <$kept as Type<Sqlite>>::type_info()
            }

            fn compatible(found: &SqliteTypeInfo) -> bool {
                <$kept as Type<Sqlite>>::compatible(found)
            }
        }

        impl Encode<'_, Sqlite> for $name {
            fn encode_by_ref(&self, buffer: &mut Buffer) -> Result<IsNull, BoxDynError> {
                let keep: fn(&$name) -> $kept = $keep;
                Encode::<Sqlite>::encode(keep(self), buffer)
            }
        }

        impl<'r> Decode<'r, Sqlite> for $name {
            fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
                let read: fn($kept) -> Result<$name, BoxDynError> = $read;
                read(<$kept as Decode<Sqlite>>::decode(value)?)
            }
        }
    };
}

macro_rules! id_columns {
    ($($name:ty),+) => { $(column!($name, as Uuid, |id| id.0, |uuid| Ok(Self(uuid)));)+ };
}

macro_rules! word_columns {
    ($($name:ty),+) => { $(column!($name, as &str, |word| word.as_str(), |text| Ok(Self::from_str(text)?));)+ };
}

id_columns!(UserId, DeviceId, CredentialId, RequestId, TicketId, SessionId, OperatorId, RecoveryId);
word_columns!(Slot, RevocationReason, Carried, DeviceKind, Mode, Reason, EndReason, Role);

column!(Serial, as Vec<u8>, |serial| serial.as_bytes().to_vec(), |bytes| {
    Self::from_bytes(&bytes).ok_or_else(|| "not a serial of ours".into())
});
column!(KeyId, as Vec<u8>, |key| key.0.to_vec(), |bytes| {
    bytes.try_into().map(Self).map_err(|_| "not a key id: expected 32 bytes".into())
});

column!(Sid, as String, |sid| sid.to_string(), |text| Ok(text.parse()?));
column!(FascN, as Vec<u8>, |number| number.as_bytes().to_vec(), |bytes| {
    let bytes = bytes.try_into().map_err(|_| "not a FASC-N: expected 25 bytes")?;
    Ok(Self::from_bytes(bytes)?)
});

/// A time, kept as Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Millis(pub Timestamp);

column!(Millis, as i64, |time| time.0.as_millisecond(), |millis| {
    Ok(Self(Timestamp::from_millisecond(millis)?))
});

/// The time in a column.
pub(super) fn time(row: &SqliteRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    row.try_get::<Millis, _>(column).map(|time| time.0)
}

/// The time in a column that may be empty.
pub(super) fn time_if_any(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.try_get::<Option<Millis>, _>(column)?.map(|time| time.0))
}

/// A word that the constraints of the schema do not let in.
pub(super) fn unreadable(what: &'static str, found: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what}: {found:?}").into())
}
