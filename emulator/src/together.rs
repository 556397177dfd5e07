//! Several chips at one site, each with its image, in one time.
//!
//! Owns: whose turn it is. The chip that is behind runs, and no further than [`STEP`] ahead of the others: so far may an effect
//! come too late or too early. While all sleep, they sleep until the first has something to do.

use crate::air::Air;
use crate::fault::Fault;
use crate::image::Image;
use crate::machine::{Machine, Stop};
use crate::site::Site;
use simulator::radio::{ChipIndex, OnChip};
use sn_types::Instant;
use std::cell::{RefCell, RefMut};
use std::rc::Rc;
use std::time::Duration;

/// A quarter of a symbol. The standard allows a turnaround to be a whole one off.
const STEP: Duration = Duration::from_micros(4);

/// A chip's antenna at a site that it shares.
pub struct Antenna {
    site: Rc<RefCell<Site>>,
    chip: ChipIndex,
}

impl Antenna {
    fn site(&self) -> RefMut<'_, Site> {
        let mut site = self.site.borrow_mut();
        site.speak_for(self.chip);
        site
    }
}

impl Air for Antenna {
    fn tune(&mut self, now: Instant, channel: u8) {
        self.site().tune(now, channel);
    }

    fn open(&mut self, now: Instant, on: bool) {
        self.site().open(now, on);
    }

    fn send(&mut self, now: Instant, psdu: &[u8]) {
        self.site().send(now, psdu);
    }

    fn break_off(&mut self, now: Instant) {
        self.site().break_off(now);
    }

    fn power_dbm(&self) -> i8 {
        self.site().power_dbm()
    }

    fn hears_carrier(&self) -> bool {
        self.site().hears_carrier()
    }

    fn poll(&mut self) -> Option<OnChip> {
        self.site().poll()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.site().poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.site().handle_timeout(now);
    }
}

/// A site, and the machines of its chips.
pub struct Together {
    site: Rc<RefCell<Site>>,
    machines: Vec<Machine<Antenna>>,
    drives_line: bool,
}

impl Together {
    /// These images, in the order of the site's chips; all get power now. `seed` is of all that is random in them.
    ///
    /// # Errors
    /// [`Fault::Engine`].
    pub fn new(site: Site, images: &[Image], seed: u64) -> Result<Self, Fault> {
        let site = Rc::new(RefCell::new(site));
        let machine = |(chip, image)| Machine::new(image, Antenna { site: Rc::clone(&site), chip }, seed + chip as u64);
        let machines = images.iter().enumerate().map(machine).collect::<Result<_, _>>()?;
        Ok(Self { site, machines, drives_line: true })
    }

    /// The air and the gateway.
    pub fn site(&self) -> RefMut<'_, Site> {
        self.site.borrow_mut()
    }

    /// Whether the dongle's driver opens its line whenever it can. It does, unless told otherwise.
    pub fn drive_line(&mut self, drives_line: bool) {
        self.drives_line = drives_line;
        if !drives_line && let Some(machine) = self.machines.first() {
            machine.usb().close();
        }
    }

    /// The machine of a chip.
    ///
    /// # Panics
    /// If there is no such chip.
    pub fn machine(&mut self, chip: ChipIndex) -> &mut Machine<Antenna> {
        &mut self.machines[chip]
    }

    /// The time to which all have come.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.machines.iter().map(Machine::now).min().unwrap_or(Instant::ZERO)
    }

    /// Runs them all for so long.
    ///
    /// # Errors
    /// The [`Fault`] with which one of them cannot go on.
    pub fn run_until(&mut self, at: Instant) -> Result<(), Fault> {
        while self.now() < at {
            self.carry_line();
            let next = self.machines.iter_mut().map(Machine::next_event).min().unwrap_or(at);
            let until = next.max(self.now() + STEP).min(at);
            for machine in &mut self.machines {
                if machine.now() < until {
                    let done = self.site.borrow().now();
                    machine.catch_up(done.min(until));
                    let stop = machine.run_until(until)?;
                    debug_assert_eq!(stop, Stop::Time, "who switches a chip off switches it on again");
                }
            }
        }
        Ok(())
    }

    /// What the dongle, the first chip, and its driver have for each other goes over the line between them.
    fn carry_line(&mut self) {
        let now = self.now();
        let mut site = self.site.borrow_mut();
        let Some(dongle) = site.dongle() else { return };
        let mut usb = self.machines[0].usb();
        if self.drives_line && !usb.is_open() {
            usb.open();
        }
        let octets = usb.read();
        let has_news = dongle.set_open(now, usb.is_open()) || !octets.is_empty();
        dongle.handle_octets(now, &octets);
        usb.write(&dongle.take_output());
        drop(usb);
        if has_news {
            site.give(now);
        }
    }

    /// A chip loses its power, and gets it back at once.
    ///
    /// # Errors
    /// [`Fault::Engine`].
    pub fn power_cycle(&mut self, chip: ChipIndex) -> Result<(), Fault> {
        self.machines[chip].power_on()
    }
}
