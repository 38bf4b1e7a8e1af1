//! What the server counts itself.

use crate::client::Client;
use crate::server::Server;
use anyhow::bail;

/// All of it at one moment, in the text format of Prometheus.
pub struct Metrics {
    text: String,
}

impl Metrics {
    pub async fn of(server: &Server) -> anyhow::Result<Self> {
        let (status, text) = Client::connect(server.admin).await?.get("/metrics").await?;
        if !status.is_success() {
            bail!("the metrics of the server are answered {status}");
        }
        Ok(Self { text: String::from_utf8_lossy(&text).into_owned() })
    }

    /// Returns the value of a metric, of all its labels together.
    pub fn sum(&self, name: &str) -> anyhow::Result<f64> {
        let values: Vec<f64> = self.text.lines().filter_map(|line| value(line, name)).collect();
        if values.is_empty() {
            bail!("the server does not tell {name}");
        }
        Ok(values.iter().sum())
    }
}

/// Returns the value in a line, if that is one of this metric.
fn value(line: &str, name: &str) -> Option<f64> {
    let rest = line.strip_prefix(name)?;
    let rest = match rest.strip_prefix('{') {
        Some(labelled) => labelled.rsplit_once("} ")?.1,
        None => rest.strip_prefix(' ')?,
    };
    rest.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_by_their_whole_name() {
        let text = "# HELP a A.\na_total 7\na_total_more 9\na 1.5 123\nc{l=\"x y\"} 2\nc{l=\"}\"} 3\n";
        let metrics = Metrics { text: text.to_owned() };
        let sum = |name: &str| metrics.sum(name).ok();
        assert_eq!(sum("a"), Some(1.5));
        assert_eq!(sum("a_total"), Some(7.0));
        assert_eq!(sum("b"), None);
        assert_eq!(sum("c"), Some(5.0), "with all labels");
    }
}
