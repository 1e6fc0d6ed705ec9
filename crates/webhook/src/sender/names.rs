//! Where names lead.

use std::{io, net::SocketAddr};

/// Who resolves names.
#[derive(Clone)]
pub(super) enum Names {
    /// The system.
    System,
    /// A table, for names that no system knows.
    #[cfg(test)]
    Table(std::collections::BTreeMap<&'static str, Vec<std::net::IpAddr>>),
}

impl Names {
    /// The addresses of a name. The system's lookup takes a thread of the runtime until it is done, even where
    /// nobody waits for it any longer.
    pub(super) async fn lookup(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, port)).await?.collect()),
            #[cfg(test)]
            Self::Table(table) => {
                let found = table.get(name).ok_or_else(|| io::Error::other("no such name"))?;
                Ok(found.iter().map(|address| SocketAddr::new(*address, port)).collect())
            }
        }
    }
}
