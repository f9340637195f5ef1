//! Gathers what the writer appends to the write-ahead log, and hands it to the kernel in one piece at each sync.
//!
//! SQLite writes a page of the log as a head of 24 bytes and 4,096 bytes that lie across two pages of the kernel's
//! cache: two system calls and three of the kernel's pages for each. A commit of a busy group has a hundred and more.
//!
//! Sound because of the order in which SQLite publishes a commit with `synchronous = FULL`: pages, sync, and only then
//! the index of the log, by which other connections find the pages. What no sync has covered nobody else reads; what
//! this connection reads itself is handed over first. So only the writer uses this, and only with full durability.

use rusqlite::ffi;
use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

/// Bytes after which the kernel gets them before the sync.
const GATHERED_MAX: usize = 256 * 1024;

/// Bytes of one call: SQLite's own files take less than 128 KiB at once.
const WRITTEN_MAX: usize = 64 * 1024;

pub(crate) const VFS_NAME: &CStr = c"mainstay-log";
const PARENT_NAME: &CStr = c"unix-excl";

/// Registers the file system under [`VFS_NAME`] the first time. False when SQLite has no parent for it.
pub(crate) fn register() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| {
        // SAFETY: the parent is one of SQLite's own, which live as long as the process; the copy is leaked and so
        // does too. Its other methods do not look at the structure that they are called with, so its data can be ours.
        unsafe {
            let parent = ffi::sqlite3_vfs_find(PARENT_NAME.as_ptr());
            if parent.is_null() {
                return false;
            }
            let mut vfs = Box::new(*parent);
            vfs.zName = VFS_NAME.as_ptr();
            vfs.pNext = ptr::null_mut();
            vfs.pAppData = parent.cast();
            vfs.szOsFile += HEAD_BYTES;
            vfs.xOpen = Some(open);
            ffi::sqlite3_vfs_register(Box::into_raw(vfs), 0) == ffi::SQLITE_OK
        }
    })
}

/// A log as SQLite has it; the parent's file lies right behind.
#[repr(C)]
struct LogFile {
    base: ffi::sqlite3_file,
    parent: *mut ffi::sqlite3_file,
    gathered: *mut Gathered,
}

const HEAD_BYTES: c_int = size_of::<LogFile>() as c_int;

/// Bytes that follow each other in the file and that the kernel does not have yet.
#[derive(Default)]
struct Gathered {
    start: i64,
    bytes: Vec<u8>,
}

impl Gathered {
    fn end(&self) -> i64 {
        self.start + self.bytes.len() as i64
    }

    fn overlaps(&self, start: i64, length: c_int) -> bool {
        !self.bytes.is_empty() && start < self.end() && self.start < start + i64::from(length)
    }
}

