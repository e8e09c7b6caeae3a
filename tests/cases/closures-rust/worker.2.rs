/* Jobs that were made long ago, as a list of callbacks keeps them. */
use std::os::raw::c_char;
use std::sync::Mutex;

static JOBS: Mutex<Vec<Box<dyn Fn() -> usize + Send>>> = Mutex::new(Vec::new());

fn make_jobs(n: usize) {
    let mut jobs = JOBS.lock().unwrap();
    let (one, many) = (10, vec![1; 20 + n]);
    jobs.push(Box::new(move || one + 2));
    jobs.push(Box::new(move || many.len() + 200));
}

#[no_mangle]
pub unsafe extern "C" fn worker_answer(_question: *const c_char, answer: *mut c_char, len: usize) {
    if JOBS.lock().unwrap().is_empty() {
        make_jobs(0);
    }
    let jobs: Vec<usize> = JOBS.lock().unwrap().iter().map(|job| job()).collect();
    let text = format!("first={} second={} value=2\0", jobs[0], jobs[1]);
    assert!(text.len() <= len);
    std::ptr::copy_nonoverlapping(text.as_ptr(), answer as *mut u8, text.len());
}
