//! Writing values that somebody else keeps, at the moment somebody asks for them.

use super::histogram;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;

type Written = Result<(), fmt::Error>;

/// A sheet that readings are written on.
pub struct Reading<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl<'a> Reading<'a> {
    pub fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self { encoder }
    }

    pub fn counter(&mut self, name: &str, help: &str, value: u64) -> Written {
        let encoder = self.encoder.encode_descriptor(name, &stop(help), None, MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    pub fn counter_bytes(&mut self, name: &str, help: &str, value: u64) -> Written {
        let unit = Some(&Unit::Bytes);
        let encoder = self.encoder.encode_descriptor(name, &stop(help), unit, MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    pub fn counter_seconds(&mut self, name: &str, help: &str, value: f64) -> Written {
        let unit = Some(&Unit::Seconds);
        let encoder = self.encoder.encode_descriptor(name, &stop(help), unit, MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    pub fn gauge(&mut self, name: &str, help: &str, value: u64) -> Written {
        let encoder = self.encoder.encode_descriptor(name, &stop(help), None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }

    pub fn bytes(&mut self, name: &str, help: &str, value: u64) -> Written {
        let unit = Some(&Unit::Bytes);
        let encoder = self.encoder.encode_descriptor(name, &stop(help), unit, MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }

    pub fn seconds(&mut self, name: &str, help: &str, value: f64) -> Written {
        let unit = Some(&Unit::Seconds);
        let encoder = self.encoder.encode_descriptor(name, &stop(help), unit, MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }

    /// Writes one value per label, in order.
    pub fn gauges(
        &mut self,
        (name, help, unit): (&str, &str, Option<Unit>),
        values: impl IntoIterator<Item = (impl EncodeLabelSet, f64)>,
    ) -> Written {
        let mut encoder =
            self.encoder.encode_descriptor(name, &stop(help), unit.as_ref(), MetricType::Gauge)?;
        for (labels, value) in values {
            ConstGauge::new(value).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Writes a fact that does not change.
    pub fn info(&mut self, name: &str, help: &str, labels: &impl EncodeLabelSet) -> Written {
        self.encoder.encode_descriptor(name, &stop(help), None, MetricType::Info)?.encode_info(labels)
    }

    /// Writes a histogram; `counts` has one more than `bounds`.
    pub fn histogram(
        &mut self,
        (name, help, unit): (&str, &str, Option<Unit>),
        bounds: &[f64],
        counts: &[u64],
        sum: f64,
    ) -> Written {
        let encoder =
            self.encoder.encode_descriptor(name, &stop(help), unit.as_ref(), MetricType::Histogram)?;
        histogram::encode(encoder, bounds, counts, sum)
    }
}

/// Ends the help as the registry does for what it keeps itself.
fn stop(help: &str) -> String {
    format!("{help}.")
}
