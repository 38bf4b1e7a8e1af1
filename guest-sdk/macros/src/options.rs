//! The options of `#[service(...)]`, `#[handler(...)]` and so on, and what they are called in the manifest.

use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Lit, LitFloat, LitInt, LitStr};

use crate::component::Kind;

/// Options of a service, virtual object, workflow or handler.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    /// Handlers do not have it.
    pub(crate) rename_all: Option<RenameAll>,
    /// Names and values as they go to the manifest.
    pub(crate) manifest: Vec<(&'static str, String)>,
}

/// How handler names are made from function names.
#[derive(Clone, Copy)]
pub(crate) enum RenameAll {
    Camel,
    Pascal,
    Kebab,
    Snake,
}

impl Options {
    /// Reads the options of a service, virtual object or workflow.
    pub(crate) fn of_component(kind: Kind, attribute: proc_macro2::TokenStream) -> syn::Result<Self> {
        let mut options = Self::default();
        let known = match kind {
            Kind::Service | Kind::Object => {
                "`name`, `rename_all`, `private`, `retry(...)`, `idempotency_retention` and `journal_retention`"
            }
            Kind::Workflow => {
                "`name`, `rename_all`, `private`, `retry(...)`, `idempotency_retention`, `journal_retention` and \
                 `workflow_retention`"
            }
        };
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("rename_all") {
                options.rename_all = Some(RenameAll::parse(&meta)?);
                return Ok(());
            }
            if meta.path.is_ident("workflow_retention") && kind == Kind::Workflow {
                return options.add_millis("retention.workflow-ms", &meta);
            }
            options.read(&meta, known)
        });
        parser.parse2(attribute)?;
        Ok(options)
    }

    /// Reads the options of a handler.
    pub(crate) fn of_handler(attribute: &syn::Attribute) -> syn::Result<Self> {
        let mut options = Self::default();
        let known = "`name`, `private`, `retry(...)`, `idempotency_retention` and `journal_retention`";
        if !matches!(attribute.meta, syn::Meta::Path(_)) {
            attribute.parse_nested_meta(|meta| options.read(&meta, known))?;
        }
        Ok(options)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>, known: &str) -> syn::Result<()> {
        if meta.path.is_ident("name") {
            self.name = Some(valid_name(meta.value()?.parse()?)?);
        } else if meta.path.is_ident("private") {
            self.manifest.push(("ingress.private", "true".to_owned()));
        } else if meta.path.is_ident("retry") {
            meta.parse_nested_meta(|meta| self.read_retry(&meta))?;
        } else if meta.path.is_ident("idempotency_retention") {
            self.add_millis("retention.idempotency-ms", meta)?;
        } else if meta.path.is_ident("journal_retention") {
            self.add_millis("retention.journal-ms", meta)?;
        } else {
            return Err(meta.error(format!("unknown option; there are {known}")));
        }
        Ok(())
    }

    fn add_millis(&mut self, option: &'static str, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        self.manifest.push((option, millis(&meta.value()?.parse()?)?.to_string()));
        Ok(())
    }

    fn read_retry(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let option = match name.as_str() {
            "initial" => ("retry.initial-interval-ms", millis(&meta.value()?.parse()?)?.to_string()),
            "factor" => ("retry.factor-milli", thousandths(&meta.value()?.parse()?)?.to_string()),
            "max_interval" => ("retry.max-interval-ms", millis(&meta.value()?.parse()?)?.to_string()),
            "max_attempts" => ("retry.max-attempts", attempts(&meta.value()?.parse()?)?),
            "on_max_attempts" => ("retry.on-max-attempts", pause_or_kill(&meta.value()?.parse()?)?),
            _ => {
                return Err(meta.error(
                    "unknown option; there are `initial`, `factor`, `max_interval`, `max_attempts` and `on_max_attempts`",
                ));
            }
        };
        self.manifest.push(option);
        Ok(())
    }
}

impl RenameAll {
    fn parse(meta: &ParseNestedMeta<'_>) -> syn::Result<Self> {
        let style: LitStr = meta.value()?.parse()?;
        Ok(match style.value().as_str() {
            "camelCase" => Self::Camel,
            "PascalCase" => Self::Pascal,
            "kebab-case" => Self::Kebab,
            "snake_case" => Self::Snake,
            _ => {
                return Err(syn::Error::new(
                    style.span(),
                    "unknown style; there are \"camelCase\", \"PascalCase\", \"kebab-case\" and \"snake_case\"",
                ));
            }
        })
    }

