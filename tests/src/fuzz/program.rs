//! Bytes as the program of a hostile component: what it calls, with which arguments, how often, and in
//! which phase of its life. Every sequence of bytes is a program, so that a small change of one is
//! another.

use std::fmt::Write as _;

use wit_parser::abi::WasmType;

use crate::hostile::{COMPLETED, Hostile, Import, WAITING};

/// When a guest can be made to call its host.
const PHASES: [&str; 8] =
    ["describe", "start", "deliver", "save", "load", "begin", "realloc", "query"];

/// The most statements that one program has: more of them hide what one does.
const MOST: usize = 24;

/// By how many doublings a statement is repeated at most: far more often than any fuel lets it.
const MOST_DOUBLINGS: u8 = 40;

/// How large the memory and the tables of a component may be that is made.
const PAGES: [u32; 6] = [1, 2, 16, 200, 1_000, 65_536];
const ELEMENTS: [u32; 5] = [0, 1, 10_000, 100_000, 10_000_000];

/// What stands for numbers and addresses in the code: the ends of ranges, and places where there is
/// something.
const I32: [&str; 12] = [
    "(i32.const 0)",
    "(i32.const 1)",
    "(i32.const 2)",
    "(i32.const -1)",
    "(i32.const 0x7fffffff)",
    "(i32.const 48)",
    "(i32.const 52)",
    "(i32.const 1024)",
    "(i32.const 16384)",
    "(i32.const 65536)",
    "(i32.const 202)",
    "(i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))",
];
const ADDRESSES: [&str; 8] = [
    "(i32.const 48)",
    "(i32.const 52)",
    "(i32.const 1024)",
    "(i32.const 16384)",
    "(i32.const 0)",
    "(i32.const 65535)",
    "(i32.const -16)",
    "(i32.const 52)",
];
const LENGTHS: [&str; 10] = [
    "(i32.const 1)",
    "(i32.const 4)",
    "(i32.const 0)",
    "(i32.const 4096)",
    "(i32.const 65536)",
    "(i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 16384))",
    "(i32.const 4000000)",
    "(i32.const -1)",
    "(i32.const 1)",
    "(i32.const 4)",
];
const I64: [&str; 9] = [
    "(i64.const 0)",
    "(i64.const 1)",
    "(i64.const 2)",
    "(i64.const 1000)",
    "(i64.const -1)",
    "(i64.const 0x7fffffffffffffff)",
    "(i64.const 100000)",
    "(i64.const 4294967296)",
    "(global.get $turns)",
];

/// What else a guest can do than to call its host.
const OTHERS: [&str; 8] = [
    "(drop (memory.grow (i32.const 1)))",
    "(drop (memory.grow (i32.const 1000)))",
    "(memory.fill (i32.const 16384) (i32.const 171) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 16384)))",
    "(drop (table.grow $t (ref.null func) (i32.const 10000)))",
    "(memory.fill (i32.const 1024) (i32.const 48) (i32.const 4096))",
    "(call $deeper)",
    "(unreachable)",
    "(memory.copy (i32.const 16384) (i32.const 0) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 16384)))",
];

/// What a program is made into, and what is then done to its runs.
pub(super) struct Program {
    /// The component; nothing where no compiler would take it.
    pub(super) component: Option<Vec<u8>>,
    /// How many runs of it are started.
    pub(super) runs: usize,
    /// How often the webhooks of each are called.
    pub(super) calls: usize,
    /// Whether the host is stopped and started again while they are there.
    pub(super) restart: bool,
}

/// Takes bytes one by one; after the last there are zeros.
struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or_default()
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.next()) % all.len()]
    }
}

impl Program {
    /// The program that these bytes are.
    pub(super) fn read(imports: &[Import], bytes: &[u8]) -> Self {
        let mut bytes = Bytes(bytes.iter());
        let plan = bytes.next();
        let pages = bytes.one_of(&PAGES);
        let elements = bytes.one_of(&ELEMENTS);
        let mut phases = [const { String::new() }; PHASES.len()];
        let mut statements = 0;
        while statements < MOST && !bytes.0.as_slice().is_empty() {
            let phase = usize::from(bytes.next()) % PHASES.len();
            statement(&mut phases[phase], imports, &mut bytes);
            statements += 1;
        }
        Self {
            component: component(&phases, pages, elements),
            runs: 1 + usize::from(plan & 3),
            calls: usize::from(plan >> 2 & 7),
            restart: plan >> 5 == 7,
        }
    }
}

