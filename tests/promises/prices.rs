//! What journeys cost: tickets and passes, parking, and the taxi of which no price is known.

use std::path::Path;

use serde_json::{Value, json};

use super::journeys::{CENTRE, FROM, county, demo, plans};
use super::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn rides_have_prices_and_passes_cover_them() {
    let demo = demo().await;
    let (_, sites) = demo.get("/v1/sites?municipality=bergheide&limit=1").await;
    let far = format!("{},{}", sites["items"][0]["lat"], sites["items"][0]["lon"]);
    let tomorrow = jiff::Timestamp::now().in_tz("Europe/Berlin").unwrap().date().tomorrow().unwrap();
    let noon = tomorrow.at(12, 0, 0, 0).in_tz("Europe/Berlin").unwrap().timestamp();
    let question = format!("from={FROM}&to={far}&depart={noon}&modes=TRANSIT");
    let priced = async |more: &str| {
        let answer = plans(&demo, &format!("{question}{more}")).await;
        let ways = answer["itineraries"].as_array().unwrap().clone();
        ways.into_iter().next().expect("an itinerary by transit")
    };
    let way = priced("").await;
    let fare = &way["fare"];
    let rides: Vec<usize> = (0..)
        .zip(way["legs"].as_array().unwrap())
        .filter(|(_, leg)| !leg["trip_id"].is_null())
        .map(|(n, _)| n)
        .collect();
    assert_eq!(fare["products"][0]["id"], "sample-km", "{fare}");
    assert_eq!(fare["products"][0]["legs"], json!(rides), "one trip, whatever the changes: {fare}");
    let legs = &way["legs"];
    let place = |leg: &Value, end: &str| {
        let coordinate = |name: &str| leg[end][name].as_f64().unwrap();
        domain::LatLon { lat: coordinate("lat"), lon: coordinate("lon") }
    };
    let (first, last) = (&legs[rides[0]], &legs[rides[rides.len() - 1]]);
    let km = (place(first, "from").distance_m(place(last, "to")) / 1_000.0).ceil();
    let cents = 111 + 22 * km as i64;
    assert_eq!(fare["amount_eur"], json!(cents as f64 / 100.0), "{km} km: {fare}");
    assert_eq!(
        (&fare["estimate"], &fare["covered_by_pass"], &fare["source"], &fare["valid_from"]),
        (&json!(true), &json!(false), &json!("sample"), &json!("2020-01-01"))
    );
    assert_eq!((&fare["unknown_legs"], &fare["unknown_parking"]), (&json!([]), &json!([])));
    let child = priced("&rider=child").await;
    assert_eq!(child["fare"]["amount_eur"], json!(((cents + 1) / 2) as f64 / 100.0));
    let covered = priced("&pass=deutschlandticket").await;
    assert_eq!(
        (&covered["fare"]["amount_eur"], &covered["fare"]["covered_by_pass"]),
        (&json!(0.0), &json!(true))
    );
    assert_eq!(covered["fare"]["products"][0]["kind"], "pass");
    let id = covered["id"].as_str().unwrap();
    let (_, again) = demo.get(&format!("/v1/journeys/{id}")).await;
    assert_eq!(again["itineraries"][0]["fare"]["covered_by_pass"], true, "{again}");
    let walk = plans(&demo, &format!("from={FROM}&to={CENTRE}&modes=WALK")).await;
    assert!(walk["itineraries"][0]["fare"].is_null());

    let (status, problem) = demo.get(&format!("/v1/journeys?{question}&pass=netzkarte")).await;
    assert_eq!((status, &problem["field"]), (400, &json!("pass")), "{problem}");
    assert!(problem["remedy"].as_str().unwrap().contains("deutschlandticket"), "{problem}");

    // The county's own prices take the place of all others; without any, none is guessed.
    let file = demo.dir.path().join("fares.toml");
    std::fs::write(&file, "[[fare]]\nid = \"x\"\nkind = \"flat\"\nsource = \"s\"\nvalid_from = 2026-01-01\nbase_eur = 2\nroutes = \"ZZ*\"\n").unwrap();
    let (ok, out, err) = demo.command(&["import", &file.to_string_lossy()]);
    let unmatched = "fares.toml: fare 'x' (routes ZZ*) matches no line of the timetable";
    assert!(
        ok && out.contains("fares: 1 added, 0 changed, 0 unchanged, 2 removed") && err.contains(unmatched),
        "{out}{err}"
    );
    let open = eventually("the new list holds", || async {
        let way = priced("").await;
        way["fare"]["amount_eur"].is_null().then_some(way["fare"].clone())
    })
    .await;
    assert_eq!(
        (&open["unknown_legs"], &open["products"], &open["source"]),
        (&json!(rides), &json!([]), &Value::Null)
    );
    demo.stop().await;
}

