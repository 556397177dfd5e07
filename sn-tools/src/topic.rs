//! Topics as they are written on a command line.

use sn_client::{ShortName, Topic, TopicId};
use std::fmt;
use std::str::FromStr;

/// A topic that was given by `-t`, `--predefined` or `--short`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicArg {
    /// By name; in a subscription a filter.
    Name(String),
    /// By an id that the gateway knows.
    Predefined(Predefined),
    /// By a name of two octets that travels in place of an id.
    Short(Short),
}

impl TopicArg {
    /// The topic for the client.
    #[must_use]
    pub fn topic(&self) -> Topic<'_> {
        match self {
            Self::Name(name) => Topic::Name(name),
            Self::Predefined(predefined) => Topic::Predefined(predefined.id),
            Self::Short(Short(name)) => Topic::Short(*name),
        }
    }
}

impl fmt::Display for TopicArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "topic {name:?}"),
            Self::Predefined(predefined) => write!(f, "predefined topic {}", predefined.id.0),
            Self::Short(Short(ShortName(octets))) => write!(f, "short topic {:?}", String::from_utf8_lossy(octets)),
        }
    }
}

/// `ID` or `ID=NAME`: a predefined topic id and what to call it in the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predefined {
    /// The id.
    pub id: TopicId,
    /// Its name, if given.
    pub name: Option<String>,
}

impl FromStr for Predefined {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, name) = match text.split_once('=') {
            Some((id, name)) => (id, Some(name.to_owned())),
            None => (text, None),
        };
        let id = id.parse().map(TopicId).map_err(|_| format!("{id:?} is not a topic id, a number from 1 to 65534"))?;
        if id.is_reserved() {
            return Err(format!("topic id {} is reserved", id.0));
        }
        Ok(Self { id, name })
    }
}

/// `XY`: a short topic name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short(pub ShortName);

impl FromStr for Short {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let octets = text.as_bytes().try_into();
        octets.map(|octets| Self(ShortName(octets))).map_err(|_| "a short topic name has exactly two octets".to_owned())
    }
}

/// What an arrived message's topic is called in the output: its name, or the number of a predefined id that has none.
#[must_use]
pub fn display_name(topic: Topic<'_>, predefined: &[Predefined]) -> String {
    match topic {
        Topic::Predefined(id) => {
            let named = predefined.iter().find(|known| known.id == id).and_then(|known| known.name.clone());
            named.unwrap_or_else(|| id.0.to_string())
        }
        Topic::Name(_) => topic.name().unwrap_or_default().to_owned(),
        Topic::Short(ShortName(octets)) => {
            topic.name().map_or_else(|| String::from_utf8_lossy(&octets).into_owned(), str::to_owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predefined_topics() {
        let parse = |text: &str| text.parse::<Predefined>();
        assert_eq!(parse("16"), Ok(Predefined { id: TopicId(16), name: None }));
        let named = Predefined { id: TopicId(16), name: Some("a=b".to_owned()) };
        assert_eq!(parse("16=a=b"), Ok(named));
        for wrong in ["", "x", "0", "65535", "65536", "-1", "=a"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn short_topics_have_two_octets() {
        assert_eq!("tt".parse::<Short>(), Ok(Short(ShortName(*b"tt"))));
        assert_eq!("é".parse::<Short>(), Ok(Short(ShortName([0xC3, 0xA9]))));
        assert!("t".parse::<Short>().is_err() && "ttt".parse::<Short>().is_err() && "éé".parse::<Short>().is_err());
    }

    #[test]
    fn output_names() {
        let known = ["16=sensors/temp", "17"].map(|text| text.parse().unwrap());
        let name = |topic| display_name(topic, &known);
        assert_eq!(name(Topic::Predefined(TopicId(16))), "sensors/temp");
        assert_eq!(name(Topic::Predefined(TopicId(17))), "17");
        assert_eq!(name(Topic::Predefined(TopicId(18))), "18");
        assert_eq!(name(Topic::Short(ShortName(*b"tt"))), "tt");
        assert_eq!(name(Topic::Name("a/b")), "a/b");
    }
}
