//! Files with holes: which of their bytes an archive has.

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

use super::decode::Decoded;
use super::pax::number;
use crate::base::error::Fault;

/// More pieces than any file of a base system has.
const MOST: usize = 100_000;
const BLOCK: usize = 512;

/// A piece of data in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// A file with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holes {
    /// How long the file is.
    pub(super) len: u64,
    /// What is there of it, in order.
    pub(super) pieces: Vec<Piece>,
}

const DAMAGED: Fault = Fault::Header("the map of the holes is damaged");

impl Holes {
    /// A map as the archive has it; the pieces make up `data` bytes.
    fn new(len: u64, pieces: Vec<Piece>, data: u64) -> Result<Self, Fault> {
        let (mut end, mut sum) = (0_u64, 0_u64);
        for piece in &pieces {
            if piece.offset < end {
                return Err(DAMAGED);
            }
            end = piece.offset.checked_add(piece.len).ok_or(DAMAGED)?;
            sum += piece.len;
        }
        if end > len || sum != data {
            return Err(DAMAGED);
        }
        Ok(Self { len, pieces })
    }

    /// Pairs of offset and length.
    pub(super) fn from_numbers(len: u64, numbers: &[u64], data: u64) -> Result<Self, Fault> {
        if !numbers.len().is_multiple_of(2) || numbers.len() / 2 > MOST {
            return Err(DAMAGED);
        }
        let pieces = numbers.chunks_exact(2).map(|pair| Piece { offset: pair[0], len: pair[1] }).collect();
        Self::new(len, pieces, data)
    }

    /// The map of GNU tar's own format: in the header, and in blocks after it.
    pub(super) fn from_header(header: &Header, data: u64, input: &mut Decoded<'_>) -> Result<Self, Fault> {
        let gnu = header.as_gnu().ok_or(DAMAGED)?;
        let len = gnu.real_size().map_err(|_| DAMAGED)?;
        let mut pieces = Vec::new();
        let mut take = |entries: &[GnuSparseHeader]| {
            for entry in entries.iter().filter(|entry| !entry.is_empty()) {
                let (offset, len) = (entry.offset().map_err(|_| DAMAGED)?, entry.length().map_err(|_| DAMAGED)?);
                pieces.push(Piece { offset, len });
            }
            if pieces.len() > MOST { Err(DAMAGED) } else { Ok(()) }
        };
        take(&gnu.sparse)?;
        let mut more = gnu.is_extended();
        let mut blocks = 0;
        while more {
            let mut block = GnuExtSparseHeader::new();
            blocks += 1;
            if blocks > MOST || !input.read_exact(block.as_mut_bytes())? {
                return Err(Fault::Truncated);
            }
            take(block.sparse())?;
            more = block.is_extended();
        }
        Self::new(len, pieces, data)
    }

    /// The map in front of the data: decimal numbers, a line each, their count first, filled up to whole blocks. The
    /// second value is how many bytes of `data` it took.
    pub(super) fn from_data(len: u64, data: u64, input: &mut Decoded<'_>) -> Result<(Self, u64), Fault> {
        let mut text = Vec::new();
        let mut expected = None;
        loop {
            let lines = text.iter().filter(|&&byte| byte == b'\n').count();
            if expected.is_none() && lines > 0 {
                let count = text.split(|&byte| byte == b'\n').next().map(number).ok_or(DAMAGED)??;
                let count = usize::try_from(count).ok().filter(|&count| count <= MOST).ok_or(DAMAGED)?;
                expected = Some(1 + 2 * count);
            }
            if expected.is_some_and(|expected| lines >= expected) {
                break;
            }
            let mut block = [0; BLOCK];
            if text.len() as u64 + BLOCK as u64 > data || text.len() > MOST * 48 {
                return Err(DAMAGED);
            }
            if !input.read_exact(&mut block)? {
                return Err(Fault::Truncated);
            }
            text.extend_from_slice(&block);
        }
        let lines = text.split(|&byte| byte == b'\n').skip(1).take(expected.unwrap_or(1) - 1);
        let numbers = lines.map(number).collect::<Result<Vec<_>, _>>()?;
        let taken = text.len() as u64;
        Ok((Self::from_numbers(len, &numbers, data - taken)?, taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_in_order_and_add_up() {
        let ok = Holes::from_numbers(100, &[10, 5, 15, 0, 90, 10], 15).unwrap();
        assert_eq!(ok.pieces[2], Piece { offset: 90, len: 10 });
        for (len, numbers, data) in [
            (100, &[10, 5, 12, 1][..], 6),
            (100, &[99, 2], 2),
            (100, &[10, 5], 6),
            (100, &[10], 0),
            (100, &[u64::MAX, 2], 2),
            (u64::MAX, &[0, u64::MAX - 1, 1, u64::MAX], 0),
        ] {
            assert!(Holes::from_numbers(len, numbers, data).is_err(), "{numbers:?}");
        }
    }
}
