//! What the devices of the decoders send.

use super::say;
use crate::lang::Lang;
use crate::sensor::Decoder;

impl Decoder {
    /// The device that it reads, as its maker calls it.
    pub(super) const fn product(self) -> &'static str {
        match self {
            Decoder::BoschTps110 => "Bosch TPS110",
            Decoder::Libelium => "Libelium Smart Parking",
            Decoder::Placepod => "PNI PlacePod",
            Decoder::DingtekDo200 => "Dingtek DO200",
            Decoder::DingtekDo202 => "Dingtek DO202",
            Decoder::MilesightEm400Udl => "Milesight EM400-UDL",
            Decoder::TekziPark => "Tekzitel TekziPark",
            Decoder::ParametricPcr2 => "Parametric PCR2",
            Decoder::Oyster => "Digital Matter Oyster",
        }
    }

    /// The ports on which it sends.
    pub(super) const fn ports(self, lang: Lang) -> &'static str {
        match self {
            Decoder::BoschTps110 => lang.say("1 bis 6", "1 to 6"),
            Decoder::DingtekDo200 | Decoder::DingtekDo202 => "3",
            Decoder::TekziPark => lang.say("1 und 2", "1 and 2"),
            Decoder::ParametricPcr2 => lang.say("14 und 190", "14 and 190"),
            Decoder::Oyster => lang.say("1 bis 4", "1 to 4"),
            Decoder::Libelium | Decoder::Placepod | Decoder::MilesightEm400Udl => lang.say("jeder", "any"),
        }
    }

    /// So many bytes on this port are none of its payloads.
    pub(super) fn foreign(self, bytes: usize, port: i32, lang: Lang) -> String {
        let product = self.product();
        let on_port = say!(lang, "{bytes} Bytes auf Port {port}", "{bytes} bytes on port {port}");
        match self {
            Decoder::BoschTps110 => say!(
                lang,
                "{on_port}; ein {product} sendet 1 oder 2 auf den Ports 1 und 2, 17 auf Port 3",
                "{on_port}; a {product} sends 1 or 2 on ports 1 and 2, 17 on port 3"
            ),
            Decoder::Libelium => {
                say!(lang, "{bytes} Bytes; ein {product} sendet 11", "{bytes} bytes; a {product} sends 11")
            }
            Decoder::Placepod => say!(
                lang,
                "{bytes} Bytes, die nicht mit einem Kanal eines {product} beginnen (15 66, 37 66, 02 67, 03 02, ...)",
                "{bytes} bytes that do not begin with a channel of a {product} (15 66, 37 66, 02 67, 03 02, ...)"
            ),
            Decoder::DingtekDo200 | Decoder::DingtekDo202 => {
                let own = if self == Decoder::DingtekDo200 { 21 } else { 23 };
                let other = match bytes {
                    21 | 23 => lang.say(
                        "; in sensors.csv den Decoder des anderen Modells setzen",
                        "; set the other model's decoder in sensors.csv",
                    ),
                    _ => "",
                };
                say!(
                    lang,
                    "{bytes} Bytes; ein {product} meldet in {own}{other}",
                    "{bytes} bytes; a {product} reports in {own}{other}"
                )
            }
            Decoder::MilesightEm400Udl => say!(
                lang,
                "{bytes} Bytes, die nicht mit einem Kanal eines {product} beginnen (01 75, 03 67, 04 82, 05 00)",
                "{bytes} bytes that do not begin with a channel of a {product} (01 75, 03 67, 04 82, 05 00)"
            ),
            Decoder::TekziPark => {
                let wanted = match port {
                    1 => lang.say("dort 3 oder mehr", "3 or more there"),
                    2 => lang.say("dort 12", "12 there"),
                    _ => lang.say("auf den Ports 1 und 2", "on ports 1 and 2"),
                };
                say!(
                    lang,
                    "{on_port}; ein {product} sendet {wanted}",
                    "{on_port}; a {product} sends {wanted}"
                )
            }
            Decoder::ParametricPcr2 => say!(
                lang,
                "{on_port}; ein {product} zählt in 16, die mit be 01 03 beginnen, in 17 mit be 01 04, oder in einer Kette \
                 aus 0a, 16 und 01, und sendet seine Einstellungen in 14, 20, 31, 34 oder 35 auf Port 190",
                "{on_port}; a {product} counts in 16 that begin with be 01 03, 17 with be 01 04, \
                 or a chain of 0a, 16 and 01, and sends its settings in 14, 20, 31, 34 or 35 on port 190"
            ),
            Decoder::Oyster => say!(
                lang,
                "{on_port}; ein {product} sendet 11 auf den Ports 1 und 3, 3 auf Port 2, 9 auf Port 4",
                "{on_port}; a {product} sends 11 on ports 1 and 3, 3 on port 2, 9 on port 4"
            ),
        }
    }
}
