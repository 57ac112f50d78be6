//! An archive of the shape of a release's base.txz: sizes, depth, links and how well it compresses.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};
use xz2::stream::{Check, MtStreamBuilder};
use xz2::write::XzEncoder;

const FILES: u64 = 25_000;
/// What `xz -T0` takes: three times the dictionary of its preset 6.
const BLOCK: u64 = 24 << 20;

/// The archive, made unless it is there from an earlier run.
pub(crate) fn made_in(dir: &Path) -> io::Result<PathBuf> {
    let path = dir.join("base-bench-1.txz");
    if path.exists() {
        return Ok(path);
    }
    eprintln!("making {}, once; this takes minutes", path.display());
    let unfinished = path.with_extension("tmp");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let stream = MtStreamBuilder::new()
        .threads(threads as u32)
        .preset(6)
        .block_size(BLOCK)
        .check(Check::Crc64)
        .encoder()
        .map_err(io::Error::other)?;
    let file = BufWriter::new(File::create(&unfinished)?);
    let mut tar = tar::Builder::new(XzEncoder::new_stream(file, stream));
    fill(&mut tar)?;
    tar.into_inner()?.finish()?.flush()?;
    fs::rename(&unfinished, &path)?;
    Ok(path)
}

fn fill<W: Write>(tar: &mut tar::Builder<W>) -> io::Result<()> {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let words = Words::new(&mut noise);
    entry(tar, EntryType::Directory, "./", 0o755, &[])?;
    let mut content = Vec::new();
    for dir in 0..FILES / 50 {
        let parent = format!("./usr/share/part{}/dir{dir}", dir % 20);
        entry(tar, EntryType::Directory, &format!("{parent}/"), 0o755, &[])?;
        for file in 0..50 {
            let number = dir * 50 + file;
            content.clear();
            let len = size(number, &mut noise);
            match number % 5 {
                // Manual pages, which are packed already.
                0 => noise.fill(&mut content, len.min(6000)),
                1 => words.text(&mut content, len, &mut noise),
                _ => words.code(&mut content, len, &mut noise),
            }
            let name = format!("{parent}/file{file}");
            entry(tar, EntryType::Regular, &name, 0o555, &content)?;
            if number.is_multiple_of(40) {
                let mut header = header(EntryType::Link, 0o555, 0);
                tar.append_link(&mut header, format!("{parent}/link{file}"), &name)?;
            }
            if number.is_multiple_of(25) {
                let mut header = header(EntryType::Symlink, 0o755, 0);
                tar.append_link(&mut header, format!("{parent}/sym{file}"), format!("file{file}"))?;
            }
        }
    }
    Ok(())
}

/// Mostly small, some around a megabyte, a few like clang(1).
fn size(number: u64, noise: &mut Noise) -> usize {
    let most = match number {
        _ if number % 6250 == 3 => return 45 << 20,
        _ if number % 100 == 7 => 1_300 << 10,
        _ if number % 10 == 2 => 120 << 10,
        _ => 14 << 10,
    };
    (most / 3 + noise.next() % most) as usize
}

fn header(kind: EntryType, mode: u32, size: usize) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_732_838_400);
    header.set_size(size as u64);
    header
}

fn entry<W: Write>(tar: &mut tar::Builder<W>, kind: EntryType, name: &str, mode: u32, data: &[u8]) -> io::Result<()> {
    tar.append_data(&mut header(kind, mode, data.len()), name, data)
}

/// xorshift
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
    }

    /// Small numbers far more often than large ones, as words and opcodes have it.
    fn skewed(&mut self, most: u64) -> u64 {
        let part = (self.next() % most) as u128;
        (part * part * (self.next() % most) as u128 / (u128::from(most) * u128::from(most))) as u64
    }

    fn fill(&mut self, into: &mut Vec<u8>, len: usize) {
        while into.len() < len {
            into.extend_from_slice(&self.next().to_le_bytes()[..7]);
        }
    }
}

/// What texts and programs are made of.
struct Words {
    text: Vec<Vec<u8>>,
    code: Vec<Vec<u8>>,
}

impl Words {
    fn new(noise: &mut Noise) -> Self {
        let letters = b"etaoinshrdlucmfwypvbgkjqxz";
        let text = (0..20_000).map(|_| {
            let len = 2 + noise.next() % 9;
            let mut word: Vec<u8> = (0..len).map(|_| letters[noise.skewed(26) as usize]).collect();
            word.push(if noise.next().is_multiple_of(12) { b'\n' } else { b' ' });
            word
        });
        let text = text.collect();
        let code = (0..6_000).map(|_| (0..2 + noise.next() % 6).map(|_| noise.next() as u8).collect()).collect();
        Self { text, code }
    }

    fn text(&self, into: &mut Vec<u8>, len: usize, noise: &mut Noise) {
        while into.len() < len {
            into.extend_from_slice(&self.text[noise.skewed(self.text.len() as u64) as usize]);
        }
    }

    /// Instructions, now and then an address, now and then what stood there before.
    fn code(&self, into: &mut Vec<u8>, len: usize, noise: &mut Noise) {
        while into.len() < len {
            match noise.next() % 32 {
                0..4 => into.extend_from_slice(&(noise.next() as u32 & 0x000f_ffff).to_le_bytes()),
                4..10 if into.len() > 4096 => {
                    let from = into.len() - 64 - (noise.next() % 4000) as usize;
                    into.extend_from_within(from..from + 12 + (noise.next() % 48) as usize);
                }
                10 => into.extend_from_slice(&[0; 24]),
                _ => into.extend_from_slice(&self.code[noise.skewed(self.code.len() as u64) as usize]),
            }
        }
    }
}
