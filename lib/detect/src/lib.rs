//! Text in, findings out, also across chunk borders
