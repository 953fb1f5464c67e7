//! The live part of a page: sent anew whenever it has changed, as server-sent events. Without a script it is as of when the page was loaded.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::going::request_path;
use crate::lifecycle::ids::RequestId;
use crate::workflows::failure::Failure;

/// How often a page that is open looks again, and how often in all before its browser asks anew.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: u32 = 120;

/// What the address of such a page may tell.
#[derive(Deserialize)]
pub struct DoneQuery {
    /// The click that led here.
    done: Option<String>,
}

impl DoneQuery {
    pub fn click(&self) -> Option<Uuid> {
        self.done.as_deref()?.parse().ok()
    }
}

/// The place of the live part of a request's page, with what it is now; it is listened for while it may change.
pub fn place(request: RequestId, click: Option<Uuid>, Seen { part, is_over }: Seen) -> Markup {
    let done = click.map(|click| format!("?done={click}")).unwrap_or_default();
    let events = (!is_over).then(|| format!("{}/events{done}", request_path(request)));
    html! { div #live data-events=[events] aria-live="polite" { (part) } }
}

/// What a look found.
pub struct Seen {
    pub part: Markup,
    /// Nothing changes any more.
    pub is_over: bool,
}

/// Somebody who watches.
struct Watching<L> {
    look: L,
    shown: String,
    looks: u32,
    is_over: bool,
}

/// Looks again and again, and sends what differs from what is shown; says so when it is over, and ends when it was long enough, or nothing
/// can be told any more.
pub fn live<L, F>(look: L) -> Sse<impl Stream<Item = Result<Event, Infallible>>>
where
    L: Fn() -> F + Send + 'static,
    F: Future<Output = Result<Seen, Failure>> + Send + 'static,
{
    Sse::new(unfold(Watching { look, shown: String::new(), looks: 0, is_over: false }, Watching::next))
}

impl<L, F> Watching<L>
where
    L: Fn() -> F,
    F: Future<Output = Result<Seen, Failure>>,
{
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        while self.looks < LOOKS {
            if self.is_over {
                self.looks = LOOKS;
                return Some((Ok(Event::default().event("over").data("over")), self));
            }
            if self.looks > 0 {
                tokio::time::sleep(LOOK).await;
            }
            self.looks += 1;
            let Seen { part, is_over } = (self.look)().await.ok()?;
            let part = part.into_string();
            self.is_over = is_over;
            if part != self.shown {
                let event = Event::default().event("steps").data(&part);
                self.shown = part;
                return Some((Ok(event), self));
            }
        }
        None
    }
}
