//! What MQTT-SN and MQTT meet in: topics, subscriptions, retained messages, sessions and their queues.

mod filter;
mod retained;
mod subscriptions;

pub use filter::{FilterError, TopicNameError, filter_matches, validate_filter, validate_topic_name};
