//! SIGHUP: the configuration file is read again.

use crate::auth::{PasswordFile, Passwords};
use crate::cli::RunArgs;
use crate::config::{self, File};
use crate::logging::LogControl;
use crate::mqtt::Tls;
use gateway_core::Core;
use sn_types::Instant;
use std::sync::Arc;
use tracing::{error, info, warn};

/// What a reload compares with and acts on.
#[derive(Debug)]
pub(crate) struct Reloader {
    args: RunArgs,
    current: File,
    log: LogControl,
    hash_seed: u64,
    /// All that speak TLS.
    tls: Vec<Arc<Tls>>,
    passwords: Arc<Passwords>,
}

impl Reloader {
    /// `current` is what the daemon was started with, flags included.
    pub(crate) fn new(
        args: RunArgs,
        current: File,
        log: LogControl,
        hash_seed: u64,
        tls: Vec<Arc<Tls>>,
        passwords: Arc<Passwords>,
    ) -> Self {
        Self { args, current, log, hash_seed, tls, passwords }
    }

    /// Reads the file again and takes over what can change while running. A file with an error changes nothing.
    pub(crate) fn reload(&mut self, now: Instant, core: &mut Core) {
        let Some(path) = &self.args.config else {
            warn!("SIGHUP: there is no configuration file to read again; start with --config FILE");
            return;
        };
        let mut file = match config::load(path) {
            Ok(file) => file,
            Err(error) => {
                error!("SIGHUP: nothing is changed: {error}");
                return;
            }
        };
        self.args.apply(&mut file);
        if let Err(error) = self.log.set_filter(&file.log.filter) {
            warn!("SIGHUP: {error:#}");
        }
        self.reload_certificates();
        let logged_out = self.reload_passwords(&file);
        core.log_out(now, &logged_out);
        let mut need_restart = core.reconfigure(now, gateway_core::Config { hash_seed: self.hash_seed, ..file.core() });
        need_restart.extend(fixed(&self.current, &file));
        info!(file = %path.display(), "SIGHUP: configuration read again");
        if !need_restart.is_empty() {
            warn!(keys = need_restart.join(", "), "SIGHUP: these change with the next start only");
        }
    }

    /// Reads the passwords again. Answers with the users who are there no more, or with another password.
    fn reload_passwords(&self, file: &File) -> Vec<Arc<str>> {
        let read = file.security.load().map_err(anyhow::Error::from);
        let replaced = read.and_then(|passwords| {
            let users = passwords.as_ref().map(PasswordFile::len);
            Ok((users, self.passwords.replace(passwords)?))
        });
        match replaced {
            Ok((None, changed)) => changed,
            Ok((Some(users), changed)) => {
                info!(users, changed = changed.len(), "SIGHUP: passwords read again");
                changed
            }
            Err(error) => {
                error!("SIGHUP: the old passwords stay in use: {error:#}");
                Vec::new()
            }
        }
    }

    /// Reads certificates again, from where they were at the start.
    fn reload_certificates(&self) {
        for tls in &self.tls {
            match tls.reload() {
                Ok(()) => info!(certificate = %tls.certificate().display(), "SIGHUP: certificates read again"),
                Err(error) => error!("SIGHUP: the old certificates stay in use: {error:#}"),
            }
        }
    }
}

/// The daemon's own tables that differ and cannot change while running.
fn fixed(old: &File, new: &File) -> Vec<&'static str> {
    let differs = [
        ("transport", old.transport != new.transport),
        ("listener", old.listener != new.listener),
        ("bridge", old.bridge != new.bridge),
        ("transparent", old.transparent != new.transparent),
        ("store", old.store != new.store),
        ("metrics", old.metrics != new.metrics),
        ("log.format", old.log.format != new.log.format),
    ];
    differs.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}
