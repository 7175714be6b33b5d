//! What stands in for a function that was refused, so that the lists which name it are not in error
//! as well: one mistake is one message.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::quote;

/// A workflow of this name that is never started, because the crate does not compile.
pub(crate) fn workflow(item: TokenStream) -> TokenStream {
    let Some(ident) = name_of_function(item) else { return TokenStream::new() };
    let name = ident.to_string();
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, reason = "it stands in for a function that was refused")]
        pub enum #ident {}

        impl ::segno::__private::WorkflowDef for #ident {
            type Input = ();
            type Output = ();

            const NAME: &'static str = #name;
            const KEEP: ::core::option::Option<u64> = ::core::option::Option::None;

            fn start(_: &str) -> ::core::result::Result<::segno::__private::WorkflowFuture, ::std::string::String> {
                ::core::unreachable!()
            }

            ::segno::__segno_schemas!((), ());
        }
    }
}

/// A step of this name that is never run, because the crate does not compile.
pub(crate) fn step(item: TokenStream) -> TokenStream {
    let Some(ident) = name_of_function(item) else { return TokenStream::new() };
    let name = ident.to_string();
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, reason = "it stands in for a function that was refused")]
        pub enum #ident {}

        impl ::segno::__private::StepDef for #ident {
            const NAME: &'static str = #name;

            #[cfg(not(target_family = "wasm"))]
            fn step() -> ::segno::native::Step {
                ::core::unreachable!()
            }
        }
    }
}

/// The word after `fn`, if the item is a free function, whatever is wrong with the rest of it.
/// Beside a method no type can stand.
fn name_of_function(item: TokenStream) -> Option<Ident> {
    let mut tokens = item.into_iter();
    tokens.find(|token| is_word(token, "fn"))?;
    let TokenTree::Ident(name) = tokens.next()? else { return None };
    let parameters = tokens.find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
            Some(group.stream())
        }
        _ => None,
    })?;
    let is_method = parameters.into_iter().any(|token| is_word(&token, "self"));
    (!is_method).then_some(name)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}
