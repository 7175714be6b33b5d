//! Components that no SDK would build: their code is text, and they may call whatever a guest can
//! import, WASI included, with any arguments and as often as they like.
//!
//! The signatures come from `wit/`, so a component made here fits the world as it is.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{Function, InterfaceId, Resolve, WorldId, WorldItem, WorldKey};

/// The WASI that a component may import, as far as a workflow has some of it, and a world with both.
const WORLD: &str = include_str!("hostile.wit.txt");

/// Where the verdict "waiting" lies, for `start` and `deliver` to point at.
pub const WAITING: i32 = 16;

/// Where the verdict "completed, with null" lies.
pub const COMPLETED: i32 = 32;

/// Where the text `w` lies, of one byte: a name.
pub const NAME: i32 = 48;

/// Where the text `null` lies, of four bytes.
pub const NULL: i32 = 52;

/// From where on memory is the component's own, up to [`HEAP`].
pub const FREE: i32 = 1_024;

/// From where on the host is given room for what it passes.
pub const HEAP: i32 = 16_384;

/// A component to be made. What is not said does nothing, and waits.
#[derive(Debug, Clone)]
pub struct Hostile<'a> {
    /// The names of its workflows.
    pub workflows: &'a [&'a str],
    /// The names of the steps that it says it calls.
    pub steps: &'a [&'a str],
    /// Its memory, in pages of 64 KiB.
    pub pages: u32,
    /// What `describe` does before it answers.
    pub describe: &'a str,
    /// What `start` does and gives: instructions that leave the address of a verdict.
    pub start: &'a str,
    /// What `deliver` does and gives. Its first two parameters are whether there is an operation, and which.
    pub deliver: &'a str,
    /// What `query` does and gives.
    pub query: &'a str,
    /// What `save` does.
    pub save: &'a str,
    /// What `load` does.
    pub load: &'a str,
    /// What it does when the host asks it for room.
    pub realloc: &'a str,
    /// What else the module has: functions, globals, tables, data.
    pub more: &'a str,
}

impl Default for Hostile<'_> {
    fn default() -> Self {
        Self {
            workflows: &["w"],
            steps: &[],
            pages: 2,
            describe: "",
            start: "(i32.const 16)",
            deliver: "(i32.const 16)",
            query: "(i32.const 16)",
            save: "",
            load: "",
            realloc: "",
            more: "",
        }
    }
}

/// A function that a component may call: `$step.call`, `$poll.poll` and so on, in WAT.
#[derive(Debug, Clone)]
pub struct Import {
    /// Its name in the text, without the dollar.
    pub name: String,
    /// What it takes.
    pub parameters: Vec<WasmType>,
    /// What it gives.
    pub results: Vec<WasmType>,
    module: String,
    field: String,
}

impl Hostile<'_> {
    /// The component.
    ///
    /// # Panics
    ///
    /// The text of one of its parts is not well written.
    #[must_use]
    pub fn component(&self) -> Vec<u8> {
        let text = self.module();
        self.try_component().unwrap_or_else(|error| panic!("{error:#} in\n{text}"))
    }

    /// The component, if its parts are well written.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn try_component(&self) -> anyhow::Result<Vec<u8>> {
        let mut module = wat::parse_str(self.module())?;
        let (resolve, world) = world();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
        ComponentEncoder::default().module(&module)?.validate(true).encode()
    }

    /// The core module, as text.
    fn module(&self) -> String {
        let Self { pages, describe, start, deliver, query, save, load, realloc, more, .. } = self;
        let (resolve, world) = world();
        let used = [*describe, *start, *deliver, *query, *save, *load, *realloc, *more].concat();
        let mut text = String::from("(module\n");
        for import in imports_of(&resolve, world) {
            // What is not called is not imported, as a compiler would have it.
            if used.contains(&format!("${}", import.name)) {
                writeln!(text, "{}", import.declaration()).expect("a string takes all");
            }
        }
        let bodies = [
            ("describe", describe),
            ("start", start),
            ("deliver", deliver),
            ("query", query),
            ("save", save),
            ("load", load),
        ];
        for (name, signature) in exports_of(&resolve, world) {
            let (_, body) =
                bodies.iter().find(|(export, _)| *export == name).expect("each has a body");
            let answer = if name == "describe" { "(i32.const 64)" } else { "" };
            let types = signature_text(&signature.params, &signature.results);
            writeln!(
                text,
                r#"(func (export "segno:workflow/guest@0.2.0#{name}") {types} {body} {answer})"#
            )
            .expect("a string takes all");
        }
        let manifest = self.manifest();
        write!(
            text,
            r#"(memory (export "memory") {pages})
            (global $heap (mut i32) (i32.const {HEAP}))
            (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32)
                (result i32) (local $at i32) {realloc}
                (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
                (if (i32.gt_u (local.get $size) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (local.get $at)))
                    (then (local.set $at (i32.const {HEAP}))))
                (global.set $heap (i32.add (local.get $at) (local.get $size)))
                (local.get $at))
            (data (i32.const {WAITING}) "\00\00\00\00\00\00\00\00\00\00\00\00")
            (data (i32.const {COMPLETED}) "\01\00\00\00\34\00\00\00\04\00\00\00")
            (data (i32.const {NAME}) "w")
            (data (i32.const {NULL}) "null")
            (data (i32.const 64) "{manifest}")
            {more})"#
        )
        .expect("a string takes all");
        text
    }

    /// The manifest as it lies in memory, from 64 on: three lists, then what they point at.
    fn manifest(&self) -> String {
        // The sizes of the record of a workflow, and of a name in a list.
        const WORKFLOW: usize = 24;
        const NAME: usize = 8;
        let base = 64 + 24;
        let steps_at = base + WORKFLOW * self.workflows.len();
        let mut texts_at = steps_at + NAME * self.steps.len();
        let mut records = Vec::new();
        let mut texts = Vec::new();
        let mut put = |text: &str, records: &mut Vec<u8>| {
            records.extend(number(texts_at).into_iter().chain(number(text.len())));
            texts.extend_from_slice(text.as_bytes());
            texts_at += text.len();
        };
        put("hand", &mut records);
        for (at, count) in [(base, self.workflows.len()), (steps_at, self.steps.len())] {
            records.extend(number(at).into_iter().chain(number(count)));
        }
        for workflow in self.workflows {
            put(workflow, &mut records);
            records.extend([0; WORKFLOW - NAME]);
        }
        for step in self.steps {
            put(step, &mut records);
        }
        let bytes = [records, texts].concat();
        assert!(64 + bytes.len() <= FREE as usize, "the names fit into what is reserved for them");
        bytes.iter().fold(String::new(), |text, byte| text + &format!("\\{byte:02x}"))
    }
}

