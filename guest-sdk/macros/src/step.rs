//! `#[step]`: a stub that asks for the step, and natively the body that the host runs.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{ItemFn, Result, Signature, Type};

use crate::attributes;
use crate::options;
use crate::signature::{self, Kind, Parameter};

pub(crate) fn expand(options: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let options = options::step(options)?;
    let function = signature::function(Kind::Step, function)?;
    let parameters = signature::check(Kind::Step, &function.sig)?;
    let output = signature::output(Kind::Step, &function.sig)?;

    let ident = &function.sig.ident;
    let visibility = &function.vis;
    let name = options::name(options.name.as_ref(), ident)?;
    let attributes = attributes::part(&function.attrs);
    let conditions = &attributes.every;
    let stub = stub(&function, &parameters, output, &attributes.stub);
    let body = body(&function, &attributes.body);
    let run = run(&parameters, output);
    let policy = options.policy();
    let checks = options.checks();
    Ok(quote! {
        #stub

        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, reason = "it carries the traits of the function")]
        #visibility enum #ident {}

        #(#conditions)*
        impl ::segno::__private::StepDef for #ident {
            const NAME: &'static str = #name;

            #[cfg(not(target_family = "wasm"))]
            fn step() -> ::segno::native::Step {
                #body
                ::segno::__private::define::<Self, _>(#policy, #run)
            }
        }

        #checks
    })
}

/// The function that workflows call.
fn stub(
    function: &ItemFn,
    parameters: &[Parameter<'_>],
    output: &Type,
    attributes: &[syn::Attribute],
) -> TokenStream {
    let visibility = &function.vis;
    let ident = &function.sig.ident;
    let declared = parameters.iter().map(|Parameter { name, ty }| quote!(#name: #ty));
    let arguments = parameters.iter().map(|Parameter { name, ty }| {
        let key = key(name);
        quote_spanned!(ty.span() => .with(#key, &#name))
    });
    let call = quote_spanned! { output.span() =>
        ::segno::__private::call::<#ident, #output>
    };
    quote! {
        #(#attributes)*
        #visibility async fn #ident(
            #(#declared),*
        ) -> ::core::result::Result<#output, ::segno::StepFailure> {
            let input = ::segno::__private::Input::new() #(#arguments)*;
            #call(input).await
        }
    }
}

/// The author's function under a name that nobody else has.
fn body(function: &ItemFn, attributes: &[syn::Attribute]) -> TokenStream {
    let signature = Signature { ident: body_ident(), ..function.sig.clone() };
    let block = &function.block;
    quote! {
        #(#attributes)*
        #signature #block
    }
}

/// A closure from arguments to the output as JSON.
fn run(parameters: &[Parameter<'_>], output: &Type) -> TokenStream {
    let body = body_ident();
    let written = quote_spanned!(output.span() => ::segno::__private::written);
    if parameters.is_empty() {
        return quote!(|_| async { #written(#body().await) });
    }
    let taken = parameters.iter().map(|Parameter { name, ty }| {
        let key = key(name);
        quote_spanned!(ty.span() => let #name = __segno_arguments.take::<#ty>(#key)?;)
    });
    let names = parameters.iter().map(|parameter| parameter.name);
    quote! {
        |mut __segno_arguments: ::segno::__private::Arguments| async move {
            #(#taken)*
            #written(#body(#(#names),*).await)
        }
    }
}

/// Under which name an argument is stored.
fn key(parameter: &syn::Ident) -> String {
    parameter.to_string().trim_start_matches("r#").to_owned()
}

fn body_ident() -> syn::Ident {
    format_ident!("__segno_body")
}
