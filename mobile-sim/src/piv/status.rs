//! Status words: how a command ended (ISO 7816-4 §5.6, SP 800-73-5 part 1 §5.6).

/// What stands at the end of every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Done,
    /// So many bytes of the answer are still there; 0 for 256 or more.
    More(u8),
    /// Wrong PIN or PUK, and how many tries are left.
    Tries(u8),
    MemoryFailure,
    WrongLength,
    NoChannels,
    NoSecureMessaging,
    /// A chain of commands was not ended.
    ChainNotEnded,
    SecurityNotSatisfied,
    Blocked,
    ConditionsNotSatisfied,
    WrongData,
    NotFound,
    NoMemory,
    WrongParameters,
    ReferenceNotFound,
    NoInstruction,
    NoClass,
}

impl Status {
    pub fn bytes(self) -> [u8; 2] {
        match self {
            Self::Done => [0x90, 0x00],
            Self::More(left) => [0x61, left],
            Self::Tries(left) => [0x63, 0xC0 | left.min(15)],
            Self::MemoryFailure => [0x65, 0x81],
            Self::WrongLength => [0x67, 0x00],
            Self::NoChannels => [0x68, 0x81],
            Self::NoSecureMessaging => [0x68, 0x82],
            Self::ChainNotEnded => [0x68, 0x83],
            Self::SecurityNotSatisfied => [0x69, 0x82],
            Self::Blocked => [0x69, 0x83],
            Self::ConditionsNotSatisfied => [0x69, 0x85],
            Self::WrongData => [0x6A, 0x80],
            Self::NotFound => [0x6A, 0x82],
            Self::NoMemory => [0x6A, 0x84],
            Self::WrongParameters => [0x6A, 0x86],
            Self::ReferenceNotFound => [0x6A, 0x88],
            Self::NoInstruction => [0x6D, 0x00],
            Self::NoClass => [0x6E, 0x00],
        }
    }
}
