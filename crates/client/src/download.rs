//! Fetching what an app has made.

use bytes::Bytes;
use http::{HeaderValue, Method, Uri, header};

use crate::{client::Client, error::Error, places, retries::Repeat, transport::Bounds};

/// How many redirects are followed.
const REDIRECTS: u32 = 5;

pub(crate) async fn download(client: &Client, url: &str, limit: u64) -> Result<Bytes, Error> {
    let bounds = Bounds { silence: client.silence(), length: limit };
    let mut at = places::whole(url)?;
    let mut followed = 0;
    loop {
        let mut outgoing = client.nameless(Method::GET, at.clone());
        outgoing.headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        match client.exchange(&outgoing, Repeat::Refused, bounds).await {
            Ok(reply) => return Ok(reply.body().clone()),
            Err(Error::Redirect(refusal)) if followed < REDIRECTS => {
                let next = refusal.reply.header("location").and_then(|to| follow(&at, to));
                at = next.ok_or(Error::Redirect(refusal))?;
                followed += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Where a redirect leads; none where it would leave TLS, or is no URL.
pub(crate) fn follow(at: &Uri, to: &str) -> Option<Uri> {
    let (scheme, authority) = (at.scheme_str()?, at.authority()?);
    let next = if to.starts_with("//") {
        format!("{scheme}:{to}")
    } else if to.starts_with('/') {
        format!("{scheme}://{authority}{to}")
    } else if to.contains("://") {
        to.to_owned()
    } else {
        let (folder, _name) = at.path().rsplit_once('/')?;
        format!("{scheme}://{authority}{folder}/{to}")
    };
    let next = places::whole(&next).ok()?;
    let is_downgrade = scheme == "https" && next.scheme_str() != Some("https");
    (!is_downgrade).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(to: &str, wanted: Option<&str>) {
        let at = Uri::from_static("https://a.test/files/x?y=1");
        assert_eq!(follow(&at, to).map(|uri| uri.to_string()).as_deref(), wanted, "{to}");
    }

    #[test]
    fn a_redirect_leads_where_it_says() {
        check("https://b.test/z?q", Some("https://b.test/z?q"));
        check("//b.test/z", Some("https://b.test/z"));
        check("/z", Some("https://a.test/z"));
        check("z", Some("https://a.test/files/z"));
        check("http://a.test/z", None);
        check("ftp://a.test/z", None);
        check("https://", None);
    }
}
