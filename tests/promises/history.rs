//! Counts of past years: importing twice changes nothing, and live state is untouched.

use std::path::{Path, PathBuf};

use domain::sensor::stale_after_s;

use crate::support::{Instance, at, eventually, port_of, publish, town};

/// Two car parks over the night in which the clock is put back: 2:00 to 2:45 come twice.
const COUNTS: &str = include_str!("../data/autumn.csv");

const MAPPING: &str = r#"
time_column = "Zeit"
time_format = "%Y-%m-%d %H:%M"
tz = "Europe/Berlin"
value = "vacant"
attribution = "Stadt Altdorf, Archiv"
[codes]
zu = "closed"
"-" = "none"
[[column]]
name = "Garage"
site = "garage"
[[column]]
name = "Markt"
site = "markt"
capacity = 20
"#;

fn files(instance: &Instance) -> (String, String) {
    let write = |name: &str, text: &str| {
        let file = instance.dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_string_lossy().into_owned()
    };
    (write("autumn.csv", COUNTS), write("mapping.toml", MAPPING))
}

#[tokio::test(flavor = "multi_thread")]
async fn both_hours_of_autumn_are_stored_once_however_often_they_are_imported() {
    let instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    let (csv, mapping) = files(&instance);
    let args = ["import", "history", &csv, "--mapping", &mapping];
    let (ok, out, err) = instance.command(&[&args[..], &["--check"]].concat());
    assert!(ok && out.contains("nothing was imported"), "{out}{err}");
    let pool = instance.pool().await;
    let stored = || async {
        let sql = "SELECT site, observed_at::text, vacant, status, capacity FROM v_site_count ORDER BY 1, 2";
        sqlx::query_as::<_, (String, String, Option<i32>, Option<String>, Option<i32>)>(sql)
            .fetch_all(&pool)
            .await
            .unwrap()
    };
    assert_eq!(stored().await, []);

    let (ok, out, err) = instance.command(&args);
    assert!(ok, "{out}{err}");
    let garage = out.lines().find(|l| l.starts_with("garage")).unwrap();
    assert_eq!(
        garage.split_whitespace().collect::<Vec<_>>(),
        ["garage", "16", "new", "0", "there", "before"]
    );
    assert!(out.contains("left out: 1 of markt") && out.contains("capacity"), "{out}");
    assert!(err.contains("autumn.csv:5") && err.contains("viele"), "{err}");
    assert!(err.contains("does not name: Neu"), "{err}");
    let rows = stored().await;
    let night: Vec<(&str, Option<i32>)> = rows
        .iter()
        .filter(|r| r.0 == "garage" && r.1.starts_with("2024-10-27 0"))
        .map(|r| (&r.1[11..16], r.2))
        .collect();
    assert_eq!(
        night[..4],
        [("00:00", Some(44)), ("00:15", Some(45)), ("00:30", Some(46)), ("00:45", Some(47))]
    );
    assert_eq!(night[4..6], [("01:00", Some(54)), ("01:15", Some(55))]);
    let closed: Vec<_> = rows.iter().filter(|r| r.3.as_deref() == Some("closed")).collect();
    assert_eq!(closed.len(), 1, "{rows:?}");
    assert_eq!((closed[0].0.as_str(), closed[0].2), ("markt", None));
    assert!(rows.iter().all(|r| r.4 == (r.0 == "markt").then_some(20)));

    let (ok, again, err) = instance.command(&args);
    assert!(ok && again.contains("0 new") && !again.contains("16 new"), "{again}{err}");
    assert_eq!(stored().await, rows);
    let (wanted, audited): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM audit WHERE action = 'import history' AND after ->> 'new' <> '0'),
                (SELECT count(*) FROM audit WHERE action = 'import history')",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!((wanted, audited), (1, 2));
    pool.close().await;

    // Planners see them: 44, 45, 46 and 47 of 100 were vacant in the first of both hours.
    let key = instance.admin_key();
    let hour = "/v1/occupancy?site=garage&bucket=1h&from=2024-10-27T00:00:00Z&to=2024-10-27T01:00:00Z";
    let item = eventually("the hour is derived", || async {
        let item = instance.get_with(hour, &key).await["items"][0].clone();
        (item["observed_s"].as_f64()? > 0.0).then_some(item)
    })
    .await;
    let [occupied, observed] = ["occupied_s", "observed_s"].map(|name| item[name].as_f64().unwrap());
    assert_eq!((occupied, observed), (218.0 * 900.0, 100.0 * 3_600.0), "{item}");
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_state_stays_and_the_feed_is_listed_and_exported() {
    let instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    instance.subscribed().await;
    let live = format!(r#"{{"at":"{}","occupied":60}}"#, at(-1));
    let topic = "kv/1/alt/site/garage".to_owned();
    publish(port_of(&instance.text("mqtt")), vec![(topic, live.into_bytes())]).await;
    let vacant = || async { instance.get("/v1/sites/garage").await.1["vacant"].as_i64() };
    eventually("the live count is seen", || async { (vacant().await == Some(40)).then_some(()) }).await;

    let (csv, mapping) = files(&instance);
    let (ok, out, err) = instance.command(&["import", "history", &csv, "--mapping", &mapping]);
    assert!(ok, "{out}{err}");
    // A count of four spaces, of which one is a resident's and three are shown, would give the resident's bay away.
    let (_, market) = instance.get("/v1/sites/markt").await;
    assert_eq!(market["basis"], "none", "{market}");
    assert_eq!(market["flags"], serde_json::json!(["without_hidden_bays"]), "{market}");
    assert_eq!(vacant().await, Some(40));
    let feed = eventually("the feed is listed", || async {
        let feeds = instance.get("/v1/feeds").await.1;
        feeds["items"].as_array().unwrap().iter().find(|f| f["id"] == "history-altdorf").cloned()
    })
    .await;
    assert_eq!(feed["attribution"], "Stadt Altdorf, Archiv");
    // No feed of history is subscribed.
    instance.subscriptions(3).await;
    let folder = instance.dir.path().join("out");
    let folder = folder.to_string_lossy().into_owned();
    assert!(instance.command(&["export", &folder]).0);
    let (ok, out, err) = instance.command(&["import", &folder]);
    assert!(ok && out.contains("feeds: 0 added, 0 changed, 4 unchanged"), "{out}{err}");
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_with_names_and_remedy() {
    let instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    let (csv, mapping) = files(&instance);
    let refused = |args: &[&str], parts: &[&str]| {
        let (ok, out, err) = instance.command(&[&["import", "history"], args].concat());
        assert!(!ok, "{out}{err}");
        assert!(parts.iter().all(|part| err.contains(part)), "{err}");
    };
    let other = MAPPING.replace("\"garage\"", "\"gargae\"").replace("\"markt\"", "\"mrakt\"");
    std::fs::write(&mapping, other).unwrap();
    refused(&[&csv, "--mapping", &mapping], &["gargae, mrakt", "remedy", "sites.geojson"]);
    std::fs::write(&mapping, MAPPING).unwrap();
    refused(&[&csv, "--mapping", &mapping, "--municipality", "neudorf"], &["garage, markt", "neudorf"]);
    refused(&[&csv, "--mapping", &mapping, "--feed", "alt"], &["'alt'", "--feed"]);
    let (ok, ..) = instance.command(&["import", "history", &csv, "--mapping", &mapping]);
    assert!(ok);
    std::fs::write(&mapping, format!("hold_s = 3600\n{MAPPING}")).unwrap();
    refused(&[&csv, "--mapping", &mapping], &["hold_s = 3600", "900 s", "--feed"]);
    instance.stop().await;
}

/// A month of Münster's car parks, where the sample data is beside the checkout.
#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_muenster_is_stored() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let archive = root.join("../shared/data/parking/muenster_2019-08_2024-06_daily_csv.tar.xz");
    if !archive.exists() {
        eprintln!("SKIPPED: {} is not there", archive.display());
        return;
    }
    let instance = Instance::serve(&[]).await;
    let mapping = root.join("docs/history/muenster.toml");
    let places = muenster(instance.dir.path(), &std::fs::read_to_string(&mapping).unwrap());
    instance.import(&places);
    let month = instance.dir.path().join("month");
    std::fs::create_dir(&month).unwrap();
    let unpack = std::process::Command::new("tar")
        .arg("-xJf")
        .arg(&archive)
        .arg("-C")
        .arg(&month)
        .args(["--wildcards", "data/2024-05-*.csv"])
        .status();
    assert!(unpack.unwrap().success());
    let (month, mapping) = (month.to_string_lossy(), mapping.to_string_lossy());
    let (ok, out, err) = instance.command(&["import", "history", &month, "--mapping", &mapping]);
    assert!(ok && out.contains("31 tables"), "{out}{err}");
    let pool = instance.pool().await;
    let (rows, first, last): (i64, String, String) = sqlx::query_as(
        "SELECT count(*), min(observed_at)::text, max(observed_at)::text FROM v_site_count WHERE site = 'theater'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    // As many as the month's files have lines of counts.
    assert_eq!((rows, &first[..16], &last[..16]), (7_433, "2024-04-30 22:00", "2024-05-31 21:55"));
    pool.close().await;
    instance.stop().await;
}

/// Places with the sites of a mapping, large enough for all that was ever counted.
fn muenster(dir: &Path, mapping: &str) -> PathBuf {
    let folder = dir.join("muenster");
    std::fs::create_dir_all(&folder).unwrap();
    let municipality = "slug,name,ags\nmuenster,Münster,05515000\n";
    std::fs::write(folder.join("municipalities.csv"), municipality).unwrap();
    let sites = mapping.lines().filter_map(|line| line.strip_prefix("site = \"")?.strip_suffix('"'));
    let features: Vec<String> = sites
        .map(|site| {
            format!(
                r#"{{"type":"Feature","properties":{{"id":"{site}","municipality":"muenster","name":"{site}","kind":"car_park","capacity":1000}},"geometry":{{"type":"Point","coordinates":[7.62,51.96]}}}}"#
            )
        })
        .collect();
    let collection = format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","));
    std::fs::write(folder.join("sites.geojson"), collection).unwrap();
    folder
}

