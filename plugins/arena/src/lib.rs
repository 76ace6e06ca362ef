//! The allocator of a guest that lives for one call: hands out a fixed region once, and takes nothing back, because the
//! whole instance goes away when the call returns. What does not fit comes from the standard allocator.
//!
//! Why: the standard allocator begins by growing the memory, and that is two system calls of the host a call, more than
//! half of what a small call costs (`cargo bench -p zelador-tests --bench plugin_call`).
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: arena::Arena = arena::Arena::new();
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a call that decides something needs, in bytes: its arguments, a mail, a page of a list.
const REGION: usize = 64 << 10;

/// The allocator.
#[repr(align(16))]
pub struct Arena {
    region: UnsafeCell<[u8; REGION]>,
    used: AtomicUsize,
}

// SAFETY: a byte of the region is handed out at most once, because `used` only grows, and grows atomically.
unsafe impl Sync for Arena {}

impl Arena {
    /// An empty one.
    pub const fn new() -> Self {
        Self { region: UnsafeCell::new([0; REGION]), used: AtomicUsize::new(0) }
    }

    fn start(&self) -> *mut u8 {
        self.region.get().cast()
    }

    fn owns(&self, pointer: *mut u8) -> bool {
        (self.start() as usize..self.start() as usize + REGION).contains(&(pointer as usize))
    }

    /// Takes a place of the region, and returns how far from its start.
    fn take(&self, layout: Layout) -> Option<usize> {
        let mut place = 0;
        let take = |used: usize| {
            let unaligned = self.start() as usize + used;
            place = used + unaligned.next_multiple_of(layout.align()) - unaligned;
            place.checked_add(layout.size()).filter(|end| *end <= REGION)
        };
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        Some(place)
    }

    /// Makes the newest allocation larger where it is.
    fn extend(&self, pointer: *mut u8, layout: Layout, size: usize) -> bool {
        let place = pointer as usize - self.start() as usize;
        let Some(end) = place.checked_add(size).filter(|end| *end <= REGION) else { return false };
        let newest = place + layout.size();
        self.used.compare_exchange(newest, end, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: what is handed out lies in the region or comes from the standard allocator, has the size and the alignment
// asked for, and overlaps nothing; what comes from the standard allocator goes back to it with its own layout.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            // SAFETY: `place` and what follows it for the layout's size lie in the region.
            Some(place) => unsafe { self.start().add(place) },
            // SAFETY: the caller keeps the contract of `alloc`.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if !self.owns(pointer) {
            // SAFETY: what does not lie in the region came from the standard allocator.
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.owns(pointer) {
            // SAFETY: what does not lie in the region came from the standard allocator.
            return unsafe { System.realloc(pointer, layout, size) };
        }
        if size <= layout.size() || self.extend(pointer, layout, size) {
            return pointer;
        }
        // SAFETY: the caller promises that `size`, rounded up to the alignment, is a valid size.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both places are as large as the old size, and the new one was free until now.
            unsafe { moved.copy_from_nonoverlapping(pointer, layout.size()) };
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn places_are_aligned_and_do_not_overlap() {
        let arena = Box::new(Arena::new());
        let mut end = 0;
        for (size, align) in [(1, 1), (8, 8), (3, 1), (16, 16), (1, 1), (64, 64)] {
            let start = unsafe { arena.alloc(layout(size, align)) } as usize;
            assert!(start.is_multiple_of(align) && start >= end);
            end = start + size;
        }
    }

    #[test]
    fn the_newest_allocation_grows_in_place_and_an_older_one_moves_with_its_contents() {
        let arena = Box::new(Arena::new());
        unsafe {
            let older = arena.alloc(layout(4, 1));
            older.copy_from_nonoverlapping(b"text".as_ptr(), 4);
            let newest = arena.alloc(layout(4, 1));
            assert_eq!(arena.realloc(newest, layout(4, 1), 8), newest);
            let moved = arena.realloc(older, layout(4, 1), 8);
            assert_ne!(moved, older);
            assert_eq!(std::slice::from_raw_parts(moved, 4), b"text");
        }
    }

    #[test]
    fn what_does_not_fit_comes_from_the_standard_allocator_and_goes_back_to_it() {
        let arena = Box::new(Arena::new());
        unsafe {
            let inside = arena.alloc(layout(REGION - 8, 1));
            inside.write_bytes(7, REGION - 8);
            let outside = arena.realloc(inside, layout(REGION - 8, 1), 2 * REGION);
            assert!(arena.owns(inside) && !arena.owns(outside));
            assert_eq!(*outside.add(REGION - 9), 7);
            let larger = arena.realloc(outside, layout(2 * REGION, 1), 3 * REGION);
            arena.dealloc(larger, layout(3 * REGION, 1));
            assert!(arena.owns(arena.alloc(layout(8, 1))));
        }
    }
}
