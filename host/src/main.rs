//! The `zelador` binary: parse, call, exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    zelador::cli::main()
}
