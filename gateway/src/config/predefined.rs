//! Predefined topic ids (1.2 §6.7): `ID = "topic name"`.

use gateway_core::validate_topic_name;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use sn_types::TopicId;
use std::fmt;

/// The predefined topic ids, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Predefined(pub Vec<(TopicId, String)>);

impl Predefined {
    /// Adds an entry, in the place of an earlier one with this id.
    pub fn set(&mut self, id: TopicId, topic: String) {
        self.0.retain(|(other, _)| *other != id);
        self.0.push((id, topic));
    }
}

/// Reads `ID=TOPIC` as the command line has it.
///
/// # Errors
/// What is wrong with it, for the operator.
pub fn parse_entry(text: &str) -> Result<(TopicId, String), String> {
    let (id, topic) = text.split_once('=').ok_or("write ID=TOPIC, for example 1=sensors/temperature")?;
    let id = parse_id(id.trim())?;
    check_topic(topic)?;
    Ok((id, topic.into()))
}

/// Reads a topic id, decimal or with 0x.
fn parse_id(text: &str) -> Result<TopicId, String> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    match number.map(TopicId) {
        Ok(id) if !id.is_reserved() => Ok(id),
        Ok(_) | Err(_) => Err(format!("`{text}` is no topic id; write a number from 1 to 65534, or 0x0001 to 0xFFFE")),
    }
}

fn check_topic(topic: &str) -> Result<(), String> {
    validate_topic_name(topic).map_err(|error| format!("`{topic}` cannot have a predefined id: {error}"))
}

impl<'de> Deserialize<'de> for Predefined {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Predefined;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of ID = \"topic name\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Predefined, A::Error> {
        let mut entries = Predefined::default();
        while let Some(Id(id)) = map.next_key()? {
            let Topic(topic) = map.next_value()?;
            if entries.0.iter().any(|(other, _)| *other == id) {
                return Err(A::Error::custom(format_args!("topic id {} is there twice", id.0)));
            }
            entries.0.push((id, topic));
        }
        Ok(entries)
    }
}

struct Id(TopicId);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_id(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

struct Topic(String);

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let topic = String::deserialize(deserializer)?;
        check_topic(&topic).map_err(D::Error::custom)?;
        Ok(Self(topic))
    }
}
