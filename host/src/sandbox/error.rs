//! Why a component is not one that can be run here.

use segno_journal::Blocked;

/// Why a guest cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NoGuest {
    /// It was stopped before its first turn: it always will be.
    #[error("{0}")]
    Stopped(Blocked),
    /// The host has no room for it now.
    #[error("there is no room for its guest: {0}")]
    NoRoom(String),
}

/// Why a module was refused.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// The bytes do not begin as WebAssembly does.
    #[error(
        "this is not WebAssembly: it does not begin with `\\0asm`; build it with `cargo build --target wasm32-wasip2`"
    )]
    NotWasm,
    /// The bytes are a core module, not a component.
    #[error(
        "this is a core WebAssembly module, not a component; build it with `--target wasm32-wasip2`, not with \
         wasm32-wasip1 or wasm32-unknown-unknown"
    )]
    CoreModule,
    /// The bytes are no valid component, perhaps cut short.
    #[error("this component is damaged or cut short, or larger than a workflow may be: {detail}")]
    Invalid {
        /// What the compiler said.
        detail: String,
    },
    /// To compile it takes more than a component may.
    #[error(
        "this component takes the compiler more than {seconds} seconds or {mebibytes} MiB of memory; split its largest \
         functions, or move what they do into steps"
    )]
    TooCostly {
        /// How long it may take.
        seconds: u64,
        /// How much memory it may take.
        mebibytes: u64,
    },
    /// There is no process to compile it in.
    #[error("the compiler cannot be started: {detail}")]
    NoCompiler {
        /// What the system said.
        detail: String,
    },
    /// The component wants something that no workflow is given.
    #[error(
        "this component imports `{import}`, which this host does not offer; it offers segno:workflow@0.2 and the \
         wasi:*@0.2 interfaces of the standard library"
    )]
    UnknownImport {
        /// The name of the import.
        import: String,
    },
    /// The component does not export what a workflow component exports.
    #[error(
        "this component does not export `{export}`; does its lib.rs have `segno::export!(..)`?"
    )]
    MissingExport {
        /// The name of the export.
        export: String,
    },
    /// An import or export has the right name and another type.
    #[error("this component was built for another version of the segno interface: {detail}")]
    Mismatch {
        /// What does not fit.
        detail: String,
    },
    /// The component could not say what is in it.
    #[error("this component could not describe itself: {detail}")]
    Describe {
        /// Why not.
        detail: String,
    },
    /// Its schemas cannot be taken.
    #[error("the schemas of this component cannot be taken: {detail}")]
    Schemas {
        /// What is wrong with them.
        detail: String,
    },
    /// There is nothing in it that could be run.
    #[error("this component holds no workflow; list them in `segno::export!(..)`")]
    NoWorkflows,
    /// A name in the manifest is not usable.
    #[error("this component names a {what} `{name}`, which {problem}")]
    BadName {
        /// What it is the name of.
        what: &'static str,
        /// The name, or the beginning of it.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}
