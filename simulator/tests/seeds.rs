//! Plans that have failed once, each kept as small as it went.

use simulator::Plan;
use simulator::swarm::{Verdict, judge};
use std::fs;
use std::path::Path;

#[test]
fn what_has_failed_once_fails_no_more() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut kept = 0;
    for file in fs::read_dir(&seeds).expect("the directory of kept plans") {
        let path = file.expect("an entry").path();
        let plan = Plan::from_toml(&fs::read_to_string(&path).expect("legible")).expect("a plan");
        match judge(&plan) {
            Verdict::Good(_) => kept += 1,
            failed => panic!("{}: {failed:?}", path.display()),
        }
    }
    assert!(kept >= 5, "only {kept} plans are kept");
}