impl Import {
    /// A call with these arguments, of which the last ones may be missing: they are zeros. What it gives
    /// is dropped.
    #[must_use]
    pub fn call(&self, arguments: &[u32]) -> String {
        let arguments = arguments.iter().chain(std::iter::repeat(&0));
        let arguments: Vec<_> = self
            .parameters
            .iter()
            .zip(arguments)
            .map(|(ty, argument)| format!("({}.const {argument})", wat_type(*ty)))
            .collect();
        let drops = "(drop)".repeat(self.results.len());
        format!("(call ${} {}) {drops}", self.name, arguments.join(" "))
    }

    fn declaration(&self) -> String {
        let Self { name, parameters, results, module, field } = self;
        let types = signature_text(parameters, results);
        format!(r#"(import "{module}" "{field}" (func ${name} {types}))"#)
    }
}

/// All that a component may call.
#[must_use]
pub fn imports() -> Vec<Import> {
    let (resolve, world) = world();
    imports_of(&resolve, world)
}

/// The import of this name.
///
/// # Panics
///
/// There is no such import.
#[must_use]
pub fn import(name: &str) -> Import {
    imports().into_iter().find(|import| import.name == name).expect("there is such an import")
}

/// The world of the project with the WASI of the text beside it.
fn world() -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    resolve
        .push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit"))
        .expect("the WIT is well written");
    let package = resolve.push_source("hostile.wit", WORLD).expect("the WIT is well written");
    let world = resolve.select_world(&[package], Some("hostile")).expect("the world is there");
    (resolve, world)
}

fn imports_of(resolve: &Resolve, world: WorldId) -> Vec<Import> {
    let mut imports = Vec::new();
    for (key, item) in &resolve.worlds[world].imports {
        let WorldItem::Interface { id, .. } = item else { continue };
        imports.extend(functions(resolve, *id).map(|function| import_of(resolve, key, function)));
        let resources = resolve.interfaces[*id].types.iter();
        let resources = resources
            .filter(|(_, id)| resolve.types[**id].kind == wit_parser::TypeDefKind::Resource);
        imports.extend(resources.map(|(name, _)| Import {
            name: format!("drop.{name}"),
            parameters: vec![WasmType::I32],
            results: Vec::new(),
            module: resolve.name_world_key(key),
            field: format!("[resource-drop]{name}"),
        }));
    }
    imports
}

fn functions(resolve: &Resolve, interface: InterfaceId) -> impl Iterator<Item = &Function> {
    resolve.interfaces[interface].functions.values()
}

fn import_of(resolve: &Resolve, key: &WorldKey, function: &Function) -> Import {
    let WasmSignature { params, results, .. } =
        resolve.wasm_signature(AbiVariant::GuestImport, function);
    let module = resolve.name_world_key(key);
    let interface =
        module.rsplit('/').next().and_then(|name| name.split('@').next()).unwrap_or_default();
    let name = format!("{interface}.{}", function.item_name());
    Import { name, parameters: params, results, module, field: function.name.clone() }
}

fn exports_of(resolve: &Resolve, world: WorldId) -> Vec<(String, WasmSignature)> {
    let interfaces = resolve.worlds[world].exports.values().filter_map(|item| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        _ => None,
    });
    let functions = interfaces.flat_map(|id| functions(resolve, id));
    functions
        .map(|function| {
            (function.name.clone(), resolve.wasm_signature(AbiVariant::GuestExport, function))
        })
        .collect()
}

fn signature_text(parameters: &[WasmType], results: &[WasmType]) -> String {
    let list = |what: &str, types: &[WasmType]| match types {
        [] => String::new(),
        types => {
            let words: Vec<_> = types.iter().map(|ty| wat_type(*ty)).collect();
            format!("({what} {})", words.join(" "))
        }
    };
    format!("{} {}", list("param", parameters), list("result", results))
}

/// A type as the text writes it.
#[must_use]
pub const fn wat_type(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
    }
}

fn number(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("a small memory").to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_import_can_be_called() {
        for import in imports() {
            let start = format!("{} (i32.const {WAITING})", import.call(&[]));
            let hostile = Hostile { start: &start, ..Hostile::default() };
            assert!(!hostile.component().is_empty(), "{}", import.name);
        }
    }
}
