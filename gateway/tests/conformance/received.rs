//! What came from the gateway, taken apart.

use crate::octets::Version;

/// CONNACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connack {
    pub(crate) session_present: bool,
    pub(crate) code: u8,
    pub(crate) properties: Properties,
}

/// A PUBLISH that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) dup: bool,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) topic: String,
    pub(crate) id: Option<u16>,
    pub(crate) properties: Properties,
    pub(crate) payload: Vec<u8>,
}

impl Message {
    /// The payload as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).expect("a payload of text")
    }
}

/// The properties of a packet: identifier and value, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Properties(pub(crate) Vec<(u8, Vec<u8>)>);

impl Properties {
    /// The value of the first with this identifier, as it is on the wire without a string's length.
    pub(crate) fn get(&self, id: u8) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, value)| &value[..])
    }

    /// The values of all with this identifier.
    pub(crate) fn all(&self, id: u8) -> Vec<&[u8]> {
        self.0.iter().filter(|(known, _)| *known == id).map(|(_, value)| &value[..]).collect()
    }

    /// The value as a number.
    pub(crate) fn number(&self, id: u8) -> Option<u32> {
        self.get(id).map(|value| value.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
    }
}

/// What is left of a packet that is being taken apart.
pub(crate) struct Rest<'a>(pub(crate) &'a [u8]);

impl<'a> Rest<'a> {
    #[track_caller]
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(len).expect("the packet is too short");
        self.0 = rest;
        taken
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.take(1)[0]
    }

    pub(crate) fn number(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().expect("two octets"))
    }

    pub(crate) fn field(&mut self) -> &'a [u8] {
        let len = self.number();
        self.take(len.into())
    }

    pub(crate) fn text(&mut self) -> String {
        String::from_utf8(self.field().to_vec()).expect("UTF-8")
    }

    pub(crate) fn var_int(&mut self) -> usize {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let octet = self.octet();
            value |= usize::from(octet & 0x7F) << shift;
            if octet & 0x80 == 0 {
                assert!(octet != 0 || shift == 0, "a variable byte integer with more octets than it needs");
                break;
            }
        }
        value
    }

    pub(crate) fn properties(&mut self, version: Version) -> Properties {
        if version == Version::V3 {
            return Properties::default();
        }
        let len = self.var_int();
        let mut rest = Rest(self.take(len));
        let mut all = Vec::new();
        while !rest.0.is_empty() {
            let id = rest.octet();
            all.push((id, rest.property(id)));
        }
        Properties(all)
    }

    /// The value of a property, by 5.0's table 2-4. A pair of strings is one value with its second length inside.
    pub(crate) fn property(&mut self, id: u8) -> Vec<u8> {
        match id {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2A => self.take(1).to_vec(),
            0x13 | 0x21 | 0x22 | 0x23 => self.take(2).to_vec(),
            0x02 | 0x11 | 0x18 | 0x27 => self.take(4).to_vec(),
            0x0B => (self.var_int() as u32).to_be_bytes().to_vec(),
            0x26 => [self.field(), b"=", self.field()].concat(),
            0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1A | 0x1C | 0x1F => self.field().to_vec(),
            other => panic!("there is no property {other:02x}"),
        }
    }
}
