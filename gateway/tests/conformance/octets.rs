//! Packets as octets, good ones and, with a little help, bad ones.
//!
//! Owns: the layout of what a client sends, in both versions. Must not know: sockets, and what a server answers.

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// 3.1.1
    V3,
    /// 5.0
    V5,
}

/// Where the flags are in a CONNECT of fewer than 128 octets.
pub(crate) const CONNECT_FLAGS: usize = 9;

/// A packet: the first octet, the remaining length and the body, in parts.
pub(crate) fn packet(first: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    [vec![first], var_int(body.len()), body].concat()
}

/// A variable byte integer: seven bits an octet, the lowest first (5.0 §1.5.5).
pub(crate) fn var_int(mut value: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    while value >= 0x80 {
        octets.push(value as u8 | 0x80);
        value >>= 7;
    }
    octets.push(value as u8);
    octets
}

/// A string or binary data, its length before it.
pub(crate) fn field(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

/// The properties of a packet, their length before them; nothing at all in 3.1.1.
pub(crate) fn properties(version: Version, properties: &[u8]) -> Vec<u8> {
    match version {
        Version::V3 => Vec::new(),
        Version::V5 => [var_int(properties.len()), properties.to_vec()].concat(),
    }
}

/// PUBLISH. `flags` are DUP, QoS and RETAIN as in the first octet; `id` is none at QoS 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Publish<'a> {
    pub(crate) flags: u8,
    pub(crate) topic: &'a str,
    pub(crate) id: Option<u16>,
    pub(crate) properties: Vec<u8>,
    pub(crate) payload: &'a [u8],
}

impl Publish<'_> {
    pub(crate) fn octets(&self, version: Version) -> Vec<u8> {
        let id = self.id.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default();
        let properties = properties(version, &self.properties);
        packet(0x30 | self.flags, &[&field(self.topic), &id, &properties, self.payload])
    }
}

/// SUBSCRIBE: each filter with its octet of options, which is the QoS in 3.1.1.
pub(crate) fn subscribe(version: Version, id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    subscribe_with(version, id, &[], filters)
}

/// The same with properties.
pub(crate) fn subscribe_with(version: Version, id: u16, given: &[u8], filters: &[(&str, u8)]) -> Vec<u8> {
    let filters: Vec<u8> =
        filters.iter().flat_map(|(filter, options)| [field(filter), vec![*options]].concat()).collect();
    packet(0x82, &[&id.to_be_bytes(), &properties(version, given), &filters])
}

/// UNSUBSCRIBE.
pub(crate) fn unsubscribe(version: Version, id: u16, filters: &[&str]) -> Vec<u8> {
    let filters: Vec<u8> = filters.iter().flat_map(field).collect();
    packet(0xA2, &[&id.to_be_bytes(), &properties(version, &[]), &filters])
}

/// An acknowledgement that says "success": PUBACK 0x40, PUBREC 0x50, PUBREL 0x62, PUBCOMP 0x70.
pub(crate) fn ack(first: u8, id: u16) -> Vec<u8> {
    packet(first, &[&id.to_be_bytes()])
}

/// A will.
#[derive(Clone, Debug)]
pub(crate) struct Will {
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) properties: Vec<u8>,
    pub(crate) topic: &'static str,
    pub(crate) payload: &'static str,
}

impl Will {
    /// At QoS 0, not retained.
    pub(crate) fn new(topic: &'static str, payload: &'static str) -> Self {
        Self { qos: 0, retain: false, properties: Vec::new(), topic, payload }
    }
}

/// CONNECT.
#[derive(Clone, Debug)]
pub(crate) struct Connect<'a> {
    version: Version,
    client_id: &'a str,
    /// Clean session, or Clean Start.
    clean: bool,
    keep_alive_s: u16,
    properties: Vec<u8>,
    will: Option<Will>,
    user: Option<&'a str>,
    password: Option<&'a [u8]>,
}

impl<'a> Connect<'a> {
    /// A session that begins and ends with the connection, keep-alive a minute.
    pub(crate) fn clean(version: Version, client_id: &'a str) -> Self {
        let properties = Vec::new();
        Self { version, client_id, clean: true, keep_alive_s: 60, properties, will: None, user: None, password: None }
    }

    /// Goes on with the session if there is one, and leaves one behind: in 5.0 for 1000 s.
    pub(crate) fn keep(version: Version, client_id: &'a str) -> Self {
        let properties = if version == Version::V5 { vec![0x11, 0, 0, 0x03, 0xE8] } else { Vec::new() };
        Self { properties, ..Self::resume(version, client_id) }
    }

    /// Goes on with the session if there is one. Without a property it ends with the connection (5.0).
    pub(crate) fn resume(version: Version, client_id: &'a str) -> Self {
        Self { clean: false, ..Self::clean(version, client_id) }
    }

    /// More properties (5.0).
    pub(crate) fn property(mut self, property: impl AsRef<[u8]>) -> Self {
        self.properties.extend_from_slice(property.as_ref());
        self
    }

    pub(crate) fn keep_alive_s(self, keep_alive_s: u16) -> Self {
        Self { keep_alive_s, ..self }
    }

    pub(crate) fn will(self, will: Will) -> Self {
        Self { will: Some(will), ..self }
    }

    pub(crate) fn user(self, user: &'a str) -> Self {
        Self { user: Some(user), ..self }
    }

    pub(crate) fn password(self, password: &'a [u8]) -> Self {
        Self { password: Some(password), ..self }
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let level = if self.version == Version::V5 { 5 } else { 4 };
        let keep_alive = self.keep_alive_s.to_be_bytes();
        let properties = properties(self.version, &self.properties);
        let head = [&field("MQTT")[..], &[level, self.flags()], &keep_alive, &properties].concat();
        packet(0x10, &[&head, &self.payload()])
    }

    fn flags(&self) -> u8 {
        let will = self.will.as_ref().map_or(0, |will| 0x04 | will.qos << 3 | u8::from(will.retain) << 5);
        let user = if self.user.is_some() { 0x80 } else { 0 };
        let password = if self.password.is_some() { 0x40 } else { 0 };
        u8::from(self.clean) << 1 | will | user | password
    }

    fn payload(&self) -> Vec<u8> {
        let will = self
            .will
            .as_ref()
            .map(|will| [properties(self.version, &will.properties), field(will.topic), field(will.payload)].concat());
        let parts = [Some(field(self.client_id)), will, self.user.map(field), self.password.map(field)];
        parts.into_iter().flatten().flatten().collect()
    }
}
