//! Gateway discovery: ADVERTISE, SEARCHGW, GWINFO.

use crate::DecodeError;
use crate::layout::Layout;
use crate::reader::Reader;
use sn_types::GwId;

/// ADVERTISE (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertise {
    /// Who advertises.
    pub gw_id: GwId,
    /// Seconds until the next ADVERTISE.
    pub duration_s: u16,
}

impl Advertise {
    pub(crate) fn parse(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let advertise = Self { gw_id: GwId(body.u8()?), duration_s: body.u16()? };
        body.end()?;
        Ok(advertise)
    }

    pub(crate) fn layout(self) -> Layout<'static> {
        Layout::EMPTY.u8(self.gw_id.0).u16(self.duration_s)
    }
}

/// SEARCHGW (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchGw {
    /// Broadcast radius in hops; 0 is the whole network.
    pub radius: u8,
}

impl SearchGw {
    pub(crate) fn parse(mut body: Reader<'_>) -> Result<Self, DecodeError> {
        let search = Self { radius: body.u8()? };
        body.end()?;
        Ok(search)
    }

    pub(crate) fn layout(self) -> Layout<'static> {
        Layout::EMPTY.u8(self.radius)
    }
}

/// GWINFO (1.2 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GwInfo<'a> {
    /// The gateway that is described.
    pub gw_id: GwId,
    /// Its address, only when a client answers on a gateway's behalf; empty otherwise.
    pub gw_add: &'a [u8],
}

impl<'a> GwInfo<'a> {
    pub(crate) fn parse(mut body: Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { gw_id: GwId(body.u8()?), gw_add: body.data() })
    }

    pub(crate) fn layout(self) -> Layout<'a> {
        Layout::EMPTY.u8(self.gw_id.0).data(self.gw_add)
    }
}
