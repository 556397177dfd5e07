//! What must be so, whatever happens.

use super::world::{HUB, NODES, Place, World};
use lowpan::{AuxHeader, Header, MeshHeader, Psdu, Reason, Router};
use std::time::Duration;

impl World {
    /// No counter seals two frames.
    pub(crate) fn check_counter(&mut self, place: Place, psdu: &Psdu) {
        let octets = psdu.as_bytes();
        let (header, mut at) = Header::decode(octets).expect("a frame");
        if self.plot.security.is_none() || (place != HUB && self.node_at(place).is_none()) {
            return;
        }
        if !header.secured {
            match MeshHeader::decode(&octets[at..]) {
                Ok((_, len)) => at += len,
                Err(_) => return,
            }
        }
        let Ok((aux, _)) = AuxHeader::decode(&octets[at..]) else { return };
        let sealed = octets[at..].to_vec();
        let known = self.sealed.entry((place, aux.counter)).or_insert_with(|| sealed.clone());
        if *known != sealed {
            self.fail("a counter is used twice");
        }
    }

    pub(crate) fn judge_rejection(&self, who: &str, reason: Option<Reason>) {
        let is_strange = match reason {
            None | Some(Reason::Duplicate) => false,
            // A router has passed a late copy on.
            Some(Reason::Replay) => !self.repeats_may_pass(),
            Some(_) => true,
        };
        if is_strange {
            self.fail(&format!("{who} rejects {reason:?}"));
        }
    }

    pub(crate) fn judge_order(&self, way: &str, last: Option<u32>, number: u32, octets: &[u8]) {
        if octets[4..].iter().any(|octet| *octet != number as u8) {
            self.fail(&format!("{way}: {number} is damaged"));
        }
        let is_late = last.is_some_and(|last| number <= last);
        if is_late && (self.plot.security.is_some() || !self.repeats_may_pass()) {
            self.fail(&format!("{way}: {number} after {last:?}"));
        }
    }

    /// A router knows the last few frames that it has passed on: with much loss a copy may come later. Only keys tell then.
    fn repeats_may_pass(&self) -> bool {
        self.plot.routers > 0 && self.plot.loss_percent > 0
    }

    /// Nothing goes wrong any more, and all that waits gets where it is to get.
    pub(crate) fn calm(&mut self) {
        self.is_calm = true;
        self.note("calm");
        self.run(Duration::from_secs(30));
        if self.hub.waiting() > 0 || self.nodes.iter().any(|node| node.leaf.rests_until().is_some()) {
            self.fail("something waits for ever");
        }
        for number in 0..NODES {
            self.say(number);
            self.run(Duration::from_secs(2));
            self.tell(number);
            self.run(Duration::from_secs(5));
            let node = &self.nodes[number];
            if node.got.last() != Some(&node.told) || node.came.last() != Some(&node.said) {
                self.fail(&format!(
                    "node {number}: {:?} of {}, {:?} of {}",
                    node.got.last(),
                    node.told,
                    node.came.last(),
                    node.said
                ));
            }
        }
    }

    /// What has not come to a node was counted by somebody.
    pub(crate) fn account(&self) {
        let of_routers =
            self.routers.iter().map(Router::stats).map(|s| s.full + s.expired + s.no_ack + s.channel_access);
        let of_hub = self.hub.stats();
        let counted = of_routers.sum::<u64>() + of_hub.expired + of_hub.no_ack + of_hub.channel_access;
        let told: u64 = self.nodes.iter().map(|node| u64::from(node.told)).sum();
        let got: u64 = self.nodes.iter().map(|node| node.got.len() as u64).sum();
        if got + counted < told {
            self.fail(&format!("{told} told, {got} got, {counted} counted"));
        }
        let said: u64 = self.nodes.iter().map(|node| u64::from(node.said)).sum();
        let came: u64 = self.nodes.iter().map(|node| node.came.len() as u64).sum();
        if self.plot.loss_percent == 0 && came + counted < said {
            self.fail(&format!("{said} said, {came} came, {counted} counted"));
        }
    }
}
