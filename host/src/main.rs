//! The `zelador` binary: parse, call, exit code. Everything else is in the library.

fn main() {}
