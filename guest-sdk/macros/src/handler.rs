//! Reads one handler: `async fn name(ctx: &Context, input: T) -> HandlerResult<U>`.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, GenericArgument, Ident, ImplItemFn, PathArguments, ReturnType, Signature, Type};

use crate::component::{Kind, Mode, docs};
use crate::options::{Options, RenameAll};

/// A method, understood.
pub(crate) struct Handler {
    pub(crate) function: Ident,
    pub(crate) name: String,
    pub(crate) name_span: Span,
    pub(crate) docs: String,
    /// The `#[cfg]` attributes: what is written for the handler is compiled where it is.
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) options: Options,
    /// The type after `ctx: &`.
    pub(crate) context: Type,
    pub(crate) mode: Mode,
    pub(crate) input: Option<Type>,
    pub(crate) output: Type,
}

impl Handler {
    /// Reads a method and removes our attribute from it.
    pub(crate) fn parse(
        kind: Kind,
        rename_all: Option<RenameAll>,
        function: &mut ImplItemFn,
    ) -> syn::Result<Self> {
        let options = take_options(function)?;
        let signature = &function.sig;
        check_form(signature)?;
        let (context, mode) = context_type(kind, signature)?;
        let input = input_type(signature)?;
        let output = output_type(signature)?;
        let ident = signature.ident.clone();
        let written = ident.to_string();
        let written = written.strip_prefix("r#").unwrap_or(&written);
        let (name, name_span) = match &options.name {
            Some(name) => (name.value(), name.span()),
            None => {
                (rename_all.map_or_else(|| written.to_owned(), |style| style.apply(written)), ident.span())
            }
        };
        let docs = docs(&function.attrs);
        let cfgs = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
        let cfgs = cfgs.cloned().collect();
        Ok(Self { function: ident, name, name_span, docs, cfgs, options, context, mode, input, output })
    }
}

fn take_options(function: &mut ImplItemFn) -> syn::Result<Options> {
    let mut options = Options::default();
    for attribute in function.attrs.extract_if(.., |attribute| attribute.path().is_ident("handler")) {
        options = Options::of_handler(&attribute)?;
    }
    Ok(options)
}

fn check_form(signature: &Signature) -> syn::Result<()> {
    if signature.asyncness.is_none() {
        return Err(syn::Error::new_spanned(
            signature.fn_token,
            "a handler is an `async fn`; put other functions into an impl block of their own",
        ));
    }
    let parameter = signature.generics.params.iter().find(|p| !matches!(p, syn::GenericParam::Lifetime(_)));
    if let Some(parameter) = parameter {
        return Err(syn::Error::new_spanned(
            parameter,
            "a handler cannot be generic: callers send bytes, not types",
        ));
    }
    Ok(())
}

fn context_type(kind: Kind, signature: &Signature) -> syn::Result<(Type, Mode)> {
    let expected: Vec<_> = kind.contexts().iter().map(|(name, _)| format!("`ctx: &{name}`")).collect();
    let message =
        format!("the first parameter of a handler of a {} is {}", kind.noun(), expected.join(" or "));
    let first = match signature.inputs.first() {
        Some(FnArg::Typed(first)) => first,
        Some(FnArg::Receiver(receiver)) => {
            return Err(syn::Error::new_spanned(
                receiver,
                format!("a handler has no `self`: nothing stays in memory between invocations; {message}"),
            ));
        }
        None => return Err(syn::Error::new(signature.paren_token.span.span(), message)),
    };
    let context = match &*first.ty {
        Type::Reference(reference) if reference.mutability.is_none() => mode(kind, &reference.elem),
        _ => None,
    };
    context.ok_or_else(|| syn::Error::new_spanned(&first.ty, message))
}

/// Returns a context type together with the mode it stands for.
fn mode(kind: Kind, context: &Type) -> Option<(Type, Mode)> {
    let Type::Path(path) = context else { return None };
    let last = path.path.segments.last()?;
    let (_, mode) = kind.contexts().iter().find(|(name, _)| last.ident == name)?;
    Some((context.clone(), *mode))
}

fn input_type(signature: &Signature) -> syn::Result<Option<Type>> {
    if let Some(third) = signature.inputs.iter().nth(2) {
        return Err(syn::Error::new_spanned(
            third,
            "a handler has one input; put several values into a struct with #[data]",
        ));
    }
    match signature.inputs.iter().nth(1) {
        Some(FnArg::Typed(input)) => match &*input.ty {
            Type::Reference(reference) => {
                Err(syn::Error::new_spanned(reference, "a handler owns its input: take it by value"))
            }
            owned => Ok(Some(owned.clone())),
        },
        Some(FnArg::Receiver(_)) | None => Ok(None),
    }
}

fn output_type(signature: &Signature) -> syn::Result<Type> {
    let message = "a handler returns `HandlerResult<T>`, with `T` = `()` when there is nothing to return";
    let ReturnType::Type(_, returned) = &signature.output else {
        return Err(syn::Error::new_spanned(&signature.ident, message));
    };
    success_type(returned).ok_or_else(|| syn::Error::new_spanned(returned, message))
}

/// Returns the `T` of `HandlerResult<T>` or `Result<T, E>`.
fn success_type(returned: &Type) -> Option<Type> {
    let Type::Path(path) = returned else { return None };
    let last = path.path.segments.last()?;
    if last.ident != "HandlerResult" && last.ident != "Result" {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(success) => Some(success.clone()),
        _ => None,
    })
}
