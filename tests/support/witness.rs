//! Somebody who stands by while a phone runs: notes what the server answered, and does something at an exact message.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use mobile_sim::wire::Reply;
use mobile_sim::{Faults, Message, Moment, Witness};

type Deed = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// When a deed is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    AboutToSend,
    Answered,
}

/// Notes every answer; may do one deed.
#[derive(Default)]
pub struct Bystander {
    answers: Mutex<Vec<(Message, Reply)>>,
    deed: Option<(When, Message, Deed)>,
}

impl Bystander {
    pub fn who_only_looks() -> Arc<Self> {
        Arc::default()
    }

    /// Does something at each such moment of a message.
    pub fn who_at<F: Future<Output = ()> + Send + 'static>(
        when: When,
        message: Message,
        deed: impl Fn() -> F + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { deed: Some((when, message, Box::new(move || Box::pin(deed())))), ..Self::default() })
    }

    /// Faults that only have this bystander look on.
    pub fn looking_on(self: &Arc<Self>) -> Faults {
        Faults::witnessed_by(Arc::<Self>::clone(self))
    }

    /// The bodies of the good answers to a message.
    pub fn answers(&self, message: &Message) -> Vec<Vec<u8>> {
        let answers = self.answers.lock().unwrap();
        answers.iter().filter(|(to, reply)| to == message && reply.status < 300).map(|(_, reply)| reply.body.clone()).collect()
    }
}

impl fmt::Debug for Bystander {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bystander")
    }
}

impl Witness for Bystander {
    fn sees<'a>(&'a self, message: &'a Message, moment: Moment<'a>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let now = match moment {
                Moment::AboutToSend => When::AboutToSend,
                Moment::Answered(reply) => {
                    self.answers.lock().unwrap().push((message.clone(), reply.clone()));
                    When::Answered
                }
            };
            if let Some((when, at, deed)) = &self.deed
                && *when == now
                && at == message
            {
                deed().await;
            }
        })
    }
}
