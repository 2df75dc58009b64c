//! A small world: a log of two partitions each way, three ingresses, three grantors.

use std::collections::BTreeMap;

use proptest::sample::Index;
use weir_quota::{Budget, Ledger, Reserve, Wallet, WindowKind};
use weir_schemas::event::{Claim, Intent, QuotaEntry, QuotaRecord, ReservationRef};
use weir_schemas::{BootEpoch, BudgetId, LeaseId, Money, Offset, Seq, Timestamp};

use super::fold::{self, fold};

/// One thing that happens. Indices are of wallets (ingresses), owners (grantors) and partitions.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Reserve {
        wallet: usize,
        /** a bit each */
        budgets: u8,
        amount: i64,
    },
    Settle {
        wallet: usize,
        call: Index,
        /** of what is reserved; over 100 tries to spend more */
        percent: i64,
    },
    /// The next intents reach the log.
    Ship {
        wallet: usize,
        partition: usize,
        count: usize,
    },
    /// The shipper starts over from an earlier place.
    ShipAgain {
        wallet: usize,
        partition: usize,
        count: usize,
    },
    Observe {
        wallet: usize,
        count: usize,
    },
    Tick {
        wallet: usize,
    },
    CrashIngress {
        wallet: usize,
    },
    /// Reads the log, but for the last entries, and writes a claim. The owner before does not know.
    Claim {
        owner: usize,
        partition: usize,
        behind: usize,
    },
    /// Reads what is new, and so learns whether its claim counts, or whether it is deposed.
    CatchUp {
        owner: usize,
        partition: usize,
    },
    /// Answers the next intents by what it knows, deposed or not.
    Decide {
        owner: usize,
        partition: usize,
        count: usize,
    },
    /// One ingress and one grantor do all that they can.
    Work {
        wallet: usize,
        owner: usize,
    },
    CrashOwner {
        owner: usize,
        partition: usize,
    },
    /// A producer's retry: an entry of before once more.
    Repeat {
        owner: usize,
        partition: usize,
        entry: Index,
    },
    Pass {
        ms: i64,
    },
    /// The broker's clock jumps.
    BrokerClock {
        ms: i64,
    },
}

pub(crate) struct World {
    budgets: Vec<Budget>,
    partitions: Vec<Partition>,
    wallets: Vec<Ingress>,
    owners: Vec<Vec<Option<Grantor>>>,
    lives: i64,
    now_ms: i64,
    broker_skew_ms: i64,
    /// What was spent, by lease: told by the calls themselves.
    spent: BTreeMap<LeaseId, i64>,
}

#[derive(Default)]
struct Partition {
    intents: Vec<(Intent, Timestamp)>,
    grants: Vec<QuotaEntry>,
}

struct Ingress {
    name: String,
    life: i64,
    wallet: Wallet,
    calls: Vec<Vec<ReservationRef>>,
    /// All that was made, by partition, and how much of it is in the log.
    made: [Vec<Intent>; 2],
    shipped: [usize; 2],
    read: [usize; 2],
}

struct Grantor {
    name: String,
    ledger: Ledger,
    read: usize,
    epoch: i64,
    seq: i64,
    caught_up: bool,
    serving: bool,
    written: Vec<QuotaEntry>,
}

/// More than there ever is.
const ALL: usize = usize::MAX >> 1;
const LIMITS: [i64; 3] = [300, 100, 200];

/// Budgets 0 and 1 share a partition: places of one holder are not gapless there.
fn partition_of(budget: &BudgetId) -> usize {
    usize::from(budget.as_str() == "2")
}

impl World {
    pub(crate) fn new() -> Self {
        let kinds = [WindowKind::Minute, WindowKind::Total, WindowKind::Minute];
        let budget = |(at, kind): (usize, WindowKind)| Budget {
            id: at.to_string().into(),
            limit: Money(LIMITS[at]),
            window: kind,
        };
        let ingress = |at: usize| Ingress::new(format!("ingress-{at}"), 1);
        let mut world = Self {
            budgets: kinds.into_iter().enumerate().map(budget).collect(),
            partitions: vec![Partition::default(), Partition::default()],
            wallets: (0..3).map(ingress).collect(),
            owners: (0..3).map(|_| vec![None, None]).collect(),
            lives: 0,
            now_ms: 1_000_000,
            broker_skew_ms: 0,
            spent: BTreeMap::new(),
        };
        for partition in 0..2 {
            world.claim(0, partition, 0);
        }
        world
    }

