//! `jailkit fstab list`

use std::process::ExitCode;

use clap::Args;
use jailkit::fstab::Entry;
use jailkit::source::printable;
use serde::Serialize;

use super::FstabFile;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text_file::JsonBytes;

/// Show the entries of an fstab as getfsent(3) reads them
///
/// For example: jailkit fstab list /etc/fstab
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    file: FstabFile,
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'a> {
    entries: Vec<Row<'a>>,
    bad_lines: Vec<usize>,
}

/// An entry as `[spec, file, vfstype, mntops, type, freq, passno]`.
type Row<'a> = (JsonBytes<'a>, JsonBytes<'a>, JsonBytes<'a>, JsonBytes<'a>, JsonBytes<'a>, i32, i32);

fn row(entry: &Entry) -> Row<'_> {
    let Entry { spec, file, vfstype, mntops, access, freq, passno } = entry;
    let bytes = |field| JsonBytes(field);
    (bytes(spec), bytes(file), bytes(vfstype), bytes(mntops), bytes(access), *freq, *passno)
}

impl List {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let fstab = self.file.parse()?;
        let entries: Vec<_> = fstab.entries().collect();
        let bad_lines: Vec<_> = fstab.bad_lines().collect();
        if terminal.json() {
            terminal.say_json(&Answer { entries: entries.iter().map(row).collect(), bad_lines })?;
            return Ok(ExitCode::SUCCESS);
        }
        let shown = |entry: &Entry| {
            let [spec, file, vfstype, mntops] =
                [&entry.spec, &entry.file, &entry.vfstype, &entry.mntops].map(|field| printable(field));
            [spec, file, vfstype, mntops, entry.freq.to_string(), entry.passno.to_string()]
        };
        terminal.say_table(
            ["DEVICE", "MOUNTPOINT", "TYPE", "OPTIONS", "DUMP", "PASS"],
            entries.iter().map(shown).collect(),
        )?;
        for line in bad_lines {
            terminal.note(format_args!("{}:{line}: getfsent(3) passes over this line", self.file.file.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}
