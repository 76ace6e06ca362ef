//! `backup create` beside `pg_dumpall | gzip`, on the same cluster, in turn, in the same run.
//!
//! Ours also hashes, syncs, reads back and verifies. `cargo bench -p zelador-tests --bench backup [-- MIB_PER_DATABASE]`

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use zelador::backup::{
    Archive, ArchiveOptions, BackupRequest, Naming, NoCatalogue, ProcessLocks, ProgramFolders, Scope, Server,
    unobserved,
};
use zelador::clock::SystemClock;
use zelador_tests::postgres::{Cluster, PASSWORD, bin_dir};

const DATABASES: usize = 10;
const MIB_PER_DATABASE: usize = 100;
const ROUNDS: usize = 3;

/// Rows of about 1 KiB in a dump: people, prose, documents, hashes.
const ROWS: &str = "
    create table patient (id int primary key, name text, email text, born date, chart jsonb, key uuid);
    insert into patient
    select i, n.first || ' ' || n.last, lower(n.first) || i || '@example.com', date '1930-01-01' + (i % 30000),
        jsonb_build_object('blood', (array['A+', 'O-', 'B+', 'AB-'])[i % 4 + 1], 'weight', 50 + i % 70,
            'notes', (select string_agg((array['fever', 'since', 'the', 'third', 'day', 'cough', 'treated', 'with',
                'amoxicillin', '500mg', 'every', 'eight', 'hours', 'returns', 'next', 'week', 'allergy', 'denied',
                'pressure', 'normal'])[1 + abs(hashint4(i * 131 + w)) % 20], ' ')
                from generate_series(1, 110) w)),
        md5(i::text)::uuid
    from generate_series(1, ROWS) i,
        lateral (select (array['Ana', 'João', 'Maria', 'Pedro', 'Luísa', 'Carlos', 'Beatriz', 'Rafael'])[i % 8 + 1],
            (array['Silva', 'Souza', 'Oliveira', 'Santos', 'Pereira', 'Costa', 'Almeida'])[i % 7 + 1]) n(first, last);
";

struct Measured {
    wall: Duration,
    bytes: u64,
}

#[tokio::main]
async fn main() {
    let mib =
        std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(MIB_PER_DATABASE);
    let cluster = Cluster::start();
    for database in 0..DATABASES {
        cluster.psql("postgres", &format!("create database tenant_{database}"));
        cluster.psql(&format!("tenant_{database}"), &ROWS.replace("ROWS", &(mib * 1024).to_string()));
    }
    cluster.psql("postgres", "checkpoint");
    let folder = tempfile::tempdir().expect("a folder");
    let (mut script, mut ours, mut content) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        script.push(the_script(&cluster, folder.path()));
        let (result, bytes) = our_backup(&cluster, folder.path()).await;
        ours.push(result);
        content = bytes;
    }
    println!("{DATABASES} databases, {:.0} MB of dump, {} processors", mb(content), processors());
    println!("| | best | median | worst | MB/s (median) | file |\n|---|---|---|---|---|---|");
    row("pg_dumpall \\| gzip", &mut script, content);
    row("backup create", &mut ours, content);
}

/// What the seed's script does.
fn the_script(cluster: &Cluster, folder: &Path) -> Measured {
    let file = folder.join("script.sql.gz");
    let began = Instant::now();
    let status = Command::new("sh")
        .args(["-c", "\"$1/pg_dumpall\" | gzip > \"$2\"", "sh"])
        .arg(bin_dir())
        .arg(&file)
        .envs(
            cluster
                .client("pg_dumpall", "postgres")
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .status()
        .expect("a shell starts");
    let wall = began.elapsed();
    assert!(status.success());
    let bytes = std::fs::metadata(&file).expect("a file").len();
    std::fs::remove_file(&file).expect("it goes away");
    Measured { wall, bytes }
}

async fn our_backup(cluster: &Cluster, folder: &Path) -> (Measured, u64) {
    let options = ArchiveOptions {
        folder: folder.join("backups"),
        naming: Naming { prefix: "bench".into(), zone: "UTC".parse().expect("a zone") },
        scratch: folder.join("scratch"),
        programs: ProgramFolders::only(vec![bin_dir()]),
        owner: "bench".into(),
    };
    let locks = Arc::new(ProcessLocks::default());
    let archive = Archive::new(options, Arc::new(SystemClock), locks, Arc::new(NoCatalogue));
    let server = Server::new("main", &cluster.url("postgres"), Some(PASSWORD.into())).expect("a server");
    let request = BackupRequest { server, scope: Scope::Cluster, run_id: None };
    let began = Instant::now();
    let made = archive.create(request, unobserved(), &CancellationToken::new()).await.expect("a backup");
    let wall = began.elapsed();
    std::fs::remove_dir_all(folder.join("backups")).expect("it goes away");
    (Measured { wall, bytes: made.manifest.size_bytes }, made.manifest.content_bytes)
}

fn row(name: &str, results: &mut [Measured], content: u64) {
    results.sort_by_key(|result| result.wall);
    let seconds = |at: usize| results[at].wall.as_secs_f64();
    let median = seconds(ROUNDS / 2);
    println!(
        "| `{name}` | {:.1} s | {median:.1} s | {:.1} s | {:.0} | {:.1} MB |",
        seconds(0),
        seconds(ROUNDS - 1),
        mb(content) / median,
        mb(results[0].bytes)
    );
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
