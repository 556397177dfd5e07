//! The HTTP listener: `GET /metrics`.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How long a scrape may take, from its connection to its last octet.
const PATIENCE: Duration = Duration::from_secs(5);
/// Scrapes that wait for the driver.
pub(crate) const CHANNEL: usize = 1;
/// What Prometheus calls its text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where the driver answers a scrape.
pub(crate) type Scrape = oneshot::Sender<String>;

/// The listener.
#[derive(Debug)]
pub(crate) struct Server(TcpListener);

impl Server {
    /// Binds it.
    pub(crate) async fn bind(addr: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(addr).await.map(Self)
    }

    /// Where it listens.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Serves one connection after the other: who scrapes comes a few times per minute.
    pub(crate) async fn serve(self, driver: mpsc::Sender<Scrape>) {
        loop {
            match self.0.accept().await {
                Ok((stream, _)) => {
                    if timeout(PATIENCE, serve_one(stream, &driver)).await.is_err() {
                        tracing::debug!("metrics: a scrape took too long");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "metrics");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

async fn serve_one(stream: TcpStream, driver: &mpsc::Sender<Scrape>) {
    let service = service_fn(|request| answer(request, driver));
    let mut http = http1::Builder::new();
    // All of it has a time limit.
    http.keep_alive(false).header_read_timeout(None);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "metrics");
    }
}

async fn answer(
    request: Request<Incoming>,
    driver: &mpsc::Sender<Scrape>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => match scrape(driver).await {
            Some(text) => response(StatusCode::OK, (CONTENT_TYPE, TEXT), text),
            None => plain(StatusCode::SERVICE_UNAVAILABLE, "the gateway stops\n"),
        },
        (_, "/metrics") => response(StatusCode::METHOD_NOT_ALLOWED, (ALLOW, "GET, HEAD"), String::new()),
        (_, _) => plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n"),
    })
}

async fn scrape(driver: &mpsc::Sender<Scrape>) -> Option<String> {
    let (reply, text) = oneshot::channel();
    driver.send(reply).await.ok()?;
    text.await.ok()
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    response(status, (CONTENT_TYPE, "text/plain; charset=utf-8"), text.into())
}

fn response(status: StatusCode, (name, value): (HeaderName, &'static str), text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(name, hyper::header::HeaderValue::from_static(value));
    response
}
