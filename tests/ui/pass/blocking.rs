//! Endpoints that block their thread, with every kind of argument.

use fal_app::prelude::*;

#[derive(Debug, thiserror::Error, AppError)]
#[error("failed")]
#[status(500)]
struct Failed;

type Outcome<T> = Result<T, Failed>;

#[fal_app(max_multiplexing = 2)]
struct Painter;

#[fal_app]
impl Painter {
    #[setup]
    fn setup() -> Result<Self, SetupError> {
        Ok(Self)
    }

    /// Paints until nobody wants the picture any more.
    #[endpoint("/", blocking)]
    fn paint(&self, sketch: Blob, request: &Request) -> Outcome<Blob> {
        if request.is_cancelled() {
            return Err(Failed);
        }
        Ok(Blob::new("image/png", sketch.into_bytes()))
    }

    #[endpoint("/words", blocking)]
    fn words(&self, request: fal_app::Request, count: usize) -> Result<EventStream<usize>, Failed> {
        drop(request);
        Ok(EventStream::of(0..count))
    }

    #[endpoint("/none", blocking)]
    fn none(&self) -> Result<(), Failed> {
        Err(Failed)
    }
}

fn main() {}
