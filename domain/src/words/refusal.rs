//! Why a binding or a test of a sensor is refused, and what to do.

use super::mistake::say;
use crate::acceptance::Refusal;
use crate::lang::Lang;
use crate::mistake::Subject;
use crate::rebinding::{Asked, BindingRefusal};
use crate::sensor::Decoder;

impl BindingRefusal {
    /// What is wrong with what was `asked`, and what to do.
    pub fn words(&self, asked: &Asked<'_>, lang: Lang) -> [String; 2] {
        let Asked { kind, id, device, now } = asked;
        let place = kind.definite(lang);
        match self {
            BindingRefusal::NotHeard => [
                say!(
                    lang,
                    "Keine Quelle der Gemeinden dieses Schlüssels hat ein Gerät mit dieser Kennung gehört.",
                    "No feed of this key's municipalities has heard a device of this id."
                ),
                say!(
                    lang,
                    "Es senden lassen; kommt nichts an, im Netzserver nachsehen, ob er es angenommen hat, und ob das Topic der Quelle passt.",
                    "Let it send; if nothing arrives, see whether the network server has accepted its join, and whether the feed's topic matches."
                ),
            ],
            BindingRefusal::OfAnotherTown => [
                say!(
                    lang,
                    "Eine Gemeinde, für die dieser Schlüssel nicht gilt, hat einen Sensor mit dieser Kennung.",
                    "A municipality that this key is not for has a sensor of this id."
                ),
                say!(
                    lang,
                    "Kennungen sind im Kreis eindeutig: seine Verwaltung bitten, diesen Sensor freizugeben oder ihn zu binden.",
                    "Ids are unique in the county: ask its administrators to release that sensor, or to bind it."
                ),
            ],
            BindingRefusal::NoSuchPlace => [
                say!(
                    lang,
                    "{place} „{id}“ gibt es in den Gemeinden dieses Schlüssels nicht.",
                    "There is no {kind} '{id}' in the municipalities of this key."
                ),
                say!(
                    lang,
                    "Eine der Kennungen angeben, die GET /v1/binding-targets mit q oder near findet; was dort fehlt, zuerst einlesen.",
                    "Give one of the ids that GET /v1/binding-targets finds by q or near; import first what it lacks."
                ),
            ],
            BindingRefusal::NotOfFeed { feed, town } => [
                say!(
                    lang,
                    "„{id}“ ist kein Platz von {town}: Das Gerät sendet über dessen Quelle „{feed}“.",
                    "'{id}' is not a place of {town}: the device sends by its feed '{feed}'."
                ),
                say!(
                    lang,
                    "Es an einen Platz von {town} binden, oder den Netzserver über eine Quelle der Gemeinde des Platzes senden lassen.",
                    "Bind it to a place of {town}, or let the network server send it by a feed of the place's municipality."
                ),
            ],
            BindingRefusal::Ahead => [
                say!(
                    lang,
                    "'from' liegt in der Zukunft; jetzt ist es {now}.",
                    "'from' lies in the future; it is {now} now."
                ),
                say!(
                    lang,
                    "'from' weglassen: Dann gilt die Bindung ab jetzt.",
                    "Leave 'from' out: it is bound from now on."
                ),
            ],
            BindingRefusal::BeforePlace { since } => [
                say!(
                    lang,
                    "{place} „{id}“ gibt es erst seit {since}.",
                    "The {kind} '{id}' exists since {since} only."
                ),
                say!(lang, "{since} oder später angeben.", "Give {since} or later."),
            ],
            BindingRefusal::AfterPlace { until } => [
                say!(
                    lang,
                    "{place} „{id}“ gibt es seit {until} nicht mehr.",
                    "The {kind} '{id}' has ended at {until}."
                ),
                say!(
                    lang,
                    "Einen Platz angeben, der in Betrieb ist, oder ihn mit einem späteren valid_until einlesen.",
                    "Give a place that is in use, or import it with a later valid_until."
                ),
            ],
            BindingRefusal::NotKept { since } => [
                say!(
                    lang,
                    "Was das Gerät vor {since} gesendet hat, wird nicht mehr aufbewahrt: Es kann nicht noch einmal gelesen werden.",
                    "What the device sent before {since} is no longer kept: it cannot be decoded again."
                ),
                say!(lang, "{since} oder später angeben.", "Give {since} or later."),
            ],
            BindingRefusal::Misfit(decoder) => {
                let of = decoder.reports_on();
                let what = of.parse().map_or(of, |subject: Subject| subject.words(lang));
                let choices = Decoder::choices_for(kind.as_str());
                [
                    say!(
                        lang,
                        "Geräte des Decoders „{decoder}“ berichten über {what}, nicht über {kind} „{id}“.",
                        "Devices of decoder '{decoder}' report on {what}, not on {kind} '{id}'."
                    ),
                    say!(
                        lang,
                        "Es dort binden, wo es ist, oder den Decoder des Geräts angeben, das dort ist: {choices}.",
                        "Bind it to the {of} that it is at, or give the decoder of the device that is there: {choices}."
                    ),
                ]
            }
            BindingRefusal::NoThreshold(decoder) => [
                say!(
                    lang,
                    "'threshold_mm' fehlt: Geräte des Decoders „{decoder}“ melden nur einen Abstand.",
                    "'threshold_mm' is missing: devices of decoder '{decoder}' report a distance only."
                ),
                say!(
                    lang,
                    "Den Abstand in Millimetern angeben, unter dem der Stellplatz belegt ist, z. B. 1000.",
                    "Give the distance in millimetres below which the bay is occupied, e.g. 1000."
                ),
            ],
            BindingRefusal::NoDecoder => {
                let choices = Decoder::choices();
                [
                    say!(lang, "'decoder' fehlt.", "'decoder' is missing."),
                    say!(
                        lang,
                        "Angeben, wie seine Nutzdaten gelesen werden: mit einem von {choices}. GET \
                         /v1/sensors/{device}/messages zeigt die Bytes, die es gesendet hat.",
                        "Say how its payload is read: one of {choices}. GET /v1/sensors/{device}/messages shows the bytes \
                         that it has sent."
                    ),
                ]
            }
        }
    }
}

