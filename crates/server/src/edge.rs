//! The platform's edge: where callers connect, who may come in, and what they may leave here.

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use fal_access::{Access, Entry, KeyError, Keys, NewKey, Tokens};
use fal_gateway::{Edge, Gateway, Listener};
use fal_node::{Clock, Handle};
use fal_rest::Origins;
use fal_tls::{Acceptor, Identity, authority};
use fal_webhook::Key;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
};

use crate::{
    ask::{self, ANY_KEY, Noted, Signer, reachable},
    settings::Settings,
};

/// Connections that wait to be accepted, as far as the system allows as many.
const BACKLOG: u32 = 4096;

/// How often the files of a certificate are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Where the development authority lies in the data directory.
pub(crate) const AUTHORITY: &str = "tls";

/// What the key of the tools on this machine is named.
const TOOLS: &str = "fal-server.tools";

/// What the key of its runners is named.
const RUNNERS: &str = "fal-server.runners";

/// Keys that are made anew at each start, where there are keys: whoever holds one ends with the platform.
struct Own {
    /// With what the tools on this machine ask.
    tools: NewKey,
    /// With what runners call it.
    runners: NewKey,
}

/// What is open before anything is started behind it.
pub(crate) struct Front {
    pub(crate) addr: SocketAddr,
    plain: TcpListener,
    tls: Option<(SocketAddr, TcpListener, Acceptor)>,
    signer: Signer,
    own: Option<Own>,
    access: Access,
    store: fal_objects::Store,
}

impl Front {
    /// Listens, and opens what the edge needs. `key` is what nodes that share a queue have in common, so they take each
    /// other's tokens.
    pub(crate) fn open(settings: &Settings, key: &Key) -> anyhow::Result<Self> {
        let plain = bind(settings.listen)?;
        let addr = plain.local_addr().context("could not read the listener's address")?;
        let tls = settings.tls.as_ref().map(|_| secured(settings)).transpose()?;
        let tokens = Arc::new(Tokens::new(&key.derive("tokens")));
        let (access, own) = access(settings, tokens)?;
        let mut options = fal_objects::Options::new(settings.data_dir.join("objects"));
        let wanted = settings.objects;
        options.max_object = wanted.max_object.unwrap_or(options.max_object);
        options.max_total = wanted.max_total.unwrap_or(options.max_total);
        options.lifetime = wanted.expires.or(options.lifetime);
        let store =
            fal_objects::Store::open(options).context("could not open what was uploaded")?;
        let is_other = settings.tls.as_ref().is_none_or(|tls| tls.files.is_some());
        let signer = if is_other { Signer::Other } else { Signer::Own };
        Ok(Self { addr, plain, tls, signer, own, access, store })
    }

    /// Says where it listens: to programs that wait for it, and to the tools on this machine.
    pub(crate) fn announce(&self, data_dir: &Path) -> anyhow::Result<()> {
        let secured = self.tls.as_ref().map(|(addr, ..)| *addr);
        let key = self.own.as_ref().map(|own| own.tools.key.clone()).unwrap_or_default();
        let noted = Noted { addr: self.addr, key, secured, signer: self.signer };
        ask::note(data_dir, &noted).context("could not write to the data directory")?;
        say(self.addr, secured).context("could not write to standard output")
    }

