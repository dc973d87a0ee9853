//! Samples and the tables they are printed in.

use std::time::Duration;

/// Times, and what can be said of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    sorted: Vec<Duration>,
}

impl Samples {
    /// Adds one.
    pub(crate) fn add(&mut self, sample: Duration) {
        let at = self.sorted.partition_point(|other| *other <= sample);
        self.sorted.insert(at, sample);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The time that `percent` of the samples do not exceed; zero without samples.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let at = (self.sorted.len() * percent).div_ceil(100).saturating_sub(1);
        self.sorted.get(at).copied().unwrap_or_default()
    }

    /// The middle one.
    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// Median, 95 and 99 of a hundred, in milliseconds.
    pub(crate) fn summary(&self) -> String {
        let at = |percent| milliseconds(self.percentile(percent));
        format!("{} / {} / {}", at(50), at(95), at(99))
    }
}

/// A time in milliseconds, two digits after the point.
pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

/// The difference of two times in milliseconds, with its sign.
pub(crate) fn difference(time: Duration, base: Duration) -> String {
    format!("{:+.2}", (time.as_secs_f64() - base.as_secs_f64()) * 1000.0)
}

/// Prints a table for a Markdown page.
pub(crate) fn print(title: &str, head: &[&str], rows: &[Vec<String>]) {
    println!("{title}\n\n| {} |", head.join(" | "));
    println!("|{}", "---|".repeat(head.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}
