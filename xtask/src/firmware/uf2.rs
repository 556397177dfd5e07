//! UF2: what is copied to the drive of Adafruit's bootloader.
//!
//! A file of blocks that may come in any order: each says where its octets go (<https://github.com/microsoft/uf2>).

use super::flash::Flash;

const MAGIC_START: [u32; 2] = [0x0A32_4655, 0x9E5D_5157];
const MAGIC_END: u32 = 0x0AB1_6F30;
/// The flag that says that the last word of the header names a family.
const HAS_FAMILY: u32 = 0x2000;
/// Chips with an nRF52840: a bootloader of another family ignores the file.
const NRF52840: u32 = 0xADA5_2840;
/// Octets of flash in a block, of 476 that it has room for: a page's divisor, which every bootloader takes.
const PAYLOAD: usize = 256;
const BLOCK: usize = 512;

/// The file.
pub(crate) fn encode(flash: &Flash) -> Vec<u8> {
    let chunks = flash.octets.chunks(PAYLOAD);
    let count = chunks.len() as u32;
    (0..count).zip(chunks).flat_map(|(number, octets)| block(flash.start, number, count, octets)).collect()
}

fn block(start: u32, number: u32, count: u32, octets: &[u8]) -> [u8; BLOCK] {
    let address = start + number * PAYLOAD as u32;
    let [first, second] = MAGIC_START;
    let header = [first, second, HAS_FAMILY, address, PAYLOAD as u32, number, count, NRF52840];
    let mut block = [0; BLOCK];
    for (place, word) in block.chunks_exact_mut(4).zip(header) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    let data = &mut block[32..][..PAYLOAD];
    data.fill(0xFF);
    data[..octets.len()].copy_from_slice(octets);
    block[BLOCK - 4..].copy_from_slice(&MAGIC_END.to_le_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(block: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(block[at * 4..][..4].try_into().expect("four octets"))
    }

    #[test]
    fn each_block_says_where_it_goes_and_how_many_there_are() {
        let file = encode(&Flash { start: 0x2_6000, octets: vec![7; 260] });
        assert_eq!(file.len(), 1_024);
        for (number, block) in file.chunks(BLOCK).enumerate() {
            let place = [3, 4, 5, 6].map(|at| word(block, at));
            assert_eq!(place, [0x2_6000 + 256 * number as u32, 256, number as u32, 2]);
            assert_eq!(
                [0, 1, 2, 7, 127].map(|at| word(block, at)),
                [0x0A32_4655, 0x9E5D_5157, 0x2000, 0xADA5_2840, 0x0AB1_6F30]
            );
        }
        let last = &file[BLOCK..];
        assert_eq!((&last[32..37], last[32 + 255], last[32 + 256]), (&[7, 7, 7, 7, 255][..], 255, 0));
    }
}
