//! USBD: endpoints 0 to 7, their buffers, and control transfers as far as the hardware makes them; and what is at the other
//! end of its cable.
//!
//! Each endpoint has a buffer of its own. A STARTEPIN task fills it by DMA, and the host fetches it; what the host brings
//! waits in it, and the host is put off, until STARTEPOUT has emptied it. A bulk OUT endpoint takes nothing before its SIZE has
//! been written once. SET_ADDRESS the hardware answers by itself. DMA from or to anything but RAM, more octets than a packet
//! has, a buffer that is filled a second time before the host has fetched it, and DMA while the controller is off or in its low
//! power mode, are errors of the firmware's.

mod registers;

use super::{Context, Kept, Peripheral, row};
use crate::events::Events;
use crate::time::cycles;
use crate::usb::{Device, Handshake, Host, PACKET, Token};
use registers::{DATADONE_STATUS, ENDEPOUT_STATUS, EVENTS, READY, RESUME, SUSPEND, event, register, task};

const ENDPOINTS: usize = 8;
/// From ENABLE to READY: the specification has no figure.
const STARTS: u64 = cycles(500);
/// Of EPDATASTATUS: IN endpoints, and OUT endpoints.
const IN_BIT: u32 = 0;
const OUT_BIT: u32 = 16;
const RAM: std::ops::Range<u32> = 0x2000_0000..0x2004_0000;
const SET_ADDRESS: u32 = 5;

/// Where a control transfer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Control {
    /// EP0RCVOUT: the next packet of data may come.
    takes: bool,
    /// EP0STATUS: the status stage may end.
    status: bool,
    stalls: bool,
}

#[derive(Debug)]
pub(crate) struct Usbd {
    events: Events,
    kept: Kept,
    ready_at: Option<u64>,
    /// What waits for the host.
    filled: [Option<Vec<u8>>; ENDPOINTS],
    /// What the host has brought.
    brought: [Option<Vec<u8>>; ENDPOINTS],
    /// Takes what the host brings.
    takes: [bool; ENDPOINTS],
    control: Control,
    /// The cable is in.
    pub(crate) is_plugged: bool,
    pub(crate) host: Host,
}

impl Usbd {
    pub(crate) fn new() -> Self {
        Self::with(Host::new(), false)
    }

    fn with(host: Host, is_plugged: bool) -> Self {
        Self {
            events: Events::new(EVENTS),
            kept: Self::after_reset(),
            ready_at: None,
            filled: Default::default(),
            brought: Default::default(),
            takes: [false; ENDPOINTS],
            control: Control::default(),
            is_plugged,
            host,
        }
    }

    fn after_reset() -> Kept {
        let endpoints = |first| (0..ENDPOINTS as u32).flat_map(move |n| row(first + n * register::EP_STRIDE, 3));
        let zero = [
            register::SHORTS,
            register::EVENTCAUSE,
            register::EPDATASTATUS,
            register::ENABLE,
            register::USBPULLUP,
            register::EPSTALL,
            register::LOWPOWER,
        ];
        let others = [(register::EPINEN, 1), (register::EPOUTEN, 1)];
        let rows = row(register::BMREQUESTTYPE, 8).chain(row(register::SIZE_EPOUT, ENDPOINTS as u32));
        let rows = rows.chain(endpoints(register::EPIN)).chain(endpoints(register::EPOUT));
        Kept::new(zero.map(|offset| (offset, 0)).into_iter().chain(others).chain(rows))
    }

    /// The chip is reset: the host sees the device go.
    pub(crate) fn reset_chip(self) -> Self {
        Self::with(self.host, self.is_plugged)
    }

    /// A bit of a register that collects causes, and the event that the first of its kind makes.
    fn cause(&mut self, register: u32, bit: u32, event: u8) {
        let before = self.kept.get(register);
        let _ = self.kept.write(register, before | bit);
        if before & bit == 0 {
            self.events.fire(event);
        }
    }

    fn dma(&self, first: u32, endpoint: usize, context: &mut Context<'_>) -> Option<(u32, usize)> {
        let at = first + endpoint as u32 * register::EP_STRIDE;
        let (pointer, len) = (self.kept.get(at), self.kept.get(at + register::MAXCNT));
        if !self.is_running() {
            context.misuse = Some("USBD moves octets by DMA while it is off, or suspended".into());
            return None;
        }
        if !RAM.contains(&pointer) || !RAM.contains(&(pointer + len)) || len as usize > PACKET {
            context.misuse = Some(format!("USBD moves {len} octets at {pointer:#x} by DMA"));
            return None;
        }
        Some((pointer, len as usize))
    }

