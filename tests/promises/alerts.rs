//! Service alerts, from the broker or a web server to a rider's journeys and departures.

use sensor_sim::encode::gtfs_rt::{
    Alert, EntitySelector, FeedEntity, TranslatedString, Translation, full_dataset,
};
use serde_json::Value;

use crate::changed_trips::{FROM, TO, build};
use crate::polled::{Body, server};
use crate::support::{Instance, eventually, port_of, publish};

fn alert(id: &str, texts: [&str; 2], about: Vec<EntitySelector>) -> FeedEntity {
    let of = |(lang, text): (&str, &str)| Translation { text: text.into(), language: Some(lang.into()) };
    let header_text = TranslatedString { translation: ["de", "en"].into_iter().zip(texts).map(of).collect() };
    let alert = Alert {
        informed_entity: about,
        cause: Some(10),
        effect: Some(4),
        header_text: Some(header_text),
        ..Alert::default()
    };
    FeedEntity { id: id.into(), alert: Some(alert), ..FeedEntity::default() }
}

fn stop(id: &str) -> EntitySelector {
    EntitySelector { stop_id: Some(id.into()), ..EntitySelector::default() }
}

fn line(id: &str) -> EntitySelector {
    EntitySelector { route_id: Some(id.into()), ..EntitySelector::default() }
}

fn now_s() -> u64 {
    jiff::Timestamp::now().as_second() as u64
}

/// Headers of the alerts of an answer.
fn headers(answer: &Value) -> Vec<&str> {
    answer["alerts"].as_array().into_iter().flatten().filter_map(|alert| alert["header"].as_str()).collect()
}

