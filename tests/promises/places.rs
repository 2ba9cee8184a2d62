//! Import and export from the command line, while the product runs.

use std::time::{Duration, Instant};

use crate::support::{Instance, at, chirpstack, eventually, port_of, publish, town};

#[tokio::test(flavor = "multi_thread")]
async fn an_export_imports_into_the_same_and_a_second_import_changes_nothing() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let (ok, out, _) = instance.command(&["import", "--check", &folder.to_string_lossy()]);
    assert!(ok && out.contains("nothing was imported"), "{out}");
    assert_eq!(instance.get("/v1/sites").await.1["items"].as_array().unwrap().len(), 0);

    instance.import(&folder);
    eventually("the sites are there", || async {
        (instance.get("/v1/sites").await.1["items"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    let (_, again, _) = instance.command(&["import", &folder.to_string_lossy()]);
    assert!(!again.contains("1 added") && again.contains("bays: 0 added, 0 changed, 6 unchanged"), "{again}");

    let (first, second) = (instance.dir.path().join("first"), instance.dir.path().join("second"));
    assert!(instance.command(&["export", &first.to_string_lossy()]).0);
    let other = Instance::serve(&[]).await;
    other.import(&first);
    assert!(other.command(&["export", &second.to_string_lossy()]).0);
    for entry in std::fs::read_dir(&first).unwrap().flatten() {
        let name = entry.file_name();
        assert_eq!(
            std::fs::read_to_string(first.join(&name)).unwrap(),
            std::fs::read_to_string(second.join(&name)).unwrap(),
            "{name:?}"
        );
    }
    other.stop().await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_name_file_line_field_and_remedy_and_nothing_is_imported() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    std::fs::write(folder.join("municipalities.csv"), "slug,name,ags\nkreis,Kreis,5999\n").unwrap();
    let (ok, _, err) = instance.command(&["import", &folder.to_string_lossy()]);
    assert!(
        !ok && err.contains("municipalities.csv:2") && err.contains("ags") && err.contains("remedy"),
        "{err}"
    );
    assert_eq!(instance.get("/v1/sites").await.1["items"].as_array().unwrap().len(), 0);
    instance.stop().await;
}

/// Whether the files cannot be read, do not fit together, or are counts of years past for nothing that exists. A dry
/// run is no attempt.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_import_is_in_the_audit_without_what_stood_in_the_files() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    instance.import(&folder);
    let folder = folder.to_string_lossy().into_owned();
    let write = |name: &str, text: &str| std::fs::write(format!("{folder}/{name}"), text).unwrap();
    write("vehicles.csv", "id,owner\nbus-1,kreis\nbus-1,hunter2\n");
    let refused = |args: &[&str]| {
        let (ok, out, err) = instance.command(args);
        assert!(!ok, "{out}{err}");
        assert!(!err.contains("not in the audit"), "{err}");
    };
    refused(&["import", "--check", &folder]);
    refused(&["import", &folder]);
    write("municipalities.csv", "slug,name,ags\nkreis,hunter2,5999\n");
    refused(&["import", &folder]);
    write("counts.csv", "at,hunter2\n2026-01-01T00:00:00Z,3\n");
    let mapping = format!("{folder}/mapping.toml");
    std::fs::write(&mapping, "hunter2 = 1").unwrap();
    let counts = format!("{folder}/counts.csv");
    refused(&["import", "history", &counts, "--mapping", &mapping, "--check"]);
    refused(&["import", "history", &counts, "--mapping", &mapping]);

    let key = instance.admin_key();
    let audit = instance.get_with("/v1/audit?actor=command%20line", &key).await;
    let items = audit["items"].as_array().unwrap();
    let refused: Vec<_> = items.iter().filter(|item| item["outcome"] == "refused").collect();
    let entries: Vec<_> =
        refused.iter().rev().map(|i| (i["action"].as_str().unwrap(), &i["after"])).collect();
    assert_eq!(entries.len(), 3, "{audit}");
    for ((action, after), file) in entries[..2].iter().zip(["vehicles.csv:3", "municipalities.csv:2"]) {
        let at = after["at"].as_array().unwrap();
        assert_eq!((*action, &after["problems"]), ("import", &at.len().into()));
        assert!(at.contains(&file.into()), "{after}");
    }
    assert_eq!(entries[2], ("import history", &serde_json::json!({"files": 1})));
    assert!(!audit.to_string().contains("hunter2"), "{audit}");
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_device_keeps_the_bays_history() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    instance.import(&folder);
    instance.subscribed().await;
    let port = port_of(&instance.text("mqtt"));
    let state = || async { instance.get("/v1/bays/n1").await.1["state"].as_str().unwrap_or("").to_owned() };
    publish(port, vec![chirpstack("70b3d57ed0000001", 1, 1, "AQ==")]).await;
    eventually("the old device is received", || async { (state().await == "occupied").then_some(()) }).await;

    let swap = format!(
        "id,feed,decoder,bay,bound_from,bound_until\n70B3D57ED0000001,lora,bosch-tps110,n1,,{0}\n70B3D57ED0000009,lora,bosch-tps110,n1,{0},\n",
        at(-2)
    );
    std::fs::write(folder.join("sensors.csv"), swap).unwrap();
    instance.import(&folder.join("sensors.csv"));
    let pool = instance.pool().await;
    // Until the ingest has taken the import in, the new device is unknown: send until it is received.
    let mut n = 10;
    loop {
        n += 1;
        publish(port, vec![chirpstack("70b3d57ed0000009", n, 1, "AA==")]).await;
        if state().await == "vacant" {
            break;
        }
        assert!(n < 200, "the new device is not received");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    publish(port, vec![chirpstack("70b3d57ed0000001", 500, 1, "AQ==")]).await;
    eventually("the old device is unbound", || async {
        let reason: Option<String> =
            sqlx::query_scalar("SELECT reason FROM rejection ORDER BY id DESC LIMIT 1")
                .fetch_optional(&pool)
                .await
                .unwrap();
        (reason.as_deref() == Some("unbound_sensor")).then_some(())
    })
    .await;
    let sensors: i64 = sqlx::query_scalar("SELECT count(DISTINCT sensor) FROM bay_observation")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(sensors, 2);
    pool.close().await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_imported_while_it_runs_is_served() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    instance.import(&folder);
    instance.subscribed().await;
    let new =
        "[[feed]]\nid = \"new\"\nmunicipality = \"neudorf\"\nformat = \"native\"\ntopic = \"kv/1/new/#\"\n";
    std::fs::write(folder.join("feeds.toml"), new).unwrap();
    instance.import(&folder.join("feeds.toml"));
    instance.subscriptions(4).await;
    let message = format!(r#"{{"at":"{}","state":"occupied"}}"#, at(-1));
    publish(port_of(&instance.text("mqtt")), vec![("kv/1/new/bay/n2".into(), message.into_bytes())]).await;
    eventually("the new feed's bay is occupied", || async {
        (instance.get("/v1/bays/n2").await.1["state"] == "occupied").then_some(())
    })
    .await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_takes_effect_within_a_second() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    instance.import(&folder);
    let imported = Instant::now();
    eventually("the bay is there", || async { (instance.get("/v1/bays/a1").await.0 == 200).then_some(()) })
        .await;
    assert!(imported.elapsed() < Duration::from_secs(1), "{:?}", imported.elapsed());
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_kept_unless_it_is_to_be_closed() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    instance.import(&folder);
    let bays = folder.join("bays.geojson");
    let mut all: serde_json::Value = serde_json::from_slice(&std::fs::read(&bays).unwrap()).unwrap();
    all["features"].as_array_mut().unwrap().retain(|f| f["properties"]["id"] != "a1");
    std::fs::write(&bays, all.to_string()).unwrap();
    let status = || async { instance.get("/v1/bays/a1").await.0 };
    eventually("the bay is there", || async { (status().await == 200).then_some(()) }).await;

    let bays = bays.to_string_lossy().into_owned();
    let (ok, out, _) = instance.command(&["import", &bays]);
    assert!(ok && out.contains("not in the files, kept: a1"), "{out}");
    assert_eq!(status().await, 200);
    let (ok, out, _) = instance.command(&["import", "--check", "--missing", "close", &bays]);
    assert!(ok && out.contains("nothing was imported"), "{out}");
    assert_eq!(status().await, 200);
    let (ok, out, err) = instance.command(&["import", "--missing", "close", &bays]);
    assert!(ok && out.contains("not in the files, closed: a1"), "{out}{err}");
    eventually("the bay is closed", || async { (status().await == 404).then_some(()) }).await;
    // Only what the files are about: there were no sites among them.
    assert_eq!(instance.get("/v1/sites").await.1["items"].as_array().unwrap().len(), 2);
    // What it was stays: it is closed from now on, and not gone.
    let pool = instance.pool().await;
    let until: Option<String> =
        sqlx::query_scalar("SELECT def ->> 'valid_until' FROM place WHERE key = 'a1'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert!(until.is_some());
    pool.close().await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_for_lines_on_request_are_replaced_and_written_back() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let file = folder.join("on_demand.csv");
    let header = "route,kind,municipality,min_notice_min,last_day,last_time,phone,surcharge_eur\n";
    let (county, neudorf) = ("T*,taxibus,,30,,,0251 14480444,\n", "AST,ast,neudorf,,1,17:00,02541 123,0.8\n");
    std::fs::write(&file, format!("{header}{county}{neudorf}")).unwrap();
    instance.import(&folder);
    let import = |rows: &str| {
        std::fs::write(&file, format!("{header}{rows}")).unwrap();
        let (ok, out, err) = instance.command(&["import", &file.to_string_lossy()]);
        assert!(ok, "{out}{err}");
        out
    };
    let unchanged = import(&[county, neudorf].concat());
    assert!(unchanged.contains("on_demand: 0 added, 0 changed, 2 unchanged\n"), "{unchanged}");
    let other = import(&neudorf.replace("AST", "AST 2"));
    assert!(other.contains("on_demand: 1 added, 0 changed, 0 unchanged, 1 removed\n"), "{other}");

    let exported = instance.dir.path().join("exported");
    assert!(instance.command(&["export", &exported.to_string_lossy()]).0);
    let text = std::fs::read_to_string(exported.join("on_demand.csv")).unwrap();
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert!(rows[0].starts_with("AST 2,ast,neudorf,,,,,1,17:00,,boarding,02541 123,"), "{text}");
    assert!(rows.len() == 2 && rows[1].starts_with("T*,taxibus,,,,,30,,,,boarding,0251 14480444,"), "{text}");
    let (_, again, _) = instance.command(&["import", &exported.to_string_lossy()]);
    assert!(again.contains("on_demand: 0 added, 0 changed, 2 unchanged\n"), "{again}");
    let none = import("");
    assert!(none.contains("on_demand: 0 added, 0 changed, 0 unchanged, 1 removed\n"), "{none}");
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_takes_a_place_out_of_the_offer_and_gives_it_back() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    instance.import(&folder);
    instance.subscribed().await;
    let count = format!(r#"{{"at":"{}","vacant":18}}"#, at(-1));
    publish(port_of(&instance.text("mqtt")), vec![("kv/1/alt/site/garage".into(), count.into_bytes())]).await;
    let garage = || async {
        let (_, found) = instance.get("/v1/parking?near=51.9,7.2&kind=site").await;
        let is_offered = found["items"].as_array().unwrap().iter().any(|item| item["id"] == "garage");
        let state = instance.get("/v1/sites/garage").await.1["opening"]["state"].clone();
        (is_offered, state, found["left_out"]["closed"].clone())
    };
    let open = (true, "open".into(), 0.into());
    eventually("the garage is offered", || async { (garage().await == open).then_some(()) }).await;

    let closures = folder.join("closures.csv");
    std::fs::write(&closures, format!("place,from,until,reason\ngarage,{},,Bauarbeiten\n", at(-60))).unwrap();
    let row = std::fs::read_to_string(&closures).unwrap();
    instance.import(&closures);
    let closed = (false, "closed".into(), 1.into());
    eventually("the garage is closed", || async { (garage().await == closed).then_some(()) }).await;
    std::fs::write(&closures, row.replace(",,", &format!(",{},", at(-1)))).unwrap();
    let (ok, out, _) = instance.command(&["import", &closures.to_string_lossy()]);
    assert!(ok && out.contains("closures: 0 added, 1 changed, 0 unchanged"), "{out}");
    eventually("the garage is offered again", || async { (garage().await == open).then_some(()) }).await;
    instance.stop().await;
}
