//! The Rust face of the WIT worlds in `wit/`, generated.

#![allow(missing_docs, reason = "generated; the documentation is in the WIT files")]

/// The world `job`.
pub mod job {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "job",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}
