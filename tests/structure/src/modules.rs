//! The modules of all crates: in which file each stands, and which names it has.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Item, ItemMod};

use crate::items::{head, is_for_tests};
use crate::paths::{Mentions, Segments};
use crate::sources::{Error, Sources, Target};

/// A module, whether it is a file or stands in one.
#[derive(Debug)]
pub(crate) struct Module {
    /// The path of its file.
    pub(crate) file: String,
    /// The module around it.
    pub(crate) parent: Option<usize>,
    /// The module at the top of its crate.
    pub(crate) top: usize,
    /// What its names stand for; a module and a function may have the same one.
    pub(crate) names: BTreeMap<String, Vec<Named>>,
    /// What its code mentions.
    pub(crate) mentions: Mentions,
}

/// What a name in a module stands for.
#[derive(Debug, Clone)]
pub(crate) enum Named {
    /// A module inside.
    Module(usize),
    /// Something that is defined here.
    Item,
    /// Something that is defined elsewhere.
    Use(Segments),
}

/// The modules of all crates.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    pub(crate) all: Vec<Module>,
    /// The top modules of libraries, by the names by which others import them.
    pub(crate) libraries: BTreeMap<String, usize>,
    /// Files that are there for the tests of the crate around them.
    pub(crate) apart: BTreeSet<String>,
}

impl Modules {
    /// Reads all that is compiled from these sources.
    pub(crate) fn read(sources: &Sources) -> Result<Self, Error> {
        let mut modules = Self::default();
        for Target { root, library } in sources.targets() {
            let base = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            let top = modules.file(sources, &root, &base, None)?;
            modules.libraries.extend(library.map(|name| (name, top)));
        }
        Ok(modules)
    }

    /// Reads the module that is this file, whose own modules are in the folder `base`.
    fn file(
        &mut self,
        sources: &Sources,
        path: &str,
        base: &str,
        parent: Option<usize>,
    ) -> Result<usize, Error> {
        let text = sources.text(path).unwrap_or_default();
        let file = syn::parse_file(text).map_err(|source| {
            let line = source.span().start().line;
            Error::Syntax { path: path.to_owned(), line, source }
        })?;
        let module = self.add(path, parent);
        self.fill(sources, module, base, &file.items)?;
        Ok(module)
    }

    fn add(&mut self, file: &str, parent: Option<usize>) -> usize {
        let index = self.all.len();
        self.all.push(Module {
            file: file.to_owned(),
            parent,
            top: parent.map_or(index, |parent| self.all[parent].top),
            names: BTreeMap::new(),
            mentions: Mentions::default(),
        });
        index
    }

    fn fill(
        &mut self,
        sources: &Sources,
        module: usize,
        base: &str,
        items: &[Item],
    ) -> Result<(), Error> {
        let mentions = Mentions::read(items);
        for (name, path) in &mentions.uses {
            self.name(module, name, Named::Use(path.clone()));
        }
        self.all[module].mentions = mentions;
        for item in items {
            let head = head(item);
            match item {
                Item::Mod(item) if is_for_tests(head.attributes) => {
                    self.set_apart(sources, base, item);
                }
                _ if is_for_tests(head.attributes) => {}
                Item::Mod(item) => {
                    let inner = self.inner(sources, module, base, item)?;
                    self.name(module, &item.ident.to_string(), Named::Module(inner));
                }
                _ => {
                    if let Some(name) = head.name {
                        self.name(module, &name.to_string(), Named::Item);
                    }
                }
            }
        }
        Ok(())
    }

    fn name(&mut self, module: usize, name: &str, named: Named) {
        self.all[module].names.entry(name.to_owned()).or_default().push(named);
    }

    /// A module in another, in a file of its own or not.
    fn inner(
        &mut self,
        sources: &Sources,
        around: usize,
        base: &str,
        item: &ItemMod,
    ) -> Result<usize, Error> {
        let base_of_inner = format!("{base}/{}", item.ident);
        if let Some((_, items)) = &item.content {
            let file = self.all[around].file.clone();
            let module = self.add(&file, Some(around));
            self.fill(sources, module, &base_of_inner, items)?;
            return Ok(module);
        }
        match file_of(sources, &base_of_inner) {
            Some(path) => self.file(sources, &path, &base_of_inner, Some(around)),
            None => Err(Error::Missing {
                path: self.all[around].file.clone(),
                name: item.ident.to_string(),
            }),
        }
    }

    /// Notes the files of a module that is there for tests alone.
    fn set_apart(&mut self, sources: &Sources, base: &str, item: &ItemMod) {
        let base = format!("{base}/{}", item.ident);
        if item.content.is_none() {
            let folder = format!("{base}/");
            let inner = sources.rust().map(|(path, _)| path.to_owned());
            self.apart.extend(inner.filter(|path| path.starts_with(&folder)));
            self.apart.extend(file_of(sources, &base));
        }
    }
}

/// The file of a module whose own modules are in the folder `base`.
fn file_of(sources: &Sources, base: &str) -> Option<String> {
    let paths = [format!("{base}.rs"), format!("{base}/mod.rs")];
    paths.into_iter().find(|path| sources.text(path).is_some())
}
