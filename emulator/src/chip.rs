//! The peripherals, by their number: it is their place in the address space, and their interrupt's number.

use crate::peripherals::{
    Clock, Errata, Gpio, Gpiote, Nvmc, Peripheral, Ppi, Radio, Resets, Rng, Rtc, Saadc, Temp, Timer, Uarte, Usbd, Wdt,
};

/// Where peripherals begin; each has a page.
pub(crate) const BASE: u32 = 0x4000_0000;
pub(crate) const PAGE: u32 = 0x1000;

/// All of them.
#[derive(Debug)]
pub(crate) struct Chip {
    pub(crate) clock: Clock,
    pub(crate) radio: Radio,
    pub(crate) uartes: [Uarte; 2],
    pub(crate) gpiote: Gpiote,
    pub(crate) saadc: Saadc,
    timers: [Timer; 5],
    rtcs: [Rtc; 3],
    pub(crate) temp: Temp,
    rng: Rng,
    pub(crate) wdt: Wdt,
    pub(crate) nvmc: Nvmc,
    pub(crate) ppi: Ppi,
    pub(crate) gpio: Gpio,
    pub(crate) usbd: Usbd,
    usbd_errata: Errata,
    sleep_erratum: Errata,
}

/// A peripheral's number and name.
pub(crate) type Place = (u8, &'static str);

impl Chip {
    /// With this in its flash.
    pub(crate) fn new(image: Vec<u8>) -> Self {
        Self::with(Nvmc::new(image), Usbd::new(), Resets::default(), (25 * 4, 3_000))
    }

    fn with(nvmc: Nvmc, usbd: Usbd, resets: Resets, (quarters, supply_mv): (i32, u32)) -> Self {
        Self {
            clock: Clock::new(resets, usbd.is_plugged),
            radio: Radio::new(),
            uartes: std::array::from_fn(|_| Uarte::new()),
            gpiote: Gpiote::new(),
            saadc: Saadc::new(supply_mv),
            timers: std::array::from_fn(|_| Timer::new()),
            rtcs: std::array::from_fn(|_| Rtc::new()),
            temp: Temp::new(quarters),
            rng: Rng::new(),
            wdt: Wdt::new(),
            nvmc,
            ppi: Ppi::new(),
            gpio: Gpio::new(),
            usbd,
            usbd_errata: Errata::usbd(),
            sleep_erratum: Errata::sleep(),
        }
    }

    /// After a reset: what is stored stays, and what the surroundings are.
    pub(crate) fn reset(self, resets: Resets) -> Self {
        let mut nvmc = self.nvmc;
        nvmc.reset();
        Self::with(nvmc, self.usbd.reset_chip(), resets, (self.temp.quarters, self.saadc.supply_mv))
    }

    pub(crate) fn each(&mut self) -> [(Place, &mut dyn Peripheral); 22] {
        let [timer0, timer1, timer2, timer3, timer4] = &mut self.timers;
        let [uarte0, uarte1] = &mut self.uartes;
        let [rtc0, rtc1, rtc2] = &mut self.rtcs;
        [
            ((0, "CLOCK/POWER"), &mut self.clock),
            ((1, "RADIO"), &mut self.radio),
            ((2, "UARTE0"), uarte0),
            ((6, "GPIOTE"), &mut self.gpiote),
            ((7, "SAADC"), &mut self.saadc),
            ((8, "TIMER0"), timer0),
            ((9, "TIMER1"), timer1),
            ((10, "TIMER2"), timer2),
            ((11, "RTC0"), rtc0),
            ((12, "TEMP"), &mut self.temp),
            ((13, "RNG"), &mut self.rng),
            ((16, "WDT"), &mut self.wdt),
            ((17, "RTC1"), rtc1),
            ((26, "TIMER3"), timer3),
            ((27, "TIMER4"), timer4),
            ((30, "NVMC"), &mut self.nvmc),
            ((31, "PPI"), &mut self.ppi),
            ((36, "RTC2"), rtc2),
            ((39, "USBD"), &mut self.usbd),
            ((40, "UARTE1"), uarte1),
            ((110, "the registers of USBD's errata"), &mut self.usbd_errata),
            ((122, "the register of erratum 246"), &mut self.sleep_erratum),
        ]
    }

    /// The one at an address.
    pub(crate) fn at(&mut self, address: u32) -> Option<(Place, &mut dyn Peripheral)> {
        let number = address.checked_sub(BASE)? / PAGE;
        self.each().into_iter().find(|((own, _), _)| u32::from(*own) == number)
    }
}
