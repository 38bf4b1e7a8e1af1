//! The numbers of a server, read as Prometheus would.

use crate::Server;
use std::collections::BTreeMap;

/// One reading of all numbers.
#[derive(Debug)]
pub struct Numbers {
    series: Vec<(String, BTreeMap<String, String>, f64)>,
}

impl Server {
    /// Reads the numbers.
    #[must_use]
    #[track_caller]
    pub fn numbers(&self) -> Numbers {
        Numbers::parse(&self.admin().get("/metrics").expect(200).text())
    }
}

impl Numbers {
    /// Reads the text format of Prometheus.
    #[must_use]
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let series = samples.map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a sample has a value");
            let (name, labels) = name.split_once('{').unwrap_or((name, ""));
            (name.to_owned(), labels_of(labels), value.parse().expect("a number"))
        });
        Self { series: series.collect() }
    }

    /// Adds up the series of this name that have these labels, and maybe others.
    #[must_use]
    pub fn of(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |series: &BTreeMap<String, String>| {
            labels.iter().all(|(name, value)| series.get(*name).is_some_and(|is| is == value))
        };
        let found = self.series.iter().filter(|(is, series, _)| is == name && has(series));
        found.map(|(_, _, value)| value).sum()
    }

    /// Returns all values of a label, over all series of this name.
    #[must_use]
    pub fn values(&self, name: &str, label: &str) -> Vec<String> {
        let of = self.series.iter().filter(|(is, _, _)| is == name);
        let mut values: Vec<_> = of.filter_map(|(_, labels, _)| labels.get(label).cloned()).collect();
        values.sort();
        values.dedup();
        values
    }
}

fn labels_of(text: &str) -> BTreeMap<String, String> {
    let pairs = text.trim_end_matches('}').split("\",").filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once("=\"").expect("a label has a value");
        (name.to_owned(), value.trim_end_matches('"').to_owned())
    };
    pairs.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_and_added_up() {
        let text = "# HELP a_total A.\na_total{b=\"1\",c=\"x y\"} 2\na_total{b=\"1\",c=\"z\"} 3\nd 0.5\n";
        let numbers = Numbers::parse(text);
        assert_eq!(numbers.of("a_total", &[("b", "1")]), 5.0);
        assert_eq!(numbers.of("a_total", &[("c", "x y")]), 2.0);
        assert_eq!(numbers.of("d", &[]), 0.5);
        assert_eq!(numbers.of("d", &[("b", "1")]), 0.0);
        assert_eq!(numbers.values("a_total", "c"), ["x y", "z"]);
    }
}
