//! Metrics, as Prometheus reads them: on a listener of its own, which is nobody's but the machine's. No label names a person.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::workflows::world::World;

/// `GET /metrics`.
pub fn router(handle: PrometheusHandle) -> Router<Arc<World>> {
    Router::new().route("/metrics", get(move |State(world): State<Arc<World>>| render(world, handle.clone())))
}

async fn render(world: Arc<World>, handle: PrometheusHandle) -> Response {
    if let Ok(letters) = world.store.outbox_summary().await {
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!("remint_letters_waiting").set(count(letters.waiting));
        metrics::gauge!("remint_letters_failed").set(count(letters.failed));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response()
}

/// Counts the answers of a listener by the class of their status.
pub async fn count(listener: &'static str, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let class = match response.status().as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics::counter!("remint_http_answers_total", "listener" => listener, "status" => class).increment(1);
    response
}