    fn start_in(&mut self, endpoint: usize, context: &mut Context<'_>) {
        let Some((pointer, len)) = self.dma(register::EPIN, endpoint, context) else { return };
        let octets = if len == 0 { Vec::new() } else { context.memory.read(pointer, len) };
        if self.filled[endpoint].replace(octets).is_some() && endpoint > 0 {
            context.misuse = Some(format!("USBD's endpoint IN {endpoint} filled again before the host has fetched it"));
        }
        let amount = register::EPIN + endpoint as u32 * register::EP_STRIDE + register::AMOUNT;
        let _ = self.kept.write(amount, len as u32);
        self.events.fire(event::STARTED);
        self.events.fire(event::ENDEPIN + endpoint as u8);
    }

    fn start_out(&mut self, endpoint: usize, context: &mut Context<'_>) {
        let Some((pointer, len)) = self.dma(register::EPOUT, endpoint, context) else { return };
        let mut octets = self.brought[endpoint].take().unwrap_or_default();
        octets.truncate(len);
        context.memory.write(pointer, &octets);
        let amount = register::EPOUT + endpoint as u32 * register::EP_STRIDE + register::AMOUNT;
        let _ = self.kept.write(amount, octets.len() as u32);
        self.takes[endpoint] = endpoint > 0;
        self.events.fire(event::STARTED);
        self.events.fire(event::ENDEPOUT + endpoint as u8);
        if endpoint == 0 && self.kept.get(register::SHORTS) & ENDEPOUT_STATUS != 0 {
            self.control.status = true;
        }
    }

    fn is_running(&self) -> bool {
        self.kept.get(register::ENABLE) & 1 != 0 && self.kept.get(register::LOWPOWER) & 1 == 0
    }

    fn is_on(&self, register: u32, endpoint: usize) -> bool {
        self.kept.get(register) & 1 << endpoint != 0
    }

    /// An endpoint that is switched off forgets what it had.
    fn enable(&mut self) {
        for endpoint in 0..ENDPOINTS {
            if !self.is_on(register::EPINEN, endpoint) {
                self.filled[endpoint] = None;
            }
            if !self.is_on(register::EPOUTEN, endpoint) {
                (self.brought[endpoint], self.takes[endpoint]) = (None, false);
            }
        }
    }

    fn setup(&mut self, request: [u8; 8]) {
        for (offset, octet) in (register::BMREQUESTTYPE..).step_by(4).zip(request) {
            let _ = self.kept.write(offset, octet.into());
        }
        (self.filled[0], self.brought[0]) = (None, None);
        self.control = Control { status: self.is_set_address(), ..Control::default() };
        self.events.fire(event::EP0SETUP);
    }

    fn is_set_address(&self) -> bool {
        let request = [0, 4].map(|offset| self.kept.get(register::BMREQUESTTYPE + offset));
        request == [0, SET_ADDRESS]
    }

    fn data_done(&mut self) {
        self.events.fire(event::EP0DATADONE);
        if self.kept.get(register::SHORTS) & DATADONE_STATUS != 0 {
            self.control.status = true;
        }
    }

    fn send(&mut self, endpoint: usize) -> Vec<u8> {
        match (endpoint, self.filled[endpoint].take()) {
            (0, Some(octets)) => {
                self.data_done();
                octets
            }
            (0, None) => {
                self.control.status = false;
                Vec::new()
            }
            (_, octets) => {
                self.cause(register::EPDATASTATUS, 1 << (IN_BIT + endpoint as u32), event::EPDATA);
                octets.unwrap_or_default()
            }
        }
    }

    fn take(&mut self, endpoint: usize, octets: &[u8]) {
        if endpoint == 0 && !self.control.takes {
            // The status stage of what the host has read.
            self.control.status = false;
            return;
        }
        let _ = self.kept.write(register::SIZE_EPOUT + 4 * endpoint as u32, octets.len() as u32);
        self.brought[endpoint] = Some(octets.to_vec());
        if endpoint == 0 {
            self.control.takes = false;
            self.data_done();
        } else {
            self.takes[endpoint] = false;
            self.cause(register::EPDATASTATUS, 1 << (OUT_BIT + endpoint as u32), event::EPDATA);
        }
    }
}

