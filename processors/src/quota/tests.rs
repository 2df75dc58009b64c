//! The grantor over the embedded log, with the holder of `lib/quota` on the other side. The judge is a fold of its own.

use std::collections::HashMap;

use weir_bus::partitioner::partition_of;
use weir_quota::{Budget, Fence, Reserve, Wallet, WindowKind};
use weir_schemas::event::{Claim, Grant, QuotaRecord, Window};
use weir_schemas::{BootEpoch, Intent, IntentId, LeaseId, Money, Offset, Partition, QuotaEntry, Seq, Timestamp, Topic};

use crate::testing::{PARTITIONS, Rig, until};
use crate::{Kind, start};

const DOLLAR: i64 = 1_000_000_000_000;

fn budget(name: &str, dollars: i64) -> Budget {
    Budget { id: name.into(), limit: Money(dollars * DOLLAR), window: WindowKind::Total }
}

/// Budgets `b0` … `b5` of ten dollars each.
fn config() -> String {
    let mut text = String::from("[[teams]]\nname = \"red\"\ntenant = \"acme\"\n");
    for number in 0..6 {
        text += &format!("[[budgets]]\nid = \"b{number}\"\nteam = \"red\"\nlimit_usd = \"10\"\nwindow = \"total\"\n");
    }
    text
}

/// One ingress: its wallet, and how far it has read the grants.
struct Holder {
    wallet: Wallet,
    read: HashMap<Partition, Offset>,
    spent: HashMap<String, i64>,
}

impl Holder {
    fn new(name: &str) -> Self {
        Self { wallet: Wallet::new(name.into(), BootEpoch(1)), read: HashMap::new(), spent: HashMap::new() }
    }

    async fn observe(&mut self, rig: &Rig) {
        for delivery in rig.read_raw(rig.name(Topic::QuotaGrants)).await {
            let next = self.read.entry(delivery.partition).or_insert(Offset(0));
            if delivery.offset < *next {
                continue;
            }
            *next = delivery.offset.next();
            let Ok(entry) = rig.deps.codec.decode::<QuotaEntry>(delivery.value.as_ref().unwrap()) else { continue };
            self.wallet.observe(&entry, 0);
        }
    }

