//! Rows that leave the store while they are being read.

use mainstay_base::Result;
use std::task::{Context, Poll};

/// The rows of one statement in pieces, in one snapshot. Memory is bounded whatever their number: the store reads on
/// as pieces are taken. Dropping it ends the read.
pub trait RowStream: Send {
    /// The next piece; `None` after the last. Nothing follows an error.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece>>>;
}

/// A part of the rows in their format. Pieces end between rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    pub bytes: Vec<u8>,
    pub rows: u64,
}

/// All rows in one piece.
pub struct Whole(pub Option<Piece>);

impl RowStream for Whole {
    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Piece>>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}
