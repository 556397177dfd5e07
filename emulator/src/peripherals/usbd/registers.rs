//! USBD's numbers (nRF52840 PS v1.7, "USBD: Registers").

/// Tasks, by a quarter of their offset.
pub(super) mod task {
    pub(crate) const STARTEPIN: u32 = 1;
    pub(crate) const STARTEPOUT: u32 = 10;
    pub(crate) const EP0RCVOUT: u32 = 19;
    pub(crate) const EP0STATUS: u32 = 20;
    pub(crate) const EP0STALL: u32 = 21;
}

/// Events, by their bit in INTEN.
pub(super) mod event {
    pub(crate) const USBRESET: u8 = 0;
    pub(crate) const STARTED: u8 = 1;
    pub(crate) const ENDEPIN: u8 = 2;
    pub(crate) const EP0DATADONE: u8 = 10;
    pub(crate) const ENDEPOUT: u8 = 12;
    pub(crate) const USBEVENT: u8 = 22;
    pub(crate) const EP0SETUP: u8 = 23;
    pub(crate) const EPDATA: u8 = 24;
}

/// With those of isochronous endpoints and SOF, which never happen here: who enables them waits in vain, as a test would show.
pub(super) const EVENTS: u32 = 0x01FF_FFFF;

/// Other registers, by their offset.
pub(super) mod register {
    pub(crate) const SHORTS: u32 = 0x200;
    pub(crate) const EVENTCAUSE: u32 = 0x400;
    pub(crate) const EPDATASTATUS: u32 = 0x46C;
    /// BMREQUESTTYPE, and in a row after it the other octets of a request.
    pub(crate) const BMREQUESTTYPE: u32 = 0x480;
    pub(crate) const SIZE_EPOUT: u32 = 0x4A0;
    pub(crate) const ENABLE: u32 = 0x500;
    pub(crate) const USBPULLUP: u32 = 0x504;
    pub(crate) const EPINEN: u32 = 0x510;
    pub(crate) const EPOUTEN: u32 = 0x514;
    pub(crate) const EPSTALL: u32 = 0x518;
    pub(crate) const LOWPOWER: u32 = 0x52C;
    /// PTR, MAXCNT and AMOUNT of each endpoint.
    pub(crate) const EPIN: u32 = 0x600;
    pub(crate) const EPOUT: u32 = 0x700;
    pub(crate) const EP_STRIDE: u32 = 0x14;
    pub(crate) const MAXCNT: u32 = 4;
    pub(crate) const AMOUNT: u32 = 8;
}

/// EVENTCAUSE.
pub(super) const SUSPEND: u32 = 1 << 8;
pub(super) const RESUME: u32 = 1 << 9;
pub(super) const READY: u32 = 1 << 11;

/// SHORTS: from EP0DATADONE and ENDEPOUT\[0\] to EP0STATUS.
pub(super) const DATADONE_STATUS: u32 = 1 << 2;
pub(super) const ENDEPOUT_STATUS: u32 = 1 << 3;
