//! Retained messages (3.1.1 §3.3.1.3, 5.0 §3.3.1.3).

use crate::client::in_both;

#[test]
fn the_last_retained_message_of_each_topic_greets_new_subscribers() {
    in_both(|server| {
        let mut publisher = server.connect("publisher");
        for qos in [0, 1, 2] {
            publisher.publish_retained(&format!("t/{qos}"), qos, "old");
            publisher.publish_retained(&format!("t/{qos}"), qos, "new");
        }
        for qos in [0, 1, 2] {
            let mut subscriber = server.connect("subscriber");
            subscriber.subscribe(&format!("t/{qos}"), 2);
            subscriber.expect_retained(&format!("t/{qos}"), qos, "new");
            subscriber.expect_nothing();
        }
        let mut all = server.connect("all");
        all.subscribe("t/+", 2);
        let mut topics: Vec<String> = (0..3)
            .map(|_| {
                let message = all.receive_message();
                all.acknowledge(&message);
                message.topic
            })
            .collect();
        topics.sort();
        assert_eq!(topics, ["t/0", "t/1", "t/2"]);
        all.expect_nothing();
    });
}

#[test]
fn a_retained_message_of_qos_0_replaces_one_of_a_higher_qos() {
    in_both(|server| {
        let mut publisher = server.connect("publisher");
        publisher.publish_retained("t", 2, "old");
        publisher.publish_retained("t", 0, "new");
        let mut subscriber = server.connect("subscriber");
        subscriber.subscribe("t", 2);
        subscriber.expect_retained("t", 0, "new");
    });
}

#[test]
fn retain_is_set_for_new_subscriptions_only() {
    in_both(|server| {
        let mut early = server.connect("early");
        early.subscribe("t", 1);
        server.connect("publisher").publish_retained("t", 1, "x");
        early.expect_message("t", 1, "x");
        let mut late = server.connect("late");
        late.subscribe("t", 1);
        late.expect_retained("t", 1, "x");
    });
}

#[test]
fn an_empty_retained_message_is_delivered_and_clears_the_topic() {
    in_both(|server| {
        let mut early = server.connect("early");
        early.subscribe("t", 1);
        let mut publisher = server.connect("publisher");
        publisher.publish_retained("t", 1, "x");
        publisher.publish_retained("t", 1, "");
        early.expect_message("t", 1, "x");
        early.expect_message("t", 1, "");
        let mut late = server.connect("late");
        late.subscribe("t", 1);
        late.expect_nothing();
    });
}

#[test]
fn an_empty_retained_message_is_not_kept() {
    in_both(|server| {
        server.connect("publisher").publish_retained("t", 1, "");
        let mut late = server.connect("late");
        late.subscribe("t", 1);
        late.expect_nothing();
    });
}

#[test]
fn a_message_without_retain_leaves_the_retained_one_alone() {
    in_both(|server| {
        let mut publisher = server.connect("publisher");
        publisher.publish("never", 1, "x");
        publisher.publish_retained("t", 1, "kept");
        publisher.publish("t", 1, "passing");
        publisher.publish("t", 1, "");
        let mut late = server.connect("late");
        late.subscribe("never", 1);
        late.subscribe("t", 1);
        late.expect_retained("t", 1, "kept");
        late.expect_nothing();
    });
}

#[test]
fn a_retained_message_comes_at_the_granted_qos() {
    in_both(|server| {
        server.connect("publisher").publish_retained("t", 2, "x");
        for granted in [0, 1, 2] {
            let mut late = server.connect("late");
            late.subscribe("t", granted);
            late.expect_retained("t", granted, "x");
        }
    });
}
