//! Keys that `[[bridge]]` and `[transparent]` share: where another broker is, and who we are there.

use crate::upstream::{BrokerAddr, Secret, TlsFiles};
use anyhow::Context;
use gateway_core::mqtt::Version;
use serde::{Deserialize, Deserializer, de};
use std::path::{Path, PathBuf};

/// The values of `version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(super) enum VersionKey {
    #[serde(rename = "3.1.1")]
    V3,
    #[default]
    #[serde(rename = "5")]
    V5,
}

impl From<VersionKey> for Version {
    fn from(key: VersionKey) -> Self {
        match key {
            VersionKey::V3 => Self::V3,
            VersionKey::V5 => Self::V5,
        }
    }
}

pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BrokerAddr, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

pub(super) fn tls_files(
    address: &BrokerAddr,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<TlsFiles, String> {
    let of_tls = [("ca", &ca), ("certificate", &certificate), ("key", &key)];
    if let Some((key, _)) = of_tls.iter().find(|(_, path)| path.is_some())
        && !address.tls
    {
        return Err(format!("`{key}` is for TLS; write `address` as mqtts://{}", address.host));
    }
    let own = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err("`certificate` needs `key`, the file of its private key".into()),
        (None, Some(_)) => return Err("`key` needs `certificate`, the file of its certificate".into()),
    };
    Ok(TlsFiles { ca, own })
}

pub(super) fn check_password(
    user: Option<&String>,
    password: Option<&String>,
    password_file: Option<&PathBuf>,
) -> Result<(), String> {
    if password.is_some() && password_file.is_some() {
        return Err("`password` and `password_file` are both given; one of them is enough".into());
    }
    if user.is_none() && (password.is_some() || password_file.is_some()) {
        return Err("a password needs `user`".into());
    }
    Ok(())
}

/// The password in a file, without the line's end.
pub(super) fn read_password(path: &Path) -> anyhow::Result<Secret> {
    let password = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(Secret::new(password.trim_end_matches(['\r', '\n']).into()))
}
