//! What every code needs.

use crate::acceptance::{CheckName, CheckState, Instruction, Remedy, TestState};
use crate::feed_check::{Personal, Recognised, Verdict, Weight};
use crate::feed_health::{FeedState, FieldChange};
use crate::health::{Code, Health};
use crate::lang::Lang;
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