    //= docs/contract.md#runner-environment
    //# `FAL_SERVER_URL` MUST be a URL at which the runner reaches the platform, and `FAL_KEY` a key that the platform takes from it, unless the app's `env` says otherwise.
    //= docs/contract.md#runner-environment
    //# `FAL_SERVER_ALIASES` MUST list the other URLs under which callers know the platform: that of TLS, and `public_url`.
    /// What runners are told of the platform.
    pub(crate) fn told(&self, settings: &Settings) -> Vec<(String, String)> {
        let secured = self.tls.as_ref().map(|(addr, ..)| format!("https://{}", reachable(*addr)));
        let aliases: Vec<_> = secured.into_iter().chain(settings.public_url.clone()).collect();
        let key = self.own.as_ref().map_or(ANY_KEY, |own| &own.runners.key);
        let told = [
            ("FAL_SERVER_URL", format!("http://{}", reachable(self.addr))),
            ("FAL_SERVER_ALIASES", aliases.join(" ")),
            ("FAL_KEY", key.to_owned()),
        ];
        told.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    /// Serves until `closed` says so.
    pub(crate) fn serve(
        self,
        settings: &Settings,
        node: &Handle,
        closed: &watch::Receiver<bool>,
    ) -> Served {
        let clock = Clock::start();
        let clock: fal_rest::Clock = Arc::new(move || clock.now());
        let tokens = Arc::clone(self.access.tokens());
        tokio::spawn(fal_rest::sweep(self.store.clone(), Arc::clone(&clock)));
        let mut rest = fal_rest::Options::new(self.store, tokens, clock);
        rest.public_url.clone_from(&settings.public_url);
        if !self.access.is_open() {
            rest.origins = Origins::Any;
        }
        let gateway = Gateway::new(Edge {
            node: node.clone(),
            limits: settings.limits,
            access: Arc::new(self.access),
            public_url: settings.public_url.clone(),
            others: fal_api::router(node.clone(), fal_rest::router(rest)),
        });
        // Whoever waits for a runner is answered when that one is ended, and not before; it is seen to elsewhere that
        // nobody waits for longer.
        let run = |listener: Listener| {
            let stop = until(closed.clone());
            tokio::spawn(fal_gateway::serve(listener, gateway.clone(), stop, Duration::MAX))
        };
        let mut all = vec![run(Listener { socket: self.plain, tls: None })];
        if let Some((_, socket, acceptor)) = self.tls {
            tokio::spawn(keep_reading(acceptor.clone()));
            all.push(run(Listener { socket, tls: Some(acceptor) }));
        }
        Served { all }
    }
}

/// Listeners that serve.
pub(crate) struct Served {
    all: Vec<tokio::task::JoinHandle<()>>,
}

impl Served {
    /// Returns when none serves any more.
    pub(crate) async fn ended(self) {
        for one in self.all {
            // One that has panicked serves no more either.
            let _ended = one.await;
        }
    }
}

/// Listens where callers connect. Of a crowd that comes at once none is to wait a second for its connection, which is how
/// long the system takes to try again where the line is full.
fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    let bind = || {
        let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A port that was in use just before is free.
        socket.set_reuseaddr(true)?;
        socket.bind(listen)?;
        socket.listen(BACKLOG)
    };
    bind().with_context(|| {
        format!("could not listen on {listen}: is another program using the port?")
    })
}

//= docs/contract.md#tls
//# With `--tls`, HTTP over TLS MUST be served beside plain HTTP, with a certificate that the authority in `DATA_DIR/tls/ca.pem` has signed.
fn secured(settings: &Settings) -> anyhow::Result<(SocketAddr, TcpListener, Acceptor)> {
    let tls = settings.tls.as_ref().context("TLS is not wanted")?;
    let listener = bind(tls.listen)?;
    let addr = listener.local_addr().context("could not read the listener's address")?;
    let files = match &tls.files {
        Some(files) => files.clone(),
        None => {
            let folder = settings.data_dir.join(AUTHORITY);
            authority::ensure(&folder, &addresses(addr.ip()), now())
                .context("could not make a certificate")?
        }
    };
    let identity = Identity::read(files).context("could not use the certificate")?;
    Ok((addr, listener, Acceptor::new(identity)))
}

/// By which addresses this machine calls itself.
fn addresses(listen: IpAddr) -> Vec<IpAddr> {
    let mut all = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    if !listen.is_unspecified() && !all.contains(&listen) {
        all.push(listen);
    }
    all
}

#[expect(clippy::disallowed_methods, reason = "a certificate begins and ends by the wall clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Takes a certificate that was changed for connections from then on.
async fn keep_reading(acceptor: Acceptor) {
    loop {
        tokio::time::sleep(LOOK).await;
        match acceptor.refresh() {
            Ok(false) => {}
            Ok(true) => tracing::info!("new connections get the certificate that is there now"),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "the changed certificate cannot be used; the one from before goes on");
            }
        }
    }
}

/// Who may come in, and the platform's own keys where there are keys.
fn access(settings: &Settings, tokens: Arc<Tokens>) -> anyhow::Result<(Access, Option<Own>)> {
    let mut entries = settings.keys.clone();
    let mut own = None;
    if !entries.is_empty() {
        let mut make = |name| {
            let made = NewKey::generate(name)?;
            entries.push(Entry::parse(&made.hashed)?);
            Ok::<_, KeyError>(made)
        };
        let made = make(TOOLS).and_then(|tools| Ok(Own { tools, runners: make(RUNNERS)? }));
        own = Some(made.context("could not make keys of the platform's own")?);
    }
    let keys = Keys::new(entries).context("could not use the keys")?;
    Ok((Access::new(keys, tokens), own))
}

//= docs/contract.md#ready-line
//# The platform MUST print one line `listening on http://ADDR` to standard output once it accepts connections, with TLS a second one `listening on https://ADDR`, and nothing else there.
/// The lines that programs wait for.
fn say(addr: SocketAddr, secured: Option<SocketAddr>) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "listening on http://{addr}")?;
    if let Some(secured) = secured {
        writeln!(out, "listening on https://{secured}")?;
    }
    out.flush()
}

async fn until(mut closed: watch::Receiver<bool>) {
    // A sender that is gone means the same as its word.
    let _word = closed.wait_for(|closed| *closed).await;
}
