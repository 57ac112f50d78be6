//! The entries of a tar archive, as they come.
//!
//! The headers are the tar crate's. Its reader is not used: it takes extension headers of any size into memory, and
//! data only through a copy.

use tar::{EntryType, Header};

use super::acl::Acl;
use super::decode::Decoded;
use super::pax::Extensions;
use super::sparse::Holes;
use crate::base::error::{Fault, Place};

const BLOCK: u64 = 512;
/// Some 34,000 years from 1970: beyond it, systems differ.
const LATEST: u64 = 1 << 40;
/// The most bytes an extension header may have: names, times and attributes are small.
const EXTENSION: u64 = 1 << 20;

/// What an entry makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dir,
    File,
    Symlink,
    HardLink,
}

/// One entry, before its data.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name as the archive spells it.
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// What a link links to.
    pub(super) link: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Seconds and nanoseconds.
    pub(super) mtime: (i64, u32),
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) acls: Vec<Acl>,
    /// As chflags(1) names them.
    pub(super) fflags: Vec<u8>,
    /// Where the data belongs in a file with holes.
    pub(super) holes: Option<Holes>,
}

/// A place in an archive and what is wrong there.
pub(super) type Misplaced = (Place, Fault);

/// The entries, in order.
pub(super) struct Archive<'a, 'b> {
    input: &'a mut Decoded<'b>,
    last: Option<Vec<u8>>,
    entries: u64,
    most: u64,
    /// What is left of the current entry: its data, and the zeros up to the next block.
    data: u64,
    padding: u64,
}

impl<'a, 'b> Archive<'a, 'b> {
    /// An archive of at most `most` entries.
    pub(super) fn new(input: &'a mut Decoded<'b>, most: u64) -> Self {
        Self { input, last: None, entries: 0, most, data: 0, padding: 0 }
    }

