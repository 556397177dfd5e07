//! Publishers and subscribers, and messages between them as fast as the server carries them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use mio::{Events, Poll, Token};

use super::Load;
use super::client::Client;
use crate::clock::{Deadline, as_ns, now_ns};
use crate::payload::{PAYLOAD_LEN, Stamp};

/// One event loop's worth.
const EVENTS: usize = 256;
const TICK: Duration = Duration::from_millis(100);

/// A publisher, its topic, and how far its messages have come.
struct Source {
    client: Client,
    topic: String,
    sent: u64,
    acknowledged: u64,
    /// Arrivals at all of its subscribers.
    arrived: u64,
}

/// A subscriber to one publisher's topic. It must get that one's messages in order, each once.
struct Sink {
    client: Client,
    source: usize,
    next: u64,
}

/// Everybody in their places. Order of calls: `connect`, `drive`.
pub(super) struct Traffic {
    load: Load,
    poll: Poll,
    sources: Vec<Source>,
    sinks: Vec<Sink>,
    /// Arrivals at all subscribers.
    pub(super) deliveries: u64,
}

impl Traffic {
    /// # Errors
    /// When the server does not answer or refuses.
    pub(super) fn connect(server: SocketAddr, load: Load) -> Result<Self> {
        let poll = Poll::new()?;
        let (mut sources, mut sinks) = (Vec::new(), Vec::new());
        for source in 0..load.publishers {
            let topic = format!("bench/{}/{source}", load.name);
            for number in 0..load.subscribers_each {
                let (id, token) = (format!("sink-{source}-{number}"), Token(load.publishers + sinks.len()));
                let client = Client::open(server, &id, Some((&topic, load.qos)), poll.registry(), token)?;
                sinks.push(Sink { client, source, next: 0 });
            }
            let client = Client::open(server, &format!("source-{source}"), None, poll.registry(), Token(source))?;
            sources.push(Source { client, topic, sent: 0, acknowledged: 0, arrived: 0 });
        }
        Ok(Self { load, poll, sources, sinks, deliveries: 0 })
    }

    /// Publishes for `time`, and goes on until everything has arrived. Answers with the deliveries per second.
    ///
    /// # Errors
    /// When the server closes a connection, loses, repeats or swaps messages, or is stuck for `limit`.
    pub(super) fn drive(&mut self, time: Duration, limit: Duration) -> Result<f64> {
        let (start_ns, deadline) = (now_ns(), Deadline::after(time + limit));
        let mut events = Events::with_capacity(EVENTS);
        (0..self.sources.len()).try_for_each(|source| self.publish(source))?;
        while !self.is_done(start_ns + as_ns(time)) {
            self.poll.poll(&mut events, Some(TICK))?;
            for event in &events {
                self.on_event(event.token().0, start_ns + as_ns(time))?;
            }
            deadline.check(|| format!("{} messages delivered", self.deliveries))?;
        }
        Ok(self.deliveries as f64 * 1e9 / (now_ns() - start_ns) as f64)
    }

    fn is_done(&self, until_ns: u64) -> bool {
        now_ns() >= until_ns && self.sources.iter().all(|source| source.done(&self.load) == source.sent)
    }

    fn on_event(&mut self, token: usize, until_ns: u64) -> Result<()> {
        let source = match token.checked_sub(self.sources.len()) {
            None => {
                let source = &mut self.sources[token];
                let load = &self.load;
                let ended = source.client.drain(|_| anyhow::bail!("a publisher of {} got a message", load.name))?;
                source.acknowledged += ended;
                source.client.flush()?;
                token
            }
            Some(sink) => self.take(sink)?,
        };
        if now_ns() < until_ns { self.publish(source) } else { Ok(()) }
    }

    /// Takes what a subscriber has got, and answers with whose messages those are.
    fn take(&mut self, sink: usize) -> Result<usize> {
        let Sink { client, source, next } = &mut self.sinks[sink];
        let before = *next;
        client.drain(|payload| {
            let expected = *next;
            ensure!(
                Stamp::of(payload).is_some_and(|stamp| stamp.seq == expected),
                "instead of message {expected} another one arrived"
            );
            *next += 1;
            Ok(())
        })?;
        client.flush()?;
        self.sources[*source].arrived += *next - before;
        self.deliveries += *next - before;
        Ok(*source)
    }

    /// Fills the publisher's window, once half of it is free: many messages with one write.
    fn publish(&mut self, source: usize) -> Result<()> {
        let source = &mut self.sources[source];
        let window = self.load.window;
        let last = source.done(&self.load) + window;
        if last - source.sent < window / 2 {
            return Ok(());
        }
        let sent_ns = now_ns();
        while source.sent < last {
            let payload = Stamp { seq: source.sent, sent_ns }.to_payload::<PAYLOAD_LEN>();
            // Ids go round; a window's are different.
            let packet_id = (source.sent % 65_535) as u16 + 1;
            source.client.publish(self.load.qos, &source.topic, packet_id, &payload);
            source.sent += 1;
        }
        source.client.flush()
    }
}

impl Source {
    /// Messages that are acknowledged and have arrived everywhere.
    fn done(&self, load: &Load) -> u64 {
        let arrived = self.arrived / load.subscribers_each as u64;
        if load.qos == 0 { arrived } else { arrived.min(self.acknowledged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    const LOAD: Load = Load { publishers: 1, ..crate::brokers::QOS_0 };
    /// A PUBLISH of this load: fixed header, topic, payload.
    const PACKET: usize = 2 + 2 + "bench/mqtt qos0/0".len() + PAYLOAD_LEN;

    /// A server for one subscriber and one publisher at QoS 0: what comes from the one goes to the other, but for the
    /// packet `lost`.
    fn server(lost: Option<usize>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            let accept = |answers: &[&[u8]]| {
                let mut stream = listener.accept().unwrap().0;
                for answer in answers {
                    assert!(stream.read(&mut [0; 256]).unwrap() > 0);
                    stream.write_all(answer).unwrap();
                }
                stream
            };
            let connack: &[u8] = &[0x20, 2, 0, 0];
            let mut sink: TcpStream = accept(&[connack, &[0x90, 3, 0, 1, 0]]);
            let mut source = accept(&[connack]);
            for number in 0.. {
                let mut packet = [0; PACKET];
                if source.read_exact(&mut packet).is_err() || (lost != Some(number) && sink.write_all(&packet).is_err())
                {
                    return;
                }
            }
        });
        addr
    }

    fn drive(lost: Option<usize>) -> (Result<f64>, u64) {
        let mut traffic = Traffic::connect(server(lost), LOAD).unwrap();
        (traffic.drive(Duration::from_millis(50), Duration::from_secs(20)), traffic.deliveries)
    }

    #[test]
    fn what_arrives_is_counted() {
        let (rate, deliveries) = drive(None);
        assert!(rate.unwrap() > 0.0);
        assert!(deliveries >= LOAD.window);
    }

    #[test]
    fn a_lost_message_is_noticed() {
        let error = drive(Some(7)).0.unwrap_err();
        assert_eq!(error.to_string(), "instead of message 7 another one arrived");
    }
}