/// Adds a statement: something that is done, once or as often as the fuel lasts.
fn statement(text: &mut String, imports: &[Import], bytes: &mut Bytes<'_>) {
    let what = usize::from(bytes.next());
    let doublings = bytes.next() % MOST_DOUBLINGS;
    let done = match imports.get(what % (imports.len() + OTHERS.len())) {
        Some(import) => call(import, bytes),
        None => bytes.one_of(&OTHERS).to_owned(),
    };
    if doublings < MOST_DOUBLINGS / 2 {
        return text.push_str(&done);
    }
    let times = 1_u64 << (2 * (doublings - MOST_DOUBLINGS / 2));
    write!(
        text,
        "(local.set $n (i64.const {times}))
         (loop {done} (local.set $n (i64.sub (local.get $n) (i64.const 1)))
            (br_if 0 (i64.gt_s (local.get $n) (i64.const 0))))"
    )
    .expect("a string takes all");
}

fn call(import: &Import, bytes: &mut Bytes<'_>) -> String {
    let mut text = format!("(call ${}", import.name);
    for parameter in &import.parameters {
        text.push_str(match parameter {
            WasmType::Pointer => bytes.one_of(&ADDRESSES),
            WasmType::Length => bytes.one_of(&LENGTHS),
            WasmType::I64 | WasmType::PointerOrI64 => bytes.one_of(&I64),
            WasmType::I32 => bytes.one_of(&I32),
            WasmType::F32 | WasmType::F64 => "(unreachable)",
        });
    }
    text.push(')');
    import.results.iter().fold(text, |text, result| match result {
        // The last number that the host gave is worth passing back to it.
        WasmType::I64 => format!("(global.set $turns {text})"),
        _ => format!("(drop {text})"),
    })
}

fn component(phases: &[String; PHASES.len()], pages: u32, elements: u32) -> Option<Vec<u8>> {
    let functions = PHASES
        .iter()
        .zip(phases)
        .map(|(phase, body)| format!("(func $do.{phase} (local $n i64) {body})"));
    let begins = if phases[5].is_empty() { "" } else { "(start $do.begin)" };
    let more = format!(
        "{} {begins} (global $turns (mut i64) (i64.const 0)) (table $t {elements} funcref) (func $deeper (call $deeper))",
        functions.collect::<String>()
    );
    let waits = WAITING;
    let ends = COMPLETED;
    let ended = format!("(i32.const {waits})");
    // One that returns is of less interest than one that stays, but there shall be some.
    let deliver = format!(
        "(call $do.deliver) (global.set $turns (i64.add (global.get $turns) (i64.const 1)))
         (if (result i32) (i64.gt_u (global.get $turns) (i64.const 40)) (then (i32.const {ends})) (else {ended}))"
    );
    let hostile = Hostile {
        steps: &["w"],
        pages,
        describe: "(call $do.describe)",
        start: &format!("(call $do.start) {ended}"),
        deliver: &deliver,
        query: "(call $do.query) (i32.const 16)",
        save: "(call $do.save)",
        load: "(call $do.load)",
        realloc: "(call $do.realloc)",
        more: &more,
        ..Hostile::default()
    };
    hostile.try_component().ok()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::hostile::imports;

    #[test]
    fn all_bytes_are_a_program_that_compiles() {
        let imports = imports();
        let mut random = ChaCha8Rng::seed_from_u64(7);
        for length in 0..200 {
            let bytes: Vec<u8> = (0..length).map(|_| random.random()).collect();
            assert!(wat_of(&imports, &bytes), "{bytes:?}");
        }
    }

    fn wat_of(imports: &[Import], bytes: &[u8]) -> bool {
        Program::read(imports, bytes).component.is_some()
    }
}
