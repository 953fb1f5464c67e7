//! Traces: what one loss led to is one trace, from the desk to the new phone, as a collector of OpenTelemetry would take it.

use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use mobile_sim::{Faults, Outcome};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::process::Installation;
use crate::support::relay::Relay;
use crate::support::stage::Stage;

/// Takes what is posted to it.
async fn collect(listener: TcpListener, taken: Arc<Mutex<Vec<String>>>) {
    let take = post(async move |body: String| taken.lock().unwrap().push(body));
    axum::serve(listener, Router::new().route("/v1/traces", take)).await.unwrap();
}

/// OpenTelemetry's own description of the message, from PyPI, has every field, and each is of its type.
fn is_otlp(body: &str) {
    let python = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges/bin/python3");
    let judge = "import sys
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
spans = Parse(sys.argv[1], ExportTraceServiceRequest()).resource_spans[0].scope_spans[0].spans
assert all(span.name and 0 < span.start_time_unix_nano <= span.end_time_unix_nano for span in spans)";
    let judged = Command::new(python).args(["-c", judge, body]).output().unwrap();
    assert!(judged.status.success(), "run tests/run once: {}", String::from_utf8_lossy(&judged.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_is_one_trace_from_the_desk_to_the_new_phone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(collect(listener, Arc::clone(&taken)));

    let installation = Installation::planned(tempfile::tempdir().unwrap(), &[]);
    installation.init(&[]).unwrap();
    let file = installation.data().join("remint.toml");
    let text = std::fs::read_to_string(&file).unwrap() + &format!("\n[traces]\nendpoint = \"{endpoint}\"\n");
    std::fs::write(file, text).unwrap();
    installation.hire("hana");
    installation.start();
    let installation = Arc::new(installation);
    let stage = Stage::of(Arc::clone(&installation), Relay::before(&installation).await);
    let person = stage.person().await;
    let invited = stage.replace_the_phone_of(&person).await;
    assert_eq!(person.new_phone().issue(&invited, &Faults::default()).await.unwrap(), Outcome::Issued);
    assert!(installation.stop().success(), "what waits is sent before the end");

    let bodies = taken.lock().unwrap().clone();
    bodies.iter().for_each(|body| is_otlp(body));
    let bodies: Vec<Value> = bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    let spans = bodies.iter().flat_map(|body| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap());
    let trace = invited.request.replace('-', "");
    let spans: Vec<&Value> = spans.filter(|span| span["traceId"] == trace.as_str()).collect();
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).count();
    assert_eq!(named("submit"), 1, "{spans:?}");
    for (act, least) in [("open-session", 1), ("enroll", 2), ("release-enc", 1), ("issue", 1)] {
        assert!(named(act) >= least, "{act}: {spans:?}");
    }
    let (roots, children): (Vec<&&Value>, Vec<&&Value>) = spans.iter().partition(|span| span["parentSpanId"].is_null());
    assert!(roots.len() == 1 && roots[0]["name"] == "submit", "{roots:?}");
    assert!(children.iter().all(|span| span["parentSpanId"] == roots[0]["spanId"]), "{children:?}");
}
