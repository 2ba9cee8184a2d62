//! Apache Parquet: a row group for each batch of rows, Snappy inside. All columns are optional.

use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use ::parquet::data_type::{BoolType, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::types::Type;
use serde_json::{Map, Value};

use super::{Column, Encoder, Read, Unwritable};

/// Writes Parquet.
pub struct Parquet<R: 'static> {
    columns: Vec<Column<R>>,
    /// Its own buffer is emptied after each row group.
    writer: SerializedFileWriter<Vec<u8>>,
}

impl<R> Parquet<R> {
    /// Begins a file.
    pub fn new(columns: Vec<Column<R>>) -> Result<Self, ParquetError> {
        let fields: Result<Vec<_>, ParquetError> = columns.iter().map(|c| field(c).map(Arc::new)).collect();
        let schema = Type::group_type_builder("row").with_fields(fields?).build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("kreisverkehr ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
        Ok(Parquet { columns, writer })
    }
}

fn field<R>(column: &Column<R>) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.read {
        Read::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Read::Integer(_) => (Physical::INT64, None),
        Read::Float(_) => (Physical::DOUBLE, None),
        Read::Boolean(_) => (Physical::BOOLEAN, None),
        Read::Time(_) => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    Type::primitive_type_builder(&column.flat_name(), physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

impl<R: Send + Sync> Encoder<R> for Parquet<R> {
    fn rows(&mut self, rows: &[R], out: &mut Vec<u8>) -> Result<(), Unwritable> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in &self.columns {
            let Some(mut writer) = group.next_column()? else { break };
            match column.read {
                Read::Text(read) => put::<R, ByteArrayType>(&mut writer, rows, |r| read(r).map(Into::into))?,
                Read::Integer(read) => put::<R, Int64Type>(&mut writer, rows, read)?,
                Read::Float(read) => {
                    put::<R, DoubleType>(&mut writer, rows, |r| read(r).filter(|n| n.is_finite()))?;
                }
                Read::Boolean(read) => put::<R, BoolType>(&mut writer, rows, read)?,
                Read::Time(read) => put::<R, Int64Type>(&mut writer, rows, |r| read(r).map(|at| at.0))?,
            }
            writer.close()?;
        }
        group.close()?;
        self.writer.flush()?;
        out.append(self.writer.inner_mut());
        Ok(())
    }

    fn finish(mut self: Box<Self>, extra: Map<String, Value>, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        for (name, value) in extra {
            self.writer.append_key_value_metadata(KeyValue::new(name, value.to_string()));
        }
        out.append(&mut self.writer.into_inner()?);
        Ok(())
    }
}

/// One column of `rows`: the values that are known, and which rows they belong to.
fn put<R, T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    rows: &[R],
    read: impl Fn(&R) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let cells: Vec<Option<T::T>> = rows.iter().map(read).collect();
    let known: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.into_iter().flatten().collect();
    writer.typed::<T>().write_batch(&values, Some(&known), None)?;
    Ok(())
}
