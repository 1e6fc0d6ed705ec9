//! The names of headers that mean something here.

use http::HeaderName;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-fal-request-id");
pub(crate) const ERROR_TYPE: HeaderName = HeaderName::from_static("x-fal-error-type");
pub(crate) const TIMEOUT_TYPE: HeaderName = HeaderName::from_static("x-fal-request-timeout-type");
pub(crate) const NEEDS_RETRY: HeaderName = HeaderName::from_static("x-fal-needs-retry");
/// What fal's documents call the one above.
pub(crate) const RETRYABLE: HeaderName = HeaderName::from_static("x-fal-retryable");
pub(crate) const BILLABLE_UNITS: HeaderName = HeaderName::from_static("x-fal-billable-units");
pub(crate) const SERVED_FROM: HeaderName = HeaderName::from_static("x-fal-served-from");
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

pub(crate) const START_TIMEOUT: HeaderName = HeaderName::from_static("x-fal-request-start-timeout");
/// The older name, which fal's own clients send; where both are there, the new one counts.
pub(crate) const OLD_START_TIMEOUT: HeaderName = HeaderName::from_static("x-fal-request-timeout");
pub(crate) const RUNNER_HINT: HeaderName = HeaderName::from_static("x-fal-runner-hint");
pub(crate) const PRIORITY: HeaderName = HeaderName::from_static("x-fal-queue-priority");
pub(crate) const NO_RETRY: HeaderName = HeaderName::from_static("x-fal-no-retry");
pub(crate) const STORE_IO: HeaderName = HeaderName::from_static("x-fal-store-io");
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const LIFECYCLE: HeaderName =
    HeaderName::from_static("x-fal-object-lifecycle-preference");
/// What the storage calls the one above.
pub(crate) const UPLOAD_LIFECYCLE: HeaderName = HeaderName::from_static("x-fal-object-lifecycle");
