//! Lets an invocation that waits for the signal "go" go on.

use crate::client::Client;
use anyhow::bail;
use bytes::Bytes;
use std::net::SocketAddr;

pub async fn send(admin: SocketAddr, invocation: &str) -> anyhow::Result<()> {
    let path = format!("/invocations/{invocation}/signals/go");
    let (status, answer) =
        Client::connect(admin).await?.post_json(&path, Bytes::from_static(b"null")).await?;
    if !status.is_success() {
        bail!("{path} answers {status}: {}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}
