//! Who a caller is, and whether that one may call an app.

use std::{str::FromStr, sync::Arc};

use fal_types::{AppId, Moment};

use crate::{
    keys::{Keys, Known},
    load::{Busy, Gauge, Pass},
    tokens::{Right, TokenError, Tokens},
};

/// Who may call an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Whoever has a key of the platform.
    #[default]
    Private,
    /// Anybody.
    Public,
    /// Whoever has a key, whosever the app is. All keys here are of one owner, so it is the same as private.
    Shared,
}

/// No mode is written so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of private, public, shared")]
pub struct ModeError;

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        match text {
            "private" => Ok(Self::Private),
            "public" => Ok(Self::Public),
            "shared" => Ok(Self::Shared),
            _ => Err(ModeError),
        }
    }
}

/// What a request brings to prove who sent it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Proof<'a> {
    /// The header `Authorization`.
    pub authorization: Option<&'a [u8]>,
    /// The query's `fal_jwt_token`. Looked at where there is no header.
    pub token: Option<&'a str>,
}

/// Why a caller may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing was proven where something has to be.
    #[error("Authentication is required: send the header `Authorization: Key <key>`")]
    Nothing,
    /// The header is not of the form `Key ...` or `Bearer ...`.
    #[error("The header `Authorization` is not of the form `Key <key>`")]
    Malformed,
    /// No such key.
    #[error("The key is not one of this platform")]
    UnknownKey,
    /// The token is not good.
    #[error("Invalid token: {0}")]
    Token(TokenError),
    /// The token is good, for something else.
    #[error("Cannot access application \"{0}\" with this token")]
    NotThis(AppId),
}

/// Whoever calls. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    known: Option<(Arc<str>, Arc<Gauge>)>,
}

impl Caller {
    /// The name of its key; none where no key was asked for or a token stands for it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.known.as_ref().map(|(name, _)| &**name)
    }

    /// A place for one more call of this one; none where nothing bounds it.
    ///
    /// # Errors
    /// When its key's limits are reached at this moment.
    pub fn enter(&self, now: Moment) -> Result<Option<Pass>, Busy> {
        self.known.as_ref().map(|(_, gauge)| gauge.enter(now)).transpose()
    }

    fn of(known: &Known) -> Self {
        Self { known: Some((known.entry.name().into(), Arc::clone(&known.gauge))) }
    }
}

/// The door of a platform.
#[derive(Debug)]
pub struct Access {
    keys: Keys,
    tokens: Arc<Tokens>,
}

impl Access {
    /// A door that these keys and tokens open. Without keys it is open to all.
    #[must_use]
    pub const fn new(keys: Keys, tokens: Arc<Tokens>) -> Self {
        Self { keys, tokens }
    }

    /// Whether nobody has to prove anything.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.keys.is_empty()
    }

    /// What signs and reads its tokens.
    #[must_use]
    pub const fn tokens(&self) -> &Arc<Tokens> {
        &self.tokens
    }

    //= docs/contract.md#auth-modes
    //# With keys, a request for a `private` or `shared` app MUST bring one of them, or a token for that app; a `public` app asks for nothing.
    //= docs/contract.md#keys
    //# Without keys everybody on this machine may do everything.
    /// Lets a request for this path (empty, or with a leading slash) of an app in. `now_secs` is in seconds since the
    /// Unix epoch.
    ///
    /// # Errors
    /// When its proof is missing, wrong, or for something else.
    pub fn admit(
        &self,
        mode: Mode,
        (app, path): (&AppId, &str),
        proof: Proof<'_>,
        now_secs: u64,
    ) -> Result<Caller, Denied> {
        match (self.is_open(), mode, proof) {
            (true, _, _) => Ok(Caller::default()),
            // A key that is good still tells whose call it is; one that is not does not matter here.
            (false, Mode::Public, _) => Ok(self.holder(proof.authorization).unwrap_or_default()),
            (false, _, Proof { authorization: None, token: Some(token) }) => {
                let right = self.tokens.read(token, now_secs).map_err(Denied::Token)?;
                self.called(&right, app, path)
            }
            (false, Mode::Private | Mode::Shared, _) => self.holder(proof.authorization),
        }
    }

    /// Whose key this is. Everybody's, where there are none.
    ///
    /// # Errors
    /// When the header is missing, malformed, or no key of this platform.
    pub fn holder(&self, authorization: Option<&[u8]>) -> Result<Caller, Denied> {
        if self.is_open() {
            return Ok(Caller::default());
        }
        let header = authorization.ok_or(Denied::Nothing)?;
        let key = credentials(header).ok_or(Denied::Malformed)?;
        self.keys.find(key).map(Caller::of).ok_or(Denied::UnknownKey)
    }

    fn called(&self, right: &Right, app: &AppId, path: &str) -> Result<Caller, Denied> {
        match right.allows(app, path) {
            true => Ok(Caller::default()),
            false => Err(Denied::NotThis(app.clone())),
        }
    }
}

