//! The configuration: read, checked whole, and only then used.

mod app;
mod described;
mod raw;
mod report;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use fal_node::AppOptions;

pub(crate) use self::raw::RetryConfig;
use crate::{Failure, cli::Serve};

/// What the platform is started with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) limits: fal_gateway::Limits,
    pub(crate) apps: Vec<AppOptions>,
}

//= docs/contract.md#configuration
//# A configuration with an unknown key, a wrong type or a value out of range MUST be refused with exit code 2 before anything starts.
/// Reads and checks everything; nothing has been started when this fails.
pub(crate) fn load(arguments: &Serve) -> Result<Settings, Failure> {
    if arguments.tls {
        return Err(bad("--tls is not available in this version; serve plain HTTP on loopback"));
    }
    let (file, text) = match &arguments.config {
        None => (PathBuf::from("(no file)"), String::new()),
        Some(file) => (file.clone(), read(file)?),
    };
    let source = report::Source { file: &file, text: &text };
    let raw: raw::File = toml::from_str(&text).map_err(|error| bad(&source.syntax(&error)))?;
    let base = file.parent().filter(|_| arguments.config.is_some()).unwrap_or(Path::new("."));
    let mut apps = app::all(&source, &raw, base)?;
    for example in &arguments.app {
        let added = app::example(example)?;
        if !apps.iter().any(|app| app.id == added.id) {
            apps.push(added);
        }
    }
    if apps.is_empty() {
        return Err(bad(
            "there is no app to serve: add [apps.\"owner/alias\"] to the configuration, or --app hello",
        ));
    }
    Ok(Settings {
        listen: listen(&source, &raw, arguments)?,
        data_dir: arguments
            .data_dir
            .clone()
            .unwrap_or_else(|| base.join(raw.data_dir.as_deref().unwrap_or(Path::new(".fal")))),
        limits: raw.limits(&source)?,
        apps,
    })
}

fn listen(
    source: &report::Source<'_>,
    raw: &raw::File,
    arguments: &Serve,
) -> Result<SocketAddr, Failure> {
    const DEFAULT: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
    let chosen = match (&arguments.listen, &raw.listen) {
        (Some(addr), _) => *addr,
        (None, Some(written)) => written.as_ref().parse().map_err(|_| {
            let text = format!(
                "`{}` is not an address with a port, such as 127.0.0.1:8080",
                written.as_ref()
            );
            bad(&source.at(written.span(), "listen", &text))
        })?,
        (None, None) => DEFAULT,
    };
    if !chosen.ip().is_loopback() {
        let text =
            format!("{chosen} is not a loopback address, and without keys only loopback is served");
        let span =
            raw.listen.as_ref().filter(|_| arguments.listen.is_none()).map(toml::Spanned::span);
        return Err(bad(&span
            .map_or_else(|| format!("listen: {text}"), |span| source.at(span, "listen", &text))));
    }
    Ok(chosen)
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        bad(&format!("{}: the configuration cannot be read: {error}", file.display()))
    })
}

/// A refusal of the configuration.
pub(crate) fn bad(text: &str) -> Failure {
    Failure::Configuration(text.to_owned())
}

#[cfg(test)]
mod tests;
