//! Settings as text and as a page.

use config_page::{Error, MAX_ENCODED_LEN, Settings, decode, encode};
use proptest::prelude::*;

fn longest() -> Settings {
    let mut settings = Settings::new();
    let (client, base, target) = ("c".repeat(23), "b".repeat(40), "t".repeat(64));
    let (gateway, key) = ("f".repeat(16), "f".repeat(32));
    let text = format!(
        "pan=fffe channel=26 power=-40 gateway={gateway} gateway-short=fffd udp=65535 eui64={gateway} key={key} level=7
         client={client} base={base} target={target} report=86400 fetch=86400"
    );
    settings.apply(&text).expect("all of them can be");
    settings
}

#[test]
fn the_longest_settings_fit_into_a_page() {
    let page = encode(&longest(), u32::MAX);
    assert!(!page.is_empty() && page.len() <= MAX_ENCODED_LEN && page.len().is_multiple_of(4));
    assert_eq!(decode(&page), Some((u32::MAX, longest())));
}

#[test]
fn what_is_not_there_yet_is_named() {
    let mut settings = Settings::new();
    for (missing, line) in [
        ("pan", "pan=abcd"),
        ("channel", "channel=11"),
        ("gateway", "gateway=0200000000000001"),
        ("client", "client=hall"),
        ("base", "base=hall"),
    ] {
        assert_eq!(settings.check(), Err(Error::Missing(missing)));
        settings.apply(line).expect("it can be");
    }
    assert_eq!(settings.check(), Ok(()));
}

#[test]
fn one_wrong_line_changes_nothing() {
    let mut settings = longest();
    for (text, error) in [
        ("report=60 fetch", Error::Line),
        ("report=60 colour=red", Error::Name),
        ("report=60 fetch=9", Error::Value("fetch")),
        ("report=60 fetch=86401", Error::Value("fetch")),
        ("report=60 channel=10", Error::Value("channel")),
        ("report=60 pan=ffff", Error::Value("pan")),
        ("report=60 pan=+1", Error::Value("pan")),
        ("report=60 gateway-short=fffe", Error::Value("gateway-short")),
        ("report=60 udp=61440", Error::Value("udp")),
        ("report=60 key=00", Error::Value("key")),
        ("report=60 base=", Error::Value("base")),
        ("report=60 target=a/#", Error::Value("target")),
        ("report=60 client=123456789012345678901234", Error::Value("client")),
    ] {
        assert_eq!(settings.apply(text), Err(error), "{text}");
        assert_eq!(settings, longest(), "{text}");
    }
}

#[test]
fn over_the_air_only_what_cannot_lock_the_node_out_is_changed() {
    let mut settings = longest();
    assert_eq!(settings.apply_at_run_time("report=60\nfetch=30 target=x/y\n"), Ok(true));
    assert_eq!(settings.apply_at_run_time("report=60"), Ok(false), "nothing has changed");
    assert_eq!((settings.report_s, settings.fetch_s, settings.target.as_str()), (60, 30, "x/y"));
    for line in ["pan=1", "channel=11", "key=none", "client=x", "base=x", "gateway=0200000000000001", "power=8"] {
        assert_eq!(settings.apply_at_run_time(line), Err(Error::Name), "{line}");
    }
}

#[test]
fn it_does_not_report_where_it_takes_settings_or_tells_of_faults() {
    let mut settings = longest();
    settings.apply("base=hall target=hall/climate").expect("it can be");
    let before = settings.clone();
    for line in ["target=hall/config", "target=hall/fault"] {
        assert_eq!(settings.apply_at_run_time(line), Err(Error::Value("target")), "{line}");
    }
    assert_eq!(settings.apply("base=attic target=attic/config"), Err(Error::Value("target")));
    assert_eq!(settings, before);
    for line in ["target=hall/config/2", "target=hallway/config", "target=config"] {
        assert_eq!(settings.apply_at_run_time(line), Ok(true), "{line}");
    }
}

#[test]
fn another_gateway_or_key_is_another_link() {
    let mut links = vec![longest().link()];
    for line in ["gateway=0200000000000001", "key=000102030405060708090a0b0c0d0e0f", "key=none"] {
        let mut settings = longest();
        settings.apply(line).expect("it can be");
        links.push(settings.link());
    }
    links.sort_unstable();
    links.dedup();
    assert_eq!(links.len(), 4);
    let mut settings = longest();
    settings.apply("report=60 client=x channel=11").expect("it can be");
    assert_eq!(settings.link(), longest().link(), "the rest makes no difference");
}

#[test]
fn any_damaged_octet_makes_a_page_none() {
    let page = encode(&longest(), 7);
    for at in 0..page.len() {
        for bit in 0..8 {
            let mut damaged = page.clone();
            damaged[at] ^= 1 << bit;
            assert_eq!(decode(&damaged), None, "octet {at}, bit {bit}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_in_flash_is_read_without_harm(page in proptest::collection::vec(any::<u8>(), 0..700)) {
        prop_assert_eq!(decode(&page), None);
    }

    #[test]
    fn whatever_is_typed_is_read_without_harm(text in "[a-z0-9=\\-/ \n]{0,80}") {
        let mut settings = longest();
        if settings.apply(&text).is_ok() {
            let page = encode(&settings, 1);
            prop_assert_eq!(decode(&page), Some((1, settings)));
        }
    }
}

#[test]
fn an_older_image_leaves_out_what_it_does_not_know() {
    let settings = longest();
    let page = encode(&settings, 1);
    let (octets, _) = page.split_last_chunk::<4>().expect("a checksum is at its end");
    let mut octets = octets.to_vec();
    let at = octets.windows(5).position(|part| part == b"level").expect("it is in the text");
    octets[at..at + 5].copy_from_slice(b"newer");
    let check = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&octets);
    octets.extend_from_slice(&check.to_le_bytes());
    assert_eq!(decode(&octets), Some((1, Settings { level: Settings::new().level, ..settings })));
}
