//! Figures, their goals, and the Markdown table of both.

use std::fmt::{self, Write};

use hdrhistogram::Histogram;

/// What a figure must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Goal {
    fn met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "≥ {}", Number(*bound)),
            Self::AtMost(bound) => write!(f, "≤ {}", Number(*bound)),
        }
    }
}

/// One figure of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    name: &'static str,
    unit: &'static str,
    value: f64,
    goal: Option<Goal>,
}

/// All figures of one run of a scenario, or their medians over several.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    scenario: &'static str,
    metrics: Vec<Metric>,
    broken: Option<String>,
}

impl Outcome {
    /// A scenario without figures yet.
    pub(crate) fn new(scenario: &'static str) -> Self {
        Self { scenario, metrics: Vec::new(), broken: None }
    }

    /// A scenario that could not be carried out.
    pub(crate) fn broken(scenario: &'static str, reason: String) -> Self {
        Self { scenario, metrics: Vec::new(), broken: Some(reason) }
    }

    /// Whether it could not be carried out.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Adds a figure that has a goal: a row of the table.
    pub(crate) fn goal(mut self, name: &'static str, value: f64, unit: &'static str, goal: Goal) -> Self {
        self.metrics.push(Metric { name, unit, value, goal: Some(goal) });
        self
    }

    /// Adds a figure for information.
    pub(crate) fn figure(mut self, name: &'static str, value: f64, unit: &'static str) -> Self {
        self.metrics.push(Metric { name, unit, value, goal: None });
        self
    }

    /// Adds a figure that could be taken only if it was: a running gateway's CPU is unknown without its pid.
    pub(crate) fn maybe(self, name: &'static str, value: Option<f64>, unit: &'static str) -> Self {
        match value {
            Some(value) => self.figure(name, value, unit),
            None => self,
        }
    }

    /// Adds p50, p99 and p99.9 of a histogram of nanoseconds; `names` says of what.
    pub(crate) fn quantiles(self, names: [&'static str; 3], histogram: &Histogram<u64>) -> Self {
        self.figure(names[0], quantile_us(histogram, 0.5), "us")
            .figure(names[1], quantile_us(histogram, 0.99), "us")
            .figure(names[2], quantile_us(histogram, 0.999), "us")
    }

    /// Whether it was carried out and every goal is reached.
    pub(crate) fn passed(&self) -> bool {
        !self.is_broken() && self.metrics.iter().all(|metric| metric.goal.is_none_or(|goal| goal.met_by(metric.value)))
    }

    /// The median of every figure, and of every goal, over runs of the same scenario; `None` without a run. One
    /// broken run breaks the whole.
    pub(crate) fn median(runs: &[Self]) -> Option<Self> {
        if let Some(broken) = runs.iter().find(|run| run.is_broken()) {
            return Some(broken.clone());
        }
        let mut median = runs.first()?.clone();
        for (i, metric) in median.metrics.iter_mut().enumerate() {
            let of = |pick: fn(&Metric) -> Option<f64>| middle(runs.iter().filter_map(|run| pick(run.metrics.get(i)?)));
            metric.value = of(|metric| Some(metric.value)).unwrap_or(metric.value);
            let bound = of(|metric| match metric.goal? {
                Goal::AtLeast(bound) | Goal::AtMost(bound) => Some(bound),
            });
            metric.goal = metric.goal.zip(bound).map(|(goal, bound)| match goal {
                Goal::AtLeast(_) => Goal::AtLeast(bound),
                Goal::AtMost(_) => Goal::AtMost(bound),
            });
        }
        Some(median)
    }

    fn rows(&self) -> String {
        if let Some(reason) = &self.broken {
            return format!("| {} | could not be carried out | | | **FAIL** | {reason} |\n", self.scenario);
        }
        let mut also =
            self.metrics.iter().filter(|m| m.goal.is_none()).map(Metric::short).collect::<Vec<_>>().join(" · ");
        let mut rows = String::new();
        for metric in self.metrics.iter().filter(|metric| metric.goal.is_some()) {
            let (goal, met) = metric.goal.map_or((String::new(), ""), |goal| {
                (goal.to_string(), if goal.met_by(metric.value) { "pass" } else { "**FAIL**" })
            });
            let (scenario, name, also) = (self.scenario, metric.name, std::mem::take(&mut also));
            let value = WithUnit(metric.value, metric.unit);
            let _ = writeln!(rows, "| {scenario} | {name} | {value} | {goal} | {met} | {also} |");
        }
        if rows.is_empty() {
            let _ = writeln!(rows, "| {} | | | | | {also} |", self.scenario);
        }
        rows
    }
}

impl Metric {
    fn short(&self) -> String {
        format!("{} {}", self.name, WithUnit(self.value, self.unit))
    }
}

/// A quantile of a histogram of nanoseconds, in microseconds.
pub(crate) fn quantile_us(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1_000.0
}

/// One Markdown table of all outcomes.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    let rows: String = outcomes.iter().map(Outcome::rows).collect();
    format!("| scenario | figure | measured | goal | | also |\n|---|---|---|---|---|---|\n{rows}")
}

/// The median; `None` of nothing.
pub(crate) fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get((values.len().max(1) - 1) / 2)?, values.get(values.len() / 2)?);
    Some((low + high) / 2.0)
}

/// A number with the digits that matter, thousands grouped.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.fract() == 0.0 || value.abs() >= 1_000.0 {
            return f.write_str(&grouped(value));
        }
        match value.abs() {
            abs if abs >= 99.0 => write!(f, "{value:.2}"),
            abs if abs >= 10.0 => write!(f, "{value:.1}"),
            _ => write!(f, "{value:.3}"),
        }
    }
}

struct WithUnit(f64, &'static str);

impl fmt::Display for WithUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Number(self.0))?;
        if self.1.is_empty() { Ok(()) } else { write!(f, " {}", self.1) }
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rate: f64, bound: f64) -> Outcome {
        Outcome::new("qos1").goal("rate", rate, "/s", Goal::AtLeast(bound)).figure("p50", rate / 2.0, "us")
    }

    #[test]
    fn the_median_of_runs_is_taken_figure_by_figure() {
        let median = Outcome::median(&[run(30.0, 2.0), run(10.0, 9.0), run(20.0, 1.0)]).unwrap();
        assert_eq!(table(&[median]).lines().last(), Some("| qos1 | rate | 20 /s | ≥ 2 | pass | p50 10 us |"));
        assert!(Outcome::median(&[]).is_none());
        assert_eq!(middle([4.0, 1.0].into_iter()), Some(2.5));
    }

    #[test]
    fn a_missed_goal_shows() {
        let missed = run(1.0, 2.0);
        assert!(!missed.passed());
        assert!(table(&[missed]).contains("**FAIL**"));
        assert!(run(2.0, 2.0).passed());
        assert!(!Goal::AtMost(1.0).met_by(1.5));
    }

    #[test]
    fn a_broken_run_breaks_the_whole() {
        let whole = Outcome::median(&[run(1.0, 0.0), Outcome::broken("qos1", "no CONNACK".into())]).unwrap();
        assert!(whole.is_broken() && !whole.passed());
        assert!(table(&[whole]).contains("**FAIL** | no CONNACK |"));
    }

    #[test]
    fn numbers_show_the_digits_that_matter() {
        let shown = |value| Number(value).to_string();
        assert_eq!(shown(1_234_567.8), "1,234,568");
        assert_eq!(shown(99.95), "99.95");
        assert_eq!(shown(0.3312), "0.331");
        assert_eq!(shown(42.0), "42");
        assert_eq!(shown(-1_000.0), "-1,000");
    }
}
