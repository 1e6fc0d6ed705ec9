//! What a person sees first.

use std::{net::SocketAddr, path::Path};

use fal_node::AppOptions;

/// URLs and lines to copy, on standard error, when a person is there to read them.
#[expect(clippy::print_stderr, reason = "these lines are for a person")]
pub(crate) fn greet(addr: SocketAddr, data_dir: &Path, apps: &[AppOptions]) {
    eprintln!();
    for app in apps {
        let id = &app.id;
        eprintln!("  {id}");
        eprintln!("    direct  http://{addr}/run/{id}");
        eprintln!("    queued  http://{addr}/queue/{id}");
    }
    if let Some(app) = apps.iter().find(|app| app.id.alias() == "hello").or_else(|| apps.first()) {
        let id = &app.id;
        let rest = "-H 'content-type: application/json' -d '{\"prompt\":\"world\"}'";
        eprintln!("\n  Try a direct call:");
        eprintln!("    curl -X POST http://{addr}/run/{id} {rest}");
        eprintln!("  and a queued one, whose answer has the URLs to follow it:");
        eprintln!("    curl -X POST http://{addr}/queue/{id} {rest}");
    }
    eprintln!("\n  Runners and their states: curl http://{addr}/api/runners");
    eprintln!(
        "  Runners' output is below, each line with its runner; the queue is in {}.",
        data_dir.display()
    );
    eprintln!("  Ctrl-C stops the platform and every runner.\n");
}
