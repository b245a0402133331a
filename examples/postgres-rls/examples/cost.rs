//! Transactions per second with and without the tenant settings, with both clients, in one run.
//!
//! ```text
//! TOWER_M2M_TEST_UTIL_IN_RELEASE=1 cargo run --release --example cost
//! ```

use std::error::Error;
use std::time::{Duration, Instant};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use postgres_rls::{TenantKey, with_sqlx, with_tokio_postgres};
use sqlx::Executor as _;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio_postgres::NoTls;
use tower_m2m::{OrgCode, testing};

#[path = "../src/tests/server.rs"]
mod server;

const ISSUER: &str = "https://acme.kinde.com";
/// One tenant of 1,000. It has 100 of 100,000 rows.
const ORG: &str = "org_7";
const FILL: &str = "INSERT INTO invoices
    SELECT 'https://acme.kinde.com', 'org_' || n % 1000, n, 1 FROM generate_series(1, 100000) n;
    ANALYZE invoices";
const WITH_WHERE: &str =
    "SELECT sum(amount)::bigint FROM invoices WHERE issuer = $1 AND org_code = $2";
const WITHOUT_WHERE: &str = "SELECT sum(amount)::bigint FROM invoices";

const NO_POLICY: &str = "ALTER TABLE invoices DISABLE ROW LEVEL SECURITY";
const POLICY_ON_SETTINGS: &str = "ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
    ALTER POLICY tenant ON invoices USING (issuer = current_setting('app.issuer', true)
        AND org_code = current_setting('app.org_code', true))";
const POLICY_ON_SIGNATURE: &str = "SELECT tenancy.protect('invoices')";

/// The statements that both clients of this package run before a connection is used again.
const CLEAN: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *;
    SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

const ROWS: [&str; 4] = [
    "no settings, no policy, WHERE",
    "the same, connections are cleaned",
    "settings, policy compares settings",
    "settings, policy checks signature",
];
const CONNECTIONS: u8 = 2;
const ROUNDS: usize = 41;
/// Short, because the load of other programs changes.
const TIME: Duration = Duration::from_millis(250);

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let Some(server) = server::Server::with_schema().await else {
        return Ok(());
    };
    server.connect("owner").await.batch_execute(FILL).await?;
    let keeper = server.connect("keeper").await;
    let key = TenantKey::from_hex(server::KEY)?;
    let claims = testing::claims().issuer(ISSUER).org(ORG).claims();
    let org = claims.org_code().ok_or("no organization")?;

    let (options, config) = (server.options("app"), server.config("app"));
    let connections = CONNECTIONS.into();
    let sqlx = with_sqlx::Database::open(options.clone(), key.clone(), connections).await?;
    let tokio_postgres =
        with_tokio_postgres::Database::open(config.clone(), key, connections as usize).await?;
    let pool = || PgPoolOptions::new().max_connections(connections);
    let sqlx_plain = pool().connect_lazy_with(options.clone());
    let sqlx_cleaned = pool()
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            Box::pin(async move { connection.execute(CLEAN).await.map(|_| true) })
        })
        .connect_lazy_with(options);
    let pool = |recycling_method| {
        let config = config.clone();
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
        Pool::builder(manager).max_size(CONNECTIONS.into()).build()
    };
    let deadpool_plain = pool(RecyclingMethod::Verified)?;
    let deadpool_cleaned = pool(RecyclingMethod::Custom(CLEAN.to_owned()))?;

    let mut rates = [const { [const { Vec::new() }; 2] }; ROWS.len()];
    for _ in 0..ROUNDS {
        keeper.batch_execute(NO_POLICY).await?;
        rates[0][0].push(rate(async || sqlx_where(&sqlx_plain).await).await?);
        rates[0][1].push(rate(async || deadpool_where(&deadpool_plain).await).await?);
        rates[1][0].push(rate(async || sqlx_where(&sqlx_cleaned).await).await?);
        rates[1][1].push(rate(async || deadpool_where(&deadpool_cleaned).await).await?);
        for (row, policy) in [(2, POLICY_ON_SETTINGS), (3, POLICY_ON_SIGNATURE)] {
            keeper.batch_execute(policy).await?;
            rates[row][0].push(rate(async || sqlx_tenant(&sqlx, org).await).await?);
            let tenant = async || deadpool_tenant(&tokio_postgres, org).await;
            rates[row][1].push(rate(tenant).await?);
        }
    }
    println!(
        "| transactions per second, median of {ROUNDS} | sqlx | tokio-postgres |\n|---|---:|---:|"
    );
    for (row, [sqlx, tokio_postgres]) in ROWS.iter().zip(&mut rates) {
        println!(
            "| {row} | {:.0} | {:.0} |",
            median(sqlx),
            median(tokio_postgres)
        );
    }
    audit_time(&sqlx).await
}

async fn audit_time(database: &with_sqlx::Database) -> Outcome<()> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        database.audit().await?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    println!("\nOne audit: {:.1} ms.", median(&mut times));
    Ok(())
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Runs the transaction on each connection until the time is over, and returns the rate.
async fn rate(transaction: impl AsyncFn() -> Outcome<i64>) -> Outcome<f64> {
    let start = Instant::now();
    let worker = async || -> Outcome<u32> {
        let mut done = 0;
        while start.elapsed() < TIME {
            if transaction().await? != 100 {
                return Err("a row is missing or foreign".into());
            }
            done += 1;
        }
        Ok(done)
    };
    let (one, other) = tokio::try_join!(worker(), worker())?;
    Ok(f64::from(one + other) / start.elapsed().as_secs_f64())
}

async fn sqlx_where(pool: &PgPool) -> Outcome<i64> {
    let mut transaction = pool.begin().await?;
    let sum = sqlx::query_scalar(WITH_WHERE)
        .bind(ISSUER)
        .bind(ORG)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(sum)
}

async fn deadpool_where(pool: &Pool) -> Outcome<i64> {
    let mut connection = pool.get().await?;
    let transaction = connection.transaction().await?;
    let statement = transaction.prepare_cached(WITH_WHERE).await?;
    let sum = transaction.query_one(&statement, &[&ISSUER, &ORG]).await?;
    transaction.commit().await?;
    Ok(sum.get(0))
}

async fn sqlx_tenant(database: &with_sqlx::Database, org: &OrgCode) -> Outcome<i64> {
    let mut transaction = database.tenant(org.clone()).begin().await?;
    let sum = sqlx::query_scalar(WITHOUT_WHERE)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(sum)
}

async fn deadpool_tenant(database: &with_tokio_postgres::Database, org: &OrgCode) -> Outcome<i64> {
    let transaction = database.tenant(org.clone()).begin().await?;
    let rows = transaction.query(WITHOUT_WHERE, &[]).await?;
    transaction.commit().await?;
    Ok(rows.first().ok_or("no row")?.get(0))
}
