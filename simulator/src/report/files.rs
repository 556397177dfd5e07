//! A report for programs: CSV and JSON.

use super::model::{Report, StationKind};
use serde::Serialize;

/// A line of the CSV of stations. What is not known is empty.
#[derive(Serialize)]
struct StationLine<'a> {
    name: &'a str,
    kind: StationKind,
    is_sleeper: bool,
    x_dm: Option<i32>,
    y_dm: Option<i32>,
    next_hop: Option<&'a str>,
    offered: u64,
    acknowledged: u64,
    delivered: u64,
    repeated: u64,
    frames_sent: Option<u64>,
    retries: Option<u64>,
    failures: Option<u64>,
    radio_on_us: Option<u64>,
    average_current_na: Option<u64>,
    battery_life_days: Option<u32>,
}

impl Report {
    /// One line for each station, below a line with the names of the columns.
    ///
    /// # Panics
    /// Never: numbers and texts can be written, and memory does not fail.
    #[must_use]
    pub fn stations_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for station in &self.stations {
            let (radio, power) = (station.radio, station.power);
            let next_hop = station.next_hop.and_then(|index| self.stations.get(index));
            let line = StationLine {
                name: &station.name,
                kind: station.kind,
                is_sleeper: station.is_sleeper,
                x_dm: station.position.map(|position| position.x_dm),
                y_dm: station.position.map(|position| position.y_dm),
                next_hop: next_hop.map(|station| &*station.name),
                offered: station.traffic.offered,
                acknowledged: station.traffic.acknowledged,
                delivered: station.traffic.delivered,
                repeated: station.traffic.repeated,
                frames_sent: radio.map(|radio| radio.frames_sent),
                retries: radio.map(|radio| radio.retries),
                failures: radio.map(|radio| radio.failures),
                radio_on_us: radio.map(|radio| radio.on_us),
                average_current_na: power.map(|power| power.average_current_na),
                battery_life_days: power.and_then(|power| power.battery_life_days),
            };
            writer.serialize(line).expect("it can be written to memory");
        }
        text(writer)
    }

    /// One line for each slice of time, below a line with the names of the columns.
    ///
    /// # Panics
    /// Never: numbers can be written, and memory does not fail.
    #[must_use]
    pub fn series_csv(&self) -> String {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        let columns = [
            "at_us",
            "mailbox_messages",
            "mailbox_deepest",
            "delivered_up",
            "delivered_down",
            "nodes_connected",
            "nodes_asleep",
            "nodes_lost",
        ];
        let channels = self.channels.iter().map(|channel| format!("channel_{}_airtime_us", channel.number));
        let heading = columns.into_iter().map(str::to_owned).chain(channels);
        writer.write_record(heading).expect("it can be written to memory");
        for slice in &self.series.slices {
            let levels = [
                slice.at_us,
                slice.mailbox_messages,
                slice.mailbox_deepest,
                slice.delivered_up,
                slice.delivered_down,
                slice.nodes_connected,
                slice.nodes_asleep,
                slice.nodes_lost,
            ];
            let numbers = levels.iter().chain(&slice.airtime_us).map(u64::to_string);
            writer.write_record(numbers).expect("it can be written to memory");
        }
        text(writer)
    }

    /// Everything, to be read again by [`Report::from_json`].
    ///
    /// # Panics
    /// Never: a report has neither keys that are no text nor anything else that JSON lacks.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report can be written as JSON")
    }

    /// What [`Report::to_json`] has written.
    ///
    /// # Errors
    /// If the text is something else.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}

fn text(writer: csv::Writer<Vec<u8>>) -> String {
    let bytes = writer.into_inner().expect("memory does not fail");
    String::from_utf8(bytes).expect("everything written is text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Channel, Radio, Series, Slice, Station, Traffic};

    fn report() -> Report {
        let station = Station {
            name: "a \"b\", c".to_owned(),
            kind: StationKind::MqttClient,
            position: None,
            is_sleeper: false,
            traffic: Traffic { offered: 3, ..Traffic::default() },
            radio: Some(Radio { retries: 2, ..Radio::default() }),
            power: None,
            next_hop: Some(0),
        };
        let slices = vec![Slice { at_us: 10, nodes_lost: 1, airtime_us: vec![7], ..Slice::default() }];
        Report {
            stations: vec![station],
            series: Series { slice_us: 10, slices },
            channels: vec![Channel { number: 11, airtime_us: 7 }],
            ..Report::default()
        }
    }

    #[test]
    fn stations_have_a_line_each_and_odd_names_are_quoted() {
        let csv = report().stations_csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[0].starts_with("name,kind,is_sleeper,x_dm"), "{csv}");
        let name = "\"a \"\"b\"\", c\"";
        assert_eq!(lines[1], format!("{name},mqtt_client,false,,,{name},3,0,0,0,0,2,0,0,,"));
    }

    #[test]
    fn the_series_has_a_column_for_each_channel() {
        let csv = report().series_csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[0].ends_with("nodes_lost,channel_11_airtime_us"), "{csv}");
        assert_eq!(lines[1..], ["10,0,0,0,0,0,0,1,7"]);
    }

    #[test]
    fn json_can_be_read_again() {
        for report in [report(), Report::default()] {
            assert_eq!(Report::from_json(&report.to_json()).unwrap(), report);
        }
    }
}
