//! How text is compared: the one place for names of the index and for what people type.
//!
//! Case and accents do not count, `ß` is `ss`. `ae`, `oe`, `ue` are what they are and also `a`, `o`, `u`: so `Lüdinghausen`,
//! `Luedinghausen` and `Ludinghausen` meet, and `Coesfeld` keeps its `e`. Abbreviations are spelt out, and the names of
//! streets are known in one word and in two.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words and what they stand for.
const ABBREVIATIONS: [(&str, &str); 6] = [
    ("str", "strasse"),
    ("bf", "bahnhof"),
    ("bhf", "bahnhof"),
    ("hbf", "hauptbahnhof"),
    ("pl", "platz"),
    ("st", "sankt"),
];

/// The same at the end of a compound.
const ENDINGS: [(&str, &str); 2] = [("str", "strasse"), ("bhf", "bahnhof")];

/// Second parts of compounds that people write as a word of their own, and the other way round.
const SECOND_PARTS: [&str; 6] = ["strasse", "weg", "platz", "allee", "ring", "bahnhof"];

/// Letters of the shortest first part of a compound: `Spring` is not `Sp` and `ring`.
const SHORTEST_FIRST_PART: usize = 3;

/// Words in lower case without accents, in the order of the text. A number and a letter behind it are one word (`4 a` is
/// `4a`), and so are ranges of numbers (`12-14`, `12/14`).
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut chars = text.nfkd().filter(|c| !is_combining_mark(*c) && !joins(*c)).peekable();
    while let Some(c) = chars.next() {
        let word = found.last_mut().filter(|word| !word.is_empty());
        let follows_digit = word.is_some_and(|word| word.ends_with(|last: char| last.is_ascii_digit()));
        if follows_digit && matches!(c, '-' | '–' | '/') && chars.peek().is_some_and(char::is_ascii_digit) {
            found.last_mut().into_iter().for_each(|word| word.push('-'));
            continue;
        }
        if !c.is_alphanumeric() {
            if found.last().is_some_and(|word| !word.is_empty()) {
                found.push(String::new());
            }
            continue;
        }
        for lower in c.to_lowercase() {
            if let Some(word) = found.last_mut() {
                match spelling(lower) {
                    Some(letters) => word.push_str(letters),
                    None => word.push(lower),
                }
            }
        }
    }
    found.retain(|word| !word.is_empty());
    join_letters_to_numbers(found)
}

/// The text as it is compared: for whoever asks whether two names are the same.
pub fn folded(text: &str) -> String {
    words(text).into_iter().map(|word| spelt_out(&word).unwrap_or(word)).collect::<Vec<_>>().join(" ")
}

/// Characters inside of words that nobody types: apostrophes, soft hyphens, marks of writing direction.
fn joins(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '`' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Letters that are not accented ones, and are typed otherwise.
fn spelling(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' => "d",
        'ı' => "i",
        _ => return None,
    })
}

fn join_letters_to_numbers(words: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        let is_letter = word.len() == 1 && word.bytes().all(|b| b.is_ascii_lowercase());
        match joined.last_mut().filter(|last| is_letter && last.bytes().all(|b| b.is_ascii_digit())) {
            Some(number) => number.push_str(&word),
            None => joined.push(word),
        }
    }
    joined
}

/// An abbreviation in full.
fn spelt_out(word: &str) -> Option<String> {
    if let Some((_, full)) = ABBREVIATIONS.iter().find(|(short, _)| *short == word) {
        return Some((*full).to_owned());
    }
    let compound = |(short, full): &(&str, &str)| {
        let first = word.strip_suffix(short).filter(|first| !first.is_empty())?;
        Some(format!("{first}{full}"))
    };
    ENDINGS.iter().find_map(compound)
}

/// The word with `ae`, `oe`, `ue` taken for umlauts; `None`: it has none.
fn without_digraphs(word: &str) -> Option<String> {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        if c != 'e' || !out.ends_with(['a', 'o', 'u']) {
            out.push(c);
        }
    }
    (out.len() < word.len()).then_some(out)
}

/// The ways in which a word of a question may stand in the index.
pub(crate) fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    forms.extend(spelt_out(word));
    forms.extend(forms.clone().iter().filter_map(|form| without_digraphs(form)));
    forms.dedup();
    forms
}

/// The words of a name as the index has them.
pub(crate) struct NameWords {
    /// Each word in the smallest parts that are known: their letters are those of the name.
    pub parts: Vec<String>,
    /// Words made of several parts, and the parts with umlauts instead of `ae`, `oe`, `ue`.
    pub others: Vec<String>,
}

/// See [`NameWords`].
pub(crate) fn name_words(name: &str) -> NameWords {
    let words: Vec<String> = words(name).into_iter().map(|word| spelt_out(&word).unwrap_or(word)).collect();
    let (mut parts, mut others) = (Vec::new(), Vec::new());
    for word in &words {
        match in_two(word) {
            Some((first, second)) => {
                parts.extend([first.to_owned(), second.to_owned()]);
                others.push(word.clone());
            }
            None => parts.push(word.clone()),
        }
    }
    let pairs = words.windows(2).filter(|pair| SECOND_PARTS.contains(&pair[1].as_str()));
    others.extend(pairs.map(|pair| pair.concat()));
    let umlauts: Vec<String> =
        parts.iter().chain(&others).filter_map(|word| without_digraphs(word)).collect();
    others.extend(umlauts);
    NameWords { parts, others }
}

fn in_two(word: &str) -> Option<(&str, &str)> {
    let split = |second: &&str| word.strip_suffix(*second).map(|first| (first, &word[first.len()..]));
    SECOND_PARTS.iter().find_map(split).filter(|(first, _)| first.chars().count() >= SHORTEST_FIRST_PART)
}

/// How many letters a word has.
pub(crate) fn letters(word: &str) -> u16 {
    word.chars().count().min(usize::from(u16::MAX)) as u16
}
