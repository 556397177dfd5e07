//! A report for the terminal: 80 columns, no colours.

use super::format::{battery_life, count, count_of, current, duration, or_dash, percent};
use super::model::{Delivery, Direction, Latency, Report, StationKind};
use std::fmt::{self, Write as _};

/// No line is longer.
const COLUMNS: usize = 80;

/// So many batteries and broken promises are named.
const NAMED: usize = 10;

impl Report {
    /// A summary for the terminal, in lines of at most 80 columns.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // A String takes whatever is written.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "{}", cut(&self.scenario.name, COLUMNS))?;
        let verdict = self.verdict();
        writeln!(text, "{}.", verdict.headline)?;
        verdict.notes.iter().try_for_each(|note| writeln!(text, "{}", cut(&format!("{note}."), COLUMNS)))?;
        writeln!(text)?;
        fact(text, "virtual time", &format!("{}, seed {}", duration(self.duration_us), self.scenario.seed))?;
        fact(text, "nodes", &self.people())?;
        fact(text, "latency up", &quantiles(&self.latency_up))?;
        fact(text, "latency down", &quantiles(&self.latency_down))?;
        fact(
            text,
            "gateway",
            &format!(
                "{}, {}",
                count_of(self.gateway.outages.len() as u64, "crash", "crashes"),
                count_of(self.gateway.retransmissions, "retransmission", "retransmissions")
            ),
        )?;
        for channel in &self.channels {
            let share = or_dash(percent(channel.airtime_us, self.duration_us));
            fact(text, &format!("channel {}", channel.number), &format!("busy {share} of the time"))?;
        }
        self.write_deliveries(text)?;
        self.write_batteries(text)?;
        write_reasons(text, "dropped", &self.gateway.drops)?;
        write_reasons(text, "rejected", &self.gateway.rejects)?;
        self.write_violations(text)
    }

    fn people(&self) -> String {
        let sleepers = self.stations.iter().filter(|station| station.is_sleeper).count() as u64;
        format!(
            "{} ({}), {}, {}",
            count(self.stations_of(StationKind::Node)),
            count_of(sleepers, "sleeper", "sleepers"),
            count_of(self.stations_of(StationKind::Router), "router", "routers"),
            count_of(self.stations_of(StationKind::MqttClient), "MQTT client", "MQTT clients")
        )
    }

    fn write_deliveries(&self, text: &mut String) -> fmt::Result {
        if self.deliveries.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\n{:<12}{:>11}{:>13}{:>11}{:>11}{:>9}{:>11}",
            "messages", "offered", "acknowledged", "delivered", "repeated", "lost", "pending"
        )?;
        for delivery in &self.deliveries {
            let Delivery { offered, acknowledged, delivered, duplicates, lost, pending, qos, .. } = *delivery;
            let way = match delivery.direction {
                Direction::Up => "up",
                Direction::Down => "down",
            };
            let acknowledged = if qos > 0 { count(acknowledged) } else { "-".to_owned() };
            let [offered, delivered, duplicates] = [offered, delivered, duplicates].map(count);
            let [lost, pending] = [lost, pending].map(count);
            let name = format!("{way}, QoS {qos}");
            writeln!(
                text,
                "{name:<12}{offered:>11}{acknowledged:>13}{delivered:>11}{duplicates:>11}{lost:>9}{pending:>11}"
            )?;
        }
        Ok(())
    }

    fn write_batteries(&self, text: &mut String) -> fmt::Result {
        let batteries = self.by_battery_life();
        if batteries.is_empty() {
            return Ok(());
        }
        let median = battery_life(batteries[batteries.len() / 2].1);
        writeln!(text, "\nbatteries that are empty first (median {median})")?;
        for (index, days) in batteries.iter().take(NAMED) {
            let station = &self.stations[*index];
            let draws = or_dash(station.power.map(|power| current(power.average_current_na)));
            writeln!(text, "  {:<36}{:>16}{:>16}", cut(&station.name, 34), battery_life(*days), draws)?;
        }
        Ok(())
    }

    fn write_violations(&self, text: &mut String) -> fmt::Result {
        if self.violations.is_empty() {
            return Ok(());
        }
        writeln!(text, "\nbroken promises")?;
        for violation in self.violations.iter().take(NAMED) {
            writeln!(text, "  {}", cut(violation, COLUMNS - 2))?;
        }
        match self.violations.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => writeln!(text, "  and {} more", count(more as u64)),
        }
    }
}

fn fact(text: &mut String, name: &str, value: &str) -> fmt::Result {
    writeln!(text, "{name:<14}{}", cut(value, COLUMNS - 14))
}

fn quantiles(latency: &Latency) -> String {
    if latency.count == 0 {
        return "no message".to_owned();
    }
    let [p50, p90, p99, max] = [latency.p50_us, latency.p90_us, latency.p99_us, latency.max_us].map(duration);
    format!("50% {p50}, 90% {p90}, 99% {p99}, max {max}")
}

fn write_reasons(text: &mut String, title: &str, by_reason: &std::collections::BTreeMap<String, u64>) -> fmt::Result {
    if by_reason.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n{title}")?;
    by_reason.iter().try_for_each(|(reason, number)| writeln!(text, "  {:<52}{:>16}", cut(reason, 50), count(*number)))
}

/// Without control characters, which could make a terminal do anything, and no longer than a column.
fn cut(text: &str, columns: usize) -> String {
    let plain = |character: char| if character.is_control() { '?' } else { character };
    if text.chars().count() <= columns {
        return text.chars().map(plain).collect();
    }
    text.chars().take(columns - 1).map(plain).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_run_has_a_summary() {
        let text = Report::default().to_text();
        assert!(text.contains("No message was sent."), "{text}");
        assert!(text.contains("latency up    no message"), "{text}");
    }

    #[test]
    fn no_line_is_too_long_and_nothing_reaches_the_terminal_as_a_command() {
        let mut report = Report { violations: vec!["\x1b[31mvery long ".repeat(30); 12], ..Report::default() };
        report.scenario.name = "\x07name".repeat(40);
        report.gateway.drops.insert("reason ".repeat(30), u64::MAX);
        report.deliveries.push(Delivery {
            direction: Direction::Down,
            qos: -1,
            offered: 9_999_999,
            for_nobody: 0,
            acknowledged: 0,
            delivered: 9_999_999,
            duplicates: 9_999_999,
            lost: 0,
            pending: 0,
        });
        let text = report.to_text();
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        assert!(!text.contains(['\x1b', '\x07']));
        assert!(text.contains("and 2 more"), "{text}");
    }
}
