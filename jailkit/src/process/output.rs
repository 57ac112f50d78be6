//! What a program has printed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::process::Stdio;

/// The longest line that is handed on whole: a program in a jail may print one without end.
const LONGEST_LINE: u64 = 64 * 1024;

/// A file that takes what a program prints. Not a pipe: what the program leaves running writes on when nobody reads any
/// more.
#[derive(Debug)]
pub(super) struct Output(File);

impl Output {
    pub(super) fn new() -> io::Result<Self> {
        // Whoever has the file open shares its offset. So each write goes to the end, whatever that is, and what reads
        // has an offset of its own.
        let file = tempfile::Builder::new().append(true).tempfile()?;
        Ok(Self(file.into_file()))
    }

    /// For a program to print to.
    pub(super) fn writer(&self) -> io::Result<Stdio> {
        Ok(self.0.try_clone()?.into())
    }

    /// Hands on what has been printed by now, line by line; not what is printed meanwhile.
    pub(super) fn each_line(&self, mut lines: impl FnMut(&[u8])) -> io::Result<()> {
        let printed = ReadAt { file: &self.0, offset: 0 }.take(self.0.metadata()?.len());
        let mut printed = BufReader::new(printed);
        let mut line = Vec::new();
        while printed.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? > 0 {
            lines(line.strip_suffix(b"\n").unwrap_or(&line));
            line.clear();
        }
        Ok(())
    }
}

/// A reader that leaves the file's offset alone.
struct ReadAt<'f> {
    file: &'f File,
    offset: u64,
}

impl Read for ReadAt<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;

    use super::*;

    fn lines(output: &Output) -> Vec<String> {
        let mut lines = Vec::new();
        output.each_line(|line| lines.push(String::from_utf8_lossy(line).into_owned())).unwrap();
        lines
    }

    /// A daemon that a hook leaves behind writes while its lines are read; it once wrote over them, and as long as it
    /// wrote, the reading went on.
    #[test]
    fn what_is_printed_later_does_not_disturb_the_reading() {
        let output = Output::new().unwrap();
        let script = "i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); echo $i; done; printf end >&2";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdout(output.writer().unwrap()).stderr(output.writer().unwrap());
        assert!(command.status().unwrap().success());
        let mut daemon = output.0.try_clone().unwrap();
        let mut read = Vec::new();
        output
            .each_line(|line| {
                daemon.write_all(b"later\n").unwrap();
                read.push(String::from_utf8_lossy(line).into_owned());
            })
            .unwrap();
        let printed: Vec<_> = (1..=5000).map(|at| at.to_string()).chain(["end".to_owned()]).collect();
        assert_eq!(read, printed);
        let all = lines(&output);
        assert_eq!((all.len(), all[5000].as_str(), all[5001].as_str()), (10_001, "endlater", "later"));
    }

    #[test]
    fn a_line_without_end_comes_in_parts() {
        let output = Output::new().unwrap();
        let mut writer = output.0.try_clone().unwrap();
        writer.write_all(&vec![b'x'; 100_000]).unwrap();
        writer.write_all(b"\n\nend\n").unwrap();
        let lengths: Vec<_> = lines(&output).iter().map(String::len).collect();
        assert_eq!(lengths, [65_536, 34_464, 0, 3]);
    }
}
