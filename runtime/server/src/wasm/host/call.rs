//! Calls and sends to handlers.

use super::{check_key, check_name, check_value, read_headers};
use crate::wasm::bindings::abide::runtime::call::{CallHandle, Host};
use crate::wasm::bindings::abide::runtime::types as wit;
use crate::wasm::guest::Guest;
use crate::wasm::session::Wanted;
use abide_core::entry::Header;
use abide_core::target::Target;

/// Bytes of all the headers of a call together, as the ingress takes them.
const CALL_HEADERS_BYTES_MAX: usize = 64 << 10;
/// What a header counts apart from its name and value, as in HTTP/2: empty ones take room too.
const HEADER_OVERHEAD: usize = 32;

impl Host for Guest {
    async fn call(
        &mut self,
        target: wit::TargetResult,
        input: Vec<u8>,
        headers: Vec<wit::HeaderResult>,
        idempotency_key: Option<String>,
    ) -> wasmtime::Result<CallHandle> {
        let wanted = self.wanted(target, input, headers, idempotency_key)?;
        let (op, invocation) = self.session()?.call(wanted)?;
        self.catch_up().await?;
        Ok(CallHandle { op, invocation: invocation.to_string() })
    }

    async fn send(
        &mut self,
        target: wit::TargetResult,
        input: Vec<u8>,
        headers: Vec<wit::HeaderResult>,
        idempotency_key: Option<String>,
        delay_ms: Option<u64>,
    ) -> wasmtime::Result<String> {
        let wanted = self.wanted(target, input, headers, idempotency_key)?;
        let invocation = self.session()?.send(wanted, delay_ms)?;
        self.catch_up().await?;
        Ok(invocation.to_string())
    }
}

impl Guest {
    fn wanted(
        &self,
        target: wit::TargetResult,
        input: Vec<u8>,
        headers: Vec<wit::HeaderResult>,
        idempotency_key: Option<String>,
    ) -> wasmtime::Result<Wanted> {
        let wit::TargetResult { service, key, handler } = target;
        check_name(&service)?;
        check_name(&handler)?;
        key.as_deref().map_or(Ok(()), |key| check_key("the key of a call's target", key))?;
        idempotency_key.as_deref().map_or(Ok(()), |key| check_key("an idempotency key", key))?;
        check_value("the input of a call", input.len(), self.limits.value_bytes_max)?;
        let headers = read_headers(headers);
        check_headers(&headers)?;
        let target = Target { service, key, handler };
        Ok(Wanted { target, input: input.into(), headers, idempotency_key })
    }
}

fn check_headers(headers: &[Header]) -> wasmtime::Result<()> {
    let bytes: usize = headers.iter().map(|header| header.bytes() + HEADER_OVERHEAD).sum();
    if bytes > CALL_HEADERS_BYTES_MAX {
        wasmtime::bail!(
            "the headers of a call have {bytes} bytes, the limit is {CALL_HEADERS_BYTES_MAX} \
             (CALL_HEADERS_BYTES_MAX; each counts {HEADER_OVERHEAD} besides its name and value)"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_a_limit_and_empty_ones_count() {
        let header = |value: &str| Header { name: String::new(), value: value.into() };
        assert!(check_headers(&vec![header(""); CALL_HEADERS_BYTES_MAX / HEADER_OVERHEAD]).is_ok());
        let error = check_headers(&[header(&"x".repeat(CALL_HEADERS_BYTES_MAX))]).unwrap_err().to_string();
        assert!(error.contains("65568 bytes") && error.contains("CALL_HEADERS_BYTES_MAX"), "{error}");
        assert!(check_headers(&vec![header(""); CALL_HEADERS_BYTES_MAX / HEADER_OVERHEAD + 1]).is_err());
    }
}
