//! The one MQTT session that a scenario needs: a subscriber's, which lasts if it says so; beside it, publishers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::SnSide;

/// The subscriber's session.
#[derive(Default)]
pub(super) struct Session {
    stream: Option<TcpStream>,
    /// `None`: nobody has subscribed.
    qos: Option<u8>,
    lasts: bool,
    /// Packets for when it comes back.
    kept: Vec<Vec<u8>>,
}

impl Session {
    pub(super) fn deliver(&mut self, topic: &str, data: &[u8]) {
        let Some(qos) = self.qos else { return };
        let packet_id = if qos == 0 { vec![] } else { vec![0, 1] };
        let body = [&(topic.len() as u16).to_be_bytes()[..], topic.as_bytes(), &packet_id, data].concat();
        // Two octets of Remaining Length, the first with its continuation bit.
        let header = [0x30 | qos << 1, (body.len() % 128) as u8 | 0x80, (body.len() / 128) as u8];
        let packet = [&header[..], &body].concat();
        // Who has just gone is noticed here or by the thread that reads, whichever comes first.
        let sent = self.stream.as_mut().is_some_and(|stream| stream.write_all(&packet).is_ok());
        if !sent {
            self.stream = None;
            self.kept.push(packet);
        }
    }

    fn opened(&mut self, mut stream: TcpStream) {
        self.kept.drain(..).for_each(|packet| stream.write_all(&packet).unwrap());
        self.stream = Some(stream);
    }

    fn closed(&mut self) {
        self.stream = None;
        if !self.lasts {
            self.qos = None;
        }
    }
}

pub(super) fn accept(listener: &TcpListener, side: &Mutex<SnSide>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        serve(stream, side);
    }
}

/// One client, until it goes.
fn serve(mut stream: TcpStream, side: &Mutex<SnSide>) {
    stream.set_nonblocking(false).unwrap();
    let (mut reader, mut lasts) = (stream.try_clone().unwrap(), false);
    while let Some((first, body)) = read_packet(&mut reader) {
        let mut side = side.lock().unwrap();
        match first >> 4 {
            1 => {
                lasts = body[7] & 2 == 0;
                stream.write_all(&[0x20, 2, 0, 0]).unwrap();
                if lasts && side.mqtt.lasts {
                    side.mqtt.opened(stream.try_clone().unwrap());
                }
            }
            3 => {
                let (topic, rest) = body[2..].split_at(usize::from(body[1]));
                side.on_mqtt_publish(std::str::from_utf8(topic).unwrap(), &rest[2..]);
                stream.write_all(&[0x40, 2, rest[0], rest[1]]).unwrap();
            }
            8 => {
                let qos = body[body.len() - 1];
                stream.write_all(&[0x90, 3, body[0], body[1], qos]).unwrap();
                (side.mqtt.qos, side.mqtt.lasts) = (Some(qos), lasts);
                side.mqtt.opened(stream.try_clone().unwrap());
            }
            14 => break,
            5 => stream.write_all(&[0x62, 2, body[0], body[1]]).unwrap(),
            _ => {}
        }
    }
    side.lock().unwrap().mqtt.closed();
}

fn read_packet(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).ok()?;
    let mut body = vec![0; usize::from(header[1])];
    stream.read_exact(&mut body).ok()?;
    Some((header[0], body))
}
