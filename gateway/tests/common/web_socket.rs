//! Clients that speak MQTT in WebSocket frames.

use super::Mqtt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, HandshakeError, Message, WebSocket};

/// A stream of octets: each write is one frame, and a read takes what is left of the last one.
pub(crate) struct Frames<S> {
    pub(crate) socket: WebSocket<S>,
    unread: Vec<u8>,
}

/// A request for `/mqtt` with the subprotocol `mqtt`.
pub(crate) fn request(gateway: SocketAddr) -> Request {
    let mut request = format!("ws://{gateway}/mqtt").into_client_request().expect("a request");
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
    request
}

/// What the gateway answers to `request`.
pub(crate) fn ask(gateway: SocketAddr, request: Request) -> Result<Response, tungstenite::Error> {
    let stream = Mqtt::new(gateway).0;
    tungstenite::client(request, stream).map(|(_, response)| response).map_err(|error| match error {
        HandshakeError::Failure(error) => error,
        HandshakeError::Interrupted(_) => panic!("the gateway does not answer"),
    })
}

/// A client on which no MQTT has been said yet.
pub(crate) fn new(gateway: SocketAddr) -> Mqtt<Frames<TcpStream>> {
    within(gateway, Mqtt::new(gateway).0)
}

/// The same within another stream.
pub(crate) fn within<S: Read + Write>(gateway: SocketAddr, stream: S) -> Mqtt<Frames<S>> {
    let handshake = tungstenite::client(request(gateway), stream);
    let (socket, response) = handshake.unwrap_or_else(|error| panic!("no WebSocket: {error}"));
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "mqtt");
    Mqtt(Frames { socket, unread: Vec::new() })
}

impl<S: Read + Write> Frames<S> {
    /// Sends a message.
    pub(crate) fn send(&mut self, message: impl Into<Message>) {
        self.socket.send(message.into()).expect("send");
    }

    /// What the gateway gives as the reason when it closes the connection.
    pub(crate) fn closed(&mut self) -> Option<CloseFrame> {
        match self.socket.read().expect("a message") {
            Message::Close(frame) => frame,
            other => panic!("no close: {other:?}"),
        }
    }
}

impl<S: Read + Write> Read for Frames<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.unread.is_empty() {
            match self.socket.read() {
                Ok(Message::Binary(octets)) => self.unread = octets.into(),
                Ok(Message::Close(_)) => return Ok(0),
                Ok(other) => panic!("only binary messages: {other:?}"),
                Err(tungstenite::Error::ConnectionClosed) => return Ok(0),
                Err(tungstenite::Error::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        let len = self.unread.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.unread[..len]);
        self.unread.drain(..len);
        Ok(len)
    }
}

impl<S: Read + Write> Write for Frames<S> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.send(octets.to_vec());
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
