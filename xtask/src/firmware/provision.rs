//! `cargo xtask provision`: what a node is told, as pages of flash that are flashed beside its image.

use super::flash::Flash;
use super::{hex, uf2};
use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use config_page::{ADDRESS, PAGE_LEN, Settings, encode};
use std::path::PathBuf;
use std::{fmt, fs};

#[derive(Args)]
pub(crate) struct Provision {
    /// Lines of `name=value`; docs/firmware.md has the names
    settings: PathBuf,
    /// Where the files go; without it, beside the settings
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The drive that a board's UF2 bootloader shows: says whether it would take them
    #[arg(long, value_name = "DIR")]
    drive: Option<PathBuf>,
}

/// Adafruit's bootloaders before this one write nothing from 0xAD000 on, and need not say so
/// (<https://github.com/adafruit/Adafruit_nRF52_Bootloader/pull/214>).
const WRITES_SETTINGS: Version = Version([0, 6, 1]);
/// What a UF2 bootloader says of itself.
const INFO: &str = "INFO_UF2.TXT";

/// Writes the pages as Intel HEX and as UF2; an error if the settings make no node, or the bootloader would not take them.
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
    match &options.drive {
        Some(drive) => {
            let info = drive.join(INFO);
            let text = fs::read_to_string(&info).with_context(|| format!("reading {}", info.display()))?;
            check_bootloader(&text)?;
            println!("the bootloader at {} takes the UF2 file", drive.display());
        }
        None => println!(
            "the UF2 file is for bootloaders from {WRITES_SETTINGS} on, see {INFO} on the drive; older ones ignore it"
        ),
    }
    Ok(())
}

/// An error if the bootloader that says this of itself does not write where settings are.
fn check_bootloader(info: &str) -> Result<()> {
    let version = info.lines().find_map(|line| line.strip_prefix("UF2 Bootloader ")).and_then(Version::parse);
    let version = version.with_context(|| format!("{INFO} does not say which bootloader it is"))?;
    ensure!(
        version >= WRITES_SETTINGS,
        "the bootloader is {version}, and none before {WRITES_SETTINGS} writes at {ADDRESS:#x}, where settings are: update it, \
         or type the settings at the console"
    );
    Ok(())
}

/// Major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version([u32; 3]);

impl Version {
    /// What a text begins with, up to a space or a dash.
    fn parse(text: &str) -> Option<Self> {
        let numbers = text.split([' ', '-']).next()?.trim_start_matches('v');
        let numbers: Vec<_> = numbers.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        numbers.try_into().ok().map(Self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([major, minor, patch]) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
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

    /// What it says, but for the version.
    fn info(version: &str) -> String {
        format!(
            "UF2 Bootloader {version} lib/nrfx (v2.0.0) lib/tinyusb (0.10.1-293-gaf8e5a90)\r\nModel: Adafruit Feather nRF52840 Express\r\n\
             Board-ID: nRF52840-Feather-revD\r\nSoftDevice: S140 version 6.1.1\r\nDate: Dec  1 2021\r\n"
        )
    }

    #[test]
    fn a_bootloader_that_does_not_write_settings_is_told_by_its_drive() {
        for version in ["0.6.1", "0.6.2-12-g1234567-dirty", "0.10.0", "v1.0.0"] {
            assert!(check_bootloader(&info(version)).is_ok(), "{version}");
        }
        for version in ["0.2.6", "0.6.0", "v0.6.0"] {
            let error = check_bootloader(&info(version)).expect_err("it is too old").to_string();
            assert!(error.contains("none before 0.6.1 writes at 0xd8000"), "{error}");
        }
        for text in ["", "TinyUF2 Bootloader 0.12.3\r\n", &info("of mine")] {
            let error = check_bootloader(text).expect_err("nobody knows what it is").to_string();
            assert!(error.contains("does not say"), "{error}");
        }
    }
}
