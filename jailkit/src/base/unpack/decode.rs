//! The archive's bytes on their way: read and digested by one thread, decompressed by others, handed on in order.
//!
//! The file is read once. Its digest is whole when the last entry is, so checking costs no second reading.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use sha2::Digest;
use xz2::stream::{Action, Error as XzError, MtStreamBuilder, Status, Stream};

use crate::base::error::Fault;
use crate::base::manifest::Sha256;

const READ_CHUNK: usize = 256 * 1024;
const DECODED_CHUNK: usize = 1024 * 1024;
/// How many chunks may wait before the next thread takes them.
const QUEUE: usize = 8;

/// What decoding may use.
#[derive(Clone, Copy)]
pub(super) struct Resources {
    /// Threads that decompress, one block each.
    pub(super) threads: u32,
    /// The bytes that blocks in work may take; where one block takes more, it is decoded as it comes, by one thread.
    pub(super) memory: u64,
    /// The bytes that one thread may take before the archive is refused.
    pub(super) memory_stop: u64,
}

/// What the threads tell each other besides data.
#[derive(Default)]
pub(super) struct Signals {
    /// Bytes of the archive that have been read.
    pub(super) read: AtomicU64,
    /// Nobody wants to know the digest any more.
    stop: AtomicBool,
}

/// Runs `consume` on the decompressed bytes of `file`; returns what it did, and the digest of the whole file.
///
/// Where `consume` fails the file is still read to its end, as its digest may tell why; unless it has called
/// [`Decoded::abandon`].
pub(super) fn decoded<T>(
    file: File,
    resources: Resources,
    limit: u64,
    signals: &Signals,
    consume: impl FnOnce(&mut Decoded<'_>) -> T,
) -> (T, io::Result<Sha256>) {
    thread::scope(|scope| {
        let (to_decoder, from_reader) = sync_channel(QUEUE);
        let (to_consumer, from_decoder) = sync_channel(QUEUE);
        let (read_return, read_used) = channel();
        let (decoded_return, decoded_used) = channel();
        let reader = scope.spawn(move || read(file, &to_decoder, &read_used, signals));
        scope.spawn(move || {
            let mut output = Output { to: to_consumer, used: decoded_used, chunk: Vec::new() };
            // The receiver is gone where this fails: then nobody wants to know.
            let result = Decoder { resources, streams: 0, padding: 0, stream: None }.run(
                &from_reader,
                &read_return,
                &mut output,
            );
            match result {
                Ok(()) => output.flush(),
                Err(Stop::Unwanted) => false,
                Err(Stop::Fault(fault)) => output.flush() && output.to.send(Err(fault)).is_ok(),
            }
        });
        let mut decoded =
            Decoded { from: from_decoder, used: decoded_return, chunk: Vec::new(), at: 0, total: 0, limit, signals };
        let result = consume(&mut decoded);
        drop(decoded);
        let digest = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (result, digest)
    })
}

fn read(
    mut file: File,
    to: &SyncSender<io::Result<Vec<u8>>>,
    used: &Receiver<Vec<u8>>,
    signals: &Signals,
) -> io::Result<Sha256> {
    let mut digest = sha2::Sha256::new();
    let mut wanted = true;
    loop {
        let mut chunk = used.try_recv().unwrap_or_default();
        chunk.resize(READ_CHUNK, 0);
        let len = match file.read(&mut chunk) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let copy = error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
                // Where the decoder is gone, the error is told by the digest that is missing.
                drop(to.send(Err(copy)));
                return Err(error);
            }
        };
        if len == 0 {
            return Ok(Sha256(digest.finalize().into()));
        }
        chunk.truncate(len);
        digest.update(&chunk);
        signals.read.fetch_add(len as u64, Ordering::Relaxed);
        if signals.stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        wanted = wanted && to.send(Ok(chunk)).is_ok();
    }
}

/// Why decoding ends early.
enum Stop {
    Fault(Fault),
    Unwanted,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Decompressed chunks on their way to who uses them.
struct Output {
    to: SyncSender<Result<Vec<u8>, Fault>>,
    used: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
}

impl Output {
    /// A chunk with room in it.
    fn room(&mut self) -> Result<&mut Vec<u8>, Stop> {
        if self.chunk.len() == self.chunk.capacity() && !self.flush() {
            return Err(Stop::Unwanted);
        }
        Ok(&mut self.chunk)
    }

    fn flush(&mut self) -> bool {
        let mut next = self.used.try_recv().unwrap_or_default();
        next.clear();
        next.reserve_exact(DECODED_CHUNK);
        let chunk = std::mem::replace(&mut self.chunk, next);
        chunk.is_empty() || self.to.send(Ok(chunk)).is_ok()
    }
}

/// One .xz file: a stream, or several with padding between.
struct Decoder {
    resources: Resources,
    streams: u64,
    padding: u64,
    stream: Option<Stream>,
}

impl Decoder {
    fn run(
        mut self,
        input: &Receiver<io::Result<Vec<u8>>>,
        used: &Sender<Vec<u8>>,
        output: &mut Output,
    ) -> Result<(), Stop> {
        while let Ok(chunk) = input.recv() {
            let chunk = chunk.map_err(Fault::Read)?;
            let mut left = chunk.as_slice();
            while !left.is_empty() {
                left = self.step(left, output)?;
            }
            // The reader is through where it takes none back.
            drop(used.send(chunk));
        }
        while self.stream.is_some() {
            self.process(&[], Action::Finish, output)?;
        }
        match (self.streams, self.padding % 4) {
            (0, _) => Err(Fault::Truncated.into()),
            (_, 0) => Ok(()),
            _ => Err(Fault::Trailing.into()),
        }
    }

