//! One way to take a lock: a panic elsewhere must not take this session's answers away with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock, whether or not a holder panicked: everything behind these locks is valid after every statement.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
