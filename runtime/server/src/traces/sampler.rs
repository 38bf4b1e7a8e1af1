//! Which traces are told: decided once, where a trace enters, and written into its flags.

use super::context::TraceContext;

/// How `OTEL_TRACES_SAMPLER` decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Whoever sent the request has decided already.
    is_parent_based: bool,
    /// The part of all traces that is told.
    ratio: f64,
}

impl Default for Sampler {
    fn default() -> Self {
        Self { is_parent_based: true, ratio: 1.0 }
    }
}

/// A sampler that nobody knows.
#[derive(Debug, thiserror::Error)]
#[error(
    "OTEL_TRACES_SAMPLER is '{0}'; it can be always_on, always_off, traceidratio, parentbased_always_on, \
     parentbased_always_off or parentbased_traceidratio, with a number from 0 to 1 in OTEL_TRACES_SAMPLER_ARG"
)]
pub struct UnknownSampler(String);

impl Sampler {
    /// Reads the two variables of the standard.
    ///
    /// # Errors
    /// The name is unknown, or the argument is no ratio.
    pub fn parse(name: Option<&str>, argument: Option<&str>) -> Result<Self, UnknownSampler> {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Self::default()) };
        let unknown =
            || UnknownSampler([Some(name), argument].into_iter().flatten().collect::<Vec<_>>().join(" "));
        let (is_parent_based, kind) = match name.strip_prefix("parentbased_") {
            Some(kind) => (true, kind),
            None => (false, name),
        };
        let ratio = match kind {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => argument.unwrap_or("1.0").parse().map_err(|_| unknown())?,
            _ => return Err(unknown()),
        };
        if !(0.0..=1.0).contains(&ratio) {
            return Err(unknown());
        }
        Ok(Self { is_parent_based, ratio })
    }

    /// Returns the context with which a request enters; `given` is the one it came with.
    pub fn enter(&self, given: Option<TraceContext>, fresh: impl FnOnce() -> TraceContext) -> TraceContext {
        match given {
            Some(context) if self.is_parent_based => context,
            Some(context) => self.decide(context),
            None => self.decide(fresh()),
        }
    }

    /// The same trace, the same decision, whoever takes it.
    fn decide(&self, context: TraceContext) -> TraceContext {
        let bound = (self.ratio * (1u64 << 63) as f64) as u64;
        let is_sampled = self.ratio >= 1.0 || ((context.trace as u64) >> 1) < bound;
        context.with_sampled(is_sampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(name: &str, argument: Option<&str>, given: Option<bool>) -> usize {
        let sampler = Sampler::parse(Some(name), argument).unwrap();
        let context = |trace: u128| TraceContext { trace, parent: 1, flags: 0, state: None };
        let traces = (0..1_000u128).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) | 1);
        let entered = traces.map(|trace| {
            let given = given.map(|is_sampled| context(trace).with_sampled(is_sampled));
            sampler.enter(given, || context(trace))
        });
        entered.filter(TraceContext::is_sampled).count()
    }

    #[test]
    fn each_sampler_decides_as_its_name_says() {
        assert_eq!(sampled("always_on", None, Some(false)), 1_000);
        assert_eq!(sampled("always_off", None, Some(true)), 0);
        assert_eq!(sampled("parentbased_always_on", None, Some(false)), 0);
        assert_eq!(sampled("parentbased_always_on", None, None), 1_000);
        assert_eq!(sampled("parentbased_always_off", None, Some(true)), 1_000);
        assert_eq!(sampled("parentbased_always_off", None, None), 0);
        let quarter = sampled("parentbased_traceidratio", Some("0.25"), None);
        assert!((180..320).contains(&quarter), "{quarter}");
        assert_eq!(sampled("traceidratio", None, Some(false)), 1_000);
    }

    #[test]
    fn what_is_no_sampler_is_refused() {
        assert_eq!(Sampler::parse(None, None).unwrap(), Sampler::default());
        for (name, argument) in
            [("sometimes", None), ("traceidratio", Some("2")), ("traceidratio", Some("x"))]
        {
            let error = Sampler::parse(Some(name), argument).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("parentbased_traceidratio"), "{error}");
        }
    }
}
