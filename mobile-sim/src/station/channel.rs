//! A reader with a card in it, as bytes in and bytes out.

use crate::piv::Transport;

/// The reader or the card is gone.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Gone(pub String);

/// Sends one command, and gives its answer with the status word.
pub trait Channel: Send {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Gone>;
}

/// A card in the same process.
impl Channel for Transport {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Gone> {
        Ok(self.answer(command))
    }
}

/// Readers of this machine.
#[cfg(feature = "reader")]
pub mod pcsc {
    use std::ffi::CString;

    use ::pcsc::{Card, Context, MAX_BUFFER_SIZE_EXTENDED, Protocols, Scope, ShareMode};

    use super::{Channel, Gone};

    /// The card in the only reader whose name has `part` in it. Nobody else uses the card meanwhile.
    pub fn open(part: &str) -> Result<impl Channel + use<>, Gone> {
        let context = Context::establish(Scope::User).map_err(gone)?;
        let all = context.list_readers_owned().map_err(gone)?;
        let named: Vec<&CString> = all.iter().filter(|name| name.to_string_lossy().contains(part)).collect();
        let [name] = named.as_slice() else {
            let found = all.iter().map(|name| name.to_string_lossy()).collect::<Vec<_>>().join(", ");
            let found = if found.is_empty() { "no reader" } else { &found };
            return Err(Gone(format!("{} readers are called {part}; there are: {found}", named.len())));
        };
        Ok(InReader(context.connect(name, ShareMode::Exclusive, Protocols::ANY).map_err(gone)?))
    }

    struct InReader(Card);

    impl Channel for InReader {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Gone> {
            let mut room = vec![0; MAX_BUFFER_SIZE_EXTENDED];
            Ok(self.0.transmit(command, &mut room).map_err(gone)?.to_vec())
        }
    }

    fn gone(error: ::pcsc::Error) -> Gone {
        Gone(format!("the reader: {error}"))
    }
}
