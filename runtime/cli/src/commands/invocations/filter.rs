//! Which invocations are meant: the options that list and bulk commands share.

use clap::Args;

/// Everything given has to hold; where a list is possible, any of it fits.
#[derive(Args, Clone, Debug, Default)]
pub struct Filter {
    /// Only those of these services.
    #[arg(long, value_name = "NAMES")]
    pub service: Option<String>,
    /// Only those of these handlers.
    #[arg(long, value_name = "NAMES")]
    pub handler: Option<String>,
    /// Only those on objects and workflows with these keys.
    #[arg(long, value_name = "KEYS")]
    pub key: Option<String>,
    /// Only those with these statuses.
    #[arg(long, value_delimiter = ',', value_parser = ["scheduled", "pending", "running", "suspended", "backing-off", "paused", "completed"])]
    pub status: Vec<String>,
    /// Only completed ones that came to this.
    #[arg(long, value_delimiter = ',', value_parser = ["success", "failure", "cancelled", "killed"])]
    pub result: Vec<String>,
    /// Only those of these deployments.
    #[arg(long, value_name = "IDS")]
    pub deployment: Option<String>,
    /// Only those with these idempotency keys.
    #[arg(long, value_name = "KEYS")]
    pub idempotency_key: Option<String>,
    /// Only those that were asked for from outside, by another invocation, or by a restart.
    #[arg(long, value_parser = ["ingress", "invocation", "restart_as_new"])]
    pub invoked_by: Option<String>,
    /// Only those that these invocations asked for.
    #[arg(long, value_name = "IDS")]
    pub invoked_by_id: Option<String>,
    /// Only those created since then: a time as 2026-11-22T15:58:08Z.
    #[arg(long, value_name = "TIME")]
    pub created_after: Option<String>,
    /// Only those created before.
    #[arg(long, value_name = "TIME")]
    pub created_before: Option<String>,
    /// Only those that have changed since then.
    #[arg(long, value_name = "TIME")]
    pub modified_after: Option<String>,
    /// Only those that have not changed since then.
    #[arg(long, value_name = "TIME")]
    pub modified_before: Option<String>,
    /// Only those with this text in their last failure, the reason of their pause, or their failure.
    #[arg(long)]
    pub text: Option<String>,
    /// Only those that somebody has to look after: paused, backing off, or waiting for each other.
    #[arg(long)]
    pub stuck: bool,
}

impl Filter {
    /// Returns what is given, by the names the server knows.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let joined = |words: &[String]| (!words.is_empty()).then(|| words.join(","));
        let fields = [
            ("service", self.service.clone()),
            ("handler", self.handler.clone()),
            ("key", self.key.clone()),
            ("status", joined(&self.status)),
            ("result", joined(&self.result)),
            ("deployment", self.deployment.clone()),
            ("idempotency_key", self.idempotency_key.clone()),
            ("invoked_by", self.invoked_by.clone()),
            ("invoked_by_id", self.invoked_by_id.clone()),
            ("created_after", self.created_after.clone()),
            ("created_before", self.created_before.clone()),
            ("modified_after", self.modified_after.clone()),
            ("modified_before", self.modified_before.clone()),
            ("text", self.text.clone()),
            ("is_stuck", self.stuck.then(|| "true".to_owned())),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_is_sent() {
        assert_eq!(Filter::default().fields(), []);
        let filter = Filter {
            service: Some("A,B".into()),
            status: vec!["paused".into(), "running".into()],
            stuck: true,
            ..Filter::default()
        };
        let expected = [("service", "A,B"), ("status", "paused,running"), ("is_stuck", "true")]
            .map(|(name, value)| (name, value.to_owned()));
        assert_eq!(filter.fields(), expected);
    }
}
