//! What workflows and steps have in common: the checks of a signature, and the type in a `Result`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::spanned::Spanned as _;
use syn::visit::Visit;
use syn::{
    Error, FnArg, GenericArgument, Ident, ItemFn, Pat, PathArguments, Result, ReturnType, Safety,
    Signature, Type,
};

/// A parameter: its name and its type.
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) ty: &'a Type,
}

/// Which of the two kinds of functions is checked; used in messages.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Workflow,
    Step,
}

impl Kind {
    /// The kind with its article, as at the start of a sentence.
    fn name(self) -> &'static str {
        match self {
            Self::Workflow => "a workflow",
            Self::Step => "a step",
        }
    }

    /// What such a function looks like.
    fn example(self) -> &'static str {
        match self {
            Self::Workflow => {
                "`pub async fn sync(config: Config) -> Result<(), segno::Error> { … }`"
            }
            Self::Step => {
                "`pub async fn fetch(id: String) -> Result<Contact, segno::StepError> { … }`"
            }
        }
    }
}

/// The function under an attribute.
pub(crate) fn function(kind: Kind, tokens: TokenStream) -> Result<ItemFn> {
    let span = tokens.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span());
    syn::parse2(tokens.clone()).map_err(|error| {
        // A function with a mistake in it has a better message than "not a function".
        if mentions_function(tokens) {
            return error;
        }
        Error::new(
            span,
            format!("{} is a free function with a body: write {}", kind.name(), kind.example()),
        )
    })
}

/// Whether the item is a function, as far as one can see without parsing it.
fn mentions_function(tokens: TokenStream) -> bool {
    let mut words = tokens.into_iter().filter_map(|token| match token {
        proc_macro2::TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    });
    words
        .find(|word| !matches!(word.as_str(), "pub" | "async" | "unsafe" | "extern" | "default"))
        .is_some_and(|word| word == "fn")
}

/// Refuses what neither kind of function can be; gives the parameters.
pub(crate) fn check(kind: Kind, signature: &Signature) -> Result<Vec<Parameter<'_>>> {
    let name = kind.name();
    if signature.asyncness.is_none() {
        let message = format!("{name} is async: write `async fn {}`", signature.ident);
        return Err(Error::new(signature.fn_token.span, message));
    }
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        let message = format!(
            "{name} has no generic parameters, because it is known by its name alone: \
             write the types out"
        );
        return Err(Error::new(signature.generics.span(), message));
    }
    for (unwanted, word) in [
        (qualifier(&signature.safety), "unsafe"),
        (signature.constness.map(|token| token.span()), "const"),
        (signature.abi.as_ref().map(|abi| abi.span()), "extern"),
        (signature.variadic.as_ref().map(|dots| dots.span()), "..."),
    ] {
        if let Some(span) = unwanted {
            let message = format!("{name} is a plain async function: leave out `{word}`");
            return Err(Error::new(span, message));
        }
    }
    signature.inputs.iter().map(|input| parameter(kind, input)).collect()
}

/// Where it says `unsafe`, or `safe`.
fn qualifier(safety: &Safety) -> Option<Span> {
    match safety {
        Safety::Safe(token) => Some(token.span()),
        Safety::Unsafe(token) => Some(token.span()),
        Safety::Default => None,
    }
}

/// A parameter by name, of a type that owns what it holds.
fn parameter(kind: Kind, input: &FnArg) -> Result<Parameter<'_>> {
    let name = kind.name();
    let typed = match input {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            let message = format!("{name} is a free function: it cannot have `self`");
            return Err(Error::new(receiver.span(), message));
        }
    };
    let Pat::Ident(pattern) = &*typed.pat else {
        let message = format!(
            "a parameter of {name} has a name, because its argument is stored under it: \
             write `name: Type` and take it apart in the body"
        );
        return Err(Error::new(typed.pat.span(), message));
    };
    if pattern.by_ref.is_some() || pattern.subpat.is_some() {
        let message = format!("a parameter of {name} is `name: Type` or `mut name: Type`");
        return Err(Error::new(pattern.span(), message));
    }
    match &*typed.ty {
        Type::Reference(reference) => Err(Error::new(reference.span(), borrowed(kind, reference))),
        Type::ImplTrait(ty) => {
            let message = format!("a parameter of {name} has one type: `impl Trait` is many");
            Err(Error::new(ty.span(), message))
        }
        ty => Ok(Parameter { name: &pattern.ident, ty }),
    }
}

/// What to write instead of a reference.
fn borrowed(kind: Kind, reference: &syn::TypeReference) -> String {
    let owned = match &*reference.elem {
        Type::Path(path) if path.path.is_ident("str") => "`String`".to_owned(),
        Type::Slice(_) => "a `Vec`".to_owned(),
        _ => "the type itself".to_owned(),
    };
    format!(
        "a parameter of {} is owned, because its argument comes out of storage: write {owned}",
        kind.name()
    )
}

/// The first type in the `Result` that a function returns.
pub(crate) fn output(kind: Kind, signature: &Signature) -> Result<&Type> {
    let wanted = |span| {
        let error = match kind {
            Kind::Workflow => "segno::Error",
            Kind::Step => "segno::StepError",
        };
        let message = format!(
            "{} returns `Result<T, E>`: write for example `-> Result<(), {error}>`",
            kind.name()
        );
        Error::new(span, message)
    };
    let ty = match &signature.output {
        ReturnType::Type(_, ty) => &**ty,
        ReturnType::Default => return Err(wanted(signature.ident.span())),
    };
    let Type::Path(path) = ty else {
        return Err(wanted(ty.span()));
    };
    let last = path.path.segments.last().ok_or_else(|| wanted(ty.span()))?;
    if !last.ident.to_string().ends_with("Result") {
        return Err(wanted(ty.span()));
    }
    let first = match &last.arguments {
        PathArguments::AngleBracketed(list) => {
            list.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
        }
        PathArguments::None | PathArguments::Parenthesized(_) => None,
    };
    match (kind, first) {
        (_, Some(ty)) => Ok(ty),
        // A workflow may return an alias that says it all.
        (Kind::Workflow, None) => Ok(ty),
        (Kind::Step, None) => Err(wanted(ty.span())),
    }
}

/// What a workflow returns where it does not fail, as a type that can be written elsewhere.
/// `output` is what [`output`] gave; one that only the compiler can name is opaque there.
pub(crate) fn returned(signature: &Signature, output: &Type) -> TokenStream {
    let ReturnType::Type(_, whole) = &signature.output else {
        return quote!(::segno::__private::Opaque);
    };
    match (has_impl(whole), has_impl(output)) {
        (false, _) => quote!(<#whole as ::segno::__private::Outcome>::Output),
        (true, false) => output.to_token_stream(),
        (true, true) => quote!(::segno::__private::Opaque),
    }
}

fn has_impl(ty: &Type) -> bool {
    struct Finds(bool);

    impl Visit<'_> for Finds {
        fn visit_type_impl_trait(&mut self, _: &syn::TypeImplTrait) {
            self.0 = true;
        }
    }

    let mut finds = Finds(false);
    finds.visit_type(ty);
    finds.0
}
