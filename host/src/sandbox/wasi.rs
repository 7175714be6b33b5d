//! The WASI that a workflow gets: enough for the standard library to start, and nothing ambient.
//!
//! The clock is the time of the event, random numbers are the run's own, the environment is empty,
//! there are no files. Printing goes to the log of the run. Whatever would wait, read or reach out
//! is refused when it is called, with a sentence that says what to do instead.

use segno_journal::BlockKind;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};
use wasmtime::{Engine, StoreContextMut};

use crate::sandbox::caller::{CALL, Caller, nothing_more, offer};
use crate::sandbox::error::ModuleError;
use crate::sandbox::state::{State, Stream};

/// The version of WASI that is known here: any patch of it has the same meaning.
const PREFIX: &str = "wasi:";
const VERSION: &str = "0.2.";

/// Defines each WASI interface that the component imports.
///
/// # Errors
///
/// The name of an import that is not WASI 0.2 and not ours.
pub(crate) fn add_to_linker(
    linker: &mut Linker<State>,
    component: &Component,
    engine: &Engine,
) -> Result<(), ModuleError> {
    for (import, item) in component.component_type().imports(engine) {
        if import.starts_with("segno:workflow/") {
            continue;
        }
        let unknown = || ModuleError::UnknownImport { import: import.to_owned() };
        let (interface, version) = import.split_once('@').ok_or_else(unknown)?;
        let ComponentItem::ComponentInstance(instance) = item.ty else { return Err(unknown()) };
        if !interface.starts_with(PREFIX) || !version.starts_with(VERSION) {
            return Err(unknown());
        }
        let mut target = linker.instance(import).map_err(|error| mismatch(import, &error))?;
        for (name, item) in instance.exports(engine) {
            define(&mut target, interface, name, &item.ty)
                .map_err(|error| mismatch(import, &error))?;
        }
    }
    Ok(())
}

fn mismatch(import: &str, error: &wasmtime::Error) -> ModuleError {
    ModuleError::Mismatch { detail: format!("{import}: {error}") }
}

/// The output stream that `println!` and `eprintln!` write to.
struct OutputStream;

/// What a guest waits with until it may print. It is always ready: waiting for time is refused where
/// it would be asked for.
struct Pollable;

/// Any other resource of WASI: it can be named, but none is ever made.
struct Denied;

fn stream(handle: &Resource<OutputStream>) -> Stream {
    if handle.rep() == Stream::Stdout as u32 { Stream::Stdout } else { Stream::Stderr }
}

/// A moment of the wall clock.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// Why a stream failed: only ever that it is closed.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<Denied>),
    #[component(name = "closed")]
    Closed,
}

/// How many bytes a guest may print at once.
const PRINT_PERMIT: u64 = 64 << 10;

/// Nanoseconds in a millisecond.
const NANOS: u64 = 1_000_000;

/// Defines one item of one interface: what a workflow is given, or a refusal.
fn define(
    target: &mut LinkerInstance<'_, State>,
    interface: &str,
    name: &str,
    item: &ComponentItem,
) -> wasmtime::Result<()> {
    match (interface, item) {
        // Other interfaces name the resource of `wasi:io/streams`: it is the same type everywhere.
        (_, ComponentItem::Resource(_)) if name == "output-stream" => {
            target.resource(name, ResourceType::host::<OutputStream>(), close)
        }
        (_, ComponentItem::Resource(_)) if name == "pollable" => {
            target.resource(name, ResourceType::host::<Pollable>(), close)
        }
        (_, ComponentItem::Resource(_)) => {
            target.resource(name, ResourceType::host::<Denied>(), |_, _| Ok(()))
        }
        ("wasi:io/streams", ComponentItem::ComponentFunc(_)) => define_stream(target, name),
        ("wasi:io/poll", ComponentItem::ComponentFunc(_)) => define_poll(target, name),
        (
            "wasi:cli/environment" | "wasi:cli/stdout" | "wasi:cli/stderr",
            ComponentItem::ComponentFunc(_),
        ) => define_cli(target, name),
        (
            "wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed",
            ComponentItem::ComponentFunc(_),
        ) => define_random(target, name),
        (
            "wasi:clocks/wall-clock" | "wasi:clocks/monotonic-clock",
            ComponentItem::ComponentFunc(_),
        ) => define_clock(target, interface, name),
        ("wasi:filesystem/preopens", ComponentItem::ComponentFunc(_)) => {
            offer(target, name, nothing_more, |_, (): ()| {
                Ok((Vec::<(Resource<Denied>, String)>::new(),))
            })
        }
        (
            "wasi:cli/terminal-stdin" | "wasi:cli/terminal-stdout" | "wasi:cli/terminal-stderr",
            ComponentItem::ComponentFunc(_),
        ) => offer(target, name, nothing_more, |_, (): ()| Ok((None::<Resource<Denied>>,))),
        (_, ComponentItem::ComponentFunc(_)) => refuse(target, interface, name),
        _ => Ok(()),
    }
}

