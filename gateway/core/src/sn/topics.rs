//! Which topic id means what to one client (1.2 §6.5, §6.10).
//!
//! Ids are per client. Numbers that exist as predefined ids are skipped, so that peers which keep both kinds in one
//! space work as well as those that tell them apart.

use crate::map::{Map, MapSeed};
use crate::short::{self, Short};
use sn_codec::{ShortName, TopicId};
use std::sync::Arc;

/// Predefined topic ids, the same for every client.
#[derive(Debug)]
pub(super) struct Predefined {
    names: Map<TopicId, Arc<str>>,
}

impl Predefined {
    /// Entries with a reserved id or an invalid name do not come here: the configuration is checked before.
    pub(super) fn new(seed: MapSeed, entries: &[(TopicId, String)]) -> Self {
        let mut names = seed.map();
        names.extend(entries.iter().map(|(id, name)| (*id, Arc::from(name.as_str()))));
        Self { names }
    }

    pub(super) fn name(&self, id: TopicId) -> Option<&Arc<str>> {
        self.names.get(&id)
    }

    /// All of them, in the order of their ids.
    pub(super) fn sorted(&self) -> Vec<(u16, Arc<str>)> {
        let mut names: Vec<_> = self.names.iter().map(|(id, name)| (id.0, name.clone())).collect();
        names.sort_unstable();
        names
    }
}

/// How a client is to be told of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It subscribed by this predefined id.
    Predefined(TopicId),
    /// It subscribed by this short name.
    Short(ShortName),
    /// It knows this normal id.
    Normal(TopicId),
    /// It has to be told this normal id first, by REGISTER.
    Register(TopicId),
    /// It refused the topic's REGISTER.
    Unwanted,
    /// It has as many topic ids as it may.
    NoIdLeft,
}

/// Whether a client knows a topic id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Assigned, but the client may have forgotten it.
    No,
    /// REGACK, or the client asked for it itself.
    Yes,
    /// The client refused the REGISTER: until it subscribes or connects again.
    Unwanted,
}

#[derive(Debug)]
struct NormalTopic {
    id: TopicId,
    name: Arc<str>,
    known: Known,
}

/// Up to this many topics a client's names are searched one by one: shorter than a hash map, and most clients have few.
const LINEAR: usize = 8;

/// One client's topic ids.
#[derive(Debug, Default)]
pub(super) struct Registry {
    /// In the order of their ids.
    normal: Short<NormalTopic>,
    /// Places in `normal` by name, once there are more than [`LINEAR`].
    by_name: Option<Box<Map<Arc<str>, u32>>>,
    /// Topics that the client subscribed to by predefined id or short name.
    forms: Short<(Arc<str>, Form)>,
    /// The store has this many of `normal`, the first ones.
    saved: u32,
}

impl Registry {
    /// The name of a normal id.
    pub(super) fn name(&self, id: TopicId) -> Option<&Arc<str>> {
        let at = self.normal.binary_search_by_key(&id, |topic| topic.id).ok()?;
        Some(&self.normal[at].name)
    }

    /// The name, as it is kept here, of a topic that has a normal id.
    pub(super) fn known(&self, name: &str) -> Option<&Arc<str>> {
        Some(&self.normal[self.find(name)?].name)
    }

    fn find(&self, name: &str) -> Option<usize> {
        match &self.by_name {
            Some(places) => places.get(name).map(|at| *at as usize),
            None => self.normal.iter().position(|topic| &*topic.name == name),
        }
    }

    /// The id of a name that the client itself named, assigned if it has none; the client knows it from now on.
    /// `None`: it has as many as it may.
    pub(super) fn learn(
        &mut self,
        name: &Arc<str>,
        limit: usize,
        predefined: &Predefined,
        seed: MapSeed,
    ) -> Option<TopicId> {
        let at = self.find(name).or_else(|| self.assign(name.clone(), limit, predefined, seed))?;
        self.normal[at].known = Known::Yes;
        Some(self.normal[at].id)
    }

