//! Writes the client of a service: a type with one function per handler.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::component::{Component, Kind};
use crate::handler::Handler;

/// The client's type, and how a context finds it.
pub(crate) fn client(component: &Component) -> TokenStream {
    let Component { kind, name, docs, self_type, type_name, .. } = component;
    let client = format_ident!("{type_name}Client");
    let attribute = kind.attribute();
    let summary =
        format!("Calls the handlers of the {} `{name}`; from `ctx.{attribute}::<{type_name}>`.", kind.noun());
    let docs = (!docs.is_empty()).then(|| quote!(#[doc = ""] #[doc = #docs]));
    let methods = component.handlers.iter().map(method);
    let definition = format_ident!("{}", kind.variant());
    let constructor = match kind {
        Kind::Service => quote! {
            fn client() -> #client {
                #client { callee: ::abide_sdk::registry::Callee::service(#name) }
            }
        },
        Kind::Object | Kind::Workflow => quote! {
            fn client(key: ::std::string::String) -> #client {
                #client { callee: ::abide_sdk::registry::Callee::keyed(#name, key) }
            }
        },
    };
    quote! {
        #[doc = #summary]
        #docs
        #[allow(dead_code, unreachable_pub)]
        #[derive(::std::clone::Clone, ::std::fmt::Debug)]
        pub struct #client {
            callee: ::abide_sdk::registry::Callee,
        }

        // Not every handler is called by another one, their types may be private, and what is a good
        // name for a handler need not be one for a function with `&self`.
        #[allow(clippy::all, dead_code, private_bounds, private_interfaces, unreachable_pub)]
        impl #client {
            #(#methods)*
        }

        impl ::abide_sdk::registry::#definition for #self_type {
            type Client = #client;

            #constructor
        }
    }
}

fn method(handler: &Handler) -> TokenStream {
    let Handler { function, name, docs, cfgs, output, .. } = handler;
    let docs = if docs.is_empty() { format!("Calls the handler `{name}`.") } else { docs.clone() };
    let call = quote_spanned!(output.span()=> ::abide_sdk::Call<#output>);
    match &handler.input {
        // The lifetime has the bound checked where the function is called, so that the inputs of
        // handlers that are called over HTTP only need not be `Serialize`.
        Some(input) => quote! {
            #(#cfgs)*
            #[doc = #docs]
            pub fn #function(&self, input: impl ::abide_sdk::registry::Given<#input>) -> #call
            where
                for<'checked_by_the_caller> #input: ::abide_sdk::Encode,
            {
                self.callee.call(#name, input.given())
            }
        },
        None => quote! {
            #(#cfgs)*
            #[doc = #docs]
            pub fn #function(&self) -> #call {
                self.callee.call(#name, &())
            }
        },
    }
}
