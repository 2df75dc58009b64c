use weir_policy::Scope;
use weir_quota::WindowKind;
use weir_schemas::event::{Grant, QuotaRecord, Window};
use weir_schemas::{LeaseId, Offset, Seq, TeamId};

use super::*;

fn budget(usd: i64) -> Vec<Arc<Budget>> {
    let budget = Budget {
        id: weir_schemas::BudgetId::from("b"),
        scope: Scope::Team(TeamId::from("red")),
        limit: Money::from_usd(usd).unwrap(),
        window: WindowKind::Total,
    };
    vec![Arc::new(budget)]
}

fn entry(quota: &Quota, seq: i64, amount: Money) -> QuotaEntry {
    let intent = quota.desk().outgoing.pop_front().expect("an ask was posted");
    QuotaEntry {
        epoch: 1,
        seq: Seq(seq),
        owner: "grantor".into(),
        partition: 0,
        budget_id: Some(intent.budget_id),
        intent_offset: Offset(seq),
        event_time: Timestamp(0),
        record: QuotaRecord {
            grant: Some(Grant {
                intent_id: intent.intent_id,
                lease_id: LeaseId::of(intent.intent_id),
                ingress_id: intent.ingress_id,
                boot_epoch: intent.boot_epoch,
                amount,
                ttl_ms: 60_000,
                window: Window { start: Timestamp(0), end: None },
            }),
            ..QuotaRecord::default()
        },
    }
}

fn quota() -> Arc<Quota> {
    Arc::new(Quota::new(IngressId::from("i"), BootEpoch(1)))
}

#[tokio::test]
async fn a_cold_budget_waits_for_its_grant() {
    let quota = quota();
    let waiting = tokio::spawn({
        let quota = quota.clone();
        async move { quota.reserve(&budget(10), Money(1_000), Duration::from_secs(30)).await }
    });
    while quota.desk().outgoing.is_empty() {
        tokio::task::yield_now().await;
    }
    let granted = entry(&quota, 0, Money(5_000));
    quota.observe(&granted);
    quota.granted.notify_waiters();
    let reserved = waiting.await.unwrap().unwrap();
    assert_eq!(reserved.iter().map(|part| part.amount.0).sum::<i64>(), 1_000);
    quota.settle(&reserved, Money(400));
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_the_call_is_refused_and_not_let_through() {
    let refused = quota().reserve(&budget(10), Money(1_000), Duration::from_secs(2)).await;
    assert_eq!(refused, Err(Refusal::BudgetUnavailable));
}

#[tokio::test]
async fn more_than_the_limit_is_refused_at_once() {
    let refused = quota().reserve(&budget(1), Money::from_usd(2).unwrap(), Duration::from_secs(30)).await;
    assert_eq!(refused, Err(Refusal::BudgetSpent { budget: "b".into(), retry_after: None }));
}

#[test]
fn a_log_that_is_away_for_long_does_not_fill_the_memory_with_asks() {
    let quota = quota();
    for n in 0..MAX_BACKLOG + 10 {
        let id = weir_schemas::BudgetId::from(format!("b-{n}").as_str());
        let budget = weir_quota::Budget { id, limit: Money(10), window: WindowKind::Total };
        assert!(matches!(quota.try_reserve(&[budget], Money(1)), Reserve::Wait(_)));
    }
    assert_eq!(quota.desk().outgoing.len(), MAX_BACKLOG);
}
