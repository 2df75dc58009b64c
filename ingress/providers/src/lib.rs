//! Provider dialects: wire types, SSE, usage extraction; pure
