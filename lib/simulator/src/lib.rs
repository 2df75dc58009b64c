//! A simulated OpenAI-compatible provider with a journal of what it served
