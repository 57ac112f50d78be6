//! The stack file that a command names, and plans on the terminal.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use jailkit::plan::Plan;
use jailkit::source::{Diagnostic, Severity, Source};
use jailkit::stack::{self, Stack};

use crate::failure::Failure;
use crate::terminal::Terminal;

/// The stack file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the stack file {}; name one, or run jailkit in the folder it is in", path.display())]
pub(crate) struct StackError {
    path: PathBuf,
    source: io::Error,
}

#[derive(Args)]
pub(crate) struct StackFile {
    /// The stack file
    #[arg(value_name = "STACK", default_value = "jailkit.toml")]
    path: PathBuf,

    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
}

impl StackFile {
    /// Reads the stack, and shows the warnings about it.
    pub(crate) fn read(&self, terminal: &Terminal) -> Result<Stack, Failure> {
        let (stack, mut warnings) = read(&self.path)?;
        if self.strict && !warnings.is_empty() {
            warnings.iter_mut().for_each(|found| found.severity = Severity::Error);
            return Err(Failure::Found(warnings));
        }
        warnings.iter().for_each(|found| terminal.report(found));
        Ok(stack)
    }

    /// The stack, where there is a file; the default one may be missing.
    pub(crate) fn read_if_there(&self, terminal: &Terminal) -> Result<Option<Stack>, Failure> {
        let is_default = self.path == Path::new("jailkit.toml");
        if is_default && !self.path.exists() { Ok(None) } else { self.read(terminal).map(Some) }
    }
}

/// A stack, and the warnings about it.
pub(crate) fn read(path: &Path) -> Result<(Stack, Vec<Diagnostic>), Failure> {
    let source = Source::read(path).map_err(|source| StackError { path: path.to_owned(), source })?;
    Ok(stack::read(&source)?)
}

/// Shows the steps of a plan, then a diff of each file.
pub(crate) fn show_plan(plan: &Plan, terminal: &Terminal) -> Result<(), Failure> {
    if terminal.json() {
        terminal.say_json(plan)?;
        return Ok(());
    }
    for (index, step) in plan.steps.iter().enumerate() {
        terminal.say(format_args!("{:>3}. {step}", index + 1))?;
    }
    for change in plan.files().filter(|change| change.before != change.after) {
        let text = |text: &Option<bstr::BString>| text.clone().unwrap_or_default();
        terminal.say("")?;
        terminal.say_diff(&change.path.display().to_string(), &text(&change.before), &text(&change.after))?;
    }
    for kept in &plan.kept {
        terminal.note(format_args!("kept: {}", kept.display()));
    }
    Ok(())
}
