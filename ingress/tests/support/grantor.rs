//! The smallest grantor: answers every intent of every partition under one claim.

use weir_bus::{Bus, Start, TopicPartition};
use weir_quota::{Budget, Ledger, WindowKind};
use weir_schemas::event::{Intent, QuotaRecord};
use weir_schemas::{BudgetId, Claim, Codec, Money, Offset, Partition, QuotaEntry, Seq, Timestamp, Topic};

use super::PREFIX;

/// Grants leases of one budget until it is dropped.
pub struct Grantor(tokio::task::JoinSet<()>);

impl Grantor {
    pub async fn start(bus: &Bus, id: &str, limit: Money) -> Self {
        let budget = Budget { id: BudgetId::from(id), limit, window: WindowKind::Total };
        let topic = Topic::QuotaIntents.name(PREFIX);
        let mut tasks = tokio::task::JoinSet::new();
        for partition in 0..bus.partitions(&topic).await.unwrap() {
            tasks.spawn(grant(bus.clone(), partition, budget.clone()));
        }
        Self(tasks)
    }
}

async fn grant(bus: Bus, partition: i32, budget: Budget) {
    let codec = Codec::embedded();
    let producer = bus.producer().unwrap();
    let mut ledger = Ledger::default();
    let mut next = 0;
    let mut write = async |ledger: &mut Ledger, record: QuotaRecord, budget_id: Option<BudgetId>, at: Offset| {
        let entry = QuotaEntry {
            epoch: 1,
            seq: Seq(next),
            owner: "grantor".into(),
            partition,
            budget_id,
            intent_offset: at,
            event_time: Timestamp::now(),
            record,
        };
        next += 1;
        let mut sent = weir_bus::typed::record(&codec, PREFIX, &entry).unwrap();
        sent.partition = Some(Partition(partition));
        producer.send(sent).unwrap().await.unwrap();
        ledger.apply(&entry);
    };
    let claim = QuotaRecord { claim: Some(Claim { nonce: "n".into() }), ..QuotaRecord::default() };
    write(&mut ledger, claim, None, Offset(-1)).await;
    let at = TopicPartition { topic: Topic::QuotaIntents.name(PREFIX), partition: Partition(partition) };
    let mut reader = bus.reader(vec![(at, Start::Earliest)]).unwrap();
    loop {
        for delivery in reader.next().await.unwrap() {
            let intent: Intent = weir_bus::typed::decode(&Codec::embedded(), &delivery).unwrap();
            if let Some(record) = ledger.decide(&intent, Some(&budget), delivery.offset, delivery.appended) {
                write(&mut ledger, record, Some(intent.budget_id), delivery.offset).await;
            }
        }
    }
}