impl Subject {
    /// The place that is meant, at the beginning of a sentence: German in the accusative.
    const fn definite(self, lang: Lang) -> &'static str {
        match self {
            Subject::Bay => lang.say("Den Stellplatz", "The bay"),
            Subject::Site => lang.say("Die Anlage", "The site"),
            Subject::Vehicle => lang.say("Das Fahrzeug", "The vehicle"),
        }
    }
}

impl Refusal {
    /// What is wrong, and what to do; `sensor`: whose test it is about.
    pub fn words(self, sensor: &str, lang: Lang) -> [String; 2] {
        match self {
            Refusal::NoSensor => [
                say!(lang, "Es gibt keinen Sensor mit dieser Kennung.", "There is no sensor with this id."),
                say!(
                    lang,
                    "GET /v1/sensors nennt die Sensoren, die dieser Schlüssel sehen darf; einer, der neu ist, muss zuerst gebunden \
                     werden.",
                    "GET /v1/sensors lists the sensors that this key may see; one that is new must be bound first."
                ),
            ],
            Refusal::NeverTested => [
                say!(lang, "Dieser Sensor wurde nie geprüft.", "This sensor was never tested."),
                say!(
                    lang,
                    "POST an diese Adresse beginnt einen Test.",
                    "POST to this address begins a test."
                ),
            ],
            Refusal::Unbound => [
                say!(
                    lang,
                    "Sensor „{sensor}“ ist an nichts gebunden.",
                    "Sensor '{sensor}' is bound to nothing."
                ),
                say!(
                    lang,
                    "Ihn zuerst binden: PUT /v1/sensors/{{id}}/binding.",
                    "Bind it first: PUT /v1/sensors/{{id}}/binding."
                ),
            ],
            Refusal::BeingTested => [
                say!(lang, "Sensor „{sensor}“ wird gerade geprüft.", "Sensor '{sensor}' is being tested."),
                say!(
                    lang,
                    "Diesen Test mit GET ansehen oder mit DELETE beenden.",
                    "Look at that test with GET, or end it with DELETE."
                ),
            ],
            Refusal::NoneRuns => [
                say!(lang, "Kein Test dieses Sensors läuft.", "No test of this sensor runs."),
                say!(lang, "POST an diese Adresse beginnt einen.", "POST to this address begins one."),
            ],
            Refusal::StillRuns => [
                say!(lang, "Der Test läuft noch.", "The test still runs."),
                say!(
                    lang,
                    "Abzeichnen, wenn er zu Ende ist, oder ihn mit DELETE beenden.",
                    "Sign when it has ended, or end it with DELETE."
                ),
            ],
            Refusal::Cancelled => {
                [say!(lang, "Der Test wurde abgebrochen.", "The test was cancelled."), another(lang)]
            }
            Refusal::Signed => {
                [say!(lang, "Der Test ist schon abgezeichnet.", "The test is signed already."), another(lang)]
            }
            Refusal::NoName => [
                say!(lang, "'name' fehlt.", "'name' is missing."),
                say!(
                    lang,
                    "Den Namen dessen angeben, der abzeichnet.",
                    "Give the name of the one who signs."
                ),
            ],
            Refusal::NoReason => [
                say!(lang, "'note' fehlt.", "'note' is missing."),
                say!(
                    lang,
                    "Der Test wurde nicht bestanden: den Grund angeben, aus dem der Sensor trotzdem angenommen wird.",
                    "The test was not passed: give the reason why the sensor is accepted all the same."
                ),
            ],
        }
    }
}

