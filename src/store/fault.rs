//! Troubles on order, for tests: the database gives up in the middle of a commit, an answer is lost, the server dies. It is compiled into builds
//! with debug assertions only; a release has none of it.

use std::sync::Arc;

use tokio::sync::watch;

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The database gives up after so many statements: nothing is kept.
    Fails { after: usize },
    /// The process ends after so many statements, before anything is kept.
    Dies { after: usize },
    /// It is kept, and whoever asked does not hear of it.
    AnswerLost,
    /// It is kept, and the process ends before anybody hears of it.
    DiesKept,
    /// The database lets it wait until another order is given.
    Held,
}

/// What is to happen to the next commit, by its name and how many statements it has.
pub type Order = dyn Fn(&'static str, usize) -> Option<Trouble> + Send + Sync;

/// What a test has ordered. Clones share it.
#[derive(Clone)]
pub(super) struct Troubles(watch::Sender<Option<Arc<Order>>>);

/// The environment variable by which a server process takes an order: `submit fails 3`, `issue dies 0`, `issue answer-lost`, `issue dies-kept`, `issue held`.
const VARIABLE: &str = "REMINT_TROUBLE";

impl Troubles {
    /// None, or what the environment orders: the first commit of that name.
    pub fn from_environment() -> Self {
        let order = std::env::var(VARIABLE).ok().map(|text| {
            let (name, trouble) =
                read(&text).unwrap_or_else(|| panic!("{VARIABLE}: found: {text}, expected: <commit> <trouble> [<statements>]"));
            let order: Arc<Order> = Arc::new(move |commit, _| (commit == name).then_some(trouble));
            order
        });
        Self(watch::Sender::new(order))
    }

    /// What happens to a commit; one that is held comes back when it no longer is.
    pub async fn of(&self, commit: &'static str, statements: usize) -> Option<Trouble> {
        let mut orders = self.0.subscribe();
        loop {
            let order = orders.borrow_and_update().clone()?;
            match order(commit, statements) {
                Some(Trouble::Held) => orders.changed().await.ok()?,
                trouble => return trouble,
            }
        }
    }

    pub fn order(&self, order: Option<Arc<Order>>) {
        self.0.send_replace(order);
    }
}

fn read(text: &str) -> Option<(String, Trouble)> {
    let mut words = text.split(' ');
    let (commit, trouble) = (words.next()?.to_owned(), words.next()?);
    let after = words.next().map_or(Some(0), |count| count.parse().ok())?;
    let trouble = match trouble {
        "fails" => Trouble::Fails { after },
        "dies" => Trouble::Dies { after },
        "answer-lost" => Trouble::AnswerLost,
        "dies-kept" => Trouble::DiesKept,
        "held" => Trouble::Held,
        _ => return None,
    };
    Some((commit, trouble))
}
