//! A worker in Rust: an atomic static, a thread-local and the C ABI.

use std::cell::Cell;
use std::ffi::CString;
use std::os::raw::{c_char, c_int};
use std::sync::atomic::{AtomicU64, Ordering};

static CALLS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static ON_THREAD: Cell<u64> = Cell::new(0);
}

#[no_mangle]
pub static N_EXPORTED: AtomicU64 = AtomicU64::new(0);

#[cfg(build = "3")]
#[inline(never)]
fn twice(n: u64) -> u64 {
    2 * n
}

#[cfg(build = "3")]
fn suffix(calls: u64) -> String {
    format!(" twice={}", twice(calls))
}

#[cfg(not(build = "3"))]
fn suffix(_calls: u64) -> String {
    String::new()
}

#[no_mangle]
pub extern "C" fn number() -> c_int {
    env!("BUILD").parse().unwrap()
}

#[no_mangle]
pub extern "C" fn answer(print: extern "C" fn(*const c_char) -> c_int) -> c_int {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    let on_thread = ON_THREAD.with(|n| {
        n.set(n.get() + 1);
        n.get()
    });
    N_EXPORTED.fetch_add(1, Ordering::Relaxed);
    let text = format!(
        "answer={} calls={} thread={}{}",
        env!("BUILD"),
        calls,
        on_thread,
        suffix(calls)
    );
    print(CString::new(text).unwrap().as_ptr())
}
