//! Feeds that are fetched by HTTP (`url`, `every_s`): GTFS-Realtime.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::feed::shown_address;
use tracing::warn;

use crate::accumulator::Accumulator;
use crate::acks::Acks;
use crate::enqueue::Intake;
use crate::fetch::{Credentials, FetchRequest, Validators, on_a_thread};
use crate::message::Arrived;
use crate::mqtt::SecretFiles;
use crate::routing::RoutingTable;
use crate::session::Shared;

/// Default seconds between two polls.
const DEFAULT_EVERY_S: u32 = 30;

/// Polls the one feed of `routing`, for ever.
pub(crate) async fn run(routing: Arc<ArcSwap<RoutingTable>>, shared: Shared, secrets: SecretFiles) {
    // Nothing is acknowledged to a web server.
    let accumulator = &Accumulator::new(shared.ready.clone(), Arc::new(Acks::new(|_| true)));
    let mut is_failing = false;
    loop {
        let routing = &routing.load_full();
        let intake =
            Intake { routing, index: 0, trips: &shared.trips, accumulator, tally: None, counted_at: None };
        let Some(route) = routing.routes.first() else { return };
        let Some(url) = &route.feed.def.url else { return };
        let (url_asked, allow_private) = (url.clone(), route.feed.def.allow_private);
        let limit = route.feed.def.max_message_bytes(false);
        let (named, files) = (route.feed.def.credentials.clone(), secrets.clone());
        let fetch = move || {
            let credentials = Credentials::read(&named, &files)?;
            FetchRequest { url: url_asked, allow_private, limit, credentials, held: Validators::default() }
                .fetch()
        };
        let fetched = on_a_thread("fetch", fetch).await;
        let received_at = (shared.clock)();
        match fetched {
            Ok(answer) => {
                is_failing = false;
                route.meter.reached(received_at);
                route.meter.certified_until(answer.certificate_until);
                let topic = shown_address(url).into();
                let arrived = Arrived { topic, payload: answer.body.into(), qos: 1, received_at };
                let decoded = intake.decode_large(&arrived).await;
                if !intake.enqueue(arrived, decoded, accumulator.acks.owe(0)).has_room {
                    accumulator.room().await;
                }
            }
            Err(reason) => {
                route.meter.disconnected(&reason);
                if !std::mem::replace(&mut is_failing, true) {
                    warn!("feed '{}' cannot be fetched: {reason}; trying again", route.feed.def.id);
                }
            }
        }
        let every_s = route.feed.def.every_s.unwrap_or(DEFAULT_EVERY_S).max(1);
        tokio::time::sleep(Duration::from_secs(every_s.into())).await;
    }
}
