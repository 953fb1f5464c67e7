//! The live part of a page: sent anew whenever it has changed, as server-sent events. Without a script it is as of when the page was loaded.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use maud::Markup;

use crate::workflows::failure::Failure;

/// How often a page that is open looks again, and how often in all before its browser asks anew.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: u32 = 120;

/// Looks again and again, and sends what differs from what is shown; the end when it was long enough, or nothing can be told any more.
pub fn live<F>(look: impl Fn() -> F + Send + 'static) -> Sse<impl Stream<Item = Result<Event, Infallible>>>
where
    F: Future<Output = Result<Markup, Failure>> + Send + 'static,
{
    let first = (look, String::new(), LOOKS);
    Sse::new(unfold(first, async |(look, shown, looks)| {
        for left in (0..looks).rev() {
            if left + 1 < LOOKS {
                tokio::time::sleep(LOOK).await;
            }
            let now = look().await.ok()?.into_string();
            if now != shown {
                return Some((Ok(Event::default().event("steps").data(&now)), (look, now, left)));
            }
        }
        None
    }))
}
