//! The rules, laid out to be asked for every message.

use super::{AccessRule, Action, Who};
use crate::map::{Map, MapSeed};

/// Rules by whom they are about, so that the rules of ten thousand nodes cost no more than those of one.
#[derive(Debug)]
pub(crate) struct Access {
    rules: Vec<AccessRule>,
    /// Places of the rules for one user, in their order.
    by_user: Map<Box<str>, Vec<u32>>,
    /// Places of the rules for one client id of any user.
    by_client_id: Map<Box<str>, Vec<u32>>,
    /// Places of all others.
    others: Vec<u32>,
    /// Some rule is about [`Action::Connect`].
    guards_connect: bool,
}

impl Access {
    pub(crate) fn new(seed: MapSeed, rules: &[AccessRule]) -> Self {
        let guards_connect = rules.iter().any(|rule| rule.actions.contains(Action::Connect));
        let (by_user, by_client_id) = (seed.map(), seed.map());
        let mut access = Self { rules: rules.to_vec(), by_user, by_client_id, others: Vec::new(), guards_connect };
        for (place, rule) in (0..).zip(rules) {
            let user = rule.user.as_ref().map(|user| user.exact());
            let client_id = rule.client.as_ref().and_then(|client| client.exact());
            let list = match (user, client_id) {
                (Some(Some(user)), _) => access.by_user.entry(user.into()).or_default(),
                (None | Some(None), Some(client_id)) => access.by_client_id.entry(client_id.into()).or_default(),
                (None | Some(None), None) => &mut access.others,
            };
            list.push(place);
        }
        access
    }

    /// There are rules: not everybody may do everything.
    pub(crate) fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Whether `who` may do something to a topic; for a subscription, to a filter.
    pub(crate) fn allows(&self, who: Who<'_>, action: Action, topic: &str) -> bool {
        let fits = |rule: &&AccessRule| rule.fits(who, action, topic);
        !self.holds_for(who) || self.rules_for(who).find(fits).is_some_and(|rule| rule.allow)
    }

    /// Whether `who` may come in with its client id. That nobody has thought of, in the rules, forbids nothing.
    pub(crate) fn lets_in(&self, who: Who<'_>) -> bool {
        !self.guards_connect || self.allows(who, Action::Connect, "")
    }

    fn holds_for(&self, who: Who<'_>) -> bool {
        self.has_rules() && !who.is_bridge()
    }

    /// The rules that may be about `who`, in their order.
    fn rules_for(&self, who: Who<'_>) -> impl Iterator<Item = &AccessRule> {
        let of_user = self.by_user.get(who.user).map_or(&[][..], Vec::as_slice);
        let of_client_id = self.by_client_id.get(who.client_id).map_or(&[][..], Vec::as_slice);
        let lists = [of_user, of_client_id, &self.others];
        merge(lists.map(|list| list.iter().copied())).map(|place| &self.rules[place as usize])
    }
}

