//! The Rust face of the WIT worlds in `wit/`, generated: a module a world.
//!
//! The interfaces that several worlds import are generated once, for the world `job`, and shared by the others.

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

/// The world `email-template`.
pub mod email_template {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "email-template",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "zelador:plugin/types": crate::plugin::bindings::job::zelador::plugin::types,
            "zelador:plugin/log": crate::plugin::bindings::job::zelador::plugin::log,
            "zelador:plugin/settings": crate::plugin::bindings::job::zelador::plugin::settings,
            "zelador:plugin/clock": crate::plugin::bindings::job::zelador::plugin::clock,
        },
    });
}

/// The world `webhook-delivery`.
pub mod webhook_delivery {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "webhook-delivery",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "zelador:plugin/types": crate::plugin::bindings::job::zelador::plugin::types,
            "zelador:plugin/log": crate::plugin::bindings::job::zelador::plugin::log,
            "zelador:plugin/settings": crate::plugin::bindings::job::zelador::plugin::settings,
            "zelador:plugin/clock": crate::plugin::bindings::job::zelador::plugin::clock,
        },
    });
}

/// The world `retry-policy`.
pub mod retry_policy {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "retry-policy",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "zelador:plugin/types": crate::plugin::bindings::job::zelador::plugin::types,
            "zelador:plugin/log": crate::plugin::bindings::job::zelador::plugin::log,
            "zelador:plugin/settings": crate::plugin::bindings::job::zelador::plugin::settings,
        },
    });
}

pub use job::exports::zelador::plugin::metadata;
pub use job::zelador::plugin::types;
