//! docs/security.md: its tables are right, and what it says about them is true.

use gateway_core::{Action, deciding_rule};
use sn_gateway::auth::Wish;
use sn_gateway::config::{File, parse};
use std::path::Path;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    std::fs::read_to_string(path).expect("the page")
}

fn file() -> File {
    let page = page();
    let tables = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    parse(Path::new("docs/security.md"), &tables.collect::<String>()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_tables_of_the_page_make_one_file() {
    let file = file();
    assert_eq!((file.listener.len(), file.transport.len(), file.node.len(), file.access.len()), (1, 1, 1, 4));
    assert!(!file.listener[0].policy.anonymous);
}

#[test]
fn the_answers_are_those_of_the_rules() {
    let (page, rules) = (page(), file().core().access);
    let unquoted = |cell: &str| cell.trim_matches('`').to_owned();
    let mut answers = 0;
    for line in page.lines().filter(|line| line.contains("| yes |") || line.contains("| no |")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [user, client_id, wish, topic, answer, because] = cells[..] else { panic!("six cells: {line}") };
        let wish: Wish = clap::ValueEnum::from_str(&unquoted(wish), false).expect(line);
        let (user, client_id, topic) = (unquoted(user), unquoted(client_id), unquoted(topic));
        let decides = deciding_rule(&rules, &user, &client_id, Action::from(wish), &topic);
        assert_eq!(decides.is_some_and(|place| rules[place].allow), answer == "yes", "{line}");
        let named = because.strip_prefix("rule ").and_then(|rest| rest[..1].parse::<usize>().ok());
        assert_eq!(decides.map(|place| place + 1), named, "{line}");
        answers += 1;
    }
    assert_eq!(answers, 13);
}
