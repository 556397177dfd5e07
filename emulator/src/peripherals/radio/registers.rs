//! RADIO's numbers (nRF52840 PS v1.7, "RADIO: Registers").

/// Tasks, by a quarter of their offset.
pub(super) mod task {
    pub(crate) const TXEN: u32 = 0;
    pub(crate) const RXEN: u32 = 1;
    pub(crate) const START: u32 = 2;
    pub(crate) const STOP: u32 = 3;
    pub(crate) const DISABLE: u32 = 4;
    pub(crate) const RSSISTART: u32 = 5;
    pub(crate) const RSSISTOP: u32 = 6;
    pub(crate) const BCSTART: u32 = 7;
    pub(crate) const BCSTOP: u32 = 8;
    pub(crate) const EDSTART: u32 = 9;
    pub(crate) const EDSTOP: u32 = 10;
    pub(crate) const CCASTART: u32 = 11;
    pub(crate) const CCASTOP: u32 = 12;
}

/// Events, by their bit in INTEN.
pub(super) mod event {
    pub(crate) const READY: u8 = 0;
    pub(crate) const ADDRESS: u8 = 1;
    pub(crate) const PAYLOAD: u8 = 2;
    pub(crate) const END: u8 = 3;
    pub(crate) const DISABLED: u8 = 4;
    pub(crate) const RSSIEND: u8 = 7;
    pub(crate) const BCMATCH: u8 = 10;
    pub(crate) const CRCOK: u8 = 12;
    pub(crate) const CRCERROR: u8 = 13;
    pub(crate) const FRAMESTART: u8 = 14;
    pub(crate) const EDEND: u8 = 15;
    pub(crate) const EDSTOPPED: u8 = 16;
    pub(crate) const CCAIDLE: u8 = 17;
    pub(crate) const CCABUSY: u8 = 18;
    pub(crate) const CCASTOPPED: u8 = 19;
    pub(crate) const TXREADY: u8 = 21;
    pub(crate) const RXREADY: u8 = 22;
    pub(crate) const PHYEND: u8 = 27;
}

/// With DEVMATCH, DEVMISS, RATEBOOST, MHRMATCH and SYNC, which never happen here: who enables them waits in vain, as a test
/// would show.
pub(super) const EVENTS: u32 = 0x0CFF_F4FF;

/// Other registers, by their offset.
pub(super) mod register {
    pub(crate) const SHORTS: u32 = 0x200;
    pub(crate) const CRCSTATUS: u32 = 0x400;
    pub(crate) const RXCRC: u32 = 0x40C;
    pub(crate) const PDUSTAT: u32 = 0x414;
    pub(crate) const PACKETPTR: u32 = 0x504;
    pub(crate) const FREQUENCY: u32 = 0x508;
    pub(crate) const TXPOWER: u32 = 0x50C;
    pub(crate) const MODE: u32 = 0x510;
    pub(crate) const PCNF0: u32 = 0x514;
    pub(crate) const PCNF1: u32 = 0x518;
    pub(crate) const CRCCNF: u32 = 0x534;
    pub(crate) const CRCPOLY: u32 = 0x538;
    pub(crate) const CRCINIT: u32 = 0x53C;
    pub(crate) const TIFS: u32 = 0x544;
    pub(crate) const RSSISAMPLE: u32 = 0x548;
    pub(crate) const STATE: u32 = 0x550;
    pub(crate) const BCC: u32 = 0x560;
    pub(crate) const MODECNF0: u32 = 0x650;
    pub(crate) const SFD: u32 = 0x660;
    pub(crate) const EDCNT: u32 = 0x664;
    pub(crate) const EDSAMPLE: u32 = 0x668;
    pub(crate) const CCACTRL: u32 = 0x66C;
    pub(crate) const POWER: u32 = 0xFFC;
}

/// Bits of SHORTS: an event, and the task that it starts.
pub(super) const SHORTS: [(u32, u8, u32); 19] = [
    (0, event::READY, task::START),
    (1, event::END, task::DISABLE),
    (2, event::DISABLED, task::TXEN),
    (3, event::DISABLED, task::RXEN),
    (4, event::ADDRESS, task::RSSISTART),
    (5, event::END, task::START),
    (6, event::ADDRESS, task::BCSTART),
    (8, event::DISABLED, task::RSSISTOP),
    (11, event::RXREADY, task::CCASTART),
    (12, event::CCAIDLE, task::TXEN),
    (13, event::CCABUSY, task::DISABLE),
    (14, event::FRAMESTART, task::BCSTART),
    (15, event::READY, task::EDSTART),
    (16, event::EDEND, task::DISABLE),
    (17, event::CCAIDLE, task::STOP),
    (18, event::TXREADY, task::START),
    (19, event::RXREADY, task::START),
    (20, event::PHYEND, task::DISABLE),
    (21, event::PHYEND, task::START),
];
