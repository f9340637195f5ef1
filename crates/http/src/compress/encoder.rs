//! The three compressors behind one face: bytes in, bytes out, the rest at the end.

use super::coding::Coding;
use std::io::{self, Write};

/// Levels that keep up with a fast network: answers are made once and sent once.
const GZIP_LEVEL: u32 = 4;
const BROTLI_LEVEL: u32 = 4;
const BROTLI_WINDOW: u32 = 20;
const ZSTD_LEVEL: i32 = 3;

pub(super) enum Encoder {
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    pub fn new(coding: Coding) -> io::Result<Encoder> {
        Ok(match coding {
            Coding::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                Encoder::Gzip(flate2::write::GzEncoder::new(Vec::new(), level))
            }
            Coding::Brotli => {
                let writer = brotli::CompressorWriter::new(Vec::new(), 4096, BROTLI_LEVEL, BROTLI_WINDOW);
                Encoder::Brotli(Box::new(writer))
            }
            Coding::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?),
        })
    }

    /// Takes bytes in, and gives what is ready to be sent. Everything taken in is in what has been given then, so
    /// that a client which reads along sees all rows.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Gzip(writer) => {
                writer.write_all(bytes)?;
                writer.flush()?;
                Ok(std::mem::take(writer.get_mut()))
            }
            Encoder::Brotli(writer) => {
                writer.write_all(bytes)?;
                writer.flush()?;
                Ok(std::mem::take(writer.get_mut()))
            }
            Encoder::Zstd(writer) => {
                writer.write_all(bytes)?;
                writer.flush()?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }

    /// What is left.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Gzip(writer) => writer.finish(),
            Encoder::Brotli(writer) => Ok(writer.into_inner()),
            Encoder::Zstd(writer) => writer.finish(),
        }
    }

    /// All of a body at once.
    pub fn whole(mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match &mut self {
            Encoder::Gzip(writer) => writer.write_all(bytes)?,
            Encoder::Brotli(writer) => writer.write_all(bytes)?,
            Encoder::Zstd(writer) => writer.write_all(bytes)?,
        }
        self.finish()
    }
}
