//! GTFS-Realtime fetched by HTTP, from a server that also fails.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use parking_lot::Mutex;
use sensor_sim::encode::gtfs_rt::{
    FeedEntity, Position, StopTimeEvent, StopTimeUpdate, TripDescriptor, TripUpdate, VehicleDescriptor,
    VehiclePosition, full_dataset,
};

use crate::support::{Instance, eventually, town};

pub(crate) type Body = Arc<Mutex<Option<Vec<u8>>>>;

/// Answers every request with `body`, with 503 while there is none.
pub(crate) fn server(body: Body) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let (status, body) = match body.lock().clone() {
                Some(body) => ("200 OK", body),
                None => ("503 Service Unavailable", Vec::new()),
            };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    port
}

fn now_s() -> u64 {
    jiff::Timestamp::now().as_second() as u64
}

fn bus(id: &str) -> Option<VehicleDescriptor> {
    Some(VehicleDescriptor { id: Some(id.into()), ..VehicleDescriptor::default() })
}

fn trip() -> TripDescriptor {
    TripDescriptor { trip_id: Some("t1".into()), route_id: Some("R11".into()), ..TripDescriptor::default() }
}

fn at_a_place(id: &str) -> FeedEntity {
    let position = Position { latitude: 51.9, longitude: 7.2, speed: Some(8.0), ..Position::default() };
    let vehicle = VehiclePosition {
        trip: Some(trip()),
        position: Some(position),
        timestamp: Some(now_s()),
        vehicle: bus(id),
        ..VehiclePosition::default()
    };
    FeedEntity { id: id.into(), vehicle: Some(vehicle), ..FeedEntity::default() }
}

fn late_by(delay_s: i32) -> FeedEntity {
    let stop = StopTimeUpdate {
        arrival: Some(StopTimeEvent { delay: Some(delay_s), ..StopTimeEvent::default() }),
        ..StopTimeUpdate::default()
    };
    let update = TripUpdate {
        trip: trip(),
        stop_time_update: vec![stop],
        vehicle: bus("bus-1"),
        timestamp: Some(now_s() + 1),
    };
    FeedEntity { id: "u".into(), trip_update: Some(update), ..FeedEntity::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn vehicles_come_by_http_and_keep_their_place() {
    let body: Body = Arc::default();
    let port = server(body.clone());
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let feed = format!(
        "[[feed]]\nid = \"polled\"\nmunicipality = \"kreis\"\nformat = \"gtfs-rt\"\n\
         url = \"http://127.0.0.1:{port}/rt.pb?key=s3cret\"\nallow_private = true\nevery_s = 1\nattribution = \"RVM\"\n"
    );
    // Its server takes the question and says nothing: that must not hold up the stop.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = format!(
        "[[feed]]\nid = \"slow\"\nmunicipality = \"kreis\"\nformat = \"gtfs-rt\"\nallow_private = true\n\
         url = \"http://{}/rt.pb\"\n",
        mute.local_addr().unwrap()
    );
    std::fs::write(folder.join("feeds.toml"), format!("{feed}{slow}")).unwrap();
    std::fs::write(folder.join("sensors.csv"), "id,feed\n").unwrap();
    let (ok, out, err) = instance.command(&["import", &folder.to_string_lossy()]);
    assert!(ok && !format!("{out}{err}").contains("s3cret"), "{out}{err}");
    eventually("the failure is reported", || async {
        instance.log().contains("cannot be fetched").then_some(())
    })
    .await;

    let vehicle = || async { instance.get("/v1/vehicles").await.1["items"][0].clone() };
    let feed = vec![at_a_place("bus-1"), at_a_place("of-another-operator")];
    *body.lock() = Some(full_dataset(now_s(), feed).to_vec());
    let seen =
        eventually("the vehicle is seen", || async { Some(vehicle().await).filter(|v| v["lat"].is_f64()) })
            .await;
    assert_eq!(
        (&seen["id"], &seen["route_id"], &seen["delay_s"]),
        (&"bus-1".into(), &"R11".into(), &().into())
    );
    assert_eq!(seen["attribution"], "RVM");

    // Now trips alone: where it is stays known, with the time of that.
    *body.lock() = Some(full_dataset(now_s(), vec![late_by(120)]).to_vec());
    let late =
        eventually("it is late", || async { Some(vehicle().await).filter(|v| v["delay_s"] == 120) }).await;
    assert_eq!((&late["lat"], &late["position_observed_at"]), (&seen["lat"], &seen["position_observed_at"]));
    assert!(late["observed_at"].as_str() > late["position_observed_at"].as_str());

    *body.lock() = Some(b"<html>".to_vec());
    let key = instance.admin_key();
    let rejections = eventually("what is no feed is rejected", || async {
        let found = instance.get_with("/v1/rejections?feed=polled&reason=malformed", &key).await;
        (!found["items"].as_array()?.is_empty()).then_some(found)
    })
    .await;
    assert_eq!(rejections["items"][0]["topic"], format!("http://127.0.0.1:{port}/rt.pb"));
    *body.lock() = Some(full_dataset(now_s(), vec![late_by(180)]).to_vec());
    eventually("good ones count again", || async { (vehicle().await["delay_s"] == 180).then_some(()) }).await;
    let exported = instance.dir.path().join("exported");
    let (ok, out, err) = instance.command(&["export", &exported.to_string_lossy()]);
    assert!(ok && !format!("{out}{err}").contains("s3cret"), "{out}{err}");
    let mode = std::fs::metadata(exported.join("feeds.toml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "addresses with keys in them are for the owner's eyes");
    assert!(!instance.log().contains("s3cret"), "{}", instance.log());
    instance.stop().await;
}
