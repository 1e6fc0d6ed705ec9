//! The suite that every store passes.

use fal_conformance as conformance;
use fal_tests::postgres::Postgres;

use crate::suite::given;

#[test]
fn every_case_of_the_suite_passes() {
    let server = Postgres::start();
    for (name, case) in conformance::cases() {
        println!("{name}");
        case(&mut || Box::new(given(&server)));
    }
}

#[test]
fn it_answers_as_the_model_does() {
    let server = Postgres::start();
    for seed in 0..6 {
        println!("seed {seed}");
        conformance::against_model(&mut || Box::new(given(&server)), seed, 150);
    }
}
