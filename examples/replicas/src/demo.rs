//! The steps of the demo.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};
use tower_m2m::BoxError;
use tower_m2m::testing::LocalIssuer;

use crate::client::{ends_with_error, send, status};

const LONGEST: Duration = Duration::from_secs(60);

/// Runs all steps. It fails if one does not have the described result.
pub async fn run() -> Result<(), BoxError> {
    let directory = std::env::temp_dir().join(format!("example-replicas-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let result = timeout(3 * LONGEST, steps(&directory)).await;
    let _ = std::fs::remove_dir_all(&directory);
    result?
}

async fn steps(directory: &Path) -> Result<(), BoxError> {
    let issuer = LocalIssuer::start().await?;
    let redis_port = free_port()?;
    let mut redis = start_redis(directory, redis_port)?;
    let (one, two) = (free_port()?, free_port()?);
    let _first = start_replica(one, redis_port, &issuer, &["--new-store"]).await?;
    let _second = start_replica(two, redis_port, &issuer, &[]).await?;
    println!("Redis, a local issuer and two replicas run");

    let (org_a, org_b) = (issuer.org("org_a").token(), issuer.org("org_b").token());
    for port in [one, two] {
        expect(port, "/orgs/org_a/invoices", &org_a, 200).await?;
    }
    let events = "/orgs/org_a/events";
    let mut streams = Vec::new();
    for port in [one, two] {
        let stream = send(port, "GET", events, &org_a).await?;
        streams.push(tokio::spawn(ends_with_error(stream)));
    }
    println!("org_a: 200 on both replicas, and a stream of events is open on each");

    redis.kill().await?;
    for port in [one, two] {
        expect(port, "/orgs/org_a/invoices", &org_a, 200).await?;
    }
    println!("Redis is killed: both replicas still respond with 200");

    let denied = status(one, "POST", "/admin/deny/org_b", "").await?;
    ensure(
        denied == 202,
        "the denial is accepted and not yet replicated",
    )?;
    expect(one, "/orgs/org_b/invoices", &org_b, 403).await?;
    expect(two, "/orgs/org_b/invoices", &org_b, 200).await?;
    println!("org_b is denied on the first replica: 403 there, 200 on the second");

    let mut redis = start_redis(directory, redis_port)?;
    until(two, "/orgs/org_b/invoices", &org_b, 403).await?;
    println!("Redis runs again: 403 for org_b on the second replica too");

    let denied = status(one, "POST", "/admin/deny/org_a", "").await?;
    ensure(denied == 200, "the denial is replicated")?;
    let begun = Instant::now();
    until(two, "/orgs/org_a/invoices", &org_a, 403).await?;
    println!(
        "org_a is denied on the first replica: 403 on the second after {:?}",
        begun.elapsed()
    );
    for stream in streams {
        let is_error = timeout(LONGEST, stream).await??;
        ensure(is_error, "the stream ends with an error")?;
    }
    println!("both streams ended after {:?}", begun.elapsed());

    redis.kill().await?;
    std::fs::remove_dir_all(directory.join("appendonlydir"))?;
    let _redis = start_redis(directory, redis_port)?;
    until_reachable(redis_port).await?;
    let three = free_port()?;
    let mut third = spawn_replica(three, redis_port, &issuer, &[])?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        let ready = status(three, "GET", "/ready", "").await;
        ensure(
            !matches!(ready, Ok(200)),
            "the third replica waits for the entries",
        )?;
        sleep(Duration::from_millis(20)).await;
    }
    ensure(third.try_wait()?.is_none(), "the third replica runs")?;
    expect(one, "/orgs/org_a/invoices", &org_a, 403).await?;
    println!("Redis lost its data: a third replica is not ready, and the others still respond 403");
    Ok(())
}

fn start_redis(directory: &Path, port: u16) -> Result<Child, BoxError> {
    let redis = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"])
        .arg(directory)
        .args([
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ])
        .args(["--maxmemory-policy", "noeviction"])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    redis.map_err(|error| format!("failed to start redis-server: {error}").into())
}

/// Waits until Redis accepts connections.
async fn until_reachable(redis: u16) -> Result<(), BoxError> {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", redis)).await.is_err() {
        ensure(begun.elapsed() < LONGEST, "Redis starts")?;
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn spawn_replica(
    port: u16,
    redis: u16,
    issuer: &LocalIssuer,
    flags: &[&str],
) -> Result<Child, BoxError> {
    let replica = Command::new(std::env::current_exe()?)
        .args([
            "replica",
            &port.to_string(),
            &format!("redis://127.0.0.1:{redis}"),
        ])
        .args([issuer.url(), issuer.audience()])
        .args(flags)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    Ok(replica)
}

async fn start_replica(
    port: u16,
    redis: u16,
    issuer: &LocalIssuer,
    flags: &[&str],
) -> Result<Child, BoxError> {
    let begun = Instant::now();
    loop {
        let mut replica = spawn_replica(port, redis, issuer, flags)?;
        // A replica that cannot reach Redis ends, and a process manager starts it again.
        while replica.try_wait()?.is_none() {
            if matches!(status(port, "GET", "/ready", "").await, Ok(200)) {
                return Ok(replica);
            }
            sleep(Duration::from_millis(20)).await;
        }
        ensure(begun.elapsed() < LONGEST, "the replica starts")?;
        sleep(Duration::from_millis(100)).await;
    }
}

async fn expect(port: u16, path: &str, token: &str, expected: u16) -> Result<(), BoxError> {
    let found = status(port, "GET", path, token).await?;
    if found == expected {
        return Ok(());
    }
    Err(format!("{path}: expected {expected}, found {found}").into())
}

async fn until(port: u16, path: &str, token: &str, expected: u16) -> Result<(), BoxError> {
    let begun = Instant::now();
    while let Err(error) = expect(port, path, token, expected).await {
        if begun.elapsed() > LONGEST {
            return Err(error);
        }
        sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

fn ensure(is_met: bool, expectation: &str) -> Result<(), BoxError> {
    if is_met {
        Ok(())
    } else {
        Err(format!("expected: {expectation}").into())
    }
}

fn free_port() -> Result<u16, BoxError> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
