//! The macros of the `segno` crate: `#[workflow]`, `#[step]` and `#[steps]`.
//!
//! They check what an author wrote and say what to write instead; what they generate is thin and
//! calls `segno::__private`. A macro cannot know for which target it runs, so whatever differs
//! between the two builds is generated with a `#[cfg]`.

mod attributes;
mod mentions;
mod options;
mod signature;
mod step;
mod steps;
mod workflow;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as TokenStream2;

/// Makes an `async fn` a workflow: durable logic that waits, calls steps, and survives restarts.
///
/// ```ignore
/// #[segno::workflow]
/// pub async fn greeter(name: String) -> Result<String, segno::Error> {
///     segno::sleep("1 day").await;
///     Ok(greetings::greet(name).await?)
/// }
/// ```
///
/// A workflow has at most one parameter, its input, which can be read from JSON; it returns
/// `Result<T, E>`, where `T` can be written as JSON and `E` can be shown. Its name is that of the
/// function, or `#[workflow(name = "…")]`. The function itself stays as it is.
#[proc_macro_attribute]
pub fn workflow(options: TokenStream, function: TokenStream) -> TokenStream {
    or_refuse(workflow::expand, options, function)
}

/// Makes an `async fn` a step: native code with full I/O, run at least once for each call.
///
/// ```ignore
/// #[segno::step(max_retries = 5, timeout = "30s")]
/// pub async fn greet(name: String) -> Result<String, segno::StepError> {
///     Ok(format!("hello {name}"))
/// }
/// ```
///
/// A step has any number of owned parameters that JSON can carry, and returns `Result<T, E>`, where
/// JSON can carry `T` and `E` is `StepError` or anything that becomes one by `?`. What a workflow
/// calls by this name is a stub that asks the host: it returns `Result<T, segno::StepFailure>`.
/// The body exists in the native build alone.
///
/// Options, all of which may be left out:
///
/// * `name = "…"`: another name than that of the function.
/// * `max_retries = 5`: how many times a failed attempt is tried again. Default 3.
/// * `timeout = "30s"`: how long one attempt may take. Default 10 minutes.
/// * `backoff(initial = "1s", factor = 2.0, max = "60s", jitter = 0.2)`: how long to wait between
///   attempts; these are the defaults, and each may be left out.
#[proc_macro_attribute]
pub fn step(options: TokenStream, function: TokenStream) -> TokenStream {
    or_refuse(step::expand, options, function)
}

/// Makes a module the home of steps: in the wasm build only what their signatures need is left.
///
/// ```ignore
/// #[segno::steps]
/// mod greetings {
///     use reqwest::Client;            // gone on wasm: no signature mentions it
///     use super::Name;                // stays
///
///     #[segno::step]
///     pub async fn greet(name: Name) -> Result<String, segno::StepError> { … }
/// }
/// ```
///
/// On wasm these stay: the stubs of the functions with `#[step]`; the types, aliases, constants and
/// modules that their signatures mention, and what those mention; the implementations of
/// `Serialize` and `Deserialize` for these types; the imports of what is mentioned; and glob
/// imports from `super`, `self` and `crate`. Everything else exists in the native build alone.
#[proc_macro_attribute]
pub fn steps(options: TokenStream, module: TokenStream) -> TokenStream {
    or_refuse(steps::expand, options, module)
}

/// What the macro makes of the item; or the item as it is, after what is wrong with it, so that
/// one mistake does not become many.
fn or_refuse(
    expand: fn(TokenStream2, TokenStream2) -> syn::Result<TokenStream2>,
    options: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let item = TokenStream2::from(item);
    expand(options.into(), item.clone())
        .unwrap_or_else(|error| {
            let error = error.into_compile_error();
            quote::quote!(#error #item)
        })
        .into()
}