/// Opens a log as a [`LogFile`], every other file as the parent does.
unsafe extern "C" fn open(
    own: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands over room for `szOsFile` bytes, which is ours plus the parent's, aligned for both.
    unsafe {
        let vfs = (*own).pAppData.cast::<ffi::sqlite3_vfs>();
        let Some(parent_open) = vfs.as_ref().and_then(|vfs| vfs.xOpen) else { return ffi::SQLITE_CANTOPEN };
        if flags & ffi::SQLITE_OPEN_WAL == 0 {
            return parent_open(vfs, name, file, flags, out_flags);
        }
        let log = file.cast::<LogFile>();
        let parent = log.add(1).cast::<ffi::sqlite3_file>();
        (*parent).pMethods = ptr::null();
        (*log).base.pMethods = ptr::null();
        let code = parent_open(vfs, name, parent, flags, out_flags);
        if !(*parent).pMethods.is_null() {
            (*log).parent = parent;
            (*log).gathered = Box::into_raw(Box::default());
            (*log).base.pMethods = &METHODS;
        }
        code
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// Calls a method of the parent's file.
macro_rules! parent {
    ($log:expr, $method:ident ( $($argument:expr),* ), $otherwise:expr) => {{
        let parent = $log.parent;
        match (*(*parent).pMethods).$method {
            Some(method) => method(parent, $($argument),*),
            None => $otherwise,
        }
    }};
}

/// # Safety
/// `file` was opened by [`open`] as a log, is not closed, and nobody else uses it meanwhile: SQLite uses a file on one
/// thread at a time.
unsafe fn parts<'a>(file: *mut ffi::sqlite3_file) -> (&'a LogFile, &'a mut Gathered) {
    // SAFETY: promised by the caller; `gathered` was made by `open` and is freed by `close`.
    unsafe {
        let log = &*file.cast::<LogFile>();
        (log, &mut *log.gathered)
    }
}

/// Hands the gathered bytes to the kernel. After a failure they are gone: SQLite gives the commit up and writes its
/// pages again.
///
/// # Safety
/// As for [`parts`].
unsafe fn hand_over(log: &LogFile, gathered: &mut Gathered) -> c_int {
    if gathered.bytes.is_empty() {
        return ffi::SQLITE_OK;
    }
    let mut code = ffi::SQLITE_OK;
    let mut start = gathered.start;
    for piece in gathered.bytes.chunks(WRITTEN_MAX) {
        // SAFETY: pointer and length describe the piece, whose length is at most `WRITTEN_MAX`.
        code = unsafe {
            parent!(log, xWrite(piece.as_ptr().cast(), piece.len() as c_int, start), ffi::SQLITE_IOERR_WRITE)
        };
        if code != ffi::SQLITE_OK {
            break;
        }
        start += piece.len() as i64;
    }
    gathered.bytes.clear();
    code
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see `parts`; the gathered bytes are freed once, since SQLite closes a file once.
    unsafe {
        let (log, gathered) = parts(file);
        let handed = hand_over(log, gathered);
        let closed = parent!(log, xClose(), ffi::SQLITE_OK);
        drop(Box::from_raw(log.gathered));
        (*file).pMethods = ptr::null();
        if handed == ffi::SQLITE_OK { closed } else { handed }
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    length: c_int,
    start: i64,
) -> c_int {
    // SAFETY: see `parts`; the buffer is SQLite's.
    unsafe {
        let (log, gathered) = parts(file);
        if gathered.overlaps(start, length) {
            let code = hand_over(log, gathered);
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        parent!(log, xRead(into, length, start), ffi::SQLITE_IOERR_READ)
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    start: i64,
) -> c_int {
    // SAFETY: see `parts`; SQLite hands over `length` bytes.
    unsafe {
        let (log, gathered) = parts(file);
        if start != gathered.end() || gathered.bytes.len() >= GATHERED_MAX {
            let code = hand_over(log, gathered);
            if code != ffi::SQLITE_OK {
                return code;
            }
        }
        if gathered.bytes.is_empty() {
            gathered.start = start;
        }
        let length = usize::try_from(length).unwrap_or(0);
        gathered.bytes.extend_from_slice(std::slice::from_raw_parts(bytes.cast::<u8>(), length));
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: see `parts`.
    unsafe {
        let (log, gathered) = parts(file);
        match hand_over(log, gathered) {
            ffi::SQLITE_OK => parent!(log, xSync(flags), ffi::SQLITE_IOERR_FSYNC),
            code => code,
        }
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: see `parts`.
    unsafe {
        let (log, gathered) = parts(file);
        match hand_over(log, gathered) {
            ffi::SQLITE_OK => parent!(log, xTruncate(size), ffi::SQLITE_IOERR_TRUNCATE),
            code => code,
        }
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: see `parts`; `size` is SQLite's.
    unsafe {
        let (log, gathered) = parts(file);
        match hand_over(log, gathered) {
            ffi::SQLITE_OK => parent!(log, xFileSize(size), ffi::SQLITE_IOERR_FSTAT),
            code => code,
        }
    }
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, op: c_int, argument: *mut c_void) -> c_int {
    // SAFETY: see `parts`.
    unsafe {
        let (log, gathered) = parts(file);
        match hand_over(log, gathered) {
            ffi::SQLITE_OK => parent!(log, xFileControl(op, argument), ffi::SQLITE_NOTFOUND),
            code => code,
        }
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, kind: c_int) -> c_int {
    // SAFETY: see `parts`.
    unsafe { parent!(parts(file).0, xLock(kind), ffi::SQLITE_OK) }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, kind: c_int) -> c_int {
    // SAFETY: see `parts`.
    unsafe { parent!(parts(file).0, xUnlock(kind), ffi::SQLITE_OK) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, held: *mut c_int) -> c_int {
    // SAFETY: see `parts`; `held` is SQLite's.
    unsafe { parent!(parts(file).0, xCheckReservedLock(held), ffi::SQLITE_OK) }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see `parts`.
    unsafe { parent!(parts(file).0, xSectorSize(), 4096) }
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see `parts`.
    unsafe { parent!(parts(file).0, xDeviceCharacteristics(), 0) }
}
