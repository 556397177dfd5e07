//! A proxy before another broker that cuts connections, and writes down which messages each side has acknowledged to the
//! other, and which it has sent again though it must not.
//!
//! It knows of MQTT what that takes: PUBLISH with its id, PUBACK, PUBREC and PUBREL. Payloads are numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A message: its topic, as it is called on this line, and its number.
pub(crate) type Message = (String, u32);

/// What one side has published, and how the other has answered. An id stands for the last message that was sent under it.
#[derive(Debug, Default)]
struct Said {
    sent: BTreeMap<[u8; 2], Message>,
    acknowledged: BTreeSet<Message>,
    /// PUBREL was sent.
    released: BTreeSet<Message>,
    /// PUBLISH was sent after PUBREL.
    begun_again: BTreeSet<Message>,
}

/// The proxy.
pub(crate) struct Tap {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// Of what went to the server, and of what came from it.
    out: Arc<Mutex<Said>>,
    inward: Arc<Mutex<Said>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Tap {
    /// To `server`.
    pub(crate) fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let addr = listener.local_addr().expect("an address");
        let [out, inward] = [(); 2].map(|()| Arc::<Mutex<Said>>::default());
        let tap = Self { addr, out: out.clone(), inward: inward.clone(), open: Arc::default() };
        let open = tap.open.clone();
        // It ends with the process.
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(server) else { continue };
                open.lock().expect("the list").extend([&near, &far].map(|stream| stream.try_clone().expect("shared")));
                // What one side publishes the other acknowledges.
                pass(&near, &far, out.clone(), inward.clone());
                pass(&far, &near, inward.clone(), out.clone());
            }
        });
        tap
    }

    /// Cuts what is open, with what is on its way.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().expect("the list").drain(..) {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO));
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// The server has acknowledged it.
    pub(crate) fn taken_there(&self, message: &Message) -> bool {
        self.out.lock().expect("what was said").acknowledged.contains(message)
    }

    /// Who has connected to the server has acknowledged it.
    pub(crate) fn taken_here(&self, message: &Message) -> bool {
        self.inward.lock().expect("what was said").acknowledged.contains(message)
    }

    /// The server has sent PUBREL for it, and after that PUBLISH once more: nobody can know then that it is the same message
    /// (MQTT 3.1.1 §4.3.3).
    pub(crate) fn begun_again_there(&self, message: &Message) -> bool {
        self.inward.lock().expect("what was said").begun_again.contains(message)
    }
}

/// Passes packets on. `said` is about what `from` publishes, `answered` about what it acknowledges.
fn pass(from: &TcpStream, to: &TcpStream, said: Arc<Mutex<Said>>, answered: Arc<Mutex<Said>>) {
    let (mut from, mut to) = (from.try_clone().expect("shared"), to.try_clone().expect("shared"));
    to.set_nodelay(true).expect("a socket");
    thread::spawn(move || {
        while let Ok(packet) = read_packet(&mut from) {
            // It counts before it arrives: it may do so although the line breaks.
            note(&packet, &said, &answered);
            if to.write_all(&packet).is_err() {
                break;
            }
        }
        let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    });
}

/// A packet with its fixed header.
fn read_packet(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut packet = vec![0; 1];
    from.read_exact(&mut packet)?;
    let (mut len, mut octet) = (0, [0x80]);
    for shift in [0, 7, 14, 21] {
        from.read_exact(&mut octet)?;
        packet.push(octet[0]);
        len |= usize::from(octet[0] & 0x7F) << shift;
        if octet[0] & 0x80 == 0 {
            break;
        }
    }
    let header = packet.len();
    packet.resize(header + len, 0);
    from.read_exact(&mut packet[header..])?;
    Ok(packet)
}

fn note(packet: &[u8], said: &Mutex<Said>, answered: &Mutex<Said>) {
    let header = 1 + packet[1..].iter().position(|octet| octet & 0x80 == 0).expect("a length") + 1;
    let body = &packet[header..];
    match packet[0] {
        0x32..=0x3F => said.lock().expect("what was said").publish(body),
        0x40 | 0x50 => answered.lock().expect("what was said").acknowledge(body),
        0x62 => said.lock().expect("what was said").release(body),
        _ => {}
    }
}

impl Said {
    fn publish(&mut self, body: &[u8]) {
        let (topic, rest) = body[2..].split_at(u16::from_be_bytes([body[0], body[1]]).into());
        let (id, payload) = rest.split_first_chunk().expect("QoS 1 or 2");
        let text = |octets| std::str::from_utf8(octets).expect("text");
        // In MQTT 5 an octet before the payload says that there are no properties.
        let number = text(payload).trim_start_matches('\0').parse().expect("a number");
        let message = (text(topic).to_owned(), number);
        if self.released.contains(&message) {
            self.begun_again.insert(message.clone());
        }
        self.sent.insert(*id, message);
    }

    fn acknowledge(&mut self, body: &[u8]) {
        let message = self.sent.get(&body[..2]).cloned();
        self.acknowledged.extend(message);
    }

    fn release(&mut self, body: &[u8]) {
        let message = self.sent.get(&body[..2]).cloned();
        self.released.extend(message);
    }
}