#[test]
fn a_quarter_hour_holds_until_the_next() {
    // What `hold_s` says must come out of the heartbeat that the feed keeps.
    for hold_s in [899_u32, 900, 1_800, 3_600, 300] {
        let heartbeat_s = (f64::from(hold_s) / 2.2).round() as u32;
        assert!(stale_after_s(heartbeat_s).abs_diff(hold_s) <= 1, "{hold_s}");
    }
}

/// What the documents name, without their files: a header, and the mapping as it is shipped.
#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_examples_needs_no_places_of_his_own() {
    let instance = Instance::serve(&[]).await;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/history");
    let write = |name: &str, text: &str| {
        let file = instance.dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_string_lossy().into_owned()
    };
    let muenster = write(
        "muenster.csv",
        "Datum und Uhrzeit,PH Theater,PP Hörsterplatz\n,(793),\n2024-05-01 10:00,400,17\n2024-05-01 10:15,380,206\n\
         2024-05-01 10:30,ges,0\n",
    );
    let birmingham = write(
        "birmingham.csv",
        "Datetime,Shopping,Bull Ring\n2016-10-04 08:00:00,0.25,0.5\n2016-10-04 08:30:00,0.5,1.0\n",
    );
    let mapping = |name: &str| docs.join(name).to_string_lossy().into_owned();
    let import = |file: &str, name: &str, more: &[&str]| {
        let mapping = mapping(name);
        instance.command(&[&["import", "history", file, "--mapping", &mapping], more].concat())
    };
    let sites = || async { instance.get("/v1/sites").await.1["items"].as_array().unwrap().len() };

    let (ok, _, err) = import(&muenster, "muenster.toml", &[]);
    assert!(!ok && err.contains("theater, hoersterplatz") && err.contains("--make-sites"), "{err}");
    let (ok, out, err) = import(&muenster, "muenster.toml", &["--make-sites", "--check"]);
    assert!(ok && out.contains("new site theater: PH Theater, 793 spaces"), "{out}{err}");
    assert!(out.contains("nothing was imported") && out.contains("3 counts"), "{out}");
    assert_eq!(sites().await, 0);
    let (ok, out, err) = import(&muenster, "muenster.toml", &["--make-sites"]);
    assert!(ok, "{out}{err}");
    assert!(out.contains("new site hoersterplatz: PP Hörsterplatz, 206 spaces"), "{out}");
    assert!(out.contains("2 sites stand in the middle of Münster"), "{out}");
    let (ok, out, err) = import(&birmingham, "birmingham.toml", &["--make-sites"]);
    assert!(ok && out.contains("of 2 sites only shares are known"), "{out}{err}");
    let (ok, out, err) = import(&muenster, "muenster.toml", &["--make-sites"]);
    assert!(ok && out.contains("0 new") && !out.contains("new site"), "{out}{err}");

    let answer = eventually("the sites are there", || async {
        let answer = instance.get("/v1/sites").await.1;
        (answer["items"].as_array()?.len() == 4).then_some(answer)
    })
    .await;
    let theater = answer["items"].as_array().unwrap().iter().find(|site| site["id"] == "theater").unwrap();
    assert_eq!((&theater["name"], &theater["capacity"]), (&"PH Theater".into(), &793.into()));
    assert_eq!(theater["municipality"], "muenster");
    let key = instance.admin_key();
    let hour = "/v1/occupancy?site=bull-ring&bucket=all&from=2016-10-04T07:00:00Z&to=2016-10-04T07:30:00Z";
    let half_hour = eventually("the half-hour is derived", || async {
        let half_hour = instance.get_with(hour, &key).await["items"][0].clone();
        (half_hour["observed_s"].as_f64()? > 0.0).then_some(half_hour)
    })
    .await;
    assert_eq!(half_hour["occupancy"].as_f64(), Some(0.5), "{half_hour}");

    // What is made is a place like any other.
    let folder = instance.dir.path().join("out").to_string_lossy().into_owned();
    assert!(instance.command(&["export", &folder]).0);
    let (ok, out, err) = instance.command(&["import", &folder]);
    assert!(ok && out.contains("sites: 0 added, 0 changed, 4 unchanged"), "{out}{err}");
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_are_made_where_it_is_clear_whose_and_where() {
    let instance = Instance::serve(&[]).await;
    instance.import(&town(instance.dir.path()));
    let (csv, mapping) = files(&instance);
    let write = |text: &str| std::fs::write(&mapping, text).unwrap();
    let import = |more: &[&str]| {
        instance
            .command(&[&["import", "history", &csv, "--mapping", &mapping, "--make-sites"], more].concat())
    };
    let new = MAPPING.replace("\"garage\"", "\"tief\"");
    write(&new);
    let (ok, _, err) = import(&[]);
    assert!(!ok && err.contains("whose are the sites") && err.contains("altdorf"), "{err}");
    let (ok, _, err) = import(&["--municipality", "atlantis"]);
    assert!(!ok && err.contains("no such municipality") && err.contains("[municipality]"), "{err}");
    write(&new.replace("site = \"tief\"", "site = \"tief\"\nlat = 48.1\nlon = 11.5"));
    let (ok, _, err) = import(&["--municipality", "altdorf"]);
    assert!(!ok && err.contains("mapping.toml:"), "{err}");
    write(&new.replace(
        "site = \"tief\"",
        "site = \"tief\"\ntitle = \"Tiefgarage\"\nkind = \"underground\"\nlat = 51.91\nlon = 7.21",
    ));
    let (ok, out, err) = import(&["--municipality", "altdorf"]);
    assert!(ok && out.contains("new site tief: Tiefgarage"), "{out}{err}");
    let site = eventually("the site is there", || async {
        let (status, site) = instance.get("/v1/sites/tief").await;
        (status == 200).then_some(site)
    })
    .await;
    assert_eq!((&site["site_kind"], site["lat"].as_f64()), (&"underground".into(), Some(51.91)));
    instance.stop().await;
}
