//! A disk that fails on command: SQLite's own file system with four functions replaced, as the default of this
//! process, and that can be made to wait. Only files below a directory that a test has named are concerned.

#![allow(dead_code, reason = "each test file uses its own part")]

use rusqlite::ffi;
use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// What goes wrong in one directory.
#[derive(Debug, Default)]
pub struct Disk {
    /// Syncs of files whose name ends so fail; the empty name is every file.
    failing: Mutex<Option<&'static str>>,
    /// A file that would grow does not.
    full: AtomicBool,
    hold: Mutex<Hold>,
    changed: Condvar,
}

/// Writes that wait.
#[derive(Debug, Default)]
struct Hold {
    held: bool,
    waiting: usize,
}

impl Disk {
    /// Puts a directory on a disk of its own. Before anything in it is opened.
    pub fn under(directory: &Path) -> Arc<Disk> {
        install();
        let disk = Arc::new(Disk::default());
        lock(&DISKS).push((directory.to_owned(), Arc::clone(&disk)));
        disk
    }

    pub fn fail_syncs_of(&self, ending: &'static str) {
        *lock(&self.failing) = Some(ending);
    }

    pub fn fill(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// From now on writes wait until they are let go.
    pub fn hold(&self) {
        lock(&self.hold).held = true;
    }

    pub fn let_go(&self) {
        lock(&self.hold).held = false;
        self.changed.notify_all();
    }

    /// Returns when a write waits.
    pub fn until_held(&self) {
        let mut hold = lock(&self.hold);
        while hold.waiting == 0 {
            hold = self.changed.wait(hold).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wait_while_held(&self) {
        let mut hold = lock(&self.hold);
        hold.waiting += 1;
        self.changed.notify_all();
        while hold.held {
            hold = self.changed.wait(hold).unwrap_or_else(PoisonError::into_inner);
        }
        hold.waiting -= 1;
    }

    pub fn repair(&self) {
        *lock(&self.failing) = None;
        self.fill(false);
    }
}

struct Open {
    disk: Arc<Disk>,
    name: String,
    /// SQLite's own functions for it; files and journals have different ones.
    methods: &'static ffi::sqlite3_io_methods,
}

static DISKS: Mutex<Vec<(PathBuf, Arc<Disk>)>> = Mutex::new(Vec::new());
/// Open files by the address of SQLite's object.
static FILES: Mutex<Option<HashMap<usize, Open>>> = Mutex::new(None);

struct Base {
    vfs: *mut ffi::sqlite3_vfs,
}

// SAFETY: SQLite's file system object is made for use by many threads, and is never written to here.
unsafe impl Send for Base {}
// SAFETY: as above.
unsafe impl Sync for Base {}

static BASE: OnceLock<Base> = OnceLock::new();

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn install() {
    BASE.get_or_init(|| {
        // SAFETY: the file system lives as long as the process; its copy is leaked, and so does too.
        unsafe {
            let vfs = ffi::sqlite3_vfs_find(c"unix-excl".as_ptr());
            assert!(!vfs.is_null(), "SQLite has the file system that the store asks for");
            let copy = Box::leak(Box::new(*vfs));
            copy.pNext = std::ptr::null_mut();
            // Later ones of a name are found first.
            copy.zName = c"unix-excl".as_ptr();
            copy.xOpen = Some(open);
            assert_eq!(ffi::sqlite3_vfs_register(copy, 1), ffi::SQLITE_OK);
            Base { vfs }
        }
    });
}

fn base() -> &'static Base {
    BASE.get().expect("installed before the first file is opened")
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let base = base();
    // SAFETY: the arguments are SQLite's own, handed on to its own function; the object for a file has the size that
    // function asks for, since the copy has the same `szOsFile`.
    unsafe {
        let code = (*base.vfs).xOpen.expect("a function")(base.vfs, name, file, flags, out_flags);
        if code != ffi::SQLITE_OK || name.is_null() {
            return code;
        }
        let name = CStr::from_ptr(name).to_string_lossy().into_owned();
        let disks = lock(&DISKS);
        if let Some((_, disk)) = disks.iter().find(|(directory, _)| Path::new(&name).starts_with(directory)) {
            let methods = &*(*file).pMethods;
            let open = Open { disk: Arc::clone(disk), name, methods };
            lock(&FILES).get_or_insert_default().insert(file as usize, open);
            // Leaked: SQLite looks at it until the file is closed, and tests open few.
            (*file).pMethods = Box::leak(Box::new(ffi::sqlite3_io_methods {
                xSync: Some(sync),
                xWrite: Some(write),
                xClose: Some(close),
                ..*methods
            }));
        }
        code
    }
}

fn with_open<T>(file: *mut ffi::sqlite3_file, look: impl FnOnce(&Open) -> T) -> T {
    let files = lock(&FILES);
    look(files.as_ref().and_then(|files| files.get(&(file as usize))).expect("the file is open"))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let (fails, methods) = with_open(file, |open| {
        (lock(&open.disk.failing).is_some_and(|ending| open.name.ends_with(ending)), open.methods)
    });
    if fails {
        return ffi::SQLITE_IOERR_FSYNC;
    }
    // SAFETY: SQLite's own arguments for its own function.
    unsafe { methods.xSync.expect("a function")(file, flags) }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite's own arguments for its own functions.
    unsafe {
        let (disk, methods) = with_open(file, |open| (Arc::clone(&open.disk), open.methods));
        disk.wait_while_held();
        if disk.full.load(Ordering::SeqCst) {
            let mut size = 0;
            methods.xFileSize.expect("a function")(file, &mut size);
            if offset + ffi::sqlite3_int64::from(length) > size {
                return ffi::SQLITE_FULL;
            }
        }
        methods.xWrite.expect("a function")(file, bytes, length, offset)
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let open = lock(&FILES).get_or_insert_default().remove(&(file as usize)).expect("the file is open");
    // SAFETY: SQLite's own argument for its own function.
    unsafe { open.methods.xClose.expect("a function")(file) }
}
