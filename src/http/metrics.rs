//! Metrics, as Prometheus reads them: on a listener of its own, which is nobody's but the machine's. No label names a person.

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::workflows::checkpoint_audit::last_checkpoint;
use crate::workflows::world::{World, seconds};

/// `GET /metrics`.
pub fn router(handle: PrometheusHandle) -> Router<Arc<World>> {
    Router::new().route("/metrics", get(move |State(world): State<Arc<World>>| render(world, handle.clone())))
}

async fn render(world: Arc<World>, handle: PrometheusHandle) -> Response {
    let now = world.now();
    let age = |since: Timestamp| seconds(now) - seconds(since);
    if let Ok(letters) = world.store.outbox_summary().await {
        metrics::gauge!("remint_letters_waiting").set(narrow(letters.waiting));
        metrics::gauge!("remint_letters_failed").set(narrow(letters.failed));
        metrics::gauge!("remint_letters_oldest_seconds").set(letters.oldest_waiting.map_or(0.0, age));
    }
    if let Ok(Some(crl)) = world.store.latest_crl_edition().await {
        metrics::gauge!("remint_crl_age_seconds").set(age(crl.this_update));
    }
    if let Ok(Some((_, at))) = last_checkpoint(&world).await {
        metrics::gauge!("remint_audit_checkpoint_age_seconds").set(age(at));
    }
    for (queue, waiting) in world.store.queues() {
        metrics::gauge!("remint_queue_waiting", "queue" => queue).set(narrow(waiting as u64));
    }
    for (pool, connections) in world.store.connections() {
        metrics::gauge!("remint_database_connections", "pool" => pool, "state" => "all").set(narrow(connections.all as u64));
        metrics::gauge!("remint_database_connections", "pool" => pool, "state" => "idle").set(narrow(connections.idle as u64));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response()
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Counts the answers of a listener by path, as the router knows it, and by the class of their status.
pub async fn count(listener: &'static str, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let class = match response.status().as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics::counter!("remint_http_answers_total", "listener" => listener, "route" => route, "status" => class).increment(1);
    response
}
