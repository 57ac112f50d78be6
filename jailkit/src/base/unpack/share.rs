//! Giving one file's data to the same file of another tree: as a clone that shares its blocks where the file system
//! can, else as a copy.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::fcntl::copy_file_range;

use super::sparse::{Holes, Piece};

/// How a tree gets its data; once a way is found not to work, the next one is taken for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// FICLONE: the blocks are shared until one side is written.
    Clone,
    /// copy_file_range(2): the file system shares or copies as it can, as ZFS does on FreeBSD.
    Range,
    /// read(2) and write(2).
    Copy,
}

impl Way {
    /// Gives `to`, which is empty, the data of `from`, which has `len` bytes.
    pub(super) fn share(&mut self, from: &File, to: &File, len: u64, holes: Option<&Holes>) -> io::Result<()> {
        if *self == Self::Clone {
            match clone(from, to) {
                Ok(()) => return Ok(()),
                Err(_) => *self = Self::Range,
            }
        }
        let whole = [Piece { offset: 0, len }];
        for piece in holes.map_or(&whole[..], |holes| &holes.pieces) {
            self.piece(from, to, *piece)?;
        }
        to.set_len(holes.map_or(len, |holes| holes.len))
    }

    fn piece(&mut self, from: &File, to: &File, piece: Piece) -> io::Result<()> {
        let (mut at, end) = (piece.offset, piece.offset + piece.len);
        while *self == Self::Range && at < end {
            let most = usize::try_from(end - at).unwrap_or(usize::MAX).min(1 << 30);
            let (Ok(mut read_at), Ok(mut write_at)) = (i64::try_from(at), i64::try_from(at)) else {
                return Err(io::ErrorKind::FileTooLarge.into());
            };
            match copy_file_range(from, Some(&mut read_at), to, Some(&mut write_at), most) {
                Ok(copied) if copied > 0 => at += copied as u64,
                Err(nix::errno::Errno::EINTR) => {}
                Err(nix::errno::Errno::ENOSPC) => return Err(io::ErrorKind::StorageFull.into()),
                _ => *self = Self::Copy,
            }
        }
        let mut buffer = vec![0; usize::try_from(end - at).unwrap_or(usize::MAX).min(1 << 20)];
        while at < end {
            let most = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
            match from.read_at(&mut buffer[..most], at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    to.write_all_at(&buffer[..read], at)?;
                    at += read as u64;
                }
            }
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn clone(from: &File, to: &File) -> io::Result<()> {
    Ok(rustix::fs::ioctl_ficlone(to, from)?)
}

#[cfg(not(target_os = "linux"))]
fn clone(_from: &File, _to: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_gives_the_same() {
        let pieces = vec![Piece { offset: 10_000, len: 3 }, Piece { offset: 50_000, len: 5 }];
        let holes = Holes { len: 60_000, pieces };
        for start in [Way::Clone, Way::Range, Way::Copy] {
            for holes in [None, Some(&holes)] {
                let (from, to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
                from.write_all_at(b"abc", 10_000).unwrap();
                from.write_all_at(b"defgh", 50_000).unwrap();
                from.set_len(60_000).unwrap();
                let mut way = start;
                way.share(&from, &to, 60_000, holes).unwrap();
                let read = |file: &File| {
                    let mut bytes = vec![1; 60_001];
                    let len = file.read_at(&mut bytes, 0).unwrap();
                    bytes.truncate(len);
                    bytes
                };
                assert!(read(&from) == read(&to), "{start:?} {holes:?}");
            }
        }
    }
}
