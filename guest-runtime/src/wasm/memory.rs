//! The memory of a run as one slice: saved by the host, and put back in place.
//!
//! The linker lays the stack below `__global_base` and everything else above it: static data,
//! the heap, the allocator's own books. At the end of an export the stack is empty, and the one
//! mutable global, the stack pointer, has its first value. So what lies from `__global_base` to
//! the end of the memory is the whole run, and no bytes but these.
//!
//! `load` runs on the stack, below what it overwrites. It must not use anything of the heap or
//! any static across the call that brings the image: all of them are another run's afterwards.

#![expect(
    unsafe_code,
    reason = "memory as bytes, and the allocator that the host calls, have no safe form"
)]

use std::alloc::Layout;
use std::arch::wasm32;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::wasm::bindings::segno::workflow::image;

/// The size of a page of linear memory, in bytes.
const PAGE: usize = 64 * 1024;

/// The first memory of the component.
const MEMORY: u32 = 0;

/// Whether the next allocation that the host asks for is the image. A saved image has `false`
/// here, so loading one also ends the loading.
static LOADING: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    /// Where the linker's stack ends and static data begin. Only its address means something.
    static __global_base: u8;
}

/// The address at which the run begins.
fn base() -> usize {
    (&raw const __global_base).expose_provenance()
}

/// Hands the host everything from `__global_base` on.
pub(crate) fn save() {
    let length = wasm32::memory_size::<MEMORY>() * PAGE - base();
    // SAFETY: `base` to the end of the memory is mapped and initialised, as all linear memory is.
    // There is one thread, and it does nothing but pass this slice on: nothing writes while the
    // host reads.
    let memory =
        unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(base()), length) };
    image::save(memory);
}

/// Becomes the run whose image the host has; `pages` is how large its memory was.
pub(crate) fn load(pages: u64) {
    let pages = usize::try_from(pages).expect("the host knows the size of a 32-bit memory");
    let missing = pages.saturating_sub(wasm32::memory_size::<MEMORY>());
    let grown = wasm32::memory_grow::<MEMORY>(missing);
    assert!(grown != usize::MAX, "there is no room for the image of this run");
    LOADING.store(true, Ordering::Relaxed);
    // The host writes through the `cabi_realloc` below. The vector is the run's own memory, not
    // an allocation: it must never be freed.
    let _image = ManuallyDrop::new(image::load());
}

/// The allocator that the host calls to pass strings and lists in. While an image is loaded it
/// answers, once, the place where the image belongs.
///
/// # Safety
///
/// The host calls it as the canonical ABI says: `old` is null, or an allocation of `old_length`
/// bytes at this alignment, which is a power of two.
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn cabi_realloc(
    old: *mut u8,
    old_length: usize,
    alignment: usize,
    length: usize,
) -> *mut u8 {
    if LOADING.swap(false, Ordering::Relaxed) {
        return std::ptr::with_exposed_provenance_mut(base());
    }
    if length == 0 {
        return std::ptr::without_provenance_mut(alignment);
    }
    // SAFETY: the alignment is a power of two and the lengths are those of a 32-bit memory; the
    // length is not zero; `old` and its length come from this function.
    unsafe {
        let new = if old_length == 0 {
            std::alloc::alloc(Layout::from_size_align_unchecked(length, alignment))
        } else {
            let layout = Layout::from_size_align_unchecked(old_length, alignment);
            std::alloc::realloc(old, layout, length)
        };
        if new.is_null() {
            std::alloc::handle_alloc_error(Layout::from_size_align_unchecked(length, alignment));
        }
        new
    }
}
