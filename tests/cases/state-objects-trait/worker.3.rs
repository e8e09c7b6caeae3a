use std::os::raw::c_char;
use std::sync::Mutex;

trait Shape {
    fn area(&self) -> u32;
}

struct Circle {
    radius: u32,
}

impl Shape for Circle {
    fn area(&self) -> u32 {
        self.radius + 3
    }
}

static SHAPES: Mutex<Vec<Box<dyn Shape + Send>>> = Mutex::new(Vec::new());

#[no_mangle]
pub unsafe extern "C" fn worker_answer(_question: *const c_char, answer: *mut c_char, len: usize) {
    let mut shapes = SHAPES.lock().unwrap();
    if shapes.is_empty() {
        shapes.push(Box::new(Circle { radius: 10 }));
    }
    let text = format!("area={}\0", shapes[0].area());
    assert!(text.len() <= len);
    std::ptr::copy_nonoverlapping(text.as_ptr(), answer as *mut u8, text.len());
}
