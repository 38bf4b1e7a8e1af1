//! Progress for a person who waits; nothing when standard error is no terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);

/// Returns a spinner with a message that changes.
pub fn spinner(message: String) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(style("{spinner} {wide_msg}"));
    bar.set_message(message);
    bar.enable_steady_tick(TICK);
    bar
}

/// Returns a bar for an upload.
pub fn upload(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    bar.set_style(style("uploading {bar:30} {bytes} of {total_bytes}"));
    bar
}

/// Returns a bar for so many of something.
pub fn count(of: u64, doing: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(of), ProgressDrawTarget::stderr());
    bar.set_style(style("{msg} {bar:30} {pos} of {len}"));
    bar.set_message(doing);
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
