//! Prints a file as the compiler gets it after the attributes of `fal-app`: `cargo xtask expand FILE`.

use std::{error::Error, io::Write};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("which file?")?;
    let expansion = fal_app_codegen::expand_file(syn::parse_file(&std::fs::read_to_string(path)?)?);
    let text = prettyplease::unparse(&syn::parse2(expansion.tokens)?);
    std::io::stdout().write_all(text.as_bytes())?;
    for mistake in &expansion.errors {
        writeln!(std::io::stderr(), "error: {mistake}")?;
    }
    if expansion.errors.is_empty() { Ok(()) } else { Err("the file does not compile".into()) }
}
