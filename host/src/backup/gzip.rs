//! Compression on all cores with bounded memory: blocks of 1 MiB, each a gzip member of its own, in order.
//!
//! Any tool that reads gzip reads the result. It must not know what the bytes mean.

use std::io::{self, Read, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use libdeflater::{CompressionLvl, Compressor};
use sha2::{Digest, Sha256};

/// Uncompressed bytes in a member. Larger ones compress hardly better, smaller ones cost in size.
const BLOCK_BYTES: usize = 1 << 20;

/// Blocks that wait before and after each worker: enough to keep it busy, and with four workers 24 MiB at most.
const BLOCKS_QUEUED: usize = 2;

/// More workers than this wait for the database server only.
const WORKERS_MAX: usize = 4;

/// The lowest level whose files are never larger than those of `gzip` as people call it, and still more than twice as
/// fast: level 6 halves the time once more, but makes files 6 % larger where text repeats itself.
const LEVEL: i32 = 7;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// Bytes taken in.
    pub(super) content_bytes: u64,
    /// Bytes of the compressed file.
    pub(super) size_bytes: u64,
    /// SHA-256 of the compressed file, hexadecimal.
    pub(super) sha256: String,
}

/// Which side failed.
#[derive(Debug)]
pub(super) enum GzipError {
    /// The source.
    Read(io::Error),
    /// The sink.
    Write(io::Error),
}

/// Compresses `source` into `sink` until its end. `inspect` sees each block as it is read.
pub(super) fn compress(
    source: impl Read,
    sink: impl Write + Send,
    inspect: impl FnMut(&[u8]),
    written: impl FnMut(u64) + Send,
) -> Result<Written, GzipError> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(WORKERS_MAX);
    thread::scope(|scope| {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for _ in 0..workers {
            let (input, blocks) = sync_channel(BLOCKS_QUEUED);
            let (members, output) = sync_channel(BLOCKS_QUEUED);
            scope.spawn(move || compress_blocks(&blocks, &members));
            inputs.push(input);
            outputs.push(output);
        }
        let writer = scope.spawn(move || write_members(&outputs, sink, written));
        let content_bytes = deal_blocks(source, &inputs, inspect);
        drop(inputs);
        let (size_bytes, sha256) =
            writer.join().expect("the writer does not panic").map_err(GzipError::Write)?;
        Ok(Written { content_bytes: content_bytes.map_err(GzipError::Read)?, size_bytes, sha256 })
    })
}

/// Deals the blocks of `source` to the workers in turn. Ends early, without an error, when the workers have gone: the
/// writer then says why.
fn deal_blocks(
    mut source: impl Read,
    inputs: &[SyncSender<Vec<u8>>],
    mut inspect: impl FnMut(&[u8]),
) -> io::Result<u64> {
    let mut total = 0;
    for input in inputs.iter().cycle() {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        source.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
        let last = block.len() < BLOCK_BYTES;
        total += block.len() as u64;
        inspect(&block);
        // An empty block at the very beginning makes an empty member, so that an empty source is a valid file too.
        let wanted = !block.is_empty() || total == 0;
        if (wanted && input.send(block).is_err()) || last {
            break;
        }
    }
    Ok(total)
}

fn compress_blocks(blocks: &Receiver<Vec<u8>>, members: &SyncSender<Vec<u8>>) {
    let level = CompressionLvl::new(LEVEL).expect("libdeflate knows the levels 0 to 12");
    let mut compressor = Compressor::new(level);
    for block in blocks {
        let mut member = vec![0; compressor.gzip_compress_bound(block.len())];
        let length = compressor.gzip_compress(&block, &mut member).expect("the bound is large enough");
        member.truncate(length);
        if members.send(member).is_err() {
            return;
        }
    }
}

/// Takes the members from the workers in the turn in which the blocks were dealt.
fn write_members(
    outputs: &[Receiver<Vec<u8>>],
    mut sink: impl Write,
    mut written: impl FnMut(u64),
) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut size = 0;
    for output in outputs.iter().cycle() {
        let Ok(member) = output.recv() else { break };
        sink.write_all(&member)?;
        hash.update(&member);
        size += member.len() as u64;
        written(size);
    }
    Ok((size, hex::encode(hash.finalize())))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use flate2::read::MultiGzDecoder;

    use super::*;

    fn text(bytes: usize) -> Vec<u8> {
        (0u64..)
            .flat_map(|n| format!("{}\trow {n}\n", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).into_bytes())
            .take(bytes)
            .collect()
    }

    #[test]
    fn what_is_compressed_comes_back_in_order_at_every_size_around_a_block() {
        for bytes in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 7 * BLOCK_BYTES + 12_345] {
            let (content, mut file, mut seen) = (text(bytes), Vec::new(), Vec::new());
            let written =
                compress(&content[..], &mut file, |block| seen.extend_from_slice(block), |_| ()).unwrap();
            let mut back = Vec::new();
            MultiGzDecoder::new(&file[..]).read_to_end(&mut back).unwrap();
            assert!(back == content && seen == content, "{bytes} bytes");
            assert_eq!(written.content_bytes, bytes as u64);
            assert_eq!(written.size_bytes, file.len() as u64);
            assert_eq!(written.sha256, hex::encode(Sha256::digest(&file)));
        }
    }

    /// A disk that is full after so many bytes.
    struct Disk(u64);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len() as u64).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_sink_that_fails_ends_the_work_even_if_the_source_never_ends() {
        let error = compress(io::repeat(b'x'), Disk(10_000), |_| (), |_| ()).unwrap_err();
        assert!(matches!(error, GzipError::Write(error) if error.kind() == io::ErrorKind::StorageFull));
    }

    #[test]
    fn a_source_that_fails_is_reported_as_such() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let source = Cursor::new(text(3 * BLOCK_BYTES)).chain(Broken);
        assert!(matches!(compress(source, io::sink(), |_| (), |_| ()), Err(GzipError::Read(_))));
    }
}
