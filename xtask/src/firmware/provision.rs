//! `cargo xtask provision`: what a node is told, as pages of flash that are flashed beside its image.

use super::flash::Flash;
use super::{hex, uf2};
use anyhow::{Context, Result, anyhow};
use clap::Args;
use config_page::{ADDRESS, PAGE_LEN, Settings, encode};
use std::fs;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Provision {
    /// Lines of `name=value`; docs/firmware.md has the names
    settings: PathBuf,
    /// Where the files go; without it, beside the settings
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Writes the pages as Intel HEX and as UF2; an error if the settings make no node.
pub(crate) fn provision(options: &Provision) -> Result<()> {
    let file = &options.settings;
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let flash = pages(&text).with_context(|| file.display().to_string())?;
    let name = file.file_name().context("the settings are to be a file")?;
    let path = match &options.out {
        Some(out) => out.join(name),
        None => file.clone(),
    };
    for (extension, octets) in [("hex", hex::encode(&flash)?.into_bytes()), ("uf2", uf2::encode(&flash))] {
        let path = path.with_extension(extension);
        fs::write(&path, octets).with_context(|| format!("writing {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Both pages: whatever the node was told before is erased.
fn pages(text: &str) -> Result<Flash> {
    let mut settings = Settings::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        settings.apply(line).map_err(|error| anyhow!("line {}: {error}", number + 1))?;
    }
    settings.check()?;
    let mut octets = encode(&settings, 1).to_vec();
    octets.resize(2 * PAGE_LEN, 0xFF);
    Ok(Flash { start: ADDRESS, octets })
}

#[cfg(test)]
mod tests {
    use super::*;
    use config_page::decode;

    const GOOD: &str = "# a hall\npan=abcd\nchannel=15 # quiet\ngateway=0200000000000001\nclient=hall\nbase=hall\n";

    #[test]
    fn the_pages_are_what_a_node_reads() {
        let flash = pages(GOOD).expect("nothing is missing");
        let (sequence, settings) = decode(&flash.octets).expect("the first page has them");
        assert_eq!((sequence, settings.pan, settings.channel), (1, 0xABCD, 15));
        assert_eq!(flash.octets.len(), 2 * PAGE_LEN);
        assert!(flash.octets[PAGE_LEN..].iter().all(|octet| *octet == 0xFF), "older ones do not come back");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let error = pages("pan=abcd\nchannel=9\n").expect_err("there is no such channel");
        assert_eq!(error.to_string(), "line 2: channel: no such value");
        let error = pages("pan=abcd\n").expect_err("it is not enough");
        assert_eq!(error.to_string(), "channel is missing");
    }
}
