//! A PostgreSQL server of the tests' own, started once a test process and gone with it.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The server's superuser and its password.
pub const USER: &str = "postgres";
/// Asked for over TCP, so that the tests notice where a password is lost or shown.
pub const PASSWORD: &str = "p@ss word'\\:1";

/// A running cluster. Dropping it stops the server and deletes its files; so does the end of this process,
/// however it comes, because the supervising shell reads the end of its standard input.
pub struct Cluster {
    /// On 127.0.0.1.
    pub port: u16,
    _supervisor: Child,
    _alive: ChildStdin,
}

impl Cluster {
    /// Makes and starts a cluster; returns when it accepts connections.
    pub fn start() -> Self {
        let port = free_port();
        let script = r#"
            set -eu
            dir=$(mktemp -d /tmp/zelador-pg.XXXXXX)
            trap 'rm -rf "$dir"' EXIT
            printf %s "$PASSWORD" > "$dir/pw"
            "$BIN/initdb" -D "$dir/data" -U postgres --pwfile="$dir/pw" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 -N >/dev/null
            "$BIN/postgres" -D "$dir/data" -p "$PORT" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$dir" \
                -c max_connections=200 -c log_min_messages=fatal </dev/null 2>"$dir/log" &
            server=$!
            until "$BIN/pg_isready" -q -h 127.0.0.1 -p "$PORT"; do
                kill -0 $server 2>/dev/null || { cat "$dir/log" >&2; exit 1; }
                sleep 0.05
            done
            echo ready
            read -r _ || true
            kill -INT $server
            wait $server || true
        "#;
        let mut shell = unprivileged("sh");
        let mut supervisor = shell
            .args(["-c", script])
            .env("BIN", bin_dir())
            .env("PORT", port.to_string())
            .env("PASSWORD", PASSWORD)
            .current_dir("/tmp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let mut line = String::new();
        BufReader::new(supervisor.stdout.take().expect("stdout is piped"))
            .read_line(&mut line)
            .expect("the supervisor speaks");
        assert_eq!(line.trim(), "ready", "PostgreSQL did not start");
        let alive = supervisor.stdin.take().expect("stdin is piped");
        Self { port, _supervisor: supervisor, _alive: alive }
    }

    /// A URL without the password.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// A URL with the password.
    pub fn url_with_password(&self, database: &str) -> String {
        format!("postgres://{USER}:p%40ss%20word'%5C%3A1@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs `psql` as a user would, with the given script on its standard input, and returns what it printed.
    pub fn psql(&self, database: &str, script: &str) -> String {
        use std::io::Write;
        let mut child = self
            .client("psql", database)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql starts");
        child.stdin.take().expect("stdin is piped").write_all(script.as_bytes()).expect("psql reads");
        let output = child.wait_with_output().expect("psql ends");
        assert!(output.status.success(), "psql failed");
        String::from_utf8(output.stdout).expect("psql prints UTF-8")
    }

    /// A PostgreSQL client program that is ready to connect to `database`.
    pub fn client(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(bin_dir().join(program));
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", USER)
            .env("PGPASSWORD", PASSWORD)
            .env("PGDATABASE", database);
        command
    }

    /// Creates an empty database with a name that no other test has, and returns the name.
    pub fn create_database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("create database {name};"));
        name
    }
}

/// The cluster that the tests of this process share. It is for tests that keep to databases of their own; a test
/// that looks at the whole cluster starts its own.
pub fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// Where Debian keeps the server's programs, newest version first.
pub fn bin_dir() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL is installed: `cargo xtask test` does it")
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("postgres").is_file())
        .collect();
    versions.sort();
    versions.pop().expect("PostgreSQL's server programs are installed")
}

/// A command that runs as `postgres` where we are root: the server refuses to run as root.
fn unprivileged(program: &str) -> Command {
    if !rustix::process::getuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", program]);
    command
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound address").port()
}
