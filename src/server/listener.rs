//! A listener: accepts connections, within limits, and serves each with what is known of its other end. TLS or plain.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Service;

use super::jobs::stopped;
use super::places::{Place, Places};
use crate::http::peer::Peer;
use crate::http::problem::Problem;

/// Time for a TLS handshake, for the head of a request, and for a whole request with its answer.
const HANDSHAKE: Duration = Duration::from_secs(10);
const HEAD: Duration = Duration::from_secs(15);
const REQUEST: Duration = Duration::from_secs(30);
/// Time for open requests to end when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves connections until `stop` says so, then lets open requests end.
pub async fn serve(listener: TcpListener, places: Arc<Places>, tls: Option<ServerConfig>, router: Router, mut stop: watch::Receiver<bool>) {
    let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    let graceful = Arc::new(GracefulShutdown::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // out of file descriptors, most likely: wait for some to be closed
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(place) = places.take(address.ip()).await else {
            continue;
        };
        let (tls, router, watcher) = (tls.clone(), router.clone(), graceful.watcher());
        places.serve(place, |place| async move {
            if let Err(error) = converse(stream, address, place, tls, router, watcher).await {
                tracing::debug!(%address, error = %error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if let Some(graceful) = Arc::into_inner(graceful) {
        let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    }
}

type Watcher = hyper_util::server::graceful::Watcher;
type Failed = Box<dyn std::error::Error + Send + Sync>;

async fn converse(
    stream: TcpStream,
    address: SocketAddr,
    place: Arc<Place>,
    tls: Option<TlsAcceptor>,
    router: Router,
    watcher: Watcher,
) -> Result<(), Failed> {
    stream.set_nodelay(true)?;
    match tls {
        Some(acceptor) => {
            // apart from the task, which would have room for a handshake as long as the connection lasts, and for what comes of it twice
            let shaken = Box::pin(tokio::time::timeout(HANDSHAKE, acceptor.accept(stream))).await?;
            let stream = Box::new(shaken?);
            let peer = peer_of(&stream, address);
            answer(stream, peer, place, router, watcher).await
        }
        None => answer(stream, Peer { address, certificate: None, exporter: None }, place, router, watcher).await,
    }
}

/// What TLS knows of the other end. The exporter is only bound to the connection in TLS 1.3 (RFC 9266 §4.2).
fn peer_of(stream: &TlsStream<TcpStream>, address: SocketAddr) -> Peer {
    let (_, connection) = stream.get_ref();
    let certificate = connection.peer_certificates().and_then(<[_]>::first).map(|der| Arc::from(der.as_ref()));
    let is_newest = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
    let exporter = connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).ok().filter(|_| is_newest);
    Peer { address, certificate, exporter }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: Peer,
    place: Arc<Place>,
    router: Router,
    watcher: Watcher,
) -> Result<(), Failed> {
    let service = service_fn(move |mut request: Request<Incoming>| {
        place.asks();
        request.extensions_mut().insert(peer.clone());
        let mut router = router.clone();
        async move {
            let answered = tokio::time::timeout(REQUEST, router.call(request.map(Body::new))).await;
            Ok::<Response, io::Error>(match answered {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => Problem::new("too-slow", "the request was not complete in time").into_response(),
            })
        }
    });
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(HEAD).serve_connection(TokioIo::new(stream), service);
    watcher.watch(connection).await?;
    Ok(())
}
