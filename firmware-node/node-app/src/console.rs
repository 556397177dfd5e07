//! A node's console: lines of `name=value`, for a node that has been told nothing yet.
//!
//! `show` answers what is set, `save` ends the conversation, everything else is settings. The key is never shown.

use config_page::{Error, MAX_TEXT_LEN, Settings};
use heapless::String;

/// The longest line, in octets.
const MAX_LINE_LEN: usize = 128;

/// What to answer to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `ok`.
    Ok,
    /// Why the line was not taken.
    Error(Error),
    /// [`Console::settings`], then `ok`.
    Show,
    /// `saved`, when the settings are kept: the node starts with them.
    Save,
}

/// What has been typed.
pub struct Console {
    settings: Settings,
    line: String<MAX_LINE_LEN>,
    is_too_long: bool,
}

impl Console {
    /// A console that changes these settings.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self { settings, line: String::new(), is_too_long: false }
    }

    /// As they are now.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes an octet; `Some` at the end of a line that is not empty.
    pub fn push(&mut self, octet: u8) -> Option<Reply> {
        if matches!(octet, b'\r' | b'\n') {
            let line = core::mem::take(&mut self.line);
            let is_too_long = core::mem::take(&mut self.is_too_long);
            return match (is_too_long, line.trim_ascii()) {
                (true, _) => Some(Reply::Error(Error::Line)),
                (false, "") => None,
                (false, line) => Some(self.take(line)),
            };
        }
        // Whatever is no ASCII is in no setting.
        self.is_too_long |= !octet.is_ascii() || self.line.push(octet.into()).is_err();
        None
    }

    fn take(&mut self, line: &str) -> Reply {
        // As `provision` reads files.
        let line = line.split('#').next().unwrap_or_default().trim_ascii();
        let taken = match line {
            "show" => return Reply::Show,
            "save" => self.settings.check().map(|()| Reply::Save),
            settings => self.settings.apply(settings).map(|()| Reply::Ok),
        };
        taken.unwrap_or_else(Reply::Error)
    }
}

/// What to answer to `show`: the settings, without the key.
#[must_use]
pub fn shown(settings: &Settings) -> String<MAX_TEXT_LEN> {
    let mut text = settings.to_text_without_key();
    // It fits: a key itself takes more.
    let _ = text.push_str(if settings.key.is_some() { "key is set\n" } else { "key=none\n" });
    text
}
