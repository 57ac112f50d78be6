//! What the boundary to C costs: a call, and a list of the 20,000 jails of a file beside the same from Rust.
//!
//! ```sh
//! cargo bench -p jailkit-ffi --bench ffi
//! ```
//!
//! The functions are called through the shared library, as a C program calls them.

use std::ffi::{CString, c_char, c_int, c_void};
use std::fmt::Write as _;
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::null_mut;
use std::time::Instant;

use jailkit::jailconf;
use jailkit::source::Source;
use jailkit_ffi::Status;
use jailkit_ffi::bytes::Bytes;
use jailkit_ffi::error::Error;
use jailkit_ffi::jailconf::JailConf;
use jailkit_ffi::resolved::Resolved;

const JAILS: usize = 20_000;
/// Each thing is measured this often, and its best time counts.
const ROUNDS: usize = 50;

unsafe extern "C" {
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

type Parse = unsafe extern "C" fn(Bytes, Bytes, *mut *mut JailConf, *mut *mut Error) -> Status;
type Resolve = unsafe extern "C" fn(*const JailConf, *mut *mut Resolved, *mut *mut Error) -> Status;
type Len = unsafe extern "C" fn(*const Resolved) -> usize;
type Name = unsafe extern "C" fn(*const Resolved, usize) -> Bytes;
type Names = unsafe extern "C" fn(*const Resolved, usize, *mut Bytes, usize) -> usize;
type Get = unsafe extern "C" fn(*const Resolved, usize, Bytes) -> Bytes;
type Text = unsafe extern "C" fn(*const JailConf) -> Bytes;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let library = Library::open()?;
    let text = conf()?;
    let source = Source::new("jail.conf", text.as_str());
    let rust = jailconf::JailConf::parse(&source)?.resolve()?;
    let (mut conf, mut resolved) = (null_mut(), null_mut());
    // SAFETY: each symbol is the function of that name, whose type is the crate's own; handles are the library's.
    unsafe {
        let parse: Parse = std::mem::transmute(library.symbol("jk_jailconf_parse")?);
        let resolve: Resolve = std::mem::transmute(library.symbol("jk_jailconf_resolve")?);
        let conf_text: Text = std::mem::transmute(library.symbol("jk_jailconf_text")?);
        let len: Len = std::mem::transmute(library.symbol("jk_resolved_len")?);
        let name: Name = std::mem::transmute(library.symbol("jk_resolved_name")?);
        let names: Names = std::mem::transmute(library.symbol("jk_resolved_names")?);
        let get: Get = std::mem::transmute(library.symbol("jk_resolved_get")?);
        assert_eq!(parse(bytes(b"jail.conf"), bytes(text.as_bytes()), &raw mut conf, null_mut()), Status::JK_OK);
        assert_eq!(resolve(conf, &raw mut resolved, null_mut()), Status::JK_OK);

        let calls = 1_000_000;
        let through = best(|| (0..calls).map(|_| black_box(conf_text(black_box(conf))).len).sum::<usize>());
        println!("a call that does next to nothing: {:5.2} ns", through / calls as f64 * 1e9);

        let sum = |bytes: &[u8]| bytes.iter().map(|&byte| usize::from(byte)).sum::<usize>();
        let slice = |bytes: Bytes| std::slice::from_raw_parts(bytes.data, bytes.len);
        let from_rust = best(|| rust.jails.iter().map(|jail| sum(&jail.name)).sum::<usize>());
        let one_by_one = best(|| (0..len(resolved)).map(|jail| sum(slice(name(resolved, jail)))).sum::<usize>());
        let mut room = vec![Bytes::default(); 512];
        let together = best(|| {
            let (mut first, mut total) = (0, 0);
            loop {
                let found = names(resolved, first, room.as_mut_ptr(), room.len());
                if found == 0 {
                    break total;
                }
                total += room[..found].iter().map(|bytes| sum(slice(*bytes))).sum::<usize>();
                first += found;
            }
        });
        show("names, from Rust", from_rust, from_rust);
        show("names, jk_resolved_names", together, from_rust);
        show("names, jk_resolved_name", one_by_one, from_rust);

        let columns = ["path", "ip4.addr", "host.hostname"];
        let from_rust = best(|| {
            let mut list = Vec::new();
            for jail in &rust.jails {
                list.extend_from_slice(&jail.name);
                columns.iter().filter_map(|column| jail.value(column)).for_each(|value| list.extend_from_slice(value));
            }
            list.len()
        });
        let through = best(|| {
            let mut list = Vec::new();
            for jail in 0..len(resolved) {
                list.extend_from_slice(slice(name(resolved, jail)));
                let values = columns.iter().map(|column| get(resolved, jail, bytes(column.as_bytes())));
                values.for_each(|value| list.extend_from_slice(slice(value)));
            }
            list.len()
        });
        show("a table as of jls, from Rust", from_rust, from_rust);
        show("a table as of jls, through the ABI", through, from_rust);
    }
    Ok(())
}

fn show(what: &str, seconds: f64, beside: f64) {
    println!("{what:36} {:8.1} us, {:.2} times Rust", seconds * 1e6, seconds / beside);
}

fn bytes(bytes: &[u8]) -> Bytes {
    Bytes { data: bytes.as_ptr(), len: bytes.len() }
}

/// Jails with defaults on top and five parameters of their own.
fn conf() -> Result<String, std::fmt::Error> {
    let mut text = String::from("path = \"/srv/jail/$name/fs\";\nexec.clean;\nexec.start = \"/bin/sh /etc/rc\";\n");
    for jail in 0..JAILS {
        let (high, low) = (jail / 250, jail % 250);
        write!(
            text,
            "jail{jail} {{\n    host.hostname = \"$name.example.org\";\n    ip4.addr = 10.0.{high}.{low};\n}}\n"
        )?;
    }
    Ok(text)
}

/// The seconds of the fastest round.
fn best(mut work: impl FnMut() -> usize) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(work());
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

/// The shared library.
struct Library(*mut c_void);

impl Library {
    fn open() -> Result<Self, Box<dyn std::error::Error>> {
        let program = std::env::current_exe()?;
        let found = program.ancestors().map(|dir| dir.join("libjailkit_ffi.so")).find(|file| file.exists());
        let file: PathBuf = found.ok_or("no libjailkit_ffi.so beside the bench")?;
        let file = CString::new(file.as_os_str().as_bytes())?;
        // SAFETY: a path with its NUL; RTLD_NOW.
        let library = unsafe { dlopen(file.as_ptr(), 2) };
        if library.is_null() { Err("libjailkit_ffi.so cannot be loaded".into()) } else { Ok(Self(library)) }
    }

    fn symbol(&self, name: &str) -> Result<*mut c_void, Box<dyn std::error::Error>> {
        let name = CString::new(name)?;
        // SAFETY: a library that is open, and a name with its NUL.
        let symbol = unsafe { dlsym(self.0, name.as_ptr()) };
        if symbol.is_null() { Err(format!("there is no {name:?}").into()) } else { Ok(symbol) }
    }
}
