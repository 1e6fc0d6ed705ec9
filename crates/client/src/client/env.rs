//! A client from the environment, read as fal's own clients read it.

use crate::client::{Builder, Client, SetupError};

impl Client {
    /// A client whose key is `FAL_KEY`, or `FAL_KEY_ID` and `FAL_KEY_SECRET`.
    ///
    /// `FAL_RUN_HOST` and `FAL_QUEUE_RUN_HOST` name other hosts, perhaps with a port and a path, and always with TLS;
    /// the second is `queue.` and the first where it is not set. `SSL_CERT_FILE` and `SSL_CERT_DIR` name the
    /// authorities that are trusted instead of the machine's, as they do for most programs.
    ///
    /// Where the first ends in `/run`, as `fal-server env` has it, uploads go to `/rest` beside it.
    ///
    /// For a platform without TLS or without keys, see [`Builder::base`].
    ///
    /// # Errors
    /// [`SetupError::NoKey`] where there is none, and those of [`Builder::build`].
    pub fn from_env() -> Result<Self, SetupError> {
        Builder::from_variables(variable)?.build()
    }
}

impl Builder {
    /// A variable that is empty is as good as none.
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SetupError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let pair =
            || Some(format!("{}:{}", set("FAL_KEY_ID")?.trim(), set("FAL_KEY_SECRET")?.trim()));
        let key = set("FAL_KEY").or_else(pair).ok_or(SetupError::NoKey)?;
        let run = set("FAL_RUN_HOST").unwrap_or_else(|| "fal.run".to_owned());
        let queue = set("FAL_QUEUE_RUN_HOST").unwrap_or_else(|| format!("queue.{run}"));
        let url = |host: &str| format!("https://{host}");
        let builder = Self::default().key(key).run_url(url(&run)).queue_url(url(&queue));
        // The key of a platform elsewhere is not for fal to see.
        Ok(match run.strip_suffix("/run") {
            Some(host) => builder.rest_url(url(&format!("{host}/rest"))),
            None => builder,
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "from_env is asked for by name")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(set: &[(&str, &str)]) -> Result<Client, SetupError> {
        let value = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Builder::from_variables(value)?.build()
    }

    #[track_caller]
    fn check(set: &[(&str, &str)], key: &str, run: &str, queue: &str) {
        let client = build(set).unwrap();
        let (inner, path) = (&client.inner, "/a/b");
        let sent = inner.key.as_ref().unwrap().authorization();
        assert_eq!(sent.to_str().unwrap(), format!("Key {key}"));
        assert_eq!(inner.places.run.join(path).unwrap(), *format!("{run}{path}"));
        assert_eq!(inner.places.queue.join(path).unwrap(), *format!("{queue}{path}"));
    }

    #[tokio::test]
    async fn the_environment_is_read_as_fals_clients_read_it() {
        let fal = ("https://fal.run", "https://queue.fal.run");
        check(&[("FAL_KEY", "a:b\n")], "a:b", fal.0, fal.1);
        check(&[("FAL_KEY_ID", "a"), ("FAL_KEY_SECRET", "b")], "a:b", fal.0, fal.1);
        check(&[("FAL_KEY", "c"), ("FAL_KEY_ID", "a"), ("FAL_KEY_SECRET", "b")], "c", fal.0, fal.1);
        let run = ("FAL_RUN_HOST", "127.0.0.1:9/run");
        let key = ("FAL_KEY", "k");
        check(&[key, run], "k", "https://127.0.0.1:9/run", "https://queue.127.0.0.1:9/run");
        let queue = ("FAL_QUEUE_RUN_HOST", "127.0.0.1:9/queue");
        check(&[key, run, queue], "k", "https://127.0.0.1:9/run", "https://127.0.0.1:9/queue");
    }

    #[tokio::test]
    async fn without_a_key_there_is_no_client() {
        for set in
            [&[][..], &[("FAL_KEY", " ")], &[("FAL_KEY_ID", "a")], &[("FAL_KEY_SECRET", "b")]]
        {
            assert!(matches!(build(set), Err(SetupError::NoKey)), "{set:?}");
        }
        assert!(matches!(build(&[("FAL_KEY", "a\u{7}b")]), Err(SetupError::BadKey)));
        let hosts = [("FAL_KEY", "a"), ("FAL_RUN_HOST", "a b")];
        assert!(matches!(build(&hosts), Err(SetupError::BadUrl(_))));
    }
}
