//! A flow of Node-RED at the gateway. Its packages take 94 MB, so only the long form of the check runs it.

use interop::{Gateway, PATIENCE, Process, node_red, sn_pub, sn_sub};
use std::fs;
use std::net::TcpListener;
use std::time::Duration;

/// What comes in on `to/flow` goes out on `from/flow`, at QoS 1.
fn flow(gateway: &Gateway) -> String {
    let (host, port) = (gateway.mqtt.ip(), gateway.mqtt.port());
    format!(
        r#"[
{{ "id": "tab", "type": "tab", "label": "flow" }},
{{ "id": "broker", "type": "mqtt-broker", "broker": "{host}", "port": "{port}", "clientid": "flow", "usetls": false,
   "protocolVersion": "4", "keepalive": "60", "cleansession": true, "autoConnect": true }},
{{ "id": "in", "type": "mqtt in", "z": "tab", "topic": "to/flow", "qos": "1", "datatype": "utf8", "broker": "broker",
   "inputs": 0, "wires": [["out"]] }},
{{ "id": "out", "type": "mqtt out", "z": "tab", "topic": "from/flow", "qos": "1", "retain": "false",
   "broker": "broker", "wires": [] }}
]"#
    )
}

#[test]
#[ignore = "Node-RED is large: cargo xtask test --nightly-size fetches it"]
fn a_flow_receives_and_publishes() {
    let mut gateway = Gateway::start();
    let dir = tempfile::tempdir().expect("there is room in the temporary directory");
    fs::write(dir.path().join("flows.json"), flow(&gateway)).expect("there is room");
    // Nobody looks at it, but it insists on a port.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let settings = format!(
        "module.exports = {{ flowFile: 'flows.json', uiHost: '127.0.0.1', uiPort: {port}, httpAdminRoot: false,\n\
         telemetry: {{ enabled: false }}, logging: {{ console: {{ level: 'info' }} }} }};\n"
    );
    fs::write(dir.path().join("settings.js"), settings).expect("there is room");
    let mut node_red = node_red();
    node_red.arg("--userDir").arg(dir.path()).arg("--settings").arg(dir.path().join("settings.js"));
    let mut node_red = Process::start(node_red);
    // It looks at all its modules first.
    node_red.expect_within("Connected to broker", PATIENCE + Duration::from_secs(60));
    gateway.process().expect("connected client=\"flow\"");

    let mut node = sn_sub(&gateway, &["-t", "from/flow", "-q", "1"]);
    node.expect("SUBACK");
    sn_pub(&gateway, &["-t", "to/flow", "-q", "1", "-m", "21.5"]);
    assert_eq!(node.expect("from/flow "), "from/flow 21.5");
}
