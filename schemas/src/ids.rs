//! Identities as types. Text ids are cheap to clone; numbers that could be swapped are distinct.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d).map(Self::from)
            }
        }
    };
}

text_id!(
    /// The one who pays and owns: rows of one tenant are never shown to another.
    TenantId
);
text_id!(
    /// A team of a tenant.
    TeamId
);
text_id!(
    /// A project of a team.
    ProjectId
);
text_id!(
    /// The end user whom the caller named (`user` of the request), opaque to Weir.
    UserId
);
text_id!(
    /// The public name of a virtual key. Never the key itself.
    KeyId
);
text_id!(
    /// One ingress process over its restarts; unique in an installation.
    IngressId
);
text_id!(
    /// One budget of the configuration.
    BudgetId
);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
        // As text in every format: any Kafka tool then shows the id as people write it.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                let mut buffer = Uuid::encode_buffer();
                s.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Uuid::parse_str(&text).map(Self).map_err(serde::de::Error::custom)
            }
        }
    };
}

uuid_id!(
    /// One request, from its arrival to its outcome: UUIDv7, so it sorts by time. Sent as `x-request-id`.
    RequestId
);
uuid_id!(
    /// One event. Derived from its origin, so a repeated event has the same id.
    EventId
);
uuid_id!(
    /// One escrow lease.
    LeaseId
);
uuid_id!(
    /// One ask or return of a holder; the grantor answers each once.
    IntentId
);

impl RequestId {
    /// A fresh id of now.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}
impl IntentId {
    /// A fresh id of now.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}
impl LeaseId {
    /// The lease that answers `intent`: the same ask answered twice names the same lease.
    pub fn of(intent: IntentId) -> Self {
        Self(Uuid::new_v5(&intent.0, b"lease"))
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// One life of one ingress: rises with every start.
    BootEpoch(i64)
);
number!(
    /// Place of an event among those of one (ingress, boot epoch, topic): 0, 1, 2 … without a gap.
    Seq(i64)
);
number!(
    /// A partition of a topic.
    Partition(i32)
);
number!(
    /// A place in a partition.
    Offset(i64)
);
number!(
    /// A schema in a registry.
    SchemaId(i32)
);

impl Offset {
    /// The offset after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_serialize_as_the_text_that_people_write() {
        let id: RequestId = "0192f0c1-2345-7abc-8def-0123456789ab".parse().unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"0192f0c1-2345-7abc-8def-0123456789ab\"");
        assert_eq!(serde_json::to_string(&TeamId::from("red")).unwrap(), "\"red\"");
    }

    #[test]
    fn the_lease_of_an_intent_is_always_the_same() {
        let intent = IntentId::fresh();
        assert_eq!(LeaseId::of(intent), LeaseId::of(intent));
        assert_ne!(LeaseId::of(intent), LeaseId::of(IntentId::fresh()));
    }
}
