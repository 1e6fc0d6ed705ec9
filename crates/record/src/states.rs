//! Where a ticket stands, from the columns that say so.

use fal_queue::{Ending, Lease, NodeId};
use fal_types::{Attempt, LeaseId, Moment, Problem, Status};

/// The lease that these columns hold: its number, its attempt, its node, and since when. None where one is missing.
#[must_use]
pub fn lease(
    id: Option<i64>,
    attempt: Option<u16>,
    node: Option<i64>,
    since: Option<Moment>,
) -> Option<Lease> {
    Some(Lease {
        id: LeaseId::new(id?.cast_unsigned()),
        attempt: Attempt::new(attempt?),
        node: NodeId(node?.cast_unsigned()),
        since: since?,
    })
}

/// The ending that these columns hold: a runner's status, or the platform's problem, or neither.
#[must_use]
pub fn ending(status: Option<u16>, problem: Option<Problem>) -> Ending {
    match (status, problem) {
        (Some(status), _) => Ending::Responded(Status::new(status)),
        (None, Some(problem)) => Ending::Failed(problem),
        (None, None) => Ending::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_whole_or_none() {
        let (attempt, since) = (Some(2), Some(Moment::from_micros(7)));
        let whole = lease(Some(-1), attempt, Some(-2), since).expect("it is whole");
        assert_eq!((whole.id.number(), whole.node.0), (u64::MAX, u64::MAX - 1));
        assert_eq!(lease(None, attempt, Some(1), since), None);
        assert_eq!(lease(Some(1), None, Some(1), since), None);
        assert_eq!(lease(Some(1), attempt, None, since), None);
        assert_eq!(lease(Some(1), attempt, Some(1), None), None);
    }

    #[test]
    fn an_ending_is_an_answer_a_problem_or_a_cancel() {
        let problem = Some(Problem::Disconnected);
        assert_eq!(ending(Some(503), problem), Ending::Responded(Status::new(503)));
        assert_eq!(ending(None, problem), Ending::Failed(Problem::Disconnected));
        assert_eq!(ending(None, None), Ending::Cancelled);
    }
}
