//! What a node is told before it can talk to anybody, and how that is kept in flash.
//!
//! Owns: the node's settings, their text form, and the octets of a flash page that holds them. The same text is in the
//! page, in what is typed at the node's console, in the file that a page image is made of, and, as far as it may be
//! changed over the air, in messages.
//!
//! Must not know: flash controllers, radios, the session. `no_std`, so that node and tools share it.
//!
//! ```
//! use config_page::{PAGE_LEN, Settings, decode, encode};
//!
//! let mut settings = Settings::new();
//! settings.apply("pan=abcd\nchannel=15\ngateway=0200000000000001\nclient=hall\nbase=hall\n").expect("it can be");
//! settings.check().expect("nothing is missing");
//! let page = encode(&settings, 1);
//! assert_eq!(decode(&page), Some((1, settings)));
//! assert!(page.len() <= PAGE_LEN);
//! ```

#![no_std]

mod page;
mod settings;
pub mod text;

pub use page::{ADDRESS, JOURNAL_ADDRESS, MAX_ENCODED_LEN, PAGE_LEN, decode, encode};
pub use settings::{ClientId, Error, MAX_TEXT_LEN, RUN_TIME, Settings};
