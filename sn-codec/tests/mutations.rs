//! Small inputs all of them, and every vector damaged in every simple way.

mod support;

use support::{invariants, vectors};

#[test]
fn every_input_of_up_to_two_octets() {
    invariants::check(&[]);
    for first in 0..=u8::MAX {
        invariants::check(&[first]);
        (0..=u8::MAX).for_each(|second| invariants::check(&[first, second]));
    }
}

#[test]
fn every_input_of_three_octets() {
    for pair in 0..=u16::MAX {
        let [first, second] = pair.to_be_bytes();
        (0..=u8::MAX).for_each(|third| invariants::check(&[first, second, third]));
    }
}

#[test]
fn every_truncation_of_every_vector() {
    for vector in vectors() {
        (0..vector.octets.len()).for_each(|len| invariants::check(&vector.octets[..len]));
    }
}

/// A truncation whose Length says so: the body ends early, not the datagram.
#[test]
fn every_body_cut_short_with_its_length_corrected() {
    for vector in vectors() {
        for len in 2..vector.octets.len().min(255) {
            let mut cut = vector.octets[..len].to_vec();
            cut[0] = len as u8;
            invariants::check(&cut);
        }
    }
}

#[test]
fn every_flipped_bit_of_every_vector() {
    for vector in vectors() {
        for bit in 0..vector.octets.len() * 8 {
            let mut flipped = vector.octets.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            invariants::check(&flipped);
        }
    }
}
