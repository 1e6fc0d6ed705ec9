//! Claims: handing out the heads of queues.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fal_queue::{
    Event, NodeId, Priority, State, Ticket,
    store::{Backlog, Content, Done, Op},
};
use fal_record::headers;
use fal_types::{AppId, LeaseId, Moment, RequestId};
use futures_util::future::try_join3;
use tokio_postgres::Row;

use crate::{
    batch::{Batch, Clock, place},
    counts::Waiting,
    error::{Failure, Result},
    heads::Look,
    held::{Besides, Held},
    query::{change, look},
    rows::{self, COLUMNS, Found},
};

/// Held requests of an app that one claim makes ready at most. Where more have become due at once, the rest follows with
/// the next claims, those first whose moment came first.
const PROMOTED: i64 = 4_096;

/// Requests past their start deadline that one run of claims ends before it stops short. What is said to wait then shows
/// that there is more to claim.
const OVERDUE: usize = 1_024;

/// One of a run.
struct Claim {
    app: AppId,
    node: NodeId,
    /// How many slots are left.
    left: u32,
    next: LeaseId,
    batch: Vec<(Ticket, Content)>,
    deadlines: Vec<RequestId>,
    /// From when on each of those that it took was due.
    took: Vec<Moment>,
}

/// What waits for an app at its head, in order.
#[derive(Default)]
struct Line {
    queue: VecDeque<(Found, Content)>,
    /// Whether there may be more behind it.
    goes_on: bool,
}

impl<'a> Batch<'a> {
    //= docs/contract.md#queue-order
    //# Requests of one app MUST start in the order of their submits within a priority, and `low`
    //# ones after every `normal` one.
    //= docs/contract.md#queue-order
    //# Claiming a request and marking it as leased MUST be one durable step.
    pub(crate) async fn claim(&mut self, run: &'a [Op]) -> Result<()> {
        let mut claims: Vec<_> = run.iter().filter_map(Claim::read).collect();
        let mut ended = 0;
        let mut closed = BTreeSet::new();
        loop {
            let before = took(&claims);
            let mut lines = self.lines(&wants(&claims, &closed)).await?;
            for claim in &mut claims {
                if let Some(line) = lines.get_mut(&claim.app) {
                    ended += self.take(claim, line)?;
                }
            }
            closed.extend(lines.into_iter().filter(|(_, line)| !line.goes_on).map(|(app, _)| app));
            // Nothing is taken where nothing is wanted, and where others have been faster everywhere.
            let is_over = took(&claims) == before || ended > OVERDUE;
            if is_over || wants(&claims, &closed).is_empty() {
                break;
            }
        }
        self.ask(claims);
        Ok(())
    }

    /// Takes from a line until the claim is full; answers how many have ended on the way.
    fn take(&mut self, claim: &mut Claim, line: &mut Line) -> Result<usize> {
        let mut ended = 0;
        while claim.left > 0
            && let Some((found, content)) = line.queue.pop_front()
        {
            let due = match found.ticket.state {
                State::Waiting { not_before } => Some(not_before),
                State::Leased(_) | State::Done(_) => None,
            };
            let mut held = Held::new(found);
            let event = Event::Claimed { lease: claim.next, node: claim.node };
            // One that is not due, or that somebody else has taken meanwhile, is passed over.
            if !self.step(&mut held, &event, Besides::default())? {
                continue;
            }
            claim.took.extend(due);
            match held.found.ticket.state {
                State::Leased(_) => {
                    claim.batch.push((held.found.ticket.clone(), content));
                    claim.next = LeaseId::new(claim.next.number().wrapping_add(1));
                    claim.left -= 1;
                }
                State::Waiting { .. } | State::Done(_) => {
                    claim.deadlines.push(held.id());
                    ended += 1;
                }
            }
            self.keep(held)?;
        }
        Ok(ended)
    }

    /// The heads of these apps' queues, as many as are wanted of each.
    async fn lines(&mut self, wants: &BTreeMap<AppId, i64>) -> Result<BTreeMap<AppId, Line>> {
        let apps: Vec<&str> = wants.keys().map(AppId::as_str).collect();
        let want: Vec<i64> = wants.values().copied().collect();
        let heads = |priority| -> Vec<i64> {
            wants.keys().map(|app| self.shared.heads.start(app, priority, self.said)).collect()
        };
        let (normal, low) = (heads(Priority::Normal), heads(Priority::Low));
        let (session, given) = (self.session, self.given);
        let looked = async {
            if apps.is_empty() {
                return Ok((0, Vec::new(), Vec::new()));
            }
            try_join3(
                session.change(change::PROMOTE, [&given, &apps, &PROMOTED]),
                session.rows(look::READY, [&given, &apps, &want, &normal, &low]),
                session.rows(look::AGAIN, [&given, &apps, &want]),
            )
            .await
        };
        let (_, ready, again) = self.fly(looked).await?;
        let (ready, again) = (pages(wants, &ready)?, pages(wants, &again)?);
        for ((app, want), page) in wants.iter().zip(&ready) {
            self.note(app, *want, page)?;
        }
        let pages = wants.iter().zip(ready).zip(again);
        Ok(pages
            .map(|(((app, want), ready), again)| (app.clone(), Line::join(*want, [ready, again])))
            .collect())
    }

