//! Which names a piece of source mentions.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::parse::Parser as _;
use syn::{LitStr, Path};

/// The identifiers in the tokens, and those in the texts of attributes, where serde has paths:
/// `#[serde(with = "rfc2822")]`. Documentation mentions nothing.
///
/// It names more than is meant, fields for example. What is kept in excess for that reason is
/// harmless unless it is native.
pub(crate) fn mentions(tokens: TokenStream) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(tokens, false, &mut names);
    names
}

fn collect(tokens: TokenStream, in_attribute: bool, names: &mut BTreeSet<String>) {
    let mut after_hash = false;
    for token in tokens {
        let is_attribute = after_hash;
        after_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        match token {
            TokenTree::Group(group) => {
                let is_attribute = is_attribute && group.delimiter() == Delimiter::Bracket;
                if !(is_attribute && is_documentation(group.stream())) {
                    collect(group.stream(), in_attribute || is_attribute, names);
                }
            }
            TokenTree::Ident(ident) => {
                names.insert(ident.to_string());
            }
            TokenTree::Literal(literal) if in_attribute => {
                if let Ok(text) = syn::parse2::<LitStr>(TokenTree::from(literal).into()) {
                    names.extend(first_segment(&text));
                }
            }
            TokenTree::Literal(_) | TokenTree::Punct(_) => {}
        }
    }
}

fn is_documentation(attribute: TokenStream) -> bool {
    matches!(attribute.into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}

/// The first name of a path that stands in a text.
fn first_segment(text: &LitStr) -> Option<String> {
    let path = Path::parse_mod_style.parse_str(&text.value()).ok()?;
    Some(path.segments.first()?.ident.to_string())
}
