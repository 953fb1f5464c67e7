//! Traces, as OpenTelemetry has them: one for each request of the lifecycle, from the desk to the phone. Every HTTP request that changed something
//! for it is a span of its trace, by whichever server and however much later: the trace id *is* the id of the request, so nothing has to be carried
//! along. They go to a collector by OTLP/HTTP with JSON (opentelemetry.io, OTLP 1.x); what the collector does not take is forgotten.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

use super::ServerError;
use super::clock::unix_nanoseconds;

/// How many spans wait for the collector; more are forgotten.
const WAITING: usize = 4096;
const AT_ONCE: usize = 512;
/// How long spans are gathered, and how long the collector may take.
const GATHER: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(5);

/// `[traces]` of `remint.toml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TracesSection {
    /// `http://host:port/path` of a collector on this machine or in its network.
    pub endpoint: String,
}

/// Where spans go.
#[derive(Clone, Debug)]
struct Collector {
    authority: String,
    path: String,
}

impl TracesSection {
    fn collector(&self) -> Result<Collector, ServerError> {
        let found = &self.endpoint;
        let wrong = || ServerError::new(format!("traces.endpoint: found: {found}, expected: http://host:port/v1/traces"));
        let rest = found.strip_prefix("http://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_at(rest.find('/').ok_or_else(wrong)?);
        if !authority.contains(':') {
            return Err(wrong());
        }
        Ok(Collector { authority: authority.to_owned(), path: path.to_owned() })
    }
}

/// Makes spans of what is logged.
pub struct Traces(mpsc::Sender<Span>);

/// Sends them until it is told to end.
pub struct Sending {
    end: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Traces {
    pub fn to(section: &TracesSection) -> Result<(Self, Sending), ServerError> {
        let (spans, waiting) = mpsc::channel(WAITING);
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(send(section.collector()?, waiting, ended));
        Ok((Self(spans), Sending { end, task }))
    }
}

impl Sending {
    /// What waits is sent.
    pub async fn end(self) {
        let _ = self.end.send(());
        let _ = self.task.await;
    }
}

/// One HTTP request, as far as it is known.
#[derive(Clone, Debug, Default)]
struct Span {
    /// The number of the HTTP request.
    id: u64,
    started_ns: u64,
    ended_ns: u64,
    /// The id of the request of the lifecycle that it was about.
    incident: Option<Uuid>,
    /// Whether that began with it.
    opens: bool,
    act: Option<String>,
    status: u64,
    attributes: Vec<(&'static str, String)>,
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != "request" {
            return;
        }
        let mut span = Span { started_ns: unix_nanoseconds(), ..Span::default() };
        attributes.record(&mut span);
        if let Some(kept) = context.span(id) {
            kept.extensions_mut().insert(span);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(scope) = context.event_scope(event) else { return };
        for kept in scope {
            if let Some(span) = kept.extensions_mut().get_mut::<Span>() {
                event.record(span);
            }
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).and_then(|kept| kept.extensions_mut().remove::<Span>());
        if let Some(span) = span.filter(|span| span.incident.is_some()) {
            let forgotten = self.0.try_send(Span { ended_ns: unix_nanoseconds(), ..span }).is_err();
            if forgotten {
                metrics::counter!("remint_spans_forgotten_total").increment(1);
            }
        }
    }
}

impl Visit for Span {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "id" => self.id = span_id(value),
            // the first one counts: what follows from it comes after it
            "incident" if self.incident.is_none() => self.incident = value.parse().ok(),
            "act" if self.act.is_none() => self.act = Some(value.to_owned()),
            "listener" => self.attributes.push(("remint.listener", value.to_owned())),
            "method" => self.attributes.push(("http.request.method", value.to_owned())),
            "path" => self.attributes.push(("url.path", value.to_owned())),
            _ => {}
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "opens" {
            self.opens |= value;
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "status" {
            self.status = value;
        }
    }
}

/// `51fbf942-45`, the number of an HTTP request, as eight bytes.
fn span_id(number: &str) -> u64 {
    let (server, count) = number.split_once('-').unwrap_or_default();
    let server = u32::from_str_radix(server, 16).unwrap_or_default();
    let count: u64 = count.parse().unwrap_or_default();
    u64::from(server) << 32 | count & 0xffff_ffff
}

impl Span {
    /// OTLP's JSON: ids in hexadecimal digits, times as strings of nanoseconds.
    fn told(&self) -> Value {
        let incident = self.incident.unwrap_or_default();
        // whoever opened it is the root, under an id that everybody else can name
        let (root, _) = incident.as_u64_pair();
        let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let mut attributes: Vec<Value> = self.attributes.iter().map(|(key, value)| text(key, value)).collect();
        attributes.push(json!({ "key": "http.response.status_code", "value": { "intValue": self.status.to_string() } }));
        attributes.push(text("remint.request", &incident.to_string()));
        let mut told = json!({
            "traceId": incident.simple().to_string(),
            "spanId": format!("{:016x}", if self.opens { root } else { self.id }),
            "name": self.act.as_deref().unwrap_or("request"),
            "kind": 2,
            "startTimeUnixNano": self.started_ns.to_string(),
            "endTimeUnixNano": self.ended_ns.to_string(),
            "attributes": attributes,
            "status": if self.status >= 500 { json!({ "code": 2 }) } else { json!({}) },
        });
        if !self.opens {
            told["parentSpanId"] = format!("{root:016x}").into();
        }
        told
    }
}

fn body(spans: &[Span]) -> Vec<u8> {
    let spans: Vec<Value> = spans.iter().map(Span::told).collect();
    let service = json!({ "key": "service.name", "value": { "stringValue": "remint" } });
    let scope = json!({ "name": "remint", "version": env!("CARGO_PKG_VERSION") });
    let all = json!({ "resourceSpans": [{ "resource": { "attributes": [service] }, "scopeSpans": [{ "scope": scope, "spans": spans }] }] });
    all.to_string().into_bytes()
}

async fn send(collector: Collector, mut waiting: mpsc::Receiver<Span>, mut ended: oneshot::Receiver<()>) {
    let mut is_over = false;
    while !is_over {
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            _ = &mut ended => is_over = true,
        }
        let mut spans = Vec::new();
        while let Ok(span) = waiting.try_recv() {
            spans.push(span);
        }
        for some in spans.chunks(AT_ONCE) {
            match tokio::time::timeout(PATIENCE, post(&collector, body(some))).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(spans = some.len(), %error, "the collector of traces did not take spans: they are forgotten")
                }
                Err(_) => tracing::warn!(spans = some.len(), "the collector of traces did not answer: spans are forgotten"),
            }
        }
    }
}

async fn post(collector: &Collector, body: Vec<u8>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(&collector.authority).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post(&collector.path).header(HOST, &collector.authority).header(CONTENT_TYPE, "application/json");
    let answer = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
    let status = answer.status();
    answer.into_body().collect().await?;
    if status.is_success() { Ok(()) } else { Err(status.to_string().into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_plain_http_with_a_port_and_a_path() {
        let refused = |endpoint: &str| TracesSection { endpoint: endpoint.to_owned() }.collector().is_err();
        assert!(!refused("http://127.0.0.1:4318/v1/traces"));
        for wrong in ["https://collector:4318/v1/traces", "http://collector/v1/traces", "http://collector:4318", "collector:4318/v1/traces"]
        {
            assert!(refused(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_number_of_a_request_is_the_id_of_its_span() {
        assert_eq!(span_id("51fbf942-45"), 0x51fb_f942_0000_002d);
    }
}