    /// Whether a reservation was held, where the step is one.
    pub(crate) fn take(&mut self, step: &Step) -> bool {
        let (now, wall) = (self.now_ms, Timestamp(0));
        match *step {
            Step::Reserve { wallet, budgets, amount } => {
                let chosen: Vec<Budget> = self
                    .budgets
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| budgets & (1 << at) != 0)
                    .map(|(_, b)| b.clone())
                    .collect();
                let ingress = &mut self.wallets[wallet];
                match ingress.wallet.reserve(&chosen, Money(amount), now, wall) {
                    Reserve::Held(refs) => {
                        for budget in &chosen {
                            let here = refs.iter().filter(|r| r.budget_id == budget.id);
                            assert_eq!(here.map(|r| r.amount.0).sum::<i64>(), amount);
                        }
                        ingress.calls.push(refs);
                        return true;
                    }
                    Reserve::Wait(intents) => ingress.make(intents),
                    Reserve::Spent { .. } => {}
                }
            }
            Step::Settle { wallet, call, percent } => {
                if !self.wallets[wallet].calls.is_empty() {
                    self.settle(wallet, call.index(self.wallets[wallet].calls.len()), percent);
                }
            }
            Step::Ship { wallet, partition, count } => self.ship(wallet, partition, count),
            Step::ShipAgain { wallet, partition, count } => {
                let shipped = &mut self.wallets[wallet].shipped[partition];
                *shipped = shipped.saturating_sub(count);
            }
            Step::Observe { wallet, count } => {
                for (partition, Partition { grants, .. }) in self.partitions.iter().enumerate() {
                    let ingress = &mut self.wallets[wallet];
                    let end = grants.len().min(ingress.read[partition] + count);
                    for entry in &grants[ingress.read[partition]..end] {
                        ingress.wallet.observe(entry, now);
                    }
                    ingress.read[partition] = end;
                }
            }
            Step::Tick { wallet } => {
                let ingress = &mut self.wallets[wallet];
                let intents = ingress.wallet.tick(now, wall);
                ingress.make(intents);
            }
            Step::CrashIngress { wallet } => {
                // What its calls would have cost at most is spent: nobody can know better.
                for refs in std::mem::take(&mut self.wallets[wallet].calls) {
                    note_spent(&mut self.spent, &refs, i64::MAX);
                }
                let (name, life) = (self.wallets[wallet].name.clone(), self.wallets[wallet].life + 1);
                self.wallets[wallet] = Ingress::new(name, life);
            }
            Step::Claim { owner, partition, behind } => self.claim(owner, partition, behind),
            Step::CatchUp { owner, partition } => self.catch_up(owner, partition),
            Step::Decide { owner, partition, count } => self.decide(owner, partition, count),
            Step::Work { wallet, owner } => {
                for partition in 0..2 {
                    self.ship(wallet, partition, ALL);
                    self.catch_up(owner, partition);
                    self.decide(owner, partition, ALL);
                }
                self.take(&Step::Observe { wallet, count: ALL });
            }
            Step::CrashOwner { owner, partition } => self.owners[owner][partition] = None,
            Step::Repeat { owner, partition, entry } => {
                if let Some(Grantor { written, .. }) = &self.owners[owner][partition]
                    && !written.is_empty()
                {
                    self.partitions[partition].grants.push(entry.get(written).clone());
                }
            }
            Step::Pass { ms } => self.now_ms += ms,
            Step::BrokerClock { ms } => self.broker_skew_ms = ms,
        }
        false
    }

    fn settle(&mut self, wallet: usize, call: usize, percent: i64) {
        let ingress = &mut self.wallets[wallet];
        let refs = ingress.calls.swap_remove(call);
        let whole = refs.iter().filter(|r| r.budget_id == refs[0].budget_id).map(|r| r.amount.0).sum::<i64>();
        let spent = whole * percent / 100;
        note_spent(&mut self.spent, &refs, spent);
        let intents = ingress.wallet.settle(&refs, Money(spent), self.now_ms, Timestamp(0));
        ingress.make(intents);
    }

    fn ship(&mut self, wallet: usize, partition: usize, count: usize) {
        let appended = Timestamp::from_millis(self.now_ms + self.broker_skew_ms);
        let ingress = &mut self.wallets[wallet];
        let from = ingress.shipped[partition];
        let end = ingress.made[partition].len().min(from + count);
        let fresh = ingress.made[partition][from..end].iter().cloned();
        self.partitions[partition].intents.extend(fresh.map(|intent| (intent, appended)));
        ingress.shipped[partition] = end;
    }

    fn claim(&mut self, owner: usize, partition: usize, behind: usize) {
        self.lives += 1;
        let mut grantor = Grantor {
            name: format!("owner-{owner}-{}", self.lives),
            ledger: Ledger::default(),
            read: 0,
            epoch: 0,
            seq: 0,
            caught_up: false,
            serving: false,
            written: Vec::new(),
        };
        let log = &mut self.partitions[partition].grants;
        grantor.read(&log[..log.len().saturating_sub(behind)]);
        grantor.epoch = grantor.ledger.epoch() + 1;
        let claim = Claim { nonce: grantor.name.clone() };
        let entry = grantor.entry(
            partition,
            None,
            grantor.ledger.intent_offset(),
            QuotaRecord { claim: Some(claim), ..Default::default() },
        );
        log.push(entry);
        self.owners[owner][partition] = Some(grantor);
    }

    fn catch_up(&mut self, owner: usize, partition: usize) {
        if let Some(grantor) = &mut self.owners[owner][partition] {
            grantor.read(&self.partitions[partition].grants);
            grantor.caught_up = true;
            grantor.serving = grantor.ledger.is_held_by(grantor.epoch, &grantor.name, &grantor.name);
        }
    }

    fn decide(&mut self, owner: usize, partition: usize, count: usize) {
        let Some(grantor) = &mut self.owners[owner][partition] else { return };
        // One that lost the race for its epoch should stop. Should it go on, then in vain.
        let lost = grantor.ledger.epoch() == grantor.epoch && !grantor.serving && grantor.caught_up;
        if !grantor.serving && !lost {
            return;
        }
        let Partition { intents, grants } = &mut self.partitions[partition];
        let mut answered = 0;
        let from = usize::try_from(grantor.ledger.intent_offset().0 + 1).expect("small");
        for (at, (intent, appended)) in intents.iter().enumerate().skip(from) {
            let budget = self.budgets.iter().find(|budget| budget.id == intent.budget_id);
            let offset = Offset(i64::try_from(at).expect("small"));
            if let Some(record) = grantor.ledger.decide(intent, budget, offset, *appended) {
                let entry = grantor.entry(partition, Some(intent.budget_id.clone()), offset, record);
                // It applies what it wrote without reading back what others may have written before.
                assert!(grantor.ledger.apply(&entry) != lost);
                grants.push(entry);
                answered += 1;
                if answered == count {
                    return;
                }
            }
        }
    }

    /// All deliver, decide and read until nothing is new; who was deposed learns it.
    pub(crate) fn everybody_works(&mut self) {
        for _ in 0..2 {
            for owner in 0..3 {
                for wallet in 0..3 {
                    self.take(&Step::Work { wallet, owner });
                }
            }
        }
    }

    pub(crate) fn settle_all(&mut self) {
        for wallet in 0..3 {
            while let Some(call) = self.wallets[wallet].calls.len().checked_sub(1) {
                self.settle(wallet, call, 50);
            }
        }
    }

    /// Every call ends, every lease too, and a new grantor of each partition answers for all.
    pub(crate) fn finish(&mut self) {
        self.settle_all();
        for partition in 0..2 {
            self.claim(0, partition, 0);
        }
        for _ in 0..3 {
            self.everybody_works();
            self.now_ms += 120_000;
            for wallet in 0..3 {
                self.take(&Step::Tick { wallet });
            }
        }
        self.everybody_works();
    }

    /// What must hold at any time. The fold looks at every moment of the log, and what is spent only grows: one look at the end
    /// of a schedule is enough.
    pub(crate) fn check(&self) {
        let mut leases: BTreeMap<LeaseId, fold::Lease> = BTreeMap::new();
        for partition in &self.partitions {
            let check = |meaning: &fold::Meaning| {
                for ((budget, _), (charged, outstanding)) in meaning.standing() {
                    assert!(charged + outstanding <= self.limit(&budget), "{budget}: {charged} + {outstanding}");
                }
            };
            let meaning = fold(&partition.grants, check);
            let mut ledger = Ledger::default();
            for entry in &partition.grants {
                ledger.apply(entry);
            }
            for lease in meaning.leases.values() {
                let (charged, outstanding) = ledger.standing(&lease.budget, lease.window);
                let fold = meaning.standing()[&(lease.budget.clone(), lease.window.start.0)];
                assert_eq!((charged.0, outstanding.0), fold, "the ledger is the fold of the log");
            }
            leases.extend(meaning.leases);
        }
        let mut by_window: BTreeMap<(BudgetId, i64), i64> = BTreeMap::new();
        for (id, spent) in &self.spent {
            let lease = leases.get(id).expect("only leases of the log are spent from");
            assert!(*spent <= lease.amount, "a lease of {} gave {spent}", lease.amount);
            *by_window.entry((lease.budget.clone(), lease.window.start.0)).or_default() += spent;
        }
        for ((budget, _), spent) in by_window {
            assert!(spent <= self.limit(&budget), "{budget}: {spent} spent");
        }
    }

    /// No lease is out, and what is charged is what was spent.
    pub(crate) fn check_all_returned(&self) {
        for partition in &self.partitions {
            for (id, lease) in fold(&partition.grants, |_| {}).leases {
                let spent = self.spent.get(&id).copied().unwrap_or(0);
                assert_eq!(lease.returned, Some(spent), "{id} of {lease:?}");
            }
        }
    }

    /// Grants, settlements and denials in the log.
    pub(crate) fn activity(&self) -> [usize; 3] {
        let count = |is: fn(&QuotaRecord) -> bool| {
            self.partitions.iter().flat_map(|p| &p.grants).filter(|entry| is(&entry.record)).count()
        };
        [count(|r| r.grant.is_some()), count(|r| r.settle.is_some()), count(|r| r.deny.is_some())]
    }

    fn limit(&self, budget: &BudgetId) -> i64 {
        LIMITS[budget.as_str().parse::<usize>().expect("small")]
    }
}

