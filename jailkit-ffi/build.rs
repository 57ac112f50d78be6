//! Gives the shared library its soname: `libjailkit.so.` and the number of the ABI.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = Path::new("src/abi.rs");
    println!("cargo:rerun-if-changed={}", file.display());
    let source = std::fs::read_to_string(file)?;
    let number =
        source.lines().find_map(|line| line.strip_prefix("pub const JK_ABI_VERSION: u32 = ")?.strip_suffix(';'));
    let number = number.ok_or("src/abi.rs has no JK_ABI_VERSION")?;
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libjailkit.so.{number}");
    Ok(())
}