/// Headers of the alerts that a leg or a departure points to.
fn headers_of<'a>(answer: &'a Value, of: &Value) -> Vec<&'a str> {
    let numbers = of["alerts"].as_array().unwrap().iter();
    numbers.map(|n| answer["alerts"][n.as_u64().unwrap() as usize]["header"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn riders_see_alerts_once_until_they_are_withdrawn() {
    let body: Body = Body::default();
    let port = server(body.clone());
    let instance = Instance::serve(&["--timescaledb", "false"]).await;
    let tomorrow = jiff::Timestamp::now().in_tz("Europe/Berlin").unwrap().date().tomorrow().unwrap();
    let noon = tomorrow.at(11, 50, 0, 0).in_tz("Europe/Berlin").unwrap().timestamp();
    let places = instance.dir.path().join("places");
    std::fs::create_dir(&places).unwrap();
    std::fs::write(places.join("municipalities.csv"), "slug,name,ags\nkreis,Kreis,05999\n").unwrap();
    let feeds = format!(
        "[[feed]]\nid = \"live\"\nmunicipality = \"kreis\"\nformat = \"gtfs-rt\"\ntopic = \"rt/#\"\ntimetable = \"bus\"\n\
         attribution = \"RVM\"\n\
         [[feed]]\nid = \"polled\"\nmunicipality = \"kreis\"\nformat = \"gtfs-rt\"\ntimetable = \"rail\"\n\
         url = \"http://127.0.0.1:{port}/alerts.pb\"\nallow_private = true\nevery_s = 1\n"
    );
    std::fs::write(places.join("feeds.toml"), feeds).unwrap();
    build(&instance, &tomorrow.strftime("%Y%m%d").to_string());
    instance.import(&places);
    instance.subscriptions(1).await;

    // Most of the stops are nowhere in the timetable, and the alert is one all the same.
    let stops = (0..1_000).map(|n| stop(&format!("x{n}"))).chain([stop("a"), stop("b")]).collect();
    let closed = || alert("closed", ["Haltestellen verlegt", "Stops moved"], vec![stop("a"), stop("b")]);
    let many = alert("many", ["Bauarbeiten", "Works"], stops);
    let of_line = alert("line", ["Umleitung", "Detour"], vec![line("R")]);
    let elsewhere = alert("elsewhere", ["Woanders", "Elsewhere"], vec![stop("nowhere"), line("none")]);
    let nothing = alert("nothing", ["Hinweis", "Note"], Vec::new());
    let all = vec![closed(), many, of_line, elsewhere, nothing];
    let mqtt = port_of(&instance.text("mqtt"));
    publish(mqtt, vec![("rt/alerts".to_owned(), full_dataset(now_s(), all).to_vec())]).await;
    // Messages of trips on another topic say nothing of them.
    publish(mqtt, vec![("rt/trips".to_owned(), full_dataset(now_s(), Vec::new()).to_vec())]).await;

    let of_stop = |feed: &str| format!("/v1/stops/{feed}:a/departures?from={noon}&lang=de");
    let bus = of_stop("bus");
    let board = eventually("the alerts are on the board", || async {
        let (_, board) = instance.get(&bus).await;
        (headers(&board).len() == 3).then_some(board)
    })
    .await;
    let first = headers_of(&board, &board["items"][0]);
    assert_eq!(first, ["Haltestellen verlegt", "Umleitung", "Bauarbeiten"], "{board}");
    assert_eq!(headers_of(&board, &board["items"][1]), first, "each stands there once");
    assert!(board["attribution"].as_array().unwrap().iter().any(|source| source["attribution"] == "RVM"));
    // The other file's stop of the same id is another one.
    assert_eq!(headers(&instance.get(&of_stop("rail")).await.1), Vec::<&str>::new());

    let question =
        format!("/v1/journeys?from={},{}&to={},{}&modes=TRANSIT&depart={noon}", FROM.0, FROM.1, TO.0, TO.1);
    let (_, answer) = instance.get(&question).await;
    let rides: Vec<&Value> = (answer["itineraries"].as_array().unwrap().iter())
        .flat_map(|itinerary| itinerary["legs"].as_array().unwrap())
        .filter(|leg| leg["trip_id"] == "bus:t1")
        .collect();
    assert_eq!(headers_of(&answer, rides[0]), ["Stops moved", "Detour", "Works"], "{answer}");
    assert_eq!(headers(&answer).len(), 3, "{answer}");
    let alert = &answer["alerts"][0];
    assert_eq!(
        (&alert["id"], &alert["source"], &alert["cause"], &alert["effect"], &alert["broad"], &alert["stale"]),
        (
            &"live:closed".into(),
            &"live".into(),
            &"CONSTRUCTION".into(),
            &"DETOUR".into(),
            &false.into(),
            &false.into()
        )
    );
    assert_eq!((&alert["from"], &alert["until"]), (&Value::Null, &Value::Null));
    assert_eq!(
        (&alert["about"][0]["stop_id"], &alert["about"][0]["stop_name"]),
        (&"bus:a".into(), &"A".into())
    );

    let (_, list) = instance.get("/v1/alerts?limit=4").await;
    let (_, rest) = instance.get(&format!("/v1/alerts?cursor={}", list["cursor"].as_str().unwrap())).await;
    let ids = [&list, &rest].map(|page| page["items"].as_array().unwrap().clone()).concat();
    let ids: Vec<&str> = ids.iter().filter_map(|item| item["id"].as_str()).collect();
    assert_eq!(ids, ["live:closed", "live:elsewhere", "live:line", "live:many", "live:nothing"]);
    assert_eq!(list["items"][1]["unknown"], serde_json::json!(["stop_id=nowhere", "route_id=none"]));
    assert_eq!((&rest["items"][0]["about"], &rest["cursor"]), (&serde_json::json!([]), &Value::Null));
    let many = &list["items"][3];
    assert_eq!((&many["about_count"], &many["broad"]), (&1_002.into(), &true.into()));

    // What a message leaves out is withdrawn.
    let left = full_dataset(now_s() + 1, vec![closed()]);
    publish(mqtt, vec![("rt/alerts".to_owned(), left.to_vec())]).await;
    eventually("two are withdrawn", || async {
        let (_, board) = instance.get(&bus).await;
        (headers(&board) == ["Haltestellen verlegt"]).then_some(())
    })
    .await;

    // The same from a web server.
    let rail = of_stop("rail");
    *body.lock() = Some(full_dataset(now_s(), vec![alert_of_rail()]).to_vec());
    eventually("a fetched one appears", || async {
        (headers(&instance.get(&rail).await.1) == ["Zugausfall"]).then_some(())
    })
    .await;
    *body.lock() = Some(full_dataset(now_s() + 1, Vec::new()).to_vec());
    eventually("it goes", || async { headers(&instance.get(&rail).await.1).is_empty().then_some(()) }).await;
    assert_eq!(headers(&instance.get(&bus).await.1), ["Haltestellen verlegt"]);
    instance.stop().await;
}

fn alert_of_rail() -> FeedEntity {
    alert("rail", ["Zugausfall", "No train"], vec![line("R")])
}
