//! Stub: the room is being built.
