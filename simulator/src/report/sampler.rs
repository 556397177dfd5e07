//! How things develop, in a bounded number of slices.

use super::model::{Direction, Series, Slice};

/// More slices than a plot has pixels tell nothing.
const MAX_SLICES: usize = 480;

/// How things stand at the end of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Messages in all mailboxes.
    pub mailbox_messages: u64,
    /// Messages in the deepest mailbox.
    pub mailbox_deepest: u64,
    /// Nodes that are active or awake.
    pub nodes_connected: u64,
    /// Nodes that are asleep.
    pub nodes_asleep: u64,
    /// Nodes that are lost.
    pub nodes_lost: u64,
}

/// Samples a run. A run of any length is told in at most 480 slices: when there are more, neighbours are merged, and
/// slices are twice as long from then on.
///
/// Order of calls: [`Sampler::delivered`] and [`Sampler::busy`] as things happen; [`Sampler::sample`] whenever
/// [`Sampler::due_us`] has come, and once at the end of the run.
#[derive(Clone, Debug)]
pub struct Sampler {
    series: Series,
    open: Slice,
}

impl Sampler {
    /// For a run of so many radio channels, with slices of so many microseconds (at least 1) as long as it is short.
    #[must_use]
    pub fn new(slice_us: u64, channels: usize) -> Self {
        Self { series: Series { slice_us: slice_us.max(1), slices: Vec::new() }, open: open(channels) }
    }

    /// A message was delivered.
    pub fn delivered(&mut self, direction: Direction) {
        match direction {
            Direction::Up => self.open.delivered_up += 1,
            Direction::Down => self.open.delivered_down += 1,
        }
    }

    /// A channel, by its place in [`Report::channels`](super::Report::channels), is busy for so long. All of it counts
    /// for the slice in which it begins. A channel that was not announced is ignored.
    pub fn busy(&mut self, channel: usize, airtime_us: u64) {
        if let Some(busy_us) = self.open.airtime_us.get_mut(channel) {
            *busy_us += airtime_us;
        }
    }

    /// When the next sample is to be taken.
    #[must_use]
    pub fn due_us(&self) -> u64 {
        self.series.slices.last().map_or(0, |last| last.at_us) + self.series.slice_us
    }

    /// Ends the slice: this is how things stand.
    pub fn sample(&mut self, now_us: u64, levels: Levels) {
        let channels = self.open.airtime_us.len();
        let slice = std::mem::replace(&mut self.open, open(channels));
        self.series.slices.push(Slice {
            at_us: now_us,
            mailbox_messages: levels.mailbox_messages,
            mailbox_deepest: levels.mailbox_deepest,
            nodes_connected: levels.nodes_connected,
            nodes_asleep: levels.nodes_asleep,
            nodes_lost: levels.nodes_lost,
            ..slice
        });
        if self.series.slices.len() > MAX_SLICES {
            self.merge_neighbours();
        }
    }

    /// What has been sampled.
    #[must_use]
    pub fn into_series(self) -> Series {
        self.series
    }

    fn merge_neighbours(&mut self) {
        let slices = std::mem::take(&mut self.series.slices);
        self.series.slices = slices.chunks(2).map(|pair| pair.iter().skip(1).fold(pair[0].clone(), merge)).collect();
        self.series.slice_us *= 2;
    }
}

fn open(channels: usize) -> Slice {
    Slice { airtime_us: vec![0; channels], ..Slice::default() }
}

/// Two slices that follow each other as one.
fn merge(first: Slice, second: &Slice) -> Slice {
    Slice {
        mailbox_messages: first.mailbox_messages.max(second.mailbox_messages),
        mailbox_deepest: first.mailbox_deepest.max(second.mailbox_deepest),
        delivered_up: first.delivered_up + second.delivered_up,
        delivered_down: first.delivered_down + second.delivered_down,
        airtime_us: first.airtime_us.iter().zip(&second.airtime_us).map(|(first, second)| first + second).collect(),
        ..second.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_counts_what_happens_in_it_and_says_how_things_stand_at_its_end() {
        let mut sampler = Sampler::new(10, 2);
        sampler.delivered(Direction::Up);
        sampler.busy(1, 7);
        sampler.busy(2, 7);
        sampler.sample(10, Levels { nodes_asleep: 3, ..Levels::default() });
        sampler.delivered(Direction::Down);
        sampler.sample(20, Levels::default());
        let first = Slice { at_us: 10, delivered_up: 1, nodes_asleep: 3, airtime_us: vec![0, 7], ..Slice::default() };
        let second = Slice { at_us: 20, delivered_down: 1, airtime_us: vec![0, 0], ..Slice::default() };
        assert_eq!(sampler.into_series(), Series { slice_us: 10, slices: vec![first, second] });
    }

    #[test]
    fn a_long_run_has_no_more_slices_and_loses_nothing() {
        let mut sampler = Sampler::new(1, 1);
        let mut samples = 0;
        while sampler.due_us() <= 100_000 {
            let now_us = sampler.due_us();
            sampler.delivered(Direction::Up);
            sampler.busy(0, 2);
            samples += 1;
            sampler.sample(now_us, Levels { mailbox_deepest: u64::from(now_us == 5), ..Levels::default() });
        }
        let series = sampler.into_series();
        assert!((MAX_SLICES / 2..=MAX_SLICES).contains(&series.slices.len()), "{}", series.slices.len());
        assert_eq!(series.slices.iter().map(|slice| slice.delivered_up).sum::<u64>(), samples);
        assert_eq!(series.slices.iter().map(|slice| slice.airtime_us[0]).sum::<u64>(), 2 * samples);
        assert_eq!(series.slices[0].mailbox_deepest, 1, "a peak is not averaged away");
        assert!(series.slices.windows(2).all(|pair| pair[1].at_us - pair[0].at_us <= 2 * series.slice_us));
    }
}
