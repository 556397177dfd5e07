//! What a station draws from its battery.
//!
//! Owns: the time that a station spends in each state of its radio, and what that means for a battery. Must not know: frames.
//! The radio calls [`EnergyAccount::switch`] whenever a station's radio changes its state; ask for a
//! [snapshot](EnergyAccount::snapshot) at any time.

use serde::{Deserialize, Serialize};
use sn_types::Instant;

/// What a radio does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum RadioState {
    /// Off; the chip sleeps with its clock running.
    Sleep,
    /// Listens, receives, or turns around between receiving and sending.
    Receive,
    /// Sends.
    Transmit,
}

/// What a chip draws, in nanoamperes.
///
/// Default: nRF52840 at 3 V with DC/DC converter (product specification, "Current consumption"): radio in IEEE 802.15.4 mode
/// at 250 kb/s and 0 dBm 6.40 mA sending (IRADIO_TX5) and 6.53 mA receiving (IRADIO_RX2); CoreMark from flash 3.3 mA; System ON with
/// all RAM and the RTC 3.16 uA. A board draws more: measure it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Currents {
    /// While sending.
    pub transmit_na: u64,
    /// While listening.
    pub receive_na: u64,
    /// While the processor works; comes on top of the radio's.
    pub cpu_na: u64,
    /// While nothing runs but the clock that ends the sleep.
    pub sleep_na: u64,
}

impl Default for Currents {
    fn default() -> Self {
        Self { transmit_na: 6_400_000, receive_na: 6_530_000, cpu_na: 3_300_000, sleep_na: 3_160 }
    }
}

/// A battery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Battery {
    /// What can be drawn from it, in milliampere-hours.
    pub capacity_mah: u32,
    /// What it loses by itself in a year, in thousandths of the capacity.
    pub self_discharge_permille: u32,
}

impl Battery {
    /// A lithium button cell of 24.5 mm: 1,000 mAh, 1 % a year.
    pub const CR2477: Self = Self { capacity_mah: 1_000, self_discharge_permille: 10 };
    /// A lithium button cell of 20 mm: 225 mAh, 1 % a year.
    pub const CR2032: Self = Self { capacity_mah: 225, self_discharge_permille: 10 };
    /// Two alkaline AA cells in a row: 2,500 mAh, 2 % a year.
    pub const TWO_AA: Self = Self { capacity_mah: 2_500, self_discharge_permille: 20 };
    /// A lithium thionyl chloride AA cell: 2,400 mAh, 1 % a year.
    pub const LS14500: Self = Self { capacity_mah: 2_400, self_discharge_permille: 10 };
}

impl Default for Battery {
    fn default() -> Self {
        Self::CR2477
    }
}

/// What nodes draw, and from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Supply {
    /// The chip's.
    pub currents: Currents,
    /// The battery.
    pub battery: Battery,
    /// How long the processor works for a frame that it sends or receives, in microseconds. Default: 500.
    pub cpu_us_per_frame: u32,
}

impl Default for Supply {
    fn default() -> Self {
        Self { currents: Currents::default(), battery: Battery::default(), cpu_us_per_frame: 500 }
    }
}

/// How long a station was in each state.
#[derive(Clone, Debug)]
pub struct EnergyAccount {
    state: RadioState,
    since: Instant,
    spent: Spent,
}

/// Times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spent {
    /// Sending.
    pub transmit_us: u64,
    /// Listening.
    pub receive_us: u64,
    /// With the radio off.
    pub sleep_us: u64,
    /// Of all that, with the processor at work.
    pub cpu_us: u64,
}

impl EnergyAccount {
    /// An account that starts in this state.
    #[must_use]
    pub fn new(now: Instant, state: RadioState) -> Self {
        Self { state, since: now, spent: Spent::default() }
    }

    /// The radio is in this state from now on.
    pub fn switch(&mut self, now: Instant, state: RadioState) {
        self.spent.add(self.state, self.since, now);
        self.state = state;
        self.since = now;
    }

    /// The processor works for that long.
    pub fn work(&mut self, cpu_us: u32) {
        self.spent.cpu_us += u64::from(cpu_us);
    }

    /// All times until now.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Spent {
        let mut spent = self.spent;
        spent.add(self.state, self.since, now);
        spent
    }
}

impl Spent {
    fn add(&mut self, state: RadioState, from: Instant, to: Instant) {
        let us = to.as_micros().saturating_sub(from.as_micros());
        match state {
            RadioState::Sleep => self.sleep_us += us,
            RadioState::Receive => self.receive_us += us,
            RadioState::Transmit => self.transmit_us += us,
        }
    }

    /// The average current in nanoamperes; 0 if no time has passed.
    #[must_use]
    pub fn average_na(&self, currents: &Currents) -> u64 {
        let charge = |us: u64, na: u64| u128::from(us) * u128::from(na);
        let charges = charge(self.transmit_us, currents.transmit_na)
            + charge(self.receive_us, currents.receive_na)
            + charge(self.sleep_us, currents.sleep_na)
            + charge(self.cpu_us, currents.cpu_na);
        let total_us = u128::from(self.transmit_us) + u128::from(self.receive_us) + u128::from(self.sleep_us);
        charges.checked_div(total_us).unwrap_or(0) as u64
    }
}

impl Battery {
    /// How many days it lasts at this average current, its own losses included; `None`: for ever.
    #[must_use]
    pub fn lifetime_days(&self, average_na: u64) -> Option<u64> {
        const HOURS_PER_YEAR: u64 = 8_766;
        let capacity_nah = u64::from(self.capacity_mah) * 1_000_000;
        let own_na = capacity_nah * u64::from(self.self_discharge_permille) / 1_000 / HOURS_PER_YEAR;
        (capacity_nah / 24).checked_div(average_na + own_na)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_microsecond_is_booked_once() {
        let mut account = EnergyAccount::new(Instant::ZERO, RadioState::Receive);
        account.switch(Instant::from_micros(1_000), RadioState::Transmit);
        account.switch(Instant::from_micros(1_352), RadioState::Sleep);
        account.work(200);
        let spent = account.snapshot(Instant::from_micros(10_000));
        assert_eq!(spent, Spent { transmit_us: 352, receive_us: 1_000, sleep_us: 8_648, cpu_us: 200 });
        assert_eq!(account.snapshot(Instant::from_micros(10_000)), spent);
    }

    #[test]
    fn a_node_that_listens_lasts_days_and_a_sleeper_years() {
        let currents = Currents::default();
        let listener = Spent { receive_us: 1_000_000, ..Spent::default() };
        assert_eq!(listener.average_na(&currents), currents.receive_na);
        assert_eq!(Battery::CR2477.lifetime_days(currents.receive_na), Some(6));
        // 20 ms of listening and 5 ms of sending a minute.
        let sleeper = Spent { transmit_us: 5_000, receive_us: 20_000, sleep_us: 59_975_000, cpu_us: 0 };
        let average_na =
            (5_000 * currents.transmit_na + 20_000 * currents.receive_na + 59_975_000 * currents.sleep_na) / 60_000_000;
        assert_eq!(sleeper.average_na(&currents), average_na);
        // 1,000 mAh over 24 h and the 1,140 nA of one per cent a year.
        assert_eq!(Battery::CR2477.lifetime_days(average_na), Some(1_000_000_000 / 24 / (average_na + 1_140)));
    }
}
