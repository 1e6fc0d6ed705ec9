//! Several nodes on one store: who lives, and what becomes of what the others had.

use std::time::Duration;

use fal_queue::{
    NodeId, Ticket,
    store::{CancelAnswer, Done, Leases, Op, Silent},
};
use fal_types::{LeaseId, RequestId};

use super::{
    Make,
    bench::{Bench, NODE, app, id, lease_of, other_app, responded, ticket, unexpected},
};

const OTHER: NodeId = NodeId(u64::MAX - 1);

const LASTS: Duration = Duration::from_secs(15);

fn beat(bench: &mut Bench, node: NodeId) -> (bool, Vec<RequestId>) {
    let done = bench.commit(Op::Beat { node, lasts: LASTS });
    let Done::Beaten { lapsed, cancelled } = done else { unexpected(&done) };
    (lapsed, cancelled)
}

fn lost(bench: &mut Bench) -> Vec<RequestId> {
    let done = bench.commit(Op::Sweep { limit: 9, silent: Silent::Dead });
    let Done::Swept { lost, .. } = done else { unexpected(&done) };
    lost
}

//= docs/contract.md#many-nodes
//= type=test
//# A node that has not said that it lives for as long as its lease lasts MUST lose what it had
//# leased, and those requests wait again without being charged.
pub(super) fn a_silent_node_loses_its_leases(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2, 3]);
    assert_eq!(beat(&mut bench, OTHER), (false, vec![]));
    beat(&mut bench, NODE);
    let held = bench.claim_for(app(), 2, OTHER).batch;
    let own = bench.claim_one();
    bench.wait(10);
    beat(&mut bench, NODE);
    assert_eq!(lost(&mut bench), []);
    bench.wait(5);
    let spared = bench.commit(Op::Sweep { limit: 9, silent: Silent::Spared });
    let Done::Swept { lost: none, .. } = spared else { unexpected(&spared) };
    assert_eq!(none, [], "whoever sweeps may have been cut off itself");
    assert_eq!(lost(&mut bench), [id(1), id(2)]);
    assert_eq!(lost(&mut bench), []);
    let put_back = bench.ticket(1);
    assert!(put_back.is_due(bench.now));
    assert_eq!((put_back.attempts, put_back.spent.total), (1, 0), "and it is not charged");
    let (late, _) = held.first().expect("two were claimed");
    let done = bench.settle(late, responded(200), None);
    assert_eq!(done, Done::Stale, "it was taken for dead");
    assert_eq!(beat(&mut bench, OTHER), (true, vec![]), "and learns of it");
    assert_eq!(beat(&mut bench, OTHER), (false, vec![]), "once");
    assert_eq!(bench.ticket(3), own);
}

pub(super) fn a_node_that_never_spoke_is_left_alone(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2]);
    let leased = bench.claim_one();
    let spoken = bench.claim_for(app(), 1, OTHER).batch;
    beat(&mut bench, OTHER);
    bench.commit(Op::Recover { node: OTHER, leases: None });
    bench.wait(600_000);
    assert_eq!((spoken.len(), lost(&mut bench)), (1, vec![]), "it has said farewell");
    assert_eq!(bench.ticket(1), leased);
    assert!(bench.ticket(2).is_waiting());
}

pub(super) fn a_node_learns_of_cancels(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2, 3]);
    bench.claim(2);
    bench.claim_for(app(), 1, OTHER);
    for number in [2, 1, 3] {
        assert_eq!(bench.cancel(app(), id(number)), CancelAnswer::Signalled);
    }
    assert_eq!(beat(&mut bench, NODE), (false, vec![id(1), id(2)]));
    assert_eq!(beat(&mut bench, OTHER), (false, vec![id(3)]));
}

pub(super) fn some_leases_are_put_back(make: &mut Make<'_>) {
    let mut bench = Bench::new(make);
    bench.submit_all([1, 2, 3]);
    bench.submit(Ticket { app: other_app(), ..ticket(4) });
    let mut claim = |app, max, from| {
        let leases_from = LeaseId::new(from);
        bench.commit(Op::Claim { app, max, node: NODE, leases_from });
    };
    claim(app(), 3, 100);
    claim(other_app(), 1, 101);
    let leases = Leases { app: app(), from: LeaseId::new(101), count: 2 };
    let done = bench.commit(Op::Recover { node: OTHER, leases: Some(leases.clone()) });
    assert_eq!(done, Done::Recovered { tickets: 0 }, "they are another node's");
    let done = bench.commit(Op::Recover { node: NODE, leases: Some(leases) });
    assert_eq!(done, Done::Recovered { tickets: 2 });
    assert_eq!(lease_of(&bench.ticket(1)).id, LeaseId::new(100));
    assert_eq!(bench.claim(9).ids(), [id(2), id(3)]);
    let other = bench.find(&other_app(), id(4)).expect("it is kept");
    assert!(!other.is_waiting(), "the same number, of another app");
}
