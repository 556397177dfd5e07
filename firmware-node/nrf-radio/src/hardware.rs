//! The registers of RADIO, and of the timer that switches its receiver on: what the state machine asks of them, in its words.

use crate::slot::Slot;
use embassy_nrf::pac;
use embassy_nrf::pac::radio::regs::{Int, Shorts};
use embassy_nrf::pac::radio::vals;

const RADIO: pac::radio::Radio = pac::RADIO;
const TIMER: pac::timer::Timer = pac::TIMER0;
const PPI: pac::ppi::Ppi = pac::PPI;

/// The channel by which the end of a frame starts the timer.
const STARTS_TIMER: usize = 0;
/// The one by which the timer starts the receiver: it is always there (product specification, "Pre-programmed channels").
const STARTS_RECEIVER: usize = 21;

/// aTurnaroundTime: 12 symbols between the end of a frame and its acknowledgement, in microseconds.
const TURNAROUND_US: u16 = 192;

/// How long after the end of a frame the receiver starts for the acknowledgement, in microseconds. It takes 40 to be ready,
/// so it is 22 before the acknowledgement begins, and can do without the first symbol of its preamble.
const RECEIVER_AFTER_US: u32 = 130;

/// A channel with more energy than this is busy: -75 dBm, 10 dB above what the standard asks for at least (§8.2.7). In the
/// units of [`ED_OFFSET_DBM`].
const BUSY_ABOVE: u8 = 17;

/// A channel with a frame on it is busy, too, however weak: in a mesh nearly all are weaker than that. A symbol is taken for
/// one of a frame if the chip's correlator gives more than this. No source says in which unit; it is the value after a reset,
/// and Zephyr's (CCACORRTHRES, "IEEE 802.15.4 clear channel assessment control" of the product specification;
/// `NRF_802154_CCA_CORR_THRESHOLD`). The driver of Nordic's nRF5 SDK has 0x14, and so takes more noise for frames.
const CORRELATION_FROM: u8 = 0x2D;
/// After more such symbols than this in a look of eight the channel is busy: Zephyr's value, OpenThread's, and Contiki-NG's,
/// which has this mode as well. A reset makes it 5; 0 switches the correlator off.
const SYMBOLS_OF_NO_FRAME: u8 = 2;

/// What an energy sample of 0 is, in dBm (ED_RSSIOFFS of the nRF52840's product specification v1.7; other chips have -93). Each
/// unit is 1 dB: the formula in the specification is wrong (erratum 236).
const ED_OFFSET_DBM: i8 = -92;

/// An event that ended or changed something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// The channel is free, and the transmitter ramps up.
    ChannelFree,
    /// The channel is busy.
    ChannelBusy,
    /// A frame has ended, sent or received.
    FrameEnd,
    /// An energy measurement has ended.
    Measured,
}

/// Switches the radio on in its 802.15.4 mode, disabled.
pub(crate) fn start() {
    RADIO.power().write(|w| w.set_power(false));
    RADIO.power().write(|w| w.set_power(true));
    RADIO.mode().write(|w| w.set_mode(vals::Mode::Ieee802154250kbit));
    RADIO.crccnf().write(|w| {
        w.set_len(vals::Len::Two);
        w.set_skipaddr(vals::Skipaddr::Ieee802154);
    });
    RADIO.crcpoly().write(|w| w.set_crcpoly(0x0001_1021));
    RADIO.crcinit().write(|w| w.set_crcinit(0));
    RADIO.pcnf0().write(|w| {
        w.set_lflen(8);
        w.set_plen(vals::Plen::_32bitZero);
        w.set_crcinc(vals::Crcinc::Include);
    });
    RADIO.pcnf1().write(|w| w.set_maxlen(lowpan::MAX_FRAME as u8));
    RADIO.ccactrl().write(|w| {
        w.set_ccamode(vals::Ccamode::CarrierOrEdMode);
        w.set_ccaedthres(BUSY_ABOVE);
        w.set_ccacorrthres(CORRELATION_FROM);
        w.set_ccacorrcnt(SYMBOLS_OF_NO_FRAME);
    });
    // 16 MHz / 2^4: it counts microseconds.
    TIMER.prescaler().write(|w| w.set_prescaler(4));
    TIMER.cc(0).write_value(RECEIVER_AFTER_US);
    TIMER.shorts().write(|w| {
        w.set_compare_stop(0, true);
        w.set_compare_clear(0, true);
    });
    PPI.ch(STARTS_TIMER).eep().write_value(RADIO.events_phyend().as_ptr() as u32);
    PPI.ch(STARTS_TIMER).tep().write_value(TIMER.tasks_start().as_ptr() as u32);
}

