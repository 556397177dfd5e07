//! Sessions and nodes as text for people.

use super::nodes::{age, standing};
use super::protocol::{NodeRow, SessionDetail, SessionRow, Subscription, TopicIdRow};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const HEAD: [&str; 6] = ["CLIENT", "STATE", "ADDRESS", "WAITING", "DROPPED", "REFUSED"];

/// One line per session, in columns.
pub(super) fn table(rows: &[SessionRow]) -> String {
    columns(HEAD, 3, rows.iter().map(cells))
}

const NODES_HEAD: [&str; 13] =
    ["NODE", "NAME", "LISTED", "CLIENT", "STATE", "VIA", "HOPS", "SEEN", "RSSI", "LQI", "FRAMES", "RETRIES", "FAILED"];

/// One line per radio node, in columns.
pub(super) fn nodes(rows: &[NodeRow]) -> String {
    columns(NODES_HEAD, 6, rows.iter().map(node_cells))
}

fn node_cells(row: &NodeRow) -> [String; NODES_HEAD.len()] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    [
        row.node.clone(),
        or_none(row.name.as_deref().map(printable)),
        standing(row).into(),
        or_none(row.client.as_deref().map(printable)),
        or_none(row.state.clone()),
        or_none(row.via.clone()),
        or_none(row.hops.map(|hops| hops.to_string())),
        or_none(row.seen_s.map(age)),
        or_none(row.rssi_dbm.map(|dbm| format!("{dbm} dBm"))),
        or_none(row.lqi.map(|lqi| lqi.to_string())),
        row.frames.to_string(),
        row.retries.to_string(),
        row.failures.to_string(),
    ]
}

/// Lines of cells below a head. The first `texts` columns are to the left, the others to the right.
fn columns<const N: usize>(head: [&str; N], texts: usize, rows: impl Iterator<Item = [String; N]>) -> String {
    let lines: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let widths: [usize; N] =
        std::array::from_fn(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default());
    lines.iter().map(|line| aligned(line, &widths, texts)).collect()
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

fn aligned(line: &[String], widths: &[usize], texts: usize) -> String {
    let cells = line.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
        if column < texts { format!("{cell:width$}") } else { format!("{cell:>width$}") }
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
    if let Some(upstream) = &session.upstream {
        line("upstream", upstream);
    }
    line("user", &session.user.as_deref().map_or_else(|| "-".into(), printable));
    line("ends", if session.clean { "with its connection" } else { "when it expires or is dropped" });
    line("survives", if session.durable { "the gateway's restart" } else { "no restart of the gateway" });
    line("will", &session.will_topic.as_deref().map_or_else(|| "-".into(), printable));
    line("waiting", &format!("{} messages, of which {} in flight", row.waiting, session.in_flight));
    line("mailbox", &format!("{} octets", session.waiting_bytes));
    line("dropped", &reasons(&session.drops_by_reason));
    line("refused", &reasons(&session.rejects_by_reason));
    for Subscription { filter, qos } in &session.subscriptions {
        line("subscription", &format!("{} at QoS {qos}", printable(filter)));
    }
    for TopicIdRow { id, topic } in &session.topic_ids {
        line("topic id", &format!("{id} {}", printable(topic)));
    }
    text
}

fn reasons(counts: &BTreeMap<String, u32>) -> String {
    if counts.is_empty() {
        return "0".into();
    }
    counts.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}

/// Clients choose these words: nothing in them may reach the terminal as a command, hide, or turn the line around.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || is_invisible(char) {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// Characters without width, and those that say in which direction others run.
const fn is_invisible(char: char) -> bool {
    matches!(char, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(client_id: &str, waiting: usize) -> SessionRow {
        let address = (waiting > 9).then(|| "mqtt-sn 10.0.0.1:5000".into());
        SessionRow { client_id: client_id.into(), state: "asleep".into(), address, waiting, drops: 0, rejects: 1 }
    }

    #[test]
    fn what_clients_write_is_shown_as_it_is_and_cannot_turn_the_line_around() {
        for (text, shown) in [
            ("kühl/日本/😀", "kühl/日本/😀"),
            ("a\"b\\", "a\"b\\"),
            ("a\u{202E}b", "a\\u{202e}b"),
            ("\u{FEFF}bom", "\\u{feff}bom"),
        ] {
            assert_eq!(printable(text), shown);
        }
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
            upstream: Some("backing-off".into()),
            user: Some("alice".into()),
            durable: true,
            subscriptions: vec![Subscription { filter: "lamp/+".into(), qos: 1 }],
            will_topic: None,
            waiting_bytes: 345,
            in_flight: 1,
            topic_ids: vec![TopicIdRow { id: 1, topic: "temp".into() }],
            drops_by_reason: BTreeMap::from([("queue-full".into(), 7)]),
            rejects_by_reason: BTreeMap::new(),
        };
        let text = detail(&detail_of);
        for line in [
            "upstream       backing-off\n",
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