    /// One call: reserve, wait where nothing is held, settle. Whether it was let through.
    async fn call(&mut self, rig: &Rig, budget: &Budget, amount: Money) -> bool {
        for _ in 0..2_000 {
            match self.wallet.reserve(std::slice::from_ref(budget), amount, 0, Timestamp(0)) {
                Reserve::Held(reserved) => {
                    *self.spent.entry(budget.id.to_string()).or_default() += amount.0;
                    for intent in self.wallet.settle(&reserved, amount, 0, Timestamp(0)) {
                        rig.send(&intent).await;
                    }
                    return true;
                }
                Reserve::Spent { .. } => return false,
                Reserve::Wait(intents) => {
                    for intent in intents {
                        rig.send(&intent).await;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                    self.observe(rig).await;
                }
            }
        }
        panic!("no answer came");
    }
}

/// What the log grants of each budget: settled leases by what was spent, open ones whole.
async fn granted(rig: &Rig) -> HashMap<String, i64> {
    let mut fences: HashMap<Partition, Fence> = HashMap::new();
    let mut leases: HashMap<LeaseId, (String, i64)> = HashMap::new();
    let mut answered: HashMap<IntentId, u32> = HashMap::new();
    for delivery in rig.read_raw(rig.name(Topic::QuotaGrants)).await {
        let Ok(entry) = rig.deps.codec.decode::<QuotaEntry>(delivery.value.as_ref().unwrap()) else { continue };
        if !fences.entry(delivery.partition).or_default().admit(&entry) {
            continue;
        }
        if let (Some(grant), Some(budget)) = (&entry.record.grant, &entry.budget_id) {
            leases.insert(grant.lease_id, (budget.to_string(), grant.amount.0));
            *answered.entry(grant.intent_id).or_default() += 1;
        }
        if let Some(settle) = &entry.record.settle
            && let Some(lease) = leases.get_mut(&settle.lease_id)
        {
            lease.1 = settle.spent.0;
        }
    }
    assert!(answered.values().all(|times| *times == 1), "an ask was answered twice");
    let mut sums: HashMap<String, i64> = HashMap::new();
    for (budget, amount) in leases.into_values() {
        *sums.entry(budget).or_default() += amount;
    }
    sums
}

fn assert_within(sums: &HashMap<String, i64>, holders: &[Holder]) {
    for (budget, sum) in sums {
        assert!(*sum <= 10 * DOLLAR, "{budget} granted {sum}");
        let spent: i64 = holders.iter().filter_map(|h| h.spent.get(budget)).sum();
        assert!(spent <= *sum, "{budget} spent {spent} of {sum}");
    }
}

#[tokio::test]
async fn p3_a_budget_is_granted_until_it_is_spent_and_stays_spent_over_restarts() {
    let rig = Rig::new("restarts", &config()).await;
    let mut holder = Holder::new("ingress-a");
    let budget = budget("b0", 10);
    let mut through = 0;
    for life in 0..4 {
        let handle = start(Kind::Quota, rig.deps.clone());
        for _ in 0..3 {
            through += i64::from(holder.call(&rig, &budget, Money(DOLLAR)).await);
        }
        // Every other life ends as by a crash.
        if life % 2 == 0 {
            handle.drain().await.unwrap();
        }
    }
    assert_eq!(through, 10);
    let handle = start(Kind::Quota, rig.deps.clone());
    assert!(!holder.call(&rig, &budget, Money(DOLLAR)).await);
    handle.drain().await.unwrap();
    assert_within(&granted(&rig).await, &[holder]);
    let claims = rig.read::<QuotaEntry>().await.into_iter().filter(|(_, e)| e.record.claim.is_some()).count();
    assert!(claims <= 5 * PARTITIONS as usize, "at most one for each partition and life");
}

#[tokio::test]
async fn p3_hand_overs_between_two_grantors_and_a_zombie_keep_every_budget() {
    let rig = Rig::new("zombie", &config()).await;
    let mut holders = [Holder::new("ingress-a"), Holder::new("ingress-b")];
    let mut running = vec![start(Kind::Quota, rig.deps.clone())];
    let mut refused = 0;
    let zombie = IntentId::fresh();
    for round in 0..40 {
        match round {
            8 | 24 => running.push(start(Kind::Quota, rig.deps.clone())),
            // A crash, then an orderly end.
            16 => drop(running.remove(0)),
            32 => running.remove(0).drain().await.unwrap(),
            _ => {}
        }
        // Of somebody who owned all the ledgers once, and writes on.
        if round > 8 {
            for partition in 0..PARTITIONS {
                let mine = (0..6).map(|n| format!("b{n}"));
                for id in mine.filter(|id| partition_of(id.as_bytes(), PARTITIONS).0 == partition) {
                    rig.send_raw(
                        rig.name(Topic::QuotaGrants),
                        Some(Partition(partition)),
                        id.clone(),
                        rig.deps.codec.encode(&stray_grant(&id, partition, zombie, round)).unwrap(),
                    )
                    .await;
                }
            }
        }
        let holder = &mut holders[round as usize % 2];
        let id = format!("b{}", round % 6);
        refused += u32::from(!holder.call(&rig, &budget(&id, 10), Money(2 * DOLLAR)).await);
        assert_within(&granted(&rig).await, &holders);
    }
    let spent: i64 = holders.iter().flat_map(|h| h.spent.values()).sum();
    assert_eq!(spent, (40 - i64::from(refused)) * 2 * DOLLAR);
    assert!(refused >= 10, "60 dollars are worth 30 calls");
    for handle in running {
        handle.drain().await.unwrap();
    }
}

/// Under the first claim, which others followed.
fn stray_grant(budget: &str, partition: i32, intent_id: IntentId, round: i32) -> QuotaEntry {
    let grant = Grant {
        intent_id,
        lease_id: LeaseId::of(intent_id),
        ingress_id: "ingress-a".into(),
        boot_epoch: BootEpoch(1),
        amount: Money(1_000 * DOLLAR),
        ttl_ms: 60_000,
        window: Window { start: Timestamp(0), end: None },
    };
    QuotaEntry {
        epoch: 1,
        seq: Seq(1_000 + i64::from(round)),
        owner: "test#zombie".into(),
        partition,
        budget_id: Some(budget.into()),
        intent_offset: Offset(1_000_000),
        event_time: Timestamp(0),
        record: QuotaRecord { grant: Some(grant), ..QuotaRecord::default() },
    }
}

#[tokio::test]
async fn a_foreign_claim_ends_the_answers_and_the_groups_owner_claims_again() {
    let rig = Rig::new("claims", &config()).await;
    let handle = start(Kind::Quota, rig.deps.clone());
    let mut holder = Holder::new("ingress-a");
    assert!(holder.call(&rig, &budget("b0", 10), Money(DOLLAR)).await);
    let partition = partition_of(b"b0", PARTITIONS);
    let claim = QuotaEntry {
        epoch: 50,
        seq: Seq(0),
        owner: "stranger".into(),
        partition: partition.0,
        budget_id: None,
        intent_offset: Offset(0),
        event_time: Timestamp(0),
        record: QuotaRecord { claim: Some(Claim { nonce: "n".into() }), ..QuotaRecord::default() },
    };
    let value = rig.deps.codec.encode(&claim).unwrap();
    rig.send_raw(rig.name(Topic::QuotaGrants), Some(partition), String::new(), value).await;
    let epochs = || async {
        let all = rig.read::<QuotaEntry>().await.into_iter();
        all.filter(|(d, _)| d.partition == partition).map(|(_, e)| e.epoch).max()
    };
    until("it is claimed back", || async { epochs().await == Some(51) }).await;
    assert!(holder.call(&rig, &budget("b0", 10), Money(DOLLAR)).await);
    handle.drain().await.unwrap();
    assert_within(&granted(&rig).await, &[holder]);
}

#[tokio::test]
async fn poison_among_the_intents_and_in_the_ledger_is_passed_over() {
    let rig = Rig::new("bad-intents", &config()).await;
    let home = partition_of(b"b0", PARTITIONS);
    let topic = rig.name(Topic::QuotaIntents);
    rig.send_raw(rig.name(Topic::QuotaGrants), Some(home), "b0".into(), b"garbage".to_vec()).await;
    rig.send_raw(topic.clone(), Some(home), "b0".into(), b"garbage".to_vec()).await;
    let mut holder = Holder::new("ingress-a");
    let Reserve::Wait(intents) = holder.wallet.reserve(&[budget("b0", 10)], Money(DOLLAR), 0, Timestamp(0)) else {
        panic!("a lease out of nothing")
    };
    // A good intent in a partition in which its budget has no ledger, and one that is neither ask nor return.
    let elsewhere = Partition((home.0 + 1) % PARTITIONS);
    rig.send_raw(topic.clone(), Some(elsewhere), "b0".into(), rig.deps.codec.encode(&intents[0]).unwrap()).await;
    let neither = Intent { ask: None, ..intents[0].clone() };
    rig.send_raw(topic, Some(home), "b0".into(), rig.deps.codec.encode(&neither).unwrap()).await;
    let handle = start(Kind::Quota, rig.deps.clone());
    let letters = || async { rig.read_raw(Topic::QuotaIntents.dead_letters("bad-intents")).await.len() };
    until("three letters", || async { letters().await == 3 }).await;
    for intent in intents {
        rig.send(&intent).await;
    }
    assert!(holder.call(&rig, &budget("b0", 10), Money(DOLLAR)).await);
    handle.drain().await.unwrap();
    assert_within(&granted(&rig).await, &[holder]);
}

#[tokio::test]
async fn an_unknown_budget_is_denied_and_a_ledger_of_an_unknown_schema_is_not_claimed() {
    let rig = Rig::new("unknown", &config()).await;
    let newer = partition_of(b"b1", PARTITIONS);
    rig.send_raw(rig.name(Topic::QuotaGrants), Some(newer), "b1".into(), b"\0\0\0\x03\xe7newer".to_vec()).await;
    let handle = start(Kind::Quota, rig.deps.clone());
    // A budget that nobody knows, in another partition than the newer entry.
    let name = (0..).map(|n| format!("x{n}")).find(|n| partition_of(n.as_bytes(), PARTITIONS) != newer).unwrap();
    let mut holder = Holder::new("ingress-a");
    assert!(!holder.call(&rig, &budget(&name, 10), Money(DOLLAR)).await);
    let entries = rig.read_raw(rig.name(Topic::QuotaGrants)).await;
    assert_eq!(entries.iter().filter(|d| d.partition == newer).count(), 1, "it was claimed");
    handle.drain().await.unwrap();
}
