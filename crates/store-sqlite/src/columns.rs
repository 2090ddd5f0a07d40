//! How the model's values stand in columns.

use countersign_model::{Address, ConsumerId, KeyDigest, Rates, Scopes, SessionId, UnixTime};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use uuid::Uuid;

use crate::error::Failure;

/// One row of an answer, its columns numbered from 0, for errors called `what`.
pub(crate) struct Record<'row, 'statement> {
    row: &'row Row<'statement>,
    what: &'static str,
}

impl<'row, 'statement> Record<'row, 'statement> {
    pub(crate) fn new(what: &'static str, row: &'row Row<'statement>) -> Self {
        Self { row, what }
    }

    /// The failure of a record whose content no version of this program writes.
    pub(crate) fn broken(&self, why: impl std::fmt::Display) -> Failure {
        Failure::Record { what: self.what, why: why.to_string() }
    }

    pub(crate) fn text(&self, column: usize) -> Result<&'row str, Failure> {
        self.row.get_ref(column)?.as_str().map_err(|error| self.broken(error))
    }

    pub(crate) fn optional_text(&self, column: usize) -> Result<Option<&'row str>, Failure> {
        self.row.get_ref(column)?.as_str_or_null().map_err(|error| self.broken(error))
    }

    pub(crate) fn optional_blob(&self, column: usize) -> Result<Option<&'row [u8]>, Failure> {
        self.row.get_ref(column)?.as_blob_or_null().map_err(|error| self.broken(error))
    }

    pub(crate) fn bytes<const LENGTH: usize>(&self, column: usize) -> Result<[u8; LENGTH], Failure> {
        let blob = self.row.get_ref(column)?.as_blob().map_err(|error| self.broken(error))?;
        blob.try_into().map_err(|_| self.broken(format_args!("{} bytes for {LENGTH}", blob.len())))
    }

    pub(crate) fn integer(&self, column: usize) -> Result<i64, Failure> {
        self.row.get_ref(column)?.as_i64().map_err(|error| self.broken(error))
    }

    /// An unsigned number that stands in the signed one of the same bits.
    pub(crate) fn unsigned(&self, column: usize) -> Result<u64, Failure> {
        self.integer(column).map(i64::cast_unsigned)
    }

    pub(crate) fn time(&self, column: usize) -> Result<UnixTime, Failure> {
        self.integer(column).map(UnixTime::from_millis)
    }

    pub(crate) fn optional_time(&self, column: usize) -> Result<Option<UnixTime>, Failure> {
        match self.row.get_ref(column)? {
            ValueRef::Null => Ok(None),
            _ => self.time(column).map(Some),
        }
    }

    pub(crate) fn scopes(&self, column: usize) -> Result<Scopes, Failure> {
        Scopes::parse_list(self.text(column)?).map_err(|error| self.broken(error))
    }

    pub(crate) fn rates(&self, column: usize) -> Result<Rates, Failure> {
        Rates::parse_list(self.text(column)?).map_err(|error| self.broken(error))
    }

    pub(crate) fn consumer_id(&self, column: usize) -> Result<ConsumerId, Failure> {
        self.bytes(column).map(|bytes| ConsumerId(Uuid::from_bytes(bytes)))
    }

    pub(crate) fn session_id(&self, column: usize) -> Result<SessionId, Failure> {
        self.bytes(column).map(|bytes| SessionId(Uuid::from_bytes(bytes)))
    }

    pub(crate) fn digest(&self, column: usize) -> Result<KeyDigest, Failure> {
        self.bytes(column).map(KeyDigest)
    }

    pub(crate) fn address(&self, column: usize) -> Result<Address, Failure> {
        self.bytes(column).map(Address::from_bytes)
    }
}
