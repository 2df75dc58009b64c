//! The detector over prose without matches, with a few, and in the pieces of a stream.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use weir_detect::Detector;
use weir_simulator::answer;

const WORDS: usize = 10_000;

fn clean() -> String {
    let words = answer::text(11, WORDS, None);
    // Sentences and numbers, as prose has them.
    let mut out = String::with_capacity(words.len() * 2);
    for (i, word) in words.split(' ').enumerate() {
        let _ = match i % 19 {
            0 => write!(out, "{} {word}", i % 2000),
            7 => write!(out, "{word},"),
            18 => writeln!(out, "{word}."),
            _ => write!(out, "{word}"),
        };
        out.push(' ');
    }
    out
}

/// A find about every kilobyte.
fn spiced() -> String {
    let finds =
        ["mail anna@example.org", "card 4111 1111 1111 1111", "key AKIAIOSFODNN7EXAMPLE", "call +1 202 555 0143"];
    let text = clean();
    let mut out = String::with_capacity(text.len() * 2);
    for (i, line) in text.lines().enumerate() {
        out.push_str(line);
        if i % 9 == 0 {
            out.push_str(finds[i / 9 % finds.len()]);
        }
        out.push('\n');
    }
    out
}

fn detect(c: &mut Criterion) {
    let detector = Detector::builtin();
    let mut group = c.benchmark_group("detect");
    for (name, text) in [("clean prose", clean()), ("a find per kB", spiced())] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("scan/{name}"), |b| b.iter(|| detector.scan(black_box(&text))));
    }
    let text = clean();
    let pieces: Vec<&str> = text.split_inclusive(' ').collect();
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("stream/a word a piece", |b| {
        b.iter(|| {
            let mut stream = detector.stream();
            let mut released = 0;
            for piece in &pieces {
                released += stream.push(black_box(piece)).text.len();
            }
            released + stream.finish().text.len()
        });
    });
    // What a request of a usual size waits for.
    let short = &text[..text.char_indices().nth(2000).map_or(text.len(), |(at, _)| at)];
    group.throughput(Throughput::Bytes(short.len() as u64));
    group.bench_function("scan/2 kB", |b| b.iter(|| detector.scan(black_box(short))));
    group.finish();
}

criterion_group!(benches, detect);
criterion_main!(benches);
