//! The paths that the code of a module mentions, and the names that it brings into scope.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemUse, Macro, Meta, Path, UseTree, Visibility};

use crate::items::{head, is_for_tests};

/// The segments of a path, as they are written.
pub(crate) type Segments = Vec<String>;

/// What is read of the code of one module, without the modules inside of it and without tests.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    /// All paths that it uses, also those of one segment.
    pub(crate) paths: BTreeSet<Segments>,
    /// Names that are brought into scope, and of what.
    pub(crate) uses: Vec<(String, Segments)>,
    /// Modules of which everything is brought into scope.
    pub(crate) globs: Vec<Segments>,
}

impl Mentions {
    /// Reads these items into it.
    pub(crate) fn read(items: &[Item]) -> Self {
        let mut mentions = Self::default();
        items.iter().for_each(|item| mentions.visit_item(item));
        mentions
    }

    /// A re-export is a sign that points elsewhere; what is imported for the module's own use is
    /// a path that it mentions.
    fn import(&mut self, item: &ItemUse) {
        let is_own = matches!(item.vis, Visibility::Inherited);
        let mut leaves = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
        for (name, path) in leaves {
            match name {
                None => self.globs.push(path),
                Some(name) => {
                    if is_own {
                        self.paths.insert(path.clone());
                    }
                    self.uses.push((name, path));
                }
            }
        }
    }

    /// Paths in tokens that nobody has parsed yet: `a`, `a::b`, but not the field in `x.a`, nor
    /// `::a::b`, which another crate's code will mean.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path = Segments::new();
        let mut before = String::new();
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    let goes_on = before.ends_with("::");
                    if !goes_on {
                        self.note(&mut path);
                    }
                    if before != "." && (!goes_on || !path.is_empty()) {
                        path.push(name.to_string());
                    }
                    before.clear();
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => before.push(':'),
                TokenTree::Punct(mark) => {
                    self.note(&mut path);
                    before = mark.to_string();
                }
                TokenTree::Group(group) => {
                    self.note(&mut path);
                    self.scan(group.stream());
                    before.clear();
                }
                TokenTree::Literal(_) => {
                    self.note(&mut path);
                    before.clear();
                }
            }
        }
        self.note(&mut path);
    }

    fn note(&mut self, path: &mut Segments) {
        if !path.is_empty() {
            self.paths.insert(std::mem::take(path));
        }
    }

    /// `#[serde(with = "name")]` names a module, and means two functions in it.
    fn scan_names(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.scan_names(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let named = syn::parse_str::<Path>(text.trim_matches('"'));
                    if let Ok(path) = named {
                        let mut path = segments(&path);
                        path.push("serialize".to_owned());
                        self.paths.insert(path);
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            _ if is_for_tests(head(item).attributes) => {}
            Item::Use(item) => self.import(item),
            // A module has mentions of its own.
            Item::Mod(_) => {}
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let is_apart = matches!(item, ImplItem::Fn(function) if is_for_tests(&function.attrs));
        if !is_apart {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            self.paths.insert(segments(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.scan(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        if let Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
            self.scan_names(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }
}

fn segments(path: &Path) -> Segments {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// Each name that a `use` brings into scope with its path; no name for a glob.
fn flatten(tree: &UseTree, prefix: &mut Segments, leaves: &mut Vec<(Option<String>, Segments)>) {
    let mut leaf = |name: String, shown: String| {
        let mut path = prefix.clone();
        let is_module = name == "self";
        // `a::{self}` is `a`.
        let shown = if is_module && shown == name { path.last().cloned() } else { Some(shown) };
        if !is_module {
            path.push(name);
        }
        leaves.extend(shown.map(|shown| (Some(shown), path)));
    };
    match tree {
        UseTree::Name(name) => leaf(name.ident.to_string(), name.ident.to_string()),
        UseTree::Rename(name) => leaf(name.ident.to_string(), name.rename.to_string()),
        UseTree::Glob(_) => leaves.push((None, prefix.clone())),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| flatten(tree, prefix, leaves));
        }
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, leaves);
            prefix.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str) -> Mentions {
        Mentions::read(&syn::parse_file(text).expect("it is Rust").items)
    }

    fn paths(text: &str) -> Vec<String> {
        mentions(text).paths.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        for (text, expected) in [
            (
                "use crate::a::{B, c::D as E, self};",
                &["crate::a", "crate::a::B", "crate::a::c::D"][..],
            ),
            ("fn f(x: a::B<c::D>) {}", &["a::B", "c::D"]),
            ("fn f() { a::b(super::C); }", &["a::b", "super::C"]),
            (
                "fn f() { g!(x.field, a::B, $crate::C { d: 1 }) }",
                &["a::B", "crate::C", "d", "g", "x"],
            ),
            ("fn f() { g!(::a::B, <C>::d, e: F) }", &["C", "F", "e", "g"]),
            ("#[a(b = c::D)] struct E;", &["a", "b", "c::D"]),
            ("#[a(with = \"b::c\")] struct E;", &["a", "b::c::serialize", "with"]),
            ("/// [`a::B`]\nstruct E;", &[]),
            ("fn f() { use a::B; }", &["a::B"]),
        ] {
            assert_eq!(paths(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_there_for_tests_is_not_looked_at() {
        for text in [
            "#[cfg(test)] fn f() { a::b() }",
            "#[cfg(test)] use a::B;",
            "#[cfg(test)] mod tests { use a::B; }",
            "impl E { #[cfg(test)] fn f() { a::b() } }",
        ] {
            assert!(paths(text).iter().all(|path| !path.starts_with('a')), "{text}");
        }
    }

    #[test]
    fn a_re_export_is_a_sign_and_no_use() {
        let mentions = mentions("pub use a::B; pub(crate) use c::D as E; pub use f::*;");
        assert!(mentions.paths.is_empty());
        let names: Vec<_> = mentions.uses.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["B", "E"]);
        assert_eq!(mentions.globs, [["f"]]);
    }
}
