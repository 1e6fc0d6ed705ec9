//! Mistakes in the signatures of setup, endpoints, health check and teardown.

use super::Mistake;

const RESULT: &str = "write `Result<Output, PredictError>`: `Output` derives `Serialize` and \
    `JsonSchema`, and `PredictError` derives `AppError` and names a status for each way to fail";

const NOT_A_RESPONSE: &str = "the `Ok` type is data that derives `Serialize` and `JsonSchema`, or \
    a `Blob` of bytes, and goes out with 200; another status is a variant of the error that says `#[status(..)]`\n\
    help: if this is a type of your own, give it another name";

impl Mistake {
    pub(crate) const SETUP_WITH_SELF: Self = Self::fixed(
        "a setup has no `self`: it makes the app",
        "write `async fn setup(cx: &SetupContext) -> Result<Self, SetupError>`",
    );
    pub(crate) const SETUP_CONTEXT_BY_VALUE: Self = Self::fixed(
        "a setup borrows its context",
        "write `cx: &SetupContext`, or no argument at all",
    );
    pub(crate) const SETUP_SECOND_ARGUMENT: Self = Self::fixed(
        "a setup takes at most one argument",
        "take `cx: &SetupContext` alone: `cx.var(\"NAME\")` reads an environment variable",
    );
    pub(crate) const SETUP_RETURNS: Self = Self::fixed(
        "a setup returns the app, or why there is none",
        "write `Result<Self, SetupError>`, with both types; with `SetupError`, `?` takes any error",
    );
    pub(crate) const TEARDOWN_BORROWS: Self = Self::fixed(
        "a teardown takes the app itself: no request is left that could need it",
        "write `async fn teardown(self)`",
    );
    pub(crate) const TEARDOWN_WITH_ARGUMENT: Self =
        Self::fixed("a teardown takes nothing but the app", "write `async fn teardown(self)`");
    pub(crate) const TEARDOWN_RETURNS: Self = Self::fixed(
        "a teardown returns nothing: the process ends after it, and nobody could act on an error",
        "log the error in the body, and write `async fn teardown(self)`",
    );
    pub(crate) const HEALTH_WITH_INPUT: Self = Self::fixed(
        "a health check takes no input",
        "write `async fn healthy(&self) -> Result<(), Unhealthy>`",
    );
    pub(crate) const HEALTH_RETURNS: Self = Self::fixed(
        "a health check returns whether the runner is healthy, and nothing else",
        "write `async fn healthy(&self) -> Result<(), Unhealthy>`",
    );
    pub(crate) const WARMUP_WITH_ARGUMENT: Self = Self::fixed(
        "a warm-up takes nothing but the app",
        "write `async fn warmup(&self) -> Result<(), SetupError>`, and keep in the app what it needs",
    );
    pub(crate) const WARMUP_RETURNS: Self = Self::fixed(
        "a warm-up returns whether the app is ready, and nothing else",
        "write `Result<(), SetupError>`; with it, `?` takes any error",
    );
    pub(crate) const CANCEL_ARGUMENTS: Self = Self::fixed(
        "a cancel hook takes the app and the request that is cancelled",
        "write `async fn cancelled(&self, request: &Request)`",
    );
    pub(crate) const CANCEL_RETURNS: Self = Self::fixed(
        "a cancel hook returns nothing: the request itself goes on to its answer",
        "write `async fn cancelled(&self, request: &Request)`",
    );
    pub(crate) const EXIT_WITH_ARGUMENT: Self =
        Self::fixed("an exit hook takes nothing but the app", "write `fn exiting(&self)`");
    pub(crate) const EXIT_RETURNS: Self = Self::fixed(
        "an exit hook returns nothing: the process ends whatever it finds",
        "log the error in the body, and write `fn exiting(&self)`",
    );
    pub(crate) const ENDPOINT_NOT_ASYNC: Self = Self::fixed(
        "an endpoint is async, so that one request does not hold up the others",
        "write `async fn`, or `#[endpoint(\"/\", blocking)]` with the path in place of `/` if it blocks \
         its thread or computes for long",
    );
    pub(crate) const BLOCKING_AND_ASYNC: Self = Self::fixed(
        "a blocking endpoint is not async: it has a thread of its own",
        "remove this `async`, or the word `blocking`",
    );
    pub(crate) const REALTIME_NOT_ASYNC: Self = Self::fixed(
        "a realtime endpoint is async, so that one session does not hold up the others",
        "write `async fn`",
    );
    pub(crate) const REALTIME_WITHOUT_INPUT: Self = Self::fixed(
        "a realtime endpoint answers inputs, and this one takes none",
        "write `async fn live(&self, input: Input) -> Result<Output, PredictError>`",
    );
    pub(crate) const BATCH_WITHOUT_BOUND: Self = Self::fixed(
        "a realtime endpoint that answers several inputs together says how many at most",
        "write `#[realtime(\"/realtime\", max_batch_size = 4)]`\n\
         help: for one input at a time take `input: Input`, and for all of a session `inputs: Inputs<Input>`",
    );
    pub(crate) const BOUND_WITHOUT_BATCH: Self = Self::fixed(
        "`max_batch_size` is for an endpoint that answers several inputs together",
        "take `inputs: Vec<Input>`, or remove the setting",
    );
    pub(crate) const SOCKET_NOT_ASYNC: Self = Self::fixed(
        "an endpoint with a socket is async, so that one session does not hold up the others",
        "write `async fn`",
    );
    pub(crate) const SOCKET_WITH_SETTING: Self = Self::fixed(
        "only a path belongs here: what goes over a socket is the endpoint's own business",
        "write `#[websocket(\"/ws\")]`, with the path in place of `/ws`",
    );
    pub(crate) const RAW_WITHOUT_SOCKET: Self = Self::fixed(
        "a websocket endpoint takes its socket, and this one takes none",
        "write `async fn raw(&self, socket: WebSocket) -> Result<(), PredictError>`",
    );
    pub(crate) const RAW_WITH_INPUT: Self = Self::fixed(
        "a websocket endpoint has no input: it receives messages from its socket",
        "take `socket: WebSocket`, and `request: &Request` for the headers; for inputs and outputs with \
         types write `#[realtime(\"/realtime\")]`",
    );
    pub(crate) const SECOND_SOCKET: Self =
        Self::fixed("a session has one socket", "remove one of the two arguments");
    pub(crate) const BORROWED_SOCKET: Self =
        Self::fixed("an endpoint owns its socket", "take `mut socket: WebSocket`, without the `&`");
    pub(crate) const SOCKET_ELSEWHERE: Self = Self::fixed(
        "only a websocket endpoint has a socket",
        "write `#[websocket(\"/ws\")]` in place of this endpoint's attribute\n\
         help: if this is a type of your own, give it another name",
    );
    pub(crate) const SOCKET_RETURNS: Self = Self::fixed(
        "a websocket endpoint returns whether its session went well: what it has to say it sends",
        "write `Result<(), PredictError>`, where `PredictError` derives `AppError`",
    );
    pub(crate) const SECOND_REQUEST: Self = Self::fixed(
        "an endpoint serves one request, and takes it once",
        "remove one of the two arguments",
    );
    pub(crate) const EXCLUSIVE_REQUEST: Self =
        Self::fixed("a request is shared with those who may cancel it", "take `request: &Request`");
    pub(crate) const PATH_IS_NO_TEXT: Self = Self::fixed(
        "a path is one text",
        "put it in quotes, as in `\"/generate\"`, and nothing beside it",
    );
    pub(crate) const PATH_NOT_PLAIN: Self = Self::fixed(
        "a path is fixed text of letters, digits and marks such as `-`, `_`, `.` and `/`",
        "take what varies as a field of the input",
    );
    pub(crate) const SECOND_INPUT: Self = Self::fixed(
        "an endpoint takes one input: the request's JSON body",
        "make both fields of one struct that derives `Deserialize` and `JsonSchema`; the headers are \
         in `request: &Request`",
    );
    pub(crate) const BORROWED_INPUT: Self =
        Self::fixed("an endpoint owns its input", "take it by value, without the `&`");
    pub(crate) const OPAQUE_INPUT: Self = Self::fixed(
        "an endpoint's input needs a type with a name, because it is read from JSON",
        "write a struct that derives `Deserialize` and `JsonSchema`",
    );
    pub(crate) const ENDPOINT_RETURNS_NOTHING: Self =
        Self::fixed("this endpoint returns nothing", RESULT);
    pub(crate) const OPAQUE_OUTPUT: Self = Self::fixed(
        "behind `impl` any status could hide, a 503 included, so an endpoint's types have names",
        RESULT,
    );

