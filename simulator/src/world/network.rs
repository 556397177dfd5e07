//! The medium of a plan, with what only some media have.

use crate::link::Links;
use crate::medium::Medium;
use crate::plan::{MediumPlan, Plan};
use crate::radio::Radio;
use crate::udp_net::UdpNet;

/// What carries datagrams in a world.
pub(crate) enum Network {
    Links(Links),
    Radio(Box<Radio>),
    Udp(UdpNet),
}

impl Network {
    /// A plan's medium before anything has been sent. `seed` is for links; the others have their own.
    pub(crate) fn new(plan: &Plan, seed: u64) -> Self {
        match &plan.medium {
            MediumPlan::Link(link) => {
                let gateway_of = plan.nodes.iter().map(|node| node.gateway).collect();
                Self::Links(Links::new(link.clone(), seed, gateway_of))
            }
            MediumPlan::Radio(radio) => Self::Radio(Box::new(Radio::new(radio))),
            MediumPlan::Udp(udp) => Self::Udp(UdpNet::new(udp)),
        }
    }

    pub(crate) fn radio(&self) -> Option<&Radio> {
        match self {
            Self::Radio(radio) => Some(radio),
            Self::Links(_) | Self::Udp(_) => None,
        }
    }

    pub(crate) fn radio_mut(&mut self) -> Option<&mut Radio> {
        match self {
            Self::Radio(radio) => Some(radio),
            Self::Links(_) | Self::Udp(_) => None,
        }
    }

    pub(crate) fn as_medium(&self) -> &dyn Medium {
        match self {
            Self::Links(links) => links,
            Self::Radio(radio) => &**radio,
            Self::Udp(udp) => udp,
        }
    }

    pub(crate) fn as_medium_mut(&mut self) -> &mut dyn Medium {
        match self {
            Self::Links(links) => links,
            Self::Radio(radio) => &mut **radio,
            Self::Udp(udp) => udp,
        }
    }
}
