//! Nanoseconds per decoded and encoded message. `cargo bench -p sn-codec`.

use criterion::{Criterion, criterion_group, criterion_main};
use sn_codec::decode;
use std::hint::black_box;
use std::time::Duration;

/// The messages, from the most frequent on.
const DATAGRAMS: [(&str, &[u8]); 5] = [
    ("PUBLISH", b"\x11\x0C\x20\x00\x01\x00\x020123456789"),
    ("PINGREQ", b"\x02\x16"),
    ("CONNECT", b"\x0F\x04\x04\x01\x00\x3Csensor-01"),
    ("SUBSCRIBE", b"\x0A\x12\x20\x00\x05a/b/c"),
    ("ADVERTISE", b"\x05\x00\x08\x03\x84"),
];

fn codec(criterion: &mut Criterion) {
    for (name, datagram) in DATAGRAMS {
        criterion.bench_function(&format!("decode {name}"), |bencher| {
            bencher.iter(|| {
                // By reference, as callers use it: moving the message into the black box would cost as much again.
                black_box(&decode(black_box(datagram)));
            });
        });

        let message = decode(datagram).expect("the datagrams above are messages");
        let mut buf = [0; 64];
        criterion.bench_function(&format!("encode {name}"), |bencher| {
            bencher.iter(|| black_box(&message).encode(black_box(&mut buf)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    targets = codec
}
criterion_main!(benches);
