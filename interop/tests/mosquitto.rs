//! `mosquitto_pub` and `mosquitto_sub` at the gateway's MQTT port.

use interop::{Gateway, mosquitto_pub, mosquitto_sub};

#[test]
fn a_message_arrives_at_each_qos() {
    let gateway = Gateway::start();
    for qos in ["0", "1", "2"] {
        let mut subscriber = mosquitto_sub(&gateway, &["-t", "hall/temp", "-q", qos]);
        subscriber.expect("Subscribed");
        mosquitto_pub(&gateway, &["-t", "hall/temp", "-q", qos, "-m", "21.5"]);
        assert_eq!(subscriber.expect("got "), format!("got hall/temp {qos} 0 21.5"));
    }
}

#[test]
fn a_message_arrives_at_the_lower_qos_of_publisher_and_subscriber() {
    let gateway = Gateway::start();
    let mut at_most_1 = mosquitto_sub(&gateway, &["-t", "q", "-q", "1"]);
    at_most_1.expect("Subscribed");
    mosquitto_pub(&gateway, &["-t", "q", "-q", "2", "-m", "two"]);
    assert_eq!(at_most_1.expect("got "), "got q 1 0 two");
    mosquitto_pub(&gateway, &["-t", "q", "-q", "0", "-m", "zero"]);
    assert_eq!(at_most_1.expect("got "), "got q 0 0 zero");
}

#[test]
fn a_retained_message_greets_later_subscribers_until_it_is_cleared() {
    let gateway = Gateway::start();
    mosquitto_pub(&gateway, &["-t", "door", "-q", "1", "-r", "-m", "open"]);
    let mut early = mosquitto_sub(&gateway, &["-t", "door", "-q", "1"]);
    assert_eq!(early.expect("got "), "got door 1 1 open");

    mosquitto_pub(&gateway, &["-t", "door", "-q", "1", "-r", "-m", "shut"]);
    assert_eq!(early.expect("got "), "got door 1 0 shut", "live, so without the retain flag");

    mosquitto_pub(&gateway, &["-t", "door", "-q", "1", "-r", "-n"]);
    let mut late = mosquitto_sub(&gateway, &["-t", "door", "-t", "end", "-q", "1"]);
    late.expect("Subscribed");
    mosquitto_pub(&gateway, &["-t", "end", "-q", "1", "-m", "."]);
    assert_eq!(late.expect("got "), "got end 1 0 .", "nothing retained came before");
}

#[test]
fn a_killed_clients_will_is_published_and_a_leaving_ones_is_not() {
    let gateway = Gateway::start();
    let mut watcher = mosquitto_sub(&gateway, &["-t", "will/#", "-q", "1"]);
    watcher.expect("Subscribed");
    let will = |name| ["--will-topic", name, "--will-payload", "gone", "--will-qos", "1", "-t", "x"];

    let mut leaving = mosquitto_sub(&gateway, &[&will("will/leaving")[..], &["-E"]].concat());
    assert!(leaving.wait().success());
    let mut killed = mosquitto_sub(&gateway, &will("will/killed"));
    killed.expect("Subscribed");
    killed.kill();

    assert_eq!(watcher.expect("got "), "got will/killed 1 0 gone");
}

#[test]
fn a_persistent_session_keeps_messages_of_qos_1_and_2() {
    let gateway = Gateway::start();
    let session = ["-c", "-i", "cellar", "-t", "order/#", "-q", "2"];
    assert!(mosquitto_sub(&gateway, &[&session[..], &["-E"]].concat()).wait().success());

    for (qos, order) in [("1", "first"), ("0", "at most once"), ("2", "second")] {
        mosquitto_pub(&gateway, &["-t", "order/1", "-q", qos, "-m", order]);
    }
    let mut back = mosquitto_sub(&gateway, &[&session[..], &["-C", "2"]].concat());
    assert_eq!(back.expect("got "), "got order/1 1 0 first");
    let second = back.expect("got ");
    // MQTT leaves it to the server whether QoS 0 waits, too.
    let second = if second.ends_with("at most once") { back.expect("got ") } else { second };
    assert_eq!(second, "got order/1 2 0 second");
}

