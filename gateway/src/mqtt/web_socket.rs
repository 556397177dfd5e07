//! MQTT in WebSocket frames (MQTT 3.1.1 §6, MQTT 5 §6): the handshake, and the frames as one stream of octets.
//!
//! Packets may share a frame or span several. Only binary frames carry MQTT.

use super::Malformed;
use super::gate::{Gate, Key};
use super::reader::LONGEST_CONNECT;
use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, error::ProtocolError};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// The WebSocket subprotocol of MQTT ([MQTT-6.0.0-3]).
const SUBPROTOCOL: &str = "mqtt";
/// A client may put many packets into one message, so a message may be this long although each packet must be shorter.
const MESSAGE: usize = 64 << 10;
/// The longest fixed header (MQTT 3.1.1 §2.2).
const FIXED_HEADER: usize = 5;
/// Octets read at once, in a buffer that each connection has, and octets of frames before they are written.
const BUFFER: usize = 4 << 10;
/// Octets in one frame that we send.
const FRAME: usize = 64 << 10;

/// How a listener speaks WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketOptions {
    /// The path that clients ask for, as `/mqtt`.
    pub path: String,
    /// Sites whose pages may connect, as `https://example.org`; with `None` every site may. Clients that are no
    /// browsers name no site, and may always.
    pub origins: Option<Vec<String>>,
}

#[allow(clippy::result_large_err, reason = "the library wants such a callback")]
impl WebSocketOptions {
    /// Answers the client's request. [`Frames`] limit what it sends by `max_packet`, the longest remaining length, and until
    /// `key` is used by what a CONNECT may have.
    ///
    /// # Errors
    /// It is no WebSocket client, or asks for something else than MQTT here; it has been told so.
    pub(super) async fn accept<S>(&self, stream: S, max_packet: usize, key: Key) -> Result<Frames<Gate<S>>, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let longest = MESSAGE.max(max_packet + FIXED_HEADER);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(longest))
            .max_frame_size(Some(longest));
        let answer = |request: &Request, response: Response| self.answer(request, response);
        let mut stream = accept_hdr_async_with_config(Gate::new(stream, key), answer, Some(config)).await?;
        stream.get_mut().close((MESSAGE + LONGEST_CONNECT + FIXED_HEADER) as u64);
        Ok(Frames { stream, unread: Bytes::new(), close: Some(CloseCode::Normal) })
    }

    fn answer(&self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        let headers = request.headers();
        let named = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        if request.uri().path() != self.path {
            return Err(refusal(StatusCode::NOT_FOUND, format!("MQTT is at {}.\n", self.path)));
        }
        let mut origins = named(header::ORIGIN);
        if let Some(allowed) = &self.origins
            && !origins.all(|origin| allowed.iter().any(|site| site.eq_ignore_ascii_case(origin)))
        {
            return Err(refusal(StatusCode::FORBIDDEN, "Pages of this site may not connect.\n".into()));
        }
        let mut offered = named(header::SEC_WEBSOCKET_PROTOCOL).flat_map(|list| list.split(',')).map(str::trim);
        if !offered.any(|protocol| protocol == SUBPROTOCOL) {
            return Err(refusal(StatusCode::BAD_REQUEST, format!("The subprotocol here is {SUBPROTOCOL}.\n")));
        }
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        Ok(response)
    }
}

fn refusal(status: StatusCode, text: String) -> ErrorResponse {
    let (len, mut response) = (text.len(), ErrorResponse::new(Some(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_LENGTH, len.into());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The octets in the binary frames, one after the other. What is no MQTT ends it with an [`io::Error`] that has a
/// [`Malformed`] inside; the client is told by [`AsyncWrite::poll_shutdown`].
pub(super) struct Frames<S> {
    stream: WebSocketStream<S>,
    /// What is left of the last message.
    unread: Bytes,
    /// How the connection will be closed, until that has been said.
    close: Option<CloseCode>,
}

impl<S> Frames<S> {
    fn refuse(&mut self, code: CloseCode, reason: Malformed) -> io::Error {
        self.close = Some(code);
        io::Error::new(io::ErrorKind::InvalidData, reason)
    }

    fn refuse_error(&mut self, error: Error) -> io::Error {
        match error {
            // The gate has refused it.
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.close = Some(CloseCode::Size);
                error
            }
            Error::Io(error) => error,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => io::ErrorKind::ConnectionReset.into(),
            Error::Capacity(_) => self.refuse(CloseCode::Size, Malformed::TooLong),
            _ => self.refuse(CloseCode::Protocol, Malformed::WebSocket),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Frames<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(Message::Binary(octets))) => self.unread = octets,
                // Pings are answered and a close is acknowledged by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    return Poll::Ready(Err(self.refuse(CloseCode::Unsupported, Malformed::TextFrame)));
                }
                Some(Err(error)) => return Poll::Ready(Err(self.refuse_error(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let len = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..len]);
        self.unread.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Frames<S> {
    /// Takes all octets or, of many, what fits into a frame, once the frames before have left.
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.stream).poll_ready(cx)).map_err(io::Error::other)?;
        let octets = &octets[..octets.len().min(FRAME)];
        let frame = Message::Binary(Bytes::copy_from_slice(octets));
        Pin::new(&mut self.stream).start_send(frame).map_err(io::Error::other)?;
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx).map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(code) = self.close.take() {
            let close = Message::Close(Some(CloseFrame { code, reason: "".into() }));
            Pin::new(&mut self.stream).start_send(close).map_err(io::Error::other)?;
        }
        self.poll_flush(cx)
    }
}
