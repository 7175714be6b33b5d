//! The macros of the `segno` crate: `#[workflow]`, `#[step]` and `#[steps]`.
//!
//! They check what an author wrote and say what to write instead; what they generate is thin and
//! calls `segno::__private`. A macro cannot know for which target it runs, so whatever differs
//! between the two builds is generated with a `#[cfg]`.

mod attributes;
mod mentions;
mod options;
mod signature;
mod stand_in;
mod step;
mod steps;
mod workflow;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as TokenStream2;

/// Makes an `async fn` a workflow. Documented at `segno::workflow`.
#[proc_macro_attribute]
pub fn workflow(options: TokenStream, function: TokenStream) -> TokenStream {
    or_refuse(workflow::expand, stand_in::workflow, options, function)
}

/// Makes an `async fn` a step. Documented at `segno::step`.
#[proc_macro_attribute]
pub fn step(options: TokenStream, function: TokenStream) -> TokenStream {
    or_refuse(step::expand, stand_in::step, options, function)
}

/// Makes a module the home of steps. Documented at `segno::steps`.
#[proc_macro_attribute]
pub fn steps(options: TokenStream, module: TokenStream) -> TokenStream {
    or_refuse(steps::expand, |_module| TokenStream2::new(), options, module)
}

/// What the macro makes of the item; or the item as it is, after what is wrong with it, and with
/// what stands in for the rest, so that one mistake does not become many.
fn or_refuse(
    expand: fn(TokenStream2, TokenStream2) -> syn::Result<TokenStream2>,
    stand_in: fn(TokenStream2) -> TokenStream2,
    options: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let item = TokenStream2::from(item);
    expand(options.into(), item.clone())
        .unwrap_or_else(|error| {
            let error = error.into_compile_error();
            let stand_in = stand_in(item.clone());
            quote::quote!(#error #item #stand_in)
        })
        .into()
}