impl Device for Usbd {
    fn is_attached(&self) -> bool {
        let is_ready = self.kept.get(register::ENABLE) & 1 != 0 && self.ready_at.is_none();
        self.is_plugged && is_ready && self.kept.get(register::USBPULLUP) & 1 != 0
    }

    fn answers(&self, token: &Token) -> bool {
        match token {
            Token::Setup(_) => true,
            Token::In(0) => self.control.stalls || self.filled[0].is_some() || self.control.status,
            Token::Out(0, octets) if octets.is_empty() => self.control.stalls || self.control.status,
            Token::Out(0, _) => self.control.stalls || self.control.takes,
            Token::In(endpoint) => self.filled[*endpoint].is_some(),
            Token::Out(endpoint, _) => self.is_on(register::EPOUTEN, *endpoint) && self.takes[*endpoint],
        }
    }

    fn transact(&mut self, token: &Token) -> Handshake {
        match token {
            Token::Setup(request) => self.setup(*request),
            Token::In(0) | Token::Out(0, _) if self.control.stalls => return Handshake::Stall,
            Token::In(endpoint) => return Handshake::Data(self.send(*endpoint)),
            Token::Out(endpoint, octets) => self.take(*endpoint, octets),
        }
        Handshake::Ack
    }

    fn reset(&mut self) {
        (self.filled, self.brought) = Default::default();
        (self.takes, self.control) = ([false; ENDPOINTS], Control::default());
        self.events.fire(event::USBRESET);
    }

    fn set_suspended(&mut self, is_suspended: bool) {
        let cause = if is_suspended { SUSPEND } else { RESUME };
        if !is_suspended {
            let _ = self.kept.write(register::LOWPOWER, 0);
        }
        self.cause(register::EVENTCAUSE, cause, event::USBEVENT);
    }
}

impl Peripheral for Usbd {
    fn events(&mut self) -> &mut Events {
        &mut self.events
    }

    fn task(&mut self, which: u32, context: &mut Context<'_>) -> Option<()> {
        const LAST: u32 = ENDPOINTS as u32 - 1;
        const LAST_IN: u32 = task::STARTEPIN + LAST;
        const LAST_OUT: u32 = task::STARTEPOUT + LAST;
        match which {
            task::STARTEPIN..=LAST_IN => self.start_in((which - task::STARTEPIN) as usize, context),
            task::STARTEPOUT..=LAST_OUT => self.start_out((which - task::STARTEPOUT) as usize, context),
            task::EP0RCVOUT => self.control.takes = true,
            // The hardware sees to it, and may be through with it.
            task::EP0STATUS if self.is_set_address() => {}
            task::EP0STATUS => self.control.status = true,
            task::EP0STALL => self.control.stalls = true,
            _ => return None,
        }
        self.host.notice(context.now);
        Some(())
    }

    fn read(&mut self, offset: u32, _now: u64) -> Option<u32> {
        self.kept.read(offset)
    }

    fn write(&mut self, offset: u32, value: u32, context: &mut Context<'_>) -> Option<()> {
        match offset {
            // Ones clear.
            register::EVENTCAUSE | register::EPDATASTATUS => {
                let before = self.kept.get(offset);
                self.kept.write(offset, before & !value)?;
            }
            register::ENABLE => {
                let was = self.kept.get(offset) & 1;
                self.kept.write(offset, value)?;
                self.ready_at = (value & 1 > was).then_some(context.now + STARTS).or(self.ready_at);
            }
            _ if (register::SIZE_EPOUT..register::SIZE_EPOUT + 4 * ENDPOINTS as u32).contains(&offset) => {
                let endpoint = ((offset - register::SIZE_EPOUT) / 4) as usize;
                (self.brought[endpoint], self.takes[endpoint]) = (None, endpoint > 0);
            }
            _ => self.kept.write(offset, value)?,
        }
        self.enable();
        self.host.notice(context.now);
        Some(())
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.ready_at.into_iter().chain(self.host.poll_timeout(self)).min()
    }

    fn handle_timeout(&mut self, context: &mut Context<'_>) {
        if self.ready_at.take_if(|at| *at <= context.now).is_some() {
            self.cause(register::EVENTCAUSE, READY, event::USBEVENT);
            self.host.notice(context.now);
        }
        let mut host = std::mem::replace(&mut self.host, Host::new());
        if host.poll_timeout(self).is_some_and(|at| at <= context.now) {
            host.handle_timeout(context.now, self);
        }
        self.host = host;
    }
}
