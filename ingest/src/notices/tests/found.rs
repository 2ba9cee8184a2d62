//! What is worth a notice, and when.

use domain::feed_health::FieldChange;
use domain::health::{Code, DeviceKey};
use domain::notice::cause::ChangedField;
use domain::notice::{NoticeKind, SubjectKind};
use serde_json::json;
use store::feed_health::FeedReason;

use super::*;

/// All sensors were heard at noon and are noticed to be silent two and a half hours later.
async fn silent_town() -> (Town, Vec<Reason>, UtcMicros) {
    let town = Town::new().await;
    town.rules(&[town.rule("ops", json!({ "topic": "notices" }))], noon()).await;
    for hour in -3..=0 {
        town.heard(1..=SENSORS, &["g"], noon().plus_s(3_600 * hour)).await;
    }
    let reasons: Vec<Reason> = (1..=SENSORS).map(|n| town.reason(n, "silent", noon())).collect();
    let noticed_at = noon().plus_s(9_000);
    (town, reasons, noticed_at)
}

#[tokio::test]
async fn a_gateway_s_death_with_200_sensors_is_one_notice_and_its_return_another() {
    let (town, reasons, noticed_at) = silent_town().await;
    town.record(&reasons, noticed_at).await;
    town.look_until(noticed_at, 90).await;
    let all = town.notices().await;
    let [only] = &all[..] else { panic!("{} notices", all.len()) };
    let item = &only.body.0.items[0];
    assert_eq!(
        (item.subject.kind, item.subject.id.as_str(), item.sensors),
        (SubjectKind::Gateway, "g", Some(200))
    );
    assert!(item.text.en.starts_with("200 sensors behind gateway g are silent"), "{:?}", item.text);
    assert!(item.text.de.starts_with("200 Sensoren hinter Gateway g sind stumm"), "{:?}", item.text);

    // A restart in between repeats nothing: all state is in the database. It is back; the sensors follow within the hour.
    let back = noticed_at.plus_s(7_200);
    for part in 0..4 {
        let at = back.plus_s(900 * i64::from(part));
        let sensors = part * 50 + 1..=part * 50 + 50;
        town.heard(sensors.clone(), &["g"], at).await;
        town.end(&reasons[*sensors.start() as usize - 1..*sensors.end() as usize], at).await;
        town.look_until(at, 14).await;
    }
    let all = town.notices().await;
    assert_eq!(all.len(), 2, "{:?}", all.iter().map(item_texts).collect::<Vec<_>>());
    assert!(
        item_texts(&all[1])[0].starts_with("Messages come from gateway g again"),
        "{:?}",
        item_texts(&all[1])
    );
}

#[tokio::test]
async fn sensors_that_another_gateway_hears_are_not_behind_the_one_that_is_down() {
    let (town, reasons, noticed_at) = silent_town().await;
    town.heard(1..=SENSORS, &["g", "h"], noon().plus_s(1)).await;
    town.heard(1..=SENSORS, &["g", "h"], noon().plus_s(2)).await;
    // From then on one of the two hears nothing, the other all but three.
    town.heard(4..=SENSORS, &["h"], noticed_at.plus_s(60)).await;
    town.look_until(noticed_at, 5).await;
    assert!(town.notices().await.is_empty(), "nothing is wrong");
    town.record(&reasons[..3], noticed_at).await;
    town.look_until(noticed_at, 30).await;
    let all = town.notices().await;
    assert!(
        all.len() == 3 && all.iter().all(|n| n.body.0.items[0].subject.kind == SubjectKind::Sensor),
        "{all:?}"
    );
}

