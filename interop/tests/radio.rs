//! tshark, an independent dissector, reads what the simulated radio puts on the air.

use simulator::medium::{Downlink, Medium, Uplink};
use simulator::pcap::PcapWriter;
use simulator::radio::{LinkPlan, OnAir, Propagation, Radio, RadioPlan, Site, Station};
use sn_codec::{Connect, Message, MsgId, PubAck, Publish, Qos, ReturnCode, SearchGw, ShortName, Topic, TopicId};
use sn_types::Instant;
use std::cell::RefCell;
use std::io::Write;
use std::process::Command;
use std::rc::Rc;

/// What tshark prints of each frame.
const FIELDS: [&str; 10] = [
    "wpan.frame_type",
    "wpan.fcs_ok",
    "6lowpan.mesh.orig64",
    "6lowpan.mesh.hops",
    "ipv6.src",
    "ipv6.dst",
    "udp.checksum.status",
    "mqttsn.msg.type",
    "_ws.malformed",
    "_ws.expert.message",
];

/// The checks that tshark leaves out unless told.
const OPTIONS: [&str; 2] = ["udp.check_checksum:TRUE", "wpan.fcs_format:ITU-T CRC-16"];

type Row = [String; FIELDS.len()];

#[test]
fn tshark_reads_every_frame_down_to_mqtt_sn() {
    for routers in [0, 2] {
        let rows = dissect(&record(routers));
        for row in &rows {
            let [frame_type, fcs_ok, .., malformed, expert] = row;
            assert_eq!((&**fcs_ok, &**malformed, &**expert), ("1", "", ""), "{row:?}");
            match &**frame_type {
                "0x0001" => assert_data(row, routers),
                "0x0002" => {}
                other => panic!("frame type {other}: {row:?}"),
            }
        }
        let hops = routers + 1;
        // Three datagrams up and one down, each acknowledged at every hop; SEARCHGW, which every router passes on.
        assert_eq!(rows.len(), 4 * hops * 2 + hops, "{rows:?}");
    }
}

#[test]
fn a_damaged_frame_would_be_noticed() {
    let mut pcap = record(0);
    let last = pcap.len() - 1;
    pcap[last] ^= 1;
    let rows = dissect(&pcap);
    assert_ne!(rows.last().map(|row| &*row[1]), Some("1"), "{rows:?}");
}

fn assert_data(row: &Row, routers: usize) {
    let [_, _, originator, hops, from, to, checksum, msg_type, ..] = row;
    assert_eq!((hops.is_empty(), originator.is_empty()), (routers == 0, routers == 0), "{row:?}");
    let (node, gateway) = ("fe80::1:0:0", "fe80::3:0:0");
    match &**msg_type {
        // SEARCHGW to all; CONNECT, PUBLISH and an unusually long one up; PUBACK down.
        "0x01" => assert_eq!((&**from, &**to), (node, "ff02::1"), "{row:?}"),
        "0x04" | "0x0c" => assert_eq!((&**from, &**to), (node, gateway), "{row:?}"),
        "0x0d" => assert_eq!((&**from, &**to), (gateway, node), "{row:?}"),
        other => panic!("message type {other}: {row:?}"),
    }
    assert_eq!(checksum, "1", "{row:?}");
}

/// What a node and its gateway say, over so many routers in a row, as a pcap.
fn record(routers: usize) -> Vec<u8> {
    let mut radio = Radio::new(&row_of(routers));
    let pcap = PcapWriter::new(Vec::new()).expect("memory takes everything");
    let pcap = Rc::new(RefCell::new(pcap));
    let tap = Rc::clone(&pcap);
    radio.tap(move |frame: &OnAir<'_>| tap.borrow_mut().frame(frame).expect("memory takes everything"));
    let mut now = Instant::ZERO;
    for message in messages() {
        let mut buffer = [0; 128];
        let len = message.encode(&mut buffer).expect("it is short");
        match message {
            Message::SearchGw(_) => radio.send_up(now, 0, Uplink::Everyone { radius: 0 }, &buffer[..len]),
            Message::PubAck(_) => radio.send_down(now, 0, Downlink::Peer(Radio::node_addr(0)), &buffer[..len]),
            _ => radio.send_up(now, 0, Uplink::Gateway(0), &buffer[..len]),
        }
        while let Some(at) = radio.poll_timeout() {
            now = at;
            radio.handle_timeout(now);
        }
    }
    drop(radio);
    Rc::into_inner(pcap).expect("the tap is gone").into_inner().into_inner()
}

fn row_of(routers: usize) -> RadioPlan {
    let mut stations = vec![Station::Node(0)];
    stations.extend((0..routers).map(Station::Router));
    stations.push(Station::Gateway(0));
    let link = |pair: &[Station]| LinkPlan { a: pair[0], b: pair[1], rssi_dbm: -60, loss: None };
    RadioPlan {
        nodes: vec![Site::default()],
        routers: vec![Site::default(); routers],
        gateways: vec![Site::default()],
        propagation: Propagation::Table(stations.windows(2).map(link).collect()),
        ..RadioPlan::default()
    }
}

fn messages() -> [Message<'static>; 5] {
    let connect = Connect { will: false, clean_session: true, protocol_id: 1, duration_s: 60, client_id: "node-1" };
    let publish = Publish {
        dup: false,
        qos: Qos::One,
        retain: false,
        topic: Topic::Normal(TopicId(1)),
        msg_id: MsgId(1),
        data: b"21.5 degrees",
    };
    let short = Topic::Short(ShortName(*b"ab"));
    [
        Message::SearchGw(SearchGw { radius: 0 }),
        Message::Connect(connect),
        Message::Publish(publish),
        Message::PubAck(PubAck { topic_id: TopicId(1), msg_id: MsgId(1), return_code: ReturnCode::Accepted }),
        Message::Publish(Publish { topic: short, data: &[b'x'; 50], ..publish }),
    ]
}

fn dissect(pcap: &[u8]) -> Vec<Row> {
    let mut file = tempfile::NamedTempFile::new().expect("there is room in the temporary directory");
    file.write_all(pcap).expect("there is room in the temporary directory");
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(file.path()).args(["-n", "-d", "udp.port==1883,mqttsn", "-T", "fields"]);
    tshark.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    tshark.args(OPTIONS.iter().flat_map(|option| ["-o", option]));
    let output = tshark.output().expect("tshark is installed: `cargo xtask test` does that");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("tshark writes UTF-8");
    text.lines().map(row).collect()
}

fn row(line: &str) -> Row {
    let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
    fields.try_into().unwrap_or_else(|fields| panic!("not one value for each field: {fields:?}"))
}
