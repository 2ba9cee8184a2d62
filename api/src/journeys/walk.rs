//! Walking times over the streets between one point and places around it.

use domain::geo::LatLon;
use domain::live::{Offer, PlaceRef};
use journey::streets::{Link, Mode};

use super::Loaded;

/// How far streets are searched from a place without links, metres.
const SNAP_M: f64 = 100.0;

impl Loaded {
    /// Lets `work` ask for the seconds on foot from any of some links to `near`, as far as
    /// `radius_m` as the crow flies may take.
    pub fn with_walks<R>(
        &self,
        near: LatLon,
        radius_m: f64,
        work: impl FnOnce(&dyn Fn(&[Link]) -> Option<f64>) -> R,
    ) -> R {
        self.with_planner(|planner| {
            let walks = planner.walks_to(near, radius_m);
            work(&|links: &[Link]| {
                let walks = walks.as_ref()?;
                links.iter().filter_map(|link| walks.seconds(link)).reduce(f64::min)
            })
        })
    }

    /// The point at which one leaves an offered place.
    pub fn doors(&self, offer: &Offer) -> Vec<Link> {
        let lots = self.lots.load();
        let site = match offer.place {
            PlaceRef::Site(id) => lots.sites.get(&id).and_then(|site| site.as_ref().ok()),
            PlaceRef::Bay(_) => None,
        };
        match site {
            Some(linked) => linked.links.foot.clone(),
            None => self.area.network.snap(Mode::Foot, offer.position, SNAP_M, 1),
        }
    }
}