/// `channel` is 11..=26.
pub(crate) fn tune(channel: u8, power_dbm: i8) {
    RADIO.frequency().write(|w| w.set_frequency(channel.clamp(11, 26).saturating_sub(10) * 5));
    RADIO.txpower().write(|w| w.set_txpower(power(power_dbm)));
}

/// The most that the radio has below or at this, in dBm.
const fn power(dbm: i8) -> vals::Txpower {
    match dbm {
        8.. => vals::Txpower::Pos8dBm,
        7 => vals::Txpower::Pos7dBm,
        6 => vals::Txpower::Pos6dBm,
        5 => vals::Txpower::Pos5dBm,
        4 => vals::Txpower::Pos4dBm,
        3 => vals::Txpower::Pos3dBm,
        2 => vals::Txpower::Pos2dBm,
        0..=1 => vals::Txpower::_0dBm,
        -4..=-1 => vals::Txpower::Neg4dBm,
        -8..=-5 => vals::Txpower::Neg8dBm,
        -12..=-9 => vals::Txpower::Neg12dBm,
        -16..=-13 => vals::Txpower::Neg16dBm,
        -20..=-17 => vals::Txpower::Neg20dBm,
        ..=-21 => vals::Txpower::Neg40dBm,
    }
}

/// Looks at the channel and, if it is free, sends what is in the slot. The radio has to be disabled.
pub(crate) fn contend(slot: &'static Slot) {
    // Not before anything: the fast ramp-up saves 200 us of receiver.
    prepare(vals::Ru::Fast, 0, slot);
    RADIO.shorts().write(|w| {
        w.set_rxready_ccastart(true);
        w.set_ccaidle_txen(true);
        w.set_ccabusy_disable(true);
        w.set_txready_start(true);
        w.set_phyend_disable(true);
    });
    listen_to(|w| {
        w.set_ccaidle(true);
        w.set_ccabusy(true);
        w.set_phyend(true);
    });
    RADIO.tasks_rxen().write_value(1);
}

/// The transmitter ramps up: after the frame the receiver is to follow, just before the acknowledgement.
pub(crate) fn turn_around_after_frame() {
    RADIO.shorts().write(|w| {
        w.set_txready_start(true);
        w.set_phyend_disable(true);
    });
    PPI.chenset().write(|w| {
        w.set_ch(STARTS_TIMER, true);
        w.set_ch(STARTS_RECEIVER, true);
    });
}

/// The frame has been sent and the receiver will ramp up: what it hears goes into the slot.
pub(crate) fn receive_ack(slot: &'static Slot) {
    RADIO.packetptr().write_value(slot.address());
    RADIO.shorts().write(|w| {
        w.set_rxready_start(true);
        w.set_phyend_disable(true);
    });
    PPI.chenclr().write(|w| w.set_ch(STARTS_TIMER, true));
    // It was ready before the shortcut was there.
    if RADIO.state().read().state() == vals::State::RxIdle {
        RADIO.tasks_start().write_value(1);
    }
}

/// Receives a frame into the slot; after it the transmitter ramps up and waits for [`acknowledge`] or [`disable`].
pub(crate) fn listen(slot: &'static Slot) {
    // TIFS is kept with the slow ramp-up only (product specification, §6.20.8).
    prepare(vals::Ru::Default, TURNAROUND_US, slot);
    RADIO.events_framestart().write_value(0);
    RADIO.events_txready().write_value(0);
    RADIO.shorts().write(|w| {
        w.set_rxready_start(true);
        w.set_address_rssistart(true);
        w.set_phyend_disable(true);
        w.set_disabled_txen(true);
    });
    listen_to(|w| w.set_phyend(true));
    RADIO.tasks_rxen().write_value(1);
}

