//! The one way from a guest to its host, and it is paid for.
//!
//! What the host does for a guest costs the guest no fuel. So each call counts for itself and for the
//! bytes that it brings, and a guest that has used up what a turn may pass is stopped. No function that
//! a guest can call is defined in any other way than these: one that forgets to charge does not compile.

use wasmtime::component::{ComponentNamedList, HasData, Lift, LinkerInstance, Lower};

use crate::sandbox::state::State;

/// What one call of the host counts for besides its bytes: far more than it takes, so that a million
/// of the dearest take about a second.
pub(super) const CALL: usize = 256;

/// A call of the host that is under way. What it is about is reached by paying for it.
pub(super) struct Caller<'a>(&'a mut State);

/// For the generated bindings: what their functions are given.
pub(super) struct Calls;

impl HasData for Calls {
    type Data<'a> = Caller<'a>;
}

impl<'a> Caller<'a> {
    pub(super) const fn new(state: &'a mut State) -> Self {
        Self(state)
    }

    /// Pays for the call and what it brings, in bytes, and gives what it is about.
    ///
    /// # Errors
    ///
    /// The guest has passed too much since its turn began; it must stop.
    pub(super) fn pays(&mut self, bytes: usize) -> wasmtime::Result<&mut State> {
        self.0.charge(bytes.saturating_add(CALL))?;
        Ok(self.0)
    }
}

/// Defines a function of WASI, which costs as much as it says besides the call.
pub(super) fn offer<P, R>(
    target: &mut LinkerInstance<'_, State>,
    name: &str,
    cost: impl Fn(&P) -> usize + Send + Sync + 'static,
    answer: impl Fn(&mut State, P) -> wasmtime::Result<R> + Send + Sync + 'static,
) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lift + 'static,
    R: ComponentNamedList + Lower + 'static,
{
    target.func_wrap(name, move |mut store, params: P| {
        let mut caller = Caller::new(store.data_mut());
        answer(caller.pays(cost(&params))?, params)
    })
}

/// For [`offer`]: the call costs itself.
pub(super) const fn nothing_more<P>(_params: &P) -> usize {
    0
}
