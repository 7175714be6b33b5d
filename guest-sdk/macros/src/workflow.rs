//! `#[workflow]`: the function as it is, and beside it what `export!` needs.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Error, Result};

use crate::attributes;
use crate::options;
use crate::signature::{self, Kind, Parameter};

pub(crate) fn expand(options: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let options = options::workflow(options)?;
    let function = signature::function(Kind::Workflow, function)?;
    let parameters = signature::check(Kind::Workflow, &function.sig)?;
    let output = signature::output(Kind::Workflow, &function.sig)?;
    if let Some(second) = parameters.get(1) {
        return Err(Error::new(
            second.name.span(),
            "a workflow has at most one parameter, its input: put both into one struct that \
             implements `Deserialize`",
        ));
    }

    let ident = &function.sig.ident;
    let visibility = &function.vis;
    let name = options::name(options.name.as_ref(), ident)?;
    let keep = options.keep();
    let conditions = attributes::part(&function.attrs).every;
    let input =
        parameters.first().map_or_else(|| quote!(()), |parameter| parameter.ty.to_token_stream());
    let returned = signature::returned(&function.sig, output);
    let start = match parameters.first() {
        None => quote_spanned! { output.span() =>
            ::segno::__private::without_input(__segno_input, #ident)
        },
        Some(Parameter { name, ty }) => {
            let name = name.to_string();
            quote_spanned! { ty.span() =>
                ::segno::__private::with_input::<#ty, _>(#name, __segno_input, #ident)
            }
        }
    };
    Ok(quote! {
        #function

        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, reason = "it carries the traits of the function")]
        #visibility enum #ident {}

        #(#conditions)*
        impl ::segno::__private::WorkflowDef for #ident {
            type Input = #input;
            type Output = #returned;

            const NAME: &'static str = #name;
            const KEEP: ::core::option::Option<u64> = #keep;

            fn start(
                __segno_input: &str,
            ) -> ::core::result::Result<::segno::__private::WorkflowFuture, ::std::string::String> {
                #start
            }

            ::segno::__segno_schemas!(#input, #returned);
        }
    })
}