    pub(crate) fn generic_function(role: &str) -> Self {
        Self::new(
            format!("{role} cannot be generic: nobody says with which types to call it"),
            "name the types, and call a generic function from the body",
        )
    }

    pub(crate) fn conditional_argument(role: &str) -> Self {
        Self::new(
            format!(
                "{role} takes the same arguments in every build, because its caller passes them"
            ),
            "put the `#[cfg]` on statements in the function's body, or on a field of the argument's \
             type",
        )
    }

    pub(crate) fn unsafe_function(role: &str) -> Self {
        Self::new(
            format!("{role} cannot be unsafe: its caller promises nothing"),
            "write a safe function, with an unsafe block around what needs one",
        )
    }

    pub(crate) fn no_receiver(role: &str) -> Self {
        Self::new(
            format!("{role} works with the app that setup has made"),
            "take `&self` as the first argument",
        )
    }

    pub(crate) fn exclusive_receiver(role: &str) -> Self {
        Self::new(
            format!("{role} shares the app with other requests"),
            "take `&self`, and put what changes behind a `Mutex` or an atomic",
        )
    }

    pub(crate) fn owned_receiver(role: &str) -> Self {
        Self::new(
            format!("{role} only borrows the app: the next request needs it too"),
            "take `&self`",
        )
    }

    pub(crate) fn path_missing(role: &str, path: &str) -> Self {
        Self::new(
            "there is no path",
            format!("write `#[{role}(\"{path}\")]`, or another path in place of `{path}`"),
        )
    }

    pub(crate) fn path_without_slash(path: &str) -> Self {
        Self::new("a path begins with a slash", format!("write `\"/{path}\"`"))
    }

    pub(crate) fn path_twice(path: &str, first: &str) -> Self {
        Self::new(
            format!("`{first}` already answers on `{path}`"),
            "give one of the two a path of its own",
        )
    }

    pub(crate) fn no_result(written: &str) -> Self {
        Self::new(format!("an endpoint returns a `Result`, not `{written}`"), RESULT)
    }

    pub(crate) fn response_output(written: &str) -> Self {
        Self::new(format!("an endpoint returns a `Result` of plain data, not `{written}`"), RESULT)
    }

    pub(crate) fn response_inside(written: &str) -> Self {
        Self::new(format!("an endpoint's output is plain data, not `{written}`"), NOT_A_RESPONSE)
    }
}
