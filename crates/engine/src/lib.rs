//! Says what a record store promises.
//!
//! Hidden here: nothing; these are traits and plain data, and how a file comes to be whole ([`WholeFile`]).
//! Not here: any technology. The language of the contract is PostgreSQL's SQL with typed parameters.
//! Invariant: a store that passes `testkit::record_store_suite!` keeps every promise written at [`RecordStore`].
//! Start reading at [`RecordStore`].

pub mod change;
pub mod store;
pub mod stream;
pub mod transact;
pub mod whole_file;

pub use change::{Change, ChangeSink, Operation, Position};
pub use store::{
    Applied, BoxFuture, Column, Format, ListenerId, Migrated, Migration, Plan, PlanKind, Read, ReadNow,
    RecordStore, Rows, Step, StoreStatus, Write, WriteStep, Written,
};
pub use stream::{Piece, RowStream, Whole};
pub use transact::{Kept, Transact, Transacted, Transaction, Work};
pub use whole_file::WholeFile;
