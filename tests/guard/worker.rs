//! A worker in Rust, with the faults that it has. The line that crashes ends with the
//! name of the fault. A cfg says which build it is.
use std::arch::asm;
use std::os::raw::{c_int, c_long};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

#[cfg(build1)]
const BUILD: c_long = 1;
#[cfg(build2)]
const BUILD: c_long = 2;
#[cfg(build3)]
const BUILD: c_long = 3;
#[cfg(build4)]
const BUILD: c_long = 4;

type Function = extern "C" fn(c_long) -> c_long;

static CALLS: AtomicI64 = AtomicI64::new(0);
static SPOILED: AtomicBool = AtomicBool::new(false);

fn crashes() -> bool {
    CALLS.fetch_add(1, Ordering::SeqCst);
    BUILD % 2 == 1 || SPOILED.load(Ordering::SeqCst)
}

fn give(x: c_long) -> c_long {
    BUILD * 1000 + x
}

#[no_mangle]
pub extern "C" fn worker_spoil() {
    SPOILED.fetch_xor(true, Ordering::SeqCst);
}

#[no_mangle]
pub extern "C" fn worker_calls() -> c_long {
    CALLS.load(Ordering::SeqCst)
}

#[no_mangle]
pub extern "C" fn fault_wild(x: c_long) -> c_long {
    if crashes() {
        unsafe { *(black_box(0x4142434445464748_usize) as *mut c_long) = x }; /* wild */
    }
    give(x)
}

#[no_mangle]
pub extern "C" fn fault_quits(x: c_long) -> c_long {
    if crashes() {
        std::process::abort(); /* quits */
    }
    give(x)
}

#[no_mangle]
pub extern "C" fn fault_panic(x: c_long) -> c_long {
    if crashes() {
        let list = [1, 2, 3];
        return list[black_box(x as usize)]; /* panic */
    }
    give(x)
}

#[inline(never)]
fn deep(x: c_long) -> c_long {
    let room = [x; 20];
    unsafe { asm!("/* {} */", in(reg) &room) };
    let y = deep(x + 1);
    unsafe { asm!("/* {} */", in(reg) &room) };
    y
}

#[no_mangle]
pub extern "C" fn fault_overflow(x: c_long) -> c_long {
    if crashes() {
        return deep(x); /* overflow */
    }
    give(x)
}

/* Else it would have another name in each build. */
#[no_mangle]
extern "C" fn called_back(x: c_long) -> c_long {
    if crashes() {
        unsafe { *(black_box(16_usize) as *mut c_long) = x }; /* called_back */
    }
    give(x)
}

#[no_mangle]
pub extern "C" fn worker_get_callback() -> Function {
    called_back
}

#[no_mangle]
pub extern "C" fn worker_get_tiny() -> Function {
    called_back
}

#[no_mangle]
pub extern "C" fn worker_set_callback(_callback: Function) {}

#[no_mangle]
pub extern "C" fn worker_handle(signal: c_int) {
    if crashes() {
        unsafe { *(black_box(16_usize) as *mut c_long) = signal as c_long }; /* handle */
    }
}

#[no_mangle]
pub extern "C" fn worker_go() {}