impl Ingress {
    fn new(name: String, life: i64) -> Self {
        let wallet = Wallet::new(name.as_str().into(), BootEpoch(life));
        let (made, shipped, read) = ([Vec::new(), Vec::new()], [0, 0], [0, 0]);
        Self { name, life, wallet, calls: Vec::new(), made, shipped, read }
    }

    fn make(&mut self, intents: Vec<Intent>) {
        for intent in intents {
            self.made[partition_of(&intent.budget_id)].push(intent);
        }
    }
}

impl Grantor {
    fn read(&mut self, log: &[QuotaEntry]) {
        for entry in &log[self.read..] {
            // Its own entries come by again: they are repeats to it.
            self.ledger.apply(entry);
        }
        self.read = log.len();
    }

    fn entry(
        &mut self,
        partition: usize,
        budget_id: Option<BudgetId>,
        intent_offset: Offset,
        record: QuotaRecord,
    ) -> QuotaEntry {
        let entry = QuotaEntry {
            epoch: self.epoch,
            seq: Seq(self.seq),
            owner: self.name.clone(),
            partition: i32::try_from(partition).expect("small"),
            budget_id,
            intent_offset,
            event_time: Timestamp(0),
            record,
        };
        self.seq += 1;
        self.written.push(entry.clone());
        entry
    }
}

fn note_spent(book: &mut BTreeMap<LeaseId, i64>, refs: &[ReservationRef], spent: i64) {
    let mut rest: BTreeMap<&BudgetId, i64> = BTreeMap::new();
    for part in refs {
        let rest = rest.entry(&part.budget_id).or_insert(spent);
        let here = part.amount.0.min(*rest);
        *rest -= here;
        *book.entry(part.lease_id).or_default() += here;
    }
}
