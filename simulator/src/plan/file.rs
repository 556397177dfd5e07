//! A plan as a file.

use super::{GatewayPlan, MqttPlan, NodePlan, Plan};
use serde::Serialize;
use std::{error, fmt};
use toml::{Table, Value};

/// Why a text is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError(pub(crate) String);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for PlanError {}

impl Plan {
    /// The plan as TOML, without what goes without saying.
    ///
    /// # Panics
    /// With a number beyond the 63 bits that TOML has.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut plan = table(self);
        leave_out(&mut plan, "gateways", &GatewayPlan::default());
        leave_out(&mut plan, "nodes", &NodePlan::default());
        leave_out(&mut plan, "mqtt", &MqttPlan::default());
        toml::to_string(&plan).expect("a table can be written")
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// What is wrong, and where: a plan refers only to nodes, clients and gateways that it has.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        let plan: Self = toml::from_str(text).map_err(|error| PlanError(error.to_string()))?;
        plan.check().map_err(PlanError)?;
        Ok(plan)
    }

    /// Whether all that the plan refers to is in it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (nodes, mqtt, gateways) = (self.nodes.len(), self.mqtt.len(), self.gateways.len());
        self.medium.check(nodes, gateways)?;
        let has = |what: &str, number: usize, len: usize| {
            if number < len { Ok(()) } else { Err(format!("there is no {what} {number} in this plan")) }
        };
        for gateway in self.nodes.iter().map(|node| node.gateway).chain(self.mqtt.iter().map(|client| client.gateway)) {
            has("gateway", gateway, gateways)?;
        }
        for fault in &self.faults {
            use super::FaultKind as Kind;
            match fault.what {
                Kind::Crash { gateway, .. }
                | Kind::DiskFull { gateway, .. }
                | Kind::DiskFails { gateway, .. }
                | Kind::Rude { gateway, .. } => has("gateway", gateway, gateways)?,
                Kind::Silence { node, .. } | Kind::Reboot { node, .. } | Kind::Move { node } => {
                    has("node", node, nodes)?;
                }
                Kind::Swap { node, other } => has("node", node, nodes).and(has("node", other, nodes))?,
                Kind::Cut { mqtt: client } => has("MQTT client", client, mqtt)?,
            }
        }
        Ok(())
    }
}

fn table(plan: &impl Serialize) -> Table {
    Table::try_from(plan).expect("texts, lists, tables and numbers up to 63 bits")
}

/// Takes the keys out of each table of a list that have the same value as in `default`.
fn leave_out(plan: &mut Table, list: &str, default: &impl Serialize) {
    let default = table(default);
    for item in plan.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(item) = item.as_table_mut() {
            item.retain(|key, value| default.get(key) != Some(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::generate;

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        for seed in 0..200 {
            let plan = generate(seed);
            assert_eq!(Plan::from_toml(&plan.to_toml()), Ok(plan), "seed {seed}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let plan = generate(1).to_toml();
        for (wrong, says) in [
            (plan.replace("client_id", "client-id"), "client-id"),
            (plan.replace("calm_at = \"", "calm_at = \"x"), "is no number of seconds"),
            (
                format!("{plan}\n[[faults]]\nat = \"1\"\nwhat = {{ reboot = {{ node = 99, down = \"1\" }} }}"),
                "no node 99",
            ),
        ] {
            let error = Plan::from_toml(&wrong).expect_err("it is wrong").to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
