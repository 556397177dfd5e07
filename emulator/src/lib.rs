//! The firmware's real image on an emulated nRF52840, in virtual time.
//!
//! Owns: the chip as its firmware sees it ([`Machine`]): Unicorn executes the instructions, the models here are the
//! peripherals; what the chip draws ([`Used`]); and a place for it ([`Site`]): the simulator's air with a gateway on it, where
//! several chips can be [`Together`].
//!
//! Must not know: what the firmware does. It is an image, and what a test asks about it is asked over the air, over MQTT, or of
//! the meter.
//!
//! Time advances with each instruction, a cycle of 64 MHz each and two more for a taken branch, and jumps to the next event
//! while the processor sleeps: a night takes no longer than what is done in it. Times of peripherals are the product
//! specification's (nRF52840 PS v1.7). A run is a pure function of image, plan and seed.
//!
//! A register that no model has, and a use that the specification forbids, end a run with a [`Fault`] that names it.
//!
//! Order of calls: [`Image::from_elf`], [`Machine::new`], [`Machine::run_until`] as often as needed; in between
//! [`Machine::air`] for the world outside, [`Machine::used`] for the meter.

mod air;
mod board;
mod chip;
mod client;
mod dongle;
mod events;
mod fault;
mod gateway;
mod image;
mod machine;
mod meter;
mod nvic;
mod peripherals;
mod site;
mod time;
mod together;
mod usb;

pub use air::Air;
pub use client::Message;
pub use fault::Fault;
pub use image::Image;
pub use machine::{Machine, Reset, Stop};
pub use meter::Used;
pub use site::{Firmware, Plan, Site};
pub use together::{Antenna, Together};
pub use usb::{Descriptors, Host};