/// The numbers of all lists, each of them ascending, in ascending order.
fn merge<I: Iterator<Item = u32>>(lists: [I; 3]) -> impl Iterator<Item = u32> {
    let mut lists = lists.map(Iterator::peekable);
    std::iter::from_fn(move || {
        let next = lists.iter_mut().filter_map(|list| list.peek().copied()).min()?;
        lists.iter_mut().find_map(|list| list.next_if_eq(&next))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Actions, deciding_rule};
    use crate::filter_matches;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    fn rule(user: Option<&str>, allow: bool, actions: Actions, topics: &[&str]) -> AccessRule {
        AccessRule {
            user: user.map(|user| user.parse().unwrap()),
            client: None,
            allow,
            actions,
            topics: topics.iter().map(|topic| topic.parse().unwrap()).collect(),
        }
    }

    fn access(rules: &[AccessRule]) -> Access {
        Access::new(MapSeed::new(7), rules)
    }

    const ALICE: Who<'static> = Who { user: "alice", client_id: "c1" };
    const NOBODY: Who<'static> = Who { user: "", client_id: "c1" };

    #[test]
    fn without_rules_all_is_allowed_and_with_rules_what_they_say() {
        assert!(access(&[]).allows(NOBODY, Action::Publish, "a") && access(&[]).allows(NOBODY, Action::Subscribe, "#"));
        let rules = access(&[rule(Some("alice"), true, Action::Publish.into(), &["a/#"])]);
        assert!(rules.allows(ALICE, Action::Publish, "a/b"));
        assert!(!rules.allows(ALICE, Action::Publish, "b"));
        assert!(!rules.allows(ALICE, Action::Will, "a/b"));
        assert!(!rules.allows(NOBODY, Action::Publish, "a/b"));
        assert!(!rules.allows(ALICE, Action::Subscribe, "a/#"));
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let deny = rule(None, false, Actions::ALL, &["a/secret"]);
        let allow = rule(Some("alice"), true, Actions::ALL, &["a/#"]);
        let strict = access(&[deny.clone(), allow.clone()]);
        assert!(!strict.allows(ALICE, Action::Receive, "a/secret") && strict.allows(ALICE, Action::Receive, "a/x"));
        assert!(access(&[allow, deny]).allows(ALICE, Action::Receive, "a/secret"));
    }

    #[test]
    fn client_ids_are_everybody_s_until_a_rule_is_about_them() {
        let others = rule(Some("alice"), true, Actions::ALL, &["#"]);
        assert!(access(std::slice::from_ref(&others)).lets_in(NOBODY) && access(&[]).lets_in(NOBODY));
        let own = AccessRule { client: "%u-*".parse().ok(), ..rule(None, true, Action::Connect.into(), &[]) };
        let guarded = access(&[others, own]);
        let who = |user, client_id| Who { user, client_id };
        assert!(guarded.lets_in(who("alice", "alice-1")) && guarded.lets_in(who("bob", "bob-1")));
        assert!(!guarded.lets_in(who("bob", "alice-1")) && !guarded.lets_in(NOBODY));
        assert!(guarded.lets_in(who("", "bridge/cloud")), "a bridge");
        assert!(!guarded.allows(who("bob", "bob-1"), Action::Publish, "a"), "that is another matter");
    }

    #[test]
    fn a_subscription_is_refused_only_if_nothing_of_it_is_allowed() {
        let deny = rule(None, false, Actions::READ, &["a/secret/#"]);
        let rules = access(&[deny, rule(None, true, Actions::READ, &["a/#"])]);
        for (filter, granted) in
            [("#", true), ("a/+/x", true), ("a/secret/x", false), ("a/secret/#", false), ("b/#", false), ("+", true)]
        {
            assert_eq!(rules.allows(NOBODY, Action::Subscribe, filter), granted, "{filter}");
        }
        assert!(!rules.allows(NOBODY, Action::Subscribe, "$SYS/#"), "# and a/# are not about it");
    }

    #[test]
    fn a_bridge_does_what_its_own_table_says() {
        let rules = access(&[rule(None, false, Actions::ALL, &["#"])]);
        let bridge = Who { user: "", client_id: "bridge/cloud" };
        assert!(rules.allows(bridge, Action::Publish, "a") && rules.allows(bridge, Action::Subscribe, "#"));
    }

    /// The same by the book: every rule is tried, placeholders are replaced in the text.
    fn naive(rules: &[(AccessRule, Vec<String>)], who: Who<'_>, action: Action, topic: &str) -> bool {
        let fits = |pattern: &str| {
            let unfit = |name: &str| name.is_empty() || name.contains(['/', '+', '#']);
            let hidden =
                (pattern.contains("%u") && unfit(who.user)) || (pattern.contains("%c") && unfit(who.client_id));
            let filter = pattern.replace("%u", who.user).replace("%c", who.client_id);
            !hidden && (pattern.starts_with('$') || !topic.starts_with('$')) && filter_matches(&filter, topic)
        };
        for (rule, patterns) in rules {
            let user_fits = rule.user.as_ref().is_none_or(|user| user.matches(who.user));
            let client_fits = rule.client.as_ref().is_none_or(|client| client.matches(who.client_id));
            let about = rule.actions.contains(action) && patterns.iter().any(|pattern| fits(pattern));
            if user_fits && client_fits && about {
                return rule.allow;
            }
        }
        rules.is_empty()
    }

    fn a_name() -> impl Strategy<Value = &'static str> {
        prop_oneof![Just(""), Just("a"), Just("b"), Just("ab"), Just("a/b"), Just("$s")]
    }

    fn a_name_pattern() -> impl Strategy<Value = &'static str> {
        prop_oneof![Just(""), Just("a"), Just("b"), Just("*"), Just("a*")]
    }

    fn an_action() -> impl Strategy<Value = Action> {
        prop_oneof![
            Just(Action::Publish),
            Just(Action::Will),
            Just(Action::QosMinusOne),
            Just(Action::Subscribe),
            Just(Action::Receive)
        ]
    }

    fn a_rule() -> impl Strategy<Value = (AccessRule, Vec<String>)> {
        let actions = vec(an_action(), 1..4)
            .prop_map(|actions| actions.into_iter().fold(Actions::default(), |all, one| all.and(one.into())));
        let topic =
            prop_oneof![Just("a"), Just("%u"), Just("%c/#"), Just("a%c/+"), Just("+/b"), Just("#"), Just("$s/#")];
        let parts =
            (option::of(a_name_pattern()), option::of(a_name_pattern()), any::<bool>(), actions, vec(topic, 1..3));
        parts.prop_map(|(user, client, allow, actions, topics)| {
            let pattern = |text: Option<&str>| text.map(|text| text.parse().unwrap());
            let compiled = topics.iter().map(|topic| topic.parse().unwrap()).collect();
            let rule = AccessRule { user: pattern(user), client: pattern(client), allow, actions, topics: compiled };
            (rule, topics.into_iter().map(String::from).collect())
        })
    }

    proptest! {
        #[test]
        fn agrees_with_a_look_at_every_rule(
            rules in vec(a_rule(), 0..8),
            questions in vec((a_name(), a_name(), an_action(), "(a|b|/|\\$s){1,4}"), 1..20),
        ) {
            let plain: Vec<_> = rules.iter().map(|(rule, _)| rule.clone()).collect();
            let access = access(&plain);
            for (user, client_id, action, topic) in questions {
                let who = Who { user, client_id };
                // For a subscription this is about the one topic that the filter selects.
                prop_assert_eq!(access.allows(who, action, &topic), naive(&rules, who, action, &topic));
                let decides = deciding_rule(&plain, user, client_id, action, &topic).map(|place| plain[place].allow);
                prop_assert_eq!(decides.unwrap_or(plain.is_empty()), access.allows(who, action, &topic));
            }
        }
    }
}
