//! What the images have in common: every request that a client can be made, so that nothing of it can be left out by the
//! compiler, and what a panic does.

#![no_std]

use core::hint::black_box;
use core::num::NonZeroU16;
use cortex_m as _;
use sn_client::{Client, Qos, RequestError, ShortName, Topic, TopicId};
use sn_types::Instant;

/// Octets for the topic and payload of one request.
pub const BODY_LEN: usize = 192;
/// Octets for topic names.
pub const TOPICS_LEN: usize = 128;
/// A client as a small node has it.
pub type NodeClient = Client<'static, BODY_LEN, TOPICS_LEN>;

/// Makes the request with this number: whatever an application might want.
///
/// # Errors
/// As the client's.
// As large as if it were the image's own.
#[inline]
pub fn request(client: &mut NodeClient, now: Instant, wish: u8) -> Result<(), RequestError> {
    let (text, octets) = (black_box("a/b"), black_box(&[1, 2, 3]));
    let topic = match black_box(0) {
        0 => Topic::Name(text),
        1 => Topic::Predefined(TopicId(wish.into())),
        _ => Topic::Short(ShortName(*b"ab")),
    };
    let qos = black_box(Qos::Two);
    match wish {
        0 => client.connect(black_box(true)),
        1 => return client.publish(topic, octets, qos, black_box(true)),
        2 => return client.subscribe(topic, qos),
        3 => return client.unsubscribe(topic),
        4 => return client.sleep(black_box(NonZeroU16::MIN)),
        5 => return client.wake(),
        6 => client.disconnect(),
        7 => client.cancel(),
        8 => client.search(now, wish),
        9 => return client.update_will_topic(text, qos, true),
        _ => return client.update_will_message(octets),
    }
    Ok(())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        black_box(());
    }
}
