//! The socket at which the gateway waits for a simulator.

use socket2::{Domain, SockAddr, Socket, Type};
use std::fs::{self, Permissions};
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Sleep, sleep};

/// How long nobody is let in after that has failed: there are no descriptors left, say.
const PAUSE: Duration = Duration::from_secs(1);

/// A listening socket in the file system, for its owner only. It is removed when the value is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    path: PathBuf,
    socket: UnixListener,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Listener {
    /// Binds to `path`, in the place of a socket that a process which has ended has left there.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        remove_stale(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        // Nobody can connect before `listen`.
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        socket.listen(8)?;
        let socket = UnixListener::from_std(net::UnixListener::from(socket))?;
        Ok(Self { path: path.into(), socket, pause: None })
    }

    /// Waits for somebody.
    pub(super) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let accepted = ready!(self.socket.poll_accept(cx)).map(|(stream, _)| stream);
        if accepted.is_err() {
            self.pause = Some(Box::pin(sleep(PAUSE)));
        }
        Poll::Ready(accepted)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have been removed by somebody else; then there is nothing to do.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes a socket at which nobody listens any more; anything else at this path stays, and is an error.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something else than a socket"));
        }
        Ok(_) => {}
    }
    match net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}
