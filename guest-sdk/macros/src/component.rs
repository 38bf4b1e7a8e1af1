//! Reads the impl block below `#[service]` into a description.

use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::{Ident, ImplItem, ItemImpl, Type};

use crate::handler::Handler;
use crate::options::Options;

/// What the component offers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Service,
    Object,
    Workflow,
}

/// Whether a handler has its key to itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Exclusive,
    Shared,
}

impl Kind {
    /// Returns the attribute's name.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::Object => "object",
            Kind::Workflow => "workflow",
        }
    }

    /// Returns what people call it.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::Object => "virtual object",
            Kind::Workflow => "workflow",
        }
    }

    /// Returns the context types its handlers can take, each with the mode it stands for.
    pub(crate) fn contexts(self) -> &'static [(&'static str, Mode)] {
        match self {
            Kind::Service => &[("Context", Mode::Shared)],
            Kind::Object => &[("ObjectContext", Mode::Exclusive), ("SharedObjectContext", Mode::Shared)],
            Kind::Workflow => {
                &[("WorkflowContext", Mode::Exclusive), ("SharedWorkflowContext", Mode::Shared)]
            }
        }
    }

    /// Returns the variant of `ServiceKind`, which is also the trait of its types.
    pub(crate) fn variant(self) -> &'static str {
        match self {
            Kind::Service => "Service",
            Kind::Object => "Object",
            Kind::Workflow => "Workflow",
        }
    }
}

impl Mode {
    /// Returns the variant of `HandlerMode`.
    pub(crate) fn variant(self) -> &'static str {
        match self {
            Mode::Exclusive => "Exclusive",
            Mode::Shared => "Shared",
        }
    }
}

/// An impl block, understood.
pub(crate) struct Component {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) options: Options,
    pub(crate) self_type: Type,
    /// The last part of the type's path.
    pub(crate) type_name: Ident,
    pub(crate) handlers: Vec<Handler>,
    /// The block as it is to be compiled, without our attributes.
    pub(crate) item: ItemImpl,
}

impl Component {
    /// Reads an impl block; reports all mistakes at once.
    pub(crate) fn parse(kind: Kind, attribute: TokenStream, item: TokenStream) -> syn::Result<Self> {
        let mut item = parse_impl(kind, item)?;
        let type_name = plain_type(kind, &item)?.clone();
        let mut problems = Problems::default();
        let options = problems.unless_ok(Options::of_component(kind, attribute)).unwrap_or_default();
        let mut handlers = Vec::new();
        for function in functions(&mut item, &mut problems) {
            handlers.extend(problems.unless_ok(Handler::parse(kind, options.rename_all, function)));
        }
        check_names(&handlers, &mut problems);
        if kind == Kind::Workflow {
            check_run(&item, &handlers, &mut problems);
        }
        problems.into_result()?;
        if handlers.is_empty() {
            return Err(syn::Error::new(
                item.self_ty.span(),
                format!("a {} has at least one handler", kind.noun()),
            ));
        }
        let name = options.name.as_ref().map_or_else(|| type_name.to_string(), syn::LitStr::value);
        let docs = docs(&item.attrs);
        let self_type = (*item.self_ty).clone();
        Ok(Self { kind, name, docs, options, self_type, type_name, handlers, item })
    }
}

fn parse_impl(kind: Kind, item: TokenStream) -> syn::Result<ItemImpl> {
    let usage = format!(
        "#[{0}] belongs on an impl block with the handlers: `#[{0}] impl MyService {{ async fn ... }}`",
        kind.attribute()
    );
    let item = match syn::parse2::<syn::Item>(item.clone())? {
        syn::Item::Impl(item) => item,
        _ => return Err(syn::Error::new(proc_macro2::Span::call_site(), usage)),
    };
    if let Some((_, path, _)) = &item.trait_ {
        return Err(syn::Error::new_spanned(path, format!("{usage}, without a trait")));
    }
    if let Some(parameter) = item.generics.params.first() {
        return Err(syn::Error::new_spanned(parameter, format!("a {} cannot be generic", kind.noun())));
    }
    Ok(item)
}

fn plain_type(kind: Kind, item: &ItemImpl) -> syn::Result<&Ident> {
    match &*item.self_ty {
        Type::Path(path) => Ok(&path.path.segments.last().expect("a path has a segment").ident),
        other => Err(syn::Error::new_spanned(other, format!("a {} is a struct or enum", kind.noun()))),
    }
}

fn functions<'a>(item: &'a mut ItemImpl, problems: &mut Problems) -> Vec<&'a mut syn::ImplItemFn> {
    let mut functions = Vec::new();
    for item in &mut item.items {
        match item {
            ImplItem::Fn(function) => functions.push(function),
            ImplItem::Const(_) => {}
            other => problems.add(syn::Error::new_spanned(other, "only handlers and constants belong here")),
        }
    }
    functions
}

fn check_names(handlers: &[Handler], problems: &mut Problems) {
    for (index, handler) in handlers.iter().enumerate() {
        // Of two that are compiled under a condition it may be one.
        let is_in_the_way = |earlier: &Handler| {
            earlier.name == handler.name && (earlier.cfgs.is_empty() || handler.cfgs.is_empty())
        };
        if handlers[..index].iter().any(is_in_the_way) {
            let message = format!("there is already a handler named \"{}\"", handler.name);
            problems.add(syn::Error::new(handler.name_span, message));
        }
    }
}

/// A workflow is one execution of `run`; its other handlers look on and complete promises.
fn check_run(item: &ItemImpl, handlers: &[Handler], problems: &mut Problems) {
    let mut has_run = false;
    for handler in handlers {
        let is_run = handler.name == "run";
        has_run |= is_run;
        let message = match (is_run, handler.mode) {
            (true, Mode::Exclusive) | (false, Mode::Shared) => continue,
            (true, Mode::Shared) => "the handler `run` of a workflow takes `ctx: &WorkflowContext`",
            (false, Mode::Exclusive) => {
                "only the handler `run` takes `&WorkflowContext`; the others take `ctx: &SharedWorkflowContext`"
            }
        };
        problems.add(syn::Error::new_spanned(&handler.context, message));
    }
    if !has_run && !handlers.is_empty() {
        let message = "a workflow has a handler named `run`, which takes `ctx: &WorkflowContext`";
        problems.add(syn::Error::new(item.self_ty.span(), message));
    }
}

/// Mistakes found so far.
#[derive(Default)]
struct Problems(Option<syn::Error>);

impl Problems {
    fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn unless_ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    fn into_result(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Returns the text of the doc comment.
pub(crate) fn docs(attributes: &[syn::Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> =
        lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

/// Removes our attributes, which would be one more error when the block is compiled after a mistake.
pub(crate) fn without_handler_attributes(item: TokenStream) -> TokenStream {
    let Ok(mut item) = syn::parse2::<ItemImpl>(item.clone()) else { return item };
    for item in &mut item.items {
        if let ImplItem::Fn(function) = item {
            function.attrs.retain(|attribute| !attribute.path().is_ident("handler"));
        }
    }
    quote::quote!(#item)
}
