//! Why a ride cannot be had, as sentences.

use crate::lang::Lang;
use crate::lost_ride::LostRide;

impl LostRide {
    /// Why it cannot be had.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            LostRide::Cancelled => lang.say("die Fahrt fällt aus", "the run is cancelled"),
            LostRide::StopSkipped => lang.say(
                "die Fahrt hält nicht, wo man ein- oder aussteigen wollte",
                "the run does not stop where the ride begins or ends",
            ),
            LostRide::BookingClosed => lang.say(
                "die Fahrt kommt nur auf Anmeldung und ist nicht mehr buchbar",
                "the ride runs on request and can no longer be booked",
            ),
            LostRide::BookingNotOpen => lang.say(
                "die Fahrt kommt nur auf Anmeldung und ist noch nicht buchbar",
                "the ride runs on request and cannot be booked yet",
            ),
            LostRide::WheelchairUnknown => lang.say(
                "ob das Fahrzeug Rollstühle mitnimmt, ist nicht bekannt",
                "nothing says whether the vehicle takes wheelchairs",
            ),
            LostRide::BikesNotAllowed => lang.say(
                "ob das Fahrzeug Fahrräder mitnimmt, ist nicht bekannt, oder es nimmt keine mit",
                "the vehicle takes no bicycles, or nothing says that it does",
            ),
            LostRide::NotInService => lang.say(
                "dort fährt zu dieser Zeit nichts auf Abruf",
                "nothing runs there on demand at that time",
            ),
            LostRide::OutsideArea => lang.say(
                "das eine Ende der Reise liegt im Bediengebiet des Angebots, das andere nicht",
                "one end of the journey is in the area of the line, the other is not",
            ),
        }
    }
}
