//! Load generator and bare proxy for the benchmarks
