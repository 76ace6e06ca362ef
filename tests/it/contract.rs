//! Stub: these tests are being written.
