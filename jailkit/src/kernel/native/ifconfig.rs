//! Interfaces, through ifconfig(8).

use std::net::{IpAddr, Ipv6Addr};
use std::process::{Command, Stdio};

use ipnet::IpNet;
use nix::sys::socket::SockaddrStorage;

use crate::kernel::{Errno, KernelError};

pub(super) fn run(args: &[&str]) -> Result<(), KernelError> {
    let call = || format!("ifconfig {}", args.join(" "));
    let output = Command::new("/sbin/ifconfig").args(args).env("LC_ALL", "C").stdin(Stdio::null()).output();
    let output = output.map_err(|error| KernelError {
        call: call(),
        errno: Errno(error.raw_os_error().unwrap_or(Errno::EIO.0)),
        message: Some(format!("/sbin/ifconfig does not start: {error}")),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(KernelError { call: call(), errno: meant(&said), message: Some(said) })
}

/// The error number behind the words of ifconfig(8), for those that callers tell apart.
fn meant(said: &str) -> Errno {
    let known = [Errno::EEXIST, Errno::ENXIO, Errno::EADDRNOTAVAIL, Errno::EPERM, Errno::EINVAL];
    let ends = |errno: &Errno| errno.text().is_some_and(|text| said.ends_with(text));
    match known.into_iter().find(ends) {
        Some(errno) => errno,
        None if said.contains("does not exist") => Errno::ENXIO,
        None => Errno::EIO,
    }
}

pub(super) fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "inet" } else { "inet6" }
}

/// An address with its mask as a network address; none where it is of another family.
pub(super) fn network(address: &SockaddrStorage, mask: &SockaddrStorage) -> Option<IpNet> {
    if let (Some(address), Some(mask)) = (address.as_sockaddr_in(), mask.as_sockaddr_in()) {
        let prefix = u32::from(mask.ip()).count_ones() as u8;
        return IpNet::new(address.ip().into(), prefix).ok();
    }
    let address = address.as_sockaddr_in6()?;
    let mask = mask.as_sockaddr_in6().map_or(Ipv6Addr::from(u128::MAX), nix::sys::socket::SockaddrIn6::ip);
    IpNet::new(address.ip().into(), u128::from(mask).count_ones() as u8).ok()
}
