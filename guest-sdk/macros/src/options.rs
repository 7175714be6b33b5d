//! What stands in the brackets: `name = "…"`, `max_retries = 5`, `retry_for = "2 hours"`,
//! `timeout = "30s"`, `backoff(…)`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::parse::Parser as _;
use syn::{Error, Ident, Lit, LitFloat, LitInt, LitStr, Result, Token};

/// The longest name of a workflow or a step, in bytes: hosts refuse longer ones.
const NAME_BYTES: usize = 128;

/// What stands in `#[workflow(…)]`.
#[derive(Default)]
pub(crate) struct WorkflowOptions {
    pub(crate) name: Option<LitStr>,
    history: Option<Option<u64>>,
}

/// Reads `#[workflow(…)]`.
pub(crate) fn workflow(options: TokenStream) -> Result<WorkflowOptions> {
    let mut read = WorkflowOptions::default();
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("name") {
            set(&mut read.name, &meta, name_in_urls(&meta)?)
        } else if meta.path.is_ident("history") {
            set(&mut read.history, &meta, history(&meta)?)
        } else {
            Err(meta
                .error("an unknown option: a workflow has `name = \"…\"` and `history = \"…\"`"))
        }
    });
    parser.parse2(options)?;
    Ok(read)
}

impl WorkflowOptions {
    /// How many turns are kept, as an expression of type `Option<u64>`.
    pub(crate) fn keep(&self) -> TokenStream {
        match self.history.flatten() {
            None => quote!(::core::option::Option::None),
            Some(turns) => quote!(::core::option::Option::Some(#turns)),
        }
    }
}

/// `"all"`, or `"keep N"`.
fn history(meta: &ParseNestedMeta) -> Result<Option<u64>> {
    let wanted = "`history` is `\"all\"`, or `\"keep N\"` to keep the last N turns of a run, \
                  such as `history = \"keep 1000\"`";
    let text = text(meta, wanted)?;
    let value = text.value();
    let kept = value.strip_prefix("keep ").and_then(|turns| turns.parse().ok());
    match kept {
        _ if value == "all" => Ok(None),
        Some(turns) if turns > 0 => Ok(Some(turns)),
        _ => Err(Error::new(text.span(), wanted)),
    }
}

/// How many times a failed attempt is tried again.
enum Retries {
    Times(LitInt),
    Forever,
}

/// What stands in `#[step(…)]`.
#[derive(Default)]
pub(crate) struct StepOptions {
    pub(crate) name: Option<LitStr>,
    max_retries: Option<Retries>,
    retry_for: Option<LitStr>,
    timeout: Option<LitStr>,
    heartbeat_timeout: Option<LitStr>,
    initial: Option<LitStr>,
    max: Option<LitStr>,
    factor: Option<TokenStream>,
    jitter: Option<TokenStream>,
}

/// Reads `#[step(…)]`.
pub(crate) fn step(options: TokenStream) -> Result<StepOptions> {
    let mut read = StepOptions::default();
    let parser = syn::meta::parser(|meta| read.option(&meta));
    parser.parse2(options)?;
    Ok(read)
}

impl StepOptions {
    fn option(&mut self, meta: &ParseNestedMeta) -> Result<()> {
        if meta.path.is_ident("name") {
            set(&mut self.name, meta, name_of(meta)?)
        } else if meta.path.is_ident("max_retries") {
            set(&mut self.max_retries, meta, retries(meta)?)
        } else if meta.path.is_ident("retry_for") {
            set(&mut self.retry_for, meta, duration(meta)?)
        } else if meta.path.is_ident("timeout") {
            set(&mut self.timeout, meta, duration(meta)?)
        } else if meta.path.is_ident("heartbeat_timeout") {
            set(&mut self.heartbeat_timeout, meta, duration(meta)?)
        } else if meta.path.is_ident("backoff") {
            if !meta.input.peek(syn::token::Paren) {
                return Err(meta.error(
                    "`backoff` has options of its own: write for example \
                     `backoff(initial = \"1s\", factor = 2.0, max = \"60s\", jitter = 0.2)`",
                ));
            }
            meta.parse_nested_meta(|meta| self.backoff(&meta))
        } else {
            Err(meta.error(
                "an unknown option: a step has `name`, `max_retries`, `retry_for`, `timeout`, `heartbeat_timeout` and `backoff(…)`",
            ))
        }
    }

    fn backoff(&mut self, meta: &ParseNestedMeta) -> Result<()> {
        if meta.path.is_ident("initial") {
            set(&mut self.initial, meta, duration(meta)?)
        } else if meta.path.is_ident("max") {
            set(&mut self.max, meta, duration(meta)?)
        } else if meta.path.is_ident("factor") {
            let factor =
                number(meta, "`factor` is a number of at least 1", |factor| factor >= 1.0)?;
            set(&mut self.factor, meta, factor)
        } else if meta.path.is_ident("jitter") {
            let jitter = number(meta, "`jitter` is a share from 0 to 1", |jitter| {
                (0.0..=1.0).contains(&jitter)
            })?;
            set(&mut self.jitter, meta, jitter)
        } else {
            Err(meta
                .error("an unknown option: a backoff has `initial`, `factor`, `max` and `jitter`"))
        }
    }

    /// An expression of type `StepPolicy`.
    pub(crate) fn policy(&self) -> TokenStream {
        let retries = self.retries();
        let durations = [
            (quote!(timeout), &self.timeout),
            (quote!(backoff.initial), &self.initial),
            (quote!(backoff.max), &self.max),
        ]
        .into_iter()
        .filter_map(|(field, value)| {
            let value = value.as_ref()?;
            Some(quote!(policy.#field = ::segno::__private::duration(#value);))
        });
        let numbers = [(quote!(factor), &self.factor), (quote!(jitter), &self.jitter)]
            .into_iter()
            .filter_map(|(field, value)| {
                let value = value.as_ref()?;
                Some(quote!(policy.backoff.#field = #value;))
            });
        let heartbeat = self.heartbeat_timeout.as_ref().map(|time| {
            quote! {
                policy.heartbeat_timeout =
                    ::core::option::Option::Some(::segno::__private::duration(#time));
            }
        });
        let values: Vec<_> =
            retries.into_iter().chain(durations).chain(numbers).chain(heartbeat).collect();
        if values.is_empty() {
            return quote!(<::segno::native::StepPolicy as ::core::default::Default>::default());
        }
        quote!({
            let mut policy = <::segno::native::StepPolicy as ::core::default::Default>::default();
            #(#values)*
            policy
        })
    }

    /// How often and how long a step is tried again. Where only the time is given, as often as it
    /// takes.
    fn retries(&self) -> Vec<TokenStream> {
        let number = match (&self.max_retries, &self.retry_for) {
            (Some(Retries::Times(times)), _) => Some(quote!(policy.max_retries = #times;)),
            (Some(Retries::Forever), _) | (None, Some(_)) => {
                Some(quote!(policy.max_retries = ::core::primitive::u32::MAX;))
            }
            (None, None) => None,
        };
        let time = self.retry_for.as_ref().map(|time| {
            quote! {
                policy.retry_for = ::core::option::Option::Some(::segno::__private::duration(#time));
            }
        });
        number.into_iter().chain(time).collect()
    }

    /// Constants by which the compiler refuses what is not a duration, in both builds.
    pub(crate) fn checks(&self) -> TokenStream {
        [
            ("timeout", &self.timeout),
            ("heartbeat_timeout", &self.heartbeat_timeout),
            ("retry_for", &self.retry_for),
            ("initial", &self.initial),
            ("max", &self.max),
        ]
        .into_iter()
        .filter_map(|(option, value)| {
            let value = value.as_ref()?;
            let message = format!(
                "`{option}` is not a duration: write a number and one unit, \
                 such as \"30s\", \"5 minutes\" or \"1.5h\""
            );
            Some(quote_spanned! { value.span() =>
                const _: () = ::core::assert!(::segno::__private::is_valid(#value), #message);
            })
        })
        .collect()
    }
}

/// The name by which the host knows a function.
pub(crate) fn name(option: Option<&LitStr>, function: &Ident) -> Result<LitStr> {
    if let Some(name) = option {
        return Ok(name.clone());
    }
    let name = function.to_string();
    short_enough(LitStr::new(name.trim_start_matches("r#"), function.span()))
}

/// Stores an option that may be given once.
fn set<T>(option: &mut Option<T>, meta: &ParseNestedMeta, value: T) -> Result<()> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("this option is given twice")),
    }
}

fn name_of(meta: &ParseNestedMeta) -> Result<LitStr> {
    let name = text(meta, "`name` is a text, such as `name = \"crm-poll\"`")?;
    let value = name.value();
    if value.is_empty() || value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let message = "a name is not empty and has no blanks";
        return Err(Error::new(name.span(), message));
    }
    short_enough(name)
}

/// The name of a workflow, which stands in URLs as it is. A host has the same rule at a deploy.
fn name_in_urls(meta: &ParseNestedMeta) -> Result<LitStr> {
    let name = name_of(meta)?;
    if name.value().contains(['/', '?', '#', '%']) {
        let message = "the name of a workflow stands in URLs: it has none of `/`, `?`, `#` and `%`";
        return Err(Error::new(name.span(), message));
    }
    Ok(name)
}

fn short_enough(name: LitStr) -> Result<LitStr> {
    let size = name.value().len();
    if size <= NAME_BYTES {
        return Ok(name);
    }
    let message = format!("a name has at most {NAME_BYTES} bytes, and this one has {size}");
    Err(Error::new(name.span(), message))
}

fn duration(meta: &ParseNestedMeta) -> Result<LitStr> {
    text(meta, "a duration is a text, such as `\"30s\"` or `\"5 minutes\"`")
}

fn text(meta: &ParseNestedMeta, wanted: &str) -> Result<LitStr> {
    match literal(meta, wanted)? {
        Literal { value: Lit::Str(text), negative: false, .. } => Ok(text),
        other => Err(Error::new(other.span, wanted)),
    }
}

fn retries(meta: &ParseNestedMeta) -> Result<Retries> {
    let wanted = "`max_retries` is a whole number of retries, such as `max_retries = 5`, or `\"forever\"`; \
                  0 is one attempt in all";
    match literal(meta, wanted)? {
        Literal { value: Lit::Int(count), negative: false, .. }
            if count.base10_parse::<u32>().is_ok() && count.suffix().is_empty() =>
        {
            Ok(Retries::Times(count))
        }
        Literal { value: Lit::Str(text), negative: false, .. } if text.value() == "forever" => {
            Ok(Retries::Forever)
        }
        other => Err(Error::new(other.span, wanted)),
    }
}

/// A number in its range, as an `f64`.
fn number(
    meta: &ParseNestedMeta,
    wanted: &str,
    is_in_range: impl Fn(f64) -> bool,
) -> Result<TokenStream> {
    let literal = literal(meta, wanted)?;
    let value = match &literal.value {
        Lit::Int(number) => number.base10_parse::<f64>().ok(),
        Lit::Float(number) => number.base10_parse::<f64>().ok(),
        _ => None,
    };
    match value {
        Some(value) if !literal.negative && is_in_range(value) => {
            let value = LitFloat::new(&format!("{value:?}"), literal.span);
            Ok(quote!(#value))
        }
        _ => Err(Error::new(literal.span, wanted)),
    }
}

/// A literal and whether a minus stands before it.
struct Literal {
    value: Lit,
    negative: bool,
    span: Span,
}

fn literal(meta: &ParseNestedMeta, wanted: &str) -> Result<Literal> {
    let missing = |_| meta.error(wanted);
    let value = meta.value().map_err(missing)?;
    let minus: Option<Token![-]> = value.parse()?;
    let span = value.span();
    let literal: Lit = value.parse().map_err(|_| Error::new(span, wanted))?;
    Ok(Literal { span: literal.span(), value: literal, negative: minus.is_some() })
}
