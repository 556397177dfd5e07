//! The README's tour works as printed.

use interop::{root, tour};
use std::net::{TcpListener, UdpSocket};

#[test]
fn the_tour_of_the_readme_shows_what_it_says() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README.md");
    let steps = tour::parse(&readme).unwrap_or_else(|error| panic!("README.md: {error}"));
    // The tour uses the default ports, as its readers do.
    TcpListener::bind("127.0.0.1:1883").expect("no other broker may listen on TCP port 1883");
    UdpSocket::bind("127.0.0.1:1883").expect("no other gateway may listen on UDP port 1883");
    let dir = tempfile::tempdir().expect("there is room in the temporary directory");
    tour::take(&steps, dir.path());
}