/// The guest lets go of a handle.
fn close(mut store: StoreContextMut<'_, State>, _rep: u32) -> wasmtime::Result<()> {
    Caller::new(store.data_mut()).pays(0)?.close_handle();
    Ok(())
}

fn define_cli(target: &mut LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<()> {
    let open = |stream: Stream| {
        move |state: &mut State, (): ()| {
            state.open_handle();
            Ok((Resource::<OutputStream>::new_own(stream as u32),))
        }
    };
    match name {
        "get-environment" => {
            offer(target, name, nothing_more, |_, (): ()| Ok((Vec::<(String, String)>::new(),)))
        }
        "get-arguments" => {
            offer(target, name, nothing_more, |_, (): ()| Ok((Vec::<String>::new(),)))
        }
        "initial-cwd" => offer(target, name, nothing_more, |_, (): ()| Ok((None::<String>,))),
        "get-stdout" => offer(target, name, nothing_more, open(Stream::Stdout)),
        "get-stderr" => offer(target, name, nothing_more, open(Stream::Stderr)),
        _ => refuse(target, "wasi:cli", name),
    }
}

/// Printing: each write is taken at once, so there is nothing to wait for.
fn define_stream(target: &mut LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<()> {
    type Written = (Result<(), StreamError>,);
    type Printed = (Resource<OutputStream>, Vec<u8>);
    // Each line is made a string of its own, however short it is.
    let cost = |(_, bytes): &Printed| {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        bytes.len().saturating_add(lines.saturating_mul(CALL))
    };
    let write = |state: &mut State, (handle, bytes): Printed| {
        state.print(stream(&handle), &bytes);
        Ok::<Written, wasmtime::Error>((Ok(()),))
    };
    let flush = |_: &mut State, (_handle,): (Resource<OutputStream>,)| {
        Ok::<Written, wasmtime::Error>((Ok(()),))
    };
    match name {
        "[method]output-stream.check-write" => {
            offer(target, name, nothing_more, |_, (_handle,): (Resource<OutputStream>,)| {
                Ok((Ok::<u64, StreamError>(PRINT_PERMIT),))
            })
        }
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => {
            offer(target, name, cost, write)
        }
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => {
            offer(target, name, nothing_more, flush)
        }
        "[method]output-stream.subscribe" => {
            offer(target, name, nothing_more, |state, (_handle,): (Resource<OutputStream>,)| {
                state.open_handle();
                Ok((Resource::<Pollable>::new_own(0),))
            })
        }
        _ => refuse(target, "wasi:io/streams", name),
    }
}

/// Whatever can be polled is ready.
fn define_poll(target: &mut LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<()> {
    type Handles = (Vec<Resource<Pollable>>,);
    match name {
        "[method]pollable.ready" => {
            offer(target, name, nothing_more, |_, (_handle,): (Resource<Pollable>,)| Ok((true,)))
        }
        "[method]pollable.block" => {
            offer(target, name, nothing_more, |_, (_handle,): (Resource<Pollable>,)| Ok(()))
        }
        "poll" => {
            // Each handle is looked up.
            let cost = |(handles,): &Handles| handles.len().saturating_mul(CALL);
            offer(target, name, cost, |_, (handles,): Handles| {
                let ready = (0..).take(handles.len()).collect::<Vec<u32>>();
                Ok((ready,))
            })
        }
        _ => refuse(target, "wasi:io/poll", name),
    }
}

/// Randomness is the run's own seeded stream.
fn define_random(target: &mut LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<()> {
    match name {
        "get-random-u64" | "get-insecure-random-u64" => {
            offer(target, name, nothing_more, |state, (): ()| Ok((state.random(),)))
        }
        "get-random-bytes" | "get-insecure-random-bytes" => {
            let length = |length: u64| usize::try_from(length).unwrap_or(usize::MAX);
            offer(
                target,
                name,
                move |(bytes,): &(u64,)| length(*bytes),
                move |state, (bytes,): (u64,)| Ok((state.random_bytes(length(bytes))?,)),
            )
        }
        "insecure-seed" => offer(target, name, nothing_more, |state, (): ()| {
            Ok(((state.random(), state.random()),))
        }),
        _ => refuse(target, "wasi:random", name),
    }
}

/// Both clocks show the time of the event and stand still while the guest runs.
fn define_clock(
    target: &mut LinkerInstance<'_, State>,
    interface: &str,
    name: &str,
) -> wasmtime::Result<()> {
    let millisecond = Datetime { seconds: 0, nanoseconds: NANOS as u32 };
    match (interface, name) {
        ("wasi:clocks/wall-clock", "now") => offer(target, name, nothing_more, |state, (): ()| {
            let ms = state.now().0;
            let nanoseconds = u32::try_from(ms % 1_000 * NANOS).unwrap_or(0);
            Ok((Datetime { seconds: ms / 1_000, nanoseconds },))
        }),
        ("wasi:clocks/wall-clock", "resolution") => {
            let Datetime { seconds, nanoseconds } = millisecond;
            offer(target, name, nothing_more, move |_, (): ()| {
                Ok((Datetime { seconds, nanoseconds },))
            })
        }
        (_, "now") => offer(target, name, nothing_more, |state, (): ()| {
            Ok((state.now().since_ms(state.facts.started_at).saturating_mul(NANOS),))
        }),
        (_, "resolution") => offer(target, name, nothing_more, |_, (): ()| Ok((NANOS,))),
        _ => refuse(target, interface, name),
    }
}

/// Defines a function that stops the guest, and says what to do instead.
fn refuse(
    target: &mut LinkerInstance<'_, State>,
    interface: &str,
    name: &str,
) -> wasmtime::Result<()> {
    let message = refusal(interface, name);
    target.func_new(name, move |mut store, _ty, _params, _results| {
        Err(store.data_mut().stop(BlockKind::Trap, message.clone()))
    })
}

/// What a workflow that reached for the world is told.
fn refusal(interface: &str, name: &str) -> String {
    let package = interface.strip_prefix(PREFIX).unwrap_or(interface);
    let (what, instead) = match package.split('/').next().unwrap_or_default() {
        "clocks" | "io" => (
            "wait or block",
            "std::thread::sleep and other blocking calls do not work here: use `segno::sleep(\"5 minutes\").await`",
        ),
        "filesystem" => ("use files", "read and write files in a step"),
        "sockets" | "http" => ("use the network", "call out in a step, or with `segno::http`"),
        "cli" if name == "exit" => {
            ("end the process", "return from the workflow, or return an error")
        }
        "cli" => ("read its terminal", "pass data in the input of the run"),
        _ => ("use the system", "do it in a step"),
    };
    format!(
        "the workflow tried to {what} (`{interface}#{name}`), but a workflow is deterministic; {instead}"
    )
}
