//! How long functions and files are, how many parameters a function has, and what is documented.

use std::collections::BTreeMap;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Field, File, ImplItemConst, ImplItemFn, Item, ItemFn, Signature};
use syn::{TraitItemFn, Visibility};

use crate::items::{Head, head, is_documented, is_for_tests};

/// What was measured of some files. What is there for tests alone is measured apart.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Lines of each file, without those of the product that are there for its tests.
    pub files: Spread,
    /// Lines of each function, from its signature to its closing brace.
    pub functions: Spread,
    /// The most parameters of a function, with `self`.
    pub parameters: usize,
    /// Items, methods, constants and fields with `pub`.
    pub public: usize,
    /// Those of them that have documentation.
    pub documented: usize,
}

/// Many numbers, and how they spread.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    numbers: BTreeMap<usize, usize>,
}

impl Spread {
    /// Takes a number in.
    pub(crate) fn add(&mut self, number: usize) {
        *self.numbers.entry(number).or_default() += 1;
    }

    fn add_all(&mut self, other: &Self) {
        for (number, count) in &other.numbers {
            *self.numbers.entry(*number).or_default() += count;
        }
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.numbers.values().sum()
    }

    /// The sum of all numbers.
    pub fn sum(&self) -> usize {
        self.numbers.iter().map(|(number, count)| number * count).sum()
    }

    /// The largest number.
    pub fn max(&self) -> usize {
        self.numbers.keys().next_back().copied().unwrap_or(0)
    }

    /// The smallest number that so many per cent of all do not exceed.
    pub fn percentile(&self, per_cent: usize) -> usize {
        let rank = (self.count() * per_cent).div_ceil(100);
        let mut seen = 0;
        let found = self.numbers.iter().find(|&(_, count)| {
            seen += count;
            seen >= rank
        });
        found.map_or(0, |(number, _)| *number)
    }
}

impl Figures {
    /// Takes in what was measured of other files.
    pub(crate) fn add(&mut self, other: &Self) {
        self.files.add_all(&other.files);
        self.functions.add_all(&other.functions);
        self.parameters = self.parameters.max(other.parameters);
        self.public += other.public;
        self.documented += other.documented;
    }

    /// How many of a hundred public items are documented.
    pub fn documented_per_cent(&self) -> usize {
        (self.documented * 100).checked_div(self.public).unwrap_or(100)
    }

    fn function(&mut self, signature: &Signature, body: &Block) {
        let lines = signature.span().start().line..=body.span().end().line;
        self.functions.add(lines.count());
        self.parameters = self.parameters.max(signature.inputs.len());
    }

    fn seen(&mut self, visibility: &Visibility, attributes: &[Attribute]) {
        if matches!(visibility, Visibility::Public(_)) {
            self.public += 1;
            self.documented += usize::from(is_documented(attributes));
        }
    }
}

/// What was measured of one file: the product's part, and that of its tests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub(crate) product: Figures,
    pub(crate) tests: Figures,
}

impl Measured {
    /// Measures a file, which may be there for tests as a whole.
    pub(crate) fn of(text: &str, file: &File, is_test: bool) -> Self {
        let mut meter = Meter { measured: Self::default(), is_test, apart: 0 };
        meter.visit_file(file);
        let lines = text.lines().count().saturating_sub(meter.apart);
        meter.figures().files.add(lines);
        meter.measured
    }
}

struct Meter {
    measured: Measured,
    is_test: bool,
    /// How many lines were for tests in what is not.
    apart: usize,
}

impl Meter {
    fn figures(&mut self) -> &mut Figures {
        if self.is_test { &mut self.measured.tests } else { &mut self.measured.product }
    }

    /// Goes on with a part of the file that has these attributes.
    fn within(&mut self, part: Span, attributes: &[Attribute], visit: impl FnOnce(&mut Self)) {
        let outside = self.is_test;
        if !outside && is_for_tests(attributes) {
            self.is_test = true;
            self.apart += part.end().line + 1 - part.start().line;
        }
        visit(self);
        self.is_test = outside;
    }
}

impl<'ast> Visit<'ast> for Meter {
    fn visit_item(&mut self, item: &'ast Item) {
        let Head { attributes, visibility, name } = head(item);
        self.within(item.span(), attributes, |meter| {
            // A module is documented in its own file.
            if let Some(visibility) = visibility
                && name.is_some()
                && !matches!(item, Item::Mod(_))
            {
                meter.figures().seen(visibility, attributes);
            }
            visit::visit_item(meter, item);
        });
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.figures().function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        let ImplItemFn { attrs, vis, sig, block, .. } = function;
        self.within(function.span(), attrs, |meter| {
            meter.figures().seen(vis, attrs);
            meter.figures().function(sig, block);
            visit::visit_impl_item_fn(meter, function);
        });
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.figures().function(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_impl_item_const(&mut self, constant: &'ast ImplItemConst) {
        self.figures().seen(&constant.vis, &constant.attrs);
    }

    fn visit_field(&mut self, field: &'ast Field) {
        // The fields of a tuple are said with it.
        if field.ident.is_some() {
            self.figures().seen(&field.vis, &field.attrs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(text: &str, is_test: bool) -> Measured {
        Measured::of(text, &syn::parse_file(text).expect("it is Rust"), is_test)
    }

    #[test]
    fn a_percentile_is_a_number_that_is_there() {
        let mut spread = Spread::default();
        (1..=10).for_each(|number| spread.add(number * 10));
        let percentiles = [0, 1, 50, 90, 91, 100].map(|per_cent| spread.percentile(per_cent));
        assert_eq!(percentiles, [10, 10, 50, 90, 100, 100]);
        assert_eq!((spread.count(), spread.sum(), spread.max()), (10, 550, 100));
        assert_eq!(Spread::default().percentile(50), 0);
    }

    #[test]
    fn a_function_goes_from_its_signature_to_its_closing_brace() {
        let text = "/// Documented.\n#[inline]\npub fn a(\n    b: u8,\n) {\n}\n\
                    impl C { pub fn d(&self, e: u8) {} }\ntrait F { fn g() {\n} fn h(); }\n";
        let Measured { product, tests } = measured(text, false);
        assert_eq!(product.functions.numbers, [(1, 1), (2, 1), (4, 1)].into());
        assert_eq!((product.parameters, product.public, product.documented), (2, 2, 1));
        assert_eq!((product.files.sum(), tests.functions.count()), (9, 0));
    }

    #[test]
    fn what_is_there_for_tests_is_measured_apart() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn b() {\n    }\n}\n";
        let Measured { product, tests } = measured(text, false);
        assert_eq!((product.functions.max(), tests.functions.max()), (1, 2));
        assert_eq!(product.files.sum(), 1);
        let Measured { product, tests } = measured(text, true);
        assert_eq!((product.functions.count(), tests.functions.count()), (0, 2));
    }
}
