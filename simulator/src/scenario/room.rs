//! What fits a frame: the simulator's radio fragments nothing, and what is too long would be lost again and again.

use super::error::Wrong;
use super::file::{File, GroupTable, MediumTable};
use crate::radio::longest_datagram;

/// Octets of MQTT-SN messages beside what they are about.
pub(super) mod header {
    /// 1.2 §5.4.7.
    pub(crate) const WILLTOPIC: usize = 3;
    /// 1.2 §5.4.10.
    pub(crate) const REGISTER: usize = 6;
    /// 1.2 §5.4.12.
    pub(crate) const PUBLISH: usize = 7;
    /// 1.2 §5.4.15.
    pub(crate) const SUBSCRIBE: usize = 5;
}

impl File {
    /// Whether all that a group's nodes send fits.
    pub(super) fn check_room(&self, path: &str, group: &GroupTable) -> Result<(), Wrong> {
        let last = group.count - 1;
        for (number, to) in group.subscribe.iter().enumerate() {
            let len = group.fill(&to.filter, last).len();
            self.check_fits(group, &format!("{path}.subscribe.{number}.filter"), len, header::SUBSCRIBE)?;
        }
        if let Some(will) = &group.will {
            let len = group.fill(&will.topic, last).len();
            self.check_fits(group, &format!("{path}.will.topic"), len, header::WILLTOPIC)?;
        }
        for (number, report) in group.reports.iter().enumerate() {
            let len = group.fill(&report.topic, last).len();
            self.check_fits(group, &format!("{path}.report.{number}.topic"), len, header::REGISTER)?;
        }
        self.check_fits(group, &format!("{path}.payload_octets"), group.payload_octets.into(), header::PUBLISH)
    }

    /// Whether what stands at `path` and has `len` octets fits behind a header, for a group's nodes or from them.
    pub(super) fn check_fits(&self, group: &GroupTable, path: &str, len: usize, header: usize) -> Result<(), Wrong> {
        let MediumTable::Radio(radio) = &self.medium else { return Ok(()) };
        let room = longest_datagram(radio.band.phy(), !self.routers.is_empty()) - header;
        // Nodes with frames of their own fragment.
        if len <= room || group.link.is_some() {
            return Ok(());
        }
        let with_routers = if self.routers.is_empty() { "" } else { " in a network with routers" };
        let message =
            format!("{len} octets; a frame{with_routers} has room for {room} there, and nothing is fragmented");
        Err(Wrong::at(path, message))
    }
}
