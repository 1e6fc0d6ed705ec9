//! Every statement that is prepared, and for whom.
//!
//! In most of them `$1` is the moment that counts, given or none; where there is none it is that of the transaction's
//! begin, by the server's clock. A condition that an index carries is repeated where that index is meant, because it is
//! not used otherwise; and an order begins with the columns that are fixed, for the same reason.

pub(crate) mod ask;
pub(crate) mod change;
pub(crate) mod look;

use crate::session::Role;

/// The moment that counts: see above.
macro_rules! now {
    () => {
        "coalesce($1::bigint, (extract(epoch FROM now()) * 1000000)::bigint)"
    };
}
use now;

/// A statement that is prepared.
pub(crate) type Query = &'static str;

const LANE: [Query; 52] = [
    look::TAKEN,
    look::KEYS,
    look::COUNTS,
    look::READY,
    look::AGAIN,
    look::TOUCHED,
    look::PRESENT,
    look::LEASED_BY,
    look::OVERDUE,
    look::LATE_NODES,
    look::LAPSED,
    look::CANCELLED_OF,
    look::SWEEP_LOCK,
    look::NEXT_MOMENT,
    look::HOOKS,
    look::FINISHED_HOOKS,
    look::DUE_HOOKS,
    look::NEXT_HOOK,
    look::DEAD,
    change::MARK,
    change::UNMARK,
    change::HAPPENED,
    change::INSERT,
    change::INSERT_CONTENTS,
    change::COPY_CONTENT,
    change::UPDATE,
    change::END,
    change::KEEP_CONTENTS,
    change::DROP_CONTENTS,
    change::INSERT_LINES,
    change::END_LINES,
    change::INSERT_ENDED_LINES,
    change::INSERT_HOOKS,
    change::UPDATE_HOOKS,
    change::FINISH_HOOKS,
    change::REVIVE_HOOKS,
    change::TAKE_KEYS,
    change::EXPIRE_KEYS,
    change::PROMOTE,
    change::BEAT,
    change::BURY,
    change::FORGET,
    change::SET_HEIR,
    change::DROP_ENDED,
    change::DROP_ENDED_CONTENTS,
    change::DROP_ENDED_LINES,
    change::DROP_HOOKS,
    change::DROP_DELIVERIES,
    change::DROP_KEYS,
    change::REMOVE_KEYS,
    change::REMOVE_HOOKS,
    change::REMOVE_MARKS,
];

const READER: [Query; 11] = [
    look::COUNTS,
    ask::FIND,
    ask::AHEAD,
    ask::REPLY,
    ask::RECENT,
    ask::RECENT_OF,
    ask::CONTENT,
    ask::ACCOUNTS,
    ask::LINES,
    ask::HOOK,
    ask::DEAD_OF,
];

/// What a connection with this role prepares.
pub(crate) const fn prepared(role: Role) -> &'static [Query] {
    match role {
        Role::Lane => &LANE,
        Role::Reader => &READER,
        Role::Herald | Role::Listener | Role::Keeper => &[],
    }
}
