//! What each crate has in an image, by the lines of source that the debug information names for each instruction.
//!
//! Code that was inlined counts for the crate that it is written in; only what is `core`'s counts for who calls it.

use super::flash::sections;
use addr2line::Loader;
use anyhow::{Result, anyhow};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Assembly, and what fills up to whole words.
const UNKNOWN: &str = "(no line)";
const CORE: &str = "core";

/// Octets of flash by crate, and of what is no code by section, the largest part first. Together they are the image's.
pub(super) fn parts(elf: &Path) -> Result<Vec<(String, u64)>> {
    let loader = Loader::new(elf).map_err(|error| anyhow!("{error}"))?;
    let mut parts = BTreeMap::new();
    for section in sections(&fs::read(elf)?)?.into_iter().filter(|section| section.is_in_flash && section.len > 0) {
        if section.is_code {
            for owner in owners(&loader, section.address, section.len)? {
                *parts.entry(owner).or_default() += 1;
            }
        } else {
            *parts.entry(section.name).or_default() += section.len;
        }
    }
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(_, octets)| Reverse(*octets));
    Ok(parts)
}

/// The crate of each octet. Functions that turned out to be the same are there once, and are the last one's.
fn owners(loader: &Loader, start: u64, len: u64) -> Result<Vec<String>> {
    let mut owners = vec![UNKNOWN.to_owned(); len as usize];
    let lines = loader.find_location_range(start, start + len).map_err(|error| anyhow!("{error}"))?;
    for (address, len, _) in lines {
        let at = address.saturating_sub(start) as usize;
        let octets = owners.iter_mut().skip(at).take(len as usize);
        let owner = owner(loader, address)?;
        octets.for_each(|octet| octet.clone_from(&owner));
    }
    Ok(owners)
}

/// Of the functions that were inlined into each other at an instruction, the crate of the innermost one that is not `core`'s.
fn owner(loader: &Loader, address: u64) -> Result<String> {
    let mut frames = loader.find_frames(address).map_err(|error| anyhow!("{error}"))?;
    let mut owner = UNKNOWN;
    while let Some(frame) = frames.next()? {
        owner = frame.location.and_then(|location| location.file).map_or(owner, crate_of);
        if owner != CORE {
            break;
        }
    }
    Ok(owner.to_owned())
}

/// The directory above the last `src`, without its version.
fn crate_of(file: &str) -> &str {
    let Some((above, _)) = file.rsplit_once("/src/") else { return UNKNOWN };
    let directory = above.rsplit('/').next().unwrap_or(above);
    match directory.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|first: char| first.is_ascii_digit()) => name,
        Some(_) | None => directory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_crates() {
        let files = [
            "/project/sn-client/src/client/mod.rs",
            "/cargo/registry/src/index/embassy-nrf-0.11.0/src/gpio.rs",
            "/rustc/0123456789/library/core/src/num/mod.rs",
            "asm.S",
        ];
        assert_eq!(files.map(crate_of), ["sn-client", "embassy-nrf", "core", UNKNOWN]);
    }
}
