//! What a run says in one sentence.

use super::format::{count, count_of, or_dash, percent};
use super::model::{Delivery, Direction, Report, StationKind};

/// How a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything promised was kept, and nothing is under way any more.
    Kept,
    /// Nothing promised was broken, but the run ended before all was delivered, or nothing was promised at all.
    Open,
    /// A promise was broken.
    Broken,
}

/// A run's outcome, and the sentence that says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it went.
    pub outcome: Outcome,
    /// One sentence.
    pub headline: String,
    /// What that does not say and a reader may not expect: sentences.
    pub notes: Vec<String>,
}

/// Deliveries summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) offered: u64,
    pub(super) delivered: u64,
    pub(super) lost: u64,
    pub(super) pending: u64,
}

impl Sum {
    pub(super) fn of<'a>(deliveries: impl Iterator<Item = &'a Delivery>) -> Self {
        deliveries.fold(Self::default(), |sum, delivery| Self {
            offered: sum.offered + delivery.offered,
            delivered: sum.delivered + delivery.delivered,
            lost: sum.lost + delivery.lost,
            pending: sum.pending + delivery.pending,
        })
    }
}

impl Report {
    /// What the run says in one sentence. Only QoS 1 and 2 are promises.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let promised = Sum::of(self.deliveries.iter().filter(|delivery| delivery.qos > 0));
        let unpromised = Sum::of(self.deliveries.iter().filter(|delivery| delivery.qos <= 0));
        let (outcome, headline) = if promised.lost > 0 {
            let offered = count_of(promised.offered, "promised message", "promised messages");
            (Outcome::Broken, format!("{} of {offered} lost", count(promised.lost)))
        } else if !self.violations.is_empty() {
            (Outcome::Broken, count_of(self.violations.len() as u64, "promise broken", "promises broken"))
        } else if promised.pending > 0 {
            let offered = count_of(promised.offered, "message", "messages");
            let pending = count(promised.pending);
            (Outcome::Open, format!("Nothing promised was lost; {pending} of {offered} still under way at the end"))
        } else if promised.offered > 0 {
            (Outcome::Kept, kept(promised, unpromised))
        } else if unpromised.offered > 0 {
            (Outcome::Open, format!("Nothing was promised; {}", at_qos_0(unpromised)))
        } else {
            (Outcome::Open, self.undelivered())
        };
        Verdict { outcome, headline, notes: self.notes() }
    }

    /// What became of messages of which none was to come or came.
    fn undelivered(&self) -> String {
        let sent: u64 = self.stations.iter().map(|station| station.traffic.offered).sum();
        let dropped: u64 = self.gateway.drops.values().sum();
        match (sent, dropped) {
            (0, _) => "No message was sent".to_owned(),
            (sent, 0) => format!("{} sent, and nobody was to get any", count_of(sent, "message", "messages")),
            (sent, dropped) => {
                format!("{} sent and none delivered: {} dropped", count_of(sent, "message", "messages"), count(dropped))
            }
        }
    }

    fn notes(&self) -> Vec<String> {
        let for_nobody = self.deliveries.iter().map(|delivery| delivery.for_nobody).sum();
        let dropped = self.gateway.drops.values().sum();
        let rejected = self.gateway.rejects.values().sum();
        let note = |number: u64, one: &str, many: &str, what: &str| {
            (number > 0).then(|| format!("{} {what}", count_of(number, one, many)))
        };
        [
            note(for_nobody, "message", "messages", "published to topics that nobody had subscribed to"),
            note(dropped, "message", "messages", "dropped by the gateway, for the reasons below"),
            note(
                rejected,
                "datagram or request",
                "datagrams and requests",
                "rejected by the gateway, for the reasons below",
            ),
            note(
                self.gateway.crashes_missed,
                "crash",
                "crashes",
                "did not come about: there was no commit to interrupt",
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Messages of one direction.
    pub(super) fn sum(&self, direction: Direction) -> Sum {
        Sum::of(self.deliveries.iter().filter(|delivery| delivery.direction == direction))
    }

    /// How many stations are of a kind.
    pub(super) fn stations_of(&self, kind: StationKind) -> u64 {
        self.stations.iter().filter(|station| station.kind == kind).count() as u64
    }

    /// Stations with a battery, the one that is empty first at the front.
    pub(super) fn by_battery_life(&self) -> Vec<(usize, u32)> {
        let life = |(index, station): (usize, &super::Station)| Some((index, station.power?.battery_life_days?));
        let mut batteries: Vec<_> = self.stations.iter().enumerate().filter_map(life).collect();
        batteries.sort_by_key(|(index, days)| (*days, *index));
        batteries
    }
}

fn kept(promised: Sum, unpromised: Sum) -> String {
    let all = match promised.offered {
        1 => "The one message".to_owned(),
        offered => format!("All {} messages", count(offered)),
    };
    match unpromised.offered {
        0 => format!("{all} delivered; nothing promised was lost"),
        _ => format!("{all} at QoS 1 and 2 delivered; {}", at_qos_0(unpromised)),
    }
}

fn at_qos_0(unpromised: Sum) -> String {
    let arrived = or_dash(percent(unpromised.delivered, unpromised.offered));
    format!("{arrived} of {} at QoS 0 arrived", count(unpromised.offered))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Station, Traffic};

    fn report(deliveries: &[(i8, u64, u64, u64)]) -> Report {
        let delivery = |&(qos, delivered, lost, pending)| Delivery {
            direction: Direction::Up,
            qos,
            offered: delivered + lost + pending,
            for_nobody: 0,
            acknowledged: delivered,
            delivered,
            duplicates: 0,
            lost,
            pending,
        };
        Report { deliveries: deliveries.iter().map(delivery).collect(), ..Report::default() }
    }

    fn verdict(deliveries: &[(i8, u64, u64, u64)]) -> (Outcome, String) {
        let verdict = report(deliveries).verdict();
        (verdict.outcome, verdict.headline)
    }

    #[test]
    fn a_run_is_told_in_one_sentence() {
        let told = |outcome, headline: &str| (outcome, headline.to_owned());
        assert_eq!(verdict(&[]), told(Outcome::Open, "No message was sent"));
        let all = "All 28,800 messages delivered; nothing promised was lost";
        assert_eq!(verdict(&[(1, 28_000, 0, 0), (2, 800, 0, 0)]), told(Outcome::Kept, all));
        let one = "The one message at QoS 1 and 2 delivered; 50.0% of 10 at QoS 0 arrived";
        assert_eq!(verdict(&[(1, 1, 0, 0), (0, 5, 5, 0)]), told(Outcome::Kept, one));
        let open = "Nothing promised was lost; 2 of 12 messages still under way at the end";
        assert_eq!(verdict(&[(1, 10, 0, 2)]), told(Outcome::Open, open));
        assert_eq!(verdict(&[(1, 9, 1, 2)]), told(Outcome::Broken, "1 of 12 promised messages lost"));
        assert_eq!(verdict(&[(-1, 3, 0, 0)]), told(Outcome::Open, "Nothing was promised; 100% of 3 at QoS 0 arrived"));
    }

    #[test]
    fn messages_that_nobody_gets_are_told() {
        let sender = Station {
            name: "node".to_owned(),
            kind: StationKind::Node,
            position: None,
            is_sleeper: false,
            traffic: Traffic { offered: 149, ..Traffic::default() },
            radio: None,
            power: None,
            next_hop: None,
        };
        let for_nobody = Delivery { for_nobody: 149, ..report(&[(1, 0, 0, 0)]).deliveries[0] };
        let mut report = Report { stations: vec![sender], deliveries: vec![for_nobody], ..Report::default() };
        assert_eq!(report.verdict().headline, "149 messages sent, and nobody was to get any");
        report.gateway.drops.insert("queue full".to_owned(), 149);
        assert_eq!(report.verdict().headline, "149 messages sent and none delivered: 149 dropped");
        report.deliveries.push(Delivery {
            direction: Direction::Down,
            offered: 5,
            delivered: 5,
            ..report.deliveries[0]
        });
        report.deliveries[1].for_nobody = 0;
        assert_eq!(report.verdict().headline, "All 5 messages delivered; nothing promised was lost");
        report.gateway.rejects.insert("topic-name".to_owned(), 2);
        report.gateway.crashes_missed = 1;
        let notes = [
            "149 messages published to topics that nobody had subscribed to",
            "149 messages dropped by the gateway, for the reasons below",
            "2 datagrams and requests rejected by the gateway, for the reasons below",
            "1 crash did not come about: there was no commit to interrupt",
        ];
        assert_eq!(report.verdict().notes, notes);
        assert!(notes.iter().all(|note| report.to_text().contains(note) && report.to_html().contains(note)));
    }

    #[test]
    fn a_violation_is_a_broken_promise_even_if_everything_came() {
        let mut report = report(&[(2, 1, 0, 0)]);
        report.violations.push("node 7 got message 1 twice".to_owned());
        assert_eq!(report.verdict().outcome, Outcome::Broken);
        assert_eq!(report.verdict().headline, "1 promise broken");
    }
}