    /// Applies the style to the snake_case name of a function.
    pub(crate) fn apply(self, name: &str) -> String {
        let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
        match self {
            Self::Snake => name.to_owned(),
            Self::Kebab => words.join("-"),
            Self::Pascal => words.iter().map(|word| capital(word)).collect(),
            Self::Camel => {
                let (first, rest) = words.split_first().expect("an identifier has a word");
                std::iter::once((*first).to_owned()).chain(rest.iter().map(|word| capital(word))).collect()
            }
        }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A name is one segment of the URL by which the service or handler is called.
fn valid_name(name: LitStr) -> syn::Result<LitStr> {
    let text = name.value();
    let is_valid = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if text.is_empty() || !is_valid || !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return Err(syn::Error::new(
            name.span(),
            "a name starts with a letter and consists of letters, digits, `_`, `-` and `.`",
        ));
    }
    Ok(name)
}

/// Reads a duration such as "500ms".
fn millis(text: &LitStr) -> syn::Result<u64> {
    let value = text.value();
    let (number, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len()));
    let unit_ms = match unit.trim() {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let millis = number.parse::<u64>().ok().zip(unit_ms).and_then(|(number, unit)| number.checked_mul(unit));
    millis.ok_or_else(|| {
        syn::Error::new(
            text.span(),
            "expected a duration such as \"500ms\", \"10s\", \"5m\", \"2h\" or \"1d\"",
        )
    })
}

fn thousandths(factor: &Lit) -> syn::Result<u32> {
    let value = match factor {
        Lit::Float(float) => LitFloat::base10_parse::<f64>(float)?,
        Lit::Int(int) => LitInt::base10_parse::<f64>(int)?,
        _ => 0.0,
    };
    if !(1.0..=1e6).contains(&value) {
        return Err(syn::Error::new(factor.span(), "expected a factor of at least 1, such as 2.0"));
    }
    Ok((value * 1000.0).round() as u32)
}

fn attempts(attempts: &Lit) -> syn::Result<String> {
    match attempts {
        Lit::Int(number) if number.base10_parse::<u32>()? > 0 => Ok(number.base10_digits().to_owned()),
        Lit::Str(text) if text.value() == "unlimited" => Ok(text.value()),
        _ => Err(syn::Error::new(attempts.span(), "expected a number of at least 1, or \"unlimited\"")),
    }
}

fn pause_or_kill(action: &LitStr) -> syn::Result<String> {
    match action.value().as_str() {
        "pause" | "kill" => Ok(action.value()),
        _ => Err(syn::Error::new(action.span(), "expected \"pause\" or \"kill\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn service(attribute: proc_macro2::TokenStream) -> Result<Vec<(&'static str, String)>, String> {
        Options::of_component(Kind::Service, attribute)
            .map(|options| options.manifest)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn options_get_their_manifest_names() {
        let options = service(quote! {
            private, retry(initial = "500ms", factor = 1.5, max_interval = "1m", max_attempts = 70, on_max_attempts = "kill")
        });
        let expected = [
            ("ingress.private", "true"),
            ("retry.initial-interval-ms", "500"),
            ("retry.factor-milli", "1500"),
            ("retry.max-interval-ms", "60000"),
            ("retry.max-attempts", "70"),
            ("retry.on-max-attempts", "kill"),
        ];
        assert_eq!(options.unwrap(), expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn bad_values_are_explained() {
        assert!(service(quote!(retry(initial = "soon"))).unwrap_err().contains("a duration such as"));
        assert!(service(quote!(retry(max_attempts = 0))).unwrap_err().contains("at least 1"));
        assert!(
            service(quote!(retry(on_max_attempts = "stop"))).unwrap_err().contains("\"pause\" or \"kill\"")
        );
        assert!(service(quote!(name = "a/b")).unwrap_err().contains("starts with a letter"));
    }

    #[test]
    fn names_follow_the_style() {
        assert_eq!(RenameAll::Camel.apply("get_all_items"), "getAllItems");
        assert_eq!(RenameAll::Pascal.apply("get_items"), "GetItems");
        assert_eq!(RenameAll::Kebab.apply("get_items"), "get-items");
    }
}
