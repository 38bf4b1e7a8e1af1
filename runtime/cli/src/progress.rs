//! Progress for a person who waits; nothing when standard error is no terminal.

use crate::client::{self, Client};
use crate::model::{Checks, RunningCheck};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);
/// Between two questions how far a check is.
const ASK_AGAIN: Duration = Duration::from_millis(300);

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

/// Waits for an answer, and meanwhile shows how far the check is that the server makes for it.
pub async fn of_check<T>(client: &Client, answer: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return answer.await;
    }
    let mut bar: Option<ProgressBar> = None;
    let mut answer = std::pin::pin!(answer);
    loop {
        tokio::select! {
            answer = &mut answer => {
                bar.inspect(ProgressBar::finish_and_clear);
                return answer;
            }
            () = tokio::time::sleep(ASK_AGAIN) => {
                if let Some(RunningCheck { checked, total }) = running_check(client).await {
                    let bar = bar.get_or_insert_with(|| spinner(String::new()));
                    bar.set_message(format!("checking invocations: {checked} of {total}"));
                }
            }
        }
    }
}

async fn running_check(client: &Client) -> Option<RunningCheck> {
    let body = client.get(client.url(&["checks"])).await.ok()?;
    client::read::<Checks>(&body).ok()?.running
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
