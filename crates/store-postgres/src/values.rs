//! Values on their way to the server and back.

use std::error::Error as StdError;

use bytes::BytesMut;
use fal_queue::store::Error;
use fal_types::{AppId, Moment, RequestId};
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked},
};

use crate::error::{Failure, Result};

/// A request's id as a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) RequestId);

impl ToSql for Id {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(&self.0.bits().to_be_bytes());
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Id {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(RequestId::from_bits(u128::from_be_bytes(raw.try_into()?))))
    }

    accepts!(UUID);
}

/// A number that is never compared by size, as it is kept: the same bits.
pub(crate) const fn number(number: u64) -> i64 {
    number.cast_signed()
}

/// A limit as the server takes it.
pub(crate) fn limit(limit: u32) -> i64 {
    i64::from(limit)
}

/// The number of things, as the server counts them.
pub(crate) fn count(found: i64) -> u64 {
    // A count is not negative.
    found.unsigned_abs()
}

/// Takes the columns of a row, one after the other.
pub(crate) struct Columns<'a> {
    row: &'a Row,
    /// The next column.
    at: usize,
}

impl<'a> Columns<'a> {
    pub(crate) const fn of(row: &'a Row) -> Self {
        Self { row, at: 0 }
    }

    pub(crate) fn take<T: FromSql<'a>>(&mut self) -> Result<T> {
        let value = self.row.try_get(self.at)?;
        self.at += 1;
        Ok(value)
    }

    pub(crate) fn moment(&mut self) -> Result<Moment> {
        Ok(fal_record::moment::read(self.take()?)?)
    }

    pub(crate) fn optional_moment(&mut self) -> Result<Option<Moment>> {
        Ok(self.take::<Option<i64>>()?.map(fal_record::moment::read).transpose()?)
    }

    pub(crate) fn id(&mut self) -> Result<RequestId> {
        Ok(self.take::<Id>()?.0)
    }

    pub(crate) fn app(&mut self) -> Result<AppId> {
        let text: &str = self.take()?;
        text.parse().map_err(|_| Failure::corrupt(format!("`{text}` is no app")))
    }

    /// A small number, which is kept in a larger column.
    pub(crate) fn small<T: TryFrom<i32>>(&mut self) -> Result<T> {
        let number: i32 = self.take()?;
        T::try_from(number).map_err(|_| odd(number))
    }

    /// The same, from a column of two bytes.
    pub(crate) fn tiny<T: TryFrom<i16>>(&mut self) -> Result<T> {
        let number: i16 = self.take()?;
        T::try_from(number).map_err(|_| odd(number))
    }

    /// A text that may hold any character, and is thus kept as bytes.
    pub(crate) fn text(&mut self) -> Result<String> {
        text(self.take()?)
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>> {
        self.take::<Option<Vec<u8>>>()?.map(text).transpose()
    }
}

fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Failure::corrupt("a text is none"))
}

fn odd(number: impl std::fmt::Display) -> Failure {
    Failure::Failed(Error::Corrupt(format!("a number is {number}")))
}