    /// How to tell the client of a topic; assigns an id if it needs one.
    pub(super) fn form(&mut self, name: &Arc<str>, limit: usize, predefined: &Predefined, seed: MapSeed) -> Form {
        if let Some((_, form)) = self.forms.iter().find(|(known, _)| known == name) {
            return *form;
        }
        let Some(at) = self.find(name).or_else(|| self.assign(name.clone(), limit, predefined, seed)) else {
            return Form::NoIdLeft;
        };
        let topic = &self.normal[at];
        match topic.known {
            Known::Yes => Form::Normal(topic.id),
            Known::No => Form::Register(topic.id),
            Known::Unwanted => Form::Unwanted,
        }
    }

    fn assign(&mut self, name: Arc<str>, limit: usize, predefined: &Predefined, seed: MapSeed) -> Option<usize> {
        if self.normal.len() >= limit {
            return None;
        }
        let id = self.next_id(predefined)?;
        Some(self.append(NormalTopic { id, name, known: Known::No }, seed))
    }

    fn append(&mut self, topic: NormalTopic, seed: MapSeed) -> usize {
        let at = self.normal.len();
        let name = topic.name.clone();
        short::push(&mut self.normal, topic);
        match &mut self.by_name {
            Some(places) => drop(places.insert(name, at as u32)),
            None if self.normal.len() > LINEAR => self.index(seed),
            None => {}
        }
        at
    }

    fn next_id(&self, predefined: &Predefined) -> Option<TopicId> {
        let after = self.normal.last().map_or(0, |topic| topic.id.0);
        (after.checked_add(1)?..0xFFFF).map(TopicId).find(|id| predefined.name(*id).is_none())
    }

    fn index(&mut self, seed: MapSeed) {
        let mut places = seed.map();
        places.extend(self.normal.iter().enumerate().map(|(at, topic)| (topic.name.clone(), at as u32)));
        self.by_name = Some(Box::new(places));
    }

    fn get_mut(&mut self, id: TopicId) -> Option<&mut NormalTopic> {
        let at = self.normal.binary_search_by_key(&id, |topic| topic.id).ok()?;
        self.normal.get_mut(at)
    }

    /// There are ids that the store does not have.
    pub(super) fn has_unsaved(&self) -> bool {
        (self.saved as usize) < self.normal.len()
    }

    /// The ids that the store does not have; it does from now on.
    pub(super) fn take_unsaved(&mut self) -> Vec<(TopicId, Arc<str>)> {
        let saved = std::mem::replace(&mut self.saved, self.normal.len() as u32);
        self.normal[saved as usize..].iter().map(|topic| (topic.id, topic.name.clone())).collect()
    }

    /// All normal ids and their names.
    pub(super) fn normal(&self) -> impl Iterator<Item = (TopicId, &Arc<str>)> {
        self.normal.iter().map(|topic| (topic.id, &topic.name))
    }

    /// The form in which the client subscribed to a topic, unless it did so by name.
    pub(super) fn subscribed_form(&self, name: &str) -> Option<Form> {
        self.forms.iter().find(|(known, _)| &**known == name).map(|(_, form)| *form)
    }

    /// An id from the store, in the order of ids. The client is taken to know it: if it does not, it says so.
    pub(super) fn restore(&mut self, id: TopicId, name: Arc<str>, seed: MapSeed) {
        self.append(NormalTopic { id, name, known: Known::Yes }, seed);
        self.saved = self.normal.len() as u32;
    }

    fn set(&mut self, id: TopicId, known: Known) {
        if let Some(topic) = self.get_mut(id) {
            topic.known = known;
        }
    }

    /// The client acknowledged the id's REGISTER.
    pub(super) fn registered(&mut self, id: TopicId) {
        self.set(id, Known::Yes);
    }

    /// The client does not know the id (any more): REGISTER comes first.
    pub(super) fn forgotten(&mut self, id: TopicId) {
        if let Some(topic) = self.get_mut(id).filter(|topic| topic.known == Known::Yes) {
            topic.known = Known::No;
        }
    }

    /// The client refused the id's REGISTER.
    pub(super) fn refused(&mut self, id: TopicId) {
        self.set(id, Known::Unwanted);
    }

    /// The client may have forgotten every id: it has connected anew. The ids stay valid.
    pub(super) fn forget_known(&mut self) {
        self.normal.iter_mut().for_each(|topic| topic.known = Known::No);
    }

