//! What a service manager is told: systemd, where it started this process with `Type=notify`.

use sd_notify::NotifyState;

/// The host answers, and all its runs go on.
pub(super) fn ready() {
    tell(NotifyState::Ready);
}

/// The host was asked to stop.
pub(super) fn stopping() {
    tell(NotifyState::Stopping);
}

/// Where nobody asked to be told, nothing is done.
fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager cannot be told how the host stands");
    }
}
