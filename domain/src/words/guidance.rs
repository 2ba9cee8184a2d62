//! Instructions on the way, as sentences.

use crate::guidance::{Bearing, Instruction, Turn, WayKind};
use crate::lang::Lang;

impl Bearing {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Bearing::North => lang.say("Norden", "north"),
            Bearing::Northeast => lang.say("Nordosten", "northeast"),
            Bearing::East => lang.say("Osten", "east"),
            Bearing::Southeast => lang.say("Südosten", "southeast"),
            Bearing::South => lang.say("Süden", "south"),
            Bearing::Southwest => lang.say("Südwesten", "southwest"),
            Bearing::West => lang.say("Westen", "west"),
            Bearing::Northwest => lang.say("Nordwesten", "northwest"),
        }
    }
}

impl WayKind {
    /// What it is called, after "onto" and "auf".
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            WayKind::Street => lang.say("die Straße", "the street"),
            WayKind::Ramp => lang.say("die Rampe", "the ramp"),
            WayKind::Access => lang.say("den Zufahrtsweg", "the access road"),
            WayKind::Parking => lang.say("die Parkplatzzufahrt", "the car park lane"),
            WayKind::Track => lang.say("den Wirtschaftsweg", "the track"),
            WayKind::Pedestrian => lang.say("die Fußgängerzone", "the pedestrian area"),
            WayKind::Cycleway => lang.say("den Radweg", "the cycle path"),
            WayKind::Path => lang.say("den Weg", "the path"),
            WayKind::Footway => lang.say("den Fußweg", "the footpath"),
            WayKind::Stairs => lang.say("die Treppe", "the stairs"),
            WayKind::Ferry => lang.say("die Fähre", "the ferry"),
        }
    }

    /// Whether its name does not say what it is.
    const fn is_always_named(self) -> bool {
        matches!(self, WayKind::Stairs | WayKind::Ferry)
    }
}

impl Turn {
    /// What to do, without the street.
    const fn words(self, lang: Lang) -> &'static str {
        match self {
            Turn::Depart => lang.say("Losgehen", "Set out"),
            Turn::HardLeft => lang.say("Scharf links abbiegen", "Turn sharp left"),
            Turn::Left => lang.say("Links abbiegen", "Turn left"),
            Turn::SlightlyLeft => lang.say("Leicht links halten", "Bear left"),
            Turn::Continue => lang.say("Geradeaus weiter", "Continue"),
            Turn::SlightlyRight => lang.say("Leicht rechts halten", "Bear right"),
            Turn::Right => lang.say("Rechts abbiegen", "Turn right"),
            Turn::HardRight => lang.say("Scharf rechts abbiegen", "Turn sharp right"),
            Turn::UTurn => lang.say("Wenden", "Make a U-turn"),
            Turn::CircleClockwise | Turn::CircleCounterclockwise => {
                lang.say("In den Kreisverkehr einfahren", "Enter the roundabout")
            }
        }
    }
}

impl Instruction<'_> {
    /// The whole in one sentence.
    pub fn sentence(&self, lang: Lang) -> String {
        let kind = self.way.words(lang);
        let street = match self.street {
            Some(name) if self.way.is_always_named() || lang == Lang::De && begins_with_preposition(name) => {
                format!("{kind} {name}")
            }
            Some(name) => name.to_owned(),
            None => kind.to_owned(),
        };
        let onto = lang.say("auf", "onto");
        let to = self.bearing.words(lang);
        let mut text = match (self.turn, self.exit) {
            (Turn::Depart, _) => match lang {
                Lang::De => format!("Richtung {to} auf {street}"),
                Lang::En => format!("Head {to} onto {street}"),
            },
            (Turn::CircleClockwise | Turn::CircleCounterclockwise, Some(exit)) => match lang {
                Lang::De => format!("Im Kreisverkehr die {exit}. Ausfahrt nehmen {onto} {street}"),
                Lang::En => format!("At the roundabout take the {} exit {onto} {street}", ordinal(exit)),
            },
            (turn @ (Turn::UTurn | Turn::CircleClockwise | Turn::CircleCounterclockwise), _) => {
                turn.words(lang).to_owned()
            }
            (turn, _) => format!("{} {onto} {street}", turn.words(lang)),
        };
        if self.pushes_bicycle && self.way != WayKind::Stairs {
            text += lang.say(", das Fahrrad schieben", " and push the bicycle");
        }
        text + "."
    }
}

/// Whether a street is called as what lies beside it: "auf Auf dem Graben" is no German.
fn begins_with_preposition(name: &str) -> bool {
    const PREPOSITIONS: [&str; 21] = [
        "Am", "An", "Auf", "Aufm", "Bei", "Beim", "Hinter", "Hinterm", "Im", "In", "Nach", "Neben", "Ob",
        "Über", "Unter", "Unterm", "Vor", "Zu", "Zum", "Zur", "Zwischen",
    ];
    name.split_once(' ').is_some_and(|(first, _)| PREPOSITIONS.contains(&first))
}

fn ordinal(number: u16) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(turn: Turn, exit: Option<u16>, street: Option<&str>, way: WayKind, push: bool) -> [String; 2] {
        let instruction =
            Instruction { turn, exit, bearing: Bearing::Southwest, street, way, pushes_bicycle: push };
        [instruction.sentence(Lang::De), instruction.sentence(Lang::En)]
    }

    #[test]
    fn instructions_are_plain_sentences() {
        let cases = [
            (
                said(Turn::Depart, None, Some("Münsterstraße"), WayKind::Street, false),
                ["Richtung Südwesten auf Münsterstraße.", "Head southwest onto Münsterstraße."],
            ),
            (
                said(Turn::HardLeft, None, None, WayKind::Footway, false),
                ["Scharf links abbiegen auf den Fußweg.", "Turn sharp left onto the footpath."],
            ),
            (
                said(Turn::CircleCounterclockwise, Some(2), Some("L 580"), WayKind::Street, false),
                [
                    "Im Kreisverkehr die 2. Ausfahrt nehmen auf L 580.",
                    "At the roundabout take the 2nd exit onto L 580.",
                ],
            ),
            (
                said(Turn::CircleCounterclockwise, None, None, WayKind::Street, false),
                ["In den Kreisverkehr einfahren.", "Enter the roundabout."],
            ),
            (
                said(Turn::Left, None, Some("Auf dem Graben"), WayKind::Street, false),
                ["Links abbiegen auf die Straße Auf dem Graben.", "Turn left onto Auf dem Graben."],
            ),
            (
                said(Turn::Right, None, Some("Markt"), WayKind::Pedestrian, true),
                [
                    "Rechts abbiegen auf Markt, das Fahrrad schieben.",
                    "Turn right onto Markt and push the bicycle.",
                ],
            ),
            (
                said(Turn::Continue, None, Some("Fährhaus–Insel"), WayKind::Ferry, false),
                ["Geradeaus weiter auf die Fähre Fährhaus–Insel.", "Continue onto the ferry Fährhaus–Insel."],
            ),
        ];
        for (said, expected) in cases {
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn exits_are_counted_in_english() {
        let all = [1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111].map(ordinal).join(" ");
        assert_eq!(all, "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 101st 111th");
    }
}
