use super::gateway::Link;
use super::*;

const T0: UtcMicros = UtcMicros(1_780_000_000_000_000);

fn reason(kind: SubjectKind, id: &str, code: Code, noticed_s: i64) -> OpenReason {
    OpenReason {
        subject: Subject { kind, id: id.to_owned() },
        feed: "f".to_owned(),
        branch: None,
        code,
        since: T0,
        noticed_at: T0.plus_s(noticed_s),
        value: Some(9_000.0),
        limit: Some(7_200.0),
        fields: Vec::new(),
    }
}

fn sensors(silent: std::ops::Range<u32>, noticed_s: i64) -> Vec<OpenReason> {
    silent.map(|s| reason(SubjectKind::Sensor, &format!("s{s}"), Code::Silent, noticed_s)).collect()
}

/// 200 sensors behind one gateway that heard something at the time given.
fn town(heard_s: i64) -> TownHealth {
    let link = |s| Link { sensor: format!("s{s}"), gateway: "g".into(), ln_messages: 3.0 };
    let reception = Reception {
        links: (0..200).map(link).collect(),
        last_heard: [("g".to_owned(), T0.plus_s(heard_s))].into(),
        sensors: 300,
    };
    TownHealth { reception, ..TownHealth::default() }
}

/// What a store does between two calls.
fn remember(town: &mut TownHealth, changes: &Changes, now: UtcMicros) {
    for known in &mut town.known {
        if changes.missing.contains(&known.id) {
            known.missing_since = Some(now);
        }
        if changes.back.contains(&known.id) {
            known.missing_since = None;
        }
        if changes.ended.contains(&known.id) {
            known.ended_at = Some(now);
        }
    }
    for (ids, news_since) in [(&changes.news, Some(now)), (&changes.no_news, None)] {
        ids.iter().for_each(|id| town.known[*id as usize].news_since = news_since);
    }
    for (id, cause) in &changes.grew {
        let known = &mut town.known[*id as usize];
        known.cause.fields.extend(cause.fields.iter().cloned());
        known.news_since = None;
    }
    for cause in &changes.began {
        let id = town.known.len() as i64;
        town.known.push(KnownCause {
            id,
            cause: cause.clone(),
            missing_since: None,
            ended_at: None,
            news_since: None,
        });
    }
}

/// Goes on minute by minute; all that began, and the numbers of all that ended.
fn run(town: &mut TownHealth, from_s: i64, until_s: i64) -> (Vec<Cause>, Vec<i64>) {
    let (mut began, mut ended) = (Vec::new(), Vec::new());
    for now in (from_s..=until_s).step_by(60).map(|s| T0.plus_s(s)) {
        let found = changes(town, now);
        remember(town, &found, now);
        began.extend(found.began.into_iter().chain(found.grew.into_iter().map(|(_, cause)| cause)));
        ended.extend(found.ended);
    }
    (began, ended)
}

#[test]
fn a_gateway_s_death_is_one_cause_and_its_end_another() {
    let mut town = town(0);
    town.reasons = sensors(0..200, 8_000);
    let (began, ended) = run(&mut town, 8_000, 20_000);
    assert!(ended.is_empty());
    let [only] = &began[..] else { panic!("{} causes", began.len()) };
    assert_eq!(
        (only.subject.kind, only.subject.id.as_str(), only.sensors),
        (SubjectKind::Gateway, "g", Some(200))
    );
    // It is back; its sensors are heard one after the other within their heartbeat.
    town.reception.last_heard.insert("g".into(), T0.plus_s(20_060));
    town.reasons = sensors(50..200, 8_000);
    let (began, ended) = run(&mut town, 20_060, 24_000);
    assert_eq!((began.len(), ended), (0, vec![0]));
    // Two never came back.
    town.reasons = sensors(198..200, 8_000);
    let (began, _) = run(&mut town, 24_000, 40_000);
    assert_eq!(began.iter().map(|c| c.subject.id.as_str()).collect::<Vec<_>>(), ["s198", "s199"]);
}

#[test]
fn sensors_that_fall_silent_one_after_the_other_are_still_one_cause() {
    let mut town = town(0);
    let mut began = Vec::new();
    for step in 0..200 {
        town.reasons.extend(sensors(step..step + 1, 8_000 + 300 * i64::from(step)));
        began.extend(run(&mut town, 8_000 + 300 * i64::from(step), 8_000 + 300 * i64::from(step + 1) - 60).0);
    }
    assert_eq!(began.iter().map(|c| c.subject.kind).collect::<Vec<_>>(), [SubjectKind::Gateway]);
}

#[test]
fn a_silent_feed_is_one_cause_and_what_is_short_is_none() {
    let mut town = town(0);
    town.reasons = sensors(0..200, 8_000);
    town.reasons.push(reason(SubjectKind::Feed, "f", Code::Silent, 7_900));
    let (began, _) = run(&mut town, 8_000, 20_000);
    let [only] = &began[..] else { panic!("{} causes", began.len()) };
    assert_eq!((only.subject.kind, only.sensors), (SubjectKind::Feed, Some(200)));

    // A broker's restart: four minutes of silence.
    let mut short = town.clone();
    short.known.clear();
    assert_eq!(run(&mut short, 7_900, 8_140).0, []);
    short.reasons.clear();
    assert_eq!(run(&mut short, 8_140, 9_000), (vec![], vec![]));
}

