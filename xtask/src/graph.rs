//! Crates depend on lower floors only.
//!
//! A floor is declared in each manifest; the edges are what cargo reads from the manifests. The pure floors are held
//! to a list of what they may use, the others to a list of who alone may name an outside thing.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    cmd::Cmd,
    flags::Flags,
    tidy::{self, Fault},
};

pub(crate) const HELP: &str = "
cargo xtask graph

Checks every edge between crates against the floors that the manifests declare:
  a floor uses strictly lower floors, so siblings are strangers
  floors 0 to 2 use thiserror and nothing else from outside
  the tenant side (fal-app and its macro) meets the host at fal-types and fal-policy only
  nobody depends on xtask or on the tests
  an outside thing has the wrappers that docs/architecture.md names, and no others";

/// The highest floor without a clock, a socket or a lock.
const PURE: u64 = 2;

/// Who alone may name an outside crate.
const WRAPPERS: [(&str, &[&str]); 16] = [
    ("rusqlite", &["fal-store-sqlite"]),
    ("tokio-postgres", &["fal-store-postgres"]),
    ("ring", &["fal-access", "fal-objects", "fal-webhook", "fal-gateway"]),
    ("subtle", &["fal-access"]),
    ("base64", &["fal-access", "fal-gateway", "fal-app"]),
    ("tokio-rustls", &["fal-webhook", "fal-tls", "fal-client"]),
    ("rustls-native-certs", &["fal-webhook", "fal-client"]),
    ("hyper-rustls", &["fal-client"]),
    ("axum", &["fal-gateway", "fal-api", "fal-rest", "fal-app"]),
    ("hyper", &["fal-supervisor", "fal-gateway", "fal-webhook", "fal-client", "fal-app"]),
    ("clap", &["fal-server"]),
    ("toml", &["fal-server"]),
    ("anyhow", &["xtask", "fal-server"]),
    ("syn", &["fal-app-codegen"]),
    ("tracing-subscriber", &["fal-server", "fal-app"]),
    ("rustix", &["fal-supervisor", "fal-store-sqlite", "fal-server"]),
];

/// The tenant side, lowest first, and what it may use of the host.
const TENANT: [&str; 4] = ["fal-app-codegen", "fal-app-macros", "fal-client", "fal-app"];
const SHARED: [&str; 2] = ["fal-types", "fal-policy"];

/// Where a crate stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Floor {
    Host(u64),
    Tenant,
    Tool,
    Tests,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    floor: Floor,
    edges: Vec<Edge>,
}

#[derive(Debug)]
struct Edge {
    to: String,
    is_dev: bool,
}

pub(crate) fn run(flags: Flags) -> Result<()> {
    flags.finish()?;
    tidy::report("graph", &faults()?)
}

pub(crate) fn faults() -> Result<Vec<Fault>> {
    Ok(judge(&packages()?))
}

/// The workspace's members.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let metadata = ["metadata", "--format-version", "1", "--no-deps"];
    let metadata = Cmd::cargo().args(metadata).output()?;
    read(&serde_json::from_str(&metadata).context("cargo's metadata is no JSON")?)
}

fn read(metadata: &Value) -> Result<Vec<Package>> {
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("cargo's metadata has no packages")?;
    packages.iter().map(package).collect()
}

fn package(value: &Value) -> Result<Package> {
    let name =
        value.get("name").and_then(Value::as_str).context("a package without a name")?.to_owned();
    let declared = value.pointer("/metadata/fal/floor");
    let floor = match (declared.and_then(Value::as_u64), declared.and_then(Value::as_str)) {
        (Some(floor), _) => Floor::Host(floor),
        (None, Some("tenant")) => Floor::Tenant,
        (None, Some("tool")) => Floor::Tool,
        (None, Some("tests")) => Floor::Tests,
        (None, _) => anyhow::bail!("{name} declares no floor in [package.metadata.fal]"),
    };
    let edges = value
        .get("dependencies")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(edge)
        .collect();
    Ok(Package { name, floor, edges })
}

fn edge(value: &Value) -> Option<Edge> {
    let is_dev = value.get("kind").and_then(Value::as_str) == Some("dev");
    Some(Edge { to: value.get("name")?.as_str()?.to_owned(), is_dev })
}

fn judge(packages: &[Package]) -> Vec<Fault> {
    let floors: BTreeMap<_, _> =
        packages.iter().map(|package| (package.name.as_str(), &package.floor)).collect();
    let mut faults = Vec::new();
    for package in packages {
        for edge in &package.edges {
            let why = match floors.get(edge.to.as_str()) {
                Some(floor) => inside(package, edge, floor),
                None => outside(package, edge),
            };
            let place = || format!("{} -> {}", package.name, edge.to);
            faults.extend(why.map(|why| Fault::new(place(), why)));
        }
    }
    faults
}

