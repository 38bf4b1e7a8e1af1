//! Options where there are none.

#![allow(unused_variables, dead_code)]

use abide_sdk::prelude::*;

#[data(rename_all = "camelCase")]
struct Request {
    user_id: String,
}

fn main() {}