/// Sends what is in the slot when the turnaround time is over. `false`: it is already.
pub(crate) fn acknowledge(slot: &'static Slot) -> bool {
    RADIO.packetptr().write_value(slot.address());
    RADIO.shorts().write(|w| {
        w.set_txready_start(true);
        w.set_phyend_disable(true);
    });
    RADIO.state().read().state() != vals::State::TxIdle
}

/// Measures the most energy on the channel for so many samples of 128 us.
pub(crate) fn measure(samples: u32) {
    prepare(vals::Ru::Fast, 0, &IDLE);
    RADIO.edcnt().write(|w| w.set_edcnt(samples.saturating_sub(1)));
    RADIO.shorts().write(|w| {
        w.set_ready_edstart(true);
        w.set_edend_disable(true);
    });
    listen_to(|w| w.set_edend(true));
    RADIO.tasks_rxen().write_value(1);
}

/// The last measurement, in dBm.
pub(crate) fn energy_dbm() -> i8 {
    let sample = RADIO.edsample().read().edlvl();
    ED_OFFSET_DBM.saturating_add_unsigned(sample)
}

/// How strong the last frame was, in dBm.
pub(crate) fn rssi_dbm() -> i8 {
    let below_zero = RADIO.rssisample().read().rssisample().min(127);
    -(below_zero as i8)
}

/// Whether the last frame's check sequence is right.
pub(crate) fn is_intact() -> bool {
    RADIO.crcstatus().read().crcstatus() == vals::Crcstatus::CrcOk
}

/// Whether a frame has begun since [`listen`].
pub(crate) fn is_mid_frame() -> bool {
    RADIO.events_framestart().read() != 0
}

/// Stops whatever it does, and waits until the radio is off: some microseconds.
pub(crate) fn disable() {
    RADIO.shorts().write(|_| {});
    RADIO.intenclr().write_value(Int(u32::MAX));
    PPI.chenclr().write(|w| {
        w.set_ch(STARTS_TIMER, true);
        w.set_ch(STARTS_RECEIVER, true);
    });
    TIMER.tasks_stop().write_value(1);
    TIMER.tasks_clear().write_value(1);
    RADIO.tasks_ccastop().write_value(1);
    RADIO.tasks_edstop().write_value(1);
    // Also if it reads as disabled: a shortcut may just have started the ramp-up that follows.
    RADIO.tasks_disable().write_value(1);
    await_disabled();
    clear_events();
}

/// Waits until a shortcut has switched the radio off.
pub(crate) fn await_disabled() {
    while RADIO.state().read().state() != vals::State::Disabled {}
}

/// What has happened, once for each time.
pub(crate) fn take_event() -> Option<Happened> {
    let taken = |event: pac::common::Reg<u32, pac::common::RW>| {
        let is_set = event.read() != 0;
        if is_set {
            event.write_value(0);
            // The write has arrived before the handler returns: it would be called again.
            let _ = event.read();
        }
        is_set
    };
    if taken(RADIO.events_ccabusy()) {
        Some(Happened::ChannelBusy)
    } else if taken(RADIO.events_ccaidle()) {
        Some(Happened::ChannelFree)
    } else if taken(RADIO.events_phyend()) {
        Some(Happened::FrameEnd)
    } else if taken(RADIO.events_edend()) {
        Some(Happened::Measured)
    } else {
        None
    }
}

/// Where the radio points when it has nothing to read or write.
static IDLE: Slot = Slot::new();

fn prepare(ramp_up: vals::Ru, tifs_us: u16, slot: &'static Slot) {
    clear_events();
    RADIO.shorts().write_value(Shorts(0));
    RADIO.modecnf0().write(|w| {
        w.set_ru(ramp_up);
        w.set_dtx(vals::Dtx::Center);
    });
    RADIO.tifs().write(|w| w.set_tifs(tifs_us));
    RADIO.packetptr().write_value(slot.address());
}

fn clear_events() {
    RADIO.events_ccabusy().write_value(0);
    RADIO.events_ccaidle().write_value(0);
    RADIO.events_phyend().write_value(0);
    RADIO.events_edend().write_value(0);
}

fn listen_to(choose: impl FnOnce(&mut Int)) {
    RADIO.intenclr().write_value(Int(u32::MAX));
    RADIO.intenset().write(choose);
}