/// Why an edge between two of our crates must not be.
fn inside(package: &Package, edge: &Edge, to: &Floor) -> Option<String> {
    let to_name = edge.to.as_str();
    match (&package.floor, to) {
        (_, Floor::Tool | Floor::Tests) => Some("nobody depends on tools and tests".to_owned()),
        (Floor::Tests, Floor::Host(_) | Floor::Tenant) => None,
        (Floor::Tool, Floor::Host(_) | Floor::Tenant) => {
            Some("the commands build the platform and are no part of it".to_owned())
        }
        (Floor::Host(from), Floor::Host(to)) if to < from => None,
        (Floor::Host(from), Floor::Host(to)) => {
            Some(format!("floor {from} uses strictly lower floors, and that is floor {to}"))
        }
        (Floor::Host(_), Floor::Tenant) => Some("host and tenant meet over TCP".to_owned()),
        (Floor::Tenant, Floor::Host(_)) if SHARED.contains(&to_name) => None,
        (Floor::Tenant, Floor::Host(_)) => {
            Some("the tenant side knows fal-types and fal-policy only".to_owned())
        }
        (Floor::Tenant, Floor::Tenant) => {
            let rank = |name: &str| TENANT.iter().position(|known| *known == name);
            let lower = rank(to_name) < rank(&package.name);
            (!lower).then(|| format!("the tenant side is built in the order {}", TENANT.join(", ")))
        }
    }
}

/// Why an edge to somebody else's crate must not be. Tests may use what they like.
fn outside(package: &Package, edge: &Edge) -> Option<String> {
    if edge.is_dev || package.floor == Floor::Tests {
        return None;
    }
    let pure = matches!(package.floor, Floor::Host(floor) if floor <= PURE);
    if pure && edge.to != "thiserror" {
        return Some("floors 0 to 2 use thiserror and nothing else from outside".to_owned());
    }
    let codegen = ["syn", "quote", "proc-macro2"];
    if package.name == "fal-app-codegen" && !codegen.contains(&edge.to.as_str()) {
        return Some(format!("the macro's library uses {} only", codegen.join(", ")));
    }
    let (_, wrappers) = WRAPPERS.iter().find(|(name, _)| *name == edge.to)?;
    let allowed = wrappers.contains(&package.name.as_str());
    (!allowed).then(|| format!("only {} may name it", wrappers.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_leads_down() {
        let faults: Vec<_> = faults().unwrap().iter().map(ToString::to_string).collect();
        assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    }

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Found {
        Fine,
        Fault,
    }

    #[track_caller]
    fn check(from: (&str, &str), to: (&str, &str), wanted: Found) {
        let package = |(name, floor): (&str, &str), edges: &Value| {
            let floor: Value = serde_json::from_str(floor).unwrap();
            serde_json::json!({ "name": name, "metadata": { "fal": { "floor": floor } }, "dependencies": edges })
        };
        let edges = serde_json::json!([{ "name": to.0, "kind": null }]);
        let mut packages = vec![package(from, &edges)];
        if !to.1.is_empty() {
            packages.push(package(to, &serde_json::json!([])));
        }
        let packages = read(&serde_json::json!({ "packages": packages })).unwrap();
        let found = if judge(&packages).is_empty() { Found::Fine } else { Found::Fault };
        assert_eq!(found, wanted, "{from:?} -> {to:?}");
    }

    #[test]
    fn an_edge_up_or_sideways_is_a_fault() {
        check(("fal-policy", "1"), ("fal-types", "0"), Found::Fine);
        check(("fal-policy", "1"), ("fal-queue", "1"), Found::Fault);
        check(("fal-queue", "1"), ("fal-engine", "2"), Found::Fault);
        check(("fal-app", "\"tenant\""), ("fal-policy", "1"), Found::Fine);
        check(("fal-app", "\"tenant\""), ("fal-node", "4"), Found::Fault);
        check(("fal-app-codegen", "\"tenant\""), ("fal-app", "\"tenant\""), Found::Fault);
        check(("fal-gateway", "5"), ("fal-app", "\"tenant\""), Found::Fault);
        check(("fal-server", "6"), ("xtask", "\"tool\""), Found::Fault);
        check(("fal-tests", "\"tests\""), ("fal-app", "\"tenant\""), Found::Fine);
    }

    #[test]
    fn an_outside_thing_has_one_wrapper() {
        check(("fal-engine", "2"), ("tokio", ""), Found::Fault);
        check(("fal-engine", "2"), ("thiserror", ""), Found::Fine);
        check(("fal-node", "4"), ("rusqlite", ""), Found::Fault);
        check(("fal-store-sqlite", "3"), ("rusqlite", ""), Found::Fine);
        check(("fal-app-codegen", "\"tenant\""), ("serde", ""), Found::Fault);
    }
}
