//! Between the reader and the application: commands that come in pieces are joined, and answers that are too long are handed out in pieces
//! (ISO 7816-4 §5.3.3 and §5.3.4).

use zeroize::Zeroizing;

use super::apdu::Command;
use super::applet::Applet;
use super::status::Status;

/// The longest command that is joined: an object of 3 kB with its tags.
const COMMAND_LIMIT: usize = 4096;

const GET_RESPONSE: u8 = 0xC0;

/// A card in a reader.
pub struct Transport {
    applet: Applet,
    chain: Option<Chain>,
    /// What is left of the last answer, and where it goes on.
    left: Option<Zeroizing<Vec<u8>>>,
}

/// The pieces so far.
struct Chain {
    /// Instruction and parameters, which must stay the same.
    of: [u8; 3],
    data: Zeroizing<Vec<u8>>,
}

impl Transport {
    pub fn new(applet: Applet) -> Self {
        Self { applet, chain: None, left: None }
    }

    pub fn applet(&self) -> &Applet {
        &self.applet
    }

    /// As after the card was put into the reader.
    pub fn reset(&mut self) {
        (self.chain, self.left) = (None, None);
        self.applet.reset();
    }

    /// Answers one command, with its status word at the end.
    pub fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut data, status) = match Command::parse(bytes).and_then(|command| self.carry_out(&command)) {
            Ok((data, status)) => (data, status),
            Err(status) => {
                // Also what was refused before the application saw it came between the PIN and its use.
                self.applet.age();
                (Vec::new(), status)
            }
        };
        data.extend(status.bytes());
        data
    }

    fn carry_out(&mut self, command: &Command<'_>) -> Result<(Vec<u8>, Status), Status> {
        let left = self.left.take();
        let chain = self.chain.take();
        let of = [command.instruction, command.p1, command.p2];
        if chain.as_ref().is_some_and(|chain| chain.of != of) {
            return Err(Status::ChainNotEnded);
        }
        if let Some(answer) = left
            && command.instruction == GET_RESPONSE
        {
            command.check_class()?;
            self.applet.age();
            return Ok(self.hand_out(answer, command.expected));
        }
        let mut data = chain.map_or_else(Zeroizing::default, |chain| chain.data);
        data.extend_from_slice(command.data);
        if data.len() > COMMAND_LIMIT {
            return Err(Status::WrongLength);
        }
        if command.is_chained() {
            command.check_class()?;
            self.chain = Some(Chain { of, data });
            return Ok((Vec::new(), Status::Done));
        }
        let answer = self.applet.answer(&Command { data: &data, ..*command })?;
        Ok(self.hand_out(Zeroizing::new(answer), command.expected))
    }

    /// As much as was asked for; the rest is asked for next.
    fn hand_out(&mut self, mut answer: Zeroizing<Vec<u8>>, expected: usize) -> (Vec<u8>, Status) {
        if answer.len() <= expected {
            return (answer.to_vec(), Status::Done);
        }
        let rest = Zeroizing::new(answer.split_off(expected));
        let status = Status::More(u8::try_from(rest.len()).unwrap_or(0));
        self.left = Some(rest);
        (answer.to_vec(), status)
    }
}
