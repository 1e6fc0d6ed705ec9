//! What can be typed.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

/// Serves fal-style apps: direct calls, a durable queue, and runners whose life follows their status codes.
#[derive(Debug, Parser)]
#[command(name = "fal-server", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts the platform and serves until SIGTERM or SIGINT (a second one stops it at once).
    #[command(after_help = "Try:\n  fal-server serve --app hello\n  \
        curl -X POST http://127.0.0.1:8080/run/demo/hello -d '{\"prompt\":\"hi\"}' -H 'content-type: application/json'\n\n\
        Exit status: 0 after a clean stop, 2 for bad arguments or configuration, 1 for anything else.")]
    Serve(Serve),
    /// Makes a running platform read its configuration again, and replace runners where that is needed.
    #[command(
        after_help = "The platform is found through its data directory. It gets SIGHUP, reads the configuration that it was \
        started with, and checks it whole: what is wrong changes nothing, and is in its log with file, line and key. Runners are \
        replaced, one app at a time and without a failed request, where the command, its files, cwd, env, \
        max_multiplexing, startup_timeout, the grace period, the health check or what the app needs of the machine's GPUs have changed.\n\n\
        Try:\n  fal-server reload --config platform.toml\n\n\
        Exit status: 0 when the platform serves with the new configuration, 2 for bad arguments or configuration, 1 for \
        anything else, such as a new revision that does not start."
    )]
    Reload(Reload),
    /// Ends the runners of a platform that has died. Started by the platform itself.
    #[command(hide = true)]
    Guard,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Serve {
    /// The configuration, in TOML. Without it, only the apps named by --app are served.
    #[arg(long, value_name = "FILE", env = "FAL_SERVER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// An example app to serve as demo/EXAMPLE, besides those of the configuration. May be repeated.
    #[arg(long, value_name = "EXAMPLE")]
    pub(crate) app: Vec<String>,
    /// Where to listen; port 0 picks a free one. Only loopback is served in this version.
    #[arg(long, value_name = "ADDR", env = "FAL_SERVER_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where the queue is kept. One platform at a time may use it.
    #[arg(long, value_name = "DIR", env = "FAL_SERVER_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Serve TLS beside plain HTTP. Not available in this version.
    #[arg(long)]
    pub(crate) tls: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reload {
    /// The configuration of the platform, which is checked first.
    #[arg(long, value_name = "FILE", env = "FAL_SERVER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where its queue is kept; wins over what the configuration says.
    #[arg(long, value_name = "DIR", env = "FAL_SERVER_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Tell the platform, and do not wait until its runners are replaced.
    #[arg(long)]
    pub(crate) no_wait: bool,
}
