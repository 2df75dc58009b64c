//! The proxy: authenticate, admit, inspect, forward, observe, settle
