//! Writes the code that registers a service's handlers.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::client;
use crate::component::Component;
use crate::handler::Handler;
use crate::options::Options;

/// The impl block as written, its registration, and its client.
pub(crate) fn component(component: &Component) -> TokenStream {
    let Component { name, docs, item, .. } = component;
    let kind = format_ident!("{}", component.kind.variant());
    let options = options(&component.options);
    let manifests = component.handlers.iter().map(manifest);
    let arms = component.handlers.iter().map(|handler| arm(component, handler));
    let client = client::client(component);
    quote! {
        #item

        #client

        const _: () = {
            fn manifest() -> ::abide_sdk::registry::ServiceManifest {
                ::abide_sdk::registry::describe_service(
                    #name,
                    ::abide_sdk::registry::ServiceKind::#kind,
                    #docs,
                    #options,
                    // Elements of an array may have a `cfg`.
                    ::std::vec::Vec::from([#(#manifests),*]),
                )
            }

            fn dispatch(
                handler: &str,
                context: ::abide_sdk::Context,
                body: ::std::vec::Vec<u8>,
            ) -> ::std::option::Option<::abide_sdk::registry::Handling> {
                match handler {
                    #(#arms)*
                    _ => ::std::option::Option::None,
                }
            }

            ::abide_sdk::registry::inventory::submit! {
                ::abide_sdk::registry::Registration { name: #name, manifest, dispatch }
            }
        };
    }
}

fn manifest(handler: &Handler) -> TokenStream {
    let Handler { name, docs, cfgs, output, .. } = handler;
    let nothing = syn::parse_quote!(());
    let input = handler.input.as_ref().unwrap_or(&nothing);
    let mode = format_ident!("{}", handler.mode.variant());
    let options = options(&handler.options);
    // The spans make a type that cannot be sent be reported where it is written.
    let input = quote_spanned!(input.span()=> #input);
    let output = quote_spanned!(output.span()=> #output);
    quote! {
        #(#cfgs)*
        ::abide_sdk::registry::describe_handler::<#input, #output>(
            #name,
            ::abide_sdk::registry::HandlerMode::#mode,
            #docs,
            #options,
        )
    }
}

fn arm(component: &Component, handler: &Handler) -> TokenStream {
    let Handler { name, cfgs, function, context, .. } = handler;
    let self_type = &component.self_type;
    let (read, argument) = match &handler.input {
        Some(input) => (quote!(let input = ::abide_sdk::registry::decode::<#input>(body)?;), quote!(, input)),
        None => (quote!(::abide_sdk::registry::decode::<()>(body)?;), quote!()),
    };
    quote! {
        #(#cfgs)*
        #name => ::std::option::Option::Some(::std::boxed::Box::pin(async move {
            #read
            let context = <#context as ::abide_sdk::registry::FromContext>::from_context(context);
            ::abide_sdk::registry::encode(<#self_type>::#function(&context #argument).await)
        })),
    }
}

fn options(options: &Options) -> TokenStream {
    let pairs = options.manifest.iter().map(|(name, value)| quote!((#name, #value)));
    quote!(&[#(#pairs),*])
}
