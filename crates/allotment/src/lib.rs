//! What the apps of one machine share, and which runner gets the next of it.
//!
//! A machine has GPUs and, where its owner says so, room for so many runners. A runner that needs of either claims
//! it before its process is started, and holds it until its process is gone. An [`Allotment`] keeps who holds what
//! and who waits, and answers each [`Input`] with [`Decision`]s: it starts nothing and ends nothing itself.
//!
//! - No GPU is held by more runners than its holders allow ([`Want::sharing`]), and no more runners hold a place than
//!   there are.
//! - The next to get something is a runner of the app that holds least; of equals, the one that has waited longest.
//!   Spares come last.
//! - Where nothing is free, room is made: by a spare, by a runner that its app has not needed for a second
//!   ([`Offer::Idle`]), and by one that is busy when it has served for a turn and its app would still hold as much as
//!   the one that waits, or the one that waits holds nothing at all. What is being freed for one is not given to
//!   another.
//!
//! ```
//! use fal_allotment::{Allotment, Decision, Input, Offer, Rank, Shared, Want};
//! use fal_types::{Moment, RunnerId};
//!
//! let now = Moment::from_micros(0);
//! let mut machine = Allotment::new(Shared::default());
//! let want = Want { gpus: vec!["0".parse().unwrap()], each: 1, sharing: 1 };
//! let (mine, theirs) = (RunnerId::new(1, 0), RunnerId::new(2, 0));
//! let claim = |runner| Input::Claim { runner, want: want.clone(), rank: Rank::Serves };
//!
//! let given = machine.step(now, claim(mine));
//! assert_eq!(given, [Decision::Allot { runner: mine, gpus: want.gpus.clone() }]);
//! // Another app wants it too, so the first is asked what it can do without.
//! assert_eq!(machine.step(now, claim(theirs)), [Decision::Watch { app: 1 }]);
//! let offers = Input::Offers { app: 1, offers: vec![(mine, Offer::Spare)] };
//! let told = Decision::MakeRoom { runner: mine, offer: Offer::Spare, claimant: theirs };
//! assert_eq!(machine.step(now, offers), [told]);
//! let given = machine.step(now, Input::Gone { runner: mine });
//! assert_eq!(given[0], Decision::Allot { runner: theirs, gpus: want.gpus });
//! ```

#![forbid(unsafe_code)]

mod allotment;
mod claim;
mod gpu;
mod offer;

pub use crate::{
    allotment::{Allotment, Decision, Input, Shared},
    claim::{Rank, Want},
    gpu::{Gpu, GpuError},
    offer::{LULL, Offer},
};
