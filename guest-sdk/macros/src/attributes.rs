//! Which of an author's attributes go where, when one function becomes several items.

use syn::Attribute;

/// Attributes of one function, parted.
pub(crate) struct Parted {
    /// For the stub, in both builds: what documents and guards the function that is called.
    pub(crate) stub: Vec<Attribute>,
    /// For the body, in the native build: all but the documentation.
    pub(crate) body: Vec<Attribute>,
    /// For every item: conditions of compilation.
    pub(crate) every: Vec<Attribute>,
}

/// Parts the attributes of a function.
pub(crate) fn part(attributes: &[Attribute]) -> Parted {
    let pick = |is_wanted: fn(&str) -> bool| {
        let chosen = attributes.iter().filter(|attribute| {
            let path = attribute.path();
            is_wanted(&path.get_ident().map_or(String::new(), ToString::to_string))
        });
        chosen.cloned().collect()
    };
    Parted {
        stub: pick(|name| matches!(name, "doc" | "deprecated" | "must_use" | "cfg" | "allow")),
        body: pick(|name| !matches!(name, "doc" | "deprecated" | "must_use" | "cfg")),
        every: pick(|name| name == "cfg"),
    }
}
