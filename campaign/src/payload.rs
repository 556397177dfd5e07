//! What is published: each message says its topic and its number, and can be told from every other.

/// The `n`-th message of `topic`: that, and filling of a length that differs from message to message.
#[must_use]
pub fn payload(topic: &str, n: u64) -> Vec<u8> {
    let filling = b'a' + (n % 26) as u8;
    let mut payload = format!("{topic} {n} ").into_bytes();
    payload.resize(payload.len() + (n * 37 % 150) as usize, filling);
    payload
}

/// The number of a message of `topic`; `None` if it is not exactly what was published.
#[must_use]
pub fn number(topic: &str, found: &[u8]) -> Option<u64> {
    let rest = found.strip_prefix(topic.as_bytes())?.strip_prefix(b" ")?;
    let digits = rest.split(|octet| *octet == b' ').next()?;
    let n = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (payload(topic, n) == found).then_some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_recognised_whole_or_not_at_all() {
        for n in [1, 26, 12_345] {
            let whole = payload("a/b", n);
            assert_eq!(number("a/b", &whole), Some(n));
            assert_eq!(number("a/c", &whole), None);
            assert_eq!(number("a/b", &whole[..whole.len() - 1]), None);
        }
    }
}