#[test]
fn what_wavers_makes_one_notice() {
    let mut town = town(60_000);
    let stuck = reason(SubjectKind::Sensor, "s1", Code::Stuck, 0);
    town.reasons = vec![stuck.clone()];
    assert_eq!(run(&mut town, 0, 840).0, [], "not held long enough");
    let (began, _) = run(&mut town, 900, 1_800);
    assert_eq!(began.len(), 1);
    for n in 0..5 {
        let from = 1_860 + 1_200 * n;
        town.reasons.clear();
        assert_eq!(run(&mut town, from, from + 600), (vec![], vec![]));
        town.reasons = vec![stuck.clone()];
        assert_eq!(run(&mut town, from + 660, from + 1_140), (vec![], vec![]));
    }
    town.reasons.clear();
    assert_eq!(run(&mut town, 8_000, 10_000), (vec![], vec![0]));
}

#[test]
fn a_single_silent_sensor_is_a_cause_at_once_while_its_gateway_hears_others() {
    let mut heard = town(60_000);
    heard.reasons = sensors(0..1, 8_000);
    assert_eq!(run(&mut heard, 8_000, 8_540).0, []);
    assert_eq!(run(&mut heard, 8_600, 8_600).0.len(), 1);
    // While it hears nothing, others may follow.
    let mut unheard = town(0);
    unheard.reasons = sensors(0..1, 8_000);
    assert_eq!(run(&mut unheard, 8_000, 11_540).0, []);
    assert_eq!(run(&mut unheard, 11_600, 11_600).0.len(), 1);
}

#[test]
fn a_quiet_branch_of_topics_is_one_cause_and_covers_its_own_devices_only() {
    let mut town = town(0);
    town.reception.last_heard.insert("g".into(), T0.plus_s(1_000_000));
    // Its last message came at 10,000 s.
    let quiet = OpenReason {
        since: T0.plus_s(10_000),
        limit: None,
        ..reason(SubjectKind::Topic, "application/7", Code::Silent, 12_000)
    };
    let of = |branch: &str, id: &str, since_s: i64| OpenReason {
        since: T0.plus_s(since_s),
        branch: Some(branch.to_owned()),
        ..reason(SubjectKind::Sensor, id, Code::Silent, since_s + 8_000)
    };
    // Sixty of the branch, three of others that died in the same hour, one of it that was silent long before.
    let behind = (0..60).map(|n| of("application/7", &format!("s{n}"), 9_000 + i64::from(n)));
    let unknown = OpenReason { branch: None, ..of("", "s102", 9_000) };
    let others = [of("application/8", "s100", 9_000), of("application/77", "s101", 9_000), unknown];
    town.reasons = behind.chain(others).chain([of("application/7", "s103", 100)]).collect();
    town.reasons.push(quiet.clone());
    let (began, ended) = run(&mut town, 12_000, 30_000);
    let ids: Vec<&str> = began.iter().map(|cause| cause.subject.id.as_str()).collect();
    assert_eq!(ids, ["s103", "application/7", "s100", "s101", "s102"]);
    assert_eq!(ended, [0; 0]);
    // It speaks again, and its sensors have time to.
    town.reasons.retain(|r| r.subject.kind == SubjectKind::Sensor);
    let (began, ended) = run(&mut town, 30_060, 34_000);
    assert_eq!((began.len(), ended.as_slice()), (0, &[1][..]), "{began:?}");
    // Who is still silent then is silent by itself.
    town.reasons.retain(|r| r.subject.id == "s3");
    let (began, _) = run(&mut town, 34_060, 60_000);
    assert_eq!(began.iter().map(|c| c.subject.id.as_str()).collect::<Vec<_>>(), ["s3"]);
}

#[test]
fn fields_that_change_later_are_named_together_and_none_is_named_twice() {
    let field = |path: &str, since_s| ChangedField {
        path: path.to_owned(),
        change: FieldChange::Went,
        since: T0.plus_s(since_s),
    };
    let named = |causes: &[Cause]| -> Vec<Vec<String>> {
        causes.iter().map(|c| c.fields.iter().map(|f| f.path.clone()).collect()).collect()
    };
    let drift = |fields: &[ChangedField]| OpenReason {
        fields: fields.to_vec(),
        ..reason(SubjectKind::Feed, "f", Code::SchemaDrift, 0)
    };
    let mut town = TownHealth::default();
    let (a, b, c, d) = (field("a", 0), field("b", 0), field("c", 90_000), field("d", 91_000));
    town.reasons = vec![drift(&[a.clone(), b.clone()])];
    let (began, _) = run(&mut town, 0, 90_000);
    assert_eq!(named(&began), [["a", "b"]]);
    // Two days later others go, one of them found later.
    town.reasons = vec![drift(&[a.clone(), b.clone(), c.clone()])];
    assert_eq!(run(&mut town, 100_020, 102_000).0, []);
    town.reasons = vec![drift(&[a.clone(), b.clone(), c.clone(), d.clone()])];
    let (began, ended) = run(&mut town, 102_060, 200_000);
    assert_eq!((named(&began), ended), (vec![vec!["c".to_owned(), "d".to_owned()]], vec![]));
    assert_eq!((began[0].since, began[0].value), (c.since, Some(2.0)));
    // One wavers, another one is there for a moment: no notice.
    for n in 0..10 {
        let from = 200_040 + 6_000 * n;
        town.reasons = vec![drift(&[a.clone(), b.clone(), c.clone(), field("e", from)])];
        assert_eq!(run(&mut town, from, from + 1_800).0, []);
        town.reasons = vec![drift(&[a.clone(), b.clone(), c.clone(), d.clone()])];
        assert_eq!(run(&mut town, from + 1_860, from + 5_940).0, []);
    }
    town.reasons.clear();
    assert_eq!(run(&mut town, 270_000, 280_000), (vec![], vec![0]));
}
