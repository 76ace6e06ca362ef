//! The `zelador` binary: parse, call, exit code. Everything else is in the library.

fn main() -> std::process::ExitCode {
    if std::env::args().nth(1).as_deref() == Some(zelador::plugin::COMPILE_VERB) {
        return zelador::plugin::child_main();
    }
    std::process::ExitCode::SUCCESS
}
