//! What the ingress pays per event before a byte goes out: encode, then append to the journal.
#![allow(clippy::unwrap_used, reason = "a benchmark may stop where it cannot go on")]

mod events;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weir_journal::{Fsync, Journal, Options};
use weir_schemas::{Codec, Event};

const OPTIONS: Options =
    Options { segment_bytes: 32 << 20, max_bytes: 512 << 20, fsync: Fsync::Never, max_record_bytes: 4 << 20 };
/// Trimmed past this, as a shipper does: the disk in use stays bounded.
const TRIM_PAST: u64 = 128 << 20;

fn append(journal: &Journal, parts: &[&[u8]]) {
    journal.append(parts).unwrap();
    if journal.live_bytes() > TRIM_PAST {
        journal.trim(journal.end()).unwrap();
    }
}

fn record(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), OPTIONS).unwrap();
    let mut group = c.benchmark_group("journal");
    for size in [128_usize, 600, 4096, 65_536] {
        let body = vec![0x5a_u8; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("append/{size}"), |b| b.iter(|| append(&journal, &[b"key", black_box(&body)])));
    }
    group.finish();
}

fn encoded<E: Event>(c: &mut Criterion, name: &str, event: &E) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), OPTIONS).unwrap();
    let codec = Codec::embedded();
    let mut value = Vec::with_capacity(8192);
    c.bench_function(&format!("outbox/{name}"), |b| {
        b.iter(|| {
            value.clear();
            codec.encode_into(black_box(event), &mut value).unwrap();
            append(&journal, &[event.key().as_bytes(), &value]);
        });
    });
}

fn outbox(c: &mut Criterion) {
    encoded(c, "chunk", &events::chunk());
    encoded(c, "request", &events::request());
}

criterion_group!(benches, record, outbox);
criterion_main!(benches);
