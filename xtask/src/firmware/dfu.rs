//! The package that Nordic's open bootloader takes, as `nrfutil pkg generate` makes it: a ZIP archive with the image, an
//! init packet that describes it, and a manifest that names both.
//!
//! The init packet is a message of Nordic's `dfu-cc.proto`. It is unsigned: the bootloader that the PCA10059 is sold with
//! has no key of ours, and takes applications without a signature (nRF5 SDK 17.1, "Open Bootloader with DFU").

use super::flash::Flash;
use anyhow::Result;
use prost::Message;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// An nRF52840, to the bootloader.
const HW_VERSION: u32 = 52;
/// The bootloader refuses what is older than the application it has: all of ours are of one age, so that one can go back.
const FW_VERSION: u32 = 1;
/// The application needs no SoftDevice.
const NO_SOFTDEVICE: u32 = 0;

/// `Packet`, in the form that is not signed.
#[derive(Clone, PartialEq, Message)]
struct Packet {
    #[prost(message, optional, tag = "1")]
    command: Option<Command>,
}

#[derive(Clone, PartialEq, Message)]
struct Command {
    #[prost(enumeration = "OpCode", optional, tag = "1")]
    op_code: Option<i32>,
    #[prost(message, optional, tag = "2")]
    init: Option<InitCommand>,
}

/// Sizes that do not apply are written all the same, as `nrfutil` does.
#[derive(Clone, PartialEq, Message)]
struct InitCommand {
    #[prost(uint32, optional, tag = "1")]
    fw_version: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    hw_version: Option<u32>,
    #[prost(uint32, repeated, tag = "3")]
    sd_req: Vec<u32>,
    #[prost(enumeration = "FwType", optional, tag = "4")]
    fw_type: Option<i32>,
    #[prost(uint32, optional, tag = "5")]
    sd_size: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    bl_size: Option<u32>,
    /// In octets.
    #[prost(uint32, optional, tag = "7")]
    app_size: Option<u32>,
    #[prost(message, optional, tag = "8")]
    hash: Option<Hash>,
    #[prost(bool, optional, tag = "9")]
    is_debug: Option<bool>,
    #[prost(message, repeated, tag = "10")]
    boot_validation: Vec<BootValidation>,
}

#[derive(Clone, PartialEq, Message)]
struct Hash {
    #[prost(enumeration = "HashType", required, tag = "1")]
    hash_type: i32,
    /// The last octet first.
    #[prost(bytes = "vec", required, tag = "2")]
    hash: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct BootValidation {
    #[prost(enumeration = "ValidationType", required, tag = "1")]
    validation_type: i32,
    #[prost(bytes = "vec", required, tag = "2")]
    octets: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
enum OpCode {
    Reset = 0,
    Init = 1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
enum FwType {
    Application = 0,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
enum HashType {
    None = 0,
    Sha256 = 3,
}

/// How the bootloader checks the application at each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
enum ValidationType {
    None = 0,
    /// By a checksum that it works out itself when it has been given the image.
    GeneratedCrc = 1,
}

/// The archive. `name` is that of the files in it.
pub(crate) fn package(name: &str, flash: &Flash) -> Result<Vec<u8>> {
    let (bin_file, dat_file) = (format!("{name}.bin"), format!("{name}.dat"));
    let manifest = json!({ "manifest": { "application": { "bin_file": bin_file, "dat_file": dat_file } } });
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // The same image makes the same file.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    for (file, octets) in [
        ("manifest.json", serde_json::to_vec_pretty(&manifest)?),
        (&dat_file, init_packet(&flash.octets).encode_to_vec()),
        (&bin_file, flash.octets.clone()),
    ] {
        zip.start_file(file, options)?;
        zip.write_all(&octets)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn init_packet(image: &[u8]) -> Packet {
    let mut hash = Sha256::digest(image).to_vec();
    hash.reverse();
    let init = InitCommand {
        fw_version: Some(FW_VERSION),
        hw_version: Some(HW_VERSION),
        sd_req: vec![NO_SOFTDEVICE],
        fw_type: Some(FwType::Application.into()),
        sd_size: Some(0),
        bl_size: Some(0),
        app_size: Some(image.len() as u32),
        hash: Some(Hash { hash_type: HashType::Sha256.into(), hash }),
        is_debug: Some(false),
        boot_validation: vec![BootValidation {
            validation_type: ValidationType::GeneratedCrc.into(),
            octets: Vec::new(),
        }],
    };
    Packet { command: Some(Command { op_code: Some(OpCode::Init.into()), init: Some(init) }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_image_makes_the_same_package() {
        let flash = Flash { start: 0x1000, octets: vec![1, 2, 3, 4] };
        let package = || package("rcp", &flash).expect("memory takes it");
        assert_eq!(package(), package());
    }
}
