//! What the types of the keys leave open: ranges, names of others, topics. The file is checked when it is read, so that a
//! run has nothing to complain about.

use super::error::Wrong;
use super::file::{
    ClientTable, CommandTable, File, GatewayTable, GroupTable, MediumTable, ReportTable, SubscribeTable,
};
use super::room::header;
use super::topic::{Braces, SHORTEST_PAYLOAD, check_braces, check_filter, check_name};
use super::values::{Percent, Time};
use crate::application::BODY;
use std::time::Duration;

/// Nodes of a group. A run of more would take days.
const MOST_NODES: usize = 100_000;
/// Datagrams are not under way for longer.
const LONGEST_DELAY: Duration = Duration::from_secs(86_400);
/// What a 16-bit field of MQTT-SN can say.
const LONGEST_SILENCE: Duration = Duration::from_secs(u16::MAX as u64);

impl File {
    /// Whether each table is right, and whether those whom it names are there.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        if self.duration.0.is_zero() {
            return Err(Wrong::at("duration", "`duration` has to be above 0"));
        }
        if self.gateways.is_empty() {
            return Err(Wrong::at("", "a table [[gateway]] is missing"));
        }
        self.medium.check()?;
        self.check_routers()?;
        for (number, gateway) in self.gateways.iter().enumerate() {
            gateway.check(&format!("gateway.{number}"))?;
        }
        for (number, group) in self.groups.iter().enumerate() {
            self.check_group(&format!("nodes.{number}"), number, group)?;
        }
        for (number, client) in self.clients.iter().enumerate() {
            self.check_client(&format!("client.{number}"), client)?;
        }
        self.faults.iter().enumerate().try_for_each(|(number, fault)| fault.check(&format!("fault.{number}"), self))
    }

    fn check_routers(&self) -> Result<(), Wrong> {
        match (&self.medium, self.routers.is_empty()) {
            (MediumTable::Radio(_), _) | (MediumTable::Udp(_) | MediumTable::Link(_), true) => Ok(()),
            (MediumTable::Udp(_) | MediumTable::Link(_), false) => {
                Err(Wrong::at("router.0", "only a radio has routers, so it would do nothing: it needs [medium.radio]"))
            }
        }
    }

    fn check_group(&self, path: &str, number: usize, group: &GroupTable) -> Result<(), Wrong> {
        if self.groups[..number].iter().any(|other| other.name == group.name) {
            return Err(Wrong::at(format!("{path}.name"), "another group has this name"));
        }
        self.check_gateway(path, group.gateway)?;
        group.check(path)?;
        self.check_room(path, group)
    }

    fn check_client(&self, path: &str, client: &ClientTable) -> Result<(), Wrong> {
        check_client_id(&format!("{path}.name"), &client.name)?;
        self.check_gateway(path, client.gateway)?;
        for (number, to) in client.subscribe.iter().enumerate() {
            to.check(&format!("{path}.subscribe.{number}"), Braces::Nothing, str::to_owned)?;
        }
        for (number, command) in client.commands.iter().enumerate() {
            self.check_command(&format!("{path}.command.{number}"), client, command)?;
        }
        Ok(())
    }

    fn check_command(&self, path: &str, client: &ClientTable, command: &CommandTable) -> Result<(), Wrong> {
        let to = format!("{path}.to");
        let group = self.group(&to, &command.to)?;
        if group.gateway != client.gateway {
            let (name, theirs, own) = (&group.name, group.gateway, client.gateway);
            let message = format!("no command would come: {name:?} is at gateway {theirs}, and this client at {own}");
            return Err(Wrong::at(to, message));
        }
        if group.commands_begin() >= self.duration {
            let begin = humantime::format_duration(group.commands_begin().0);
            let message = format!(
                "it would never be sent: commands begin {begin} after the start, when the nodes have subscribed"
            );
            return Err(Wrong::at(path, message));
        }
        let topic = format!("{path}.topic");
        check_braces(&topic, &command.topic, Braces::NumberAndId)?;
        let name = group.fill(&command.topic, 0);
        check_name(&topic, &name)?;
        self.check_fits(group, &topic, name.len(), header::REGISTER)?;
        check_beat(path, command.every, command.jitter)
    }

    /// The group of a name that stands at `path`.
    pub(super) fn group(&self, path: &str, name: &str) -> Result<&GroupTable, Wrong> {
        let names = || self.groups.iter().map(|group| group.name.as_str());
        let found = self.groups.iter().find(|group| group.name == name);
        found.ok_or_else(|| no_such(path, "group of nodes", name, names()))
    }

    /// Whether there is an MQTT client of a name that stands at `path`.
    pub(super) fn check_client_name(&self, path: &str, name: &str) -> Result<(), Wrong> {
        let mut names = self.clients.iter().map(|client| client.name.as_str());
        if names.any(|known| known == name) {
            return Ok(());
        }
        Err(no_such(path, "[[client]]", name, self.clients.iter().map(|client| client.name.as_str())))
    }

    /// Whether there is the gateway that the table at `path` names.
    pub(super) fn check_gateway(&self, path: &str, gateway: usize) -> Result<(), Wrong> {
        let last = self.gateways.len() - 1;
        if gateway <= last {
            return Ok(());
        }
        let which = if last == 0 { "only gateway 0".to_owned() } else { format!("gateways 0 to {last}") };
        Err(Wrong::at(format!("{path}.gateway"), format!("there is no gateway {gateway}; there is {which}")))
    }
}

fn no_such<'n>(path: &str, what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> Wrong {
    let known: Vec<String> = known.map(|name| format!("{name:?}")).collect();
    let known = if known.is_empty() { "there is none".to_owned() } else { format!("known: {}", known.join(", ")) };
    Wrong::at(path, format!("there is no {what} {name:?}; {known}"))
}

