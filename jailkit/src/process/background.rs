//! Programs in the background, which nobody waits for.

use std::process::Child;
use std::sync::{Mutex, PoisonError};

/// Those that may still run.
static LEFT: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// Leaves a program to itself. Whoever uses the library may run for long: of those that were left earlier, the ones
/// that have ended are no processes any more from here on, not even zombies.
pub(super) fn leave(child: Child) {
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    left.push(child);
    left.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_has_ended_is_no_zombie() {
        let start = || Command::new("/bin/cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut first = start();
        let (id, input) = (first.id(), first.stdin.take());
        leave(first);
        let is_left = || LEFT.lock().unwrap().iter().any(|child| child.id() == id);
        assert!(is_left());
        drop(input);
        // Its end is seen, and not waited for: kill(2) finds a zombie, too.
        while is_left() {
            let mut next = start();
            next.kill().unwrap();
            leave(next);
        }
        let found = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id.cast_signed()), None);
        assert_eq!(found, Err(nix::errno::Errno::ESRCH));
    }
}