/// What follows `Key` or `Bearer`.
fn credentials(header: &[u8]) -> Option<&[u8]> {
    let space = header.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = header.split_at(space);
    let is_known = scheme.eq_ignore_ascii_case(b"key") || scheme.eq_ignore_ascii_case(b"bearer");
    is_known.then(|| rest.trim_ascii()).filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;

    const NOW: u64 = 1_790_000_000;
    const KEY: &[u8] = b"Key ops:a-secret";

    fn access(keys: &[&str]) -> Access {
        let entries = keys.iter().map(|text| Entry::parse(text).unwrap());
        Access::new(Keys::new(entries).unwrap(), Arc::new(Tokens::new(b"secret")))
    }

    #[track_caller]
    fn check(
        access: &Access,
        mode: Mode,
        proof: Proof<'_>,
        expected: Result<Option<&str>, Denied>,
    ) {
        let app = "demo/lab".parse().unwrap();
        let found = access.admit(mode, (&app, "/realtime"), proof, NOW);
        let found = found.map(|caller| caller.name().map(str::to_owned));
        assert_eq!(found, expected.map(|name| name.map(str::to_owned)));
    }

    const fn header(authorization: &[u8]) -> Proof<'_> {
        Proof { authorization: Some(authorization), token: None }
    }

    const fn query(token: &str) -> Proof<'_> {
        Proof { authorization: None, token: Some(token) }
    }

    //= docs/contract.md#auth-modes
    //= type=test
    //# With keys, a request for a `private` or `shared` app MUST bring one of them, or a token for that app; a `public` app asks for nothing.
    #[test]
    fn a_key_opens_what_is_not_public() {
        let access = access(&["ops:a-secret", "dev:b-secret"]);
        for mode in [Mode::Private, Mode::Shared] {
            check(&access, mode, header(KEY), Ok(Some("ops")));
            check(&access, mode, header(b"bearer dev:b-secret"), Ok(Some("dev")));
            check(&access, mode, Proof::default(), Err(Denied::Nothing));
            check(&access, mode, header(b"Key ops:b-secret"), Err(Denied::UnknownKey));
            for bad in [&b""[..], b"Key", b"Key ", b"Basic eDp5", b"ops:a-secret"] {
                check(&access, mode, header(bad), Err(Denied::Malformed));
            }
        }
        check(&access, Mode::Public, Proof::default(), Ok(None));
        check(&access, Mode::Public, header(KEY), Ok(Some("ops")));
        check(&access, Mode::Public, header(b"Key wrong-key"), Ok(None));
    }

    //= docs/contract.md#auth-modes
    //= type=test
    //# With keys, a request for a `private` or `shared` app MUST bring one of them, or a token for that app; a `public` app asks for nothing.
    #[test]
    fn a_token_opens_what_it_names() {
        let access = access(&["ops:a-secret"]);
        let mint = |apps: &[&str], expires| {
            let apps = apps.iter().map(|app| (*app).to_owned()).collect();
            access.tokens().mint(&Right::Apps(apps), expires)
        };
        check(&access, Mode::Private, query(&mint(&["lab"], NOW + 1)), Ok(None));
        check(&access, Mode::Private, query(&mint(&["demo/lab/realtime"], NOW + 1)), Ok(None));
        let denied = Denied::NotThis("demo/lab".parse().unwrap());
        check(&access, Mode::Private, query(&mint(&["hello"], NOW + 1)), Err(denied.clone()));
        check(&access, Mode::Private, query(&mint(&[], NOW + 1)), Err(denied.clone()));
        let store = access.tokens().mint(&Right::Store, NOW + 1);
        check(&access, Mode::Private, query(&store), Err(denied));
        let expired = Denied::Token(TokenError::Expired);
        check(&access, Mode::Private, query(&mint(&["lab"], NOW)), Err(expired));
        check(&access, Mode::Private, query("x"), Err(Denied::Token(TokenError::Foreign)));
        // A header is what counts where there is one.
        let both = Proof { authorization: Some(b"Key no-such-key"), token: Some("x") };
        check(&access, Mode::Private, both, Err(Denied::UnknownKey));
    }

    //= docs/contract.md#keys
    //= type=test
    //# Without keys everybody on this machine may do everything.
    #[test]
    fn without_keys_nobody_is_asked() {
        let access = access(&[]);
        assert!(access.is_open());
        check(&access, Mode::Private, Proof::default(), Ok(None));
        check(&access, Mode::Private, header(b"Key whatever"), Ok(None));
        check(&access, Mode::Private, query("whatever"), Ok(None));
    }

    #[test]
    fn a_caller_has_the_limits_of_its_key() {
        let mut entry = Entry::parse("ops:a-secret").unwrap();
        entry.load.concurrent = Some(1);
        let access = Access::new(Keys::new([entry]).unwrap(), Arc::new(Tokens::new(b"secret")));
        let (first, second) =
            (access.holder(Some(KEY)).unwrap(), access.holder(Some(KEY)).unwrap());
        let pass = first.enter(Moment::from_micros(0)).unwrap();
        assert_eq!(second.enter(Moment::from_micros(0)).unwrap_err(), Busy::Concurrent(1));
        drop(pass);
        assert!(second.enter(Moment::from_micros(0)).unwrap().is_some());
        assert!(Caller::default().enter(Moment::from_micros(0)).unwrap().is_none());
    }

    #[test]
    fn modes_are_written_as_fal_writes_them() {
        assert_eq!("public".parse(), Ok(Mode::Public));
        assert_eq!("Public".parse::<Mode>(), Err(ModeError));
    }
}
