//! What an item of a source file is called, who may see it, and whether it is there for tests.

use proc_macro2::Ident;
use syn::{Attribute, Item, Meta, Visibility};

/// What stands before an item.
#[derive(Default)]
pub(crate) struct Head<'a> {
    pub(crate) attributes: &'a [Attribute],
    pub(crate) visibility: Option<&'a Visibility>,
    pub(crate) name: Option<&'a Ident>,
}

/// What stands before an item; nothing, where `syn` does not know what it is.
pub(crate) fn head(item: &Item) -> Head<'_> {
    let (attributes, visibility, name) = match item {
        Item::Const(item) => (&item.attrs, Some(&item.vis), Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.vis), Some(&item.ident)),
        Item::ExternCrate(item) => (&item.attrs, Some(&item.vis), None),
        Item::Fn(item) => (&item.attrs, Some(&item.vis), Some(&item.sig.ident)),
        Item::ForeignMod(item) => (&item.attrs, None, None),
        Item::Impl(item) => (&item.attrs, None, None),
        Item::Macro(item) => (&item.attrs, None, item.ident.as_ref()),
        Item::Mod(item) => (&item.attrs, Some(&item.vis), Some(&item.ident)),
        Item::Static(item) => (&item.attrs, Some(&item.vis), Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.vis), Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.vis), Some(&item.ident)),
        Item::TraitAlias(item) => (&item.attrs, Some(&item.vis), Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.vis), Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.vis), Some(&item.ident)),
        Item::Use(item) => (&item.attrs, Some(&item.vis), None),
        _ => return Head::default(),
    };
    Head { attributes, visibility, name }
}

/// Whether what has these attributes is compiled for tests alone.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
        }
        _ => false,
    })
}

/// Whether what has these attributes has documentation.
pub(crate) fn is_documented(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("doc"))
}
