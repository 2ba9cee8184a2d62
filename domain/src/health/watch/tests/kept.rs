//! Devices whose state was lost.

use super::*;

#[test]
fn a_sensor_is_after_its_kept_messages_what_it_was_after_hearing_them() {
    let registry = town(Some);
    let mut heard = watch(registry.clone());
    let mut kept = Watch::new();
    kept.resume(at(200 * 1_300));
    kept.place(registry, at(200 * 1_300));
    let mut messages = Vec::new();
    for n in 0..200_i64 {
        let sensor = (n % 4) as i32 + 1;
        let one = uplink(sensor, n * 1_300, (n / 4) as u32, n / 4 % 3 == 0);
        run(&mut heard, at(n * 1_300));
        heard.hear(&one);
        if let Heard::Message { message, .. } = one {
            messages.push((DeviceKey::sensor(SensorId(sensor)), message));
        }
    }
    assert_eq!(kept.unknown(), 4);
    let sensors = kept.next_unknown();
    kept.read(&sensors, &messages);
    assert_eq!(kept.unknown(), 0);
    // What comes through the log once more is in it already.
    let before = state(&mut kept);
    for (device, message) in &messages {
        kept.hear(&Heard::Message { device: *device, message: *message });
    }
    assert!(state(&mut kept) == before);
    let s = 200 * 1_300;
    let s = waver(&mut heard, s).max(waver(&mut kept, s));
    let reasons = |watch: &mut Watch| {
        watch.tick(at(s));
        watch.reasons(at(s)).into_iter().map(|r| (r.source, r.bay, r.code, r.since)).collect::<Vec<_>>()
    };
    let (heard, kept) = (reasons(&mut heard), reasons(&mut kept));
    assert!(!heard.is_empty());
    assert_eq!(heard, kept);
}

#[test]
fn a_bay_that_its_feed_names_is_after_its_kept_states_what_it_was_after_hearing_them() {
    let (mut heard, mut kept) = (watch(town(|_| None)), watch(town(|_| None)));
    let mut messages = Vec::new();
    for n in 0..200_i64 {
        let one = native((n % 2) as i32 + 1, n * 1_300, n / 4 % 3 == 0);
        run(&mut heard, at(n * 1_300));
        heard.hear(&one);
        if let Heard::Message { device, message } = one {
            messages.push((device, message));
        }
    }
    let end = at(200 * 1_300);
    let natives = [1, 2, 99].map(|bay| DeviceKey::native(FeedId(2), BayId(bay)));
    kept.resume(end);
    kept.expect(natives, end);
    assert_eq!((kept.unknown(), kept.next_unknown()), (2, natives[..2].to_vec()));
    kept.read(&natives[..2], &messages);
    assert_eq!((kept.unknown(), kept.len()), (0, 2));
    // It speaks once more before it is silent.
    let flapping = |watch: &mut Watch| {
        (0..10).for_each(|n| watch.hear(&native(1, 200 * 1_300 + n * 20, n % 2 == 0)));
        watch
            .reasons(end.plus_s(300))
            .into_iter()
            .map(|r| (r.source, r.bay, r.code, r.since))
            .collect::<Vec<_>>()
    };
    let (heard, kept) = (flapping(&mut heard), flapping(&mut kept));
    assert!(!heard.is_empty());
    assert_eq!(heard, kept);
}

#[test]
fn a_device_that_was_found_elsewhere_stays_so_where_the_evidence_is_lost() {
    let reason = |code: Code| Reason {
        municipality: MunicipalityId(1),
        source: SourceKey(1),
        bay: Some(BayId(1)),
        code: code.as_str(),
        hides: true,
        since: at(-9 * DAY_S),
        until: None,
        value: Some(30.0),
        limit: Some(18.0),
    };
    let mut watch = Watch::new();
    watch.resume(at(0));
    watch.place(town(Some), at(0));
    // Flapping follows from messages, and is over.
    watch.hold(&reason(Code::Misbound), at(0));
    watch.hold(&reason(Code::Flapping), at(0));
    let unknown = watch.next_unknown();
    watch.read(&unknown, &[]);
    assert_eq!(codes(&mut watch, 10), [(1, Some(BayId(1)), "flapping", false)]);
    // Changes that fit the place where it is bound end it.
    let mut s = HOUR_S;
    for (n, ended) in [(0..20, vec![]), (20..60, vec![(1, Some(BayId(1)), "misbound", false)])] {
        for n in n {
            s += 1_800;
            run(&mut watch, at(s));
            watch.hear(&uplink(1, s, n, n % 2 == 0));
        }
        let of_it = codes(&mut watch, s).into_iter().filter(|reason| reason.0 == 1);
        assert_eq!(of_it.collect::<Vec<_>>(), ended);
    }
}
