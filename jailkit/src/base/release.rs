//! Which FreeBSD: releases and architectures, as the mirrors name them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A release, such as `14.2-RELEASE` or `15.0-RC1`.
///
/// # Example
/// ```
/// use jailkit::base::Release;
///
/// let release: Release = "14.2-RELEASE-p3".parse()?;
/// assert_eq!(release.to_string(), "14.2-RELEASE");
/// assert!(release.is_newer_than(1_401_000), "than the kernel of 14.1");
/// # Ok::<(), jailkit::base::NotRelease>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    major: u32,
    minor: u32,
    branch: String,
}

/// A text is no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no release; one reads like 14.2-RELEASE")]
pub struct NotRelease(String);

impl Release {
    /// The release whose kernel says `osreldate` of itself, as `kern.osreldate` of sysctl(3) has it: 1402000 is
    /// 14.2-RELEASE.
    pub fn of_kernel(osreldate: u32) -> Self {
        Self { major: osreldate / 100_000, minor: osreldate / 1000 % 100, branch: "RELEASE".to_owned() }
    }

    /// Whether a jail of it is newer than the kernel that says `osreldate` of itself: its programs may make system
    /// calls that this kernel does not have.
    pub fn is_newer_than(&self, osreldate: u32) -> bool {
        let kernel = Self::of_kernel(osreldate);
        (self.major, self.minor).cmp(&(kernel.major, kernel.minor)) == Ordering::Greater
    }

    /// The folder of a mirror that its kind of release is in.
    pub(super) fn folder(&self) -> &'static str {
        if matches!(self.branch.as_str(), "CURRENT" | "STABLE" | "PRERELEASE") { "snapshots" } else { "releases" }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}-{}", self.major, self.minor, self.branch)
    }
}

impl FromStr for Release {
    type Err = NotRelease;

    fn from_str(text: &str) -> Result<Self, NotRelease> {
        let parse = || {
            let (version, branch) = text.split_once('-')?;
            let (major, minor) = version.split_once('.')?;
            let number =
                |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
            // The patch level is freebsd-update's; the archives have none.
            let branch = match branch.split_once("-p") {
                Some((branch, patch)) if number(patch).is_some() => branch,
                _ => branch,
            };
            let plain = !branch.is_empty() && branch.bytes().all(|byte| byte.is_ascii_alphanumeric());
            plain.then_some(Self { major: number(major)?, minor: number(minor)?, branch: branch.to_owned() })
        };
        parse().ok_or_else(|| NotRelease(text.to_owned()))
    }
}

impl serde::Serialize for Release {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A platform: `amd64`, or `arm64/aarch64` where machine and processor differ (`uname -m` and `uname -p`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arch {
    machine: String,
    processor: String,
}

/// A text is no architecture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no architecture; one reads like amd64 or arm64/aarch64")]
pub struct NotArch(String);

impl Arch {
    /// That of this machine.
    pub fn of_host() -> Self {
        Self::named(match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "i386",
            other => other,
        })
    }

    fn named(name: &str) -> Self {
        let (machine, processor) = match name {
            "arm64" | "aarch64" => ("arm64", "aarch64"),
            "riscv" | "riscv64" => ("riscv", "riscv64"),
            "powerpc64" | "powerpc64le" | "powerpcspe" => ("powerpc", name),
            "armv7" => ("arm", "armv7"),
            other => (other, other),
        };
        Self { machine: machine.to_owned(), processor: processor.to_owned() }
    }

    /// The folders of a mirror: machine, processor.
    pub(super) fn folders(&self) -> (&str, &str) {
        (&self.machine, &self.processor)
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.machine == self.processor {
            f.write_str(&self.machine)
        } else {
            write!(f, "{}/{}", self.machine, self.processor)
        }
    }
}

impl FromStr for Arch {
    type Err = NotArch;

    fn from_str(text: &str) -> Result<Self, NotArch> {
        let plain = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match text.split_once('/') {
            Some((machine, processor)) if plain(machine) && plain(processor) => {
                Ok(Self { machine: machine.to_owned(), processor: processor.to_owned() })
            }
            None if plain(text) => Ok(Self::named(text)),
            _ => Err(NotArch(text.to_owned())),
        }
    }
}

impl serde::Serialize for Arch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_and_compared() {
        for (text, shown, newer) in [
            ("14.2-RELEASE", "14.2-RELEASE", false),
            ("14.3-RELEASE-p12", "14.3-RELEASE", true),
            ("13.5-RELEASE", "13.5-RELEASE", false),
            ("15.0-BETA1", "15.0-BETA1", true),
        ] {
            let release: Release = text.parse().unwrap();
            assert_eq!((release.to_string().as_str(), release.is_newer_than(1_402_000)), (shown, newer));
        }
        for text in ["", "14", "14.2", "14.2-", "14-RELEASE", "a.b-RELEASE", "14.2-RELEASE/../..", "14.-1-RELEASE"] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
        assert_eq!(Release::of_kernel(1_401_000).to_string(), "14.1-RELEASE");
    }

    #[test]
    fn platforms_have_two_names() {
        for (text, folders) in [
            ("amd64", ("amd64", "amd64")),
            ("aarch64", ("arm64", "aarch64")),
            ("powerpc/powerpc64", ("powerpc", "powerpc64")),
        ] {
            assert_eq!(text.parse::<Arch>().unwrap().folders(), folders);
        }
        for text in ["", "../..", "a/b/c", "amd64/"] {
            assert!(text.parse::<Arch>().is_err(), "{text}");
        }
    }
}
