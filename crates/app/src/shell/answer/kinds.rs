//! The error types that fal documents, each with a page of its own.

/// Sorted, for the search.
const DOCUMENTED: [&str; 31] = [
    "archive_file_count_below_minimum",
    "archive_file_count_exceeds_maximum",
    "audio_duration_too_long",
    "audio_duration_too_short",
    "content_policy_violation",
    "downstream_service_error",
    "downstream_service_unavailable",
    "face_detection_error",
    "feature_not_supported",
    "file_download_error",
    "file_too_large",
    "generation_timeout",
    "greater_than",
    "greater_than_equal",
    "image_load_error",
    "image_too_large",
    "image_too_small",
    "internal_server_error",
    "invalid_archive",
    "less_than",
    "less_than_equal",
    "multiple_of",
    "no_media_generated",
    "one_of",
    "sequence_too_long",
    "sequence_too_short",
    "unsupported_audio_format",
    "unsupported_image_format",
    "unsupported_video_format",
    "video_duration_too_long",
    "video_duration_too_short",
];

/// Where fal explains this error type; `None` for one that is the app's own.
pub(super) fn url(kind: &str) -> Option<String> {
    DOCUMENTED.binary_search(&kind).is_ok().then(|| format!("https://docs.fal.ai/errors#{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fal_documents_has_a_page() {
        assert!(DOCUMENTED.is_sorted());
        for kind in DOCUMENTED {
            assert_eq!(url(kind), Some(format!("https://docs.fal.ai/errors#{kind}")));
        }
        assert_eq!(url("quota_exceeded"), None);
    }
}
