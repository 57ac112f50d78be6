//! What the tests on a real FreeBSD host have in common.

/// Ends a test where it must not run: nothing it says would be true.
pub(crate) fn only_as_root() {
    assert!(nix::unistd::geteuid().is_root(), "these tests make jails and mounts: run them as root");
}
