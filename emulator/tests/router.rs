//! The router's image between a gateway and the node's image, which do not hear each other.

mod support;

use config_page::{ADDRESS, Settings, encode};
use emulator::{Plan, Site, Together};
use gateway_core::Qos;
use lowpan::{Level, LinkKey};
use sn_types::Instant;
use std::time::Duration;
use support::{BASE, image, router_image, settings};

const MINUTE: Duration = Duration::from_secs(60);
/// The site's chips.
const ROUTER: usize = 0;
const NODE: usize = 1;

/// A router and a node behind it, with their settings in flash.
fn behind_router(plan: &Plan, more: &str) -> Together {
    let images = [router_image(), image()];
    let mut together =
        Together::new(Site::with_router(plan), &images, plan.seed).unwrap_or_else(|fault| panic!("{fault}"));
    let mut router = settings(plan, "client=none\n");
    router.eui64 = Some(Site::ROUTER);
    together.machine(ROUTER).program(ADDRESS, &page(&router));
    together.machine(NODE).program(ADDRESS, &page(&settings(plan, more)));
    together
}

fn page(settings: &Settings) -> Vec<u8> {
    encode(settings, 1).to_vec()
}

fn pass(together: &mut Together, time: Duration) {
    let until = together.now() + time;
    together.run_until(until).unwrap_or_else(|fault| panic!("{fault} after {:?}", together.now()));
}

/// Messages on a topic from a time on.
fn heard(together: &Together, topic: &str, since: Instant) -> usize {
    let site = together.site();
    site.messages().iter().filter(|message| message.at >= since && message.topic == topic).count()
}

#[test]
fn a_node_behind_a_router_reports_fetches_and_outlives_the_routers_power_cycle() {
    let plan = Plan { key: Some((Level::Mic32, LinkKey([7; 16]))), ..Plan::default() };
    let mut together = behind_router(&plan, "report=60\nfetch=120\n");
    let report = format!("{BASE}/report");
    pass(&mut together, 5 * MINUTE);
    assert!(heard(&together, &report, Instant::ZERO) >= 3, "{:?}", together.site().messages());

    let now = together.now();
    together.site().publish(now, &format!("{BASE}/config"), b"target=attic", Qos::AtLeastOnce, false);
    pass(&mut together, 5 * MINUTE);
    assert!(heard(&together, "attic", now) >= 2, "{:?}", together.site().messages());

    together.power_cycle(ROUTER).unwrap();
    pass(&mut together, 5 * MINUTE);
    let since = together.now();
    pass(&mut together, 5 * MINUTE);
    assert_eq!(heard(&together, "attic", since), 5);
}
