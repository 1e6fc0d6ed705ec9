//! What models say of their inputs and of themselves, item by item.

use std::fmt;

use serde_json::Value;

/// One item of a list under `detail`.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelError {
    /// Which kind of error, with the numbers that belong to it.
    pub kind: ModelErrorKind,
    /// Where in the input, from the outside in: `body`, `image_url`. Empty where the item does not say.
    pub loc: Vec<Loc>,
    /// What it says, for people.
    pub msg: String,
    /// A page about it.
    pub url: Option<String>,
    /// The part of the input that it is about.
    pub input: Option<Value>,
    /// What belongs to it, as it came.
    pub ctx: Option<Value>,
}

/// A step into the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loc {
    /// Into a member of an object.
    Field(String),
    /// Into an item of a list, counted from 0.
    Index(u64),
}

/// Whether another try is worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It is.
    Yes,
    /// It may be.
    Maybe,
    /// The same input will fail again.
    No,
    /// The kind is not known here.
    Unknown,
}

/// Writes the enum of all kinds from one table: name on the wire, variant, worth, and the numbers of its `ctx`.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:literal $variant:ident $worth:ident
        { $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty),* $(,)? })+) => {
        /// The kinds of model errors that fal documents, and an open end for all others, as those of
        /// [pydantic](https://docs.pydantic.dev) that an app's own types lead to.
        ///
        /// A number that the answer left out is none.
        #[derive(Debug, Clone, PartialEq)]
        pub enum ModelErrorKind {
            $($(#[doc = $doc])+ $variant { $($(#[doc = $field_doc])+ $field: $type),* },)+
            /// One that is not known here, by its name.
            Other(String),
        }

        impl ModelErrorKind {
            /// Every name that is known here.
            pub const NAMES: &[&str] = &[$($name),+];

            /// Its name on the wire.
            #[must_use]
            pub const fn name(&self) -> &str {
                match self {
                    $(Self::$variant { .. } => $name,)+
                    Self::Other(name) => name.as_str(),
                }
            }

            /// Whether fal's documents call it worth another try.
            #[must_use]
            pub const fn worth_a_retry(&self) -> Worth {
                match self {
                    $(Self::$variant { .. } => Worth::$worth,)+
                    Self::Other(_) => Worth::Unknown,
                }
            }

            fn read(name: &str, ctx: Option<&Value>) -> Self {
                match name {
                    $($name => Self::$variant { $($field: Part::part(ctx, stringify!($field))),* },)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    };
}

kinds! {
    /// The model failed.
    "internal_server_error" InternalServerError Maybe {}
    /// The model took too long.
    "generation_timeout" GenerationTimeout Maybe {}
    /// What the model itself calls failed.
    "downstream_service_error" DownstreamServiceError Maybe {}
    /// What the model itself calls is not there at the moment.
    "downstream_service_unavailable" DownstreamServiceUnavailable Yes {}
    /// The input or the output is not allowed.
    "content_policy_violation" ContentPolicyViolation No {}
    /// The model made nothing of this input.
    "no_media_generated" NoMediaGenerated No {}
    /// An image of the input cannot be read.
    "image_load_error" ImageLoadError No {}
    /// A file of the input cannot be fetched.
    "file_download_error" FileDownloadError No {}
    /// No face was found, or it cannot be used.
    "face_detection_error" FaceDetectionError No {}
    /// The model cannot do this.
    "feature_not_supported" FeatureNotSupported No {}
    /// An image is too small.
    "image_too_small" ImageTooSmall No {
        /// In pixels.
        min_height: Option<f64>,
        /// In pixels.
        min_width: Option<f64>,
    }
    /// An image is too large.
    "image_too_large" ImageTooLarge No {
        /// In pixels.
        max_height: Option<f64>,
        /// In pixels.
        max_width: Option<f64>,
    }
    /// A file is too large.
    "file_too_large" FileTooLarge No {
        /// In bytes.
        max_size: Option<f64>,
    }
    /// A number is not greater than this.
    "greater_than" GreaterThan No {
        /// The bound, which does not belong to what is allowed.
        gt: Option<f64>,
    }
    /// A number is less than this.
    "greater_than_equal" GreaterThanEqual No {
        /// The bound, which belongs to what is allowed.
        ge: Option<f64>,
    }
    /// A number is not less than this.
    "less_than" LessThan No {
        /// The bound, which does not belong to what is allowed.
        lt: Option<f64>,
    }
    /// A number is greater than this.
    "less_than_equal" LessThanEqual No {
        /// The bound, which belongs to what is allowed.
        le: Option<f64>,
    }
    /// A number is no multiple of this.
    "multiple_of" MultipleOf No {
        /// The factor.
        multiple_of: Option<f64>,
    }
    /// A list or text is too short.
    "sequence_too_short" SequenceTooShort No {
        /// Items or characters.
        min_length: Option<f64>,
    }
    /// A list or text is too long.
    "sequence_too_long" SequenceTooLong No {
        /// Items or characters.
        max_length: Option<f64>,
    }
    /// A value is none of those that there are.
    "one_of" OneOf No {
        /// Those that there are.
        expected: Vec<Value>,
    }
    /// An archive cannot be read.
    "invalid_archive" InvalidArchive No {
        /// Extensions of those that can be.
        supported_extensions: Vec<String>,
    }
    /// There are too few files of a kind in an archive.
    "archive_file_count_below_minimum" ArchiveFileCountBelowMinimum No {
        /// How many there must be.
        min_count: Option<f64>,
        /// How many there are.
        provided_count: Option<f64>,
        /// Extensions of files that count.
        supported_extensions: Vec<String>,
    }
    /// There are too many files of a kind in an archive.
    "archive_file_count_exceeds_maximum" ArchiveFileCountExceedsMaximum No {
        /// How many there may be.
        max_count: Option<f64>,
        /// How many there are.
        provided_count: Option<f64>,
        /// Extensions of files that count.
        supported_extensions: Vec<String>,
    }
    /// A recording is too long.
    "audio_duration_too_long" AudioDurationTooLong No {
        /// In seconds.
        max_duration: Option<f64>,
        /// In seconds.
        provided_duration: Option<f64>,
    }
    /// A recording is too short.
    "audio_duration_too_short" AudioDurationTooShort No {
        /// In seconds.
        min_duration: Option<f64>,
        /// In seconds.
        provided_duration: Option<f64>,
    }
    /// A video is too long.
    "video_duration_too_long" VideoDurationTooLong No {
        /// In seconds.
        max_duration: Option<f64>,
        /// In seconds.
        provided_duration: Option<f64>,
    }
    /// A video is too short.
    "video_duration_too_short" VideoDurationTooShort No {
        /// In seconds.
        min_duration: Option<f64>,
        /// In seconds.
        provided_duration: Option<f64>,
    }
    /// Sound in a format that the model cannot read.
    "unsupported_audio_format" UnsupportedAudioFormat No {
        /// Those that it can.
        supported_formats: Vec<String>,
    }
    /// An image in a format that the model cannot read.
    "unsupported_image_format" UnsupportedImageFormat No {
        /// Those that it can.
        supported_formats: Vec<String>,
    }
    /// A video in a format that the model cannot read.
    "unsupported_video_format" UnsupportedVideoFormat No {
        /// Those that it can.
        supported_formats: Vec<String>,
    }
}

/// What can stand in `ctx`.
trait Part: Sized {
    fn part(ctx: Option<&Value>, name: &str) -> Self;
}

impl Part for Option<f64> {
    fn part(ctx: Option<&Value>, name: &str) -> Self {
        ctx?.get(name)?.as_f64()
    }
}

/// One that stands alone is a list of one.
impl Part for Vec<Value> {
    fn part(ctx: Option<&Value>, name: &str) -> Self {
        match ctx.and_then(|ctx| ctx.get(name)) {
            Some(Value::Array(items)) => items.clone(),
            Some(Value::Null) | None => Self::new(),
            Some(one) => vec![one.clone()],
        }
    }
}

impl Part for Vec<String> {
    fn part(ctx: Option<&Value>, name: &str) -> Self {
        let items = Vec::<Value>::part(ctx, name);
        items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

impl ModelError {
    /// Reads one item; what is not as it should be is left out, and never a reason to lose the rest.
    pub(super) fn read(item: &Value) -> Self {
        let text = |name| item.get(name).and_then(Value::as_str);
        let ctx = item.get("ctx").filter(|ctx| !ctx.is_null());
        let loc = item.get("loc").and_then(Value::as_array).into_iter().flatten();
        Self {
            kind: ModelErrorKind::read(text("type").unwrap_or_default(), ctx),
            loc: loc.filter_map(Loc::read).collect(),
            msg: text("msg").map_or_else(|| item.to_string(), str::to_owned),
            url: text("url").map(str::to_owned),
            input: item.get("input").cloned(),
            ctx: ctx.cloned(),
        }
    }

    /// The innermost member that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.loc.iter().rev().find_map(|step| match step {
            Loc::Field(name) => Some(name.as_str()),
            Loc::Index(_) => None,
        })
    }
}

impl Loc {
    fn read(step: &Value) -> Option<Self> {
        match step {
            Value::String(name) => Some(Self::Field(name.clone())),
            Value::Number(index) => index.as_u64().map(Self::Index),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.loc.iter().enumerate() {
            match (number, step) {
                (0, Loc::Field(name)) => f.write_str(name)?,
                (_, Loc::Field(name)) => write!(f, ".{name}")?,
                (_, Loc::Index(index)) => write!(f, "[{index}]")?,
            }
        }
        let gap = if self.loc.is_empty() { "" } else { ": " };
        write!(f, "{gap}{}", self.msg)
    }
}
