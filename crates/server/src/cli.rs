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
    /// Says in plain lines what happened to a request or a runner, why, and what it waits for now.
    #[command(
        after_help = "Every decision comes with the clause of docs/contract.md that made it.\n\n\
        Try:\n  fal-server why 0190d1a2-0000-7000-8000-0000000000ff\n  fal-server why 5d8e1c02-0 --data-dir .fal"
    )]
    Why(Why),
    /// Lists requests that have had all their retries, and shows, submits again or drops one.
    #[command(after_help = "Their input is kept for seven days.\n\n\
        Try:\n  fal-server dead\n  fal-server dead show ID\n  fal-server dead resubmit ID\n  fal-server dead drop ID")]
    Dead(Dead),
    /// Shows the deliveries of a request's webhook, and sends it once more.
    #[command(after_help = "Try:\n  fal-server webhook ID\n  fal-server webhook ID --again")]
    Webhook(Webhook),
    /// Checks that the place where the queue is kept loses nothing, and says what to do where it would.
    #[command(
        after_help = "Exit status: 0 when it is fit, 2 for bad arguments or configuration, 1 when it is not fit or \
        cannot be reached.\n\nTry:\n  fal-server doctor --config platform.toml\n  \
        fal-server doctor --app hello --queue postgres://fal@db.internal/fal"
    )]
    Doctor(Doctor),
    /// Copies the embedded queue to another file while its platform runs.
    #[command(
        after_help = "The copy is whole and of one moment. Try:\n  fal-server backup --to /backups/queue.sqlite"
    )]
    Backup(Backup),
    /// Prints what a shell needs so that fal's Python client comes to a platform that serves TLS.
    #[command(
        after_help = "Try:\n  fal-server serve --app hello --tls\n  eval \"$(fal-server env)\"\n  \
        python3 -c 'import fal_client; print(fal_client.run(\"demo/hello\", arguments={\"prompt\": \"hi\"}))'"
    )]
    Env(Env),
    /// Makes a key for callers, and says what the configuration has of it.
    #[command(
        after_help = "The configuration needs the key's hash only. Callers send `Authorization: Key <key>`; fal's clients read \
        it from FAL_KEY.\n\nTry:\n  fal-server key alice"
    )]
    Key(NewKey),
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
    /// Where to listen; port 0 picks a free one. Without api_keys only loopback is served.
    #[arg(long, value_name = "ADDR", env = "FAL_SERVER_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where the queue is kept. One platform at a time may use it.
    #[arg(long, value_name = "DIR", env = "FAL_SERVER_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where the queue is kept: `embedded`, or the URL of a PostgreSQL database that nodes share. Where it holds a
    /// password, use FAL_SERVER_QUEUE or the file: arguments are for everybody to see.
    #[arg(long, value_name = "URL", env = "FAL_SERVER_QUEUE", hide_env_values = true)]
    pub(crate) queue: Option<String>,
    /// Serve TLS beside plain HTTP: on port 8443 with a certificate made here, where the configuration has no section `tls`.
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

/// Where a platform is to be found.
#[derive(Debug, Args)]
pub(crate) struct Found {
    /// The configuration of the platform.
    #[arg(long, value_name = "FILE", env = "FAL_SERVER_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Its data directory; wins over what the configuration says.
    #[arg(long, value_name = "DIR", env = "FAL_SERVER_DATA_DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The id of a request or of a runner.
    #[arg(value_name = "REQUEST|RUNNER")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) found: Found,
}

#[derive(Debug, Args)]
pub(crate) struct Dead {
    #[command(subcommand)]
    pub(crate) letter: Option<Letter>,
    #[command(flatten)]
    pub(crate) found: Found,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Letter {
    /// Lists them, the one that ended last first. The same as nothing.
    List,
    /// Says what happened to one, and shows its input.
    Show {
        /// The id of the request.
        id: String,
    },
    /// Makes a new request of one, with the same input.
    Resubmit {
        /// The id of the request.
        id: String,
    },
    /// Removes one with all that belongs to it.
    Drop {
        /// The id of the request.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Webhook {
    /// The id of a request.
    pub(crate) id: String,
    /// Send it once more, whatever became of it before.
    #[arg(long)]
    pub(crate) again: bool,
    #[command(flatten)]
    pub(crate) found: Found,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Debug, Args)]
pub(crate) struct Env {
    #[command(flatten)]
    pub(crate) found: Found,
}

#[derive(Debug, Args)]
pub(crate) struct NewKey {
    /// Who it is for: 1 to 64 letters, digits, `-`, `_` or `.`.
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where the copy is written. It must not be there yet.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) found: Found,
}
