//! What came out, as a table.

use crate::ledger::{Books, Reader};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The end of a campaign.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Everything that is known.
    pub books: Books,
    /// How often the gateway was killed.
    pub kills: u32,
    /// How long it took to start each time.
    pub starts: Vec<Duration>,
    /// The last gateway's memory at the end, in octets.
    pub resident: Option<u64>,
    /// How often it has synced something, where that can be counted.
    pub syncs: Option<u64>,
    /// How long all took.
    pub took: Duration,
    /// The gateways' log, kept when something was wrong.
    pub log: Option<PathBuf>,
}

impl Verdict {
    pub(crate) fn new(books: Books, took: Duration, log: Option<PathBuf>) -> Self {
        Self { books, kills: 0, starts: Vec::new(), resident: None, syncs: None, took, log }
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.books.breaches.is_empty()
    }

    fn write_topics(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<24} {:>4} {:>10} {:>13}", "topic", "QoS", "published", "acknowledged")?;
        for topic in &self.books.topics {
            writeln!(f, "{:<24} {:>4} {:>10} {:>13}", topic.name, topic.qos, topic.published, topic.acknowledged)?;
        }
        Ok(())
    }

    fn write_readers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["arrived", "lost", "overtaken", "again, QoS 1", "again, QoS 2"];
        write!(f, "\n{:<24} {:>4}", "reader", "QoS")?;
        head.iter().try_for_each(|title| write!(f, " {title:>12}"))?;
        writeln!(f)?;
        for reader in &self.books.readers {
            write!(f, "{:<24} {:>4}", reader.name, reader.qos)?;
            self.counts(reader).iter().try_for_each(|count| write!(f, " {count:>12}"))?;
            writeln!(f)?;
        }
        Ok(())
    }

    fn counts(&self, reader: &Reader) -> [u64; 5] {
        let sum = |of: fn(&crate::ledger::Progress) -> u64| reader.progress.iter().map(of).sum::<u64>();
        let published: u64 = self.books.topics.iter().map(|topic| topic.published).sum();
        let lost = self.books.lost(reader);
        let duplicates = sum(|p| p.duplicates);
        [published - lost, lost, sum(|p| p.overtaken), sum(|p| p.repeated) - duplicates, duplicates]
    }

    fn write_sum(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acknowledged: u64 = self.books.topics.iter().map(|topic| topic.acknowledged).sum();
        let sums = self.books.readers.iter().map(|reader| self.counts(reader));
        let [arrived, lost, overtaken, _, twice] = sums.fold([0; 5], |sum, of| std::array::from_fn(|i| sum[i] + of[i]));
        write!(f, "\n{acknowledged} messages acknowledged, {arrived} deliveries: ")?;
        writeln!(f, "{lost} lost, {twice} twice at QoS 2, {overtaken} out of order")
    }

    fn write_breaches(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for breach in &self.books.breaches {
            writeln!(f, "\nBROKEN PROMISE: {}", breach.what)?;
            breach.history.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        if let Some(log) = &self.log {
            writeln!(f, "\nThe gateway's log is {}.", log.display())?;
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_topics(f)?;
        self.write_readers(f)?;
        self.write_sum(f)?;
        write!(f, "{} kills in {:.1} s", self.kills, self.took.as_secs_f64())?;
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        if let (Some(median), Some(longest)) = (starts.get(starts.len() / 2), starts.last()) {
            write!(f, "; from start to ready {} ms, at most {} ms", median.as_millis(), longest.as_millis())?;
        }
        if let Some(resident) = self.resident {
            write!(f, "; {} MB resident at the end", resident >> 20)?;
        }
        if let Some(syncs) = self.syncs {
            write!(f, "; {syncs} syncs")?;
        }
        if self.books.untold > 0 {
            write!(f, "; {} messages under a topic id that was still to be registered", self.books.untold)?;
        }
        writeln!(f)?;
        self.write_breaches(f)
    }
}
