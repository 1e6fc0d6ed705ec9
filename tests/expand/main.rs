//! What the attributes generate, as a person would read it.
//!
//! Each case is a source text that goes through the codegen library, is parsed again as a file, and
//! is printed prettily. The snapshots are reviewed with one question: would one write this by hand?

mod apps;
mod errors;
mod hygiene;
mod mistakes;
mod wiring;

/// Expands a source text; mistakes follow the code as comments.
fn expand(source: &str) -> String {
    let file = syn::parse_file(source).expect("the case is Rust");
    let expansion = fal_app_codegen::expand_file(file);
    let generated = syn::parse2(expansion.tokens).expect("the generated code is a file");
    let mut text = prettyplease::unparse(&generated);
    for error in expansion.errors {
        let message = error.to_string();
        text.extend(message.lines().map(|line| format!("// {line}\n")));
    }
    text
}

/// Compares an expansion with its snapshot in this folder.
#[track_caller]
fn check(name: &str, source: &str) {
    compare(name, source, &expand(source));
}

/// Compares a text with its snapshot in this folder.
#[track_caller]
fn compare(name: &str, source: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_description(source.trim());
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
