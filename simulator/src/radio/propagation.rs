//! Which stations hear each other, and how strongly: computed once, at the start.

use super::air::{Air, StationId};
use super::fixed::{decibels_tenths, normal};
use super::plan::{LinkPlan, LogDistance, Propagation, RadioPlan, Site};
use super::roster::{Roster, sites};
use oorandom::Rand64;

/// Shadowing is cut off at so many standard deviations, so that a pair too far apart is known by its distance.
const SHADOWING_CUT: i64 = 3;

/// Connects the stations of a plan.
///
/// # Panics
/// If the table names a station that does not exist.
pub(super) fn connect(plan: &RadioPlan, roster: Roster, air: &mut Air) {
    match &plan.propagation {
        Propagation::LogDistance(model) => by_distance(plan, model, air),
        Propagation::Table(links) => links.iter().for_each(|link| by_table(plan, roster, link, air)),
    }
}

fn by_table(plan: &RadioPlan, roster: Roster, link: &LinkPlan, air: &mut Air) {
    let id = |station| roster.id(station).unwrap_or_else(|| panic!("there is no {station}"));
    let (a, b) = (id(link.a), id(link.b));
    let channel = |id: StationId| sites(plan).nth(id).map(|site| site.channel);
    let tenths = i32::from(link.rssi_dbm) * 10;
    if channel(a) == channel(b) {
        air.connect((a, tenths), (b, tenths), link.loss.unwrap_or(plan.loss));
    }
}

fn by_distance(plan: &RadioPlan, model: &LogDistance, air: &mut Air) {
    let sites: Vec<&Site> = sites(plan).collect();
    let loudest_tenths = sites.iter().map(|site| i64::from(site.tx_power_dbm) * 10).max().unwrap_or(0);
    let reach = model.reach_dm2(loudest_tenths - i64::from(air.floor_tenths()));
    for (a, site_a) in sites.iter().enumerate() {
        for (b, site_b) in sites.iter().enumerate().skip(a + 1) {
            let distance = distance_dm2(site_a, site_b);
            if distance <= reach && site_a.channel == site_b.channel {
                let loss_tenths = model.loss_tenths(distance) + model.shadowing_tenths(plan.seed, a, b);
                let heard_from = |site: &Site| (i64::from(site.tx_power_dbm) * 10 - loss_tenths) as i32;
                air.connect((a, heard_from(site_b)), (b, heard_from(site_a)), plan.loss);
            }
        }
    }
}

/// The square of a distance, in square decimetres.
fn distance_dm2(a: &Site, b: &Site) -> u64 {
    let (x, y) = (i64::from(a.x_dm) - i64::from(b.x_dm), i64::from(a.y_dm) - i64::from(b.y_dm));
    // Coordinates beyond 10^8 km are no place for a radio.
    x.saturating_mul(x).saturating_add(y.saturating_mul(y)) as u64
}

/// A square metre, in square decimetres: the model's reference distance, squared.
const REFERENCE_DM2: u64 = 100;

impl LogDistance {
    /// Path loss without shadowing, in tenths of a decibel.
    fn loss_tenths(&self, distance_dm2: u64) -> i64 {
        // 10 n log10(d) of the distance is half of it for the square; n is in tenths.
        let beyond_tenths = decibels_tenths(distance_dm2.max(REFERENCE_DM2), 1) - decibels_tenths(REFERENCE_DM2, 1);
        i64::from(self.reference_db) * 10 + beyond_tenths * i64::from(self.exponent_tenths) / 20
    }

    /// The same for both directions and whatever the order in which pairs are looked at.
    fn shadowing_tenths(&self, seed: u64, a: StationId, b: StationId) -> i64 {
        let pair = ((a as u64) << 32) | b as u64;
        let mut rng = Rand64::new((u128::from(seed) << 64) | u128::from(pair));
        normal(&mut rng, i64::from(self.shadowing_db) * 10)
    }

    /// The square of the distance beyond which the loss is more than `budget_tenths` even with the luckiest shadowing.
    fn reach_dm2(&self, budget_tenths: i64) -> u64 {
        let budget_tenths = budget_tenths + SHADOWING_CUT * i64::from(self.shadowing_db) * 10;
        // The loss grows with the distance: bisect.
        let (mut near, mut far) = (0, 1 << 62);
        while near + 1 < far {
            let middle = near + (far - near) / 2;
            if self.loss_tenths(middle) <= budget_tenths { near = middle } else { far = middle }
        }
        near
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: LogDistance = LogDistance { exponent_tenths: 30, reference_db: 40, shadowing_db: 0 };

    #[test]
    fn loss_follows_the_formula() {
        // 40 dB + 30 log10(d)
        for (metres, tenths) in [(1, 400), (10, 700), (50, 910), (100, 1_000)] {
            let found = MODEL.loss_tenths(metres * metres * 100);
            assert!((found - tenths).abs() <= 2, "{metres} m: {found}");
        }
        assert_eq!(MODEL.loss_tenths(1), 400);
    }

    #[test]
    fn a_budget_of_100_db_reaches_100_m() {
        let reach = MODEL.reach_dm2(1_000);
        assert!((980_000..1_020_000).contains(&reach), "{reach}");
    }
}
