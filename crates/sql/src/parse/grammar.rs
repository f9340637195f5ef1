//! The call into PostgreSQL's grammar (the C library that `pg_query` brings), with the places of errors.
//!
//! `pg_query::parse` drops the place of a syntax error; its C function gives it, so that is called here.

use mainstay_base::{Problem, Result};
use pg_query::protobuf::ParseResult;
use prost::Message;
use std::ffi::{CStr, CString, c_char, c_int};

/// Which of the grammar's entry points reads the text.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Statements = 0,
    /// An expression (or whatever may follow `SELECT`).
    Expression = 2,
}

#[repr(C)]
struct CError {
    message: *mut c_char,
    funcname: *mut c_char,
    filename: *mut c_char,
    lineno: c_int,
    cursorpos: c_int,
    context: *mut c_char,
}

#[repr(C)]
struct CTree {
    len: usize,
    data: *mut c_char,
}

#[repr(C)]
struct CResult {
    tree: CTree,
    stderr_buffer: *mut c_char,
    error: *mut CError,
}

// As declared in `pg_query.h` of libpg_query 18.
unsafe extern "C" {
    fn pg_query_parse_protobuf_opts(input: *const c_char, options: c_int) -> CResult;
    fn pg_query_free_protobuf_parse_result(result: CResult);
}

/// Frees what the C library allocated, also when decoding unwinds.
struct Owned(Option<CResult>);

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(result) = self.0.take() {
            // SAFETY: the result came from `pg_query_parse_protobuf_opts` and is freed once.
            unsafe { pg_query_free_protobuf_parse_result(result) };
        }
    }
}

/// Runs the grammar. The caller has bounded the depth of the text.
pub(super) fn parse(text: &str, mode: Mode) -> Result<ParseResult> {
    let input = CString::new(text).map_err(|error| {
        Problem::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00").at(error.nul_position())
    })?;
    // SAFETY: `input` is a C string that lives through the call; the library keeps no reference to it and holds
    // its state in thread-local storage.
    let owned = Owned(Some(unsafe { pg_query_parse_protobuf_opts(input.as_ptr(), mode as c_int) }));
    let Some(result) = &owned.0 else { return Err(Problem::internal("the grammar gave no result")) };
    // SAFETY: `error` is null or points to an error that lives as long as the result.
    if let Some(error) = unsafe { result.error.as_ref() } {
        return Err(syntax_problem(text, error));
    }
    if result.tree.data.is_null() {
        return Ok(ParseResult::default());
    }
    // SAFETY: on success `data` points to `len` bytes that live as long as the result.
    let bytes = unsafe { std::slice::from_raw_parts(result.tree.data.cast::<u8>(), result.tree.len) };
    ParseResult::decode(bytes)
        .map_err(|error| Problem::internal(format!("could not decode a parse tree: {error}")))
}

fn syntax_problem(text: &str, error: &CError) -> Problem {
    let message = if error.message.is_null() {
        "syntax error".to_owned()
    } else {
        // SAFETY: the library's messages are C strings that live as long as the error.
        unsafe { CStr::from_ptr(error.message) }.to_string_lossy().into_owned()
    };
    // The library keeps its own recursion within 100 kB of stack (some 700 operators), which bounds the trees too.
    let problem = match message.as_str() {
        "stack depth limit exceeded"
        | "memory exhausted"
        | "parse tree is nested too deeply to serialize to protobuf" => {
            Problem::new("54001", "stack depth limit exceeded")
        }
        _ => Problem::new("42601", message),
    };
    match usize::try_from(error.cursorpos) {
        Ok(position) if position > 0 => problem.at(byte_offset(text, position - 1)),
        _ => problem,
    }
}

/// The place of the character with this index.
fn byte_offset(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset)
}
