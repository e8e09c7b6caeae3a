use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::CStr;
use std::os::raw::c_char;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

static CALLS: AtomicUsize = AtomicUsize::new(0);
static NAMES: Mutex<Option<HashMap<usize, String>>> = Mutex::new(None);

thread_local! {
    static LOCAL: Cell<u32> = const { Cell::new(10) };
}

fn value() -> u32 {
    2
}

#[no_mangle]
pub unsafe extern "C" fn worker_answer(question: *const c_char, answer: *mut c_char, len: usize) {
    let calls = CALLS.fetch_add(1, Ordering::SeqCst) + 1;
    let mut names = NAMES.lock().unwrap();
    let names = names.get_or_insert_with(HashMap::new);
    names.insert(calls, format!("name{calls}"));
    LOCAL.with(|local| local.set(local.get() + 1));
    let caught = std::panic::catch_unwind(|| {
        if calls > 0 {
            std::panic::resume_unwind(Box::new(value()));
        }
    });
    let text = format!(
        "{}={} calls={} names={} local={} caught={}\0",
        CStr::from_ptr(question).to_string_lossy(),
        value(),
        calls,
        names.len(),
        LOCAL.with(|local| local.get()),
        caught.unwrap_err().downcast_ref::<u32>().unwrap()
    );
    assert!(text.len() <= len);
    std::ptr::copy_nonoverlapping(text.as_ptr(), answer as *mut u8, text.len());
}
