//! Each request has a number, in what is logged about it and in its answer: whoever asks about an incident can be found in the log.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

/// Numbers that no other server gives: one drawn at the start, and a count.
pub struct RequestIds {
    server: u32,
    count: AtomicU64,
}

impl RequestIds {
    pub fn of(server: [u8; 4]) -> Self {
        Self { server: u32::from_be_bytes(server), count: AtomicU64::new(0) }
    }

    /// Serves a request under its number. The path is logged, never what follows a question mark: people are searched for by name.
    pub async fn serve(&self, listener: &'static str, request: Request, next: Next) -> Response {
        let id = format!("{:08x}-{}", self.server, self.count.fetch_add(1, Ordering::Relaxed) + 1);
        let span = tracing::error_span!("request", id, listener, method = %request.method(), path = request.uri().path());
        async {
            let mut response = next.run(request).await;
            tracing::info!(status = response.status().as_u16(), "answered");
            if let Ok(id) = HeaderValue::try_from(&id) {
                response.headers_mut().insert("x-request-id", id);
            }
            response
        }
        .instrument(span)
        .await
    }
}
