//! Reading an artifact back from the disk to its last byte: size, hash, decompression, and the signs of its content.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::BackupError;
use super::content::Inspector;
use super::manifest::{Content, Manifest, Proof};
use super::progress::{Observer, Phase, Progress};

/// Bytes that are read and decompressed at once.
const BUFFER_BYTES: usize = 256 << 10;

/// What came of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The file that was read.
    pub path: PathBuf,
    /// The highest level that was passed; levels above the first failure are not passed.
    pub reached: Option<Proof>,
    /// What is wrong, sentence by sentence; empty if nothing is.
    pub findings: Vec<String>,
    /// What could not be checked, and why.
    pub notes: Vec<String>,
}

impl Verification {
    /// The level to remember: none if anything is wrong.
    pub fn proof(&self) -> Option<Proof> {
        self.reached.filter(|_| self.findings.is_empty())
    }
}

/// Verifies the file at `path`. Without a manifest, size and hash cannot be compared with anything.
pub(super) fn verify(
    path: &Path,
    content: Content,
    manifest: Option<&Manifest>,
    observer: &Observer,
    stop: &CancellationToken,
) -> Result<Verification, BackupError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(missing(path)),
        Err(source) => return Err(BackupError::io("read", path, source)),
    };
    let size = file.metadata().map_err(|source| BackupError::io("read", path, source))?.len();
    let read = ReadBack::of(file, size, content, observer, stop);
    match read {
        Err(_) if stop.is_cancelled() => Err(BackupError::Cancelled),
        Err(source) => Err(BackupError::io("read", path, source)),
        Ok(read) => Ok(read.judge(path, manifest)),
    }
}

fn missing(path: &Path) -> Verification {
    let findings = vec!["the file is missing".to_owned()];
    Verification { path: path.to_path_buf(), reached: None, findings, notes: Vec::new() }
}

/// What a file turned out to be.
struct ReadBack {
    size_bytes: u64,
    sha256: String,
    content_bytes: u64,
    decompressed: io::Result<()>,
    inspector: Inspector,
}

impl ReadBack {
    /// Reads all of the file, also behind a place where it does not decompress. Fails only where the disk does.
    fn of(
        file: File,
        size: u64,
        content: Content,
        observer: &Observer,
        stop: &CancellationToken,
    ) -> io::Result<Self> {
        let source = Watched { file, hash: Sha256::new(), bytes: 0, failed: false, stop };
        let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, source));
        let mut inspector = Inspector::new(content);
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut content_bytes = 0;
        let decompressed = loop {
            match decoder.read(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(length) => {
                    content_bytes += length as u64;
                    inspector.see(&buffer[..length]);
                    observer(Progress {
                        phase: Phase::Verifying,
                        bytes_read: decoder.get_ref().get_ref().bytes,
                        bytes_written: content_bytes,
                        bytes_total: Some(size),
                    });
                }
                Err(error) if decoder.get_ref().get_ref().failed => return Err(error),
                Err(error) => break Err(error),
            }
        };
        let mut source = decoder.into_inner().into_inner();
        io::copy(&mut source, &mut io::sink())?;
        let sha256 = hex::encode(source.hash.finalize());
        Ok(Self { size_bytes: source.bytes, sha256, content_bytes, decompressed, inspector })
    }

    fn judge(self, path: &Path, manifest: Option<&Manifest>) -> Verification {
        let levels = [
            (Proof::Present, self.size_findings(manifest)),
            (Proof::Hash, self.hash_findings(manifest)),
            (Proof::Decompressed, self.decompression_findings(manifest)),
            (
                Proof::Structure,
                self.inspector.findings(manifest.and_then(|known| known.seal_sha256.as_deref())),
            ),
        ];
        let reached =
            levels.iter().take_while(|(_, findings)| findings.is_empty()).last().map(|(level, _)| *level);
        let notes = match manifest {
            Some(_) => Vec::new(),
            None => vec!["it has no manifest, so its size and hash could not be compared".to_owned()],
        };
        let findings = levels.into_iter().flat_map(|(_, findings)| findings).collect();
        Verification { path: path.to_path_buf(), reached, findings, notes }
    }

    fn size_findings(&self, manifest: Option<&Manifest>) -> Vec<String> {
        differs(manifest.map(|known| known.size_bytes), self.size_bytes, "the file", "the manifest")
    }

    fn hash_findings(&self, manifest: Option<&Manifest>) -> Vec<String> {
        match manifest {
            Some(known) if known.sha256 != self.sha256 => {
                vec![
                    "its SHA-256 is not the one in the manifest: its bytes changed since it was made"
                        .to_owned(),
                ]
            }
            _ => Vec::new(),
        }
    }

    fn decompression_findings(&self, manifest: Option<&Manifest>) -> Vec<String> {
        match &self.decompressed {
            Err(error) => {
                vec![format!(
                    "it does not decompress to the end: {error}, after {} bytes",
                    self.content_bytes
                )]
            }
            Ok(()) => differs(
                manifest.map(|known| known.content_bytes),
                self.content_bytes,
                "its content",
                "the manifest",
            ),
        }
    }
}

fn differs(expected: Option<u64>, found: u64, what: &str, whose: &str) -> Vec<String> {
    match expected {
        Some(expected) if expected != found => {
            vec![format!("{what} has {found} bytes, {whose} says {expected}")]
        }
        _ => Vec::new(),
    }
}

/// A file that is hashed and counted as it is read.
struct Watched<'a> {
    file: File,
    hash: Sha256,
    bytes: u64,
    /// An error came from here, not from the decompression above.
    failed: bool,
    stop: &'a CancellationToken,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.stop.is_cancelled() {
            true => Err(io::Error::other("stopped")),
            false => self.file.read(buffer),
        };
        match &read {
            Ok(length) => {
                self.hash.update(&buffer[..*length]);
                self.bytes += *length as u64;
            }
            Err(error) => self.failed |= error.kind() != io::ErrorKind::Interrupted,
        }
        read
    }
}
