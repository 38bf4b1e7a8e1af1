//! `#[data]`: serde's and schemars' derives, found through `abide-sdk` instead of own dependencies.

use proc_macro2::TokenStream;
use quote::quote;

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    if !attribute.is_empty() {
        return Err(syn::Error::new_spanned(
            attribute,
            "#[data] takes no options; put #[serde(...)] below it",
        ));
    }
    let _only_to_check: syn::DeriveInput = syn::parse2(item.clone())?;
    Ok(quote! {
        #[derive(
            ::abide_sdk::serde::Serialize,
            ::abide_sdk::serde::Deserialize,
            ::abide_sdk::schemars::JsonSchema,
        )]
        #[serde(crate = "::abide_sdk::serde")]
        #[schemars(crate = "::abide_sdk::schemars")]
        #item
    })
}