impl MediumTable {
    fn check(&self) -> Result<(), Wrong> {
        match self {
            Self::Radio(radio) => {
                if !(1.0..=10.0).contains(&radio.path_loss_exponent) {
                    let message = "`path_loss_exponent` is from 1 to 10; 2 is the open air, 3 a building";
                    return Err(Wrong::at("medium.radio.path_loss_exponent", message));
                }
                if radio.duty_cycle_percent.is_some_and(Percent::is_zero) {
                    let message = "nobody could ever send; leave it out where there is no limit";
                    return Err(Wrong::at("medium.radio.duty_cycle_percent", message));
                }
                Ok(())
            }
            Self::Udp(udp) => {
                check_range("medium.udp.delay", udp.delay, LONGEST_DELAY)?;
                let nat_idle = udp.nat_idle.0;
                if nat_idle.is_zero() || nat_idle.subsec_nanos() == 0 {
                    return Ok(());
                }
                Err(Wrong::at("medium.udp.nat_idle", "`nat_idle` is in whole seconds"))
            }
            Self::Link(link) => check_range("medium.link.delay", link.delay, LONGEST_DELAY),
        }
    }
}

impl GatewayTable {
    fn check(&self, path: &str) -> Result<(), Wrong> {
        if let Some(commit) = self.commit {
            check_range(&format!("{path}.commit"), commit, Duration::from_secs(3_600))?;
        }
        match self.t_retry {
            Some(t_retry) if !(Duration::from_secs(1)..=Duration::from_secs(3_600)).contains(&t_retry.0) => {
                Err(Wrong::at(format!("{path}.t_retry"), "`t_retry` is from 1 s to 1 h"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The shortest and the longest of something, both at most `longest`.
fn check_range(path: &str, [from, to]: [Time; 2], longest: Duration) -> Result<(), Wrong> {
    if from <= to && to.0 <= longest {
        return Ok(());
    }
    let longest = humantime::format_duration(longest);
    Err(Wrong::at(path, format!("this is [shortest, longest], the second not below the first and at most {longest}")))
}

impl GroupTable {
    fn check(&self, path: &str) -> Result<(), Wrong> {
        if !(1..=MOST_NODES).contains(&self.count) {
            return Err(Wrong::at(format!("{path}.count"), "a group has 1 to 100,000 nodes"));
        }
        let id = if self.client_id.is_some() { "client_id" } else { "name" };
        check_braces(&format!("{path}.{id}"), self.client_id.as_deref().unwrap_or(&self.name), Braces::Number)?;
        check_client_id(&format!("{path}.{id}"), &self.client_id(self.count - 1))?;
        let keep_alive = self.keep_alive.0;
        if keep_alive > LONGEST_SILENCE || keep_alive.subsec_nanos() > 0 {
            return Err(Wrong::at(format!("{path}.keep_alive"), "`keep_alive` is in whole seconds, at most 65,535"));
        }
        self.check_payload(path)?;
        for (number, to) in self.subscribe.iter().enumerate() {
            to.check(&format!("{path}.subscribe.{number}"), Braces::NumberAndId, |filter| self.fill(filter, 0))?;
        }
        if let Some(will) = &self.will {
            let path = format!("{path}.will.topic");
            check_braces(&path, &will.topic, Braces::NumberAndId)?;
            check_name(&path, &self.fill(&will.topic, 0))?;
        }
        for (number, report) in self.reports.iter().enumerate() {
            self.check_report(path, number, report)?;
        }
        Ok(())
    }

    fn check_payload(&self, path: &str) -> Result<(), Wrong> {
        let longest = BODY as u16 - 1;
        if (SHORTEST_PAYLOAD..=longest).contains(&self.payload_octets) {
            return Ok(());
        }
        let message = format!("payloads have {SHORTEST_PAYLOAD} to {longest} octets, less those of the topic");
        Err(Wrong::at(format!("{path}.payload_octets"), message))
    }

    fn check_report(&self, group: &str, number: usize, report: &ReportTable) -> Result<(), Wrong> {
        let path = format!("{group}.report.{number}");
        let topic = format!("{path}.topic");
        check_braces(&topic, &report.topic, Braces::NumberAndId)?;
        // Topics of a group are equally long, but for client ids, which are checked by themselves.
        let name = self.fill(&report.topic, self.count - 1);
        check_name(&topic, &name)?;
        let most = BODY - name.len();
        if usize::from(self.payload_octets) > most {
            let message = format!("payloads longer than {most} octets do not fit beside the topic {name:?}");
            return Err(Wrong::at(format!("{group}.payload_octets"), message));
        }
        check_beat(&path, report.every, report.jitter)
    }
}

impl SubscribeTable {
    fn check(&self, path: &str, may: Braces, fill: impl Fn(&str) -> String) -> Result<(), Wrong> {
        let path = format!("{path}.filter");
        check_braces(&path, &self.filter, may)?;
        check_filter(&path, &fill(&self.filter))
    }
}

/// 1.2 §5.3.1; an MQTT client's is as long here.
fn check_client_id(path: &str, id: &str) -> Result<(), Wrong> {
    if (1..=23).contains(&id.len()) && !id.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!("the client id {id:?} has not 1 to 23 octets without control characters (1.2 §5.3.1)");
    Err(Wrong::at(path, message))
}

fn check_beat(path: &str, every: Time, jitter: Option<Time>) -> Result<(), Wrong> {
    if every.0 < Duration::from_millis(1) {
        return Err(Wrong::at(format!("{path}.every"), "`every` is at least 1 ms"));
    }
    if jitter.is_some_and(|jitter| jitter >= every) {
        return Err(Wrong::at(format!("{path}.jitter"), "`jitter` has to be below `every`"));
    }
    Ok(())
}
