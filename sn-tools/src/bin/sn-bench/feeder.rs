//! An MQTT client that publishes at QoS 1 as fast as the server acknowledges.

use std::io::{Read, Write};
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use crate::mqtt::{self, Packet};
use crate::settings::Bounds;
use crate::subscriber::open_session;

/// Messages without a PUBACK at any time.
const WINDOW: u64 = 512;

/// Publishes `count` messages; `message` writes the topic of the one with its number and returns its payload.
///
/// # Errors
/// When the server refuses, closes the connection, or is silent for `bounds.limit`.
pub(crate) fn feed<const LEN: usize>(
    server: SocketAddr,
    client_id: &str,
    bounds: &Bounds,
    count: u64,
    message: impl Fn(u64, &mut String) -> [u8; LEN],
) -> Result<()> {
    let mut stream = open_session(server, client_id, true)?;
    stream.set_read_timeout(Some(bounds.limit))?;
    let (mut inbox, mut filled) = ([0; 4_096], 0);
    let (mut topic, mut outbox, mut sent, mut acked) = (String::new(), Vec::new(), 0, 0);
    while acked < count {
        while sent < count.min(acked + WINDOW) {
            topic.clear();
            let payload = message(sent, &mut topic);
            sent += 1;
            mqtt::push_publish(&mut outbox, 1, &topic, packet_id(sent), &payload);
        }
        stream.write_all(&outbox).context("publishing to the MQTT server")?;
        outbox.clear();
        let got = stream.read(&mut inbox[filled..]).with_context(|| format!("no PUBACK after {acked}"))?;
        ensure!(got > 0, "MQTT server closed the publisher's connection after {acked} messages");
        let (taken, acks) = count_acks(&inbox[..filled + got])?;
        inbox.copy_within(taken..filled + got, 0);
        (filled, acked) = (filled + got - taken, acked + acks);
    }
    Ok(())
}

/// Packet ids go round; a window's are different.
fn packet_id(number: u64) -> u16 {
    (number % 65_535) as u16 + 1
}

/// How many octets of whole packets there are, and how many PUBACKs in them.
fn count_acks(input: &[u8]) -> Result<(usize, u64)> {
    let (mut taken, mut acks) = (0, 0);
    while let Some((packet, len)) = mqtt::parse(&input[taken..])? {
        acks += u64::from(matches!(packet, Packet::PubAck(_)));
        taken += len;
    }
    Ok((taken, acks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_acknowledgements_are_counted() {
        assert_eq!(count_acks(&[0x40, 2, 0, 1, 0x40, 2, 0, 2, 0x40, 2]).unwrap(), (8, 2));
        assert_eq!((packet_id(1), packet_id(65_534), packet_id(65_535)), (2, 65_535, 1));
    }
}
