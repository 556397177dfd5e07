//! Intel HEX: what debug probes and most programmers read.

use super::flash::Flash;
use anyhow::Result;
use ihex::Record;

/// Octets on a line, as most programs write them.
const LINE: usize = 16;
/// What 16 bits of address reach.
const BANK: usize = 0x1_0000;

/// The file's text.
pub(crate) fn encode(flash: &Flash) -> Result<String> {
    let (start, mut records) = (flash.start as usize, Vec::new());
    let mut at = start;
    let mut bank = None;
    let end = start + flash.octets.len();
    while at < end {
        if bank.replace(at / BANK) != Some(at / BANK) {
            records.push(Record::ExtendedLinearAddress((at / BANK) as u16));
        }
        // No line crosses a bank.
        let until = (at + LINE).min(end).min((at / BANK + 1) * BANK);
        records
            .push(Record::Data { offset: (at % BANK) as u16, value: flash.octets[at - start..until - start].to_vec() });
        at = until;
    }
    records.push(Record::EndOfFile);
    Ok(ihex::create_object_file_representation(&records)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_address_and_sum_and_none_crosses_a_bank() {
        let flash = Flash { start: 0x2_FFFC, octets: (1..=8).collect() };
        let text = encode(&flash).expect("it has few octets");
        let lines = [":020000040002F8", ":04FFFC0001020304F7", ":020000040003F7", ":0400000005060708E2", ":00000001FF"];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }
}
