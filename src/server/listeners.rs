//! The listeners: which router each has, who is counted there, and on whose threads it is served.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::config::Config;
use super::listener::serve;
use super::own_threads::OwnThreads;
use super::places::{self, Places};
use super::{ServerError, Sockets};
use crate::http::limits::{self, Room};
use crate::http::request_id::RequestIds;
use crate::pki::key::random;
use crate::workflows::world::World;
use crate::{http, pages};

/// Begins to serve all of them. Gives the threads of the devices listener: those who ask there are many, and must not keep the desk waiting.
pub fn listen(
    tasks: &mut JoinSet<()>,
    world: &Arc<World>,
    config: &Config,
    sockets: Sockets,
    stop: &watch::Receiver<bool>,
) -> Result<OwnThreads, ServerError> {
    let Sockets { devices, desk, portal, status, metrics } = sockets;
    let count = 3 + usize::from(portal.is_some()) + usize::from(metrics.is_some());
    let connections = places::for_each_of(count);
    let places = || Places::new(connections, &config.limits);
    let ids = Arc::new(RequestIds::of(random(world.entropy.as_ref())));
    let numbered = |listener: &'static str, router: Router<Arc<World>>| {
        let ids = Arc::clone(&ids);
        let number = from_fn(move |request, next| {
            let ids = Arc::clone(&ids);
            async move { ids.serve(listener, request, next).await }
        });
        router.layer(from_fn(http::not_guessed_at)).layer(number).with_state(Arc::clone(world))
    };
    let counted =
        |listener, router: Router<Arc<World>>| numbered(listener, router.layer(from_fn_with_state(Arc::clone(world), limits::by_source)));

    let threads = OwnThreads::new("devices")?;
    let devices = threads.adopt(devices)?;
    let router = counted("devices", http::devices().layer(from_fn_with_state((Arc::new(Room::default()), Arc::clone(world)), Room::admit)));
    tasks.spawn_on(serve(devices, places(), Some(http::tls::devices(&world.authority)?), router, stop.clone()), threads.handle());

    let router = counted("desk", pages::desk());
    tasks.spawn(serve(desk, places(), Some(http::tls::desk(&world.authority)?), router, stop.clone()));
    // not counted: relying parties ask through caches, and who is not answered lets nobody in
    tasks.spawn(serve(status, places(), None, numbered("status", http::status()), stop.clone()));
    if let Some(socket) = portal {
        let router = counted("portal", pages::portal());
        tasks.spawn(serve(socket, places(), Some(http::tls::portal(&world.authority)?), router, stop.clone()));
    }
    if let Some(socket) = metrics {
        let recorder = PrometheusBuilder::new().build_recorder();
        let router = http::metrics::router(recorder.handle()).with_state(Arc::clone(world));
        // the first server of a process counts for all
        metrics::set_global_recorder(recorder).map_err(|_| ServerError::new("metrics: another server of this process has them"))?;
        tasks.spawn(serve(socket, places(), None, router, stop.clone()));
    }
    Ok(threads)
}
