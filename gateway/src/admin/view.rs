//! Sessions as text for people.

use super::protocol::{SessionDetail, SessionRow};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HEAD: [&str; 6] = ["CLIENT", "STATE", "ADDRESS", "WAITING", "DROPPED", "REFUSED"];

/// One line per session, in columns.
pub(super) fn table(rows: &[SessionRow]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(cells));
    let widths: [usize; HEAD.len()] =
        std::array::from_fn(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default());
    lines.iter().map(|line| aligned(line, &widths)).collect()
}

fn cells(row: &SessionRow) -> [String; HEAD.len()] {
    [
        printable(&row.client_id),
        row.state.clone(),
        row.address.clone().unwrap_or_else(|| "-".into()),
        row.waiting.to_string(),
        row.drops.to_string(),
        row.rejects.to_string(),
    ]
}

/// Text to the left, numbers to the right.
fn aligned(line: &[String; HEAD.len()], widths: &[usize; HEAD.len()]) -> String {
    let cells = line.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
        0..=2 => format!("{cell:width$}"),
        _ => format!("{cell:>width$}"),
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
}

/// Everything about one session.
pub(super) fn detail(session: &SessionDetail) -> String {
    let row = &session.row;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:14} {value}");
    };
    line("client", &printable(&row.client_id));
    line("state", &row.state);
    line("address", row.address.as_deref().unwrap_or("-"));
    line("user", &session.user.as_deref().map_or_else(|| "-".into(), printable));
    line("ends", if session.clean { "with its connection" } else { "when it expires or is dropped" });
    line("survives", if session.durable { "the gateway's restart" } else { "no restart of the gateway" });
    line("will", &session.will_topic.as_deref().map_or_else(|| "-".into(), printable));
    line("waiting", &format!("{} messages, of which {} in flight", row.waiting, session.in_flight));
    line("mailbox", &format!("{} octets", session.waiting_bytes));
    line("dropped", &reasons(&session.drops));
    line("refused", &reasons(&session.rejects));
    for (filter, qos) in &session.subscriptions {
        line("subscription", &format!("{} at QoS {qos}", printable(filter)));
    }
    for (id, name) in &session.topic_ids {
        line("topic id", &format!("{id} {}", printable(name)));
    }
    text
}

fn reasons(counts: &BTreeMap<String, u32>) -> String {
    if counts.is_empty() {
        return "0".into();
    }
    counts.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}

/// Clients choose these words: nothing in them may reach the terminal as a command.
fn printable(text: &str) -> String {
    text.chars().flat_map(|char| if char.is_control() { char.escape_default().collect() } else { vec![char] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(client_id: &str, waiting: usize) -> SessionRow {
        let address = (waiting > 9).then(|| "mqtt-sn 10.0.0.1:5000".into());
        SessionRow { client_id: client_id.into(), state: "asleep".into(), address, waiting, drops: 0, rejects: 1 }
    }

    #[test]
    fn columns_are_aligned() {
        let text = table(&[row("kitchen", 12), row("a\u{1b}[2J", 3)]);
        assert_eq!(
            text,
            "CLIENT      STATE   ADDRESS                WAITING  DROPPED  REFUSED\n\
             kitchen     asleep  mqtt-sn 10.0.0.1:5000       12        0        1\n\
             a\\u{1b}[2J  asleep  -                            3        0        1\n"
        );
    }

    #[test]
    fn a_session_is_shown_with_its_reasons() {
        let detail_of = SessionDetail {
            row: row("kitchen", 12),
            clean: false,
            user: Some("alice".into()),
            durable: true,
            subscriptions: vec![("lamp/+".into(), 1)],
            will_topic: None,
            waiting_bytes: 345,
            in_flight: 1,
            topic_ids: vec![(1, "temp".into())],
            drops: BTreeMap::from([("queue-full".into(), 7)]),
            rejects: BTreeMap::new(),
        };
        let text = detail(&detail_of);
        for line in [
            "user           alice\n",
            "waiting        12 messages, of which 1 in flight\n",
            "mailbox        345 octets\n",
            "dropped        queue-full 7\n",
            "refused        0\n",
            "subscription   lamp/+ at QoS 1\n",
            "topic id       1 temp\n",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
