// As worker.c: the frame in the middle has a value to drop.
use std::ffi::CStr;
use std::os::raw::c_char;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering::SeqCst};

static HELD: AtomicI32 = AtomicI32::new(0);

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        HELD.fetch_sub(1, SeqCst);
    }
}

type Step = extern "C-unwind" fn();

/// What is called so may be anything, for all that the compiler knows.
#[inline(always)]
fn call(step: Step) {
    std::hint::black_box(step)()
}

#[no_mangle]
pub extern "C-unwind" fn fault() {
    unsafe { *(std::hint::black_box(8usize) as *mut i32) = 1 }
}

#[no_mangle]
pub extern "C-unwind" fn unguarded() {
    call(fault);
    HELD.fetch_add(2, SeqCst);
}

#[no_mangle]
pub extern "C-unwind" fn guarded() {
    let _guard = Guard;

    HELD.fetch_add(1, SeqCst);
    call(unguarded);
}

#[no_mangle]
pub unsafe extern "C-unwind" fn worker_answer(
    question: *const c_char,
    answer: *mut c_char,
    len: usize,
) {
    if CStr::from_ptr(question).to_bytes() == b"fault" {
        call(guarded);
    }
    let text = format!("held={}\0", HELD.load(SeqCst));
    assert!(text.len() <= len);
    std::ptr::copy_nonoverlapping(text.as_ptr(), answer as *mut u8, text.len());
}