#[tokio::test]
async fn a_broker_s_restart_makes_none_and_a_silent_feed_makes_one() {
    let (town, mut reasons, noticed_at) = silent_town().await;
    reasons.push(town.reason(0, "silent", noon()));
    town.record(&reasons, noticed_at).await;
    town.look_until(noticed_at, 3).await;
    town.end(&reasons, noticed_at.plus_s(200)).await;
    town.look_until(noticed_at.plus_s(240), 60).await;
    assert!(town.notices().await.is_empty());

    let again: Vec<Reason> =
        reasons.iter().map(|r| Reason { since: noticed_at.plus_s(7_200), ..r.clone() }).collect();
    let noticed_at = noticed_at.plus_s(9_000);
    town.record(&again, noticed_at).await;
    town.look_until(noticed_at, 90).await;
    let all = town.notices().await;
    let [only] = &all[..] else { panic!("{} notices", all.len()) };
    assert!(item_texts(only)[0].starts_with("Nothing comes from feed f, 200 sensors are silent"), "{only:?}");
}

/// In Berlin the clock goes back at 03:00 on 25 October 2026, and forward at 02:00 on 29 March.
#[tokio::test]
async fn quiet_hours_hold_notices_back_and_the_digest_comes_at_its_time_also_when_the_clock_changes() {
    for (evening, quiet_ends, digest) in [
        ("2026-10-24T18:00:00Z", "2026-10-25T05:00:00Z", "2026-10-25T06:30:00Z"),
        ("2026-03-28T19:00:00Z", "2026-03-29T04:00:00Z", "2026-03-29T05:30:00Z"),
    ] {
        let at = |text| UtcMicros::parse(text).unwrap();
        let (evening, quiet_ends, digest) = (at(evening), at(quiet_ends), at(digest));
        let town = Town::new().await;
        let quiet = json!({ "topic": "a", "quiet_hours": "22:00-06:00", "digest_at": "07:30", "on": ["battery", "recovered"] });
        town.rules(
            &[town.rule("quiet", quiet), town.rule("loud", json!({ "topic": "b", "on": ["watch"] }))],
            evening,
        )
        .await;
        town.heard(1..=SENSORS, &["g"], evening).await;
        // Noticed at 22:30, 23:30 and 00:30 by the clock; each is one after an hour. The first ends.
        let night = evening.plus_s(9_000);
        let reasons: Vec<Reason> = (1..=3).map(|n| town.reason(n, "battery", evening)).collect();
        for (n, reason) in (0..).zip(&reasons) {
            town.record(std::slice::from_ref(reason), night.plus_s(3_600 * n)).await;
            town.look_until(night.plus_s(3_600 * n), 59).await;
        }
        town.end(&reasons[..1], night.plus_s(3 * 3_600)).await;
        town.look_until(night.plus_s(3 * 3_600), 61).await;
        town.look_until(digest.plus_s(-60), 90).await;

        let all = town.notices().await;
        let (quiet, loud): (Vec<_>, Vec<_>) = all.into_iter().partition(|n| n.body.0.notice == "quiet");
        let [held, daily] = &quiet[..] else { panic!("{} notices", quiet.len()) };
        assert_eq!(held.next_attempt, quiet_ends);
        let events: Vec<_> =
            held.body.0.items.iter().map(|i| (i.event.as_str(), i.subject.id.as_str())).collect();
        assert_eq!(events, [("began", "s001"), ("began", "s002"), ("began", "s003"), ("ended", "s001")]);
        assert_eq!((daily.body.0.kind, daily.created_at), (NoticeKind::Digest, digest));
        let tally = daily.body.0.sensors.unwrap();
        assert_eq!((tally.ok, tally.watch, tally.faulty, tally.silent), (198, 2, 0, 0));
        let events: Vec<_> =
            daily.body.0.items.iter().map(|i| (i.event.as_str(), i.subject.id.as_str())).collect();
        assert_eq!(events, [("ended", "s001"), ("lasts", "s002"), ("lasts", "s003")]);

        // The other one has each at once, nothing of ends, and a heartbeat at eight.
        let kinds: Vec<_> = loud.iter().map(|n| n.body.0.kind).collect();
        assert_eq!(
            kinds,
            [NoticeKind::Health, NoticeKind::Health, NoticeKind::Health, NoticeKind::Heartbeat]
        );
        assert!(loud.iter().all(|n| n.next_attempt == n.created_at));
        assert_eq!(loud[3].created_at, digest.plus_s(1_800));
        assert_eq!(loud[3].body.0.text.en, "Notices work. Sensors: 198 ok, 2 to watch, 0 faulty, 0 silent");
    }
}