    /// How many entries there were up to now.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// The bytes behind it.
    pub(super) fn input(&self) -> &Decoded<'b> {
        self.input
    }

    /// The next entry; none at the archive's end mark, after which all is read up to the end of the file.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Misplaced> {
        match self.step() {
            Ok(Some(entry)) => {
                self.last = Some(entry.name.clone());
                Ok(Some(entry))
            }
            Ok(None) => Ok(None),
            Err((Some(name), fault)) => Err((Place::In(name), fault)),
            Err((None, fault)) => Err((self.last.clone().map_or(Place::Start, Place::After), fault)),
        }
    }

    fn step(&mut self) -> Result<Option<Entry>, (Option<Vec<u8>>, Fault)> {
        self.skip_data().map_err(|fault| (self.last.clone(), fault))?;
        let Some((header, extensions)) = self.headers().map_err(|fault| (None, fault))? else { return Ok(None) };
        let named = extensions.sparse.name.clone().or_else(|| extensions.name.clone());
        let name = named.unwrap_or_else(|| header.path_bytes().into_owned());
        self.entries += 1;
        if self.entries > self.most {
            return Err((Some(name), Fault::TooMany { limit: self.most }));
        }
        match self.entry(&header, extensions, name.clone()) {
            Ok(entry) => Ok(Some(entry)),
            Err(fault) => Err((Some(name), fault)),
        }
    }

    /// The next header that is no extension, with the extensions before it; none at the end mark.
    fn headers(&mut self) -> Result<Option<(Header, Extensions)>, Fault> {
        let mut extensions = Extensions::default();
        loop {
            let mut header = Header::new_old();
            if !self.input.read_exact(header.as_mut_bytes())? {
                return Err(Fault::NoEnd);
            }
            if header.as_bytes().iter().all(|&byte| byte == 0) {
                if !extensions.is_empty() {
                    return Err(Fault::Header("an extension of an entry that does not follow"));
                }
                return self.end().map(|()| None);
            }
            check_sum(&header)?;
            match header.entry_type() {
                EntryType::XHeader => extensions.pax(&self.extension(&header)?)?,
                EntryType::GNULongName => extensions.name = Some(self.long(&header)?),
                EntryType::GNULongLink => extensions.link = Some(self.long(&header)?),
                // Defaults for all entries; bsdtar(1) leaves them aside as well.
                EntryType::XGlobalHeader => drop(self.extension(&header)?),
                _ => return Ok(Some((header, extensions))),
            }
        }
    }

    /// The second block of zeros, and whatever fills up the last record.
    fn end(&mut self) -> Result<(), Fault> {
        let mut block = [0; BLOCK as usize];
        if !self.input.read_exact(&mut block)? || block != [0; BLOCK as usize] {
            return Err(Fault::NoEnd);
        }
        loop {
            let len = self.input.fill()?.len();
            if len == 0 {
                return Ok(());
            }
            self.input.consume(len);
        }
    }

    fn entry(&mut self, header: &Header, extensions: Extensions, name: Vec<u8>) -> Result<Entry, Fault> {
        let kind = match header.entry_type() {
            EntryType::Regular | EntryType::Continuous if name.ends_with(b"/") => Kind::Dir,
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::GNUSparse => Kind::File,
            EntryType::Directory => Kind::Dir,
            EntryType::Symlink => Kind::Symlink,
            EntryType::Link => Kind::HardLink,
            EntryType::Char => return Err(Fault::Special("character device")),
            EntryType::Block => return Err(Fault::Special("block device")),
            EntryType::Fifo => return Err(Fault::Special("named pipe")),
            other => return Err(Fault::Kind(other.as_byte())),
        };
        let size = match extensions.size {
            Some(size) => size,
            None => header.entry_size().map_err(|_| Fault::Header("its size is no number"))?,
        };
        if kind != Kind::File && size > 0 {
            return Err(Fault::Data(size));
        }
        self.input.allows(size)?;
        self.data = size;
        self.padding = (BLOCK - size % BLOCK) % BLOCK;
        let holes = self.holes(header, &extensions, size)?;
        let link = match &extensions.link {
            Some(link) => link.clone(),
            None => header.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default(),
        };
        let id = |given: Option<u64>, header: std::io::Result<u64>| {
            let id = match given {
                Some(id) => id,
                None => header.map_err(|_| Fault::Header("its owner is no number"))?,
            };
            u32::try_from(id).map_err(|_| Fault::Owner)
        };
        let mtime = match extensions.mtime {
            Some(mtime) => mtime,
            None => {
                let seconds = header.mtime().map_err(|_| Fault::Header("its time is no number"))?;
                (i64::try_from(seconds).map_err(|_| Fault::Header("its time is no time"))?, 0)
            }
        };
        if mtime.0.unsigned_abs() > LATEST {
            return Err(Fault::Header("its time is no time"));
        }
        let mode = header.mode().map_err(|_| Fault::Header("its mode is no number"))? & 0o7777;
        let (uid, gid) = (id(extensions.uid, header.uid())?, id(extensions.gid, header.gid())?);
        let Extensions { xattrs, acls, fflags, .. } = extensions;
        Ok(Entry { name, kind, link, mode, uid, gid, mtime, xattrs, acls, fflags, holes })
    }

    /// Where the data belongs, in a file with holes.
    fn holes(&mut self, header: &Header, extensions: &Extensions, size: u64) -> Result<Option<Holes>, Fault> {
        let holes = if header.entry_type() == EntryType::GNUSparse {
            Holes::from_header(header, size, self.input)?
        } else if let Some(len) = extensions.sparse.len {
            if extensions.sparse.major > 0 {
                let (holes, taken) = Holes::from_data(len, size, self.input)?;
                self.data -= taken;
                holes
            } else {
                Holes::from_numbers(len, &extensions.sparse.numbers, size)?
            }
        } else {
            return Ok(None);
        };
        self.input.allows(holes.len)?;
        Ok(Some(holes))
    }

    /// The next bytes of the current entry's data; none at its end.
    ///
    /// # Errors
    /// [`Fault::Truncated`] where the archive ends before.
    pub(super) fn data(&mut self) -> Result<&[u8], Fault> {
        if self.data == 0 {
            return Ok(&[]);
        }
        let found = self.input.fill()?;
        if found.is_empty() {
            return Err(Fault::Truncated);
        }
        let len = usize::try_from(self.data).unwrap_or(usize::MAX).min(found.len());
        Ok(&found[..len])
    }

    /// Takes bytes that [`Archive::data`] has shown.
    pub(super) fn consume(&mut self, len: usize) {
        self.input.consume(len);
        self.data -= len as u64;
    }

    fn skip_data(&mut self) -> Result<(), Fault> {
        self.data += std::mem::take(&mut self.padding);
        loop {
            let len = self.data()?.len();
            if len == 0 {
                return Ok(());
            }
            self.consume(len);
        }
    }

    /// The data of an extension header.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, Fault> {
        let size = header.entry_size().map_err(|_| Fault::Header("the size of an extension is no number"))?;
        if size > EXTENSION {
            return Err(Fault::Header("an extension of more than a megabyte"));
        }
        let mut bytes = vec![0; size.next_multiple_of(BLOCK) as usize];
        if !bytes.is_empty() && !self.input.read_exact(&mut bytes)? {
            return Err(Fault::Truncated);
        }
        bytes.truncate(size as usize);
        Ok(bytes)
    }

    fn long(&mut self, header: &Header) -> Result<Vec<u8>, Fault> {
        let mut name = self.extension(header)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }
}

/// The sum of the header's bytes, with its own field as blanks.
fn check_sum(header: &Header) -> Result<(), Fault> {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let bytes = header.as_bytes();
    let found = sum(&bytes[..148]) + sum(&bytes[156..]) + 8 * u32::from(b' ');
    match header.cksum() {
        Ok(expected) if expected == found => Ok(()),
        _ => Err(Fault::Header("its sum is wrong")),
    }
}