fn another(lang: Lang) -> String {
    say!(
        lang,
        "Einen weiteren beginnen: POST /v1/sensors/{{id}}/acceptance.",
        "Begin another one: POST /v1/sensors/{{id}}/acceptance."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UtcMicros;

    #[test]
    fn every_refusal_says_in_both_languages_what_is_wrong_and_what_to_do() {
        let now = UtcMicros::parse("2026-11-28T12:00:00Z").unwrap();
        let asked = Asked { kind: Subject::Bay, id: "markt-3", device: "70b3d57ed0051a2b", now };
        let of_binding = [
            BindingRefusal::NotHeard,
            BindingRefusal::OfAnotherTown,
            BindingRefusal::NoSuchPlace,
            BindingRefusal::NotOfFeed { feed: "lora".into(), town: "musterdorf".into() },
            BindingRefusal::Ahead,
            BindingRefusal::BeforePlace { since: now },
            BindingRefusal::AfterPlace { until: now },
            BindingRefusal::NotKept { since: now },
            BindingRefusal::Misfit(Decoder::Oyster),
            BindingRefusal::NoThreshold(Decoder::MilesightEm400Udl),
            BindingRefusal::NoDecoder,
        ];
        let of_test = [
            Refusal::NoSensor,
            Refusal::NeverTested,
            Refusal::Unbound,
            Refusal::BeingTested,
            Refusal::NoneRuns,
            Refusal::StillRuns,
            Refusal::Cancelled,
            Refusal::Signed,
            Refusal::NoName,
            Refusal::NoReason,
        ];
        let of_binding = of_binding.iter().map(|r| [Lang::De, Lang::En].map(|lang| r.words(&asked, lang)));
        let of_test =
            of_test.iter().map(|r| [Lang::De, Lang::En].map(|lang| r.words("70b3d57ed0051a2b", lang)));
        for [german, english] in of_binding.chain(of_test) {
            for (de, en) in german.iter().zip(&english) {
                assert!(de != en && de.ends_with('.') && en.ends_with('.'), "{de} {en}");
            }
        }
        let [detail, remedy] = BindingRefusal::BeforePlace { since: now }.words(&asked, Lang::En);
        assert_eq!(detail, "The bay 'markt-3' exists since 2026-11-28T12:00:00Z only.");
        assert_eq!(remedy, "Give 2026-11-28T12:00:00Z or later.");
        let [detail, remedy] = Refusal::Unbound.words("a", Lang::En);
        assert_eq!(detail, "Sensor 'a' is bound to nothing.");
        assert_eq!(remedy, "Bind it first: PUT /v1/sensors/{id}/binding.");
    }
}
