//! A serial device that may come and go: a dongle is pulled out, its firmware restarts, and all that must not end more
//! than the traffic.

use super::config::{FlowControl, Line, Parity};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_serial::{SerialPortBuilderExt, SerialStream};

/// How long to wait before the device is tried again.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// What has happened to the device.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PortEvent {
    /// It is open, and new.
    Opened,
    /// It is gone, or was never there; told once until it is open again.
    Closed(String),
}

#[derive(Debug)]
enum State {
    Open(Box<SerialStream>),
    /// Tried again when the time has come.
    Closed {
        pause: Pin<Box<Sleep>>,
        told: bool,
    },
}

/// The device of a configuration.
#[derive(Debug)]
pub(crate) struct Port {
    line: Line,
    state: State,
}

impl Port {
    /// Closed; opened by the first [`Port::poll_event`].
    pub(crate) fn new(line: Line) -> Self {
        Self { line, state: State::Closed { pause: Box::pin(sleep(Duration::ZERO)), told: false } }
    }

    /// Waits until the device can be opened, if it is closed. While it is open nothing happens here.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<PortEvent> {
        let State::Closed { pause, told } = &mut self.state else { return Poll::Pending };
        loop {
            ready!(pause.as_mut().poll(cx));
            match open(&self.line) {
                Ok(stream) => {
                    self.state = State::Open(Box::new(stream));
                    return Poll::Ready(PortEvent::Opened);
                }
                Err(why) => {
                    pause.as_mut().set(sleep(PAUSE));
                    if !std::mem::replace(told, true) {
                        return Poll::Ready(PortEvent::Closed(why));
                    }
                }
            }
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Waits for octets, while it is open. An error closes the device.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, octets: &mut [u8]) -> Poll<Result<usize, PortEvent>> {
        let State::Open(stream) = &mut self.state else { return Poll::Pending };
        let mut buffer = ReadBuf::new(octets);
        let read = ready!(Pin::new(stream.as_mut()).poll_read(cx, &mut buffer));
        Poll::Ready(match read {
            Ok(()) if buffer.filled().is_empty() => Err(self.lose("it has been unplugged".into())),
            Ok(()) => Ok(buffer.filled().len()),
            Err(error) => Err(self.lose(error.to_string())),
        })
    }

    /// Writes what the device takes now. How much that was; an error closes the device.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<Result<usize, PortEvent>> {
        let State::Open(stream) = &mut self.state else { return Poll::Pending };
        let written = ready!(Pin::new(stream.as_mut()).poll_write(cx, octets));
        Poll::Ready(written.map_err(|error| self.lose(error.to_string())))
    }

    /// The same without waiting.
    pub(crate) fn try_write(&mut self, octets: &[u8]) -> usize {
        match &mut self.state {
            // A failure is noticed when it is read from.
            State::Open(stream) => stream.try_write(octets).unwrap_or(0),
            State::Closed { .. } => 0,
        }
    }

    fn lose(&mut self, why: String) -> PortEvent {
        self.state = State::Closed { pause: Box::pin(sleep(PAUSE)), told: true };
        PortEvent::Closed(why)
    }
}

fn open(line: &Line) -> Result<SerialStream, String> {
    let path = line.device.path()?;
    let builder = tokio_serial::new(path, line.baud)
        .parity(match line.parity {
            Parity::None => tokio_serial::Parity::None,
            Parity::Odd => tokio_serial::Parity::Odd,
            Parity::Even => tokio_serial::Parity::Even,
        })
        .flow_control(match line.flow_control {
            FlowControl::None => tokio_serial::FlowControl::None,
            FlowControl::Hardware => tokio_serial::FlowControl::Hardware,
            FlowControl::Software => tokio_serial::FlowControl::Software,
        });
    builder.open_native_async().map_err(|error| io::Error::from(error).to_string())
}