    /// Takes some of the input; what is left of it.
    fn step<'a>(&mut self, input: &'a [u8], output: &mut Output) -> Result<&'a [u8], Stop> {
        if self.stream.is_none() {
            let start = input.iter().position(|&byte| byte != 0 || self.streams == 0);
            self.padding += start.unwrap_or(input.len()) as u64;
            let Some(start) = start else { return Ok(&[]) };
            if !self.padding.is_multiple_of(4) {
                return Err(Fault::Trailing.into());
            }
            self.padding = 0;
            self.streams += 1;
            self.stream = Some(self.begin()?);
            return Ok(&input[start..]);
        }
        let taken = self.process(input, Action::Run, output)?;
        Ok(&input[taken..])
    }

    fn begin(&self) -> Result<Stream, Fault> {
        MtStreamBuilder::new()
            .threads(self.resources.threads)
            .memlimit_threading(self.resources.memory)
            .memlimit_stop(self.resources.memory_stop)
            .decoder()
            .map_err(|error| self.fault(&error))
    }

    fn process(&mut self, input: &[u8], action: Action, output: &mut Output) -> Result<usize, Stop> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let before = stream.total_in();
        let status = stream.process_vec(input, output.room()?, action);
        let taken = usize::try_from(stream.total_in() - before).unwrap_or(input.len());
        match status {
            Ok(Status::StreamEnd) => self.stream = None,
            // No progress is possible, and all that there is has been given.
            Ok(Status::MemNeeded) if matches!(action, Action::Finish) => return Err(Fault::Truncated.into()),
            Ok(_) => {}
            Err(error) => return Err(self.fault(&error).into()),
        }
        Ok(taken)
    }

    fn fault(&self, error: &XzError) -> Fault {
        match error {
            XzError::Format if self.streams > 1 => Fault::Trailing,
            XzError::Format => Fault::NotXz,
            XzError::MemLimit => Fault::Memory { limit: self.resources.memory_stop >> 20 },
            XzError::Mem => Fault::Read(io::ErrorKind::OutOfMemory.into()),
            XzError::Options | XzError::NoCheck | XzError::UnsupportedCheck => Fault::Unsupported,
            XzError::Data | XzError::Program => Fault::Damaged,
        }
    }
}

/// The decompressed bytes, in order.
pub(super) struct Decoded<'a> {
    from: Receiver<Result<Vec<u8>, Fault>>,
    used: Sender<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
    total: u64,
    limit: u64,
    signals: &'a Signals,
}

impl Decoded<'_> {
    /// The next bytes, as many as there are without waiting for more; none at the end.
    ///
    /// # Errors
    /// What is wrong with the archive, or [`Fault::TooLarge`].
    pub(super) fn fill(&mut self) -> Result<&[u8], Fault> {
        if self.at == self.chunk.len() {
            let next = match self.from.recv() {
                Ok(next) => next?,
                Err(_) => Vec::new(),
            };
            // The decoder is through where it takes none back.
            drop(self.used.send(std::mem::replace(&mut self.chunk, next)));
            self.at = 0;
            self.total += self.chunk.len() as u64;
            if self.total > self.limit {
                return Err(Fault::TooLarge { limit: self.limit });
            }
        }
        Ok(&self.chunk[self.at..])
    }

    /// Takes bytes that [`Decoded::fill`] has shown.
    pub(super) fn consume(&mut self, len: usize) {
        self.at += len;
    }

    /// Whether `len` more bytes would be more than allowed.
    pub(super) fn allows(&self, len: u64) -> Result<(), Fault> {
        let taken = self.total - (self.chunk.len() - self.at) as u64;
        if taken.saturating_add(len) > self.limit { Err(Fault::TooLarge { limit: self.limit }) } else { Ok(()) }
    }

    /// Fills `bytes`; false where the end comes before the first one.
    ///
    /// # Errors
    /// Likewise; [`Fault::Truncated`] where the end comes later.
    pub(super) fn read_exact(&mut self, bytes: &mut [u8]) -> Result<bool, Fault> {
        let mut have = 0;
        while have < bytes.len() {
            let found = self.fill()?;
            if found.is_empty() {
                return if have == 0 { Ok(false) } else { Err(Fault::Truncated) };
            }
            let len = found.len().min(bytes.len() - have);
            bytes[have..have + len].copy_from_slice(&found[..len]);
            self.consume(len);
            have += len;
        }
        Ok(true)
    }

    /// Stops the threads behind this as soon as it is dropped.
    pub(super) fn abandon(&self) {
        self.signals.stop.store(true, Ordering::Relaxed);
    }

    /// Bytes of the archive that have been read.
    pub(super) fn archive_read(&self) -> u64 {
        self.signals.read.load(Ordering::Relaxed)
    }
}
