//! Topic ids as a node has learned them: a pair once learned holds for all the run.

use sn_codec::TopicId;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Topics {
    names: BTreeMap<u16, String>,
    ids: BTreeMap<String, u16>,
}

impl Topics {
    pub(super) fn name(&self, id: TopicId) -> Option<&str> {
        self.names.get(&id.0).map(String::as_str)
    }

    /// Notes that `id` means `name`.
    ///
    /// # Errors
    /// It meant something else before; or the name had another id.
    pub(super) fn learn(&mut self, id: TopicId, name: &str) -> Result<(), String> {
        if let Some(before) = self.names.insert(id.0, name.to_owned())
            && before != name
        {
            return Err(format!("topic id {} was {before} and is now {name}", id.0));
        }
        match self.ids.insert(name.to_owned(), id.0) {
            Some(before) if before != id.0 => Err(format!("{name} had topic id {before} and has now {}", id.0)),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_holds() {
        let mut topics = Topics::default();
        topics.learn(TopicId(1), "a").unwrap();
        topics.learn(TopicId(1), "a").unwrap();
        assert_eq!(topics.name(TopicId(1)), Some("a"));
        topics.learn(TopicId(1), "b").unwrap_err();
        topics.learn(TopicId(2), "a").unwrap_err();
    }
}
