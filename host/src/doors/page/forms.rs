//! Forms that were sent: each does what it asks for once, however often somebody presses its button.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

/// How many forms are remembered: those that somebody may still have before them.
const REMEMBERED: usize = 1_000;

/// The keys of forms that were sent. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Forms(Arc<Mutex<VecDeque<String>>>);

impl Forms {
    /// Takes note of a form. False where it was sent before.
    pub(super) fn is_new(&self, key: &str) -> bool {
        let mut sent = self.0.lock();
        if sent.iter().any(|other| other == key) {
            return false;
        }
        if sent.len() == REMEMBERED {
            sent.pop_front();
        }
        sent.push_back(key.to_owned());
        true
    }

    /// What the form asked for was refused: it may be sent again.
    pub(super) fn forget(&self, key: &str) {
        self.0.lock().retain(|other| other != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_counts_once_unless_it_was_refused() {
        let forms = Forms::default();
        assert!(forms.is_new("a") && !forms.is_new("a") && forms.is_new("b"));
        forms.forget("a");
        assert!(forms.is_new("a"));
        (0..REMEMBERED).for_each(|number| assert!(forms.is_new(&number.to_string())));
        assert!(forms.is_new("b"), "so many are remembered");
    }
}
