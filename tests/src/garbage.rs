//! Components that follow the letter of the interface and give garbage: written by hand, since no
//! SDK would build them.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A module that describes itself as holding the workflow `w`. `verdict` is what `start` and
/// `deliver` point at: 12 bytes, a discriminant and a string.
pub fn component(describe: &str, verdict: &str) -> Vec<u8> {
    let wat = format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
            (func (export "segno:workflow/guest@0.2.0#describe") (result i32) {describe})
            (func (export "segno:workflow/guest@0.2.0#start") (param i32 i32 i32 i32) (result i32)
                (i32.const 64))
            (func (export "segno:workflow/guest@0.2.0#deliver")
                (param i32 i64 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 64))
            (func (export "segno:workflow/guest@0.2.0#query") (param i32 i32 i32 i32) (result i32)
                (i32.const 64))
            (func (export "segno:workflow/guest@0.2.0#save"))
            (func (export "segno:workflow/guest@0.2.0#load") (param i64))
            (data (i32.const 0) "\80\00\00\00\01\00\00\00\a0\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00")
            (data (i32.const 64) "{verdict}")
            (data (i32.const 128) "x")
            (data (i32.const 140) "w\ff\fe")
            (data (i32.const 160) "\8c\00\00\00\01\00\00\00"))"#
    );
    let mut module = wat::parse_str(wat).expect("the module is well written");
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");
    let (package, _files) = resolve.push_dir(wit).expect("the WIT is well written");
    let world = resolve.select_world(&[package], Some("workflow")).expect("the world is there");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("it fits the world");
    let encoder = ComponentEncoder::default().module(&module).expect("it is a module of the world");
    encoder.validate(true).encode().expect("it is a component")
}
