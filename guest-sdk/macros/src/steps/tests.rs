//! What is left of a module in the wasm build, and that the native build has it all.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{Attribute, Item, ItemMod};

use crate::steps::expand;

const STUB: &str =
    "#[step] pub async fn fetch(since: Timestamp) -> Result<Vec<Contact>, StepError> { native() }";

/// Whether a `#[cfg]` leaves the item out of the build.
fn is_left_out(attribute: &Attribute, is_wasm: bool) -> bool {
    match attribute.to_token_stream().to_string().as_str() {
        "# [cfg (target_family = \"wasm\")]" => !is_wasm,
        "# [cfg (not (target_family = \"wasm\"))]" => is_wasm,
        _ => false,
    }
}

/// The items of one build, without the conditions, each as tokens.
fn build(module: &str, is_wasm: bool) -> Vec<String> {
    let tokens = expand(TokenStream::new(), module.parse().unwrap()).unwrap();
    let module: ItemMod = syn::parse2(tokens).unwrap();
    let items = module.content.unwrap().1.into_iter();
    items
        .map(|item| syn::parse2::<Item>(item.into_token_stream()).unwrap())
        .filter_map(|mut item| {
            let attributes = match &mut item {
                Item::Use(item) => &mut item.attrs,
                Item::Struct(item) => &mut item.attrs,
                Item::Enum(item) => &mut item.attrs,
                Item::Type(item) => &mut item.attrs,
                Item::Const(item) => &mut item.attrs,
                Item::Fn(item) => &mut item.attrs,
                Item::Impl(item) => &mut item.attrs,
                Item::Mod(item) => &mut item.attrs,
                Item::Macro(item) => &mut item.attrs,
                other => panic!("no test has {}", other.to_token_stream()),
            };
            if attributes.iter().any(|attribute| is_left_out(attribute, is_wasm)) {
                return None;
            }
            attributes.retain(|attribute| {
                !attribute.path().is_ident("cfg") && !attribute.path().is_ident("allow")
            });
            Some(item.into_token_stream().to_string())
        })
        .collect()
}

/// Checks what is left on wasm beside the stub, and that natively everything is as it was.
#[track_caller]
fn check(items: &str, left: &str) {
    let tokens = |items: &str| -> Vec<String> {
        let file: syn::File = syn::parse_str(items).unwrap();
        file.items.into_iter().map(|item| item.into_token_stream().to_string()).collect()
    };
    let module = format!("mod steps {{ {items} {STUB} }}");
    assert_eq!(build(&module, true), tokens(&format!("{left} {STUB}")));
    assert_eq!(build(&module, false), tokens(&format!("{items} {STUB}")));
}

#[test]
fn an_import_stays_if_a_signature_mentions_it() {
    check("use segno::Timestamp;", "use segno::Timestamp;");
    check("use reqwest::Client;", "");
    check(
        "use segno::{StepError, Timestamp, step}; use std::io::{self, Read};",
        "use segno::{Timestamp, step};",
    );
    check("use crate::a::{b::{Contact, C}, d};", "use crate::a::{b::{Contact}};");
    check("use crm::Person as Contact; use Contact as Person;", "use crm::Person as Contact;");
    check("use crm::Contact as _;", "");
}

#[test]
fn an_import_of_a_module_stays_if_a_path_begins_with_it() {
    let module = "mod m { use crm::{self, db}; use db::{self as d}; \
                  #[step] async fn f(a: crm::Contact) -> Result<(), db::Error> { d::go() } }";
    assert_eq!(build(module, true)[0], "use crm :: { self } ;");
    assert_eq!(build(module, true).len(), 2);
    assert_eq!(build(module, false).len(), 3);
}

#[test]
fn glob_imports_stay_if_they_are_our_own() {
    check("use super::*;", "use super::*;");
    check("use crate::model::*;", "use crate::model::*;");
    check("use self::inner::*;", "use self::inner::*;");
    check("use sqlx::prelude::*;", "");
    check("use sqlx::{*, Row};", "");
}

#[test]
fn types_stay_with_everything_that_they_mention() {
    check(
        "use serde::{Deserialize, Serialize}; use url::Url; use std::fs::File;
         #[derive(Serialize, Deserialize)] struct Contact { id: Id, site: Url }
         type Id = Wrapped<LENGTH>;
         struct Wrapped<const N: usize>;
         const LENGTH: usize = 4;
         const PATH: &str = \"contacts\";
         struct Handle(File);
         fn native() {}",
        "use serde::{Deserialize, Serialize}; use url::Url;
         #[derive(Serialize, Deserialize)] struct Contact { id: Id, site: Url }
         type Id = Wrapped<LENGTH>;
         struct Wrapped<const N: usize>;
         const LENGTH: usize = 4;",
    );
}

#[test]
fn what_serde_attributes_name_stays() {
    check(
        "enum Contact { #[serde(with = \"as_text\", default = \"none\")] A }
         mod as_text { fn serialize() {} }
         fn none() {}
         mod other {}",
        "enum Contact { #[serde(with = \"as_text\", default = \"none\")] A }
         mod as_text { fn serialize() {} }
         fn none() {}",
    );
}

#[test]
fn of_the_implementations_only_serde_stays() {
    check(
        "use serde::Serialize; use sqlx::FromRow;
         struct Contact; struct Native;
         impl Serialize for Contact {}
         impl Serialize for Native {}
         impl FromRow for Contact {}
         impl Contact { fn save() {} }",
        "use serde::Serialize;
         struct Contact;
         impl Serialize for Contact {}",
    );
}

#[test]
fn documentation_mentions_nothing() {
    check(
        "use crm::Client; /** Client */ struct Contact { #[doc = \"Client\"] id: u32 }",
        "/** Client */ struct Contact { #[doc = \"Client\"] id: u32 }",
    );
}

#[test]
fn a_step_is_known_by_the_last_word_of_its_attribute() {
    let module = "mod m { #[segno::step(max_retries = 1)] async fn f() -> Result<(), E> {} \
                  async fn helper() {} }";
    assert_eq!(build(module, true).len(), 1);
    assert_eq!(build(module, false).len(), 2);
}

#[test]
fn a_module_of_steps_may_stand_in_another() {
    check("#[segno::steps] mod inner {} mod plain {}", "#[segno::steps] mod inner {}");
}

#[test]
fn a_module_in_a_file_of_its_own_is_refused() {
    let error = expand(TokenStream::new(), "mod steps;".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("needs the module's content here"));
}
