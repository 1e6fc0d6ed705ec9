//! A scope in which the usual names mean something else.

use fal_app::prelude::{AppError, fal_app};

mod core {}
mod std {}
struct Some;
struct Option;
struct App;
struct Routes;
struct Arc;
type Outcome<T, E> = ::core::result::Result<T, E>;
struct Result;

#[fal_app(keep_alive = 60)]
struct Hello;

#[fal_app]
impl Hello {
    #[setup]
    async fn setup() -> Outcome<Self, ::std::io::Error> {
        Ok(Self)
    }

    #[endpoint("/")]
    async fn routes(&self, app: ::std::string::String) -> Outcome<::std::string::String, Failed> {
        Ok(app)
    }
}

#[derive(Debug, AppError)]
enum Failed {
    #[status(500)]
    Once,
}

impl ::core::fmt::Display for Failed {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("failed")
    }
}

impl ::core::error::Error for Failed {}

fn main() {
    let _ = (Some, Option, App, Routes, Arc, Result, Failed::Once);
}
