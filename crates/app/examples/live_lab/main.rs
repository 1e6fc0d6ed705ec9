//! An app of sessions in every shape, to see what they do.
//!
//! | path | session |
//! |---|---|
//! | `/realtime` | answers each input; `fail` makes it fail: `error`, `panic`, `broken`, `infinite` or `list` |
//! | `/count` | answers each input with the numbers up to it |
//! | `/sum` | adds up the numbers of a session, and says the sum when none has come for 5 s |
//! | `/chat` | says each text backwards, until one is `bye` |
//! | `/gated` | answers each input when `POST /open` lets it go on |
//! | `/latest` | keeps the last two inputs while it works; each waits for `POST /open` |
//! | `/together` | answers up to four inputs together; each time it waits for `POST /open` |
//! | `/raw` | sends every message back; `bye` and `done` end it, `fail`, `panic` and `broken` fail |
//!
//! `POST /open` with a number lets as many waiting inputs go on.

use axum::{Router, routing::get};

mod app;

// Its sessions pass through a router, as those of an author who has added one do.
fal_app::main!(app::LiveLab, |router: Router| router.route("/beside", get(async || "beside")));
