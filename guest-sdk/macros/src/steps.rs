//! `#[steps] mod`: what no stub needs is left out of the wasm build.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Error, FnArg, Item, ItemFn, ItemImpl, ItemMod, ItemUse, Result, Type, UseTree,
    parse_quote,
};

use crate::mentions::mentions;
use crate::signature::{self, Kind};

pub(crate) fn expand(options: TokenStream, module: TokenStream) -> Result<TokenStream> {
    if !options.is_empty() {
        return Err(Error::new(
            options.span(),
            "`#[segno::steps]` has no options: they stand at each `#[segno::step(…)]`",
        ));
    }
    let mut module: ItemMod = syn::parse2(module.clone()).map_err(|error| {
        if mentions(module.clone()).contains("mod") {
            return error;
        }
        Error::new(
            module.span(),
            "`#[segno::steps]` stands at a module: write `mod steps { … }`, \
             and `#[segno::step]` at each function in it",
        )
    })?;
    let span = module.ident.span();
    let Some((_, items)) = &mut module.content else {
        return Err(Error::new(
            span,
            "`#[segno::steps]` needs the module's content here: write `mod steps { … }`, \
             or put the attribute at a module inside that file",
        ));
    };
    if !items.iter().any(|item| step_attribute(item).is_some()) {
        return Err(Error::new(
            span,
            "there is no step in this module: mark each with `#[segno::step]`",
        ));
    }
    let kept = Kept::of(items);
    *items = std::mem::take(items).into_iter().flat_map(|item| kept.conditional(item)).collect();
    Ok(module.into_token_stream())
}

/// The attribute that makes an item a step, if one does.
fn step_attribute(item: &Item) -> Option<(&ItemFn, &Attribute)> {
    let Item::Fn(function) = item else {
        return None;
    };
    let attribute = function.attrs.iter().find(|attribute| is(attribute, "step"))?;
    Some((function, attribute))
}

/// Whether an attribute has a name, whatever the path to it.
fn is(attribute: &Attribute, name: &str) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|segment| segment.ident == name)
}

/// What the stubs mention, and what that mentions.
struct Kept {
    names: BTreeSet<String>,
}

impl Kept {
    fn of(items: &[Item]) -> Self {
        let mut kept = Self {
            names: items
                .iter()
                .filter_map(step_attribute)
                .flat_map(|(function, attribute)| stub_mentions(function, attribute))
                .collect(),
        };
        // Each round keeps what the last one mentioned, until nothing is new.
        loop {
            let before = kept.names.len();
            let mentioned: Vec<_> = items
                .iter()
                .filter(|item| step_attribute(item).is_none() && kept.has(item))
                .flat_map(|item| mentions(item.to_token_stream()))
                .collect();
            kept.names.extend(mentioned);
            if kept.names.len() == before {
                return kept;
            }
        }
    }

    /// Whether an item other than an import stays in the wasm build.
    fn has(&self, item: &Item) -> bool {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::ExternCrate(item) => &item.ident,
            Item::Fn(item) => return self.has_function(item),
            Item::Impl(item) => return self.has_implementation(item),
            Item::Macro(item) => match &item.ident {
                Some(ident) => ident,
                None => return false,
            },
            Item::Mod(item) => {
                if item.attrs.iter().any(|attribute| is(attribute, "steps")) {
                    return true;
                }
                &item.ident
            }
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::TraitAlias(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            _ => return false,
        };
        self.names.contains(&name.to_string())
    }

    fn has_function(&self, function: &ItemFn) -> bool {
        function.attrs.iter().any(|attribute| is(attribute, "step"))
            || self.names.contains(&function.sig.ident.to_string())
    }

    /// A type that is kept needs its serde, and nothing else: other implementations may be native.
    fn has_implementation(&self, implementation: &ItemImpl) -> bool {
        let Some((of, _)) = &implementation.trait_ else {
            return false;
        };
        let Type::Path(ty) = &*implementation.self_ty else {
            return false;
        };
        let is_serde = of
            .segments
            .last()
            .is_some_and(|segment| segment.ident == "Serialize" || segment.ident == "Deserialize");
        let is_kept = ty
            .path
            .segments
            .last()
            .is_some_and(|segment| self.names.contains(&segment.ident.to_string()));
        is_serde && is_kept
    }

    /// The item with the condition under which it is compiled.
    fn conditional(&self, item: Item) -> Vec<Item> {
        if let Item::Use(import) = item {
            return self.conditional_import(import);
        }
        if self.has(&item) {
            return vec![item];
        }
        vec![Item::Verbatim(quote!(#[cfg(not(target_family = "wasm"))] #item))]
    }

    /// The import as it is natively, and what is left of it on wasm.
    fn conditional_import(&self, import: ItemUse) -> Vec<Item> {
        let mut items = Vec::new();
        if let Some(tree) = self.import(&import.tree, None, true) {
            let mut left = ItemUse { tree, ..import.clone() };
            left.attrs.push(parse_quote!(#[cfg(target_family = "wasm")]));
            left.attrs.push(parse_quote!(
                #[allow(unused_imports, reason = "it may serve a body, which is native")]
            ));
            items.push(Item::Use(left));
        }
        items.push(Item::Verbatim(quote!(#[cfg(not(target_family = "wasm"))] #import)));
        items
    }

    /// What is left of an import. `parent` is the segment before it; `is_ours` says whether the
    /// path so far leads through nothing but `super`, `self` and `crate`.
    fn import(
        &self,
        tree: &UseTree,
        parent: Option<&syn::Ident>,
        is_ours: bool,
    ) -> Option<UseTree> {
        let has = |name: &syn::Ident| self.names.contains(&name.to_string());
        let is_kept = match tree {
            UseTree::Path(path) => {
                let is_ours = parent.is_some() && is_ours
                    || ["super", "self", "crate"].iter().any(|word| path.ident == word);
                let inner = self.import(&path.tree, Some(&path.ident), is_ours)?;
                let mut left = path.clone();
                *left.tree = inner;
                return Some(UseTree::Path(left));
            }
            UseTree::Group(group) => {
                let mut left = group.clone();
                left.items = group
                    .items
                    .iter()
                    .filter_map(|item| self.import(item, parent, is_ours))
                    .collect();
                return (!left.items.is_empty()).then_some(UseTree::Group(left));
            }
            UseTree::Name(name) if name.ident == "self" => parent.is_some_and(has),
            UseTree::Name(name) => has(&name.ident),
            UseTree::Rename(rename) => has(&rename.rename),
            UseTree::Glob(_) => parent.is_some() && is_ours,
        };
        is_kept.then(|| tree.clone())
    }
}

/// What the stub of a step mentions: its parameters, its output, and the attribute itself.
fn stub_mentions(function: &ItemFn, attribute: &Attribute) -> BTreeSet<String> {
    let mut names = mentions(attribute.path().to_token_stream());
    for input in &function.sig.inputs {
        if let FnArg::Typed(typed) = input {
            names.extend(mentions(typed.ty.to_token_stream()));
        }
    }
    // Where there is no output `#[step]` says so, with a better message than this macro has.
    if let Ok(output) = signature::output(Kind::Step, &function.sig) {
        names.extend(mentions(output.to_token_stream()));
    }
    names
}

#[cfg(test)]
mod tests;
