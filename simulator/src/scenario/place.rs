//! Where the nodes of a group are.

use super::values::{Metres, two};
use crate::report::Position;
use oorandom::Rand64;
use serde::Deserialize;

/// How places are chosen; rectangles are two opposite corners, in metres.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PlaceKey {
    /// In rows and columns that fill a rectangle evenly.
    #[serde(deserialize_with = "two")]
    Grid([Metres; 2]),
    /// Anywhere in a rectangle.
    #[serde(deserialize_with = "two")]
    Random([Metres; 2]),
    /// One place for each node.
    List(Vec<Metres>),
}

impl PlaceKey {
    /// As many places as nodes, or how many there are instead.
    pub(super) fn places(&self, count: usize, rng: &mut Rand64) -> Result<Vec<Position>, usize> {
        match self {
            Self::Grid([from, to]) => Ok(grid(*from, *to, count)),
            Self::Random([from, to]) => Ok((0..count).map(|_| anywhere(*from, *to, rng)).collect()),
            Self::List(places) if places.len() == count => Ok(places.iter().map(|place| place.position()).collect()),
            Self::List(places) => Err(places.len()),
        }
    }
}

/// The cells are as square as whole numbers of rows and columns allow; each node is in the middle of its cell.
fn grid(from: Metres, to: Metres, count: usize) -> Vec<Position> {
    let (width, height) = (to.0 - from.0, to.1 - from.1);
    let ratio = (width / height).abs().max(1e-9);
    let columns = ((count as f64 * ratio).sqrt().round() as usize).clamp(1, count.max(1));
    let rows = count.div_ceil(columns).max(1);
    let middle = |number: usize, of: usize| (number as f64 + 0.5) / of as f64;
    let place = |number: usize| {
        Metres(from.0 + width * middle(number % columns, columns), from.1 + height * middle(number / columns, rows))
    };
    (0..count).map(|number| place(number).position()).collect()
}

fn anywhere(from: Metres, to: Metres, rng: &mut Rand64) -> Position {
    let (from, to) = (from.position(), to.position());
    let mut between = |one: i32, other: i32| {
        let span = u64::from(one.abs_diff(other));
        one.min(other) + rng.rand_range(0..span + 1) as i32
    };
    Position { x_dm: between(from.x_dm, to.x_dm), y_dm: between(from.y_dm, to.y_dm) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_fills_its_rectangle() {
        let places = grid(Metres(0.0, 0.0), Metres(40.0, 10.0), 16);
        assert_eq!((places[0], places[15]), (Position { x_dm: 25, y_dm: 25 }, Position { x_dm: 375, y_dm: 75 }));
        assert_eq!(grid(Metres(0.0, 0.0), Metres(10.0, 10.0), 7).len(), 7);
    }

    #[test]
    fn random_places_are_inside_and_the_seed_decides() {
        let inside = PlaceKey::Random([Metres(5.0, 8.0), Metres(2.0, 1.0)]);
        let places = |seed| inside.places(100, &mut Rand64::new(seed)).expect("any number fits");
        let is_inside = |place: &Position| (20..=50).contains(&place.x_dm) && (10..=80).contains(&place.y_dm);
        assert!(places(1).iter().all(is_inside));
        assert!(places(1) == places(1) && places(1) != places(2));
    }
}
