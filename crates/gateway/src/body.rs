//! The gateway's response bodies.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use fal_access::Pass;
use http_body::{Body as HttpBody, Frame, SizeHint};

/// A body of the node, or one made by a router.
#[derive(Debug)]
pub enum Body {
    /// A runner's, or one made here.
    Node(fal_node::Body),
    /// A router's or an event stream.
    Axum(axum::body::Body),
    /// Either, with the place that its call takes until the body has ended.
    Passing(Box<Self>, Pass),
}

/// Why a body ended before its end. The connection is cut, so that its caller sees the cut.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The runner's part failed.
    #[error("response was cut")]
    Node(#[source] fal_node::BodyError),
    /// The platform's own part failed.
    #[error("response could not be made")]
    Axum(#[source] axum::Error),
}

impl Body {
    /// Gives a call's place back when this body has gone.
    pub(crate) fn passing(self, pass: Option<Pass>) -> Self {
        match pass {
            Some(pass) => Self::Passing(Box::new(self), pass),
            None => self,
        }
    }

    pub(crate) const fn whole(bytes: Bytes) -> Self {
        Self::Node(fal_node::Body::whole(bytes))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Node(body) => Pin::new(body).poll_frame(cx).map_err(BodyError::Node),
            Self::Axum(body) => Pin::new(body).poll_frame(cx).map_err(BodyError::Axum),
            Self::Passing(body, _) => Pin::new(&mut **body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Node(body) => body.is_end_stream(),
            Self::Axum(body) => body.is_end_stream(),
            Self::Passing(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Node(body) => body.size_hint(),
            Self::Axum(body) => body.size_hint(),
            Self::Passing(body, _) => body.size_hint(),
        }
    }
}
