//! What holds for every sequence of messages.

use proptest::prelude::*;

use super::*;

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let one = (0_i64..7_200, -90_000_i64..90_000, 0_u32..200, any::<(bool, bool)>(), -30.0_f32..20.0);
    prop::collection::vec(one, 1..60).prop_map(|all| {
        let mut s = 0;
        let message = |(wait_s, off_s, f_cnt, (has_clock, occupied), snr_db)| {
            s += wait_s;
            Message {
                received_at: at(s),
                observed_at: Some(at(s).plus_s(if has_clock { 0 } else { off_s })),
                f_cnt: Some(f_cnt),
                snr_db: Some(snr_db),
                state: Some(if occupied { BayState::Occupied } else { BayState::Vacant }),
                ..Message::default()
            }
        };
        all.into_iter().map(message).collect()
    })
}

proptest! {
    #[test]
    fn a_message_that_is_delivered_twice_changes_nothing(messages in messages()) {
        let [mut once, mut twice] = [Kerb::new(), Kerb::new()];
        for message in &messages {
            once.hear(message);
            twice.hear(message);
            twice.hear(message);
            prop_assert_eq!(&once.device, &twice.device);
        }
    }

    #[test]
    fn a_device_is_the_same_after_it_was_stored(messages in messages()) {
        let mut kerb = Kerb::new();
        messages.iter().for_each(|message| kerb.hear(message));
        let bytes = postcard::to_stdvec(&kerb.device).unwrap();
        prop_assert!(bytes.len() < 1_024, "{}", bytes.len());
        let mut again: Device = postcard::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&kerb.device, &again);
        std::mem::swap(&mut kerb.device, &mut again);
        kerb.wait(20 * DAY_S);
        prop_assert!(kerb.device.health(true) == Health::Silent);
    }

    #[test]
    fn of_two_messages_at_once_the_order_does_not_count(messages in messages(), pct in 0.0_f32..100.0) {
        let [mut one, mut other] = [Kerb::new(), Kerb::new()];
        for message in &messages {
            let status = Message {
                event: Event::Status,
                received_at: message.received_at,
                battery_pct: Some(pct),
                ..Message::default()
            };
            one.hear(message);
            one.hear(&status);
            other.hear(&status);
            other.hear(message);
        }
        let findings = |kerb: &Kerb| {
            let mut all: Vec<_> = kerb.device.findings().map(|f| (f.code, f.since)).collect();
            all.sort();
            all
        };
        prop_assert_eq!(findings(&one), findings(&other));
    }
}

#[test]
fn a_device_takes_less_than_a_kibibyte() {
    assert!(size_of::<Device>() <= 1_024, "{} bytes", size_of::<Device>());
    assert!(size_of::<Neighbours>() <= 2_048, "{} bytes", size_of::<Neighbours>());
}
