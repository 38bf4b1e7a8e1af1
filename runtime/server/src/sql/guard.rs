//! What is answered: queries that read, with functions that are known to end soon.

use super::watch::{Refusal, Watch};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::sync::Arc;

/// Functions that are answered, ascending. What is left out reads files, looks into the process, or can
/// take minutes for one call, which nobody could stop.
const FUNCTIONS: &[&str] = &[
    "->",
    "->>",
    "abs",
    "acos",
    "acosh",
    "ago",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "ceil",
    "ceiling",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "if",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_pretty",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "max",
    "median",
    "min",
    "mod",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "percentile",
    "percentile_cont",
    "percentile_disc",
    "pi",
    "pow",
    "power",
    "printf",
    "quote",
    "radians",
    "random",
    "randomblob",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "sqlite_version",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "subtype",
    "sum",
    "tan",
    "tanh",
    "time",
    "timediff",
    "total",
    "trim",
    "trunc",
    "typeof",
    "unicode",
    "unistr",
    "unistr_quote",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
];

/// What SQLite tells about itself without a change.
const PRAGMAS: &[&str] =
    &["collation_list", "function_list", "pragma_list", "table_info", "table_list", "table_xinfo"];

/// Returns the names of the functions that are answered.
#[cfg(test)]
pub fn functions() -> &'static [&'static str] {
    FUNCTIONS
}

/// Returns the hook that SQLite asks before it runs anything.
pub fn authorizer(watch: Arc<Watch>) -> impl FnMut(AuthContext<'_>) -> Authorization + Send + 'static {
    move |asked| match refusal(asked.action) {
        None => Authorization::Allow,
        Some(refusal) => {
            watch.refuse(refusal);
            Authorization::Deny
        }
    }
}

fn refusal(action: AuthAction<'_>) -> Option<Refusal> {
    let read_only = |what: String| Some(Refusal::ReadOnly { what });
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => None,
        AuthAction::Function { function_name: name } => {
            let is_known = FUNCTIONS.binary_search(&name.to_ascii_lowercase().as_str()).is_ok();
            (!is_known).then(|| Refusal::Function { name: name.to_owned() })
        }
        AuthAction::Pragma { pragma_name, .. } => {
            let is_known = PRAGMAS.contains(&pragma_name.to_ascii_lowercase().as_str());
            if is_known { None } else { read_only(format!("PRAGMA {pragma_name}")) }
        }
        AuthAction::Insert { .. } => read_only("a statement that inserts or creates".to_owned()),
        AuthAction::Update { .. } => read_only("UPDATE".to_owned()),
        AuthAction::Delete { .. } => read_only("DELETE".to_owned()),
        AuthAction::Attach { .. } => read_only("ATTACH".to_owned()),
        AuthAction::Detach { .. } => read_only("DETACH".to_owned()),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => {
            read_only("a transaction".to_owned())
        }
        AuthAction::Analyze { .. } => read_only("ANALYZE".to_owned()),
        AuthAction::Reindex { .. } => read_only("REINDEX".to_owned()),
        AuthAction::AlterTable { .. } => read_only("ALTER TABLE".to_owned()),
        // All that creates and drops, and whatever a later SQLite adds.
        _ => read_only("a statement that creates, drops or changes".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order() {
        assert!(FUNCTIONS.is_sorted() && PRAGMAS.is_sorted());
    }
}