#[test]
fn wildcards_match_as_mqtt_says() {
    let gateway = Gateway::start();
    let mut one_level = mosquitto_sub(&gateway, &["-t", "house/+/temp"]);
    let mut all_levels = mosquitto_sub(&gateway, &["-t", "house/#"]);
    let mut everything = mosquitto_sub(&gateway, &["-t", "#"]);
    for subscriber in [&mut one_level, &mut all_levels, &mut everything] {
        subscriber.expect("Subscribed");
    }
    for topic in ["house", "house/hall/temp", "house/hall/lamp/temp", "$private/temp", "garden/temp", "house/end/temp"]
    {
        mosquitto_pub(&gateway, &["-t", topic, "-m", "1"]);
    }
    let received = |subscriber: &mut interop::Process| {
        subscriber.expect("got house/end/temp");
        let lines = subscriber.lines();
        let messages = lines.iter().filter_map(|line| line.strip_prefix("got "));
        messages.map(|message| message.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(received(&mut one_level), ["house/hall/temp", "house/end/temp"]);
    assert_eq!(received(&mut all_levels), ["house", "house/hall/temp", "house/hall/lamp/temp", "house/end/temp"]);
    let all_but_private = ["house", "house/hall/temp", "house/hall/lamp/temp", "garden/temp", "house/end/temp"];
    assert_eq!(received(&mut everything), all_but_private);
}

#[test]
fn a_long_payload_arrives_whole() {
    let gateway = Gateway::start();
    let mut subscriber = mosquitto_sub(&gateway, &["-t", "long", "-q", "1", "-C", "1"]);
    subscriber.expect("Subscribed");
    let payload = "0123456789".repeat(10_000);
    mosquitto_pub(&gateway, &["-t", "long", "-q", "1", "-m", &payload]);
    assert_eq!(subscriber.expect("got "), format!("got long 1 0 {payload}"));
}

#[test]
fn over_mqtt_5_properties_travel_and_3_1_1_goes_without() {
    let gateway = Gateway::start();
    let format = "got %t %q %r %p [%C] [%P] [%R]";
    let mut five = mosquitto_sub(&gateway, &["-V", "5", "-t", "hall/temp", "-q", "2", "-F", format]);
    five.expect("Subscribed");
    let mut three = mosquitto_sub(&gateway, &["-t", "hall/temp", "-q", "2"]);
    three.expect("Subscribed");
    let property = |name, value| ["-D", "publish", name, value];
    let given = [property("content-type", "text/plain"), property("response-topic", "answers")].concat();
    let user = ["-D", "publish", "user-property", "unit", "degC"];
    for qos in ["0", "1", "2"] {
        let publish = ["-V", "5", "-t", "hall/temp", "-q", qos, "-m", "21.5"];
        mosquitto_pub(&gateway, &[&publish[..], &given, &user].concat());
        assert_eq!(five.expect("got "), format!("got hall/temp {qos} 0 21.5 [text/plain] [unit:degC] [answers]"));
        assert_eq!(three.expect("got "), format!("got hall/temp {qos} 0 21.5"));
    }
}

#[test]
fn over_mqtt_5_a_session_lasts_as_long_as_its_client_says() {
    let gateway = Gateway::start();
    let session = ["-V", "5", "-c", "-x", "1000", "-i", "cellar", "-t", "order/#", "-q", "2"];
    assert!(mosquitto_sub(&gateway, &[&session[..], &["-E"]].concat()).wait().success());
    mosquitto_pub(&gateway, &["-V", "5", "-t", "order/1", "-q", "1", "-m", "first"]);
    mosquitto_pub(&gateway, &["-V", "5", "-t", "order/1", "-q", "2", "-m", "second"]);
    let mut back = mosquitto_sub(&gateway, &[&session[..], &["-C", "2"]].concat());
    assert_eq!(back.expect("got "), "got order/1 1 0 first");
    assert_eq!(back.expect("got "), "got order/1 2 0 second");
}
