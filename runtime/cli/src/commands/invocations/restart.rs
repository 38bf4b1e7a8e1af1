//! `abide invocations restart`.

use super::act::{self, Chosen, Verb};
use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::{CliError, Kind};
use crate::model::Journal;
use clap::Args;

#[derive(Args)]
pub struct Restart {
    #[command(flatten)]
    pub chosen: Chosen,
    /// Take over the journal up to the operation that "abide invocations describe" shows with this number,
    /// with what came of it, and go on behind it.
    #[arg(long, value_name = "NUMBER")]
    pub from: Option<usize>,
    /// On which code: `latest`, `keep` or the id of a deployment [default: latest].
    #[arg(long, value_name = "CODE")]
    pub on: Option<String>,
}

/// Each gets a successor with its input.
pub async fn run(wanted: Restart, global: &Global) -> Result<(), CliError> {
    let from = match (wanted.from, wanted.chosen.ids.as_slice()) {
        (None, _) => None,
        (Some(number), [id]) => Some(ask_operation(id, number, global).await?.to_string()),
        (Some(_), _) => {
            let hint = "the numbers are those of one journal: \"abide invocations describe ID\" shows them";
            return Err(CliError::new(Kind::Usage, "--from goes with the id of one invocation").hint(hint));
        }
    };
    act::run(
        &Verb::new("restart", "restarted").with("deployment", wanted.on).with("from", from),
        &wanted.chosen,
        global,
    )
    .await
}

/// Asks for the operation that a person sees with this number: they see what came of operations numbered, too,
/// and the input before all.
async fn ask_operation(id: &str, number: usize, global: &Global) -> Result<u32, CliError> {
    let client = Client::admin(global)?;
    let mut url = client.url(&["invocations", id, "journal"]);
    let index = number.saturating_sub(1).to_string();
    url.query_pairs_mut().append_pair("from", &index).append_pair("limit", "1");
    operation(id, number, &client::read(&client.get(url).await?)?)
}

/// Returns the operation of a number, given the part of the journal that begins with it.
fn operation(id: &str, number: usize, journal: &Journal) -> Result<u32, CliError> {
    let bad = |why: &str| {
        CliError::new(Kind::Usage, format!("#{number} of {id} is no operation: {why}")).hint(format!(
            "\"abide invocations describe {id}\" shows the numbers; without --from, all is done again"
        ))
    };
    if journal.is_purged {
        return Err(bad("the journal is not kept any more"));
    }
    if number == 0 {
        return Err(bad("it is the input"));
    }
    let Some(item) = journal.items.first() else {
        return Err(bad(&format!("the journal ends with #{}", journal.items_total)));
    };
    item.op.ok_or_else(|| bad(&format!("it is the {}", item.kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_for_the_operation_beside_it() {
        let at = "2026-11-22T15:58:08.177Z";
        let items = |items: &str| format!(r#"{{"items":[{items}],"items_total":4}}"#);
        let entry = items(&format!(r#"{{"op":1,"kind":"sleep","at":"{at}","item":"entry"}}"#));
        let outcome =
            items(&format!(r#"{{"op":1,"kind":"sleep","at":"{at}","item":"outcome","result":"empty"}}"#));
        let cancellation =
            items(&format!(r#"{{"kind":"cancellation","at":"{at}","item":"outcome","result":"empty"}}"#));
        let purged = r#"{"is_purged":true,"items":[],"items_total":0}"#.to_owned();
        let of = |number, journal: &str| {
            operation("inv_1", number, &serde_json::from_str(journal).unwrap()).map_err(|error| error.message)
        };
        assert_eq!((of(3, &entry), of(4, &outcome)), (Ok(1), Ok(1)));
        for (number, journal, expected) in [
            (0, &entry, "it is the input"),
            (4, &cancellation, "it is the cancellation"),
            (5, &items(""), "the journal ends with #4"),
            (1, &purged, "not kept any more"),
        ] {
            let message = of(number, journal).unwrap_err();
            assert!(message.contains(expected), "{number}: {message}");
        }
    }
}
