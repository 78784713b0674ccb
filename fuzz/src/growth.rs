//! What twice as much input costs: comparisons that are made and bytes that are asked for, which are the same in every run.
//!
//! The compiler has put a call beside each comparison, for libFuzzer; here it only counts. The standard library's own are not counted.

use std::alloc::{GlobalAlloc, Layout, System};

use pilotis_bad_input::growth::{MOST, SIZES, shapes};

static mut COMPARED: u64 = 0;
static mut ASKED: u64 = 0;

macro_rules! counted {
    ($($name:ident($($argument:ty),*);)*) => {
        // SAFETY: there is one thread. Nothing here compares, so nothing here calls itself.
        $(#[unsafe(no_mangle)] extern "C" fn $name($(_: $argument),*) { unsafe { COMPARED = COMPARED.wrapping_add(1) } })*
    };
}

counted! {
    __sanitizer_cov_trace_cmp1(u8, u8);
    __sanitizer_cov_trace_cmp2(u16, u16);
    __sanitizer_cov_trace_cmp4(u32, u32);
    __sanitizer_cov_trace_cmp8(u64, u64);
    __sanitizer_cov_trace_const_cmp1(u8, u8);
    __sanitizer_cov_trace_const_cmp2(u16, u16);
    __sanitizer_cov_trace_const_cmp4(u32, u32);
    __sanitizer_cov_trace_const_cmp8(u64, u64);
    __sanitizer_cov_trace_switch(u64, *const u64);
    __sanitizer_cov_trace_pc_indir(usize);
    __sanitizer_cov_8bit_counters_init(*const u8, *const u8);
    __sanitizer_cov_pcs_init(*const usize, *const usize);
}

struct Counting;

// SAFETY: the system's allocator does everything.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe {
            ASKED = ASKED.wrapping_add(layout.size() as u64);
            System.alloc(layout)
        }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe {
            // As if it were copied: a text that grows by a byte a time is seen.
            ASKED = ASKED.wrapping_add(size as u64);
            System.realloc(memory, layout, size)
        }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counts() -> (u64, u64) {
    // SAFETY: there is one thread.
    unsafe { (COMPARED, ASKED) }
}

fn main() {
    let only = std::env::args().nth(1);
    let (mut measured, mut grown) = (0, 0);
    for shape in shapes().filter(|s| only.as_ref().is_none_or(|o| s.name.contains(o))) {
        let costs = SIZES.map(|size| {
            let text = (shape.text)(size);
            let before = counts();
            (shape.target)(text.as_bytes());
            let after = counts();
            (after.0 - before.0, after.1 - before.1)
        });
        let [_, (compared, asked), (twice_compared, twice_asked)] = costs;
        let factor = |one: u64, two: u64| two as f64 / one.max(1) as f64;
        let (work, memory) = (factor(compared, twice_compared), factor(asked, twice_asked));
        measured += 1;
        if only.is_some() || work > MOST || memory > MOST {
            println!(
                "{}: twice the size costs {work:.2} times the comparisons, {memory:.2} times the memory: {costs:?}",
                shape.name
            );
        }
        grown += usize::from(work > MOST || memory > MOST);
    }
    println!("growth: {measured} shapes, {grown} of them cost more than {MOST} times for twice the size");
    std::process::exit(i32::from(grown > 0));
}