/// A lot in the centre, where the journeys end.
fn lot(folder: &Path, fee: &Value) {
    let properties = json!({"id": "metered", "municipality": "steverstadt", "name": "Am Markt", "kind": "lot",
        "capacity": 50, "fee": fee});
    let geometry = json!({"type": "Point", "coordinates": [7.1680, 51.9440]});
    let feature = json!({"type": "Feature", "properties": properties, "geometry": geometry});
    std::fs::create_dir_all(folder).unwrap();
    let file = json!({"type": "FeatureCollection", "features": [feature]}).to_string();
    std::fs::write(folder.join("sites.geojson"), file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_parking_costs_is_computed_for_the_stay() {
    let (instance, _, noon) = county(None).await;
    let folder = instance.dir.path().join("metered");
    lot(&folder, &json!({"charge": "1.50 EUR/hour", "free_min": 30, "day_max_eur": 6}));
    instance.import(&folder);
    let question = format!("from={FROM}&to={CENTRE}&modes=CAR&depart={noon}");
    let way_to_lot = async |more: &str| {
        let answer = instance.get(&format!("/v1/journeys?{question}{more}")).await.1;
        let is_there = |way: &&Value| way.pointer("/legs/0/parking/id") == Some(&json!("metered"));
        let way = answer["itineraries"].as_array()?.iter().find(is_there)?;
        Some((way["fare"].clone(), way["legs"][0]["parking"].clone()))
    };
    let (fare, parking) = eventually("the lot is linked", || way_to_lot("")).await;
    // An hour and a half beyond the free half hour are two hours that have begun.
    let product = json!({"id": "metered", "name": "Parking: Am Markt", "price_eur": 3.0, "kind": "parking", "legs": [0]});
    assert_eq!(
        (&fare["amount_eur"], &fare["estimate"], &fare["products"]),
        (&json!(3.0), &json!(true), &json!([product]))
    );
    assert_eq!((&fare["unknown_parking"], &fare["source"]), (&json!([]), &json!("sites.geojson")));
    assert_eq!((&parking["price_eur"], &parking["stay_min"]), (&json!(3.0), &json!(120.0)));
    for (stay_min, eur) in [(30, json!(0.0)), (31, json!(1.5)), (300, json!(6.0)), (10_081, Value::Null)] {
        let (fare, parking) = way_to_lot(&format!("&stay_min={stay_min}")).await.unwrap();
        assert_eq!((&fare["amount_eur"], &parking["price_eur"]), (&eur, &eur), "{stay_min}");
        assert_eq!(fare["unknown_parking"], if eur.is_null() { json!([0]) } else { json!([]) });
    }
    assert!(way_to_lot("&free=true&stay_min=30").await.is_some());
    assert!(way_to_lot("&free=true&stay_min=31").await.is_none());
    let fee = instance.get("/v1/sites/metered").await.1["fee"].clone();
    assert_eq!(
        fee["de"],
        "1,50 € je angefangene Stunde, die ersten 30 Minuten frei, höchstens 6,00 € am Tag"
    );
    let tariff = json!({"amount_eur": 1.5, "per": "unit", "unit_min": 60, "free_min": 30, "day_max_eur": 6.0, "hours": null});
    assert_eq!(fee["tariff"], tariff);

    lot(&folder, &json!("1,50 € je Stunde"));
    instance.import(&folder);
    let fare = eventually("the price is unknown", || async {
        let (fare, _) = way_to_lot("").await?;
        fare["amount_eur"].is_null().then_some(fare)
    })
    .await;
    assert_eq!((&fare["unknown_parking"], &fare["products"]), (&json!([0]), &json!([])));
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taxi_is_the_last_resort() {
    let (instance, by_transit, noon) = county(None).await;
    let question = by_transit.split("&modes").next().unwrap();
    let listed = instance.dir.path().join("places/taxis.csv");
    let rows = "nacht,steverstadt,Nachttaxi,02541 1,Mo-Su 20:00-06:00,true\n\
        kreis,steverland,Kreistaxi,02541 2,,\nfern,bergheide,Taxi Fern,02541 3,,\n";
    std::fs::write(&listed, format!("id,municipality,name,phone,hours,wheelchair\n{rows}")).unwrap();
    let (ok, out, err) = instance.command(&["import", &listed.to_string_lossy()]);
    assert!(ok && out.contains("taxis: 3 added"), "{out}{err}");
    let taxis = |answer: &Value| {
        let ways = answer["itineraries"].as_array().cloned().unwrap_or_default();
        let first = ways.iter().position(|way| way["mode"] == "TAXI").unwrap_or(ways.len());
        assert!(ways[first..].iter().all(|way| way["mode"] == "TAXI"), "they stand last: {answer}");
        ways[first..].to_vec()
    };
    let night = noon + jiff::SignedDuration::from_hours(13);
    let at_night = eventually("the taxis are known", || async {
        let at_home = format!("{question}&max_walk_m=20&depart={night}&book_at={noon}");
        let ways = taxis(&instance.get(&at_home).await.1);
        (!ways.is_empty()).then_some(ways)
    })
    .await;
    let taxi = |way: &Value| way["legs"][0]["taxi"].clone();
    let expected = [
        json!({"id": "nacht", "name": "Nachttaxi", "phone": "02541 1", "hours": "Mo-Su 20:00-06:00", "open": true,
            "open_now": false, "wheelchair": true}),
        json!({"id": "kreis", "name": "Kreistaxi", "phone": "02541 2", "hours": null, "open": null,
            "open_now": null, "wheelchair": null}),
    ];
    assert_eq!(at_night.iter().map(taxi).collect::<Vec<_>>(), expected);
    let (leg, fare) = (&at_night[1]["legs"][0], &at_night[1]["fare"]);
    assert_eq!((&leg["mode"], &leg["parking_unknown"]), (&json!("TAXI"), &json!(false)));
    assert_eq!(
        (&fare["amount_eur"], &fare["unknown_legs"], &fare["unknown_parking"]),
        (&Value::Null, &json!([0]), &json!([]))
    );
    let id = at_night[1]["id"].as_str().unwrap();
    let (_, again) = instance.get(&format!("/v1/journeys/{id}")).await;
    assert_eq!(
        (&taxi(&again["itineraries"][0])["id"], &again["holds"]),
        (&json!("kreis"), &json!(true)),
        "{again}"
    );

    // By day there is a bus, and whoever names modes gets no others.
    assert_eq!(taxis(&instance.get(&format!("{question}&depart={noon}")).await.1), [Value::Null; 0]);
    assert_eq!(
        taxis(&instance.get(&by_transit.replace(&noon.to_string(), &night.to_string())).await.1),
        [Value::Null; 0]
    );
    let (_, asked) = instance.get(&format!("{question}&depart={noon}&modes=TAXI,TRANSIT")).await;
    assert_eq!(taxis(&asked).iter().map(taxi).collect::<Vec<_>>(), expected[1..]);
    assert!(asked["itineraries"].as_array().unwrap().len() > 1, "{asked}");
    let rejected: Vec<&Value> =
        asked["rejected"].as_array().unwrap().iter().filter(|r| r["kind"] == "taxi").collect();
    assert_eq!(rejected.len(), 1, "{asked}");
    assert_eq!(
        [&rejected[0]["id"], &rejected[0]["reason"], &rejected[0]["phone"]],
        ["nacht", "not_in_service", "02541 1"]
    );
    let exported = instance.dir.path().join("exported");
    assert!(instance.command(&["export", &exported.to_string_lossy()]).0);
    let text = std::fs::read_to_string(exported.join("taxis.csv")).unwrap();
    assert_eq!(text, format!("id,municipality,name,phone,hours,wheelchair\n{rows}"));
    instance.stop().await;
}
