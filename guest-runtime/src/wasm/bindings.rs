//! What is generated from the WIT world.

macro_rules! generate {
    ($world:tt) => {
        wit_bindgen::generate!({
            path: "wit",
            world: $world,
            generate_all,
            pub_export_macro: true,
            export_macro_name: "export_guest",
            default_bindings_module: "::segno_guest_runtime::wasm::bindings",
        });
    };
}

#[cfg(not(feature = "schema"))]
generate!("workflow");

#[cfg(feature = "schema")]
generate!("described");
