//! `jailkit ls`

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jailkit::life::{Format, List, ListError, Selection};

use crate::failure::Failure;
use crate::host;
use crate::terminal::{Terminal, write_stdout};

/// List the jails that run (jls(8))
///
/// Without -h, -n, -s or parameters: a table. With --json: an object a jail.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Ls {
    /// Show dying jails too
    #[arg(short, long, visible_short_alias = 'a')]
    dying: bool,

    /// Show this jail only, by name or number
    #[arg(short, long, value_name = "JAIL")]
    jail: Option<String>,

    /// Show the parameters' names in a line of their own
    #[arg(short = 'h', overrides_with_all = ["settable", "verbose"])]
    header: bool,

    /// Show names instead of numbers
    #[arg(short = 'N')]
    names: bool,

    // The id of the global option with this letter, which this takes the place of.
    /// Show parameters as name=value
    #[arg(short = 'n', id = "dry_run", overrides_with = "verbose")]
    name_value: bool,

    /// Put values with blanks in quotes
    #[arg(short = 'q')]
    quoted: bool,

    /// Show the parameters that can be set, as jail(8) takes them
    #[arg(short = 's', overrides_with_all = ["header", "verbose"])]
    settable: bool,

    /// Show several lines a jail
    #[arg(short = 'v', overrides_with_all = ["header", "dry_run", "settable"])]
    verbose: bool,

    /// Show the jails again every second, until interrupted
    #[arg(short = 'w', long)]
    watch: bool,

    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,

    /// The parameters to show; all of them by the word 'all'
    params: Vec<String>,
}

impl Ls {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<ExitCode, Failure> {
        let host = host::open(terminal)?;
        let selection = Selection { jail: self.jail.map(Into::into), dying: self.dying };
        let format = Format {
            header: self.header,
            name_value: self.name_value,
            quoted: self.quoted,
            settable: self.settable,
            verbose: self.verbose && self.params.is_empty(),
            names: self.names,
            params: self.params,
        };
        let mut list = List::new(&*host, format)?;
        loop {
            let read = list.read(&*host, &selection);
            if terminal.json() {
                read?;
                terminal.say_json(&list.json())?;
            } else {
                // jls(8) has written its header by the time it finds that there is no such jail.
                let text = list.header() + &read.as_ref().map_or_else(|_| String::new(), |()| list.body());
                write_stdout(text.as_bytes())?;
                read.map_err(|error: ListError| Failure::from(error))?;
            }
            if !self.watch {
                return Ok(ExitCode::SUCCESS);
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}
