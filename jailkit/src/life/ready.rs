//! When a jail that runs is ready for those that depend on it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bstr::ByteSlice;

use super::JailError;
use super::observer::What;
use super::spec::JailSpec;
use super::world::World;
use crate::kernel::Jail;
use crate::process::Exit;
use crate::stack::{Ready, ReadyWhen};

/// How long to wait between two looks, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(250));

/// Waits until a jail is ready. On a simulated host nothing runs, so it is ready as soon as it has been looked at.
///
/// # Errors
/// [`JailError::NotReady`] where it takes too long.
pub(super) fn wait(world: &World<'_>, spec: &JailSpec, jail: &Arc<Jail>, ready: &Ready) -> Result<(), JailError> {
    world.tell(spec.name.as_bstr(), What::Waiting(ready));
    let deadline = Instant::now() + ready.patience;
    let mut pause = PAUSES.0;
    while !(is_ready(world, spec, jail, &ready.when)? || world.host.is_simulated()) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(JailError::NotReady { waited_for: ready.when.to_string(), patience: ready.patience });
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(PAUSES.1);
    }
    world.tell(spec.name.as_bstr(), What::Ready);
    Ok(())
}

fn is_ready(world: &World<'_>, spec: &JailSpec, jail: &Arc<Jail>, when: &ReadyWhen) -> Result<bool, JailError> {
    match when {
        ReadyWhen::Socket(path) => {
            let root = spec.on_host.root.as_deref().unwrap_or("/".as_ref());
            // The jail's programs may not have made the way there yet.
            Ok(world.host.files().stat_in_jail(root, path).is_ok_and(|found| found.is_some()))
        }
        ReadyWhen::Tcp(_) if world.host.is_simulated() => Ok(true),
        ReadyWhen::Tcp(port) => {
            let accepts = |address: &IpAddr| {
                let address = SocketAddr::new(*address, *port);
                TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
            };
            // A jail without addresses of its own has the host's.
            let inherited = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            let addresses = if spec.all_addresses.is_empty() { &inherited[..] } else { &spec.all_addresses };
            Ok(addresses.iter().any(accepts))
        }
        ReadyWhen::Command(command) => {
            let mut program = spec.program(command.as_bytes().as_bstr(), Some(Arc::clone(jail)));
            program.timeout.get_or_insert(Duration::from_secs(10));
            Ok(world.host.processes().run_captured(&program, &mut |_| {})? == Exit::Status(0))
        }
    }
}
