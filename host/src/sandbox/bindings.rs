//! The border between host and guests, as `wit/` has it, in Rust.

wasmtime::component::bindgen!({
    path: "wit",
    world: "workflow",
    imports: { default: trappable },
});
