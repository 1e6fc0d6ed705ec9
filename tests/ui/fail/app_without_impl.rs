//! A struct that nothing is wired to.

use fal_app::prelude::*;

#[fal_app]
struct Hello;

fn main() {}