    /// A subscription asks again for topics that were refused.
    pub(super) fn wanted_again(&mut self, filter: &str) {
        let refused = self.normal.iter_mut().filter(|topic| topic.known == Known::Unwanted);
        refused.filter(|topic| crate::filter_matches(filter, &topic.name)).for_each(|topic| topic.known = Known::No);
    }

    /// The client subscribed to a topic by predefined id or short name: it gets it in that form.
    pub(super) fn set_form(&mut self, name: &Arc<str>, form: Form) {
        self.clear_form(name);
        short::push(&mut self.forms, (name.clone(), form));
    }

    /// Forgets the predefined ids by which the client subscribed if they mean another topic now: it gets the topic by a
    /// normal id. `true`: there was one.
    pub(super) fn forget_wrong(&mut self, predefined: &Predefined) -> bool {
        let before = self.forms.len();
        self.forms.retain(|(name, form)| match form {
            Form::Predefined(id) => predefined.name(*id) == Some(name),
            Form::Short(_) | Form::Normal(_) | Form::Register(_) | Form::Unwanted | Form::NoIdLeft => true,
        });
        self.forms.len() < before
    }

    /// The client subscribed to a topic by name, or not any more.
    pub(super) fn clear_form(&mut self, name: &str) {
        self.forms.retain(|(known, _)| &**known != name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: MapSeed = MapSeed::new(7);

    fn predefined(ids: &[u16]) -> Predefined {
        let entries: Vec<_> = ids.iter().map(|id| (TopicId(*id), format!("pre/{id}"))).collect();
        Predefined::new(SEED, &entries)
    }

    #[test]
    fn ids_skip_the_predefined_ones() {
        let predefined = predefined(&[1, 3]);
        let mut registry = Registry::default();
        let ids: Vec<_> = ["a", "b", "c"].map(|name| registry.learn(&name.into(), 9, &predefined, SEED)).into();
        assert_eq!(ids, [Some(TopicId(2)), Some(TopicId(4)), Some(TopicId(5))]);
    }

    #[test]
    fn a_name_keeps_its_id_with_and_without_an_index() {
        let none = predefined(&[]);
        let mut registry = Registry::default();
        for n in 0..100 {
            assert_eq!(registry.learn(&format!("t/{n}").into(), 100, &none, SEED), Some(TopicId(n + 1)));
        }
        for n in 0..100 {
            assert_eq!(registry.learn(&format!("t/{n}").into(), 100, &none, SEED), Some(TopicId(n + 1)));
            assert_eq!(registry.name(TopicId(n + 1)).map(|name| &**name), Some(&*format!("t/{n}")));
        }
        assert_eq!(registry.learn(&"one/more".into(), 100, &none, SEED), None);
    }

    #[test]
    fn a_topic_is_registered_before_use_and_after_every_connect() {
        let none = predefined(&[]);
        let mut registry = Registry::default();
        let name: Arc<str> = "a/b".into();
        assert_eq!(registry.form(&name, 9, &none, SEED), Form::Register(TopicId(1)));
        registry.registered(TopicId(1));
        assert_eq!(registry.form(&name, 9, &none, SEED), Form::Normal(TopicId(1)));
        registry.forget_known();
        assert_eq!(registry.form(&name, 9, &none, SEED), Form::Register(TopicId(1)));
    }

    #[test]
    fn a_refused_topic_comes_back_with_a_subscription_that_matches_it() {
        let none = predefined(&[]);
        let mut registry = Registry::default();
        let name: Arc<str> = "a/b".into();
        registry.form(&name, 9, &none, SEED);
        registry.refused(TopicId(1));
        registry.wanted_again("x/#");
        assert_eq!(registry.form(&name, 9, &none, SEED), Form::Unwanted);
        registry.wanted_again("a/+");
        assert_eq!(registry.form(&name, 9, &none, SEED), Form::Register(TopicId(1)));
    }

    #[test]
    fn the_form_of_the_subscription_wins() {
        let none = predefined(&[]);
        let mut registry = Registry::default();
        let name: Arc<str> = "tt".into();
        registry.set_form(&name, Form::Short(ShortName(*b"tt")));
        assert_eq!(registry.form(&name, 9, &none, SEED), Form::Short(ShortName(*b"tt")));
        registry.clear_form("tt");
        assert_eq!(registry.form(&name, 9, &none, SEED), Form::Register(TopicId(1)));
    }
}
