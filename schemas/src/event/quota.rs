//! What holders and grantors say to each other. See `lib/quota` for what it means.

use serde::{Deserialize, Serialize};

use super::{Event, Origin};
use crate::ids::{BootEpoch, BudgetId, IngressId, IntentId, LeaseId, Offset, Seq};
use crate::money::Money;
use crate::time::Timestamp;
use crate::topic::Topic;

/// What a holder asks of a budget: a lease ([`Ask`]), or to take one back ([`Return`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub intent_id: IntentId,
    pub budget_id: BudgetId,
    pub ingress_id: IngressId,
    pub boot_epoch: BootEpoch,
    /// Gapless per (ingress, boot epoch) in this topic.
    pub seq: Seq,
    pub event_time: Timestamp,
    /// Set on an ask.
    pub ask: Option<Ask>,
    /// Set on a return.
    pub r#return: Option<Return>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Less is of no use: the reservation that waits for it.
    #[serde(rename = "need_picousd")]
    pub need: Money,
    /// So much would be welcome.
    #[serde(rename = "want_picousd")]
    pub want: Money,
    /// How long the holder would keep it, from the sending of the ask.
    pub ttl_ms: i64,
}

/// The lease is over: nothing will be reserved from it, and every reservation of it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    pub lease_id: LeaseId,
    #[serde(rename = "spent_picousd")]
    pub spent: Money,
}

/// One entry of the grantor's ledger. Its state is the fold of these, in log order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaEntry {
    /// The claim under which it was written: an entry below the last claim before it in the log is void for everybody.
    pub epoch: i64,
    /// 0, 1, 2 … within the claim, without a gap.
    pub seq: Seq,
    /// The process that wrote it.
    pub owner: String,
    /// The ledger's partition; in the record so that a claim is bound to one.
    pub partition: i32,
    /// Null on a claim, which is of the whole partition.
    pub budget_id: Option<BudgetId>,
    /// Everything in the intents' partition up to here has been answered; −1 before the first.
    pub intent_offset: Offset,
    pub event_time: Timestamp,
    pub record: QuotaRecord,
}

/// Exactly one field is set: Avro tools show that better than a union of records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaRecord {
    pub claim: Option<Claim>,
    pub grant: Option<Grant>,
    pub deny: Option<Deny>,
    pub settle: Option<Settle>,
}

/// The writer owns the partition from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Makes the claim this process's own, when two claim the same epoch.
    pub nonce: String,
}

/// A lease: the holder may spend `amount` until it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub intent_id: IntentId,
    pub lease_id: LeaseId,
    pub ingress_id: IngressId,
    pub boot_epoch: BootEpoch,
    #[serde(rename = "amount_picousd")]
    pub amount: Money,
    /// The holder counts it from the moment at which it sent the ask.
    pub ttl_ms: i64,
    pub window: Window,
}

/// No lease: what is left is less than what was needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deny {
    pub intent_id: IntentId,
    pub ingress_id: IngressId,
    pub boot_epoch: BootEpoch,
    #[serde(rename = "limit_picousd")]
    pub limit: Money,
    #[serde(rename = "charged_picousd")]
    pub charged: Money,
    #[serde(rename = "outstanding_picousd")]
    pub outstanding: Money,
    /// When the window ends and asking may help again; null where the window has no end.
    pub retry_after_ms: Option<i64>,
    pub window: Window,
}

/// A lease came back: `spent` is charged, the rest is free again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    pub lease_id: LeaseId,
    #[serde(rename = "spent_picousd")]
    pub spent: Money,
    pub window: Window,
}

/// The span of a budget in which spend adds up; by log-append time. `[start, end)`, and no end where it never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    pub start: Timestamp,
    pub end: Option<Timestamp>,
}

impl Event for Intent {
    const TOPIC: Topic = Topic::QuotaIntents;
    const RECORD: &'static str = "weir.Intent";
    const AVSC: &'static str = include_str!("../../avro/intent.avsc");
    fn key(&self) -> String {
        self.budget_id.to_string()
    }
    fn origin(&self) -> Origin {
        Origin { stream: format!("{}/{}", self.ingress_id, self.boot_epoch), position: self.seq.0 }
    }
}

impl Event for QuotaEntry {
    const TOPIC: Topic = Topic::QuotaGrants;
    const RECORD: &'static str = "weir.QuotaEntry";
    const AVSC: &'static str = include_str!("../../avro/quota_entry.avsc");
    fn key(&self) -> String {
        self.budget_id.as_ref().map(ToString::to_string).unwrap_or_default()
    }
    fn origin(&self) -> Origin {
        Origin { stream: format!("{}/{}/{}", self.owner, self.partition, self.epoch), position: self.seq.0 }
    }
}
