//! What a command writes to: standard output for the answer, standard error for everything said beside it.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use clap::ColorChoice;
use clap::builder::styling::AnsiColor;
use jailkit::source::Diagnostic;

use crate::cli::Global;
use crate::failure::Failure;
use crate::{diff, render};

/// The terminal, or the files and pipes that stand for it, and the options on how to write there.
pub(crate) struct Terminal {
    global: Global,
    colors_out: bool,
    colors_err: bool,
}

impl Terminal {
    pub(crate) fn new(global: &Global) -> Self {
        let colors = |is_terminal: bool| match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let (colors_out, colors_err) = (colors(io::stdout().is_terminal()), colors(io::stderr().is_terminal()));
        Self { global: global.clone(), colors_out, colors_err }
    }

    pub(crate) fn global(&self) -> &Global {
        &self.global
    }

    pub(crate) fn json(&self) -> bool {
        self.global.json
    }

    pub(crate) fn dry_run(&self) -> bool {
        self.global.dry_run
    }

    /// A line of the answer.
    pub(crate) fn say(&self, line: impl fmt::Display) -> io::Result<()> {
        write_stdout(format!("{line}\n").as_bytes())
    }

    /// The answer for programs: one JSON document, ended by a newline.
    pub(crate) fn say_json(&self, value: &impl serde::Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        write_stdout(&text)
    }

    /// The diff of a file that is about to change, as part of the answer; nothing where nothing changes.
    pub(crate) fn say_diff(&self, name: &str, old: &[u8], new: &[u8]) -> io::Result<()> {
        write_stdout(diff::unified(name, old, new, self.colors_out).as_bytes())
    }

    /// A table of the answer: a row of headings, then the rows.
    pub(crate) fn say_table<const N: usize>(&self, headings: [&str; N], rows: Vec<[String; N]>) -> io::Result<()> {
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::NOTHING).set_header(headings).add_rows(rows);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        self.say(table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
    }

    /// Whether somebody sits at standard error to watch, and standard input to answer.
    pub(crate) fn is_watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Asks on the terminal; the line that was answered. None where nobody sits there.
    pub(crate) fn ask(&self, question: &str) -> io::Result<Option<String>> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        write!(io::stderr().lock(), "{question} ")?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(Some(answer.trim().to_owned()))
    }

    /// A finding, with carets; standard error.
    pub(crate) fn report(&self, found: &Diagnostic) {
        self.note(render::diagnostic(found, self.colors_err));
    }

    /// A line beside the answer; standard error. There is no one left to tell where that fails.
    pub(crate) fn note(&self, line: impl fmt::Display) {
        // In one piece: others may write there too.
        io::stderr().lock().write_all(format!("{line}\n").as_bytes()).unwrap_or_default();
    }

    /// What ended the command, with its causes.
    pub(crate) fn fail(&self, failure: &Failure) {
        match failure {
            _ if failure.is_closed_pipe() => {}
            Failure::Found(found) => found.iter().for_each(|one| self.report(one)),
            Failure::Usage(message) => self.note(format_args!("{}: {message}", self.error_word())),
            Failure::Error(error) => {
                self.note(format_args!("{}: {error}", self.error_word()));
                let causes = std::iter::successors(error.source(), |cause| cause.source());
                let mut said = error.to_string();
                for cause in causes.map(ToString::to_string) {
                    // Many errors already end with their cause's words.
                    if !said.ends_with(&cause) {
                        self.note(format_args!("  because: {cause}"));
                    }
                    said = cause;
                }
            }
        }
    }

    fn error_word(&self) -> String {
        let red = AnsiColor::Red.on_default().bold();
        if self.colors_err { format!("{red}error{red:#}") } else { "error".to_owned() }
    }
}

/// Bytes of the answer, as they are.
pub(crate) fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
