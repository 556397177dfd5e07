//! CCM* with AES-128: a message is encrypted, and an integrity code covers it and a header (IEEE 802.15.4-2011 Annex B.4).
//!
//! The length of the code is a value here. In the crate `ccm` it is a type, and a node, which learns its level only when it
//! starts, would have the whole in its flash three times; the tests compare the two.

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};
use sn_types::LinkKey;
use subtle::ConstantTimeEq;

/// A block of the cipher, in octets.
const BLOCK: usize = 16;
/// L: how many octets of a block say how long the message is, and count its blocks.
const LENGTH: u8 = 2;
/// In the first block: there is a header.
const HAS_HEADER: u8 = 1 << 6;

/// Secures one message: a nonce is never used twice with a key.
pub(crate) struct Ccm {
    cipher: Aes128,
    nonce: [u8; 13],
}

impl Ccm {
    pub(crate) fn new(key: &LinkKey, nonce: [u8; 13]) -> Self {
        Self { cipher: Aes128::new(&key.0.into()), nonce }
    }

    /// Encrypts the message and writes the integrity code, which has 4, 8 or 16 octets, or none. There is always a header.
    pub(crate) fn encrypt(&self, header: &[u8], message: &mut [u8], code: &mut [u8]) {
        let whole = self.code(header, message, code.len());
        code.copy_from_slice(&whole[..code.len()]);
        self.apply_key_stream(message);
    }

    /// Decrypts the message and says whether the code is right. If not, the message is anything.
    pub(crate) fn decrypt(&self, header: &[u8], message: &mut [u8], code: &[u8]) -> bool {
        self.apply_key_stream(message);
        let whole = self.code(header, message, code.len());
        whole[..code.len()].ct_eq(code).into()
    }

    /// B.4.1.2 and B.4.1.3: the integrity code, of which `len` octets count, of a message that is not encrypted.
    fn code(&self, header: &[u8], message: &[u8], len: usize) -> [u8; BLOCK] {
        let code_flags = (len.saturating_sub(2) / 2) as u8;
        let mut code = self.block(HAS_HEADER | code_flags << 3, message.len() as u16);
        self.encrypt_block(&mut code);
        self.chain(&mut code, &(header.len() as u16).to_be_bytes(), header);
        self.chain(&mut code, &[], message);
        xor(&mut code, &self.key_stream(0));
        code
    }

    /// CBC: takes in octets, filled up with zeros to whole blocks.
    fn chain(&self, code: &mut [u8; BLOCK], prefix: &[u8], octets: &[u8]) {
        let mut at = 0;
        for octet in prefix.iter().chain(octets) {
            code[at] ^= octet;
            at = (at + 1) % BLOCK;
            if at == 0 {
                self.encrypt_block(code);
            }
        }
        if at != 0 {
            self.encrypt_block(code);
        }
    }

    /// B.4.1.4: encrypts and decrypts.
    fn apply_key_stream(&self, message: &mut [u8]) {
        for (count, octets) in (1..).zip(message.chunks_mut(BLOCK)) {
            xor(octets, &self.key_stream(count));
        }
    }

    fn key_stream(&self, count: u16) -> [u8; BLOCK] {
        let mut block = self.block(0, count);
        self.encrypt_block(&mut block);
        block
    }

    /// Flags, nonce, and the length or the count.
    fn block(&self, flags: u8, number: u16) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[0] = flags | (LENGTH - 1);
        block[1..14].copy_from_slice(&self.nonce);
        block[14..].copy_from_slice(&number.to_be_bytes());
        block
    }

    fn encrypt_block(&self, block: &mut [u8; BLOCK]) {
        self.cipher.encrypt_block(block.into());
    }
}

fn xor(octets: &mut [u8], with: &[u8]) {
    octets.iter_mut().zip(with).for_each(|(octet, with)| *octet ^= with);
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use ccm::TagSize;
    use ccm::aead::AeadInPlace;
    use ccm::aead::generic_array::ArrayLength;
    use ccm::consts::{U4, U8, U13, U16};
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    /// The message as the crate `ccm` encrypts it, and the code.
    fn reference<M: ArrayLength<u8> + TagSize>(
        key: &LinkKey,
        nonce: [u8; 13],
        header: &[u8],
        message: &[u8],
    ) -> Vec<u8> {
        let mut sealed = message.to_vec();
        let cipher = ccm::Ccm::<Aes128, M, U13>::new(&key.0.into());
        let code = cipher.encrypt_in_place_detached(&nonce.into(), header, &mut sealed).expect("it is short");
        sealed.extend(code);
        sealed
    }

    proptest! {
        #[test]
        fn it_is_what_another_makes_of_it(
            key: [u8; 16],
            nonce: [u8; 13],
            header in prop::collection::vec(any::<u8>(), 1..=127),
            message in prop::collection::vec(any::<u8>(), 0..=127),
            wrong in any::<prop::sample::Index>(),
        ) {
            let key = LinkKey(key);
            let ccm = Ccm::new(&key, nonce);
            for (len, expected) in [
                (4, reference::<U4>(&key, nonce, &header, &message)),
                (8, reference::<U8>(&key, nonce, &header, &message)),
                (16, reference::<U16>(&key, nonce, &header, &message)),
            ] {
                let mut sealed = message.clone();
                let mut code = vec![0; len];
                ccm.encrypt(&header, &mut sealed, &mut code);
                prop_assert_eq!([sealed.as_slice(), &code].concat(), expected);
                prop_assert!(ccm.decrypt(&header, &mut sealed, &code));
                prop_assert_eq!(&sealed, &message);
                code[wrong.index(len)] ^= 1;
                prop_assert!(!ccm.decrypt(&header, &mut sealed, &code));
            }
        }
    }
}