#[tokio::test]
async fn a_daily_notice_that_was_missed_comes_once() {
    let town = Town::new().await;
    town.rules(&[town.rule("ops", json!({ "topic": "a" }))], noon()).await;
    assert!(town.notices().await.is_empty(), "a new rule begins with the next day's");
    // Nothing ran for three days.
    for hour in [72, 73, 80] {
        town.look(noon().plus_s(3_600 * hour)).await;
    }
    let at: Vec<_> = town.notices().await.iter().map(|n| n.created_at).collect();
    assert_eq!(at, [noon().plus_s(72 * 3_600)]);
}

#[tokio::test]
async fn many_changes_at_once_are_one_notice() {
    let town = Town::new().await;
    town.rules(&[town.rule("ops", json!({ "topic": "a" }))], noon()).await;
    let reasons: Vec<Reason> = (1..=11).map(|n| town.reason(n, "stuck", noon())).collect();
    town.record(&reasons, noon()).await;
    town.look_until(noon(), 30).await;
    let all = town.notices().await;
    assert!(all.len() == 1 && all[0].body.0.items.len() == 11, "{} notices", all.len());
}

#[tokio::test]
async fn a_quiet_topic_holds_back_its_own_devices_and_fields_that_change_later_are_named_alone() {
    let town = Town::new().await;
    town.rules(&[town.rule("ops", json!({ "topic": "a" }))], noon()).await;
    let feed = testing::world::feed_id(&town.registry, "f");
    let wrong = |code, topic: &str, fields: &[ChangedField]| FeedReason {
        feed,
        code,
        topic: topic.to_owned(),
        since: noon(),
        value: None,
        limit: None,
        fields: fields.to_vec(),
    };
    let sensor = |n: i32| town.registry.sensor_by_key(&format!("s{n:03}")).unwrap().id;
    let branches = [(1, "application/7"), (2, "application/8")];
    let branches = branches.map(|(n, branch)| (DeviceKey::sensor(sensor(n)), branch.to_owned()));
    store::feed_health::branches(&town.pool, &branches.into()).await.unwrap();
    let noticed_at = noon().plus_s(9_000);
    // Their gateway hears others.
    town.heard(1..=SENSORS, &["g"], noon()).await;
    town.heard(3..=SENSORS, &["g"], noticed_at.plus_s(60)).await;
    town.record(&[1, 2].map(|n| town.reason(n, "silent", noon())), noticed_at).await;
    let field = |path: &str| ChangedField { path: path.to_owned(), change: FieldChange::Went, since: noon() };
    let quiet = wrong(Code::Silent, "application/7", &[]);
    let mut reasons = vec![quiet.clone(), wrong(Code::SchemaDrift, "", &[field("up: a")])];
    store::feed_health::reasons(&town.pool, &[feed], &reasons, noticed_at).await.unwrap();
    town.look_until(noticed_at, 60).await;
    let texts = |all: &[Delivery]| all.iter().flat_map(item_texts).collect::<Vec<_>>();
    let all = texts(&town.notices().await);
    let named = |part: &str| all.iter().filter(|text| text.contains(part)).count();
    assert_eq!(
        (all.len(), named("application/7"), named("s002"), named("up: a is missing")),
        (3, 1, 1, 1),
        "{all:?}"
    );

    let later = noticed_at.plus_s(7_200);
    reasons[1] = wrong(Code::SchemaDrift, "", &[field("up: a"), field("up: b")]);
    store::feed_health::reasons(&town.pool, &[feed], &reasons, later).await.unwrap();
    town.look_until(later, 180).await;
    let notices = town.notices().await;
    let all = texts(&notices);
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(all[3].contains("up: b is missing") && !all[3].contains("up: a"), "{all:?}");
    assert_eq!(notices[3].body.0.items[0].fields, [field("up: b")]);
}
