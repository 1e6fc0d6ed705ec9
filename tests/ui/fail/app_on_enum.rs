//! An app that is an enum.

use fal_app::prelude::*;

#[fal_app]
enum Hello {
    A,
}

fn main() {}
