//! What every code needs.

use crate::acceptance::{Check, CheckName, CheckState, Instruction, Remedy, Skipped, TestState};
use crate::feed_check::{Personal, Recognised, Verdict, Weight};
use crate::feed_health::{FeedState, FieldChange};
use crate::guidance::{Bearing, WayKind};
use crate::health::{Code, Health};
use crate::lang::Lang;
use crate::lost_ride::LostRide;
use crate::notice::SubjectKind;
use crate::place::{Audience, SiteKind};
use crate::rejection::Reason;

/// Words that are the same in both languages.
const SHARED: [&str; 3] = ["Sensor", "Gateway", "Carsharing"];

/// Every code of these kinds has these words in both languages, other ones in each, and no two codes the same.
macro_rules! check {
    ($($kind:ident: $($method:ident),+ $(; unique $unique:ident)?);+ $(;)?) => {$(
        $(for code in $kind::ALL {
            let (de, en) = (code.$method(Lang::De), code.$method(Lang::En));
            let what = concat!(stringify!($kind), "::", stringify!($method));
            assert!(de.len() > 1 && en.len() > 1, "{what} of {code:?}: {de:?}, {en:?}");
            assert!(de != en || is_name(de), "{what} of {code:?} is the same in both languages: {de}");
            assert!(is_clean(de) && is_clean(en), "{what} of {code:?}: {de:?}, {en:?}");
            if what.ends_with("remedy") {
                assert!(de.ends_with(['.', '?']) && en.ends_with(['.', '?']), "{what} of {code:?} is no sentence");
            }
        })+
    )+};
}

fn is_name(words: &str) -> bool {
    SHARED.contains(&words) || words.starts_with(|c: char| c.is_uppercase())
}

fn is_clean(words: &str) -> bool {
    words.trim() == words && !words.contains("  ") && !words.contains('\n')
}

#[test]
fn every_code_has_words_and_a_remedy_in_both_languages() {
    check! {
        Health: words;
        FeedState: words, remedy;
        FieldChange: words;
        Code: words, remedy;
        Reason: words, remedy;
        CheckName: words;
        CheckState: words;
        Skipped: words;
        TestState: words;
        Instruction: words;
        Remedy: words;
        SubjectKind: words;
        Verdict: words;
        Weight: words;
        Recognised: words, remedy;
        Personal: words;
        SiteKind: words;
        Audience: words;
        Bearing: words;
        WayKind: words;
        LostRide: words;
    }
}

#[test]
fn no_two_codes_of_a_kind_have_the_same_words() {
    for lang in Lang::ALL {
        let mut health: Vec<_> = Code::ALL.iter().map(|code| code.words(*lang)).collect();
        let mut reasons: Vec<_> = Reason::ALL.iter().map(|code| code.words(*lang)).collect();
        let mut checks: Vec<_> = CheckName::ALL.iter().map(|code| code.words(*lang)).collect();
        for words in [&mut health, &mut reasons, &mut checks] {
            let all = words.len();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), all);
        }
    }
}

#[test]
fn the_verdict_of_a_test_says_what_is_missing_and_why_it_failed() {
    let check = |name, state| Check {
        name,
        state,
        value: None,
        limit: None,
        unit: None,
        remedy: None,
        skipped: None,
        places: Vec::new(),
    };
    let of = |state: TestState, checks: &[(CheckName, CheckState)]| {
        let checks: Vec<Check> = checks.iter().map(|(name, state)| check(*name, *state)).collect();
        Lang::ALL.iter().map(|lang| state.sentence(&checks, 180, *lang)).collect::<Vec<_>>()
    };
    let passed = [(CheckName::Heard, CheckState::Pass)];
    assert_eq!(
        of(TestState::Passed, &passed),
        [
            "Bestanden. Der Sensor meldet richtig, und das Signal reicht.",
            "Passed. It reports rightly, and the signal is sufficient."
        ]
    );
    let vacant = [(CheckName::OccupiedSeen, CheckState::Pass), (CheckName::VacantSeen, CheckState::Waiting)];
    assert_eq!(
        of(TestState::Running, &vacant),
        ["Noch offen. Es fehlt der Wechsel auf frei.", "Not yet. The change to vacant is missing."]
    );
    assert_eq!(
        of(TestState::Failed, &[(CheckName::Heard, CheckState::Fail)]),
        [
            "Nicht bestanden. 3 Min. lang kam nichts. Eingeschaltet? Gateway in Reichweite?",
            "Failed. Nothing came for 3 min. Switched on? Gateway in reach?"
        ]
    );
    let two = [(CheckName::Signal, CheckState::Fail), (CheckName::Battery, CheckState::Fail)];
    assert_eq!(
        of(TestState::Failed, &two),
        ["Nicht bestanden: Signalreserve und Batterie.", "Failed: Signal margin and Battery."]
    );
    assert_eq!(of(TestState::Cancelled, &[]), ["Abgebrochen.", "Cancelled."]);
}

#[test]
fn advice_has_the_figures_and_places_that_it_is_about() {
    let check = |name: CheckName, value, places: &[&str]| Check {
        name,
        state: CheckState::Fail,
        value,
        limit: Some(10.0),
        unit: name.unit(),
        remedy: Some(Remedy::CheckPosition),
        skipped: None,
        places: places.iter().map(|place| (*place).to_owned()).collect(),
    };
    let weak = check(CheckName::Signal, Some(4.0), &[]);
    assert!(weak.advice(Lang::De).starts_with("Signal knapp: Reserve 4 dB, nötig sind 10 dB."));
    assert!(weak.advice(Lang::En).starts_with("Weak signal: margin 4 dB, 10 dB are needed."));
    let beside = check(CheckName::Neighbours, Some(2.0), &["Markt-3"]);
    assert_eq!(beside.advice(Lang::De), "Auch Markt-3 hat umgeschaltet: Position prüfen.");
    assert_eq!(beside.advice(Lang::En), "Markt-3 switched too: check the position.");
    let seen = Check { state: CheckState::Pass, ..check(CheckName::OccupiedSeen, Some(8.2), &[]) };
    let say = |lang| Instruction::DriveOff.sentence(std::slice::from_ref(&seen), lang);
    assert_eq!(say(Lang::De), "Belegt erkannt nach 8 s. Fahren Sie wieder weg");
    assert_eq!(say(Lang::En), "Seen as occupied after 8 s. Now drive off");
}
