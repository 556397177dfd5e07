//! What a scenario must not have, by what is made of it.

use super::error::{ScenarioError, Wrong};
use super::fault::What;
use super::file::{File, MediumTable};

/// What is made of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A run in virtual time, with its own gateways.
    Run,
    /// Its nodes join a real gateway; they send it datagrams.
    Live,
    /// Its nodes join a real gateway over a radio; they send it frames.
    Dongle,
}

impl File {
    /// Whether the scenario is good for that.
    ///
    /// # Errors
    /// What it must not have, and where.
    pub fn check_use(&self, of: Use) -> Result<(), ScenarioError> {
        let checked = match of {
            Use::Run => self.check_without_links(),
            Use::Live => self.check_without_links().and_then(|()| self.check_for_real_gateway()),
            Use::Dongle => self.check_radio().and_then(|()| self.check_for_real_gateway()),
        };
        checked.map_err(|wrong| self.error(&wrong))
    }

    fn check_without_links(&self) -> Result<(), Wrong> {
        let Some(number) = self.groups.iter().position(|group| group.link.is_some()) else { return Ok(()) };
        let message = "groups with `link` are only for `sn-sim dongle`: it takes a real gateway to read their frames";
        Err(Wrong::at(format!("nodes.{number}.link"), message))
    }

    fn check_radio(&self) -> Result<(), Wrong> {
        match &self.medium {
            MediumTable::Radio(_) => Ok(()),
            MediumTable::Udp(_) | MediumTable::Link(_) => {
                Err(Wrong::at("medium", "a dongle has a radio: `sn-sim dongle` needs [medium.radio]"))
            }
        }
    }

    /// One gateway, whose place the real one takes, and nothing that only a simulated one can do.
    fn check_for_real_gateway(&self) -> Result<(), Wrong> {
        if self.gateways.len() > 1 {
            return Err(Wrong::at("gateway.1", "there is one real gateway: leave this one out"));
        }
        let is_elsewhere = |what: &What| match what {
            What::Crash { .. } | What::DiskFull { .. } | What::Cut { .. } => true,
            What::Silence { .. } | What::Reboot { .. } => false,
        };
        let Some(number) = self.faults.iter().position(|fault| is_elsewhere(&fault.what)) else { return Ok(()) };
        let message = "this can only happen to a simulated gateway or MQTT client: leave it out, and kill the real one";
        Err(Wrong::at(format!("fault.{number}.what"), message))
    }
}
