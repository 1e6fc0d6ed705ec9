//! An app with a type parameter.

use fal_app::prelude::*;

#[fal_app]
struct Hello<M>(M);

fn main() {}