    /// Remembers where the first-timers of each priority begin.
    fn note(&self, app: &AppId, want: i64, ready: &Page) -> Result<()> {
        let (turn, horizon) = (self.turn, self.clock()?.horizon);
        let mut seen = 0;
        for priority in [Priority::Normal, Priority::Low] {
            // The low ones are looked at where the normal ones were too few.
            if seen >= want {
                break;
            }
            let of = || ready.iter().filter(|(found, _)| found.ticket.priority == priority);
            let front = of().next().map(|(found, _)| found.seq);
            let look = Look { at: self.said, horizon, turn, front };
            self.shared.heads.note(app, priority, look);
            seen += of().map(|_| 1).sum::<i64>();
        }
        Ok(())
    }

    /// Answers the claims, and has it asked what still waits.
    fn ask(&mut self, claims: Vec<Claim>) {
        let apps: BTreeSet<_> = claims.iter().map(|claim| claim.app.clone()).collect();
        let mut asked = Asked { apps: apps.into_iter().collect(), claims: Vec::new() };
        for claim in claims {
            asked.claims.push((self.outcome.answers(), claim.app, claim.took));
            // Said only where the answer is lost with the connection, and found out about later.
            let backlog = Backlog { waiting: 1, next_due: Some(self.said) };
            let (batch, deadlines) = (claim.batch, claim.deadlines);
            self.outcome.answer(Done::Claimed { batch, deadlines, backlog });
        }
        self.asked = Some(asked);
    }
}

impl Claim {
    fn read(op: &Op) -> Option<Self> {
        let Op::Claim { app, max, node, leases_from } = op else { return None };
        Some(Self {
            app: app.clone(),
            node: *node,
            left: *max,
            next: *leases_from,
            batch: Vec::new(),
            deadlines: Vec::new(),
            took: Vec::new(),
        })
    }
}

/// How many requests were taken so far.
fn took(claims: &[Claim]) -> usize {
    claims.iter().map(|claim| claim.took.len()).sum()
}

/// How many slots are left of each app whose line is not at its end.
fn wants(claims: &[Claim], closed: &BTreeSet<AppId>) -> BTreeMap<AppId, i64> {
    let mut wants = BTreeMap::new();
    for claim in claims.iter().filter(|claim| claim.left > 0 && !closed.contains(&claim.app)) {
        *wants.entry(claim.app.clone()).or_default() += i64::from(claim.left);
    }
    wants
}

/// Requests of one app, in order.
type Page = Vec<(Found, Content)>;

/// The pages of an answer, one for each app.
fn pages(wants: &BTreeMap<AppId, i64>, rows: &[Row]) -> Result<Vec<Page>> {
    let mut pages: Vec<Page> = wants.iter().map(|_| Page::new()).collect();
    for row in rows {
        let (found, _) = rows::read(row)?;
        if let Some(page) = pages.get_mut(place(row, COLUMNS)?) {
            page.push((found, content(row)?));
        }
    }
    Ok(pages)
}

impl Line {
    /// Joins first-timers and those that wait again. Where one of both goes on behind its page, what the other has
    /// behind that place is left for later.
    fn join(want: i64, pages: [Page; 2]) -> Self {
        let key = |(found, _): &(Found, Content)| (found.ticket.priority, found.seq);
        let is_full = |page: &&Page| i64::try_from(page.len()).is_ok_and(|found| found >= want);
        let end = pages.iter().filter(is_full).filter_map(|page| page.last().map(key)).min();
        let mut queue: Vec<_> = pages.into_iter().flatten().collect();
        queue.retain(|one| end.is_none_or(|end| key(one) <= end));
        queue.sort_by_key(key);
        Self { queue: queue.into(), goes_on: end.is_some() }
    }
}

fn content(row: &Row) -> Result<Content> {
    let missing = || Failure::corrupt("what is to be forwarded is missing");
    let written: Option<&[u8]> = row.try_get(COLUMNS + 1)?;
    let body: Option<Vec<u8>> = row.try_get(COLUMNS + 2)?;
    let headers = headers::read(written.ok_or_else(missing)?)?;
    Ok(Content { headers, body: body.ok_or_else(missing)? })
}

/// Claims that have been answered but for what still waits.
#[derive(Debug)]
pub(crate) struct Asked {
    apps: Vec<AppId>,
    /// For each claim the number of its answer, its app, and from when on those that it took were due.
    claims: Vec<(usize, AppId, Vec<Moment>)>,
}

impl Asked {
    pub(crate) fn apps(&self) -> &[AppId] {
        &self.apps
    }

    /// Tells the claims what still waits: what was counted, and what those behind took since.
    pub(crate) fn answer(self, counts: &[Waiting], clock: Clock, answers: &mut [Done]) {
        let counted = self.apps.into_iter().zip(counts.iter().map(|waiting| waiting.backlog()));
        let mut left: BTreeMap<AppId, Backlog> = counted.collect();
        for (at, app, took) in self.claims.into_iter().rev() {
            let waits = left.entry(app).or_default();
            if let Some(Done::Claimed { backlog, .. }) = answers.get_mut(at) {
                let next_due = waits.next_due.map(|due| clock.told(due));
                *backlog = Backlog { next_due, ..*waits };
            }
            waits.waiting += took.iter().map(|_| 1).sum::<u64>();
            waits.next_due = waits.next_due.into_iter().chain(took).min();
        }
    }
}
