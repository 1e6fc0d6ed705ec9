//! The gateway's response bodies.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

/// A body of the node, or one made by a router.
#[derive(Debug)]
pub enum Body {
    /// A runner's, or one made here.
    Node(fal_node::Body),
    /// A router's or an event stream.
    Axum(axum::body::Body),
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
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Node(body) => body.is_end_stream(),
            Self::Axum(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Node(body) => body.size_hint(),
            Self::Axum(body) => body.size_hint(),
        }
    }
}
