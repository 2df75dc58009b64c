//! Encoding and decoding of events in the Confluent wire format.
#![allow(clippy::unwrap_used, reason = "a benchmark may stop where it cannot go on")]

mod events;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weir_schemas::{Chunk, Codec, Event, Request};

fn both<E: Event>(c: &mut Criterion, name: &str, event: &E) {
    let codec = Codec::embedded();
    let bytes = codec.encode(event).unwrap();
    let mut group = c.benchmark_group(format!("avro/{name}"));
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let mut out = Vec::with_capacity(bytes.len() * 2);
    group.bench_function("encode", |b| {
        b.iter(|| {
            out.clear();
            codec.encode_into(black_box(event), &mut out).unwrap();
        });
    });
    group.bench_function("decode", |b| b.iter(|| codec.decode::<E>(black_box(&bytes)).unwrap()));
    group.finish();
}

fn avro(c: &mut Criterion) {
    both::<Chunk>(c, "chunk", &events::chunk());
    both::<Request>(c, "request", &events::request());
}

criterion_group!(benches, avro);
criterion_main!(benches);
